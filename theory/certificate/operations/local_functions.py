"""Functions of unbounded slope: Lipschitz on bounded ranges that keep away from their poles."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ....numerics.validation import FloatArray
from ...spectral.rounding import above
from .scalar_function import ORIGIN, UPWARDS, WHOLE_LINE, Range, ScalarFunction

_ZERO = (0.0, 0.0)


def square() -> ScalarFunction:
    """x²: slopes 2x."""
    return ScalarFunction(
        evaluate=_square,
        slope_min=-math.inf,
        slope_max=math.inf,
        limits=(UPWARDS, UPWARDS),
        bends=(ORIGIN,),
        proportional=2.0,
        slopes_on=lambda low, high: (2.0 * low, 2.0 * high),
    )


def exp() -> ScalarFunction:
    """eˣ: slopes eˣ."""
    return ScalarFunction(
        evaluate=_exp,
        slope_min=0.0,
        slope_max=math.inf,
        limits=(_ZERO, UPWARDS),
        proportional=8.0,
        smooth=True,
        slopes_on=lambda low, high: (0.0, above(float(_exp(np.asarray(high))), 16)),
    )


def reciprocal() -> ScalarFunction:
    """1/x, away from 0: slopes −1/x²."""
    return ScalarFunction(
        evaluate=_reciprocal,
        slope_min=-math.inf,
        slope_max=math.inf,
        limits=(_ZERO, _ZERO),
        proportional=2.0,
        slopes_on=_slopes_of_reciprocal,
    )


def sqrt() -> ScalarFunction:
    """√x, above 0: slopes 1/(2√x)."""
    return ScalarFunction(
        evaluate=_sqrt,
        slope_min=-math.inf,
        slope_max=math.inf,
        limits=(WHOLE_LINE, UPWARDS),
        proportional=2.0,
        slopes_on=lambda low, high: _falling(low, lambda x: 0.5 / math.sqrt(x)),
    )


def log() -> ScalarFunction:
    """ln x, above 0: slopes 1/x."""
    return ScalarFunction(
        evaluate=_log,
        slope_min=-math.inf,
        slope_max=math.inf,
        limits=(WHOLE_LINE, UPWARDS),
        absolute=8.0,
        proportional=8.0,
        smooth=True,
        slopes_on=lambda low, high: _falling(low, lambda x: 1.0 / x),
    )


def _square(x: FloatArray) -> FloatArray:
    return np.asarray(x * x)


def _exp(x: FloatArray) -> FloatArray:
    with np.errstate(over="ignore"):
        return np.asarray(np.exp(x))


def _reciprocal(x: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", over="ignore"):
        return np.asarray(1.0 / x)


def _sqrt(x: FloatArray) -> FloatArray:
    with np.errstate(invalid="ignore"):
        return np.asarray(np.sqrt(x))


def _log(x: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.log(x))


def _falling(low: float, slope: Callable[[float], float]) -> Range:
    """Slopes that are positive and fall, on [low, ∞) above 0."""
    return (0.0, above(slope(low), 4)) if low > 0.0 else WHOLE_LINE


def _slopes_of_reciprocal(low: float, high: float) -> Range:
    if low <= 0.0 <= high:
        return WHOLE_LINE
    inverse = 1.0 / min(abs(low), abs(high))
    return (-above(inverse * inverse, 4), 0.0)
