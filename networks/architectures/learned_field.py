"""Vector fields learned from pairs (x, φ^h(x)): with a potential and a skew part, and without."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

from ..layers import DiscreteGradientStep, RidgePotential, SphereStep, dense
from ..layers.layer import as_step


class FieldModel(Protocol):
    """A module that steps by h along a field which it knows."""

    def __call__(self, x: Tensor) -> Tensor:
        """Return the step from x, near φ^h(x) once trained: (batch, dimension) to the same."""
        ...

    def field(self, x: Tensor) -> Tensor:
        """Return the field at x."""
        ...

    def residual(self, x: Tensor, y: Tensor) -> Tensor:
        """Return what is missed if the step from x is to be y, without solving anything."""
        ...


class SplitField(nn.Module):
    """f(x) = ∇U(x) + S(x)x, stepped by h along S(x)x first and then along ∇U.

    U has ``hidden`` ridges, S skew ``skew_hidden`` units. Along S(x)x the norm-corrected Heun step
    is z = Ψ(x), along ∇U Gonzalez's discrete gradient: x⁺ = z + h·∇̄U(z, x⁺). So composed the step
    is implicit in x⁺; but where a pair of data says what x⁺ should be, x⁺ − z − h·∇̄U(z, x⁺) is
    explicit in all weights: train that ``residual``, and solve only to predict. Of first order in
    h (Lie and Trotter's splitting), of second where one part vanishes. Raises DomainError,
    ShapeError. Source: paper, the learned field of its appendix [P]; the order of the two parts,
    flowcert [D].

    >>> split = SplitField(4, hidden=8, skew_hidden=3, step=0.05)
    >>> x = torch.ones(2, 4)
    >>> bool(split.residual(x, split(x)).abs().max() < 1e-5)
    True
    """

    def __init__(self, dimension: int, hidden: int, skew_hidden: int, step: float) -> None:
        super().__init__()
        affine = dense(dimension, hidden)
        potential = RidgePotential(affine)
        with torch.no_grad():
            nn.init.normal_(potential.weight, std=0.1)
            if affine.bias is not None:
                nn.init.normal_(affine.bias)
        self.sphere = SphereStep(dimension, skew_hidden, step)
        self.gradient = DiscreteGradientStep(potential, step)

    def forward(self, x: Tensor) -> Tensor:
        value: Tensor = self.gradient(self.sphere(x))
        return value

    def field(self, x: Tensor) -> Tensor:
        """Return ∇U(x) + S(x)x."""
        gradient: Tensor = self.gradient.potential(x)
        return gradient + self.skew_part(x)

    def skew_part(self, x: Tensor) -> Tensor:
        """Return S(x)x, which no gradient field needs."""
        return self.sphere.skew.times(x, x)

    def residual(self, x: Tensor, y: Tensor) -> Tensor:
        """Return y − z − h·∇̄U(z, y) with z = Ψ(x)."""
        return self.gradient.residual(self.sphere(x), y)


class FreeField(nn.Module):
    """x ↦ x + h·g(x), g any network of vectors: a field without structure, by Euler's step.

    Trained on pairs (x, φ^h(x)) g becomes (φ^h(x) − x)/h, which is the field up to O(h). Raises
    DomainError for a bad step. Source: flowcert [D].

    >>> FreeField(nn.Identity(), step=0.5)(torch.ones(1, 2)).tolist()
    [[1.5, 1.5]]
    """

    def __init__(self, network: nn.Module, step: float) -> None:
        super().__init__()
        self.network = network
        self.step = as_step(step)

    def forward(self, x: Tensor) -> Tensor:
        h: Tensor = self.step()
        return x + h * self.field(x)

    def field(self, x: Tensor) -> Tensor:
        """Return g(x)."""
        value: Tensor = self.network(x)
        return value

    def residual(self, x: Tensor, y: Tensor) -> Tensor:
        """Return y − x − h·g(x)."""
        return y - self.forward(x)
