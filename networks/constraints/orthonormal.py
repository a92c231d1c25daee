"""Weights that are, as a matrix, a multiple of one with orthonormal columns or rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import torch
from torch import Tensor

from ...errors import ConvergenceError, ShapeError
from ...theory.spectral import bound_dense
from ...theory.spectral.rounding import above, below
from ..operators import Operator, as_float64, read_operator
from .cayley import cayley, check_precise, coordinates, nearest_orthonormal
from .constraint import Constraint

# How far from 1 a singular value may be: 16ε of float32, for float64 weights as well, so that a
# change of type does not change the answer.
TOLERANCE = 2.0**-19
# At most 1 even after a certificate has rounded it up to ten digits.
_JUST_BELOW = 1.0 - 2.0**-38


class Orthonormal(Constraint):
    """W = Q/s, s = ``divisor``, as a matrix (outputs, everything else): Q has orthonormal columns.

    Orthonormal rows, if it has fewer rows than columns. The free parameters V have the weight's
    shape: Q is Cayley's transform of V times a fixed base, so that V = 0 (or V = [0; L]) is where
    training starts, and ``right_inverse`` moves the base to any given weight. ``resolution`` is how
    well the operator's norm can be bounded. Half precision raises
    DomainError, since it cannot hold orthogonality. Source: ``cayley``.
    """

    base: Tensor

    def __init__(self, operator: Operator, divisor: int, resolution: float) -> None:
        super().__init__()
        self.operator = read_operator(operator)
        self.divisor = divisor
        self.resolution = resolution
        rows, columns = self._matrix_shape
        self.register_buffer("base", torch.eye(min(rows, columns), dtype=torch.float64))

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Move with the module, but in float64: a change of type must not make the base oblique."""
        base = self.base
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]  # PyTorch's own
        self.base = base.to(self.base.device)
        return self

    def forward(self, V: Tensor) -> Tensor:
        return self._weight(cayley(self._tall(V), self.base)) / self.divisor

    @torch.no_grad()
    def right_inverse(self, W: Tensor) -> Tensor:
        """Return V, and move the base, so that V gives W, or the nearest orthogonal weight.

        Raises DomainError for half precision, NaN and infinite entries, ShapeError.
        """
        check_precise(W)
        V, self.base = coordinates(nearest_orthonormal(self._tall(W)))
        return self._weight(V).to(W.dtype)

    def contains(self, weight: Tensor) -> bool:
        """Return whether |σ − 1| ≤ 2⁻¹⁹ is proved for every singular value of s·W.

        Raises DomainError for half precision, NaN and infinite entries, ShapeError.
        """
        check_precise(weight)
        values = bound_dense(as_float64(self._tall(weight)), smallest=True)
        low = above((1.0 - TOLERANCE) / self.divisor, 2)
        high = below((1.0 + TOLERANCE) / self.divisor, 2)
        return low <= values.smallest and values.largest <= high

    @torch.no_grad()
    def projected(self, weight: Tensor) -> Tensor:
        """Return the nearest orthogonal weight, rounded: in the set, but ‖A‖ may be 1 + ε."""
        nearest = self._weight(nearest_orthonormal(self._tall(weight)))
        return (nearest / self.divisor).to(weight.dtype)

    @torch.no_grad()
    def sealed(self, weight: Tensor) -> Tensor:
        """Return the nearest orthogonal weight, a little smaller: ‖A‖ ≤ 1 is proved.

        Raises ConvergenceError if no such weight is found, and what ``contains`` raises.
        """
        if self._is_sealed(weight):
            return weight
        nearest = self._weight(nearest_orthonormal(self._tall(weight)))
        slack = max(self.resolution, 0.5 * torch.finfo(weight.dtype).eps)
        while slack <= 0.5 * TOLERANCE:
            shrunk = (nearest * ((1.0 - slack) / self.divisor)).to(weight.dtype)
            if self._is_sealed(shrunk):
                return shrunk
            slack *= 2.0
        raise ConvergenceError(
            came=f"a weight of {self.operator} near which none was proved to be orthogonal",
            expected=f"σ_max ≤ 1 and σ_min ≥ 1 − {TOLERANCE:.2g}",
            remedy="Keep the weight in float64, or use a smaller layer.",
        )

    def _is_sealed(self, weight: Tensor) -> bool:
        return self.contains(weight) and self.operator.bound_spectral_norm(weight) <= _JUST_BELOW

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
