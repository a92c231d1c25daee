"""Step limits, sub-step counts and averagedness of Runge–Kutta steps: rounding and domains."""

import math
from fractions import Fraction

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from flowcert import DomainError, ShapeError
from flowcert.numerics import RK4, Euler, ExplicitMidpoint, Ralston
from flowcert.numerics.methods import SSP104, GaussLegendre, Kutta3, ThreeEighths
from flowcert.theory import bounds

POSITIVE = st.floats(1e-3, 1e3)
UNIT = st.floats(0, 1, allow_subnormal=False)


@given(POSITIVE, POSITIVE)
def test_steps_are_rounded_down(r, L):
    exact = 2 * Fraction(r) / Fraction(L)
    bound = Fraction(float(bounds.bound_runge_kutta_step(r, L)))
    assert exact * (1 - Fraction(1, 2**50)) <= bound <= exact


@given(POSITIVE, POSITIVE)
def test_cocoercive_steps_are_rounded_down(r, kappa):
    exact = 2 * Fraction(r) * Fraction(kappa)
    bound = Fraction(float(bounds.bound_cocoercive_step(r, kappa)))
    assert exact * (1 - Fraction(1, 2**50)) <= bound <= exact


@given(st.floats(0, 100), POSITIVE, POSITIVE)
def test_substeps_are_enough_and_at_most_one_too_many(T, norm, r):
    needed = Fraction(T) * Fraction(norm) ** 2 / (2 * Fraction(r))
    count = int(bounds.bound_substep_count(T, norm, r))
    assert count >= needed
    rounded = needed * (1 + Fraction(1, 2**49))
    assert count <= max(1, math.ceil(rounded))


@given(st.integers(1, 1000), POSITIVE, POSITIVE, st.integers(-2, 2))
def test_substeps_are_enough_next_to_an_integer(n, norm, r, ulps):
    T = 2 * r * n / norm**2
    T += ulps * float(np.spacing(T))
    needed = Fraction(T) * Fraction(norm) ** 2 / (2 * Fraction(r))
    assert int(bounds.bound_substep_count(T, norm, r)) >= needed


@pytest.mark.parametrize(
    ("T", "norm", "r", "count"),
    [(0, 1, 1, 1), (2, 1, 1, 1), (4, 1, 1, 2), (2, 2, 1, 4), (4.1, 1, 1, 3), (1, 0, 1, 1),
     (1e9, 5, np.inf, 1), (2, 1, 0.5, 2)],
)  # fmt: skip
def test_exact_counts(T, norm, r, count):
    found = bounds.bound_substep_count(T, norm, r)
    assert found == count
    assert found.dtype == np.int64


def test_everything_broadcasts():
    assert bounds.bound_substep_count([[1.0], [4.0]], [1.0, 2.0], 1.0).shape == (2, 2)
    assert bounds.bound_runge_kutta_step([1.0, np.inf], 2.0).tolist() == [1.0, np.inf]
    assert bounds.bound_composed_averagedness([0.5, 1.0], [[0.5], [1.0]]).shape == (2, 2)
    for call in (
        lambda: bounds.bound_substep_count([1, 2], [1, 2, 3], 1),
        lambda: bounds.bound_runge_kutta_step([1, 2], [1, 2, 3]),
        lambda: bounds.bound_composed_averagedness([0, 1], [0, 1, 0.5]),
    ):
        with pytest.raises(ShapeError):
            call()


@pytest.mark.parametrize(
    "call",
    [
        lambda: bounds.bound_substep_count(-1, 1, 1),
        lambda: bounds.bound_substep_count(1, -1, 1),
        lambda: bounds.bound_substep_count(1, 1, 0),
        lambda: bounds.bound_substep_count(1, 1, -1),
        lambda: bounds.bound_substep_count(1, 1, float("nan")),
        lambda: bounds.bound_substep_count(1, 1e200, 1),
        lambda: bounds.bound_runge_kutta_step(-1, 1),
        lambda: bounds.bound_runge_kutta_step(-np.inf, 1),
        lambda: bounds.bound_runge_kutta_step(1, 0),
        lambda: bounds.bound_composed_averagedness(1.1, 0.5),
        lambda: bounds.bound_composed_averagedness(0.5, -0.1),
    ],
)
def test_the_domains_of_the_bounds(call):
    with pytest.raises(DomainError):
        call()


@given(UNIT, UNIT)
def test_composed_averagedness_is_rounded_up(s, t):
    S, T = Fraction(s), Fraction(t)
    bound = Fraction(float(bounds.bound_composed_averagedness(s, t)))
    exact = Fraction(1) if 1 in (S, T) else (S + T - 2 * S * T) / (1 - S * T)
    assert exact <= bound <= 1
    # Near 1, where the formula is 0/0, cancellation costs accuracy, and 1 ends it.
    if S * T < Fraction(999, 1000):
        assert bound <= exact + Fraction(1, 10**11)


@pytest.mark.parametrize(
    ("method", "exact"),
    [
        (Euler, 1),
        (RK4, 1),
        (Kutta3, sympy.Rational(1, 2)),
        (SSP104, 6),
        (ThreeEighths, 2 * sympy.sqrt(3) - 3),
        (Ralston, (sympy.sqrt(21) - 3) / 2),
        (ExplicitMidpoint, 0),
        (GaussLegendre(3), sympy.oo),
    ],
    ids=str,
)
def test_radii_are_rounded_down(method, exact):
    bound = bounds.bound_circle_contractivity_radius(method.tableau)
    if exact is sympy.oo:
        assert bound == np.inf
        return
    assert sympy.Rational(*bound.as_integer_ratio()) <= exact
    above = float(np.nextafter(bound, np.inf))
    assert sympy.Rational(*above.as_integer_ratio()) > exact


def test_limits_that_underflow_are_zero_and_no_less():
    assert bounds.bound_runge_kutta_step(1e-300, 1e300) == 0.0
    assert bounds.bound_cocoercive_step(1e-300, 1e-300) == 0.0


def test_a_text_is_no_radius():
    with pytest.raises(DomainError, match="real numbers"):
        bounds.bound_cocoercive_step("1", 1.0)


class _OfRadius:
    """Stands in for a tableau of the given radius."""

    def __init__(self, radius):
        self.circle_contractivity_radius = lambda: radius


@pytest.mark.parametrize("radius", [sympy.Integer(10) ** 400, sympy.sqrt(2) * 10**400])
def test_a_radius_beyond_float64_is_bounded_by_the_largest_float(radius):
    assert bounds.bound_circle_contractivity_radius(_OfRadius(radius)) == np.finfo(float).max
