"""Stability functions against Padé's formulas and linear solves; stability at its borders."""

from fractions import Fraction
from math import comb, factorial
from typing import Any

import numpy as np
import pytest
import sympy
from nodepy import rk

from flowcert.errors import DomainError
from flowcert.numerics.tableau import ButcherTableau, CollocationTableau, Tableau
from flowcert.numerics.tableau.stability import (
    is_a_stable,
    is_l_stable,
    linear_stability_interval,
    stability_function,
)

HALF = Fraction(1, 2)
EULER = ButcherTableau([[0]], [1], [0])
BACKWARD_EULER = ButcherTableau([[1]], [1], [1])
TRAPEZOID = ButcherTableau([[0, 0], [HALF, HALF]], [HALF, HALF], [0, 1])
RK4 = ButcherTableau(
    [[0, 0, 0, 0], [HALF, 0, 0, 0], [0, HALF, 0, 0], [0, 0, 1, 0]],
    ["1/6", "1/3", "1/3", "1/6"],
    [0, HALF, HALF, 1],
)
PADE = {  # degrees of numerator and denominator, for s stages
    "Gauss": lambda s: (s, s),
    "RadauIA": lambda s: (s - 1, s),
    "RadauIIA": lambda s: (s - 1, s),
    "LobattoIIIA": lambda s: (s - 1, s - 1),
    "LobattoIIIB": lambda s: (s - 1, s - 1),
    "LobattoIIIC": lambda s: (s - 2, s),
}


def pade(k: int, j: int) -> tuple[list[Any], list[Any]]:
    """Padé's approximation of exp with numerator degree k and denominator degree j."""

    def coefficient(n: int, m: int, i: int) -> Any:
        # C(n, i)·i!·(n + m − i)!/(n + m)!/i!
        top = comb(n, i) * factorial(n + m - i)
        return sympy.Rational(top, factorial(n + m))

    numerator = [coefficient(k, j, i) for i in range(k + 1)]
    denominator = [(-1) ** i * coefficient(j, k, i) for i in range(j + 1)]
    return numerator, denominator


def two_stage_sdirk(gamma: Any) -> ButcherTableau:
    """Order 2 for every γ: A-stable exactly for γ ≥ 1/4, L-stable exactly for γ = 1 ± √2/2."""
    gamma = sympy.sympify(gamma)
    return ButcherTableau([[gamma, 0], [1 - 2 * gamma, gamma]], [HALF, HALF], [gamma, 1 - gamma])


def l_stable_candidate(gamma: Any) -> ButcherTableau:
    """The stiffly accurate SDIRK with weights (1 − γ, γ)."""
    gamma = sympy.sympify(gamma)
    return ButcherTableau([[gamma, 0], [1 - gamma, gamma]], [1 - gamma, gamma], [gamma, 1])


# R = 1/((1 + z)(1 − 2z)): |R| ≤ 1 on the imaginary axis, and a pole at −1.
POLE_ON_THE_LEFT = ButcherTableau([[HALF, HALF], ["9/2", HALF]], [HALF, HALF], [1, 5])


@pytest.mark.parametrize("family", sorted(PADE))
@pytest.mark.parametrize("s", [2, 3, 5, 7])
def test_the_families_have_pades_approximations(family: str, s: int) -> None:
    R = stability_function(CollocationTableau(family, s))
    numerator, denominator = pade(*PADE[family](s))
    assert R.numerator == tuple(numerator)
    assert R.denominator == tuple(denominator)


def test_the_exponential_series_of_explicit_methods() -> None:
    R = stability_function(RK4)
    assert R.numerator == tuple(sympy.Rational(1, factorial(k)) for k in range(5))
    assert R.denominator == (1,)
    assert R.is_polynomial
    assert R.limit_at_infinity() == sympy.oo
    assert all(isinstance(q, sympy.Basic) for q in R.numerator)


def test_common_factors_are_cancelled() -> None:
    """Lobatto IIIA has det A = 0; a stage that is not used leaves no trace in R."""
    idle = ButcherTableau([[1, 0], [2, 3]], [1, 0], [1, 5])
    R = stability_function(idle)
    assert (R.numerator, R.denominator) == ((1,), (1, -1))
    assert is_l_stable(idle)


