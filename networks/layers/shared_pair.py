"""The pair of the flexible regime: contractive sub-steps and one expansive step on one matrix."""

from __future__ import annotations

from torch import Tensor

from ...numerics.validation import positive_integer
from .affine import Affine, read_affine
from .gradient_step import gradient, shared_out
from .layer import Layer, Step, as_step, read_slope


class SharedPair(Layer):
    """S times x ↦ x − (h_C/S)·Aᵀσ(Ax + b), then x ↦ x + h_E·Aᵀσ_E(Ax + b), with one (A, b).

    σ and σ_E are LeakyReLUs of ``slope`` a and ``expansive_slope``, S = ``substeps``. Bound: the
    product of the steps' sharp factors, max(|1 − t·a·σ_min²|, |1 − t·σ_max²|)^S·(1 + h_E·σ_max²)
    with t = h_C/S and the singular values of A; keep AᵀA = I and the steps in a ``StepPair`` of
    the whole-expansive family, and it is at most 1. For a square A the same map is cheaper as a
    ``CollapsedPair``. Raises DomainError for bad steps and slopes. Source: paper, flexible regime
    [P]; claim D2.general_gradient_step, flowcert [D].

    >>> import torch
    >>> from flowcert.networks.layers import dense
    >>> SharedPair(dense(2, 3), 0.11, 0.05)(torch.zeros(1, 2)).tolist()
    [[0.0, 0.0]]
    """

    claim = "D2.general_gradient_step"
    rule = "gradient step"

    def __init__(
        self,
        affine: Affine,
        contractive_step: float | Step,
        expansive_step: float | Step,
        slope: float = 0.5,
        expansive_slope: float = 0.0,
        substeps: int = 2,
    ) -> None:
        super().__init__()
        self.affine = read_affine(affine)
        self.contractive_step = as_step(contractive_step)
        self.expansive_step = as_step(expansive_step)
        self.slope = read_slope(slope)
        self.expansive_slope = read_slope(expansive_slope)
        self.substeps = positive_integer("substeps", substeps)

    def forward(self, x: Tensor) -> Tensor:
        h = self.contractive_step()
        for _ in range(self.substeps):
            x = x - h * shared_out(gradient(self.affine, x, self.slope), self.substeps)
        moved: Tensor = x + self.expansive_step() * gradient(self.affine, x, self.expansive_slope)
        return moved

    def extra_repr(self) -> str:
        slopes = f"slope={self.slope:g}, expansive_slope={self.expansive_slope:g}"
        return f"{slopes}, substeps={self.substeps}"
