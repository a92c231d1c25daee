"""Activations, applied to each entry: their slopes, ranges and what an execution makes of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ....errors import DataError
from ....numerics.validation import FloatArray
from ..graph import Shape
from .activation_functions import scalar_function
from .operation import Arithmetic, Factor, Inputs, Operation, batch_norms, times
from .piecewise_linear import prelu
from .scalar_function import ScalarFunction


class Activation(Operation):
    """y = σ(x) entrywise: the constant is max|σ'|.

    ``function`` is a name of ``activation_functions.FUNCTIONS`` with its ``parameters``, or prelu
    with the tensor ``slope``: one entry, or one for each index of axis 0.
    """

    operation = "activation"
    attributes = ("function", "parameters?")
    tensors = ("slope?",)

    def prepare(self) -> None:
        self.sigma = self._read()

    def shape(self) -> Shape:
        return self.shapes[0]

    def evaluate(self, *values: FloatArray) -> FloatArray:
        [x] = values
        with np.errstate(over="ignore"):  # exp of a large number: what uses it saturates
            return np.asarray(self.sigma.evaluate(x))

    @property
    def slopes(self) -> tuple[float, float]:
        """[a, L] with a ≤ σ' ≤ L on the whole line, rounded outward."""
        return self.sigma.slope_min, self.sigma.slope_max

    def bound(self, inputs: Inputs) -> Factor:
        [(low, high)] = inputs.ranges
        steepness = self.sigma.steepness(low, high)
        slopes = self.sigma.slopes_within(low, high)
        return Factor(times(steepness, inputs.joint), "slopes", {"slopes": list(slopes)})

    def range(self, ranges: Sequence[tuple[float, float]]) -> tuple[float, float]:
        [(low, high)] = ranges
        with np.errstate(over="ignore"):
            return self.sigma.range_within(low, high)

    def rounding(
        self,
        values: Sequence[FloatArray],
        output: FloatArray,
        radii: Sequence[FloatArray],
        arithmetic: Arithmetic,
    ) -> FloatArray:
        """u(relative·|x| + absolute·√n + proportional·|y|) for any x within the radius."""
        [x], [radius] = values, radii
        sigma, entries = self.sigma, math.sqrt(math.prod(self.shape()))
        if sigma.smooth and arithmetic.name != "float64":
            return np.full(len(x), math.inf)
        errors = np.full(len(x), sigma.absolute * entries)
        if sigma.relative > 0.0:
            errors += sigma.relative * (batch_norms(x) + radius)
        if sigma.proportional > 0.0:
            errors += sigma.proportional * (batch_norms(output) + self._moved(x, radius))
        errors = arithmetic.unit * errors
        if np.any(errors > 0.0):
            errors += 4.0 * entries * arithmetic.smallest
        return np.asarray((errors + self._switches(x, radius)) * (1.0 + 2.0**-30))

    def _moved(self, x: FloatArray, radius: FloatArray) -> FloatArray:
        """How far |σ(x̂) − σ(x)| can go within the radius."""
        flat = x.reshape(len(x), math.prod(self.shape()))
        lows = np.nextafter(np.min(flat, axis=1) - radius, -np.inf)
        highs = np.nextafter(np.max(flat, axis=1) + radius, np.inf)
        ends = zip(lows.tolist(), highs.tolist(), radius.tolist(), strict=True)
        return np.array([times(self.sigma.steepness(low, high), r) for low, high, r in ends])

    def _switches(self, x: FloatArray, radius: FloatArray) -> FloatArray:
        if self.sigma.switch is None:
            return np.zeros(len(x))
        point, height = self.sigma.switch
        flat = x.reshape(len(x), math.prod(self.shape()))
        return np.asarray(height * np.sqrt(np.sum(flat + radius[:, None] >= point, axis=1)))

    def _read(self) -> ScalarFunction:
        name = self.node.attributes["function"]
        parameters = self.node.attributes.get("parameters", {})
        if not isinstance(name, str) or not isinstance(parameters, dict):
            raise self.malformed(f"the function {name!r} and parameters {parameters!r}")
        if (name == "prelu") != ("slope" in self.weights) or (name == "prelu" and parameters):
            raise self.malformed(f"the function {name!r}, tensors {sorted(self.weights)}")
        if name == "prelu":
            return prelu(self._slope())
        try:
            return scalar_function(name, parameters)
        except ValueError as error:
            raise DataError(
                came=f"the activation {name!r} ({self.node.name!r}) with parameters {parameters}",
                expected="a function with a bounded slope that is known here",
                remedy=f"It is refused: {error}.",
            ) from error

    def _slope(self) -> FloatArray:
        slope, shape = self.weights["slope"], self.shape()
        if slope.size == 1:
            return slope.reshape(())
        if not shape or slope.shape != shape[:1]:
            raise self.malformed(f"slopes of shape {slope.shape}")
        return slope.reshape(len(slope), *(1,) * (len(shape) - 1))
