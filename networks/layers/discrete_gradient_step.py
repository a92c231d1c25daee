"""The step up a potential that never goes down: Gonzalez's discrete gradient, solved by Newton."""

from __future__ import annotations

import torch
from torch import Tensor

from ...errors import ShapeError
from ...numerics.validation import positive_integer
from .layer import Layer, Step, as_step, check_value
from .potential_step import read_potential
from .ridge_potential import RidgePotential, log_cosh

_SMALL = 0.2  # increments below it are expanded
_TERMS = 8  # tanh(0.1)^(2·8) is below a rounding of float64


class DiscreteGradientStep(Layer):
    """x⁺ = x + h·∇̄U(x, x⁺) with Gonzalez's ∇̄U of U(x) = Σ wᵢ log cosh(aᵢᵀx + bᵢ).

    ∇̄U(x, y) = ∇U(m) + (U(y) − U(x) − ∇U(m)ᵀd)·d/|d|², m = (x + y)/2, d = y − x. ``potential`` is
    dense, w of any sign; x: (batch, features); ``step`` h ≥ 0 is a number or a ``Step``. Order 2.
    Guaranteed of the solution, for all weights and steps: U(x⁺) − U(x) = |x⁺ − x|²/h ≥ 0, so U
    never falls (with −w it never rises). The equation is solved by so many Newton ``iterations``
    that leave out terms of size h|d|‖D³U‖: while h‖D²U‖ is below 1 or so the default 8 end in
    rounding, and their derivatives are those of the solution; ``residual`` says what is left.
    Raises StructureError for what is no RidgePotential, ShapeError for one of images and in
    ``forward``, DomainError for bad steps, iterations and half precision. Source: paper, learned
    fields by discrete gradients [P]; claims F5.gonzalez_gradient, F5.discrete_gradient_energy (of
    H = −U, S = −I); without cancellation, flowcert [D].

    >>> from flowcert.networks.layers import ridge_potential
    >>> step = DiscreteGradientStep(ridge_potential(2, 3), step=0.1)
    >>> x = torch.ones(1, 2)
    >>> bool(step.potential.value(step(x)) >= step.potential.value(x))
    True
    """

    refused = (
        "it solves an equation, and no rule bounds the solution: as h‖D²U‖ comes near 2 near points"
        " move apart without limit"
    )
    structures = ("F5.discrete_gradient_energy", "F5.gonzalez_gradient")

    def __init__(self, potential: RidgePotential, step: float | Step, iterations: int = 8) -> None:
        super().__init__()
        shape = read_potential(potential).affine.operator.input_shape
        if len(shape) != 1:
            raise ShapeError(
                came=f"a potential of inputs of shape {shape}",
                expected="one of vectors: ridge_potential(features, hidden)",
                remedy="The step solves for all entries together: flatten the image.",
            )
        [self.features] = shape
        self.potential = potential
        self.step = as_step(step)
        self.iterations = positive_integer("iterations", iterations)

    def forward(self, x: Tensor) -> Tensor:
        check_value(x, (self.features,), exact=True)
        h = self.step()
        moved = h * self.potential(x)
        for _ in range(self.iterations):
            gradient, factor = self._discrete_gradient(x, moved)
            missing = (h * gradient - moved).unsqueeze(-1)
            matrix = self._newton_matrix(x, moved, factor, h)
            moved = moved + torch.linalg.solve(matrix, missing).squeeze(-1)
        end: Tensor = x + moved
        return end

    def residual(self, x: Tensor, y: Tensor) -> Tensor:
        """Return y − x − h·∇̄U(x, y), 0 where y is the step from x: explicit in pairs of data."""
        check_value(x, (self.features,), exact=True)
        check_value(y, (self.features,), exact=True)
        moved = y - x
        missed: Tensor = moved - self.step() * self._discrete_gradient(x, moved)[0]
        return missed

    def _discrete_gradient(self, x: Tensor, moved: Tensor) -> tuple[Tensor, Tensor]:
        """Return ∇̄U(x, x + d), and the factor (U(y) − U(x) − ∇U(m)ᵀd)/|d|², shape (batch, 1)."""
        affine, w = self.potential.affine, self.potential.weight
        middle, increment = affine(x + moved / 2), moved @ affine.weight.T
        missing = (w * missing_increment(middle, increment)).sum(-1, keepdim=True)
        # |d|² may underflow, |d/size|² does not. The result does not depend on the size.
        size = moved.detach().abs().amax(-1, keepdim=True)
        size = torch.where(size == 0, 1, size)
        square = (moved / size).square().sum(-1, keepdim=True)
        factor = missing / size / torch.where(square == 0, 1, square) / size
        return affine.adjoint(w * torch.tanh(middle)) + factor * moved, factor

    @torch.no_grad()
    def _newton_matrix(self, x: Tensor, moved: Tensor, factor: Tensor, h: Tensor) -> Tensor:
        """I − h∂∇̄U/∂y without the derivative of the factor.

        It is a constant: each iteration then takes the derivatives as near as it does the value.
        """
        affine = self.potential.affine
        bend = self.potential.weight * (1 - torch.tanh(affine(x + moved / 2)).square())
        hessian = (affine.weight.T * bend.unsqueeze(-2)) @ affine.weight
        unit = torch.eye(self.features, dtype=x.dtype, device=x.device)
        return (1 - h * factor).unsqueeze(-1) * unit - h / 2 * hessian

    def extra_repr(self) -> str:
        return f"iterations={self.iterations}"


def missing_increment(middle: Tensor, increment: Tensor) -> Tensor:
    """Return γ(m + δ/2) − γ(m − δ/2) − tanh(m)δ for γ = log cosh, entry by entry.

    It is of size |δ|³. With T = tanh m and s = tanh(δ/2) it is 2·artanh(Ts) − 2T·artanh(s), whose
    series −2T(1 − T²)s³·Σ s²ᵏ(1 + T² + … + T²ᵏ)/(2k + 3) is taken where δ is small.

    >>> missing_increment(torch.zeros(1), torch.ones(1)).item()
    0.0
    """
    T, s = torch.tanh(middle), torch.tanh(increment / 2)
    total, geometric, power = torch.zeros_like(T), torch.ones_like(T), torch.ones_like(T)
    for k in range(_TERMS):
        total = total + power * geometric / (2 * k + 3)
        geometric = 1 + T.square() * geometric
        power = power * s.square()
    expanded = -2 * T * (1 - T.square()) * s**3 * total
    there, back = middle + increment / 2, middle - increment / 2
    direct = log_cosh(there) - log_cosh(back) - T * increment
    return torch.where(increment.abs() < _SMALL, expanded, direct)
