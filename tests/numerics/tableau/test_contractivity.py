"""Algebraic stability and circle contractivity against nodepy, eigenvalues, theorems and steps."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy
from nodepy import rk

from flowcert.errors import DomainError
from flowcert.numerics.tableau import ButcherTableau, CollocationTableau, Tableau
from flowcert.numerics.tableau.contractivity import (
    circle_contractivity_radius,
    is_algebraically_stable,
)
from flowcert.numerics.tableau.contractivity_witness import contractivity_witness
from flowcert.numerics.tableau.reduction import reduced

HALF = Fraction(1, 2)
EULER = ButcherTableau([[0]], [1], [0])
HEUN = ButcherTableau([[0, 0], [1, 0]], [HALF, HALF], [0, 1])
EXPLICIT_MIDPOINT = ButcherTableau([[0, 0], [HALF, 0]], [0, 1], [0, HALF])
RALSTON = ButcherTableau([[0, 0], ["2/3", 0]], ["1/4", "3/4"], [0, "2/3"])
SSP33 = ButcherTableau(
    [[0, 0, 0], [1, 0, 0], ["1/4", "1/4", 0]], ["1/6", "1/6", "2/3"], [0, 1, HALF]
)
KUTTA3 = ButcherTableau([[0, 0, 0], [HALF, 0, 0], [-1, 2, 0]], ["1/6", "2/3", "1/6"], [0, HALF, 1])
RK4 = ButcherTableau(
    [[0, 0, 0, 0], [HALF, 0, 0, 0], [0, HALF, 0, 0], [0, 0, 1, 0]],
    ["1/6", "1/3", "1/3", "1/6"],
    [0, HALF, HALF, 1],
)
THREE_EIGHTHS = ButcherTableau(
    [[0, 0, 0, 0], ["1/3", 0, 0, 0], ["-1/3", 1, 0, 0], [1, -1, 1, 0]],
    ["1/8", "3/8", "3/8", "1/8"],
    [0, "1/3", "2/3", 1],
)
BOGACKI_SHAMPINE = ButcherTableau(
    [[0, 0, 0, 0], [HALF, 0, 0, 0], [0, "3/4", 0, 0], ["2/9", "1/3", "4/9", 0]],
    ["2/9", "1/3", "4/9", 0],
    [0, HALF, "3/4", 1],
    ["7/24", "1/4", "1/3", "1/8"],
)
IMPLICIT_MIDPOINT = ButcherTableau([[HALF]], [1], [HALF])
TRAPEZOID = ButcherTableau([[0, 0], [HALF, HALF]], [HALF, HALF], [0, 1])
NEGATIVE_WEIGHT = ButcherTableau([[0, 0], [1, 0]], ["3/2", "-1/2"], [0, 1])
# b₂ < 0 and yet M + ρB ⪰ 0 for large steps: M = diag(1/2, 2), found by a₁₁ and a₂₂.
NEGATIVE_WEIGHT_POSITIVE_FORM = ButcherTableau(
    [["11/12", "-1/4"], ["-3/4", "-9/4"]], ["3/2", "-1/2"], ["2/3", -3]
)
IN_ROOT_TWO = ButcherTableau(
    [[0, 0, 0], ["sqrt(2)/2", 0, 0], [0, "sqrt(2)/2", 0]],
    ["1/4", "1/4", HALF],
    [0, "sqrt(2)/2", "sqrt(2)/2"],
)
SDIRK23 = ButcherTableau(
    [["1/2 + sqrt(3)/6", 0], ["-sqrt(3)/3", "1/2 + sqrt(3)/6"]],
    [HALF, HALF],
    ["1/2 + sqrt(3)/6", "1/2 - sqrt(3)/6"],
)


def form(tableau: Tableau) -> tuple[np.ndarray, np.ndarray]:
    """M and b in float64."""
    A, b, _, _ = tableau.float64()
    BA = b[:, None] * A
    return BA + BA.T - np.outer(b, b), b


def radius_by_eigenvalues(tableau: Tableau) -> float:
    """−1/λ_min(B^{−1/2}MB^{−1/2}) for an irreducible method with positive weights."""
    M, b = form(tableau)
    scaled = M / np.sqrt(np.outer(b, b))
    return float(-1 / np.linalg.eigvalsh(scaled)[0])


@pytest.mark.parametrize(
    ("tableau", "radius"),
    [
        (EULER, 1),
        (HEUN, 1),
        (SSP33, 1),
        (RK4, 1),
        (RALSTON, (sympy.sqrt(21) - 3) / 2),
        (KUTTA3, sympy.Rational(1, 2)),
        (THREE_EIGHTHS, 2 * sympy.sqrt(3) - 3),
        (BOGACKI_SHAMPINE, 2 * sympy.sqrt(6) - 4),  # 0.8990, of three stages
        (TRAPEZOID, 2),
        (EXPLICIT_MIDPOINT, 0),
        (NEGATIVE_WEIGHT, 0),
        (NEGATIVE_WEIGHT_POSITIVE_FORM, 0),
        (IMPLICIT_MIDPOINT, sympy.oo),
        (ButcherTableau([[1]], [1], [1]), sympy.oo),
        (SDIRK23, sympy.oo),
    ],
)
def test_known_radii(tableau: ButcherTableau, radius: Any) -> None:
    found = circle_contractivity_radius(tableau)
    assert found == sympy.expand(radius)
    assert isinstance(found, sympy.Basic)
    if radius not in (0, sympy.oo):
        small = reduced(tableau)
        assert float(found) == pytest.approx(radius_by_eigenvalues(small), rel=1e-12)


@pytest.mark.parametrize("s", [2, 3, 4, 5, 7, 9])
@pytest.mark.parametrize("family", ["Gauss", "RadauIA", "RadauIIA", "LobattoIIIC"])
def test_algebraically_stable_families(family: str, s: int) -> None:
    tableau = CollocationTableau(family, s)
    assert is_algebraically_stable(tableau)
    assert circle_contractivity_radius(tableau) == sympy.oo
    M, _ = form(tableau)
    assert np.linalg.eigvalsh(M)[0] > -1e-14


@pytest.mark.parametrize("s", [2, 3, 4, 5, 6, 8, 11])
@pytest.mark.parametrize("family", ["LobattoIIIA", "LobattoIIIB"])
def test_lobatto_iiia_and_iiib(family: str, s: int) -> None:
    """r = 2√((s − 1)(2s − 3)).

    Proof. Let P_k be Legendre's polynomials on [0, 1] and g_k = b(P_k²): 1/(2k + 1), and 1/(s − 1)
    for k = s − 1. The quadrature is exact up to degree 2s − 3. For IIIA, Au is the integral U of u,
    so M(u, v) = b((UV)′) − b(u)b(v) is 0 up to deg u + deg v = 2s − 4; M(P_{s−1}, P_{s−1}) = 0 by
    oddness. P_{s−1} integrates to a multiple of P_s − P_{s−2}, which is 0 at the nodes, and P_{s−2}
    to (P_{s−1} − P_{s−3})/(2(2s − 3)): the only entry of M is m = g_{s−1}/(2(2s − 3)) for P_{s−2},
    P_{s−1}, and r = √(g_{s−2}g_{s−1})/m. For IIIB, bᵢaᵢⱼ + bⱼâⱼᵢ = bᵢbⱼ with IIIA's Â changes the
    sign of M, whose eigenvalues are ±1/r and 0.
    """
    tableau = CollocationTableau(family, s)
    assert circle_contractivity_radius(tableau) == 2 * sympy.sqrt((s - 1) * (2 * s - 3))
    assert radius_by_eigenvalues(tableau) == pytest.approx(2 * np.sqrt((s - 1) * (2 * s - 3)))
    assert not is_algebraically_stable(tableau)


def test_coordinates_do_not_matter() -> None:
    """The same methods stage by stage, in radicals."""
    for family, s in (("LobattoIIIA", 4), ("LobattoIIIB", 3), ("Gauss", 3), ("RadauIIA", 3)):
        tableau = CollocationTableau(family, s)
        exact = tableau.exact()
        assert circle_contractivity_radius(exact) == circle_contractivity_radius(tableau)
        assert is_algebraically_stable(exact) == is_algebraically_stable(tableau)


def test_a_radius_over_an_algebraic_field() -> None:
    """An algebraic number over Q(√2): its conjugate belongs to another method."""
    found = circle_contractivity_radius(IN_ROOT_TWO)
    assert float(found) == pytest.approx(radius_by_eigenvalues(IN_ROOT_TWO), rel=1e-12)
    b = sympy.diag(*map(sympy.sympify, IN_ROOT_TWO.b))
    A = sympy.Matrix(3, 3, lambda i, j: sympy.sympify(IN_ROOT_TWO.A[i][j]))
    M = b * A + A.T * b - b * sympy.ones(3, 3) * b
    assert abs((b + found * M).det().evalf(40)) < 1e-35


@pytest.mark.parametrize("seed", range(12))
def test_random_methods_against_eigenvalues(seed: int) -> None:
    rng = np.random.default_rng(seed)
    s = int(rng.integers(2, 5))
    A = [[Fraction(int(x), 12) for x in row] for row in rng.integers(-9, 13, (s, s))]
    if seed % 2:
        A = [[x if j < i else Fraction(0) for j, x in enumerate(row)] for i, row in enumerate(A)]
    weights = rng.integers(1, 9, s)
    b = [Fraction(int(x), int(weights.sum())) for x in weights]
    tableau = ButcherTableau(A, b, [sum(row) for row in A])
    expected = radius_by_eigenvalues(tableau)
    found = circle_contractivity_radius(tableau)
    assert is_algebraically_stable(tableau) is bool(expected < 0)
    assert float(found) == pytest.approx(expected if expected > 0 else np.inf, rel=1e-9)


def test_positive_forms_among_random_methods() -> None:
    """M ⪰ 0 by construction: A = B⁻¹(bbᵀ + N + S)/2 with N ⪰ 0, S skew; then a little less."""
    rng = np.random.default_rng(3)
    for rank in (0, 1, 2, 3):
        b = sympy.Matrix([1, 2, 3]) / 6
        X = sympy.Matrix(3, 3, [0] * 9)
        X[:rank, :] = sympy.Matrix(rank, 3, [int(x) for x in rng.integers(-3, 4, 3 * rank)])
        skew = sympy.Matrix([[0, 1, -2], [-1, 0, 5], [2, -5, 0]])
        N = X.T * X
        for less, stable in ((0, True), (sympy.Rational(1, 10**25), rank == 3)):
            M = N - less * sympy.eye(3)
            A = sympy.diag(*b).inv() * (b * b.T + M + skew) / 2
            tableau = ButcherTableau(A.tolist(), list(b), list(A * sympy.ones(3, 1)))
            assert is_algebraically_stable(tableau) is stable
            assert (circle_contractivity_radius(tableau) == sympy.oo) is stable


def test_a_gauss_method_with_a_wrong_digit_is_not_algebraically_stable() -> None:
    gauss = CollocationTableau("Gauss", 2).exact()
    assert is_algebraically_stable(gauss)
    tiny = sympy.Rational(1, 10**40)
    (a, b), below = gauss.A
    wrong = ButcherTableau([[a + tiny, b - tiny], below], gauss.b, gauss.c)
    assert not is_algebraically_stable(wrong)
    radius = circle_contractivity_radius(wrong)
    assert 10**38 < radius < 10**42


def test_algebraic_stability_needs_weights_that_are_not_negative() -> None:
    """M ≻ 0 alone is not enough."""
    M, b = form(NEGATIVE_WEIGHT_POSITIVE_FORM)
    assert np.linalg.eigvalsh(M)[0] > 0.1
    assert b[1] < 0
    assert not is_algebraically_stable(NEGATIVE_WEIGHT_POSITIVE_FORM)


def test_redundant_stages_do_not_hide_the_truth() -> None:
    idle = ButcherTableau([[HALF, 0], [5, -3]], [1, 0], [HALF, 2])
    split = ButcherTableau([["1/3", "1/6"], ["3/4", "-1/4"]], ["6/5", "-1/5"], [HALF, HALF])
    for tableau in (idle, split):
        assert is_algebraically_stable(tableau)
        assert circle_contractivity_radius(tableau) == sympy.oo
    twice_euler = ButcherTableau([[0, 0], [0, 0]], ["3/2", "-1/2"], [0, 0])
    assert circle_contractivity_radius(twice_euler) == 1
    assert not is_algebraically_stable(twice_euler)


# Rounded decimals, which are not the coefficients of these methods, or no fractions at all.
INEXACT = {
    *("CMR6", "PD8", "SSP22star", "SSP33", "SSP53", "SSP54", "SSP63", "SSP75", "SSP85"),
    *("SSP95", "Tsit5"),
}


def test_nodepys_methods() -> None:
    """All of its methods: nodepy answers 1000.0 for ∞ and about 1e-8 for 0."""
    skipped, answers = set(), {}
    for name, method in rk.loadRKM().items():
        try:
            tableau = ButcherTableau.from_nodepy(method)
        except DomainError:
            skipped.add(name)
            continue
        kind = rk.ExplicitRungeKuttaMethod if method.is_explicit() else rk.RungeKuttaMethod
        peer = kind(np.array(method.A), np.array(method.b)).dj_reduce()
        expected = peer.circle_contractivity_radius()
        radius = answers[name] = circle_contractivity_radius(tableau)
        if expected == 1000.0:
            assert radius is sympy.oo, name
        elif expected < 1e-6:
            assert radius is sympy.Integer(0), name
        else:
            assert float(radius) == pytest.approx(expected, rel=1e-9), name
        assert is_algebraically_stable(tableau) == bool(peer.is_algebraically_stable()), name
        if name != "SDIRK34":  # exact witnesses over a field of degree 3 take a second
            _assert_witness_confirms(tableau, radius)
    assert skipped == INEXACT
    assert len(answers) == len(rk.loadRKM()) - len(INEXACT) >= 35
    assert sum(radius == sympy.oo for radius in answers.values()) == 10
    assert sum(radius == 0 for radius in answers.values()) >= 15
    assert answers["SSP104"] == 6
    assert answers["SSP43"] == 2
    assert answers["BS3"] == 2 * sympy.sqrt(6) - 4
    assert answers["TR-BDF2"] == 4 * (sympy.sqrt(10) - 1) / 3


def _assert_witness_confirms(tableau: Tableau, radius: Any) -> None:
    """A witness beyond 2r, none before."""
    if radius == sympy.oo:
        assert contractivity_witness(tableau, 10**9) is None
        return
    limit = 2 * radius
    beyond = Fraction(int(sympy.ceiling(limit * 10**9)) + 1, 10**9)
    assert contractivity_witness(tableau, beyond) is not None
    if radius > 0:
        assert contractivity_witness(tableau, beyond - Fraction(3, 10**9)) is None
