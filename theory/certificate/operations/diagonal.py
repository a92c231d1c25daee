"""Scaling and shifting each entry: normalisation with constants, batch normalisation."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ....numerics.validation import FloatArray
from ...interval import Interval
from ...spectral.diagonal import Diagonal as DiagonalMap
from ...spectral.linear_map import LinearMap
from ...spectral.rounding import gamma
from .linear import Linear
from .operation import Arithmetic, batch_norms

_NORMAL_32 = 2.0**-126  # the smallest normal float32, to start from in the rounding of a root
_SLACK = 1.0 + 2.0**-30  # covers the float64 rounding of the bounds below themselves


class Entrywise(Linear):
    """y = s∘x + t with s enclosed: the constant is max|s|."""

    map: DiagonalMap

    def range(self, ranges: Sequence[tuple[float, float]]) -> tuple[float, float]:
        """The interval s·[low, high] + t, whose ends are attained but for rounding."""
        [(low, high)] = ranges
        y = self.map.enclosure * Interval(np.asarray(low), np.asarray(high)) + self.shift_enclosure
        ends = float(np.min(y.lower)), float(np.max(y.upper))
        return (-math.inf, math.inf) if any(map(math.isnan, ends)) else ends

    @property
    def shift_enclosure(self) -> Interval:
        """The interval of the exact t."""
        return Interval.of(0.0 if self.shift is None else self.shift)


class Diagonal(Entrywise):
    """y = x·``scale``/``divisor`` + ``shift``, each broadcast to the shape of x."""

    operation = "diagonal"
    tensors = ("scale?", "divisor?", "shift?")

    def read_map(self) -> LinearMap:
        [shape] = self.shapes
        if not self.weights:
            raise self.malformed("no scale, divisor or shift")
        for role, tensor in self.weights.items():
            if not _broadcasts(tensor.shape, shape) or not np.all(np.isfinite(tensor)):
                raise self.malformed(f"a {role} of shape {tensor.shape} that does not fit")
        one = np.asarray(1.0)
        self.scale, self.divisor = self.weights.get("scale", one), self.weights.get("divisor", one)
        if np.any(self.divisor == 0.0):
            raise self.malformed("a divisor that is 0")
        self.shift = self.weights.get("shift")
        return DiagonalMap(Interval.of(self.scale) / Interval.of(self.divisor), shape)

    def evaluate(self, *values: FloatArray) -> FloatArray:
        [x] = values
        y = x * self.scale / self.divisor
        return y if self.shift is None else y + self.shift

    def rounding(
        self,
        values: Sequence[FloatArray],
        output: FloatArray,
        radii: Sequence[FloatArray],
        arithmetic: Arithmetic,
    ) -> FloatArray:
        """γ₆(|s||x| + |t| + max|s|·radius), and underflow.

        x·scale, 1/divisor, scale/divisor or x/divisor may be formed first, each with its rounding.
        """
        [x], [radius] = values, radii
        size = self.map.enclosure.absolute().upper
        t = np.abs(self.shift) if self.shift is not None else np.zeros(())
        sizes = batch_norms(size * np.abs(x) + t) + self.spectral_norm * radius
        # What underflows in a factor is multiplied by the other one.
        amplified = 2.0 + np.abs(self.scale) + 1.0 / np.abs(self.divisor)
        lost = batch_norms(amplified + (1.0 + np.abs(self.scale)) * np.abs(x))
        lost = lost + (1.0 + float(np.max(np.abs(self.scale)))) * radius
        total = gamma(6, arithmetic.unit) * sizes + 2.0 * arithmetic.smallest * lost
        return np.asarray(total * _SLACK)


class BatchNorm(Entrywise):
    """y = (x − ``mean``)/√(``variance`` + ``epsilon``)·``weight`` + ``bias`` by channel."""

    operation = "batch_norm"
    attributes = ("epsilon",)
    tensors = ("weight?", "bias?", "mean", "variance")

    def read_map(self) -> LinearMap:
        [shape] = self.shapes
        epsilon = self.node.attributes["epsilon"]
        if type(epsilon) not in (int, float) or not 0.0 <= epsilon < math.inf or not shape:
            raise self.malformed(f"epsilon {epsilon!r} for a value of shape {shape}")
        for role, tensor in self.weights.items():
            if tensor.shape != shape[:1] or not np.all(np.isfinite(tensor)):
                raise self.malformed(f"a {role} of shape {tensor.shape} that does not fit")
        along = (-1, *([1] * (len(shape) - 1)))
        ones = np.ones(shape[0])
        self.mean = self.weights["mean"].reshape(along)
        self.variance = self.weights["variance"].reshape(along)
        weight = self.weights.get("weight", ones).reshape(along)
        bias = self.weights.get("bias", 0.0 * ones).reshape(along)
        self.below_root = self.variance + float(epsilon)
        inside = (2.0**-1000 <= self.below_root) & (self.below_root <= 2.0**1000)
        if np.any(self.variance < 0.0) or not np.all(inside):
            raise self.malformed("a variance that is negative, 0 without epsilon, or huge")
        deviation = (Interval.of(self.variance) + float(epsilon)).square_root()
        scale = Interval.of(weight) / deviation
        self.bias = bias
        self.exact_shift = Interval.of(bias) - scale * self.mean
        self.deviation, self.weight = np.sqrt(self.below_root), weight
        return DiagonalMap(scale, shape)

    @property
    def shift_enclosure(self) -> Interval:
        return self.exact_shift

    def evaluate(self, *values: FloatArray) -> FloatArray:
        [x] = values
        return (x - self.mean) / self.deviation * self.weight + self.bias

    def rounding(
        self,
        values: Sequence[FloatArray],
        output: FloatArray,
        radii: Sequence[FloatArray],
        arithmetic: Arithmetic,
    ) -> FloatArray:
        """γ₁₂(|s|(|x| + |mean|) + |bias| + max|s|·radius), in any of the usual orders.

        Roundings: ε, v + ε, the root, its reciprocal, the weight, the product with x or x − mean,
        that with the mean, and two sums; ∞ where v + ε is no normal float32 number.
        """
        [x], [radius] = values, radii
        if arithmetic.unit > 2.0**-53 and np.any(self.below_root < _NORMAL_32):
            return np.full(len(output), math.inf)
        size = self.map.enclosure.absolute().upper
        reach = np.abs(x) + np.abs(self.mean)
        sizes = batch_norms(size * reach + np.abs(self.bias)) + self.spectral_norm * radius
        # What underflows in 1/√v, in the scale or in the product is multiplied by what follows.
        lost = batch_norms((2.0 + np.abs(self.weight)) * (reach + 2.0))
        lost = lost + (2.0 + float(np.max(np.abs(self.weight)))) * radius
        total = gamma(12, arithmetic.unit) * sizes + 2.0 * arithmetic.smallest * lost
        return np.asarray(total * _SLACK)


def _broadcasts(shape: tuple[int, ...], target: tuple[int, ...]) -> bool:
    try:
        return np.broadcast_shapes(shape, target) == target
    except ValueError:
        return False
