"""The linear isometry (I − S)⁻¹(I + S)x, S skew: one step of the midpoint rule on ẋ = 2Sx."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...numerics.validation import positive_integer
from ..operators import DenseOperator
from .layer import Layer, check_value


class Rotation(Layer):
    """x ↦ Qx with Q = (I − S)⁻¹(I + S), S = G − Gᵀ: orthogonal, of determinant 1 (Cayley).

    x: (batch, features); G (features, features) is free. It keeps norms, distances and volume up to
    rounding, for every G: a ``SphereStep`` that is an isometry, since it turns all points alike.
    Every rotation without the eigenvalue −1 is one. Bound: ‖Q‖ = 1 up to rounding, claim
    E1.product. Raises DomainError for a bad size and half precision, ShapeError in ``forward``.
    Source: flowcert [D]; claim F6.quadratic_integrals.

    >>> x = torch.tensor([[3.0, 4.0]])
    >>> bool((Rotation(2)(x).norm() - 5).abs() < 1e-5)
    True
    """

    claim = "E1.product"
    rule = "spectral norm"
    structures = ("F6.quadratic_integrals",)

    def __init__(self, features: int) -> None:
        super().__init__()
        n = positive_integer("features", features)
        self.generator = nn.Parameter(torch.randn(n, n) / n**0.5)
        self.fixed: nn.Linear | None = None

    def forward(self, x: Tensor) -> Tensor:
        check_value(x, self.generator.shape[1:], exact=True)
        return functional.linear(x, self.matrix())

    def matrix(self) -> Tensor:
        """Return Q, shape (features, features)."""
        if self.fixed is not None:
            return self.fixed.weight
        S = self.generator - self.generator.T
        unit = torch.eye(len(S), dtype=S.dtype, device=S.device)
        Q: Tensor = torch.linalg.solve(unit - S, unit + S)
        return Q

    def seal_(self) -> None:
        """Store Q, its norm at most 1: the sealed layer and its float64 copy are one function."""
        from ..constraints.bounded_spectral_norm import within_norm

        n = len(self.generator)
        Q = within_norm(DenseOperator(n, n), self.matrix().detach(), 1.0 - 2.0**-36)
        self.fixed = nn.Linear(n, n, bias=False, dtype=Q.dtype, device=Q.device).eval()
        self.fixed.weight.copy_(Q)
