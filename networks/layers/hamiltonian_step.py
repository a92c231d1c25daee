"""Symplectic layers on y = (q, p): gradient modules, and Störmer–Verlet on T(p) + V(q)."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ...errors import DomainError
from ...numerics.systems.hamiltonian import half
from ...numerics.validation import positive_integer
from .layer import Layer, Step, as_step, check_value
from .ridge_potential import RidgePotential, ridge_potential

Moved = Literal["momentum", "position"]


class GradientModule(Layer):
    """p⁺ = p + h∇U(q), q⁺ = q; or, if it moves the position, q⁺ = q + h∇U(p), p⁺ = p.

    ∇U(q) = Kᵀdiag(w)tanh(Kq + b) with ``hidden`` rows. y = (q, p): (batch, features), half of the
    ``features`` each; with an ``image`` (height, width), so many channels and K a convolution.
    ``step`` h ≥ 0 is a number or a ``Step``. Guaranteed: DᵀJD = J for the Jacobian D, for all
    weights and steps; ``inverse`` undoes it. Bound: 1 + h‖K‖²max|w| of the moved half, jointly with
    the other, claim E1.product. Raises DomainError for a bad size, step or ``moves`` and for half
    precision, ShapeError for odd features and in ``forward``. Source: paper, symplectic networks
    [P]; claim F2.gradient_modules.

    >>> module = GradientModule(4, hidden=3, step=0.5)
    >>> y = torch.ones(1, 4)
    >>> module(y)[0, :2].tolist(), torch.allclose(module.inverse(module(y)), y)
    ([1.0, 1.0], True)
    """

    claim = "E1.product"
    rule = "concatenate"
    structures = ("F2.gradient_modules",)

    def __init__(
        self,
        features: int,
        hidden: int,
        step: float | Step = 1.0,
        moves: Moved = "momentum",
        image: tuple[int, int] | None = None,
    ) -> None:
        super().__init__()
        if moves not in ("momentum", "position"):
            raise DomainError(
                came=f"moves = {moves!r}",
                expected="'momentum' or 'position'",
                remedy="Take one of each, in turn.",
            )
        d = _half(features)
        self.moves = moves
        self.potential = ridge_potential(d, hidden, image)
        self.step = as_step(step)

    def forward(self, y: Tensor) -> Tensor:
        return self._moved(y, self.step())

    def inverse(self, y: Tensor) -> Tensor:
        """Return the value that ``forward`` takes to y."""
        return self._moved(y, -self.step())

    def _moved(self, y: Tensor, h: Tensor) -> Tensor:
        q, p = _halves(y, self.potential)
        if self.moves == "momentum":
            p = p + h * self.potential(q)
        else:
            q = q + h * self.potential(p)
        return torch.cat([q, p], dim=1)

    def extra_repr(self) -> str:
        return f"moves={self.moves}"


class VerletStep(Layer):
    """p̂ = p − (h/2)∇V(q), q⁺ = q + h∇T(p̂), p⁺ = p̂ − (h/2)∇V(q⁺): H = T(p) + V(q).

    ∇T(p) = Kᵀdiag(w)tanh(Kp + b) with ``hidden`` rows, ∇V alike: a step of ẏ = JAᵀdiag(w)Σ(Ay + b)
    with A block-diagonal. y = (q, p): (batch, features), or channels of an ``image``; ``step``
    h ≥ 0 is a number or a ``Step``. Guaranteed: DᵀJD = J for the Jacobian D, and ``inverse``
    undoes the step, for all weights and steps. ``energy`` is H: kept up to O(h²) without drift
    while h is short, not exactly. Bound: that of its three shears, claim E1.product. Raises
    DomainError for a bad size or step and for half precision, ShapeError for odd features and in
    ``forward``. Source: paper, Hamiltonian networks [P]; claims F2.partitioned_steps,
    F2.hamiltonian_field.

    >>> step = VerletStep(2, hidden=3, step=0.5)
    >>> y = torch.ones(1, 2)
    >>> torch.allclose(step.inverse(step(y)), y)
    True
    """

    claim = "E1.product"
    rule = "concatenate"
    structures = ("F2.partitioned_steps", "F2.hamiltonian_field")

    def __init__(
        self,
        features: int,
        hidden: int,
        step: float | Step,
        image: tuple[int, int] | None = None,
    ) -> None:
        super().__init__()
        d = _half(features)
        self.kinetic = ridge_potential(d, hidden, image)
        self.potential = ridge_potential(d, hidden, image)
        self.step = as_step(step)

    def forward(self, y: Tensor) -> Tensor:
        return self._moved(y, self.step())

    def inverse(self, y: Tensor) -> Tensor:
        """Return the value that ``forward`` takes to y: the step of −h, since it is symmetric."""
        return self._moved(y, -self.step())

    def energy(self, y: Tensor) -> Tensor:
        """Return H(q, p) = T(p) + V(q), shape (batch,)."""
        q, p = _halves(y, self.potential)
        return self.kinetic.value(p) + self.potential.value(q)

    def _moved(self, y: Tensor, h: Tensor) -> Tensor:
        q, p = _halves(y, self.potential)
        p = p - h / 2 * self.potential(q)
        q = q + h * self.kinetic(p)
        p = p - h / 2 * self.potential(q)
        return torch.cat([q, p], dim=1)


def _half(features: int) -> int:
    return half(positive_integer("features", features))


def _halves(y: Tensor, potential: RidgePotential) -> tuple[Tensor, Tensor]:
    d, *image = potential.affine.operator.input_shape
    check_value(y, (2 * d, *image), exact=True)
    return y[:, :d], y[:, d:]
