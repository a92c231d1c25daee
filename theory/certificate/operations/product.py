"""The product of two values, entry by entry."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ....numerics.validation import FloatArray
from ...interval import Interval
from ...spectral.rounding import above
from ..graph import Shape
from .operation import Arithmetic, Factor, Inputs, Operation, batch_norms, times


class Product(Operation):
    """y = x₁·x₂ entrywise, of bounded values: at most X₁L₂ + X₂L₁ with Xᵢ = sup|xᵢ|.

    x₁x₂ − x₁'x₂' = x₁(x₂ − x₂') + x₂'(x₁ − x₁'); so at most √(X₁² + X₂²)·joint, too. ∞ where a
    range is not finite, unless the other value is 0 or does not change.
    """

    operation = "product"
    arity = 2

    def prepare(self) -> None:
        if self.shapes[0] != self.shapes[1]:
            raise self.malformed("inputs of different shapes")

    def shape(self) -> Shape:
        return self.shapes[0]

    def evaluate(self, *values: FloatArray) -> FloatArray:
        x, y = values
        return np.asarray(x * y)

    def bound(self, inputs: Inputs) -> Factor:
        X, Y = (max(abs(low), abs(high)) for low, high in inputs.ranges)
        L, M = inputs.constants
        added = above(times(X, M) + times(Y, L))
        jointly = times(above(math.hypot(X, Y), 4), inputs.joint)
        return Factor(min(added, jointly), "product of bounded values", {"suprema": [X, Y]})

    def range(self, ranges: Sequence[tuple[float, float]]) -> tuple[float, float]:
        x, y = (Interval(np.asarray(low), np.asarray(high)) for low, high in ranges)
        both = x * y
        return float(both.lower), float(both.upper)

    def rounding(
        self,
        values: Sequence[FloatArray],
        output: FloatArray,
        radii: Sequence[FloatArray],
        arithmetic: Arithmetic,
    ) -> FloatArray:
        """One rounding of x̂₁x̂₂, of norm ≤ |x₁x₂| + |x₁|_∞r₂ + |x₂|_∞r₁ + r₁r₂, rᵢ the radii."""
        x, y = (np.max(np.abs(v).reshape(len(v), -1), axis=1, initial=0.0) for v in values)
        r, s = radii
        size = batch_norms(output) + _times(x, s) + _times(y, r) + _times(r, s)
        underflow = 2.0 * math.sqrt(math.prod(self.shape())) * arithmetic.smallest
        errors = 2.0 * arithmetic.unit * size + underflow
        return np.asarray(errors * (1.0 + 2.0**-30))


def _times(x: FloatArray, y: FloatArray) -> FloatArray:
    return np.array([times(float(a), float(b)) for a, b in zip(x, y, strict=True)])
