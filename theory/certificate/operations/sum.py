"""Σᵢ cᵢ·xᵢ with constants cᵢ: residual additions among them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ....numerics.validation import FloatArray
from ...interval import Interval
from ...spectral.rounding import above, gamma
from ..graph import Shape
from .attributes import finite_number
from .operation import Arithmetic, Factor, Inputs, Operation, batch_norms, times


class Sum(Operation):
    """y = Σᵢ cᵢxᵢ: at most Σ|cᵢ|Lᵢ, and at most |c| times the joint constant of all xᵢ."""

    operation = "sum"
    arity = None
    attributes = ("coefficients",)

    def prepare(self) -> None:
        given = self.node.attributes["coefficients"]
        if not isinstance(given, list | tuple) or len(given) != len(self.shapes):
            raise self.malformed(f"the coefficients {given!r}")
        if len(set(self.shapes)) > 1:
            raise self.malformed("inputs of different shapes")
        try:
            self.coefficients = tuple(finite_number("coefficient", c) for c in given)
        except ValueError as error:
            raise self.malformed(str(error)) from error

    def shape(self) -> Shape:
        return self.shapes[0]

    def evaluate(self, *values: FloatArray) -> FloatArray:
        return np.asarray(sum(c * x for c, x in zip(self.coefficients, values, strict=True)))

    def bound(self, inputs: Inputs) -> Factor:
        pairs = zip(self.coefficients, inputs.constants, strict=True)
        roundings = 4 * len(self.coefficients)
        added = above(sum(times(abs(c), L) for c, L in pairs), roundings)
        jointly = times(above(math.hypot(*self.coefficients), roundings), inputs.joint)
        upper = min(added, jointly)
        return Factor(upper, "sum", {"coefficients": list(self.coefficients)})

    def range(self, ranges: Sequence[tuple[float, float]]) -> tuple[float, float]:
        total = Interval.of(0.0)
        for c, (low, high) in zip(self.coefficients, ranges, strict=True):
            total = total + c * Interval(np.asarray(low), np.asarray(high))
        return float(total.lower), float(total.upper)

    def rounding(
        self,
        values: Sequence[FloatArray],
        output: FloatArray,
        radii: Sequence[FloatArray],
        arithmetic: Arithmetic,
    ) -> FloatArray:
        """γ_{n+1}·Σ|cᵢ|(|xᵢ| + radiusᵢ) for n terms, plus underflow."""
        sizes = np.zeros(len(output))
        for c, x, radius in zip(self.coefficients, values, radii, strict=True):
            if c != 0.0:  # 0·∞ would be NaN
                sizes += abs(c) * (batch_norms(x) + radius)
        terms = len(self.coefficients)
        underflow = terms * math.sqrt(math.prod(self.shape())) * arithmetic.smallest
        factor = gamma(terms + 1, arithmetic.unit)
        return np.asarray((factor * sizes + underflow) * (1.0 + 2.0**-30))
