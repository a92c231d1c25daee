"""Unused stages go, equal stages become one, and nothing else changes."""

from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import pytest
import sympy
from sympy import QQ
from sympy.polys.matrices import DM

from flowcert.errors import StructureError
from flowcert.numerics.tableau import ButcherTableau, CollocationTableau, StageAlgebra
from flowcert.numerics.tableau.contractivity import contractivity_form
from flowcert.numerics.tableau.reduction import reduced, reduction

HALF = Fraction(1, 2)
EULER = ButcherTableau([[0]], [1], [0])
MIDPOINT = ButcherTableau([[HALF]], [1], [HALF])


def test_an_irreducible_method_is_itself() -> None:
    rk4 = ButcherTableau(
        [[0, 0, 0, 0], [HALF, 0, 0, 0], [0, HALF, 0, 0], [0, 0, 1, 0]],
        ["1/6", "1/3", "1/3", "1/6"],
        [0, HALF, HALF, 1],
    )
    assert reduced(rk4) is rk4
    for family in ("Gauss", "RadauIA", "RadauIIA", "LobattoIIIA", "LobattoIIIB", "LobattoIIIC"):
        tableau = CollocationTableau(family, 4)
        assert reduced(tableau) is tableau


def test_unused_stages_go_one_after_the_other() -> None:
    """Stage 3 is used by stage 4 only, and stage 4 by nothing."""
    A = [[0, 0, 0, 0], [1, 0, 0, 0], [0, HALF, 0, 0], [0, 0, 1, 0]]
    long = ButcherTableau(A, [HALF, HALF, 0, 0], [0, 1, HALF, 1], [HALF, 0, 0, HALF])
    assert reduced(long) == ButcherTableau([[0, 0], [1, 0]], [HALF, HALF], [0, 1])


def test_stages_that_use_only_each_other_are_unused() -> None:
    A = [[HALF, 0, 0], [0, 1, 2], ["1/3", 2, 1]]
    assert reduced(ButcherTableau(A, [1, 0, 0], [HALF, 3, "10/3"])) == MIDPOINT


def test_a_stage_with_weight_zero_may_be_needed() -> None:
    explicit_midpoint = ButcherTableau([[0, 0], [HALF, 0]], [0, 1], [0, HALF])
    assert reduced(explicit_midpoint) is explicit_midpoint


def test_equal_stages_become_one() -> None:
    assert reduced(ButcherTableau([[0, 0], [0, 0]], ["3/2", -HALF], [0, 0])) == EULER
    # Two copies of the implicit midpoint rule's stage, which share its weight differently.
    split = ButcherTableau([["1/3", "1/6"], ["3/4", "-1/4"]], ["1/5", "4/5"], [HALF, HALF])
    assert reduced(split) == MIDPOINT


def test_a_step_forward_and_back_is_no_step() -> None:
    """Midpoint steps of size 1, −1 and 1: all three stages solve the same equation."""
    A = [[HALF, 0, 0], [1, -HALF, 0], [1, -1, HALF]]
    assert reduced(ButcherTableau(A, [1, -1, 1], [HALF] * 3)) == MIDPOINT


def test_equal_rows_at_different_places_are_not_needed_for_equal_stages() -> None:
    """Heun's method with its first stage twice, an idle stage between, over Q(√2)."""
    root = sympy.sqrt(2)
    A = [[0] * 4, [0] * 4, [root, 0, 0, 0], [root, 1 - root, 0, 0]]
    big = ButcherTableau(A, [root / 4, HALF - root / 4, 0, HALF], [0, 0, root, 1])
    assert reduced(big) == ButcherTableau([[0, 0], [1, 0]], [HALF, HALF], [0, 1])


def test_stages_at_different_times_are_never_equal() -> None:
    """Lobatto IIIB of two stages: equal rows of A, but t and t + h."""
    algebra = CollocationTableau("LobattoIIIB", 2).algebra()
    assert reduction(algebra).algebra.dimension == 2


def test_the_way_back_keeps_weights_and_forms() -> None:
    """Stages 1 and 2 are equal, stage 4 is idle: w = (x, y) means (x, x, y, 0)."""
    A = [[0] * 4, [0] * 4, [1, 0, 0, 0], ["1/3", "1/3", "1/3", 0]]
    algebra = ButcherTableau(A, ["1/3", "1/6", HALF, 0], [0, 0, 1, 1]).algebra()
    small = reduction(algebra)
    assert small.lift == DM([[1, 0], [1, 0], [0, 1], [0, 0]], QQ)
    form, smaller_form = contractivity_form(algebra), contractivity_form(small.algebra)
    assert small.lift.transpose() * form * small.lift == smaller_form
    assert algebra.b * small.lift == small.algebra.b


def gauss_with_an_idle_stage() -> StageAlgebra:
    """Gauss of two stages and a stage at c = 2, which uses the others and is not used.

    In Q[x]/(N) with N = (x² − x + 1/6)(x − 2): A u = ∫₀^x of u mod (x² − x + 1/6).
    """
    x = sympy.Symbol("x")
    quadratic = x**2 - x + sympy.Rational(1, 6)
    N = sympy.Poly(quadratic * (x - 2), x, domain="QQ")

    def coefficients(expression: Any, size: int) -> list[Any]:
        poly = sympy.Poly(expression, x, domain="QQ")
        return [QQ.from_sympy(poly.nth(k)) for k in range(size)]

    inner = [sympy.rem(x**k, quadratic, x) for k in range(5)]
    weights = [QQ.from_sympy(sympy.integrate(p, (x, 0, 1))) for p in inner]
    columns = [coefficients(sympy.integrate(p, x), 3) for p in inner[:3]]
    return StageAlgebra(
        domain=QQ,
        A=DM(columns, QQ).transpose(),
        b=DM([weights[:3]], QQ),
        one=DM([[1], [0], [0]], QQ),
        nodes=DM([[0], [1], [0]], QQ),
        gram=DM([[weights[i + j] for j in range(3)] for i in range(3)], QQ),
        modulus=tuple(coefficients(N, 3)),
    )


def test_unused_stages_at_roots_of_a_polynomial() -> None:
    small = reduction(gauss_with_an_idle_stage())
    gauss = CollocationTableau("Gauss", 2).algebra()
    assert small.algebra.modulus == gauss.modulus
    for name in ("A", "b", "one", "nodes", "gram"):
        assert getattr(small.algebra, name) == getattr(gauss, name), name
    # The way back goes to polynomials with p(2) = 0: the idle stage gets the value 0 …
    for p in small.lift.transpose().to_list():
        assert p[0] + 2 * p[1] + 4 * p[2] == 0
    # … and the others keep theirs: 1 and x modulo x² − x + 1/6.
    remainders = [[p[0] - p[2] / 6, p[1] + p[2]] for p in small.lift.transpose().to_list()]
    assert remainders == [[1, 0], [0, 1]]


def test_they_cannot_be_written_stage_by_stage() -> None:
    tableau: Any = SimpleNamespace(algebra=gauss_with_an_idle_stage)
    with pytest.raises(StructureError, match="reduction"):
        reduced(tableau)
