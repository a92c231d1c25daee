"""Butcher's simplifying assumptions B(p), C(q), D(r), checked in the exact algebra."""

from __future__ import annotations

from functools import lru_cache
from itertools import count
from typing import NamedTuple

from .stage_algebra import DomainMatrix, StageAlgebra
from .tableau import Tableau


class SimplifyingAssumptions(NamedTuple):
    """The largest p, q, r with B(p), C(q), D(r); q and r are counted up to p only.

    >>> SimplifyingAssumptions(10, 5, 5).guaranteed_order()
    10
    """

    p: int
    q: int
    r: int

    def guaranteed_order(self) -> int:
        """Return min(p, q + r + 1, 2q + 2), an order that the method has.

        Source: Butcher (1964); Hairer, Nørsett and Wanner, *Solving Ordinary Differential
        Equations I*, theorem II.7.4 [D].
        """
        return min(self.p, self.q + self.r + 1, 2 * self.q + 2)


@lru_cache(maxsize=256)
def simplifying_assumptions(tableau: Tableau) -> SimplifyingAssumptions:
    """Return the largest p, q, r with B(p), C(q), D(r), exact; q and r up to p.

    >>> from flowcert.numerics import RK4
    >>> simplifying_assumptions(RK4.tableau)
    SimplifyingAssumptions(p=4, q=1, r=1)
    """
    algebra = tableau.algebra()
    powers = [algebra.one]  # c⁰, c¹, …
    p = 0
    # B cannot hold for all k: a quadrature with s nodes has a degree of at most 2s − 1.
    for k in count(1):
        if algebra.functional(powers[k - 1]) * k != algebra.domain.one:
            break
        p = k
        powers.append(algebra.multiply(powers[-1], algebra.nodes))
    q = _largest(p, lambda k: _C(algebra, powers, k))
    r = _largest(p, lambda k: _D(algebra, powers, k))
    return SimplifyingAssumptions(p, q, r)


def stage_order(tableau: Tableau) -> int:
    """Return the largest q with B(q) and C(q).

    >>> from flowcert.numerics import Heun
    >>> stage_order(Heun.tableau)
    1
    """
    return simplifying_assumptions(tableau).q


def _largest(limit: int, holds: object) -> int:
    assert callable(holds)
    k = 0
    while k < limit and holds(k + 1):
        k += 1
    return k


def _C(algebra: StageAlgebra, powers: list[DomainMatrix], k: int) -> bool:
    """A c^{k−1} = c^k/k."""
    left = (algebra.A * powers[k - 1]) * algebra.domain(k)
    return bool((left - powers[k]).is_zero_matrix)


def _D(algebra: StageAlgebra, powers: list[DomainMatrix], k: int) -> bool:
    """b(c^{k−1}·Au) = b((1 − c^k)·u)/k for every stage vector u, as an identity of rows."""
    left = (algebra.gram * powers[k - 1]).transpose() * algebra.A * algebra.domain(k)
    right = algebra.b - (algebra.gram * powers[k]).transpose()
    return bool((left - right).is_zero_matrix)
