"""Mass-preserving fields: f(x) = (M(x) − M(x)ᵀ)1 with M(x) = Σ_k σ(a_kᵀx + b_k)·M_k."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..validation import FloatArray
from .activation import Activation
from .ridge_matrix import RidgeMatrixField


class MassField(RidgeMatrixField):
    """The field f(x) = (M(x) − M(x)ᵀ)1, M(x) = Σ_k σ(a_kᵀx + b_k)·M_k, ``matrices`` (m, n, n).

    A of shape (m, n) with rows a_k, b of shape (m,) (default 0), any M_k: 1ᵀf(x) = 0 up to
    rounding, so that solutions keep Σxᵢ (claim ``F1.mass_field``). ``activation`` is tanh by
    default. Raises DomainError on NaN or infinity, ShapeError on shapes that do not fit. Source:
    paper, mass-preserving networks [P].

    >>> f = MassField([[1.0, 0.0]], [0.5], [[[0.0, 1.0], [0.0, 0.0]]])
    >>> float(f([2.0, 1.0]).sum())
    0.0
    """

    def __init__(
        self,
        A: ArrayLike,
        b: ArrayLike | None,
        matrices: ArrayLike,
        activation: Activation | None = None,
    ) -> None:
        super().__init__(A, b, "matrices", matrices, activation)

    @property
    def matrices(self) -> FloatArray:
        """The matrices M_k, shape (m, n, n)."""
        return self._matrices

    @property
    def directions(self) -> FloatArray:
        """The vectors g_k = (M_k − M_kᵀ)1, shape (m, n): f(x) = Σ_k σ(a_kᵀx + b_k)·g_k."""
        return np.asarray((self.matrices - self.matrices.swapaxes(-1, -2)).sum(axis=-1))

    def __call__(self, x: ArrayLike) -> FloatArray:
        """Return f(x), shape (..., n)."""
        return np.asarray(self.activation(self.preactivation(x)) @ self.directions)

    def jacobian(self, x: ArrayLike) -> FloatArray:
        """Return Σ_k σ'(a_kᵀx + b_k)·g_k a_kᵀ, shape (..., n, n)."""
        d = self.activation.derivative(self.preactivation(x))
        return np.asarray(self.directions.T @ (d[..., None] * self.A))
