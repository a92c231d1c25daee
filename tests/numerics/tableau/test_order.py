"""Orders: trees one by one, spans of trees, simplifying assumptions and nodepy say the same."""

import math
import subprocess
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import pytest
from nodepy import rk
from nodepy import runge_kutta_method as nodepy_methods

from flowcert.errors import DomainError
from flowcert.numerics import methods as shipped
from flowcert.numerics.methods import (
    RK4,
    SDIRK3,
    SSP104,
    DormandPrince,
    Euler,
    GaussLegendre,
    Heun,
    LobattoIIIA,
    LobattoIIIB,
    LobattoIIIC,
    RadauIA,
    RadauIIA,
    RungeKutta,
)
from flowcert.numerics.tableau import ButcherTableau, Coefficients, StageAlgebra, Tableau
from flowcert.numerics.tableau.trees import condition_holds, density, rooted_trees, size, write

SINGLE = [m for m in map(shipped.__dict__.get, shipped.__all__) if isinstance(m, RungeKutta)]
FAMILIES = [GaussLegendre, RadauIA, RadauIIA, LobattoIIIA, LobattoIIIB, LobattoIIIC]
OF_FAMILIES = [f(s) for f in FAMILIES for s in range(2 if "Lob" in f.__name__ else 1, 6)]
METHODS = SINGLE + OF_FAMILIES

A000081 = [1, 1, 2, 4, 9, 20, 48, 115, 286, 719]


def symmetry(tree: tuple[object, ...]) -> int:
    """The number of automorphisms σ."""
    product = 1
    for branch, times in Counter(tree).items():
        product *= math.factorial(times) * symmetry(branch) ** times  # type: ignore[arg-type]
    return product


@pytest.mark.parametrize("n", range(1, 11))
def test_trees_are_counted(n: int) -> None:
    trees = rooted_trees(n)
    assert len(trees) == len(set(trees)) == A000081[n - 1]
    assert {size(tree) for tree in trees} == {n}
    # each tree has n!/(γσ) monotone labellings, (n − 1)! in all
    assert sum(
        Fraction(math.factorial(n), density(tree) * symmetry(tree)) for tree in trees
    ) == math.factorial(n - 1)


def order_by_trees(tableau: Tableau, highest: int = 9) -> int:
    """The order from the condition of every single tree."""
    algebra = tableau.algebra()
    for n in range(1, highest + 1):
        if not all(condition_holds(algebra, tree) for tree in rooted_trees(n)):
            return n - 1
    return highest


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_declared_order_is_the_derived_one(method: RungeKutta) -> None:
    assert method.tableau.order() == method.order
    assert method.tableau.embedded_order() == method.embedded_order


@pytest.mark.parametrize("method", [m for m in METHODS if m.order <= 8], ids=str)
def test_order_by_single_trees(method: RungeKutta) -> None:
    assert order_by_trees(method.tableau) == method.order


@pytest.mark.parametrize("stages", [8, 12])
def test_order_of_many_stages(stages: int) -> None:
    orders = [family(stages).tableau.order() for family in FAMILIES]
    lobatto = 2 * stages - 2
    assert orders == [2 * stages, 2 * stages - 1, 2 * stages - 1, lobatto, lobatto, lobatto]


@pytest.mark.parametrize(
    ("family", "assumptions"),
    [
        (GaussLegendre, (10, 5, 5)),
        (RadauIA, (9, 4, 5)),
        (RadauIIA, (9, 5, 4)),
        (LobattoIIIA, (8, 5, 3)),
        (LobattoIIIB, (8, 3, 5)),
        (LobattoIIIC, (8, 4, 4)),
    ],
    ids=lambda x: getattr(x, "__name__", ""),
)
def test_simplifying_assumptions_of_the_textbook(
    family: object, assumptions: tuple[int, int, int]
) -> None:
    """Hairer and Wanner II, table IV.5.13, at s = 5."""
    tableau = family(5).tableau  # type: ignore[operator]  # parametrised objects are untyped
    assert tuple(tableau.simplifying_assumptions()) == assumptions
    assert tableau.stage_order() == assumptions[1]


def test_assumptions_and_spans_of_trees_agree() -> None:
    """The same method in Q[x]/(N), by B, C, D, and in radicals, by trees."""
    for method in OF_FAMILIES:
        try:
            in_radicals = method.tableau.exact()  # type: ignore[attr-defined]
        except DomainError:
            continue
        assert in_radicals.order() == method.tableau.order()
        assert in_radicals.stage_order() == method.tableau.stage_order()
        assert in_radicals.simplifying_assumptions() == method.tableau.simplifying_assumptions()
        assert "trees" in in_radicals.order_argument() or method.order == 1


