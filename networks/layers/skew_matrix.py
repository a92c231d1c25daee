"""S(x) = Λ(x) − Λ(x)ᵀ: a skew matrix that depends on the state, from a small network."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ...numerics.validation import positive_integer
from .affine import dense


class SkewMatrix(nn.Module):
    """x ↦ S(x) = Λ(x) − Λ(x)ᵀ with Λ(x) = the n² numbers V·tanh(Wx + b) as a matrix.

    x: (batch, n), S: (batch, n, n), exactly skew. With a ``rank`` r the network gives vectors
    uᵢ, vᵢ instead and S = Σᵢ (uᵢvᵢᵀ − vᵢuᵢᵀ): 2rn numbers in place of n². Raises DomainError for
    sizes that are no positive integers. Source: paper, sphere-preserving fields [P].

    >>> S = SkewMatrix(3, hidden=4)(torch.ones(1, 3))
    >>> bool((S + S.mT).abs().max() == 0)
    True
    """

    def __init__(self, features: int, hidden: int, rank: int | None = None) -> None:
        super().__init__()
        self.features = positive_integer("features", features)
        hidden = positive_integer("hidden", hidden)
        self.rank = None if rank is None else positive_integer("rank", rank)
        outputs = features**2 if self.rank is None else 2 * self.rank * features
        self.inner = dense(features, hidden)
        self.outer = dense(hidden, outputs, bias=False)
        with torch.no_grad():
            # So that ‖S‖ does not grow with n.
            self.outer.weight /= math.sqrt(features)

    def forward(self, x: Tensor) -> Tensor:
        if self.rank is None:
            half = self._values(x).reshape(-1, self.features, self.features)
        else:
            u, v = self._vectors(x, self.rank)
            half = u.mT @ v
        return half - half.mT

    def times(self, x: Tensor, y: Tensor) -> Tensor:
        """Return S(x)y, without forming S if its rank is low."""
        column = y.unsqueeze(-1)
        if self.rank is None:
            return (self.forward(x) @ column).squeeze(-1)
        u, v = self._vectors(x, self.rank)
        return (u.mT @ (v @ column) - v.mT @ (u @ column)).squeeze(-1)

    def _vectors(self, x: Tensor, rank: int) -> tuple[Tensor, Tensor]:
        values = self._values(x).reshape(-1, 2, rank, self.features)
        return values[:, 0], values[:, 1]

    def _values(self, x: Tensor) -> Tensor:
        values: Tensor = self.outer(torch.tanh(self.inner(x)))
        return values
