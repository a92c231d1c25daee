"""The Euclidean norm over some axes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ....numerics.validation import FloatArray
from ...interval import Interval
from ...spectral.rounding import gamma
from ..graph import Shape
from .attributes import read_axes
from .operation import Arithmetic, Factor, Inputs, Operation, batch_norms


class VectorNorm(Operation):
    """y = |x| over ``axes``, which are dropped: ||x| − |x'|| ≤ |x − x'|, so the constant is 1."""

    operation = "vector_norm"
    attributes = ("axes",)

    def prepare(self) -> None:
        [shape] = self.shapes
        self.axes = read_axes(self, len(shape))
        self.terms = math.prod(shape[axis] for axis in self.axes)

    def shape(self) -> Shape:
        return tuple(n for axis, n in enumerate(self.shapes[0]) if axis not in self.axes)

    def evaluate(self, *values: FloatArray) -> FloatArray:
        [x] = values
        axes = tuple(axis + 1 for axis in self.axes)
        scale = np.max(np.abs(x), axis=axes, keepdims=True)
        scale = np.where((scale > 0.0) & np.isfinite(scale), scale, 1.0)
        norms = np.sqrt(np.sum((x / scale) ** 2, axis=axes, keepdims=True)) * scale
        return np.asarray(np.squeeze(norms, axis=axes))

    def bound(self, inputs: Inputs) -> Factor:
        return Factor(inputs.joint, "norm")

    def range(self, ranges: Sequence[tuple[float, float]]) -> tuple[float, float]:
        [(low, high)] = ranges
        entries = Interval(np.asarray(low), np.asarray(high)).absolute()
        norms = entries * Interval.of(self.terms).square_root()
        return float(norms.lower), float(norms.upper)

    def rounding(
        self,
        values: Sequence[FloatArray],
        output: FloatArray,
        radii: Sequence[FloatArray],
        arithmetic: Arithmetic,
    ) -> FloatArray:
        """γ_{n+4}(|x| + radius), and √(n·smallest) for squares that underflow.

        The sum of squares may be computed in any order, and with a common factor taken out first;
        assumed is that no square overflows.
        """
        [x], [radius] = values, radii
        sizes = batch_norms(x) + radius
        underflow = math.sqrt(math.prod(self.shape()) * self.terms * arithmetic.smallest)
        errors = gamma(self.terms + 4, arithmetic.unit) * sizes + 2.0 * underflow
        return np.asarray(errors * (1.0 + 2.0**-30))
