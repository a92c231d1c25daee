"""Gradients of ridge networks: f(x) = Aᵀdiag(α)Σ(Ax + b) = ∇U(x), U(x) = Σᵢ αᵢγ(aᵢᵀx + bᵢ)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..validation import FloatArray, matrix, points, vector
from .activation import Activation, tanh_mixture


class RidgePotentialField:
    """The field f(x) = Aᵀdiag(α)Σ(Ax + b), A of shape (m, n), b (default 0) and α (default 1) (m,).

    It is ∇U for U(x) = Σᵢ αᵢγ(aᵢᵀx + bᵢ), aᵢ the rows of A and γ' = σ, αᵢ of any sign: its Jacobian
    is symmetric. (With α on the other side, diag(α)AᵀΣ(Ax + b), it would be no gradient.)
    ``activation`` is tanh by default. Raises DomainError on NaN or infinity, ShapeError on shapes
    that do not fit. Source: paper, approximation by gradient fields [P].

    >>> linear = tanh_mixture(1.0)
    >>> f = RidgePotentialField([[1.0, 0.0], [0.0, 2.0]], None, [3.0, -1.0], linear)
    >>> f([1.0, 1.0]).tolist(), float(f.potential([1.0, 1.0]))
    ([3.0, -4.0], -0.5)
    """

    def __init__(
        self,
        A: ArrayLike,
        b: ArrayLike | None = None,
        alpha: ArrayLike | None = None,
        activation: Activation | None = None,
    ) -> None:
        self.A = matrix("A", A)
        self.b = np.zeros(len(self.A)) if b is None else vector("b", b, len(self.A))
        self.alpha = np.ones(len(self.A)) if alpha is None else vector("alpha", alpha, len(self.A))
        self.activation = tanh_mixture() if activation is None else activation

    @property
    def dimension(self) -> int:
        """The number n of state variables."""
        return int(self.A.shape[1])

    def __call__(self, x: ArrayLike) -> FloatArray:
        """Return f(x), shape (..., n)."""
        return np.asarray((self.alpha * self.activation(self.preactivation(x))) @ self.A)

    def jacobian(self, x: ArrayLike) -> FloatArray:
        """Return Aᵀ diag(α σ'(Ax + b)) A, shape (..., n, n)."""
        d = self.alpha * self.activation.derivative(self.preactivation(x))
        return np.asarray(self.A.T @ (d[..., None] * self.A))

    def potential(self, x: ArrayLike) -> FloatArray:
        """Return U(x) with f = ∇U, shape (...)."""
        return np.asarray((self.alpha * self.activation.potential(self.preactivation(x))).sum(-1))

    def preactivation(self, x: ArrayLike) -> FloatArray:
        """Return Ax + b, shape (..., m)."""
        return np.asarray(points(x, self.dimension) @ self.A.T + self.b)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(A={self.A.tolist()}, b={self.b.tolist()}, "
            f"alpha={self.alpha.tolist()}, activation={self.activation.name})"
        )
