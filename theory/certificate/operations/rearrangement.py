"""Reshaping and permuting axes: isometries."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....errors import ShapeError
from ....numerics.validation import FloatArray
from ...spectral.linear_map import LinearMap
from ...spectral.rearrangement import Permute as PermuteMap
from ...spectral.rearrangement import Reshape as ReshapeMap
from .linear import Linear
from .operation import Arithmetic


class Rearrangement(Linear):
    """y has the entries of x elsewhere: constant 1, the same range, no rounding."""

    def range(self, ranges: Sequence[tuple[float, float]]) -> tuple[float, float]:
        return ranges[0]

    def rounding(
        self,
        values: Sequence[FloatArray],
        output: FloatArray,
        radii: Sequence[FloatArray],
        arithmetic: Arithmetic,
    ) -> FloatArray:
        return np.zeros(len(output))

    def whole_numbers(self, attribute: str) -> tuple[int, ...]:
        """Read an attribute that is a list of whole numbers."""
        given = self.node.attributes[attribute]
        whole = isinstance(given, list | tuple) and all(type(number) is int for number in given)
        if not whole:
            raise self.malformed(f"{attribute} {given!r}")
        return tuple(given)


class Reshape(Rearrangement):
    """The entries in row-major order under the attribute ``shape``."""

    operation = "reshape"
    attributes = ("shape",)

    def read_map(self) -> LinearMap:
        shape = self.whole_numbers("shape")
        if any(length < 1 for length in shape):
            raise self.malformed(f"shape {shape}")
        try:
            return ReshapeMap(self.shapes[0], shape)
        except ShapeError as error:
            raise self.malformed(error.came) from error


class Permute(Rearrangement):
    """Axis i of y is axis ``order[i]`` of x, the batch axis not counted."""

    operation = "permute"
    attributes = ("order",)

    def read_map(self) -> LinearMap:
        try:
            return PermuteMap(self.shapes[0], self.whole_numbers("order"))
        except ShapeError as error:
            raise self.malformed(error.came) from error
