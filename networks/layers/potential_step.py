"""The step along a gradient: Euler on ẋ = ∇U(x), U a ridge network."""

from __future__ import annotations

from torch import Tensor

from ...errors import StructureError
from ...numerics.validation import positive_integer
from .gradient_step import shared_out
from .layer import Layer, Step, as_step, check_value
from .ridge_potential import RidgePotential


class PotentialStep(Layer):
    """S Euler steps x ↦ x + (h/S)·∇U(x), ∇U(x) = Aᵀdiag(w)tanh(Ax + b).

    ``potential`` holds A, b and w (dense or convolution), x is (batch, *shape of A's inputs);
    ``step`` h ≥ 0 is a number or a ``Step``, ``substeps`` S ≥ 1. w may have any sign: U is neither
    convex nor concave, and such potentials approximate all smooth ones on bounded sets. Guaranteed:
    the field is a gradient for all weights, and for S → ∞ the layer is its flow. Bound:
    (1 + (h/S)‖A‖²max|w|)^S or less, claim E1.product. Raises StructureError for what is no
    RidgePotential, DomainError for a bad step or S, ShapeError in ``forward``. Source: paper,
    gradient fields of the approximation results, B4 [P].

    >>> import torch
    >>> from flowcert.networks.layers import ridge_potential
    >>> PotentialStep(ridge_potential(2, 3), step=0.5)(torch.zeros(1, 2)).tolist()
    [[0.0, 0.0]]
    """

    claim = "E1.product"
    rule = "sum"

    def __init__(self, potential: RidgePotential, step: float | Step, substeps: int = 1) -> None:
        super().__init__()
        self.potential = read_potential(potential)
        self.step = as_step(step)
        self.substeps = positive_integer("substeps", substeps)

    def forward(self, x: Tensor) -> Tensor:
        check_value(x, self.potential.affine.operator.input_shape)
        h = self.step()
        for _ in range(self.substeps):
            x = x + h * shared_out(self.potential(x), self.substeps)
        return x

    def extra_repr(self) -> str:
        return f"substeps={self.substeps}"


def read_potential(given: RidgePotential) -> RidgePotential:
    """Return a ridge potential, or raise StructureError for another module.

    >>> from flowcert.networks.layers import ridge_potential
    >>> read_potential(ridge_potential(2, 3)).affine
    Affine(DenseOperator(inputs=2, outputs=3), bias=True)
    """
    if isinstance(given, RidgePotential):
        return given
    raise StructureError(
        came=f"a {type(given).__name__} where a potential belongs",
        expected="a RidgePotential, whose forward is the gradient of its value",
        remedy="Use ridge_potential(features, hidden) of networks.layers.",
    )
