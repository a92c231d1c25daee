"""Sphere-preserving fields: f(x) = S(x)x with S(x) = Σ_k σ(a_kᵀx + b_k)·K_k skew."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ...errors import StructureError
from ..validation import FloatArray, points
from .activation import Activation
from .ridge_matrix import RidgeMatrixField


class SphereField(RidgeMatrixField):
    """The field f(x) = S(x)x, S(x) = Σ_k σ(a_kᵀx + b_k)·K_k, ``skew`` of shape (m, n, n).

    A of shape (m, n) with rows a_k, b of shape (m,) (default 0); every K_k exactly skew, so that
    xᵀf(x) = 0 and solutions keep |x|. ``activation`` is tanh by default. Raises StructureError if
    a K_k is not skew, DomainError on NaN or infinity, ShapeError on shapes that do not fit. Source:
    paper, sphere-preserving fields [P].

    >>> f = SphereField([[1.0, 0.0]], [0.5], [[[0.0, -1.0], [1.0, 0.0]]])
    >>> x = np.array([2.0, 1.0])
    >>> bool(x @ f(x) == 0.0), f.skew_part(x).shape
    (True, (2, 2))
    """

    def __init__(
        self,
        A: ArrayLike,
        b: ArrayLike | None,
        skew: ArrayLike,
        activation: Activation | None = None,
    ) -> None:
        super().__init__(A, b, "skew", skew, activation)
        uneven = np.any(self.skew != -self.skew.swapaxes(-1, -2), axis=(-1, -2))
        if np.any(uneven):
            raise StructureError(
                came=f"skew[{int(np.argmax(uneven))}] with Kᵀ ≠ −K",
                expected="matrices with Kᵀ = −K, exactly",
                remedy="Pass (K − Kᵀ)/2, which rounding cannot spoil.",
            )

    @property
    def skew(self) -> FloatArray:
        """The matrices K_k, shape (m, n, n)."""
        return self._matrices

    def skew_part(self, x: ArrayLike) -> FloatArray:
        """Return S(x), shape (..., n, n)."""
        return self._combined(x)

    def __call__(self, x: ArrayLike) -> FloatArray:
        """Return S(x)x, shape (..., n)."""
        return np.asarray((self._combined(x) @ points(x, self.dimension)[..., None])[..., 0])

    def jacobian(self, x: ArrayLike) -> FloatArray:
        """Return S(x) + Σ_k σ'(a_kᵀx + b_k)·K_k x a_kᵀ, shape (..., n, n)."""
        d = self.activation.derivative(self.preactivation(x))
        turned = np.einsum("kij,...j->...ki", self.skew, points(x, self.dimension))
        bent = np.einsum("...k,...ki,kj->...ij", d, turned, self.A)
        return np.asarray(self._combined(x) + bent)
