"""Convolutions of images with any number of axes, as PyTorch computes them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...errors import DomainError, ShapeError
from ...numerics.validation import FloatArray, finite_array
from .convolution_axis import ConvolutionAxis
from .linear_map import LinearMap
from .padding import Mode
from .rounding import above
from .singular_values import SingularValues

Padding = int | Sequence[int | tuple[int, int] | Sequence[int]]

Index = tuple[Any, ...]  # slices, integers and arrays for the axes of an array
_Batched = Callable[[FloatArray], FloatArray]

_LARGEST_IMAGE = 2**29  # entries of the padded image
_BATCH = 2**22  # entries of padded images that are treated at a time


class Convolution(LinearMap):
    """y[o, p] = Σ_{c, t} K[o, c, t]·x̂[c, p·stride + t·dilation], x̂ the padded image.

    ``weight`` K has shape (out, in/groups, *taps), the image ``input_shape`` = (in, *size);
    ``padding`` counts pixels, an integer or an integer or pair (low, high) an axis. Channels of
    the g-th group of outputs see those of the g-th group of inputs. Raises ShapeError, and
    DomainError for what PyTorch refuses. Source: PyTorch's definition of its convolution layers.

    >>> K = np.array([[[1.0, 1.0]]])
    >>> Convolution(K, (1, 3)).apply(np.array([[1.0, 2.0, 4.0]])).tolist()
    [[3.0, 6.0]]
    """

    def __init__(
        self,
        weight: ArrayLike,
        input_shape: Sequence[int],
        *,
        stride: int | Sequence[int] = 1,
        padding: Padding = 0,
        dilation: int | Sequence[int] = 1,
        groups: int = 1,
        mode: Mode = "zeros",
    ) -> None:
        K = finite_array("weight", weight)
        shape = tuple(int(n) for n in input_shape)
        _check_shapes(K, shape, groups)
        d = K.ndim - 2
        strides, dilations = per_axis("stride", stride, d), per_axis("dilation", dilation, d)
        pads = pads_per_axis(padding, d)
        axes = [
            ConvolutionAxis.of(
                size=shape[1 + i],
                taps=K.shape[2 + i],
                stride=strides[i],
                dilation=dilations[i],
                low=pads[i][0],
                high=pads[i][1],
                mode=mode,
            )
            for i in range(d)
        ]
        self._set(K, groups, axes)

    @staticmethod
    def of_axes(weight: FloatArray, groups: int, axes: Sequence[ConvolutionAxis]) -> Convolution:
        """Return the convolution along axes that are there already."""
        shape = (weight.shape[1] * groups, *(axis.size for axis in axes))
        _check_shapes(weight, shape, groups)
        convolution = object.__new__(Convolution)
        convolution._set(weight, groups, axes)
        return convolution

    def _set(self, weight: FloatArray, groups: int, axes: Sequence[ConvolutionAxis]) -> None:
        entries = weight.shape[1] * groups * math.prod(axis.padded for axis in axes)
        if entries > _LARGEST_IMAGE:
            raise DomainError(
                came=f"a padded image of {entries} entries",
                expected=f"at most {_LARGEST_IMAGE}",
                remedy="Use a smaller image or less padding.",
            )
        self.weight, self.groups, self.axes = weight, groups, tuple(axes)
        self.input_shape = (weight.shape[1] * groups, *(axis.size for axis in axes))
        self.output_shape = (len(weight), *(axis.rows for axis in axes))
        self.terms = math.prod(weight.shape[1:])

    @property
    def mode(self) -> Mode:
        return self.axes[0].mode

    def with_weight(self, weight: FloatArray) -> Convolution:
        """The same convolution with other numbers, of the same shape."""
        return Convolution.of_axes(weight, self.groups, self.axes)

    def group(self, index: int) -> Convolution:
        """The convolution of one group of channels: the whole is their direct sum."""
        size = len(self.weight) // self.groups
        return Convolution.of_axes(self.weight[index * size : (index + 1) * size], 1, self.axes)

    def apply(self, x: FloatArray) -> FloatArray:
        return self._in_batches(x, self.input_shape, self.output_shape, self._apply)

    def adjoint(self, y: FloatArray) -> FloatArray:
        return self._in_batches(y, self.output_shape, self.input_shape, self._adjoint)

    def absolute(self) -> Convolution:
        """The convolution with |K|: entries Σ|Kₜ| ≥ |aᵢⱼ|, equal unless padding makes taps meet."""
        return self.with_weight(np.abs(self.weight))

    def singular_values(self, *, smallest: bool = False) -> SingularValues:
        from .convolution_bounds import bound_singular_values

        return bound_singular_values(self, smallest=smallest)

    def bound_absolute_norm(self) -> float:
        """Bound ‖|A|‖ from the sums of |K| and the multiplicities of pixels; no image is needed."""
        size = np.abs(self.weight)
        grouped = size.reshape(self.groups, -1, *size.shape[1:])
        d = tuple(range(2, size.ndim))
        rows = float(np.max(np.sum(size, axis=(1, *d))))
        columns = float(np.max(np.sum(grouped, axis=(1, *(i + 1 for i in d)))))
        copies = math.prod(axis.multiplicity for axis in self.axes)
        return above(math.sqrt(rows) * math.sqrt(columns * copies), size.size + 4)

    def _in_batches(
        self,
        x: FloatArray,
        shape: tuple[int, ...],
        result: tuple[int, ...],
        function: _Batched,
    ) -> FloatArray:
        x = np.asarray(x, dtype=np.float64)
        batch = x.shape[: x.ndim - len(shape)]
        if x.shape[len(batch) :] != shape:
            raise ShapeError(
                came=f"an array of shape {x.shape}",
                expected=f"shape (..., {', '.join(map(str, shape))})",
                remedy="Channels come before the axes of the image, batches before channels.",
            )
        flat = x.reshape(-1, *shape)
        padded = math.prod(axis.padded for axis in self.axes)
        step = max(1, _BATCH // (padded * self.input_shape[0]))
        y = np.empty((len(flat), *result))
        for start in range(0, len(flat), step):
            y[start : start + step] = function(flat[start : start + step])
        return y.reshape(*batch, *result)

    def _apply(self, x: FloatArray) -> FloatArray:
        """Channels first, then the batch: one matrix product a tap."""
        inputs = self._pad(np.moveaxis(x, 0, 1))
        count, rows = len(x), self.output_shape[1:]
        channels = self.weight.shape[1]
        y = np.zeros((self.groups, len(self.weight) // self.groups, count * math.prod(rows)))
        for K, read in self._taps():
            y += K @ inputs[read].reshape(self.groups, channels, -1)
        return np.moveaxis(y.reshape(len(self.weight), count, *rows), 1, 0)

    def _adjoint(self, y: FloatArray) -> FloatArray:
        count, rows = len(y), self.output_shape[1:]
        outputs = np.moveaxis(y, 0, 1).reshape(self.groups, len(self.weight) // self.groups, -1)
        x = np.zeros((self.input_shape[0], count, *(axis.padded for axis in self.axes)))
        for K, read in self._taps():
            x[read] += (K.swapaxes(1, 2) @ outputs).reshape(-1, count, *rows)
        return np.moveaxis(self._unpad(x), 1, 0)

    def _taps(self) -> Iterator[tuple[FloatArray, Index]]:
        """Each tap (groups, out/groups, in/groups), and the padded pixels that it reads."""
        grouped = self.weight.reshape(self.groups, -1, *self.weight.shape[1:])
        for tap in np.ndindex(*self.weight.shape[2:]):
            at: Index = (..., *tap)
            reads = (axis.read_by(t) for axis, t in zip(self.axes, tap, strict=True))
            yield np.ascontiguousarray(grouped[at]), (..., *reads)

    def _pad(self, x: FloatArray) -> FloatArray:
        for i, axis in enumerate(self.axes):
            if not axis.low and not axis.high:
                continue
            indices = axis.indices
            x = np.take(x, np.maximum(indices, 0), axis=2 + i)
            if axis.mode == "zeros":
                x[(slice(None),) * (2 + i) + (indices < 0,)] = 0.0
        return x

    def _unpad(self, x: FloatArray) -> FloatArray:
        """The adjoint of ``_pad``: what was copied is added up."""
        for i, axis in enumerate(self.axes):
            before: Index = (slice(None),) * (2 + i)
            inner = slice(axis.low, axis.low + axis.size)
            kept = x[(*before, inner)]
            if axis.mode != "zeros" and (axis.low or axis.high):
                kept = kept.copy()
                for position, pixel in enumerate(axis.indices):
                    if not inner.start <= position < inner.stop:
                        kept[(*before, pixel)] += x[(*before, position)]
            x = kept
        return x


def per_axis(name: str, value: int | Sequence[int], axes: int) -> tuple[int, ...]:
    """Return one integer an axis; raises ShapeError for another number of them."""
    values = (value,) * axes if isinstance(value, int) else tuple(value)
    if len(values) != axes:
        raise ShapeError(
            came=f"{name} = {value!r}",
            expected=f"one integer, or {axes}: one an axis of the image",
            remedy="Give one number for each axis.",
        )
    return tuple(int(v) for v in values)


def pads_per_axis(padding: Padding, axes: int) -> tuple[tuple[int, int], ...]:
    """Return (low, high) an axis; raises ShapeError for what is not."""
    values = (padding,) * axes if isinstance(padding, int) else tuple(padding)
    pairs = [(p, p) if isinstance(p, int) else tuple(p) for p in values]
    if len(pairs) != axes or any(len(pair) != 2 for pair in pairs):
        raise ShapeError(
            came=f"padding = {padding!r}",
            expected=f"an integer, or {axes} integers or pairs (low, high)",
            remedy="Give one number or pair for each axis of the image.",
        )
    return tuple((int(low), int(high)) for low, high in pairs)


def _check_shapes(weight: FloatArray, input_shape: tuple[int, ...], groups: int) -> None:
    d = weight.ndim - 2
    fits = (
        d >= 1
        and 0 not in weight.shape
        and len(input_shape) == 1 + d
        and groups >= 1
        and len(weight) % groups == 0
        and input_shape[0] == weight.shape[1] * groups
    )
    if not fits:
        raise ShapeError(
            came=f"a weight of shape {weight.shape}, {groups} groups, inputs {input_shape}",
            expected="weight (out, in/groups, *taps), input (in, *size), groups that divide out",
            remedy="A kernel is stored as PyTorch stores it; a signal has one axis, an image two.",
        )
