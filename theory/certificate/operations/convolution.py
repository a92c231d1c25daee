"""Convolutions and transposed convolutions, channels first."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....errors import FlowcertError
from ....numerics.validation import FloatArray
from ...spectral.convolution import Convolution as ConvolutionMap
from ...spectral.linear_map import LinearMap
from ...spectral.padding import MODES
from ...spectral.transposed_convolution import TransposedConvolution as TransposedMap
from .linear import Linear


class Convolution(Linear):
    """``weight`` (out, in/groups, *taps), ``bias`` (out,) of a value (in, *size)."""

    operation = "convolution"
    attributes = ("stride", "padding", "mode", "dilation", "groups")
    tensors = ("weight", "bias?")

    def read_map(self) -> LinearMap:
        weight, given = self.weights["weight"], self.node.attributes
        axes = weight.ndim - 2
        padding = given["padding"]
        if not isinstance(padding, list | tuple) or len(padding) != axes:
            raise self.malformed(f"padding {padding!r}")
        if given["mode"] not in MODES:
            raise self.malformed(f"the padding mode {given['mode']!r}")
        pads = [_integers(self, "padding", pair, 2, 0) for pair in padding]
        stride = _integers(self, "stride", given["stride"], axes, 1)
        dilation = _integers(self, "dilation", given["dilation"], axes, 1)
        [groups] = _integers(self, "groups", [given["groups"]], 1, 1)
        try:
            convolution = ConvolutionMap(
                weight,
                self.shapes[0],
                stride=stride,
                padding=pads,
                dilation=dilation,
                groups=groups,
                mode=given["mode"],
            )
        except FlowcertError as error:
            raise self.malformed(error.came) from error
        self.shift = _shift(self, convolution)
        return convolution


class TransposedConvolution(Linear):
    """``weight`` (in, out/groups, *taps), ``bias`` (out,) of a value (in, *size)."""

    operation = "transposed_convolution"
    attributes = ("stride", "padding", "output_padding", "dilation", "groups")
    tensors = ("weight", "bias?")

    def read_map(self) -> LinearMap:
        weight, given = self.weights["weight"], self.node.attributes
        axes = weight.ndim - 2
        [groups] = _integers(self, "groups", [given["groups"]], 1, 1)
        try:
            transposed = TransposedMap(
                weight,
                self.shapes[0],
                stride=_integers(self, "stride", given["stride"], axes, 1),
                padding=_integers(self, "padding", given["padding"], axes, 0),
                output_padding=_integers(self, "output_padding", given["output_padding"], axes, 0),
                dilation=_integers(self, "dilation", given["dilation"], axes, 1),
                groups=groups,
            )
        except FlowcertError as error:
            raise self.malformed(error.came) from error
        self.shift = _shift(self, transposed)
        return transposed


def _integers(operation: Linear, name: str, values: Any, count: int, lowest: int) -> list[int]:
    """``count`` integers of at least ``lowest``; everything else is malformed."""
    fits = (
        isinstance(values, list | tuple)
        and len(values) == count
        and all(isinstance(v, int) and not isinstance(v, bool) and v >= lowest for v in values)
    )
    if not fits:
        raise operation.malformed(f"{name} {values!r}")
    return [int(v) for v in values]


def _shift(operation: Linear, linear: LinearMap) -> FloatArray | None:
    """The bias of each output channel, with the axes of the image behind it."""
    bias = operation.weights.get("bias")
    if bias is None:
        return None
    channels, *image = linear.output_shape
    if bias.shape != (channels,):
        raise operation.malformed(f"a bias of shape {bias.shape}")
    return np.asarray(bias.reshape(channels, *(1 for _ in image)))
