"""The expansive step x + h·σ(Bx + c): an Euler step of a field that may grow."""

from __future__ import annotations

from torch import Tensor

from ...errors import ShapeError
from .affine import Affine, read_affine
from .gradient_step import activated
from .layer import Layer, Step, as_step, read_slope


class ExpansiveStep(Layer):
    """x ↦ x + h·σ(Bx + c), σ a LeakyReLU of ``slope`` in [0, 1], B from a space to itself.

    ``affine`` holds B and c (dense or convolution), ``step`` h ≥ 0 is a number or a ``Step``.
    Bound: ‖I + h(a + 1)/2·B‖ + h(1 − a)/2·‖B‖ with a the slope, at most 1 + h‖B‖. Raises
    ShapeError for a B between two spaces, DomainError for a bad step or slope. Source: paper,
    expansive layers of the prescribed regime [P] (D1.expansive_layer_factor); flowcert [D], claim
    D2.general_expansive_step.

    >>> from flowcert.networks.layers import dense
    >>> layer = ExpansiveStep(dense(2, 2), step=0.5)
    >>> layer.affine.weight.requires_grad, layer.slope
    (True, 0.5)
    """

    claim = "D2.general_expansive_step"
    rule = "expansive step"

    def __init__(self, affine: Affine, step: float | Step, slope: float = 0.5) -> None:
        super().__init__()
        require_one_space(affine, "x + hσ(Bx + c)")
        self.affine = affine
        self.step = as_step(step)
        self.slope = read_slope(slope)

    def forward(self, x: Tensor) -> Tensor:
        h: Tensor = self.step()
        return x + h * activated(self.affine(x), self.slope)

    def extra_repr(self) -> str:
        return f"slope={self.slope:g}"


def require_one_space(affine: Affine, formula: str) -> None:
    """Raise ShapeError unless Ax has the shape of x.

    >>> from flowcert.networks.layers import dense
    >>> require_one_space(dense(2, 2), "x + hσ(Bx + c)")
    """
    operator = read_affine(affine).operator
    inputs, outputs = operator.input_shape, operator.output_shape
    if inputs != outputs:
        raise ShapeError(
            came=f"a linear map from {inputs} to {outputs} in {formula}",
            expected="the same shape on both sides",
            remedy="For other shapes there is ExpansiveGradientStep, x + hAᵀσ(Ax + b).",
        )
