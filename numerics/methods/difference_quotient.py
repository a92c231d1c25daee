"""The difference quotient (H(x + λd) − H(x))/λ along a segment, without cancellation."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from ..elementary import is_exact_kind
from ..systems.system import State

ScalarFunction = Callable[[State], State]
Gradient = Callable[[State], State]

_UNIT_ROUNDOFF = 2.0**-53
_NODES = 6
_FEWER_NODES = 3
# Where three nodes are right to 2⁻³⁰, six are right to about 2⁻⁶⁰: the errors of Gauss's rule on
# a function that is analytic around the segment fall geometrically with the number of nodes.
_AGREEMENT = 2.0**-30


def difference_quotient(
    function: ScalarFunction, gradient: Gradient, x: State, direction: State, length: State
) -> State:
    """Return (H(x + λd) − H(x))/λ, shape (...), for x and d of shape (..., n) and λ of shape (...).

    λ may have any sign; where it is 0 the result is ∇H(x)ᵀd. In float64 the quotient is
    ∫₀¹ ∇H(x + θλd)ᵀd dθ by Gauss's rule with 6 nodes wherever that agrees with 3 nodes to 2⁻³⁰ of
    its magnitude, or within the rounding of H; elsewhere the quotient itself. So it is right to
    the rounding of H/λ, and for small λ to that of |∇H||d|, which is far below. For mpmath numbers
    the quotient is taken in more than twice the digits. Guaranteed for H analytic near the segment;
    for other H the error times λ stays at the rounding of H unless both rules err alike. Source:
    flowcert [D].

    >>> x, d, cube = np.array([1.0]), np.array([1.0]), lambda y: (y**3).sum(axis=-1)
    >>> length = 2.0**-40
    >>> float((cube(x + length * d) - cube(x)) / length - 3)  # 3λ is lost
    0.0
    >>> quotient = difference_quotient(cube, lambda y: 3 * y**2, x, d, np.array(length))
    >>> bool(abs(quotient - 3 - 3 * length) < 1e-15)
    True
    """
    zero = length == 0
    divisor = np.where(zero, 1, length)
    d = np.asarray(length)[..., None] * direction
    if is_exact_kind(d) or is_exact_kind(x):
        limit = (gradient(x) * direction).sum(axis=-1)
        return np.asarray(np.where(zero, limit, _in_more_digits(function, x, d) / divisor))
    slopes = gradient(x + _on_first_axis(_float_nodes()[0], d.ndim) * d)
    weights, fewer_weights = _float_nodes()[1:]
    terms = slopes * direction
    values = terms.sum(axis=-1)
    integral = np.tensordot(weights, values[:_NODES], axes=1)
    rougher = np.tensordot(fewer_weights, values[_NODES:], axes=1)
    magnitude = np.tensordot(weights, np.abs(terms[:_NODES]).sum(axis=-1), axes=1)
    end = x + d
    at_x, at_end = function(x), function(end)
    # H is as uncertain as its value is rounded, and as its argument is.
    steepness = (np.abs(slopes) * np.maximum(np.abs(x), np.abs(end))).sum(axis=-1).mean(axis=0)
    rounding = 4 * _UNIT_ROUNDOFF * (np.abs(at_x) + np.abs(at_end) + steepness)
    apart = np.abs(integral - rougher)
    agree = (apart <= _AGREEMENT * magnitude) | (apart * np.abs(length) <= rounding)
    return np.asarray(np.where(agree, integral, (at_end - at_x) / divisor))


def mean_gradient(gradient: Gradient, x: State, d: State, nodes: int) -> State:
    """Return ∫₀¹ ∇H(x + θd) dθ by Gauss's rule, shape (..., n).

    Exact up to rounding for polynomial H of degree at most 2·nodes.

    >>> mean_gradient(lambda y: 4 * y**3, np.zeros(1), np.ones(1), nodes=2).round(12).tolist()
    [1.0]
    """
    theta, weights = gauss_rule(nodes, d)
    slopes = gradient(x + _on_first_axis(theta, d.ndim) * d)
    return np.asarray((_on_first_axis(weights, d.ndim) * slopes).sum(axis=0))


def gauss_rule(nodes: int, like: State) -> tuple[State, State]:
    """Return the nodes and weights of Gauss's rule on [0, 1], in the arithmetic of ``like``.

    >>> [x.tolist() for x in gauss_rule(1, np.zeros(1))]
    [[0.5], [1.0]]
    """
    if not is_exact_kind(like):
        theta, weights = np.polynomial.legendre.leggauss(nodes)
        return (1 + theta) / 2, weights / 2
    import mpmath

    return _exact_rule(nodes, mpmath.mp.dps)


def unit_roundoff(like: State) -> Any:
    """Return the relative rounding error of the arithmetic of ``like``.

    >>> unit_roundoff(np.zeros(1)) == 2.0**-53
    True
    """
    if not is_exact_kind(like):
        return _UNIT_ROUNDOFF
    import mpmath

    return mpmath.mpf(10) ** (1 - mpmath.mp.dps)


@cache
def _float_nodes() -> tuple[State, State, State]:
    """The nodes of both rules in a row, and the weights of each."""
    theta, weights = gauss_rule(_NODES, np.zeros(1))
    fewer_theta, fewer_weights = gauss_rule(_FEWER_NODES, np.zeros(1))
    return np.concatenate([theta, fewer_theta]), weights, fewer_weights


@cache
def _exact_rule(nodes: int, digits: int) -> tuple[State, State]:
    """Newton's iteration for the zeros of the Legendre polynomial, from the float64 nodes."""
    import mpmath

    theta, weights = np.empty(nodes, dtype=object), np.empty(nodes, dtype=object)
    with mpmath.workdps(digits + 10):
        for i, start in enumerate(np.polynomial.legendre.leggauss(nodes)[0]):
            x = mpmath.mpf(float(start))
            for _ in range(int(mpmath.log(digits + 10, 2)) + 1):
                value, slope = _legendre(nodes, x)
                x = x - value / slope
            slope = _legendre(nodes, x)[1]
            theta[i], weights[i] = (1 + x) / 2, 1 / ((1 - x * x) * slope * slope)
    return theta, weights


def _legendre(k: int, x: Any) -> tuple[Any, Any]:
    """P_k(x) and P_k'(x), for x inside (−1, 1)."""
    before, value = 0 * x + 1, x
    for j in range(2, k + 1):
        before, value = value, ((2 * j - 1) * x * value - (j - 1) * before) / j
    return value, k * (before - x * value) / (1 - x * x)


def _in_more_digits(function: ScalarFunction, x: State, d: State) -> State:
    import mpmath

    with mpmath.workdps(2 * mpmath.mp.dps + 10):
        return np.asarray(function(x + d) - function(x))


def _on_first_axis(numbers: State, axes: int) -> State:
    return numbers.reshape(len(numbers), *(1,) * axes)
