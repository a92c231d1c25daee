"""U(x) = Σ wᵢ log cosh(aᵢᵀx + bᵢ): the potential whose gradient is a layer."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from .affine import Affine, convolution, dense, read_affine


class RidgePotential(nn.Module):
    """x ↦ ∇U(x) = Aᵀdiag(w)tanh(Ax + b), the gradient of U = Σ wᵢ log cosh(Ax + b)ᵢ.

    ``affine`` holds A and b (dense or convolution; then one w a channel). w starts at 1, where
    ∇U = AᵀΣ(Ax + b). Source: paper, gradient fields [P]; claim F2.hamiltonian_field.

    >>> U = RidgePotential(dense(2, 3))
    >>> U(torch.zeros(1, 2)).tolist(), U.value(torch.zeros(1, 2)).tolist()
    ([[0.0, 0.0]], [0.0])
    """

    def __init__(self, affine: Affine) -> None:
        super().__init__()
        self.affine = read_affine(affine)
        shape = affine.operator.output_shape
        self.weight = nn.Parameter(torch.ones(shape[0], *(1 for _ in shape[1:])))

    def forward(self, x: Tensor) -> Tensor:
        return self.affine.adjoint(self.weight * torch.tanh(self.affine(x)))

    def value(self, x: Tensor) -> Tensor:
        """Return U(x), shape (batch,)."""
        value: Tensor = (self.weight * log_cosh(self.affine(x))).flatten(1).sum(-1)
        return value


def log_cosh(s: Tensor) -> Tensor:
    """Return γ(s) = log cosh s, entry by entry, without overflow: γ' = tanh.

    >>> log_cosh(torch.tensor([0.0, 1e30])).tolist() == [0.0, torch.tensor(1e30).item()]
    True
    """
    size = s.abs()
    return size + functional.softplus(-2 * size) - math.log(2)


def ridge_potential(
    features: int, hidden: int, image: tuple[int, int] | None = None
) -> RidgePotential:
    """Return a potential of vectors, or of images with so many channels (circular convolution).

    >>> ridge_potential(2, 3, image=(4, 5))(torch.zeros(1, 2, 4, 5)).shape
    torch.Size([1, 2, 4, 5])
    """
    if image is None:
        return RidgePotential(dense(features, hidden))
    return RidgePotential(convolution((features, *image), hidden))
