"""Activations: their slope interval is true and attained, their potential is the antiderivative."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from flowcert import DomainError, ShapeError
from flowcert.numerics import (
    leaky_relu,
    piecewise_linear,
    relu,
    softplus_mixture,
    tanh_mixture,
)
from flowcert.theory import strategies

EXAMPLES = [
    leaky_relu(0.3),
    relu(),
    tanh_mixture(0.2),
    softplus_mixture(0.4),
    piecewise_linear([-1, 0.5, 2], [0.1, 0.9, 0.3, 1.0]),
]


@pytest.mark.parametrize("activation", EXAMPLES, ids=lambda a: a.name)
@pytest.mark.parametrize("s", [-30.0, -1.5, -0.2, 0.7, 3.0, 30.0])
def test_potential_is_the_integral_from_zero(activation, s):
    kinks = [k for k in (-1.0, 0.5, 2.0) if min(0, s) < k < max(0, s)]
    integral = quad(lambda r: activation(np.array([r]))[0], 0, s, points=kinks or None)[0]
    assert activation.potential(np.array([s]))[0] == pytest.approx(integral, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("activation", EXAMPLES, ids=lambda a: a.name)
def test_activations_vanish_at_zero_and_survive_large_arguments(activation):
    assert activation(np.zeros(1))[0] == 0.0
    large = np.array([-1e3, 1e3])
    for values in (activation(large), activation.derivative(large), activation.potential(large)):
        assert np.all(np.isfinite(values))


@pytest.mark.parametrize("activation", EXAMPLES, ids=lambda a: a.name)
@pytest.mark.parametrize("s", [-30.0, -1.7, -0.3, 0.2, 1.1, 30.0])
def test_derivative_is_the_slope(activation, s):
    at = np.array([s - 1e-6, s + 1e-6])
    slope = np.diff(activation(at)) / np.diff(at)
    assert activation.derivative(np.array([s])) == pytest.approx(slope, abs=1e-8)


@given(strategies.activations(), st.floats(-50, 50), st.floats(1e-3, 50))
def test_difference_quotients_lie_in_the_slope_interval(activation, s, gap):
    low, high = activation(np.array([s])), activation(np.array([s + gap]))
    quotient = float((high - low)[0] / ((s + gap) - s))
    assert activation.slope_min - 1e-9 <= quotient <= activation.slope_max + 1e-9


@given(strategies.activations())
def test_both_ends_of_the_slope_interval_are_approached(activation):
    slopes = activation.derivative(np.linspace(-60, 60, 24001))
    assert slopes.min() == pytest.approx(activation.slope_min, abs=1e-4)
    assert slopes.max() == pytest.approx(activation.slope_max, abs=1e-4)


@pytest.mark.parametrize("build", [leaky_relu, tanh_mixture, softplus_mixture])
@pytest.mark.parametrize("slope", [1.5, -0.1, np.nan, np.inf])
def test_slopes_outside_the_unit_interval_are_refused(build, slope):
    with pytest.raises(DomainError, match="slope"):
        build(slope)


@pytest.mark.parametrize(
    ("knots", "slopes", "error"),
    [
        ([0.0], [1.0], ShapeError),
        ([], [1.0], ShapeError),
        ([1.0, 0.0], [1.0, 1.0, 1.0], DomainError),
        ([0.0, 0.0], [1.0, 1.0, 1.0], DomainError),
        ([0.0], [1.0, -0.1], DomainError),
        ([np.nan], [1.0, 1.0], DomainError),
    ],
)
def test_malformed_piecewise_linear_functions_are_refused(knots, slopes, error):
    with pytest.raises(error):
        piecewise_linear(knots, slopes)
