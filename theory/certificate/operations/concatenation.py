"""Values side by side along an axis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....numerics.validation import FloatArray
from ..graph import Shape
from .attributes import read_axis
from .operation import Factor, Inputs
from .selection import Selection


class Concatenate(Selection):
    """y = (x₁, x₂, …) along ``axis``: the constant is that of all xᵢ jointly, at most √ΣLᵢ²."""

    operation = "concatenate"
    arity = None
    attributes = ("axis",)

    def prepare(self) -> None:
        first = self.shapes[0]
        self.axis = read_axis(self, len(first))
        others = {shape[: self.axis] + shape[self.axis + 1 :] for shape in self.shapes}
        if len(others) > 1 or any(len(shape) != len(first) for shape in self.shapes):
            raise self.malformed("inputs that do not fit side by side")

    def shape(self) -> Shape:
        length = sum(shape[self.axis] for shape in self.shapes)
        first = self.shapes[0]
        return (*first[: self.axis], length, *first[self.axis + 1 :])

    def evaluate(self, *values: FloatArray) -> FloatArray:
        return np.concatenate(values, axis=self.axis + 1)

    def bound(self, inputs: Inputs) -> Factor:
        separately = Inputs.separate(inputs.constants, inputs.ranges).joint
        return Factor(min(separately, inputs.joint), "concatenate")

    def range(self, ranges: Sequence[tuple[float, float]]) -> tuple[float, float]:
        return min(low for low, _ in ranges), max(high for _, high in ranges)