@pytest.mark.parametrize(
    "tableau",
    [
        RK4,
        TRAPEZOID,
        two_stage_sdirk("1/2 + sqrt(3)/6"),
        CollocationTableau("Gauss", 4),
        CollocationTableau("RadauIA", 3),
        CollocationTableau("LobattoIIIC", 5),
        POLE_ON_THE_LEFT,
    ],
    ids=lambda tableau: type(tableau).__name__,
)
def test_values_against_a_linear_solve(tableau: Tableau) -> None:
    """1 + z·b(I − zA)⁻¹1 with the rounded coefficients, in complex128, and exactly."""
    A, b, _, _ = tableau.float64()
    rng = np.random.default_rng(5)
    z = (rng.normal(size=(3, 4)) + 1j * rng.normal(size=(3, 4))) * 3
    s = len(b)
    expected = np.array(
        [1 + w * b @ np.linalg.solve(np.eye(s) - w * A, np.ones(s)) for w in z.ravel()]
    )
    R = stability_function(tableau)
    assert R(z).shape == z.shape
    np.testing.assert_allclose(R(z).ravel(), expected, rtol=1e-11)
    point = sympy.Rational(-7, 3) + sympy.I * sympy.Rational(5, 4)
    assert complex(R.exact(point)) == pytest.approx(complex(R(complex(point))), rel=1e-12)


def test_values_at_special_places() -> None:
    R = stability_function(BACKWARD_EULER)
    assert R.exact(1) == sympy.zoo
    assert not np.isfinite(R(1.0))
    assert R.exact(sympy.I) == (1 + sympy.I) / 2
    assert R(0.0) == 1
    assert R(-1e300) == pytest.approx(0, abs=1e-299)
    gauss = stability_function(CollocationTableau("Gauss", 5))
    assert gauss(1e200 + 1e200j) == pytest.approx(-1, rel=1e-15)  # no overflow
    assert gauss.limit_at_infinity() == -1
    root = stability_function(two_stage_sdirk("1/2 + sqrt(3)/6"))
    assert sympy.expand(root.limit_at_infinity() - (1 - sympy.sqrt(3))) == 0
    assert root.exact(1 / sympy.expand("1/2 + sqrt(3)/6")) == sympy.zoo


@pytest.mark.parametrize("s", [2, 3, 5, 8])
@pytest.mark.parametrize(
    ("family", "l_stable"),
    [
        ("Gauss", False),
        ("RadauIA", True),
        ("RadauIIA", True),
        ("LobattoIIIA", False),
        ("LobattoIIIB", False),
        ("LobattoIIIC", True),
    ],
)
def test_the_implicit_families_are_a_stable(family: str, s: int, l_stable: bool) -> None:
    tableau = CollocationTableau(family, s)
    assert is_a_stable(tableau)
    assert is_l_stable(tableau) is l_stable
    assert linear_stability_interval(tableau) == sympy.oo


@pytest.mark.parametrize(
    ("gamma", "stable"),
    [
        ("1/4", True),  # on the border
        (sympy.Rational(1, 4) - sympy.Rational(1, 10**30), False),
        (sympy.Rational(1, 4) + sympy.Rational(1, 10**30), True),
        ("1/2 + sqrt(3)/6", True),
        ("1/2 - sqrt(3)/6", False),  # the other method of order 3
        (-1, False),  # |R| ≤ 1 fails and the poles are on the left
    ],
    ids=str,
)
def test_sdirk_methods_at_the_border_of_a_stability(gamma: Any, stable: bool) -> None:
    tableau = two_stage_sdirk(gamma)
    assert is_a_stable(tableau) is stable
    assert not is_l_stable(tableau)


@pytest.mark.parametrize(
    ("gamma", "stable"),
    [("1 - sqrt(2)/2", True), ("1 + sqrt(2)/2", True), ("1/8", False), ("2/5", True)],
)
def test_stiffly_accurate_sdirk_methods(gamma: str, stable: bool) -> None:
    """The last row of A is b, so R(∞) = 0 whenever A is regular: A-stable means L-stable."""
    tableau = l_stable_candidate(gamma)
    assert is_l_stable(tableau) is is_a_stable(tableau) is stable
    y = np.linspace(0, 40, 4001)
    assert bool(abs(stability_function(tableau)(1j * y)).max() <= 1 + 1e-12) is stable


def test_a_pole_on_the_left_forbids_a_stability() -> None:
    R = stability_function(POLE_ON_THE_LEFT)
    assert (R.numerator, R.denominator) == ((1,), (1, -1, -2))
    assert np.abs(R(1j * np.linspace(-50, 50, 2001))).max() <= 1
    assert R.exact(-1) == sympy.zoo
    assert not is_a_stable(POLE_ON_THE_LEFT)
    assert not is_l_stable(POLE_ON_THE_LEFT)


def test_a_zero_in_rouths_scheme_is_no_sign() -> None:
    """D(−z) = 1 + z − z³: |R| ≤ 1 on the axis, and Routh's first column is −1, 0."""
    tableau = _one_over([1, -1, 0, 1])
    R = stability_function(tableau)
    assert np.abs(R(1j * np.linspace(-50, 50, 2001))).max() <= 1
    assert min(np.roots([1.0, 0.0, -1.0, 1.0]).real) < -1
    assert not is_a_stable(tableau)


