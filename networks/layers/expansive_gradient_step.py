"""The expansive step x + h·Aᵀσ(Ax + b): an Euler step up the gradient."""

from __future__ import annotations

from torch import Tensor

from .affine import Affine, read_affine
from .gradient_step import gradient
from .layer import Layer, Step, as_step, read_slope


class ExpansiveGradientStep(Layer):
    """x ↦ x + h·Aᵀσ(Ax + b), σ a LeakyReLU of ``slope`` in [0, 1].

    ``affine`` holds A and b (dense or convolution, of any shape), ``step`` h ≥ 0 is a number or a
    ``Step``. Bound: 1 + h‖A‖², the exact worst case over all b. Raises DomainError for a bad step
    or slope, ShapeError in ``forward``. Source: paper, expansive layers of the flexible regime
    [P]; claim D2.general_gradient_step with −h [D].

    >>> import torch
    >>> from flowcert.networks.layers import dense
    >>> step = ExpansiveGradientStep(dense(2, 3), step=0.5)
    >>> step(torch.zeros(1, 2)).tolist()
    [[0.0, 0.0]]
    """

    claim = "D2.general_gradient_step"
    rule = "gradient step"

    def __init__(self, affine: Affine, step: float | Step, slope: float = 0.0) -> None:
        super().__init__()
        self.affine = read_affine(affine)
        self.step = as_step(step)
        self.slope = read_slope(slope)

    def forward(self, x: Tensor) -> Tensor:
        h: Tensor = self.step()
        return x + h * gradient(self.affine, x, self.slope)

    def extra_repr(self) -> str:
        return f"slope={self.slope:g}"
