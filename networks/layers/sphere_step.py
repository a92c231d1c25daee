"""The step that keeps the norm: Heun on ẋ = S(x)x, corrected along its own chord."""

from __future__ import annotations

import torch
from torch import Tensor

from .layer import Layer, Step, as_step, check_value
from .skew_matrix import SkewMatrix


class SphereStep(Layer):
    """x⁺ = x + (1 − λ)(h/2)(k₁ + k₂) with k₁ = S(x)x, k₂ = S(x + hk₁)(x + hk₁), S skew.

    λ = |k₁ − k₂|²/|k₁ + k₂|², and x⁺ = x where k₁ + k₂ = 0. x: (batch, features); S is a
    ``SkewMatrix`` with ``hidden`` units (low ``rank`` if given), ``step`` h ≥ 0 a number or a
    ``Step``. Guaranteed: |x⁺| = |x| up to rounding for all weights and steps, so 0 ↦ 0; gradients
    are finite, at rest too. Not non-expansive: points of one sphere may move apart. Raises
    DomainError for a bad size or step and for half precision, ShapeError in ``forward``. Source:
    paper, sphere-preserving fields [P]; the stable λ flowcert [D]; claim F4.norm_correction.

    >>> x = torch.tensor([[3.0, 4.0]])
    >>> y = SphereStep(2, hidden=5, step=0.5)(x)
    >>> bool((y.norm() - 5).abs() < 1e-5), bool((y - x).norm() > 1e-3)
    (True, True)
    """

    refused = (
        "it keeps |x|, but turns each point by an angle of its own: near points move apart, the"
        " more the farther out, and no constant holds on the whole space"
    )
    structures = ("F4.norm_correction",)

    def __init__(
        self, features: int, hidden: int, step: float | Step, rank: int | None = None
    ) -> None:
        super().__init__()
        self.skew = SkewMatrix(features, hidden, rank)
        self.step = as_step(step)

    def forward(self, x: Tensor) -> Tensor:
        check_value(x, (self.skew.features,), exact=True)
        h = self.step()
        first = self.skew.times(x, x)
        end = x + h * first
        second = self.skew.times(end, end)
        return x + chord(x, first, second, h) * (first + second) / 2


def chord(x: Tensor, first: Tensor, second: Tensor, h: Tensor) -> Tensor:
    """Return h(1 − λ), shape (batch, 1): how far along (k₁ + k₂)/2 the sphere is met again.

    For short steps 1 − λ is near 1, for long ones λ is: each is computed where nothing cancels.
    """
    total, difference = first + second, first - second
    # Squares of quotients do not underflow. The result does not depend on the scale.
    size = total.detach().abs().amax(-1, keepdim=True)
    size = torch.where(size == 0, 1, size)
    square = (total / size).square().sum(-1, keepdim=True)
    square = torch.where(square == 0, 1, square)
    weight = (difference / size).square().sum(-1, keepdim=True) / square
    inward = -4 * (x * (total / size)).sum(-1, keepdim=True) / size / square
    return torch.where(2 * weight < 1, h * (1 - weight), inward)
