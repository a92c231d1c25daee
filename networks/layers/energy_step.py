"""The step that keeps a quadratic energy ½|Ax + b|²: a discrete gradient, solved exactly."""

from __future__ import annotations

import torch
from torch import Tensor

from ...errors import ShapeError
from .affine import Affine, read_affine
from .layer import Layer, Step, as_step, check_value
from .skew_matrix import SkewMatrix


class EnergyStep(Layer):
    """x⁺ = x + hS(x)·∇H((x + x⁺)/2) for H(x) = ½|Ax + b|², S(x) skew.

    On quadratic energies ∇H at the middle is the discrete gradient of Gonzalez (and of the mean
    value): H(x⁺) = H(x) for all weights and steps, up to a rounding that grows with h‖S‖‖A‖².
    The equation is linear in x⁺, so it is solved, not iterated: (I − (h/2)SAᵀA)d = hS∇H(x), which
    always has one solution.
    ``affine`` holds A and b, dense; x: (batch, n); S is a ``SkewMatrix`` with ``hidden`` units,
    ``step`` h ≥ 0 a number or a ``Step``. Raises ShapeError, DomainError for half precision.
    Source: paper, energy-preserving networks [P]; claims F5.discrete_gradient_energy,
    F5.gonzalez_gradient, F6.quadratic_integrals.

    >>> from flowcert.networks.layers import dense
    >>> step = EnergyStep(dense(3, 4), hidden=5, step=0.5)
    >>> x = torch.ones(1, 3)
    >>> torch.allclose(step.energy(step(x)), step.energy(x))
    True
    """

    refused = (
        "it keeps an energy, but near points move along its level set at speeds of their own, the"
        " more so the farther out, and no constant holds on the whole space"
    )
    structures = (
        "F5.discrete_gradient_energy",
        "F5.gonzalez_gradient",
        "F6.quadratic_integrals",
    )

    def __init__(self, affine: Affine, hidden: int, step: float | Step) -> None:
        super().__init__()
        if len(read_affine(affine).operator.input_shape) != 1:
            raise ShapeError(
                came=f"an affine map of inputs of shape {affine.operator.input_shape}",
                expected="one on vectors: dense(features, rows)",
                remedy="The step solves for all entries together: flatten the image.",
            )
        [features] = affine.operator.input_shape
        self.affine = affine
        self.skew = SkewMatrix(features, hidden)
        self.step = as_step(step)

    def forward(self, x: Tensor) -> Tensor:
        check_value(x, (self.skew.features,), exact=True)
        A = self.affine.weight
        S = self.step() * self.skew(x)
        unit = torch.eye(self.skew.features, dtype=x.dtype, device=x.device)
        gradient = self.affine.adjoint(self.affine(x))
        moved = torch.linalg.solve(unit - (S @ A.T) @ A / 2, S @ gradient.unsqueeze(-1))
        end: Tensor = x + moved.squeeze(-1)
        return end

    def energy(self, x: Tensor) -> Tensor:
        """Return H(x) = ½|Ax + b|², shape (batch,)."""
        value: Tensor = self.affine(x).square().sum(-1) / 2
        return value
