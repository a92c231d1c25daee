"""Linear fields f(x) = Bx with their gradient and sphere-preserving parts."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ...errors import ShapeError
from ..validation import FloatArray, matrix, points


class LinearField:
    """The field f(x) = Bx = ∇U(x) + Sx with U(x) = ½xᵀsym(B)x and S = skew(B), B of shape (n, n).

    The sharpest test case of every rate: its flow is e^{tB} and its logarithmic norm
    λ_max(sym B). Raises DomainError on NaN or infinity, ShapeError on a B that is not square.
    Source: Presnov's decomposition of a linear field, as the paper uses it [P].

    >>> f = LinearField([[0.0, -1.0], [1.0, 0.0]])
    >>> f([2.0, 0.0]).tolist()
    [0.0, 2.0]
    >>> float(f.potential([2.0, 0.0]))
    0.0
    """

    def __init__(self, B: ArrayLike) -> None:
        self.B = matrix("B", B)
        if self.B.shape[0] != self.B.shape[1]:
            raise ShapeError(
                came=f"B of shape {self.B.shape}",
                expected="a square matrix",
                remedy="A linear field maps Rⁿ to itself.",
            )

    @property
    def dimension(self) -> int:
        """The number n of state variables."""
        return int(self.B.shape[1])

    def __call__(self, x: ArrayLike) -> FloatArray:
        """Return Bx, shape (..., n)."""
        return np.asarray(points(x, self.dimension) @ self.B.T)

    def jacobian(self, x: ArrayLike) -> FloatArray:
        """Return B, repeated to shape (..., n, n)."""
        return self._constant(x, self.B)

    def potential(self, x: ArrayLike) -> FloatArray:
        """Return U(x) = ½xᵀsym(B)x, shape (...)."""
        p = points(x, self.dimension)
        return np.asarray(0.5 * np.sum(p * (p @ self.B.T), axis=-1))

    def skew_part(self, x: ArrayLike) -> FloatArray:
        """Return S = (B − Bᵀ)/2, repeated to shape (..., n, n)."""
        return self._constant(x, 0.5 * (self.B - self.B.T))

    def _constant(self, x: ArrayLike, value: FloatArray) -> FloatArray:
        batch = points(x, self.dimension).shape[:-1]
        return np.broadcast_to(value, (*batch, *value.shape)).copy()

    def __repr__(self) -> str:
        return f"LinearField(B={self.B.tolist()})"
