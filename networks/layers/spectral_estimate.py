"""The spectral norm while a network trains: power iteration, an estimate from below."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..operators import Operator


class SpectralEstimate(nn.Module):
    """|Av| for a unit vector v that ``maintain_`` turns toward the largest singular vector.

    An estimate from below, differentiable in the weight: right for training, never a certificate.
    ``forward`` changes nothing: call ``maintain_(network)`` after each step of the optimiser.
    ``start`` is a number of power steps at the beginning. Source: flowcert [D].

    >>> from flowcert.networks.operators import DenseOperator
    >>> estimate = SpectralEstimate(DenseOperator(2, 2), torch.diag(torch.tensor([3.0, 1.0])))
    >>> round(estimate(torch.diag(torch.tensor([3.0, 1.0]))).item(), 4)
    3.0
    """

    direction: Tensor

    def __init__(self, operator: Operator, weight: Tensor, start: int = 30) -> None:
        super().__init__()
        self.operator = operator
        v = torch.randn((1, *operator.input_shape), dtype=weight.dtype, device=weight.device)
        self.register_buffer("direction", v / v.norm())
        self.improve_(weight, start)

    def forward(self, weight: Tensor) -> Tensor:
        size: Tensor = torch.linalg.vector_norm(self.operator.apply(weight, self.direction))
        return size

    @torch.no_grad()
    def improve_(self, weight: Tensor, steps: int = 1) -> None:
        """Make power steps; a weight of zero leaves the direction as it is."""
        for _ in range(steps):
            v = self.operator.adjoint(weight, self.operator.apply(weight, self.direction))
            size = v.norm()
            self.direction.copy_(torch.where(size > 0, v / size, self.direction))
