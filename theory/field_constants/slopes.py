"""What an activation can do on an interval: the ranges of its slopes and of its values."""

from __future__ import annotations

import numpy as np

from ...numerics import Activation
from ...numerics.validation import FloatArray
from ..interval import Interval
from ..spectral.rounding import SMALLEST, UNIT_ROUNDOFF, above, gamma, norm_above
from .cells import Ball


def preactivations(A: FloatArray, b: FloatArray, ball: Ball) -> tuple[FloatArray, FloatArray]:
    """Return ends of a_kᵀx + b_k on a ball: a_kᵀc + b_k ∓ |a_k|·radius, rounded outward.

    >>> ball = Ball(np.zeros(2), 2.0)
    >>> low, high = preactivations(np.array([[3.0, 4.0]]), np.array([1.0]), ball)
    >>> bool(-9.0001 < low[0] <= -9.0), bool(11.0 <= high[0] < 11.0001)
    (True, True)
    """
    n = A.shape[1]
    with np.errstate(over="ignore", invalid="ignore"):
        middle, size = A @ ball.centre, np.abs(A) @ np.abs(ball.centre)
    # |fl(Ac) − Ac| ≤ γ_n|A||c|, and underflow; exactly 0 for c = 0.
    lost = [above(gamma(n) * s + n * SMALLEST, n + 2) if s > 0.0 else 0.0 for s in size]
    reach = Interval.of(np.array([norm_above(row) for row in A])) * ball.radius + np.array(lost)
    shifted = Interval.of(b) + middle
    return (shifted - reach.upper).lower, (shifted + reach.upper).upper


def bound_slopes(activation: Activation, low: FloatArray, high: FloatArray) -> Interval:
    """Enclose the difference quotients of σ on each [low, high] (arrays of one shape).

    Exact for piecewise linear activations. For mixtures with tanh and softplus the slope is
    evaluated at the ends: that of tanh falls with |s|, that of softplus rises with s. Of any other
    kind nothing is known but its declared [slope_min, slope_max], which is then believed.
    Guaranteed in the arithmetic of ``theory.interval``. Source: flowcert [D].

    >>> from flowcert.numerics import leaky_relu
    >>> bound_slopes(leaky_relu(0.5), np.array([-2.0, -1.0]), np.array([-1.0, 1.0])).upper.tolist()
    [0.5, 1.0]
    """
    if activation.kind == "piecewise linear":
        return _slopes_of_pieces(activation, low, high)
    if activation.kind == "tanh":
        crossing = (low <= 0.0) & (high >= 0.0)
        near = np.where(crossing, 0.0, np.minimum(np.abs(low), np.abs(high)))
        far = np.maximum(np.abs(low), np.abs(high))
        return _mixed(activation, _tanh_slope(far).lower, _tanh_slope(near).upper)
    if activation.kind == "softplus":
        return _mixed(activation, _logistic(low).lower, _logistic(high).upper)
    return Interval(
        np.full(low.shape, activation.slope_min), np.full(low.shape, activation.slope_max)
    )


def bound_values(activation: Activation, low: FloatArray, high: FloatArray) -> Interval:
    """Enclose σ on each [low, high], from its values at the ends: σ does not decrease.

    Assumption: σ as evaluated in float64 errs by at most 64u(1 + slope_max)(1 + |s| + |knots|),
    some ten times what its formulas need. Source: flowcert [D].

    >>> from flowcert.numerics import relu
    >>> values = bound_values(relu(), np.array([-1.0]), np.array([2.0]))
    >>> bool(values.lower[0] <= 0.0 and 2.0 <= values.upper[0] < 2.0 + 1e-12)
    True
    """
    reach = max((abs(knot) for knot in activation.knots), default=0.0)
    unit = 64.0 * UNIT_ROUNDOFF * (1.0 + activation.slope_max)
    down = activation(low) - unit * (1.0 + np.abs(low) + reach)
    up = activation(high) + unit * (1.0 + np.abs(high) + reach)
    return Interval(np.asarray(down), np.asarray(up))


def _slopes_of_pieces(activation: Activation, low: FloatArray, high: FloatArray) -> Interval:
    """The slopes to the right of ``low`` and of every knot before ``high``."""
    smallest = largest = activation.derivative(low)
    for knot in activation.knots:
        within = (low < knot) & (knot < high)
        slope = activation.derivative(np.asarray(knot))
        smallest = np.where(within, np.minimum(smallest, slope), smallest)
        largest = np.where(within, np.maximum(largest, slope), largest)
    return Interval(np.asarray(smallest), np.asarray(largest))


def _mixed(activation: Activation, low: FloatArray, high: FloatArray) -> Interval:
    """a + (1 − a)·[low, high], a the smallest slope, cut to [a, 1]."""
    a = activation.slope_min
    slopes = a + (1 - Interval.of(a)) * Interval(low, high)
    return Interval(np.maximum(slopes.lower, a), np.minimum(slopes.upper, 1.0))


def _tanh_slope(s: FloatArray) -> Interval:
    """1 − tanh² s = 4e^{−2|s|}/(1 + e^{−2|s|})²."""
    e = (-2.0 * Interval.of(np.abs(s))).exponential()
    return 4.0 * e / (1.0 + e) ** 2


def _logistic(s: FloatArray) -> Interval:
    """1/(1 + e⁻ˢ)."""
    with np.errstate(over="ignore"):
        return 1.0 / (1.0 + (-Interval.of(s)).exponential())
