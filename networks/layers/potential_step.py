"""The step along a gradient: Euler or the midpoint rule on ẋ = ∇U(x), U a ridge network."""

from __future__ import annotations

from typing import Literal, get_args

from torch import Tensor

from ...errors import StructureError, UnknownNameError
from ...numerics.validation import positive_integer
from ...theory.bounds import domain
from .gradient_step import shared_out
from .layer import Layer, Step, as_step, check_value
from .ridge_potential import RidgePotential

Method = Literal["Euler", "midpoint"]
METHODS: tuple[str, ...] = get_args(Method)


class PotentialStep(Layer):
    """S steps x ↦ x + (h/S)·∇U(x) along ∇U(x) = Aᵀdiag(w)tanh(Ax + b) + μx.

    ``potential`` holds A, b and w (dense or convolution), x is (batch, *shape of A's inputs);
    ``step`` h ≥ 0 is a number or a ``Step``, ``substeps`` S ≥ 1, ``shift`` μ ≥ 0. With ``method``
    "midpoint" ∇U is taken at x + (h/2S)·∇U(x): order 2. w may have any sign: U is neither convex
    nor concave, and such potentials approximate all smooth ones on bounded sets; with μ large
    enough U is convex on a ball. Guaranteed: the field is a gradient for all weights, and for
    S → ∞ the layer is its flow. Bound for Euler and μ = 0: (1 + (h/S)‖A‖²max|w|)^S or less, claim
    E1.product. Raises StructureError for what is no RidgePotential, DomainError for a bad step, S
    or μ, UnknownNameError for another method, ShapeError in ``forward``. Source: paper, gradient
    fields of the approximation results, B4 [P].

    >>> import torch
    >>> from flowcert.networks.layers import ridge_potential
    >>> PotentialStep(ridge_potential(2, 3), step=0.5)(torch.zeros(1, 2)).tolist()
    [[0.0, 0.0]]
    """

    claim = "E1.product"
    rule = "sum"

    def __init__(
        self,
        potential: RidgePotential,
        step: float | Step,
        substeps: int = 1,
        *,
        method: Method = "Euler",
        shift: float = 0.0,
    ) -> None:
        super().__init__()
        if method not in METHODS:
            raise UnknownNameError(
                came=f"method = {method!r}",
                expected=f"one of {', '.join(METHODS)}",
                remedy="Euler is one evaluation a sub-step, the midpoint rule two.",
            )
        self.potential = read_potential(potential)
        self.step = as_step(step)
        self.substeps = positive_integer("substeps", substeps)
        self.method = method
        self.shift = float(domain.step(shift, "shift"))

    def forward(self, x: Tensor) -> Tensor:
        check_value(x, self.potential.affine.operator.input_shape)
        h = self.step()
        for _ in range(self.substeps):
            slope = self._gradient(x)
            if self.method == "midpoint":
                slope = self._gradient(x + h / 2 * shared_out(slope, self.substeps))
            x = x + h * shared_out(slope, self.substeps)
        return x

    def _gradient(self, x: Tensor) -> Tensor:
        gradient: Tensor = self.potential(x)
        return gradient if self.shift == 0 else gradient + self.shift * x

    def extra_repr(self) -> str:
        return f"substeps={self.substeps}, method={self.method}, shift={self.shift:g}"


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
