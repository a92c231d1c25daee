"""What the two gradient families share: f = ±AᵀΣ(Ax + b), the gradient of ±1ᵀΓ(Ax + b)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from ..validation import FloatArray, matrix, points, vector
from .activation import Activation, leaky_relu


class RidgeField:
    """The field f = sign·AᵀΣ(Ax + b) with A of shape (m, n), b of shape (m,).

    It is ∇U for U(x) = sign·Σᵢ γ(aᵢᵀx + bᵢ), aᵢ the rows of A and γ' = σ: symmetric Jacobian.
    """

    sign: ClassVar[float]

    def __init__(
        self, A: ArrayLike, b: ArrayLike | None = None, activation: Activation | None = None
    ) -> None:
        self.A = matrix("A", A)
        self.b = np.zeros(len(self.A)) if b is None else vector("b", b, len(self.A))
        self.activation = leaky_relu() if activation is None else activation

    @property
    def dimension(self) -> int:
        """The number n of state variables."""
        return int(self.A.shape[1])

    def __call__(self, x: ArrayLike) -> FloatArray:
        """Return f(x), shape (..., n)."""
        return np.asarray(self.sign * (self.activation(self.preactivation(x)) @ self.A))

    def jacobian(self, x: ArrayLike) -> FloatArray:
        """Return sign·Aᵀ diag(σ'(Ax + b)) A, shape (..., n, n)."""
        d = self.activation.derivative(self.preactivation(x))
        return np.asarray(self.sign * (self.A.T @ (d[..., None] * self.A)))

    def potential(self, x: ArrayLike) -> FloatArray:
        """Return U(x) with f = ∇U, shape (...)."""
        return np.asarray(self.sign * self.activation.potential(self.preactivation(x)).sum(-1))

    def preactivation(self, x: ArrayLike) -> FloatArray:
        """Return Ax + b, shape (..., m)."""
        return np.asarray(points(x, self.dimension) @ self.A.T + self.b)

    def __repr__(self) -> str:
        parts = f"A={self.A.tolist()}, b={self.b.tolist()}, activation={self.activation.name}"
        return f"{type(self).__name__}({parts})"
