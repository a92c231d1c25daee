"""Maps that only move entries: reshaping and permuting axes, isometries both."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ...errors import ShapeError
from ...numerics.validation import FloatArray
from .linear_map import LinearMap, Shape
from .singular_values import SingularValues


class Rearrangement(LinearMap):
    """A permutation of the entries: every singular value is exactly 1, and nothing is rounded."""

    terms = 0

    def absolute(self) -> Rearrangement:
        return self

    def singular_values(self, *, smallest: bool = False) -> SingularValues:
        return SingularValues(1.0, 1.0, 1.0, "permutation of the entries")

    def absolute_norm(self) -> float:
        return 1.0


class Reshape(Rearrangement):
    """The same entries in the same (row-major) order under another shape.

    >>> Reshape((2, 3), (6,)).apply(np.ones((5, 2, 3))).shape
    (5, 6)
    """

    def __init__(self, input_shape: Shape, output_shape: Shape) -> None:
        self.input_shape, self.output_shape = tuple(input_shape), tuple(output_shape)
        if math.prod(self.input_shape) != math.prod(self.output_shape):
            raise ShapeError(
                came=f"a reshape of {self.input_shape} to {self.output_shape}",
                expected="as many entries after as before",
                remedy="Keep the batch axis out of both shapes.",
            )

    def apply(self, x: FloatArray) -> FloatArray:
        return x.reshape((*_batch(x, self.input_shape), *self.output_shape))

    def adjoint(self, y: FloatArray) -> FloatArray:
        return y.reshape((*_batch(y, self.output_shape), *self.input_shape))


class Permute(Rearrangement):
    """Axes in another order: axis i of the result is axis ``order[i]`` of the value.

    >>> Permute((2, 3, 4), (2, 0, 1)).output_shape
    (4, 2, 3)
    """

    def __init__(self, input_shape: Shape, order: Sequence[int]) -> None:
        self.input_shape, self.order = tuple(input_shape), tuple(order)
        if sorted(self.order) != list(range(len(self.input_shape))):
            raise ShapeError(
                came=f"the order {self.order} of axes for {self.input_shape}",
                expected=f"each of 0, …, {len(self.input_shape) - 1} once",
                remedy="Count the axes without the batch axis.",
            )
        self.output_shape = tuple(self.input_shape[axis] for axis in self.order)

    def apply(self, x: FloatArray) -> FloatArray:
        return _permute(x, self.order)

    def adjoint(self, y: FloatArray) -> FloatArray:
        return _permute(y, tuple(int(axis) for axis in np.argsort(self.order)))


def _permute(x: FloatArray, order: Sequence[int]) -> FloatArray:
    batch = x.ndim - len(order)
    return np.transpose(x, (*range(batch), *(batch + axis for axis in order)))


def _batch(x: FloatArray, shape: Shape) -> Shape:
    return x.shape[: x.ndim - len(shape)]