def test_the_argument_is_told() -> None:
    assert GaussLegendre(5).tableau.order_argument() == "B(10), C(5), D(5); B(11) fails"
    assert Euler.tableau.order_argument() == "the tree of order 1 holds; [τ] fails at order 2"
    argument = DormandPrince.tableau.order_argument()
    assert argument.startswith("all 17 trees to order 5 hold; ")
    assert argument.endswith(" fails at order 6")
    named = argument.split("; ")[1].split(" fails")[0]
    failing = [
        t for t in rooted_trees(6) if not condition_holds(DormandPrince.tableau.algebra(), t)
    ]
    assert named in {write(tree) for tree in failing}


class Changed(Tableau):
    """A tableau with the nodes of another one: c is not A·1."""

    stages = 2

    def __init__(self, algebra: StageAlgebra) -> None:
        self._algebra = algebra

    def algebra(self) -> StageAlgebra:
        return self._algebra

    def float64(self) -> Coefficients:
        raise NotImplementedError

    def high_precision(self, digits: int) -> Coefficients:
        raise NotImplementedError


def test_nodes_that_are_no_row_sums_count_in_the_order() -> None:
    """ẏ = f(t) sees the nodes alone, ẏ = f(y) the matrix alone."""
    heun = Heun.tableau.algebra()
    assert Changed(heun).order() == 2
    assert Changed(replace(heun, nodes=heun.one)).order() == 1
    assert "[t]" in Changed(replace(heun, nodes=heun.one)).order_argument()
    # the matrix of Euler's method beside the right nodes
    assert Changed(replace(heun, A=heun.A - heun.A)).order() == 1


def test_orders_come_fast() -> None:
    """In a process of its own, where nothing is known yet but sympy."""
    code = """
import sympy, time
from flowcert.numerics import methods as m
m.Euler.tableau.order()
for tableau in (m.RK4.tableau, m.DormandPrince.tableau, m.GaussLegendre(5).tableau):
    before = time.perf_counter()
    tableau.order()
    print(time.perf_counter() - before)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    runge_kutta_4, dormand_prince, gauss_5 = map(float, run.stdout.split())
    assert runge_kutta_4 < 0.1
    assert dormand_prince < 1.0
    assert gauss_5 < 2.0


def nodepy_tableaux() -> Iterator[tuple[str, object, ButcherTableau | None]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, method in rk.loadRKM().items():
            try:
                yield name, method, ButcherTableau.from_nodepy(method)
            except DomainError:
                try:
                    exact = ButcherTableau.from_floats(method.A, method.b, method.c)
                except DomainError:
                    exact = None
                yield name, method, exact


def test_nodepy_agrees() -> None:
    """Order, stage order and embedded order of all its methods with exact coefficients."""
    skipped, compared = [], 0
    for name, method, tableau in nodepy_tableaux():
        if tableau is None:
            skipped.append(name)
            continue
        compared += 1
        assert tableau.order() == method.order(), name  # type: ignore[attr-defined]
        assert tableau.stage_order() == method.stage_order(), name  # type: ignore[attr-defined]
        if tableau.b_hat is not None:
            assert tableau.embedded_order() == method.embedded_method.order(), name  # type: ignore[attr-defined]
    # These come as rounded decimals, not as fractions.
    decimals = "SSP22star Tsit5 CMR6 PD8 SSP75 SSP85 SSP95 SSP54 SSP53 SSP63"
    assert sorted(skipped) == sorted(decimals.split())
    assert compared == 41


@pytest.mark.parametrize("p", [5, 9])
def test_extrapolation_has_the_order_it_was_built_for(p: int) -> None:
    """Explicit methods of any order; nodepy builds them, with an embedded one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        built = nodepy_methods.extrap_pair(p)
    tableau = ButcherTableau.from_nodepy(built)
    assert tableau.order() == p
    assert tableau.embedded_order() == p - 1


def test_named_tableaux_have_the_order_of_the_books() -> None:
    assert SSP104.tableau.order() == 4
    assert SDIRK3.tableau.order() == 3
    assert SDIRK3.tableau.stage_order() == 1
    assert RK4.tableau.embedded_order() is None
