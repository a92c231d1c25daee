"""The scale of the inputs: a certificate in pixel space counts the normalisation in front."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import DomainError, ShapeError
from ...numerics.validation import FloatArray
from ...theory.certificate.graph import Node
from .lowering import Lowering, Signal

Numbers = float | Sequence[float]


@dataclass(frozen=True)
class Pixels:
    """x ↦ (x − ``shift``)/``scale`` before the module; numbers, or one a channel (the first axis).

    >>> Pixels(scale=0.25).scale
    0.25
    """

    scale: Numbers = 1.0
    shift: Numbers = 0.0


def scale_pixels(lowering: Lowering, source: Signal, pixels: Pixels) -> Signal:
    """Emit (x − shift)/scale as x/scale − shift/scale; raises DomainError, ShapeError."""
    scale = _per_channel("pixel_scale", pixels.scale, source)
    shift = _per_channel("pixel_shift", pixels.shift, source)
    if not bool(np.all(scale > 0.0)):
        raise DomainError(
            came=f"pixel_scale = {pixels.scale}",
            expected="positive standard deviations",
            remedy="Leave constant channels unscaled: 1.",
        )
    value = source
    steps = [("shift", -shift)] if bool(np.any(shift)) else []
    for role, tensor in [*steps, ("divisor", scale)]:
        key = lowering.keep(f"pixel_{role}", tensor)
        name = lowering.unique(f"pixel_{role}")
        value = lowering.emit(
            Node(name, "diagonal", (value.name,), value.shape, {}, {role: key}, "pixel scale")
        )
    return value


def _per_channel(name: str, numbers: Numbers, source: Signal) -> FloatArray:
    array = np.asarray(numbers, dtype=np.float64)
    if not bool(np.all(np.isfinite(array))):
        raise DomainError(
            came=f"{name} = {numbers}", expected="finite numbers", remedy="Check the statistics."
        )
    if array.ndim == 0:
        return array
    if array.shape != source.shape[:1]:
        raise ShapeError(
            came=f"{name} of shape {array.shape} for inputs of {source.shape}",
            expected="one number, or one for each channel",
            remedy="The channels are the first axis of input_shape.",
        )
    return np.ascontiguousarray(array.reshape(-1, *[1] * (len(source.shape) - 1)))
