"""Transposed convolutions, as PyTorch computes them: adjoints of convolutions."""

from __future__ import annotations

import math
from collections.abc import Sequence

from numpy.typing import ArrayLike

from ...errors import DomainError, ShapeError
from ...numerics.validation import FloatArray, finite_array
from .convolution import Convolution, per_axis
from .convolution_axis import ConvolutionAxis
from .linear_map import LinearMap
from .singular_values import SingularValues


class TransposedConvolution(LinearMap):
    """The adjoint of the zero-padded convolution with the same weight, stride and padding.

    ``weight`` has shape (in, out/groups, *taps), ``input_shape`` = (in, *size); an axis of N
    pixels comes out with (N − 1)·stride − 2·padding + dilation·(taps − 1) + output_padding + 1,
    output_padding < max(stride, dilation). Raises ShapeError, DomainError. Source: PyTorch's
    definition of its transposed convolution layers.

    >>> import numpy as np
    >>> K = np.array([[[1.0, 2.0]]])
    >>> TransposedConvolution(K, (1, 2), stride=2).apply(np.array([[1.0, 10.0]])).tolist()
    [[1.0, 2.0, 10.0, 20.0]]
    """

    def __init__(
        self,
        weight: ArrayLike,
        input_shape: Sequence[int],
        *,
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] = 0,
        output_padding: int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        groups: int = 1,
    ) -> None:
        K = finite_array("weight", weight)
        shape = tuple(int(n) for n in input_shape)
        d = K.ndim - 2
        if d < 1 or 0 in K.shape or len(shape) != 1 + d or len(K) != shape[0]:
            raise ShapeError(
                came=f"a weight of shape {K.shape}, inputs {shape}",
                expected="weight (in, out/groups, *taps), input (in, *size)",
                remedy="A kernel is stored as PyTorch stores it.",
            )
        strides, dilations = per_axis("stride", stride, d), per_axis("dilation", dilation, d)
        pads, more = per_axis("padding", padding, d), per_axis("output_padding", output_padding, d)
        axes = [
            _axis(shape[1 + i], K.shape[2 + i], strides[i], pads[i], more[i], dilations[i])
            for i in range(d)
        ]
        self._set(Convolution.of_axes(K, groups, axes))

    @staticmethod
    def of(convolution: Convolution) -> TransposedConvolution:
        """Return the adjoint of a zero-padded convolution."""
        transposed = object.__new__(TransposedConvolution)
        transposed._set(convolution)
        return transposed

    def _set(self, convolution: Convolution) -> None:
        self.convolution = convolution
        self.input_shape, self.output_shape = convolution.output_shape, convolution.input_shape
        K = convolution.weight
        self.terms = len(K) // convolution.groups * math.prod(K.shape[2:])

    def apply(self, x: FloatArray) -> FloatArray:
        return self.convolution.adjoint(x)

    def adjoint(self, y: FloatArray) -> FloatArray:
        return self.convolution.apply(y)

    def absolute(self) -> TransposedConvolution:
        return TransposedConvolution.of(self.convolution.absolute())

    def singular_values(self, *, smallest: bool = False) -> SingularValues:
        from .convolution_bounds import bound_transposed_singular_values

        return bound_transposed_singular_values(self, smallest=smallest)


def _axis(
    size: int, taps: int, stride: int, padding: int, more: int, dilation: int
) -> ConvolutionAxis:
    """The axis of the convolution whose rows are the pixels that come in."""
    out = (size - 1) * stride - 2 * padding + dilation * (taps - 1) + more + 1
    if min(size, stride, dilation, out) < 1 or padding < 0 or not 0 <= more < max(stride, dilation):
        raise DomainError(
            came=f"{size} pixels, {taps} taps, stride {stride}, padding {padding}, output padding"
            f" {more}, dilation {dilation}",
            expected="pixels that come out, and 0 ≤ output padding < max(stride, dilation)",
            remedy="PyTorch refuses it too.",
        )
    return ConvolutionAxis(out, taps, stride, dilation, padding, padding, "zeros", size)
