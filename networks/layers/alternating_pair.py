"""The pair of the prescribed regime: expansive and contractive sub-steps in turn."""

from __future__ import annotations

from torch import Tensor

from ...errors import ShapeError
from ...numerics.validation import positive_integer
from .affine import Affine, read_affine
from .expansive_step import require_one_space
from .gradient_step import activated, gradient, shared_out
from .layer import Layer, Step, as_step, read_slope


class AlternatingPair(Layer):
    """S times x ↦ x + (h_E/S)·σ(Bx + c), then x ↦ x − (h_C/S)·Aᵀσ(Ax + b).

    ``contractive`` holds A and b, ``expansive`` B and c, from a space to itself; σ is a LeakyReLU
    of ``slope`` a, S = ``substeps``. Bound: the S-th power of (1 + (h_E/S)‖B‖)·q,
    q = max(|1 − t·a·σ_min²|, |1 − t·σ_max²|) with t = h_C/S and the singular values of A; keep
    AᵀA = I, ‖B‖ ≤ 1 and the steps in a ``StepPair`` of the alternating family, and it is at most
    1. Raises ShapeError for maps that do not fit, DomainError for bad steps and slopes. Source:
    paper, prescribed regime [P]; sharp factor, flowcert [D], claim D2.general_gradient_step.

    >>> import torch
    >>> from flowcert.networks.layers import dense
    >>> AlternatingPair(dense(2, 3), dense(2, 2), 0.3, 0.0)(torch.zeros(1, 2)).tolist()
    [[0.0, 0.0]]
    """

    claim = "D2.general_gradient_step"
    rule = "gradient step"

    def __init__(
        self,
        contractive: Affine,
        expansive: Affine,
        contractive_step: float | Step,
        expansive_step: float | Step,
        slope: float = 0.5,
        substeps: int = 2,
    ) -> None:
        super().__init__()
        require_one_space(expansive, "x + hσ(Bx + c)")
        if read_affine(contractive).operator.input_shape != expansive.operator.input_shape:
            raise ShapeError(
                came=f"A on {contractive.operator.input_shape}, B on "
                f"{expansive.operator.input_shape}",
                expected="both on the same values",
                remedy="The two steps follow each other: they keep the shape.",
            )
        self.contractive = contractive
        self.expansive = expansive
        self.contractive_step = as_step(contractive_step)
        self.expansive_step = as_step(expansive_step)
        self.slope = read_slope(slope)
        self.substeps = positive_integer("substeps", substeps)

    def forward(self, x: Tensor) -> Tensor:
        S, h_C, h_E = self.substeps, self.contractive_step(), self.expansive_step()
        for _ in range(S):
            x = x + h_E * shared_out(activated(self.expansive(x), self.slope), S)
            x = x - h_C * shared_out(gradient(self.contractive, x, self.slope), S)
        return x

    def extra_repr(self) -> str:
        return f"slope={self.slope:g}, substeps={self.substeps}"
