"""Softmax, its logarithm, and the logarithm of a sum of exponentials."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
from scipy import special

from ....numerics.validation import FloatArray
from ...spectral.rounding import above, gamma
from ..graph import Shape
from .attributes import read_axis
from .operation import Arithmetic, Factor, Inputs, Operation, batch_norms, times


class _AlongAxis(Operation):
    """A function of the n entries along ``axis``, for each index of the others.

    Execution is bounded in float64 alone, where exp and log are assumed within 4 units in the last
    place and the largest entry is subtracted first. Then, with p the softmax and tᵢ = max − xᵢ, the
    terms exp(−tᵢ) err by u(tᵢ + 4) relatively, and Σpᵢtᵢ ≤ ln n (an entropy): their sum errs by at
    most u(ln n + 4 + n) relatively.
    """

    attributes = ("axis",)

    def prepare(self) -> None:
        [shape] = self.shapes
        self.axis = read_axis(self, len(shape))
        self.terms = shape[self.axis]

    def shape(self) -> Shape:
        return self.shapes[0]

    @property
    def groups(self) -> int:
        """How many vectors of n entries there are."""
        return math.prod(self.shapes[0]) // self.terms

    @property
    @abstractmethod
    def steepness(self) -> float:
        """The constant, for one vector and so for all."""

    def bound(self, inputs: Inputs) -> Factor:
        return Factor(times(self.steepness, inputs.joint), self.operation, {"terms": self.terms})

    def rounding(
        self,
        values: Sequence[FloatArray],
        output: FloatArray,
        radii: Sequence[FloatArray],
        arithmetic: Arithmetic,
    ) -> FloatArray:
        if arithmetic.name != "float64":
            return np.full(len(output), math.inf)
        [x], [radius] = values, radii
        return np.asarray(self._error(batch_norms(x) + radius) * (1.0 + 2.0**-30))

    @abstractmethod
    def _error(self, sizes: FloatArray) -> FloatArray:
        """Bound the error of float64 at an x of Euclidean norm ≤ sizes."""


class Softmax(_AlongAxis):
    """pᵢ = exp(xᵢ)/Σexp(xⱼ): the constant is ½ (0 for one entry).

    vᵀJv = vᵀ(diag p − ppᵀ)v is the variance of v under p, at most (max v − min v)²/4 (Popoviciu),
    and (vᵢ − vⱼ)² ≤ 2(vᵢ² + vⱼ²) ≤ 2 for |v| = 1. Attained at two equal entries far above the rest.
    """

    operation = "softmax"

    def evaluate(self, *values: FloatArray) -> FloatArray:
        [x] = values
        return np.asarray(special.softmax(x, axis=self.axis + 1))

    @property
    def steepness(self) -> float:
        return 0.5 if self.terms > 1 else 0.0

    def range(self, ranges: Sequence[tuple[float, float]]) -> tuple[float, float]:
        return (0.0, 1.0) if self.terms > 1 else (1.0, 1.0)

    def _error(self, sizes: FloatArray) -> FloatArray:
        # Σ pᵢ(tᵢ + 4 + ln n + 4 + n + 1) ≤ n + 2 ln n + 9 ≤ 2n + 9 roundings in the 1-norm.
        error = gamma(2 * self.terms + 16) * math.sqrt(self.groups)
        return np.full(len(sizes), error + 2.0**-1060)


class LogSoftmax(_AlongAxis):
    """ln pᵢ = xᵢ − ln Σexp(xⱼ): the constant is √n (0 for one entry).

    J = I − 1pᵀ, and 1pᵀ is a projection since pᵀ1 = 1; for a projection P other than 0 and I
    ‖I − P‖ = ‖P‖, here |1||p| ≤ √n, approached where one entry is far above the rest.
    """

    operation = "log_softmax"

    def evaluate(self, *values: FloatArray) -> FloatArray:
        [x] = values
        return np.asarray(special.log_softmax(x, axis=self.axis + 1))

    @property
    def steepness(self) -> float:
        return above(math.sqrt(self.terms)) if self.terms > 1 else 0.0

    def range(self, ranges: Sequence[tuple[float, float]]) -> tuple[float, float]:
        [(low, high)] = ranges
        if self.terms == 1:
            return (0.0, 0.0)
        return (-above(above(high - low, 2) + math.log(self.terms), 16), 0.0)

    def _error(self, sizes: FloatArray) -> FloatArray:
        # An entry errs by 3u(|xᵢ| + |max|) and by u(n + 8 ln n + 16) in the logarithm.
        of_entries = gamma(3) * (1.0 + math.sqrt(self.terms)) * sizes
        return of_entries + gamma(4 * self.terms + 32) * math.sqrt(math.prod(self.shapes[0]))


class LogSumExp(_AlongAxis):
    """y = ln Σexp(xⱼ), the axis dropped: its gradient is p with |p| ≤ 1, so the constant is 1."""

    operation = "logsumexp"

    def shape(self) -> Shape:
        return (*self.shapes[0][: self.axis], *self.shapes[0][self.axis + 1 :])

    def evaluate(self, *values: FloatArray) -> FloatArray:
        [x] = values
        return np.asarray(special.logsumexp(x, axis=self.axis + 1))

    @property
    def steepness(self) -> float:
        return 1.0

    def range(self, ranges: Sequence[tuple[float, float]]) -> tuple[float, float]:
        """max x + [0, ln n], and at least low + ln n."""
        [(low, high)] = ranges
        log = math.log(self.terms)
        slack = (min(abs(low), _LARGEST) + min(abs(high), _LARGEST) + log) * 2.0**-50 + 2.0**-1000
        return low + log - slack, high + log + slack

    def _error(self, sizes: FloatArray) -> FloatArray:
        return gamma(3) * sizes + gamma(4 * self.terms + 32) * math.sqrt(self.groups)


_LARGEST = math.ldexp(1.0, 1020)
