r"""The exact order of a Runge–Kutta method.

A method has order p if b(w) = 1/γ for every tree of at most p nodes, with the stage weight
w = Π A·w(branch). There are 200 trees to order 8, 4766 of 12 nodes and 87811 of 15. They need not
be checked one by one. Normalise the weight of a forest of n nodes, v = w·(γ of its trees): the
condition of the tree with this forest on its root is b(v) = 1/(n + 1), the *same* for all forests
of n nodes. So it holds for all of them if it holds for those that span them affinely, of which
there are at most s + 1. And these are found recursively: a product and A are linear in each
factor, so the forests of n nodes are spanned by the products (spanning forest of n − j nodes) ×
(spanning tree of j nodes). What is checked are true trees, exactly, and a failing one has a name.

Sources: Butcher (1963, 1964). The affine spans: flowcert [D].
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from .simplifying import simplifying_assumptions
from .stage_algebra import DomainMatrix, Number, StageAlgebra
from .tableau import Tableau
from .trees import TIME, Tree, rooted_trees, write


class _Weighed(NamedTuple):
    """A forest (or a tree on its root) with its normalised stage weight."""

    trees: Tree
    weight: DomainMatrix


class _Orders(NamedTuple):
    """The order, the tree of one node more that fails, and the order of the embedded weights."""

    order: int
    failing: Tree
    embedded: int | None


def order(tableau: Tableau) -> int:
    """Return the exact order, of b.

    >>> from flowcert.numerics import RK4
    >>> order(RK4.tableau)
    4
    """
    decided = _by_assumptions(tableau)
    return _orders(tableau).order if decided is None else decided


def embedded_order(tableau: Tableau) -> int | None:
    """Return the exact order of the embedded weights, None where there are none.

    >>> from flowcert.numerics import RK4
    >>> embedded_order(RK4.tableau) is None
    True
    """
    return _orders(tableau).embedded


def order_argument(tableau: Tableau) -> str:
    """Return in words why ``order(tableau)`` is the order.

    >>> from flowcert.numerics import RK4
    >>> order_argument(RK4.tableau)
    'all 8 trees to order 4 hold; [[[[τ]]]] fails at order 5'
    """
    if _by_assumptions(tableau) is not None:
        p, q, r = simplifying_assumptions(tableau)
        return f"B({p}), C({q}), D({r}); B({p + 1}) fails"
    p, failing, _ = _orders(tableau)
    number = sum(len(rooted_trees(n)) for n in range(1, min(p, 12) + 1))
    if p > 12:
        which = f"all trees to order {p} hold"
    else:
        which = "the tree of order 1 holds" if p == 1 else f"all {number} trees to order {p} hold"
    return f"{which}; {write(failing)} fails at order {p + 1}"


def _by_assumptions(tableau: Tableau) -> int | None:
    """The order of a method in Q[x]/(N), where B(p), C(q), D(r) decide it."""
    if tableau.algebra().modulus is None:
        return None
    assumptions = simplifying_assumptions(tableau)
    if assumptions.q == 0:
        return None  # c is not A·1, which the theorem takes for granted
    return assumptions.p if assumptions.guaranteed_order() == assumptions.p else None


@lru_cache(maxsize=256)
def _orders(tableau: Tableau) -> _Orders:
    """Walk through the forests of 0, 1, 2, … nodes until the conditions of b (and b̂) fail.

    They fail at 2s nodes at the latest, for a quadrature of s nodes has an order of at most 2s.
    """
    algebra = tableau.algebra()
    found: tuple[int, Tree] | None = None
    embedded: int | None = None
    wanted = algebra.b_hat is not None
    limit = 2 * algebra.dimension + 1
    for n, forests in enumerate(islice(_spanning_forests(algebra), limit)):
        failing = _failing(forests, algebra.functional, n, algebra)
        if found is None and failing is not None:
            found = n, failing
        if wanted and _failing(forests, algebra.embedded, n, algebra) is not None:
            embedded, wanted = n, False
        if found is not None and not wanted:
            return _Orders(*found, embedded)
    raise AssertionError("a method of s stages has an order of at most 2s")


def _failing(
    forests: list[_Weighed],
    functional: Callable[[DomainMatrix], Number],
    n: int,
    algebra: StageAlgebra,
) -> Tree | None:
    for trees, weight in forests:
        if functional(weight) * (n + 1) != algebra.domain.one:
            return trees
    return None


def _spanning_forests(algebra: StageAlgebra) -> Iterator[list[_Weighed]]:
    """For n = 0, 1, 2, …: forests of n nodes whose weights span affinely those of all."""
    forests = [[_Weighed((), algebra.one)]]
    branches: list[list[_Weighed]] = [[]]  # by their number of nodes, from 1 on
    while True:
        yield forests[-1]
        n = len(forests)
        grown = [
            _Weighed((trees,), algebra.A * weight * algebra.domain(n))
            for trees, weight in forests[-1]
        ]
        if n == 1:
            grown.append(_Weighed((TIME,), algebra.nodes))
        branches.append(grown)
        span = _AffineSpan(algebra)
        for j in range(n, 0, -1):
            for forest in forests[n - j]:
                for branch in branches[j]:
                    product = algebra.multiply(forest.weight, branch.weight)
                    span.offer(_Weighed(branch.trees + forest.trees, product))
        forests.append(span.members)


class _AffineSpan:
    """Collects the weights that are no affine combination of those before them."""

    def __init__(self, algebra: StageAlgebra) -> None:
        self.members: list[_Weighed] = []
        self._zero, self._one = algebra.domain.zero, algebra.domain.one
        self._rows: list[tuple[int, list[Number]]] = []  # place of the leading 1, row

    def offer(self, candidate: _Weighed) -> None:
        row = [self._one, *candidate.weight.to_list_flat()]
        for place, earlier in self._rows:
            if row[place] != self._zero:
                factor = row[place]
                row = [x - factor * y for x, y in zip(row, earlier, strict=True)]
        for place, x in enumerate(row):
            if x != self._zero:
                self._rows.append((place, [y / x for y in row]))
                self.members.append(candidate)
                return
