"""The expansive layer family: f(x) = Σ(Bx + c), in general not a gradient."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ...errors import ShapeError
from ..validation import FloatArray, matrix, points, vector
from .activation import Activation, leaky_relu


class ExpansiveLayerField:
    """The field f(x) = Σ(Bx + c), B of shape (n, n), c of shape (n,) (default 0).

    With slopes σ' ≤ 1 its flow expands at rate at most ‖B‖ (claim ``C3.expansive_layer``). Raises
    DomainError on NaN or infinity, ShapeError on a B that is not square. Source: paper, expansive
    layers, the prescribed regime [P].

    >>> f = ExpansiveLayerField([[0.0, -1.0], [1.0, 0.0]])
    >>> f([1.0, 1.0]).tolist()
    [-0.5, 1.0]
    """

    def __init__(
        self, B: ArrayLike, c: ArrayLike | None = None, activation: Activation | None = None
    ) -> None:
        self.B = matrix("B", B)
        if self.B.shape[0] != self.B.shape[1]:
            raise ShapeError(
                came=f"B of shape {self.B.shape}",
                expected="a square matrix: Σ(Bx + c) must have the dimension of x",
                remedy="For a rectangular matrix use ExpansiveGradientField, AᵀΣ(Ax + b).",
            )
        self.c = np.zeros(len(self.B)) if c is None else vector("c", c, len(self.B))
        self.activation = leaky_relu() if activation is None else activation

    @property
    def dimension(self) -> int:
        """The number n of state variables."""
        return int(self.B.shape[1])

    def __call__(self, x: ArrayLike) -> FloatArray:
        """Return f(x), shape (..., n)."""
        return np.asarray(self.activation(points(x, self.dimension) @ self.B.T + self.c))

    def jacobian(self, x: ArrayLike) -> FloatArray:
        """Return diag(σ'(Bx + c)) B, shape (..., n, n)."""
        d = self.activation.derivative(points(x, self.dimension) @ self.B.T + self.c)
        return np.asarray(d[..., None] * self.B)

    def __repr__(self) -> str:
        parts = f"B={self.B.tolist()}, c={self.c.tolist()}, activation={self.activation.name}"
        return f"{type(self).__name__}({parts})"
