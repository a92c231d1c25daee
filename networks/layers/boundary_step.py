"""The boundary step x − (2/‖W‖²)·WᵀReLU(Wx + b): the strongest non-expansive gradient step."""

from __future__ import annotations

import math

from torch import Tensor

from ...errors import DomainError
from ...theory.spectral.rounding import below
from .affine import Affine, read_affine
from .gradient_step import GradientStep
from .layer import FixedStep, Step
from .spectral_estimate import SpectralEstimate


class BoundaryStep(GradientStep):
    """x ↦ x − h·WᵀReLU(Wx + b) with h = 2/‖W‖², known as the CPL layer: 1-Lipschitz.

    ``affine`` holds W and b. While training, ‖W‖ is a power iteration's estimate, renewed by
    ``maintain_``; ``seal`` fixes h on the safe side of the rigorous norm: then the factor is at
    most 1 exactly. Source: Meunier et al. (2022); the boundary of D2 at slope 0, flowcert [D],
    claim D8.boundary_step.

    >>> import torch
    >>> from flowcert.networks.layers import dense
    >>> BoundaryStep(dense(2, 3))(torch.zeros(1, 2)).tolist()
    [[0.0, 0.0]]
    """

    def __init__(self, affine: Affine) -> None:
        super().__init__(affine, BoundaryStepSize(read_affine(affine)), slope=0.0)


class BoundaryStepSize(Step):
    """h = 2/‖W‖² of an affine map, estimated while training and rigorous once sealed.

    >>> from flowcert.networks.layers import dense
    >>> affine = dense(2, 2)
    >>> size = BoundaryStepSize(affine)
    >>> bound = affine.bound_singular_values().largest
    >>> size.sealed()().item() * bound**2 <= 2.0
    True
    """

    def __init__(self, affine: Affine) -> None:
        super().__init__()
        # In a tuple it is no submodule a second time: the weight has one owner, the layer.
        self._affine = (affine,)
        self.estimate = SpectralEstimate(affine.operator, affine.weight.detach())

    def forward(self) -> Tensor:
        norm: Tensor = self.estimate(self._affine[0].weight)
        return 2.0 / norm.square()

    def maintain_(self) -> None:
        """Renew the estimate of ‖W‖ by one power step."""
        self.estimate.improve_(self._affine[0].weight)

    def sealed(self) -> FixedStep:
        """Return the largest step of the weight's type that is certainly ≤ 2/‖W‖²."""
        [affine] = self._affine
        norm = affine.bound_singular_values().largest
        h = below(2.0 / norm / norm, 4) if norm > 0.0 else math.inf
        if not math.isfinite(h):
            raise DomainError(
                came="a boundary step of a weight that is zero, or nearly so",
                expected="a weight with ‖W‖ > 0",
                remedy="Train with a smaller learning rate, or draw the weight anew.",
            )
        return FixedStep(h, like=affine.weight)
