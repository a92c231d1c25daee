"""Activations, applied to each entry: their slopes, ranges and what float64 makes of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ....numerics.validation import FloatArray
from ...spectral.rounding import above
from ..graph import Shape
from .operation import Arithmetic, Factor, Inputs, Operation, batch_norms


@dataclass(frozen=True)
class Shape1D:
    """A scalar function with its slope interval: σ'(s) ∈ [``slope_min``, ``slope_max``]."""

    function: Callable[[FloatArray], FloatArray]
    slope_min: float
    slope_max: float
    piecewise_linear: bool


class Activation(Operation):
    """y = σ(x) entrywise: the constant is max|σ'|."""

    operation = "activation"
    attributes = ("function", "parameters?")

    def prepare(self) -> None:
        self.sigma = _sigma(self)

    def shape(self) -> Shape:
        return self.shapes[0]

    def evaluate(self, *values: FloatArray) -> FloatArray:
        [x] = values
        return self.sigma.function(x)

    @property
    def slopes(self) -> tuple[float, float]:
        """[a, L] with a ≤ σ' ≤ L, rounded outward."""
        return self.sigma.slope_min, self.sigma.slope_max

    def bound(self, inputs: Inputs) -> Factor:
        slope = max(abs(self.sigma.slope_min), abs(self.sigma.slope_max))
        upper = inputs.joint if slope == 1.0 else above(slope * inputs.joint)
        return Factor(upper, "slopes", {"slopes": list(self.slopes)})

    def rounding(
        self,
        values: Sequence[FloatArray],
        output: FloatArray,
        radii: Sequence[FloatArray],
        arithmetic: Arithmetic,
    ) -> FloatArray:
        if not self.sigma.piecewise_linear:
            return np.full(len(output), math.inf)
        [x], [radius] = values, radii
        slope = max(abs(self.sigma.slope_min), abs(self.sigma.slope_max))
        return np.asarray(
            2.0 * arithmetic.unit * slope * (batch_norms(x) + radius) + arithmetic.smallest
        )


def _sigma(operation: Activation) -> Shape1D:
    name = operation.node.attributes["function"]
    parameters = operation.node.attributes.get("parameters", {})
    if name == "relu" and not parameters:
        return Shape1D(lambda s: np.maximum(s, 0.0), 0.0, 1.0, True)
    if name == "leaky_relu" and set(parameters) == {"slope"}:
        a = float(parameters["slope"])
        return Shape1D(lambda s: np.where(s > 0.0, s, a * s), min(a, 1.0), max(a, 1.0), True)
    raise operation.malformed(f"the function {name!r} and parameters {parameters}")
