"""The larger or the smaller of two values, entry by entry."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....numerics.validation import FloatArray
from ..graph import Shape
from .operation import Factor, Inputs
from .selection import Selection


class Extremum(Selection):
    """y = max(x₁, x₂) or min(x₁, x₂), as ``kind`` says: "maximum" or "minimum".

    |max(s, t) − max(s', t')| ≤ max(|s − s'|, |t − t'|): at most the joint constant of the two.
    """

    operation = "extremum"
    arity = 2
    attributes = ("kind",)

    def prepare(self) -> None:
        self.kind = self.node.attributes["kind"]
        if self.kind not in ("maximum", "minimum"):
            raise self.malformed(f"the kind {self.kind!r}")
        if self.shapes[0] != self.shapes[1]:
            raise self.malformed("inputs of different shapes")

    def shape(self) -> Shape:
        return self.shapes[0]

    def evaluate(self, *values: FloatArray) -> FloatArray:
        x, y = values
        return np.maximum(x, y) if self.kind == "maximum" else np.minimum(x, y)

    def bound(self, inputs: Inputs) -> Factor:
        separately = Inputs.separate(inputs.constants, inputs.ranges).joint
        return Factor(min(separately, inputs.joint), self.kind)

    def range(self, ranges: Sequence[tuple[float, float]]) -> tuple[float, float]:
        (low, high), (other_low, other_high) = ranges
        if self.kind == "maximum":
            return max(low, other_low), max(high, other_high)
        return min(low, other_low), min(high, other_high)
