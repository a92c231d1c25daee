"""The linear maps that networks are made of: applied in NumPy, bounded rigorously."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import numpy as np

from ...errors import DomainError
from ...numerics.validation import FloatArray
from .rounding import above
from .singular_values import SingularValues

Shape = tuple[int, ...]

LARGEST_MATRIX = 4096  # columns of a map that is written out as a matrix


class LinearMap(ABC):
    """x ↦ Ax from arrays of ``input_shape`` to arrays of ``output_shape``, batched in front.

    ``terms`` is the largest number of products that are summed into one entry of Ax: what the
    rounding of ``apply`` depends on. ``norm_error`` bounds ‖Â − A‖ where the stored entries Â are
    themselves rounded (0 for weights as they are); ``singular_values`` are those of A.
    """

    input_shape: Shape
    output_shape: Shape
    terms: int
    norm_error: float = 0.0

    @abstractmethod
    def apply(self, x: FloatArray) -> FloatArray:
        """Return Âx in float64, x of shape (..., *input_shape)."""

    @abstractmethod
    def adjoint(self, y: FloatArray) -> FloatArray:
        """Return Âᵀy in float64, y of shape (..., *output_shape)."""

    @abstractmethod
    def absolute(self) -> LinearMap:
        """Return the map whose matrix has the entries |âᵢⱼ|."""

    @abstractmethod
    def singular_values(self, *, smallest: bool = False) -> SingularValues:
        """Return rigorous bounds; σ_min costs more and is computed only if asked for."""

    @property
    def columns(self) -> int:
        return math.prod(self.input_shape)

    @property
    def rows(self) -> int:
        return math.prod(self.output_shape)

    def absolute_norm(self) -> float:
        """Bound the norm of the map with entries |âᵢⱼ| from above: √(‖·‖₁‖·‖_∞)."""
        absolute = self.absolute()
        row_sums = absolute.apply(np.ones(self.input_shape))
        column_sums = absolute.adjoint(np.ones(self.output_shape))
        # The roots are multiplied, not the sums: tiny entries must not underflow to a norm of 0.
        by_rows = math.sqrt(float(np.max(row_sums, initial=0.0)))
        by_columns = math.sqrt(float(np.max(column_sums, initial=0.0)))
        return above(by_rows * by_columns, self.rows + self.columns + 4)

    def matrix(self) -> FloatArray:
        """Return Â as a matrix of shape (rows, columns); refused beyond 4096 columns."""
        if self.columns > LARGEST_MATRIX:
            raise DomainError(
                came=f"a linear map with {self.columns} columns, to be written out",
                expected=f"at most {LARGEST_MATRIX}",
                remedy="Use a smaller image, or do without the smallest singular value.",
            )
        unit = np.eye(self.columns).reshape(self.columns, *self.input_shape)
        return np.ascontiguousarray(self.apply(unit).reshape(self.columns, self.rows).T)
