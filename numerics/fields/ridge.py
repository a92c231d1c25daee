"""What the two gradient families share: f = ±AᵀΣ(Ax + b), the gradient of ±1ᵀΓ(Ax + b)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from ..validation import matrix
from .activation import Activation, leaky_relu
from .ridge_potential import RidgePotentialField


class RidgeField(RidgePotentialField):
    """The field f = sign·AᵀΣ(Ax + b) with A of shape (m, n), b of shape (m,): α = sign·1.

    It is ∇U for U(x) = sign·Σᵢ γ(aᵢᵀx + bᵢ), aᵢ the rows of A and γ' = σ: symmetric Jacobian.
    """

    sign: ClassVar[float]

    def __init__(
        self, A: ArrayLike, b: ArrayLike | None = None, activation: Activation | None = None
    ) -> None:
        rows = matrix("A", A)
        kind = leaky_relu() if activation is None else activation
        super().__init__(rows, b, np.full(len(rows), self.sign), kind)

    def __repr__(self) -> str:
        parts = f"A={self.A.tolist()}, b={self.b.tolist()}, activation={self.activation.name}"
        return f"{type(self).__name__}({parts})"
