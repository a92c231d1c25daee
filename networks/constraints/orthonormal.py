"""Weights that are, as a matrix, a multiple of one with orthonormal columns or rows."""

from __future__ import annotations

import torch
from torch import Tensor

from ...errors import ConvergenceError, ShapeError
from ...theory.spectral import bound_dense
from ...theory.spectral.rounding import above, below
from ..operators import Operator, as_float64
from .cayley import cayley, check_precise, coordinates, nearest_orthonormal
from .constraint import Constraint


class Orthonormal(Constraint):
    """W = Q/s, s = ``divisor``, as a matrix (outputs, everything else): Q has orthonormal columns.

    Orthonormal rows, if it has fewer rows than columns. The free parameters V have the weight's
    shape: Q is Cayley's transform of V times a fixed base, so that V = 0 (or V = [0; L]) is where
    training starts, and ``right_inverse`` moves the base to any given weight. Half precision raises
    DomainError, since it cannot hold orthogonality. Source: ``cayley``.
    """

    base: Tensor

    def __init__(self, operator: Operator, divisor: int) -> None:
        super().__init__()
        self.operator = operator
        self.divisor = divisor
        rows, columns = self._matrix_shape
        self.register_buffer("base", torch.eye(min(rows, columns)))

    def forward(self, V: Tensor) -> Tensor:
        return self._weight(cayley(self._tall(V), self.base)) / self.divisor

    @torch.no_grad()
    def right_inverse(self, W: Tensor) -> Tensor:
        """Return V, and move the base, so that V gives W, or the nearest orthogonal weight.

        Raises DomainError for half precision, NaN and infinite entries, ShapeError.
        """
        V, base = coordinates(nearest_orthonormal(self._tall(W)).to(W.dtype))
        self.base = base
        return self._weight(V)

    def contains(self, weight: Tensor) -> bool:
        """Return whether |σ − 1| ≤ ``tolerance`` is proved for every singular value of s·W.

        Raises DomainError for half precision, NaN and infinite entries, ShapeError.
        """
        check_precise(weight)
        values = bound_dense(as_float64(self._tall(weight)), smallest=True)
        tolerance = self.tolerance(weight)
        low, high = (
            above((1.0 + -tolerance) / self.divisor),
            below((1.0 + tolerance) / self.divisor),
        )
        return low <= values.smallest and values.largest <= high

    def tolerance(self, weight: Tensor) -> float:
        """Return how far from 1 a singular value may be: 16ε of the weight's type, and rounding.

        The second part, 8(n(m + n) + 16n + 64)·2⁻⁵² for m × n, m ≥ n, is what rigorous bounds in
        float64 cannot resolve.
        """
        n, m = sorted(self._matrix_shape)
        return float(16.0 * torch.finfo(weight.dtype).eps + 8.0 * ((n + 8) ** 2 + m * n) * 2.0**-52)

    @torch.no_grad()
    def sealed(self, weight: Tensor) -> Tensor:
        """Return the nearest orthogonal weight, a few ε smaller: ‖A‖ ≤ 1 is proved.

        Raises ConvergenceError if no such weight is found, and what ``contains`` raises.
        """
        if self._is_sealed(weight):
            return weight
        nearest = self._weight(nearest_orthonormal(self._tall(weight)))
        tolerance = self.tolerance(weight)
        for share in (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2):
            shrunk = (nearest * ((1.0 - share * tolerance) / self.divisor)).to(weight.dtype)
            if self._is_sealed(shrunk):
                return shrunk
        raise ConvergenceError(
            came=f"a weight of {self.operator} near which none was proved to be orthogonal",
            expected=f"σ_max ≤ 1 and σ_min ≥ 1 − {tolerance:.2g}",
            remedy="Keep the weight in float64, or use a smaller layer.",
        )

    def _is_sealed(self, weight: Tensor) -> bool:
        return self.contains(weight) and self.operator.bound_spectral_norm(weight) <= 1.0

    @property
    def _matrix_shape(self) -> tuple[int, int]:
        return self.operator.units, self.operator.fan_in

    def _tall(self, weight: Tensor) -> Tensor:
        """The weight as a matrix with at least as many rows as columns."""
        if tuple(weight.shape) != self.operator.weight_shape:
            raise ShapeError(
                came=f"a weight of shape {tuple(weight.shape)}",
                expected=f"{self.operator.weight_shape}",
                remedy="Build the constraint for the operator that the weight belongs to.",
            )
        matrix = weight.flatten(1)
        return matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T

    def _weight(self, tall: Tensor) -> Tensor:
        """A tall matrix as a weight again."""
        rows, columns = self._matrix_shape
        matrix = tall if rows >= columns else tall.T
        return matrix.reshape(self.operator.weight_shape)

    def extra_repr(self) -> str:
        return f"{self.operator}"
