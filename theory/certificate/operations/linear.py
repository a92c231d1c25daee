"""Affine operations: a linear map of ``theory.spectral`` and a shift."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from ....numerics.validation import FloatArray
from ...spectral.linear_map import LinearMap
from ...spectral.rounding import above, gamma
from ...spectral.singular_values import SingularValues
from ..graph import Shape
from .operation import Arithmetic, Factor, Inputs, Operation, batch_norms


class Linear(Operation):
    """y = Ax + b: the constant is ‖A‖, whatever b is."""

    map: LinearMap
    shift: FloatArray | None = None  # broadcasts against the output

    def prepare(self) -> None:
        self.map = self.read_map()

    @abstractmethod
    def read_map(self) -> LinearMap:
        """Return A, and set ``shift``."""

    def shape(self) -> Shape:
        return self.map.output_shape

    def evaluate(self, *values: FloatArray) -> FloatArray:
        [x] = values
        y = self.map.apply(x)
        return y if self.shift is None else y + self.shift

    @cached_property
    def singular_values(self) -> SingularValues:
        """Those of A, without σ_min."""
        return self.map.singular_values()

    @property
    def spectral_norm(self) -> float:
        """The upper bound of ‖A‖."""
        return self.singular_values.largest

    def bound(self, inputs: Inputs) -> Factor:
        norm = self.spectral_norm
        return Factor(
            scaled(norm, inputs.joint),
            "spectral norm",
            {"spectral_norm": norm, "method": self.singular_values.method},
        )

    def range(self, ranges: Sequence[tuple[float, float]]) -> tuple[float, float]:
        [(low, high)] = ranges
        reach = max(abs(low), abs(high))
        if not math.isfinite(reach):
            return (-math.inf, math.inf)
        with np.errstate(over="ignore", invalid="ignore"):
            sums = self._absolute.apply(np.full(self.map.input_shape, reach))
            if self.shift is not None:
                sums = sums + np.abs(self.shift)
            # An entry of (Â − A)x is at most ‖Â − A‖·|x|, and |x| ≤ reach·√columns.
            inexact = self.map.norm_error * reach * math.sqrt(self.map.columns)
            top = above(float(np.max(sums, initial=0.0)) + inexact, self.map.terms + 8)
        return (-top, top) if math.isfinite(top) else (-math.inf, math.inf)

    @cached_property
    def _absolute(self) -> LinearMap:
        return self.map.absolute()

    @cached_property
    def _absolute_norm(self) -> float:
        return self.map.absolute_norm()

    def rounding(
        self,
        values: Sequence[FloatArray],
        output: FloatArray,
        radii: Sequence[FloatArray],
        arithmetic: Arithmetic,
    ) -> FloatArray:
        """γ_{n+2}(‖|A||x| + |b|‖ + ‖|A|‖·radius) with n the terms of an entry, plus underflow."""
        [x], [radius] = values, radii
        sums = self._absolute.apply(np.abs(x))
        if self.shift is not None:
            sums = sums + np.abs(self.shift)
        sizes = batch_norms(sums) + self._absolute_norm * radius
        factor = gamma(self.map.terms + 2, arithmetic.unit)
        underflow = (self.map.terms + 2) * math.sqrt(self.map.rows) * arithmetic.smallest
        inexact = self.map.norm_error * (batch_norms(x) + radius)
        # The float64 rounding of these very sums, of as many terms, and of the norms (2⁻³⁰).
        slack = 1.0 + 2.0**-30 + 2.0 * gamma(self.map.terms + 2)
        return np.asarray((factor * sizes + underflow + inexact) * slack)


def scaled(norm: float, constant: float) -> float:
    """Bound norm·constant from above: exact where one of them is 1 or 0.

    >>> scaled(1.0, 0.3), scaled(0.1, 0.1) > 0.01
    (0.3, True)
    """
    if norm == 0.0 or constant == 0.0:
        return 0.0  # also 0·∞: a constant map does not move
    if norm == 1.0 or constant == 1.0:
        return norm * constant
    return above(norm * constant)
