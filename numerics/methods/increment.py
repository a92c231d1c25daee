"""The increment H(y) − H(x) of a function along a segment, without cancellation."""

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


def increment(function: ScalarFunction, gradient: Gradient, x: State, y: State) -> State:
    """Return H(y) − H(x), shape (...), for x and y of shape (..., n) that broadcast.

    In float64 it is ∫₀¹ ∇H(x + θ(y − x))ᵀ(y − x) dθ by Gauss's rule with 6 nodes wherever that
    agrees with 3 nodes to 2⁻³⁰ of its magnitude, or within the rounding of H(y) − H(x); elsewhere
    the difference itself. So it is right to the rounding of H, and for small increments to
    the rounding of |∇H||y − x|, which is far below. For mpmath numbers the difference is taken in
    more than twice the digits. Guaranteed for H analytic near the segment; for other H the
    error stays at the rounding of H unless both rules err alike. Source: flowcert [D].

    >>> x, cube = np.array([1.0]), lambda y: (y**3).sum(axis=-1)
    >>> bool(cube(x + 2.0**-40) - cube(x) == 3 * 2.0**-40)  # 3·2⁻⁸⁰ is lost
    True
    >>> change = increment(cube, lambda y: 3 * y**2, x, x + 2.0**-40)
    >>> bool(abs(change / 2.0**-40 - 3 - 3 * 2.0**-40) < 1e-15)
    True
    """
    if is_exact_kind(x) or is_exact_kind(y):
        return _in_more_digits(function, x, y)
    d = y - x
    points = x + _on_first_axis(_float_nodes()[0], d.ndim) * d
    slopes = gradient(points)
    terms = slopes * d
    weights, fewer_weights = _float_nodes()[1:]
    values = terms.sum(axis=-1)
    integral = np.tensordot(weights, values[:_NODES], axes=1)
    rougher = np.tensordot(fewer_weights, values[_NODES:], axes=1)
    magnitude = np.tensordot(weights, np.abs(terms[:_NODES]).sum(axis=-1), axes=1)
    at_x, at_y = function(x), function(y)
    # H is as uncertain as its value is rounded, and as its argument is.
    steepness = (np.abs(slopes) * np.maximum(np.abs(x), np.abs(y))).sum(axis=-1).mean(axis=0)
    rounding = 4 * _UNIT_ROUNDOFF * (np.abs(at_x) + np.abs(at_y) + steepness)
    agree = np.abs(integral - rougher) <= np.maximum(_AGREEMENT * magnitude, rounding)
    return np.asarray(np.where(agree, integral, at_y - at_x))


def mean_gradient(gradient: Gradient, x: State, y: State, nodes: int) -> State:
    """Return ∫₀¹ ∇H(x + θ(y − x)) dθ by Gauss's rule, shape (..., n).

    Exact up to rounding for polynomial H of degree at most 2·nodes.

    >>> mean_gradient(lambda y: 4 * y**3, np.zeros(1), np.ones(1), nodes=2).tolist()
    [1.0]
    """
    d = y - x
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


def _in_more_digits(function: ScalarFunction, x: State, y: State) -> State:
    import mpmath

    with mpmath.workdps(2 * mpmath.mp.dps + 10):
        return np.asarray(function(y) - function(x))


def _on_first_axis(numbers: State, axes: int) -> State:
    return numbers.reshape(len(numbers), *(1,) * axes)
