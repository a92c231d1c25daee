"""Bounds against exact arithmetic, and their honest domains."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowcert import DomainError, ShapeError
from flowcert.theory import bounds

UNIT = st.floats(0, 1, allow_subnormal=False)
STEPS = st.floats(0, 50, allow_subnormal=False)
SIGNED = st.floats(-50, 50, allow_subnormal=False)
PAIR = st.tuples(STEPS, STEPS).map(sorted)
TIGHT = 1 + 1e-13


def exactly(*numbers):
    return [Fraction(float(x)) for x in numbers]


def is_tight_upper_bound(bound, exact, size):
    """Above the exact value, by a few roundings of the numbers involved at most."""
    assert Fraction(float(bound)) >= exact
    assert float(Fraction(float(bound)) - exact) <= 1e-14 * (1 + size)


@given(UNIT, SIGNED, PAIR)
def test_contractive_factor(a, h, sigma):
    A, H, low, high = exactly(a, h, *sigma)
    exact = max(abs(1 - H * A * low**2), abs(1 - H * high**2))
    size = abs(h) * sigma[1] ** 2
    is_tight_upper_bound(bounds.bound_contractive_factor(a, h, *sigma), exact, size)


@given(UNIT, SIGNED, PAIR)
def test_expansive_gradient_factor(a, h, sigma):
    A, H, low, high = exactly(a, h, *sigma)
    exact = max(abs(1 + H * A * low**2), abs(1 + H * high**2))
    size = abs(h) * sigma[1] ** 2
    is_tight_upper_bound(bounds.bound_expansive_gradient_factor(a, h, *sigma), exact, size)


@given(UNIT, STEPS)
def test_authors_factor(a, h):
    A, H = exactly(a, h)
    squared = 1 - 2 * A * H + H**2
    bound = float(bounds.bound_authors_contractive_factor(a, h))
    assert Fraction(bound) ** 2 >= squared
    # Cancellation near a = h = 1 costs relative, never absolute accuracy.
    assert float(Fraction(bound) ** 2 - squared) <= 1e-13 * (1 + h**2)


@given(PAIR, STEPS)
def test_monotone_lipschitz_factor(constants, h):
    mu, L, H = exactly(*constants, h)
    squared = 1 - 2 * H * mu + H**2 * L**2
    bound = float(bounds.bound_monotone_lipschitz_factor(*constants, h))
    assert Fraction(bound) ** 2 >= squared
    assert float(Fraction(bound) ** 2 - squared) <= 1e-13 * (1 + (h * constants[1]) ** 2)


@given(STEPS, STEPS)
def test_expansive_layer_factor(h, beta):
    H, B = exactly(h, beta)
    is_tight_upper_bound(bounds.bound_expansive_layer_factor(h, beta), 1 + H * B, h * beta)


@given(UNIT, STEPS, STEPS, STEPS)
def test_shifted_expansive_factor(a, h, shifted, beta):
    A, H, N, B = exactly(a, h, shifted, beta)
    exact = min(1 + H * B, N + H * (1 - A) / 2 * B)
    bound = bounds.bound_shifted_expansive_factor(a, h, shifted, beta)
    is_tight_upper_bound(bound, exact, shifted + h * beta)


@given(UNIT, STEPS, STEPS, UNIT, st.integers(1, 5))
def test_same_matrix_factor(a, h_C, h_E, a_E, S):
    A, HC, HE, AE = exactly(a, h_C, h_E, a_E)

    def phi(y):
        for _ in range(S):
            y -= HC / S * (y if y > 0 else A * y)
        return y + HE * (y if y > 0 else AE * y)

    exact = max(abs(phi(Fraction(1))), abs(phi(Fraction(-1))))
    bound = bounds.bound_same_matrix_factor(a, h_C, h_E, S, a_E)
    assert Fraction(float(bound)) >= exact
    assert float(bound) <= float(exact) + 1e-12 * (1 + h_C) ** S * (1 + h_E)
    assert bounds.exact_same_matrix_factor(a, h_C, h_E, S, a_E) == exact


@given(UNIT, STEPS)
def test_rates(a, s):
    A, S = exactly(a, s)
    assert Fraction(float(bounds.bound_gradient_rate(a, s))) >= -A * S**2
    assert float(bounds.bound_gradient_rate(a, s)) <= -a * s**2 + 1e-12 * (1 + s**2)
    is_tight_upper_bound(bounds.bound_expansive_gradient_rate(s), S**2, s**2)


@given(st.floats(-5, 5), st.floats(0, 5))
def test_flow_growth_against_mpmath(nu, t):
    with mpmath.workdps(40):
        exact = mpmath.exp(mpmath.mpf(nu) * mpmath.mpf(t))
        bound = float(bounds.bound_flow_growth(nu, t))
        assert exact <= bound <= exact * TIGHT


@given(UNIT, STEPS, UNIT, UNIT, STEPS)
def test_switched_flow_growth_against_mpmath(a, h_C, sigma, h_E, rate):
    with mpmath.workdps(40):
        a_, hC, s, hE, r = map(mpmath.mpf, (a, h_C, sigma, h_E, rate))
        exact = mpmath.exp(hE * r - a_ * s**2 * hC)
        bound = float(bounds.bound_switched_flow_growth(a, h_C, sigma, h_E, rate))
        assert exact <= bound <= exact * (1 + 1e-11)


@given(st.floats(1e-3, 1e3), UNIT)
def test_step_limits_are_rounded_down(L, fraction):
    exact, theta = Fraction(L), Fraction(fraction)
    assert Fraction(float(bounds.bound_nonexpansive_step(L))) <= 2 / exact
    assert Fraction(float(bounds.bound_monotone_step(fraction * L, L))) <= (
        2 * Fraction(fraction * L) / exact**2
    )
    assert Fraction(float(bounds.bound_averaged_step(fraction, L))) <= 2 * theta / exact
    assert float(bounds.bound_nonexpansive_step(L)) >= 2 / L * (1 - 1e-15)


def test_exact_cases_are_not_widened():
    assert bounds.bound_contractive_factor(0.5, 2.0) == 1.0
    assert bounds.bound_contractive_factor(0.0, 0.5, 0.0, 2.0) == 1.0
    assert bounds.bound_flow_growth(0.0, 3.0) == 1.0
    assert bounds.bound_nonexpansive_step(4.0) == 0.5


def test_known_numbers():
    assert bounds.bound_contractive_factor(0.5, 4 / 3) == pytest.approx(1 / 3)
    assert bounds.bound_authors_contractive_factor(0.5, 0.5) == pytest.approx(np.sqrt(3) / 2)
    # A skew B of norm 1, h = 0.3, a = ½: 1.10 against 1.30.
    shifted = np.sqrt(1 + (0.3 * 0.75) ** 2)
    assert bounds.bound_shifted_expansive_factor(0.5, 0.3, shifted, 1.0) == pytest.approx(
        1.1, abs=1e-3
    )
    assert bounds.bound_same_matrix_factor(0.5, 0.11, 0.07, 2) == pytest.approx(0.9555, abs=5e-5)


def test_arguments_broadcast():
    slopes, steps = np.linspace(0, 1, 3)[:, None], np.linspace(0, 2, 5)
    table = bounds.bound_contractive_factor(slopes, steps)
    assert table.shape == (3, 5)
    assert table[1, 2] == bounds.bound_contractive_factor(0.5, 1.0)


VECTORISED = [
    (bounds.bound_contractive_factor, 2, "slope"),
    (bounds.bound_authors_contractive_factor, 2, "slope"),
    (bounds.bound_monotone_lipschitz_factor, 3, None),
    (bounds.bound_expansive_layer_factor, 2, None),
    (bounds.bound_expansive_gradient_factor, 2, "slope"),
    (bounds.bound_shifted_expansive_factor, 4, "slope"),
    (bounds.bound_flow_growth, 2, None),
    (bounds.bound_gradient_rate, 2, "slope"),
    (bounds.bound_switched_flow_growth, 5, "slope"),
    (bounds.bound_averaged_step, 2, None),
    (lambda *args: bounds.bound_same_matrix_factor(*args, 2), 3, "slope"),
]


@pytest.mark.parametrize(("function", "count", "first"), VECTORISED)
def test_wrong_numbers_and_shapes_are_refused(function, count, first):
    good = [0.5] * count
    for index in range(count):
        for bad in (np.nan, np.inf, "text"):
            with pytest.raises(DomainError, match="expected"):
                function(*good[:index], bad, *good[index + 1 :])
    with pytest.raises(ShapeError, match="broadcast"):
        function(np.full(2, 0.5), np.full(3, 0.5), *good[2:])
    if first == "slope":
        for slope in (1.5, -0.25):
            with pytest.raises(DomainError, match=r"\[0, 1\]"):
                function(slope, *good[1:])


@pytest.mark.parametrize(
    "call",
    [
        lambda: bounds.bound_authors_contractive_factor(0.5, -1.0),
        lambda: bounds.bound_expansive_layer_factor(-0.1, 1.0),
        lambda: bounds.bound_expansive_layer_factor(0.1, -1.0),
        lambda: bounds.bound_contractive_factor(0.5, 1.0, 2.0, 1.0),
        lambda: bounds.bound_contractive_factor(0.5, 1.0, -1.0, 1.0),
        lambda: bounds.bound_monotone_lipschitz_factor(2.0, 1.0, 0.1),
        lambda: bounds.bound_flow_growth(1.0, -1.0),
        lambda: bounds.bound_nonexpansive_step(0.0),
        lambda: bounds.bound_nonexpansive_step(-1.0),
        lambda: bounds.bound_averaged_step(1.5, 1.0),
        lambda: bounds.bound_same_matrix_factor(0.5, 1.0, 1.0, 0),
        lambda: bounds.bound_same_matrix_factor(0.5, 1.0, 1.0, 1.5),
        lambda: bounds.exact_contractive_factor(1.5, 1),
        lambda: bounds.exact_contractive_factor(0.5, float("nan")),
        lambda: bounds.exact_authors_contractive_factor(0.5, -1),
        lambda: bounds.exact_same_matrix_factor(0.5, -1, 1, 1),
    ],
)
def test_honest_domains(call):
    with pytest.raises(DomainError, match="expected"):
        call()


def test_exact_factors_take_steps_of_any_sign():
    assert bounds.exact_contractive_factor(Fraction(1, 2), -1) == 2
    assert bounds.exact_contractive_factor(Fraction(1, 2), Fraction(1, 2), 0, 2) == 1


def test_the_norm_alone_promises_no_contraction():
    assert bounds.bound_contractive_factor(0.5, 0.1, sigma_max=2.0) == 1.0
    assert bounds.bound_contractive_factor(0.5, 0.1) == pytest.approx(0.95)
    assert bounds.bound_expansive_gradient_factor(0.5, -0.1, sigma_max=2.0) == 1.0
    with pytest.raises(DomainError, match="sigma_max"):
        bounds.bound_contractive_factor(0.5, 0.1, sigma_min=1.0)


@pytest.mark.parametrize(
    "number",
    [2**53 + 1, 10**400, Fraction(1, 3), np.longdouble(2) + np.longdouble(2) ** -62, "1.0", None],
)
def test_what_float64_cannot_hold_is_refused(number):
    with pytest.raises(DomainError):
        bounds.bound_contractive_factor(1.0, number)


def test_roots_of_very_small_rationals_do_not_break_sympy():
    tiny = 9.49771018013366e-175
    assert float(bounds.exact_authors_contractive_factor(tiny, tiny)) == 1.0