def test_damping_at_infinity_is_not_enough() -> None:
    """Padé's (0, 3), (0, 4), …: R(∞) = 0, poles on the right, but |R| > 1 on the axis."""
    x = sympy.Symbol("x")
    for j, stable in ((1, True), (2, True), (3, False), (4, False)):
        _, denominator = pade(0, j)
        tableau = _one_over(denominator)
        R = stability_function(tableau)
        assert (R.numerator, R.denominator) == ((1,), tuple(denominator))
        assert is_l_stable(tableau) is is_a_stable(tableau) is stable
        roots = sympy.Poly(denominator[::-1], x).nroots()
        assert all(sympy.re(root) > 0 for root in roots)
        top = np.abs(R(1j * np.linspace(0, 20, 20001))).max()
        assert bool(top <= 1 + 1e-12) is stable


def _one_over(denominator: list[Any]) -> ButcherTableau:
    """A tableau with R = 1/D for D of degree s."""
    s = len(denominator) - 1
    # With A − 1b = L, strictly lower with ones below the diagonal, N = det(I − zL) = 1 and
    # D = 1 − z·b(I − zL)⁻¹1 = 1 − Σ z^{k+1}·b(L^k 1), L^k 1 = (0, …, 0, 1, …, 1).
    sums = [-q for q in denominator[1:]]
    b = [x - y for x, y in zip(sums, [*sums[1:], 0], strict=True)]
    A = [[b[j] + (1 if j == i - 1 else 0) for j in range(s)] for i in range(s)]
    return ButcherTableau(A, b, [sum(row) for row in A])


@pytest.mark.parametrize(
    ("tableau", "length"),
    [
        (EULER, 2),
        (ButcherTableau([[0, 0], [1, 0]], [HALF, HALF], [0, 1]), 2),
        # Chebyshev's T₂(1 + z/4) touches −1 at z = −4 and goes on to −8.
        (ButcherTableau([[0, 0], ["1/4", 0]], [HALF, HALF], [0, "1/4"]), 8),
        # A little less and it does not pass −4: R = 1 + z + 99z²/800 is −1 at −40/11.
        (ButcherTableau([[0, 0], ["99/400", 0]], [HALF, HALF], [0, "99/400"]), "40/11"),
        (TRAPEZOID, sympy.oo),
        (BACKWARD_EULER, sympy.oo),
        (POLE_ON_THE_LEFT, HALF),  # 1/((1 − x)(1 + 2x)) ≤ 1 for x ≤ 1/2
        # R = 1 + z + √2·z²/4: the end is 2√2.
        (ButcherTableau([[0, 0], ["sqrt(2)/2", 0]], [HALF, HALF], [0, "sqrt(2)/2"]), "2*sqrt(2)"),
    ],
)
def test_the_real_stability_interval(tableau: ButcherTableau, length: Any) -> None:
    x = linear_stability_interval(tableau)
    assert x == sympy.sympify(length)


def test_the_interval_of_rk4() -> None:
    """(R − 1)/z = 1 + z/2 + z²/6 + z³/24 vanishes at −2.7852935634…, an algebraic number."""
    x = linear_stability_interval(RK4)
    t = sympy.Symbol("t")
    assert sympy.minimal_polynomial(x, t) == t**3 - 4 * t**2 + 12 * t - 24
    assert float(x) == pytest.approx(2.785293563405282, rel=1e-14)


def test_nodepys_methods() -> None:
    """Coefficients of R, and the real interval, of every method that has exact coefficients."""
    compared = explicit = 0
    z = sympy.Symbol("z")
    for name, method in rk.loadRKM().items():
        if name == "SDIRK34":
            continue  # a field of degree 3, in test_contractivity
        try:
            tableau = ButcherTableau.from_nodepy(method)
        except DomainError:
            continue  # rounded decimals, counted in test_contractivity
        R = stability_function(tableau)
        p, q = method.stability_function(mode="float")
        ours = stability_function(tableau)
        points = np.linspace(-3, 3, 13) + 0.5j
        np.testing.assert_allclose(ours(points), p(points) / q(points), rtol=1e-9, err_msg=name)
        assert is_a_stable(tableau) is (name in A_STABLE), name
        compared += 1
        if method.is_explicit():
            assert R.is_polynomial
            assert float(linear_stability_interval(tableau)) == pytest.approx(
                method.real_stability_interval(), rel=1e-9
            ), name
            explicit += 1
        else:
            assert R.denominator[0] == 1
            assert sympy.degree(sum(c * z**k for k, c in enumerate(R.denominator)), z) > 0
    assert compared >= 34
    assert explicit >= 23


A_STABLE = {
    *("BE", "GL2", "GL3", "LobattoIIIA2", "LobattoIIIA3", "LobattoIIIC2", "LobattoIIIC3"),
    *("LobattoIIIC4", "RadauIIA2", "RadauIIA3", "SDIRK23", "SDIRK54", "TR-BDF2"),
}
