"""Scalar activations σ with their slope interval [a, L] and potential γ, γ' = σ."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from ...errors import DomainError, ShapeError
from ..validation import FloatArray, finite_array, in_range

ScalarMap = Callable[[FloatArray], FloatArray]
Kind = Literal["piecewise linear", "tanh", "softplus", "other"]


@dataclass(frozen=True)
class Activation:
    """A non-decreasing scalar function σ, applied componentwise.

    ``slope_min`` ≤ (σ(s) − σ(t))/(s − t) ≤ ``slope_max`` for all s ≠ t, attained or approached;
    ``derivative`` is σ' (at a kink: the slope on its right); ``potential`` is γ(s) = ∫₀ˢ σ. By
    ``kind``, ``slope_min`` and ``knots`` (where its slope jumps) theory knows σ exactly.

    >>> sigma = relu()
    >>> sigma(np.array([-1.0, 2.0]))
    array([0., 2.])
    >>> (sigma.slope_min, sigma.slope_max)
    (0.0, 1.0)
    """

    name: str
    slope_min: float
    slope_max: float
    function: ScalarMap
    derivative: ScalarMap
    potential: ScalarMap
    kind: Kind = "other"
    knots: tuple[float, ...] = ()

    def __call__(self, s: FloatArray) -> FloatArray:
        return self.function(s)


def piecewise_linear(knots: ArrayLike, slopes: ArrayLike) -> Activation:
    """Return the continuous σ with σ(0) = 0 and slope ``slopes[i]`` between knots i − 1 and i.

    ``knots`` (k,) strictly increasing, ``slopes`` (k + 1,) non-negative. Values are those of the
    exact function up to rounding. Raises DomainError or ShapeError on anything else.
    Source: flowcert [D].

    >>> hinge = piecewise_linear([-1.0, 1.0], [0.5, 1.0, 0.5])
    >>> hinge(np.array([-3.0, 0.0, 3.0]))
    array([-2.,  0.,  2.])
    """
    k = finite_array("knots", knots)
    m = finite_array("slopes", slopes)
    if k.ndim != 1 or k.size == 0 or m.shape != (k.size + 1,):
        raise ShapeError(
            came=f"knots of shape {k.shape} and slopes of shape {m.shape}",
            expected="k ≥ 1 knots and k + 1 slopes",
            remedy="One slope belongs to each interval between knots and to both ends.",
        )
    if np.any(np.diff(k) <= 0) or np.any(m < 0):
        raise DomainError(
            came=f"knots {k.tolist()} and slopes {m.tolist()}",
            expected="strictly increasing knots and slopes ≥ 0",
            remedy="Sort the knots; a decreasing activation is outside this theory.",
        )
    value, area = _integrals_at_knots(k, m)

    def piece(s: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        index = np.searchsorted(k, s, side="right")
        anchor = np.maximum(index - 1, 0)
        return s - k[anchor], m[index], value[anchor], area[anchor]

    def function(s: FloatArray) -> FloatArray:
        d, slope, left, _ = piece(s)
        return left + slope * d

    def derivative(s: FloatArray) -> FloatArray:
        return piece(s)[1]

    def potential(s: FloatArray) -> FloatArray:
        d, slope, left, below = piece(s)
        return below + d * (left + 0.5 * slope * d)

    # σ(0) = 0 and γ(0) = 0 fix the two constants of integration.
    at_zero = function(np.zeros(1))[0]
    value -= at_zero
    area -= at_zero * k
    area -= potential(np.zeros(1))[0]
    return Activation(
        f"piecewise linear, slopes {m.tolist()}",
        float(m.min()),
        float(m.max()),
        function,
        derivative,
        potential,
        "piecewise linear",
        tuple(k.tolist()),
    )


def _integrals_at_knots(k: FloatArray, m: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Values of ∫σ' and ∫∫σ' at the knots, both zero at the first one."""
    gaps = np.diff(k)
    value = np.concatenate([[0.0], np.cumsum(m[1:-1] * gaps)])
    area = np.concatenate([[0.0], np.cumsum(gaps * (value[:-1] + 0.5 * m[1:-1] * gaps))])
    return value, area


