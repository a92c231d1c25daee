"""Beyond the contractivity limit a step expands: carried out in fractions, stage by stage."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy

from flowcert.errors import DomainError
from flowcert.numerics.methods import (
    RK4,
    SSP33,
    SSP104,
    BogackiShampine,
    DormandPrince,
    Euler,
    ExplicitMidpoint,
    Heun,
    ImplicitMidpoint,
    ImplicitTrapezoid,
    Kutta3,
    LobattoIIIA,
    Ralston,
    RungeKutta,
    ThreeEighths,
)
from flowcert.numerics.tableau import ButcherTableau
from flowcert.numerics.tableau.contractivity import circle_contractivity_radius
from flowcert.numerics.tableau.contractivity_witness import contractivity_witness

HALF = Fraction(1, 2)
SHIPPED = (
    *(Euler, Heun, Ralston, SSP33, Kutta3, RK4, ThreeEighths, BogackiShampine, SSP104),
    *(DormandPrince, ExplicitMidpoint, ImplicitTrapezoid),
)
NEGATIVE_WEIGHT = ButcherTableau([[0, 0], [1, 0]], ["3/2", "-1/2"], [0, 1])
# b₂ < 0 and yet M ⪰ 0: only the push shows that large steps expand.
NEGATIVE_WEIGHT_POSITIVE_FORM = ButcherTableau(
    [["11/12", "-1/4"], ["-3/4", "-9/4"]], ["3/2", "-1/2"], ["2/3", -3]
)
EQUAL_STAGES = ButcherTableau([[0, 0], [0, 0]], ["3/2", -HALF], [0, 0])  # Euler
IN_ROOT_TWO = ButcherTableau(
    [[0, 0, 0], ["sqrt(2)/2", 0, 0], [0, "sqrt(2)/2", 0]],
    ["1/4", "1/4", HALF],
    [0, "sqrt(2)/2", "sqrt(2)/2"],
)


def expansion(tableau: ButcherTableau, witness: Any, eta: Fraction) -> Fraction:
    """(|x₁|² − |x₀|²)/h² of the step that the witness describes (κ = 1), exactly.

    Coordinates along v, u₁, …, u_s. Asserts that the fields are as they must be.
    """
    s, h = tableau.stages, Fraction(str(witness.step_ratio))
    w, p = ([Fraction(str(x)) for x in part] for part in (witness.direction, witness.push))
    k = [[w[j]] + [eta * (i == j) for i in range(s)] for j in range(s)]

    def dot(x: list[Fraction], y: list[Fraction]) -> Fraction:
        return sum((a * b for a, b in zip(x, y, strict=True)), Fraction(0))

    A, b = tableau.A, tableau.b
    pull = [
        (dot(k[j], k[j]) + p[j] ** 2 + h * sum(A[j][i] * dot(k[i], k[j]) for i in range(s))) / eta
        for j in range(s)
    ]
    start = [Fraction(0), *pull]
    for j in range(s):
        stage = [x - h * sum(A[j][i] * k[i][n] for i in range(s)) for n, x in enumerate(start)]
        # The field −k_j at the stage and 0 at 0: ⟨Δf, Δx⟩ ≤ −|Δf|².
        assert -dot(k[j], stage) == -dot(k[j], k[j]) - p[j] ** 2
    end = [x - h * sum(b[j] * k[j][n] for j in range(s)) for n, x in enumerate(start)]
    return (dot(end, end) - dot(start, start)) / h**2


@pytest.mark.parametrize(
    "tableau",
    [
        *(pytest.param(method.tableau, id=method.name) for method in SHIPPED),
        *(NEGATIVE_WEIGHT, NEGATIVE_WEIGHT_POSITIVE_FORM, EQUAL_STAGES),
    ],
)
def test_the_witness_is_a_step_that_expands(tableau: ButcherTableau) -> None:
    """The step is carried out with the user's own A and b, unused and equal stages included."""
    limit = 2 * circle_contractivity_radius(tableau)
    for excess in (Fraction(1, 10**9), Fraction(1, 3), Fraction(50)):
        ratio = Fraction(int(sympy.floor(limit * 10**10)), 10**10) + excess
        witness = contractivity_witness(tableau, ratio)
        assert witness is not None
        assert all(x.is_Rational for x in (*witness.direction, *witness.push))
        growth = Fraction(str(witness.growth))
        assert growth > 0
        size = sum(Fraction(str(x)) ** 2 for x in (*witness.direction, *witness.push))
        eta = Fraction(1, 10**12) * min(1, size)
        expanded = expansion(tableau, witness, eta)
        assert expanded > 0
        assert abs(expanded - growth) < growth / 100


def test_both_kinds_of_witness() -> None:
    direction = contractivity_witness(Heun.tableau, Fraction(21, 10))
    assert direction is not None
    assert any(direction.direction)
    assert not any(direction.push)
    push = contractivity_witness(NEGATIVE_WEIGHT_POSITIVE_FORM, 1000)
    assert push is not None
    assert any(push.push)
    assert not any(push.direction)


def test_no_witness_on_the_limit_itself() -> None:
    for method, limit in ((Euler, 2), (RK4, 2), (Kutta3, 1), (ImplicitTrapezoid, 4)):
        assert contractivity_witness(method.tableau, limit) is None
        assert contractivity_witness(method.tableau, float(limit)) is None
        assert contractivity_witness(method.tableau, np.nextafter(limit, 9.0)) is not None
    assert contractivity_witness(ImplicitMidpoint.tableau, 10**100) is None


def test_a_witness_over_an_algebraic_field_is_rational() -> None:
    radius = circle_contractivity_radius(IN_ROOT_TWO)
    # So near to the limit that a direction rounded to eight digits would not do.
    ratio = Fraction(int(sympy.floor(2 * radius * 10**40)) + 1, 10**40)
    witness = contractivity_witness(IN_ROOT_TWO, ratio)
    assert witness is not None
    assert all(x.is_Rational for x in witness.direction)
    w = sympy.Matrix(witness.direction)
    B = sympy.diag(*map(sympy.sympify, IN_ROOT_TWO.b))
    A = sympy.Matrix(3, 3, lambda i, j: sympy.sympify(IN_ROOT_TWO.A[i][j]))
    form = B * A + A.T * B - B * sympy.ones(3, 3) * B + B * 2 / sympy.Rational(str(ratio))
    value = sympy.expand((w.T * form * w)[0])
    assert value.evalf(120) < 0
    assert sympy.expand(value + witness.growth) == 0


@pytest.mark.parametrize("ratio", [0, -1, float("nan"), float("inf"), "two", None, sympy.sqrt(2)])
def test_step_ratios_that_are_none(ratio: Any) -> None:
    with pytest.raises(DomainError, match="positive rational"):
        contractivity_witness(Euler.tableau, ratio)


def test_directions_at_roots_of_a_polynomial_are_polynomials() -> None:
    """Lobatto IIIA of 4 stages: w is p(c), and growth = −p(c)ᵀ(M + (2κ/h)B)p(c)."""
    method = LobattoIIIA(4)
    assert isinstance(method, RungeKutta)
    A, b, c, _ = method.tableau.float64()
    witness = contractivity_witness(method.tableau, 20)  # 2r = 4√15 = 15.5
    assert witness is not None
    w = np.polynomial.polynomial.polyval(c, np.array(witness.direction, dtype=float))
    BA = b[:, None] * A
    form = BA + BA.T - np.outer(b, b) + np.diag(b) * 2 / 20
    assert float(witness.growth) == pytest.approx(-(w @ form @ w), rel=1e-9)
    assert contractivity_witness(method.tableau, 15) is None
