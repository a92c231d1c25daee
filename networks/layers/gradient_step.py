"""The contractive step x − h·Aᵀσ(Ax + b): Euler steps of a gradient flow."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from ...numerics.validation import positive_integer
from .affine import Affine, read_affine
from .layer import Layer, Step, as_step, read_slope


class GradientStep(Layer):
    r"""S Euler steps x ↦ x − (h/S)·Aᵀσ(Ax + b), σ a LeakyReLU of ``slope`` a in [0, 1].

    ``affine`` holds A and b (dense or convolution), ``step`` h ≥ 0 is a number or a ``Step``,
    ``substeps`` S ≥ 1. Bound: the S-th power of max(|1 − (h/S)·a·σ_min²|, |1 − (h/S)·σ_max²|),
    σ those of A: at most 1 for h ≤ 2S/‖A‖². Raises DomainError for a bad step or slope, ShapeError
    in ``forward``. Source: paper, contractive layers [P]; sharp factor, flowcert [D], claim
    D2.general_gradient_step.

    >>> import torch
    >>> from flowcert.networks.layers import dense
    >>> step = GradientStep(dense(2, 3), step=0.5, slope=0.5)
    >>> step(torch.zeros(1, 2)).tolist()
    [[0.0, 0.0]]
    """

    claim = "D2.general_gradient_step"
    rule = "gradient step"

    def __init__(
        self, affine: Affine, step: float | Step, slope: float = 0.0, substeps: int = 1
    ) -> None:
        super().__init__()
        self.affine = read_affine(affine)
        self.step = as_step(step)
        self.slope = read_slope(slope)
        self.substeps = positive_integer("substeps", substeps)

    def forward(self, x: Tensor) -> Tensor:
        h = self.step()
        for _ in range(self.substeps):
            x = x - h * shared_out(gradient(self.affine, x, self.slope), self.substeps)
        return x

    def extra_repr(self) -> str:
        return f"slope={self.slope:g}, substeps={self.substeps}"


def shared_out(value: Tensor, substeps: int) -> Tensor:
    """Return value/S. It is the value that is divided, not h: a quotient of h would be rounded.

    Then the layer and its float64 copy are one function of the stored numbers.

    >>> import torch
    >>> shared_out(torch.ones(1), 2).item()
    0.5
    """
    return value if substeps == 1 else value / substeps


def gradient(affine: Affine, x: Tensor, slope: float) -> Tensor:
    """Return ∇V(x) = Aᵀσ(Ax + b) for V(x) = 1ᵀΓ(Ax + b), σ = Γ' a LeakyReLU of ``slope``.

    >>> import torch
    >>> from flowcert.networks.layers import dense
    >>> gradient(dense(2, 3), torch.zeros(1, 2), 0.5).tolist()
    [[0.0, 0.0]]
    """
    return affine.adjoint(activated(affine(x), slope))


def activated(y: Tensor, slope: float) -> Tensor:
    """Return σ(y) = max(y, slope·y), entry by entry.

    >>> import torch
    >>> activated(torch.tensor([-2.0, 3.0]), 0.5).tolist()
    [-1.0, 3.0]
    """
    if slope == 0.0:
        return functional.relu(y)
    return y if slope == 1.0 else functional.leaky_relu(y, slope)
