"""Activations made of straight pieces, and those with curved ones but plain arithmetic."""

from __future__ import annotations

import math

import numpy as np

from ....numerics.validation import FloatArray
from .scalar_function import DOWNWARDS, ORIGIN, UPWARDS, Bend, ScalarFunction


def relu() -> ScalarFunction:
    """max(x, 0)."""
    return hardtanh(min=0.0)


def relu6() -> ScalarFunction:
    """min(max(x, 0), 6)."""
    return hardtanh(min=0.0, max=6.0)


def hardtanh(
    *,
    min: float | None = None,  # noqa: A002 (as torch.clamp calls it)
    max: float | None = None,  # noqa: A002 (likewise)
) -> ScalarFunction:
    """x, clamped to [min, max]; an absent end does not clamp (torch.clamp)."""
    low, high = -math.inf if min is None else min, math.inf if max is None else max
    if low > high:
        raise ValueError(f"min = {low} is above max = {high}")
    return ScalarFunction(
        evaluate=lambda x: np.clip(x, low, high),
        slope_min=0.0 if math.isfinite(low) or math.isfinite(high) else 1.0,
        slope_max=1.0,
        limits=((low, low), (high, high)),
        absolute=2.0 * _largest_rounded(low, high),
    )


def leaky_relu(*, slope: float = 0.01) -> ScalarFunction:
    """x where x > 0, else slope·x."""
    return prelu(np.asarray(slope))


def prelu(slope: FloatArray) -> ScalarFunction:
    """x where x > 0, else slope·x, with slopes that broadcast against x."""
    low, high = float(np.min(slope)), float(np.max(slope))
    left = (_limit(-high), _limit(-low))
    return ScalarFunction(
        evaluate=lambda x: np.where(x > 0.0, x, slope * x),
        slope_min=min(low, 1.0),
        slope_max=max(high, 1.0),
        limits=(left, UPWARDS),
        bends=(ORIGIN,),
        relative=2.0 * max(abs(low), abs(high)),
    )


def absolute() -> ScalarFunction:
    """|x|."""
    return ScalarFunction(
        evaluate=np.abs,
        slope_min=-1.0,
        slope_max=1.0,
        limits=(UPWARDS, UPWARDS),
        bends=(ORIGIN,),
    )


def negative() -> ScalarFunction:
    """−x."""
    return ScalarFunction(
        evaluate=np.negative, slope_min=-1.0, slope_max=-1.0, limits=(UPWARDS, DOWNWARDS)
    )


def threshold(*, threshold: float, value: float) -> ScalarFunction:
    """x where x > threshold, else value: continuous only if the two are equal."""
    if threshold != value:
        raise ValueError(f"threshold = {threshold} and value = {value} differ: it jumps")
    return hardtanh(min=value)


def softshrink(*, lambd: float = 0.5) -> ScalarFunction:
    """x − lambd above lambd, x + lambd below −lambd, 0 between."""
    if lambd < 0.0:
        raise ValueError(f"lambd = {lambd} is negative: it jumps")
    return ScalarFunction(
        evaluate=lambda x: x - np.clip(x, -lambd, lambd),
        slope_min=0.0,
        slope_max=1.0,
        limits=(DOWNWARDS, UPWARDS),
        relative=2.0,  # that of lambd itself among them: there |x| > lambd
    )


def hardsigmoid() -> ScalarFunction:
    """min(max(x + 3, 0), 6)/6."""
    return ScalarFunction(
        evaluate=lambda x: np.clip(x + 3.0, 0.0, 6.0) / 6.0,
        slope_min=0.0,
        slope_max=math.nextafter(1.0 / 6.0, 1.0),
        limits=((0.0, 0.0), (1.0, 1.0)),
        relative=1.0,
        absolute=4.0,
    )


def hardswish() -> ScalarFunction:
    """x·min(max(x + 3, 0), 6)/6: its slope (2x + 3)/6 on [−3, 3] is in [−½, 3/2]."""
    return ScalarFunction(
        evaluate=lambda x: x * (np.clip(x + 3.0, 0.0, 6.0) / 6.0),
        slope_min=-0.5,
        slope_max=1.5,
        limits=((0.0, 0.0), UPWARDS),
        bends=(Bend((-1.5, -1.5), (-0.375, -0.375)),),
        relative=8.0,
    )


def softsign() -> ScalarFunction:
    """x/(1 + |x|): its slope (1 + |x|)⁻² is in (0, 1]."""
    return ScalarFunction(
        evaluate=lambda x: x / (1.0 + np.abs(x)),
        slope_min=0.0,
        slope_max=1.0,
        limits=((-1.0, -1.0), (1.0, 1.0)),
        proportional=4.0,
    )


def _limit(slope: float) -> float:
    """What slope·x tends to at ∞."""
    return math.copysign(math.inf, slope) if slope != 0.0 else 0.0


def _largest_rounded(*ends: float) -> float:
    """The largest end that float32 does not hold, and a network in float32 rounds; 0 if none."""
    with np.errstate(over="ignore"):
        rounded = [abs(end) for end in ends if float(np.float32(end)) != end]
    return max(rounded, default=0.0)
