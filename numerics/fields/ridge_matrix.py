"""Matrices that depend on the state through ridges: M(x) = Σ_k σ(a_kᵀx + b_k)·M_k."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ...errors import ShapeError
from ..validation import FloatArray, finite_array, matrix, points, vector
from .activation import Activation, tanh_mixture


class RidgeMatrixField:
    """What sphere- and mass-preserving fields share: M(x) = Σ_k σ(a_kᵀx + b_k)·M_k.

    A of shape (m, n) with rows a_k, b (m,), matrices (m, n, n).
    """

    def __init__(
        self,
        A: ArrayLike,
        b: ArrayLike | None,
        name: str,
        matrices: ArrayLike,
        activation: Activation | None,
    ) -> None:
        self.A = matrix("A", A)
        m, n = self.A.shape
        self.b = np.zeros(m) if b is None else vector("b", b, m)
        self._matrices = finite_array(name, matrices)
        if self._matrices.shape != (m, n, n):
            raise ShapeError(
                came=f"{name} of shape {self._matrices.shape} with A of shape {(m, n)}",
                expected=f"shape {(m, n, n)}: an n × n matrix for each of the m rows of A",
                remedy="Stack the matrices along a first axis.",
            )
        self.activation = tanh_mixture() if activation is None else activation

    @property
    def dimension(self) -> int:
        """The number n of state variables."""
        return int(self.A.shape[1])

    def preactivation(self, x: ArrayLike) -> FloatArray:
        """Return Ax + b, shape (..., m)."""
        return np.asarray(points(x, self.dimension) @ self.A.T + self.b)

    def _combined(self, x: ArrayLike) -> FloatArray:
        """M(x), shape (..., n, n)."""
        weights = self.activation(self.preactivation(x))
        return np.asarray(np.tensordot(weights, self._matrices, axes=1))

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(A={self.A.tolist()}, b={self.b.tolist()}, "
            f"{self._matrices.tolist()}, activation={self.activation.name})"
        )