def leaky_relu(slope: float = 0.5) -> Activation:
    """Return LeakyReLU, σ(s) = max(s, slope·s); ``slope`` in [0, 1] is its slope for s < 0.

    The slope interval [slope, 1] is exact; values are rounded once. Source: the paper's activation
    (public code, slope ½) [P].

    >>> leaky_relu(0.5)(np.array([-2.0, 3.0]))
    array([-1.,  3.])
    """
    a = float(in_range("slope", slope, 0.0, 1.0))
    return Activation(
        f"LeakyReLU({a:g})",
        a,
        1.0,
        lambda s: np.maximum(s, a * s),
        lambda s: np.where(s >= 0, 1.0, a),
        lambda s: np.where(s >= 0, 0.5, 0.5 * a) * s**2,
        "piecewise linear",
        (0.0,),
    )


def relu() -> Activation:
    """Return ReLU, σ(s) = max(s, 0), slope interval [0, 1].

    >>> relu()(np.array([-2.0, 3.0]))
    array([0., 3.])
    """
    a = leaky_relu(0.0)
    return replace(a, name="ReLU", function=_positive_part)


def _positive_part(s: FloatArray) -> FloatArray:
    return np.maximum(s, 0.0)


def tanh_mixture(slope: float = 0.0) -> Activation:
    """Return σ(s) = slope·s + (1 − slope)·tanh s, slope interval [slope, 1]; slope in [0, 1].

    The upper end is attained at 0, the lower end approached at ±∞. Source: flowcert [D].

    >>> tanh_mixture(1.0)(np.array([2.0]))
    array([2.])
    """
    a = float(in_range("slope", slope, 0.0, 1.0))

    def log_cosh(s: FloatArray) -> FloatArray:
        return np.asarray(np.abs(s) + np.log1p(np.exp(-2 * np.abs(s))) - np.log(2.0))

    return Activation(
        f"{a:g}·s + {1 - a:g}·tanh s",
        a,
        1.0,
        lambda s: np.asarray(a * s + (1 - a) * np.tanh(s)),
        lambda s: a + (1 - a) * (1 - np.tanh(s) ** 2),
        lambda s: np.asarray(0.5 * a * s**2 + (1 - a) * log_cosh(s)),
        "tanh",
    )


def softplus_mixture(slope: float = 0.0) -> Activation:
    """Return σ(s) = slope·s + (1 − slope)·(log(1 + eˢ) − log 2), slope interval [slope, 1].

    Both ends are approached at ∓∞; slope in [0, 1]; σ(0) = 0. Source: flowcert [D].

    >>> softplus_mixture(0.5)(np.array([0.0]))
    array([0.])
    """
    a = float(in_range("slope", slope, 0.0, 1.0))

    def softplus(s: FloatArray) -> FloatArray:
        return np.asarray(np.maximum(s, 0.0) + np.log1p(np.exp(-np.abs(s))))

    def logistic(s: FloatArray) -> FloatArray:
        e = np.exp(-np.abs(s))
        return np.asarray(np.where(s >= 0, 1.0, e) / (1.0 + e))

    return Activation(
        f"{a:g}·s + {1 - a:g}·(softplus s − log 2)",
        a,
        1.0,
        lambda s: a * s + (1 - a) * (softplus(s) - np.log(2.0)),
        lambda s: np.asarray(a + (1 - a) * logistic(s)),
        lambda s: np.asarray(0.5 * a * s**2 + (1 - a) * (_softplus_potential(s) - np.log(2.0) * s)),
        "softplus",
    )


def _softplus_potential(s: FloatArray) -> FloatArray:
    """∫₀ˢ log(1 + eʳ) dr = −Li₂(−eˢ) − π²/12, folded to negative arguments against overflow."""
    from scipy.special import spence  # Li₂(z) = spence(1 − z)

    folded = -spence(1.0 + np.exp(-np.abs(s)))
    return np.asarray(np.where(s >= 0, 0.5 * s**2 + np.pi**2 / 12 - folded, folded - np.pi**2 / 12))
