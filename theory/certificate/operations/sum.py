"""Σᵢ cᵢ·xᵢ with constants cᵢ: residual additions among them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ....numerics.validation import FloatArray
from ...spectral.rounding import above, gamma
from ..graph import Shape
from .operation import Arithmetic, Factor, Inputs, Operation, batch_norms


class Sum(Operation):
    """y = Σᵢ cᵢxᵢ: the constant is at most Σ|cᵢ|Lᵢ, and at most |c| times that of all xᵢ jointly."""

    operation = "sum"
    arity = None
    attributes = ("coefficients",)

    def prepare(self) -> None:
        given = self.node.attributes["coefficients"]
        numbers = isinstance(given, list | tuple) and all(
            isinstance(c, int | float) and not isinstance(c, bool) and math.isfinite(c)
            for c in given
        )
        if not numbers or len(given) != len(self.shapes):
            raise self.malformed(f"the coefficients {given!r}")
        if len(set(self.shapes)) > 1:
            raise self.malformed("inputs of different shapes")
        self.coefficients = tuple(float(c) for c in given)

    def shape(self) -> Shape:
        return self.shapes[0]

    def evaluate(self, *values: FloatArray) -> FloatArray:
        return np.asarray(sum(c * x for c, x in zip(self.coefficients, values, strict=True)))

    def bound(self, inputs: Inputs) -> Factor:
        added = math.fsum(
            abs(c) * L for c, L in zip(self.coefficients, inputs.constants, strict=True)
        )
        jointly = math.hypot(*self.coefficients) * inputs.joint
        roundings = 4 * len(self.coefficients)
        return Factor(
            above(min(added, jointly), roundings), "sum", {"coefficients": list(self.coefficients)}
        )

    def range(self, ranges: Sequence[tuple[float, float]]) -> tuple[float, float]:
        ends = [
            sorted((c * low, c * high)) if c != 0.0 else [0.0, 0.0]
            for c, (low, high) in zip(self.coefficients, ranges, strict=True)
        ]
        low, high = math.fsum(e[0] for e in ends), math.fsum(e[1] for e in ends)
        slack = above(math.fsum(abs(x) for e in ends for x in e)) * 2.0**-45 + 2.0**-1000
        if not math.isfinite(slack):
            return (low if low == -math.inf else -math.inf, math.inf)
        return (low - slack, high + slack)

    def rounding(
        self,
        values: Sequence[FloatArray],
        output: FloatArray,
        radii: Sequence[FloatArray],
        arithmetic: Arithmetic,
    ) -> FloatArray:
        """γ_{n+1}·Σ|cᵢ|(|xᵢ| + radiusᵢ) for n terms, plus underflow."""
        sizes = sum(
            (
                abs(c) * (batch_norms(x) + radius)
                for c, x, radius in zip(self.coefficients, values, radii, strict=True)
            ),
            start=np.zeros(len(output)),
        )
        terms = len(self.coefficients)
        underflow = terms * math.sqrt(math.prod(self.shape())) * arithmetic.smallest
        factor = gamma(terms + 1, arithmetic.unit)
        return np.asarray((factor * sizes + underflow) * (1.0 + 2.0**-30))
