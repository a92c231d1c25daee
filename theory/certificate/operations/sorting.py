"""Entries in order along an axis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....numerics.validation import FloatArray
from ..graph import Shape
from .attributes import read_axis
from .operation import Factor, Inputs
from .selection import Selection


class Sort(Selection):
    """y = x, sorted along ``axis``: the constant is 1.

    ⟨x, x'⟩ ≤ ⟨sort x, sort x'⟩ by the rearrangement inequality, so |sort x − sort x'| ≤ |x − x'|.
    Group sorts (MaxMin, OPLU, GroupSort) are a reshape before and after.
    """

    operation = "sort"
    attributes = ("axis", "descending")

    def prepare(self) -> None:
        self.axis = read_axis(self, len(self.shapes[0]))
        self.descending = self.node.attributes["descending"]
        if not isinstance(self.descending, bool):
            raise self.malformed(f"descending = {self.descending!r}")

    def shape(self) -> Shape:
        return self.shapes[0]

    def evaluate(self, *values: FloatArray) -> FloatArray:
        [x] = values
        ordered = np.sort(x, axis=self.axis + 1)
        return np.flip(ordered, axis=self.axis + 1) if self.descending else ordered

    def bound(self, inputs: Inputs) -> Factor:
        return Factor(inputs.joint, "sort")

    def range(self, ranges: Sequence[tuple[float, float]]) -> tuple[float, float]:
        [both] = ranges
        return both
