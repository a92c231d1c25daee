"""Mean 0 and variance 1 over some axes: the core of layer, group and instance normalisation."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ....numerics.validation import FloatArray
from ...spectral.rounding import above, gamma
from ..graph import Shape
from .attributes import read_axes, read_number
from .operation import Arithmetic, Factor, Inputs, Operation, batch_norms, times


class Standardise(Operation):
    """y = (x − mean)/√(var + ε) over ``axes``, var = mean of (x − mean)²; ε = ``epsilon`` > 0.

    The constant is 1/√ε, exactly (0 for groups of one entry). z = x − mean is an orthogonal
    projection of x; with s² = |z|²/n + ε the Jacobian of z/s is (I − zzᵀ/(ns²))/s, symmetric, with
    the eigenvalues 1/s and ε/s³, at most 1/√ε, attained at z = 0.
    """

    operation = "standardise"
    attributes = ("axes", "epsilon")

    def prepare(self) -> None:
        [shape] = self.shapes
        self.axes = read_axes(self, len(shape))
        self.terms = math.prod(shape[axis] for axis in self.axes)
        self.epsilon = read_number(self, "epsilon")
        if self.epsilon <= 0.0:
            raise self.malformed(f"epsilon = {self.epsilon}: its slopes are unbounded")

    def shape(self) -> Shape:
        return self.shapes[0]

    def evaluate(self, *values: FloatArray) -> FloatArray:
        [x] = values
        axes = tuple(axis + 1 for axis in self.axes)
        z = x - np.mean(x, axis=axes, keepdims=True)
        variance = np.mean(z * z, axis=axes, keepdims=True)
        return np.asarray(z / np.sqrt(variance + self.epsilon))

    @property
    def steepness(self) -> float:
        """1/√ε, rounded upwards."""
        return above(1.0 / math.sqrt(self.epsilon), 3) if self.terms > 1 else 0.0

    def bound(self, inputs: Inputs) -> Factor:
        return Factor(times(self.steepness, inputs.joint), "standardise", {"epsilon": self.epsilon})

    def range(self, ranges: Sequence[tuple[float, float]]) -> tuple[float, float]:
        """|zᵢ| ≤ √((n − 1)/n)·|z| as z has mean 0, so |yᵢ| ≤ √(n − 1); also ≤ (high − low)/√ε."""
        [(low, high)] = ranges
        if self.terms == 1:
            return (0.0, 0.0)
        top = min(above(math.sqrt(self.terms - 1.0)), times(self.steepness, above(high - low, 2)))
        return (-top, top)

    def rounding(
        self,
        values: Sequence[FloatArray],
        output: FloatArray,
        radii: Sequence[FloatArray],
        arithmetic: Arithmetic,
    ) -> FloatArray:
        """γ_{4n+32}((|x| + radius)/√ε + √N), in float64 alone.

        z is computed to γ_{n+2}|x|, which z/s magnifies at most by 1/√ε; s² from that z to γ_{n+4},
        and |y| ≤ √N. Assumed: mean and variance by two passes, or by an algorithm within four times
        these errors (Welford's, or x·(1/s) − mean·(1/s), are: see the tests).
        """
        if arithmetic.name != "float64":
            return np.full(len(output), math.inf)
        [x], [radius] = values, radii
        root = 1.0 / math.sqrt(self.epsilon)
        sizes = (batch_norms(x) + radius) * root + math.sqrt(math.prod(self.shape()))
        return np.asarray(gamma(4 * self.terms + 32) * sizes * (1.0 + 2.0**-30))
