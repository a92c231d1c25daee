"""The spectral norm while a network trains: power iteration, an estimate from below."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..operators import Operator


class SpectralEstimate(nn.Module):
    """|Av| for a unit vector v that ``maintain_`` turns toward the largest singular vector.

    An estimate from below, differentiable in the weight: right for training, never a certificate.
    ``forward`` changes nothing: call ``maintain_(network)`` after each step of the optimiser.
    ``start`` is a number of power steps at the beginning. Any finite weight is fit: squares neither
    overflow nor vanish. Source: flowcert [D].

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
        image = self.operator.apply(weight, self.direction)
        scale = _scale(image)
        size: Tensor = scale * torch.linalg.vector_norm(image / scale)
        return size

    @torch.no_grad()
    def improve_(self, weight: Tensor, steps: int = 1) -> None:
        """Make power steps; a weight of zero, or NaN, leaves the direction as it is."""
        for _ in range(steps):
            image = _unit(self.operator.apply(weight, self.direction))
            v = _unit(self.operator.adjoint(weight, image))
            known = torch.isfinite(v).all() & (v != 0).any()
            self.direction.copy_(torch.where(known, v, self.direction))


def _scale(x: Tensor) -> Tensor:
    """The largest absolute entry as a constant, 1 for the zero vector."""
    largest = x.detach().abs().amax()
    return torch.where(largest > 0, largest, torch.ones_like(largest))


def _unit(x: Tensor) -> Tensor:
    """x/|x|, the zero vector for itself."""
    x = x / _scale(x)
    size: Tensor = torch.linalg.vector_norm(x)  # at least 1, or 0
    return x / size.clamp(min=1.0)
