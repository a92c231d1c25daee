"""What keeps a weight where it must be: one owner for how it is written, bounded and checked."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from ...errors import DomainError, StructureError
from ..layers.affine import Affine, read_affine


class Constraint(nn.Module, ABC):
    """A set of weights, and a map V ↦ W into it: a parametrisation in PyTorch's sense.

    ``forward`` maps free parameters V to a weight W, ``right_inverse`` a weight to parameters that
    give one near it; ``contains`` decides rigorously whether a weight is in the set, and
    ``sealed`` returns a weight near W for which it says yes.
    """

    @abstractmethod
    def forward(self, V: Tensor) -> Tensor:
        """Return the weight of the free parameters V."""

    def right_inverse(self, W: Tensor) -> Tensor:
        """Return free parameters for a given weight: by default the weight itself."""
        return W

    def prepare_(self, V: Tensor) -> None:
        """Look at the first free parameters, before training: where estimates begin."""

    def maintain_(self, V: Tensor) -> None:
        """Renew what depends on the free parameters, after a step of the optimiser."""

    def projected(self, weight: Tensor) -> Tensor:
        """Return the weight that ``maintain_`` puts in the place of a projected one."""
        return self.sealed(weight)

    @abstractmethod
    def contains(self, weight: Tensor) -> bool:
        """Return whether the weight provably satisfies the constraint (outward rounded)."""

    @abstractmethod
    def sealed(self, weight: Tensor) -> Tensor:
        """Return a weight near the given one that ``contains`` accepts, of the same type."""


def constrain(affine: Affine, constraint: Constraint) -> Affine:
    """Write the weight of an affine map as constraint(V), V its new free parameter; return it.

    The present weight is kept as far as the constraint can. Raises StructureError if the weight
    is constrained already, or the constraint was made for another operator.
    Source: ``torch.nn.utils.parametrize``.

    >>> from flowcert.networks.constraints import Orthogonal
    >>> from flowcert.networks.layers import dense
    >>> affine = dense(3, 3)
    >>> affine = constrain(affine, Orthogonal(affine.operator))
    >>> constraint_of(affine).contains(affine.weight)
    True
    """
    _check_free(affine, constraint)
    constraint.to(affine.weight.device, affine.weight.dtype).prepare_(affine.weight.detach())
    parametrize.register_parametrization(affine, "weight", constraint)
    return affine


def project(affine: Affine, constraint: Constraint) -> Affine:
    """Let ``maintain_`` move the weight into the constraint's set after each step; return it.

    The weight stays a parameter of its own. Raises as ``constrain`` does.

    >>> from flowcert.networks.constraints import BoundedSpectralNorm
    >>> from flowcert.networks.layers import dense
    >>> affine = dense(3, 3)
    >>> constraint = BoundedSpectralNorm(affine.operator, 0.5)
    >>> constraint.contains(project(affine, constraint).weight)
    True
    """
    _check_free(affine, constraint)
    affine.projection = constraint.to(affine.weight.device, affine.weight.dtype)
    maintain_(affine)
    return affine


def constraint_of(affine: Affine) -> Constraint | None:
    """Return the constraint on an affine map's weight, if there is one."""
    if parametrize.is_parametrized(affine, "weight"):
        owner, _ = _parametrised(affine)
        return owner
    found = getattr(affine, "projection", None)
    return found if isinstance(found, Constraint) else None


@torch.no_grad()
def maintain_(network: nn.Module) -> None:
    """Do what is due after a step of the optimiser: project weights, renew estimates.

    Constraints are asked with their weight's free parameters, every other module that has a method
    ``maintain_()`` as well, once each. Raises DomainError for weights that have become NaN or
    infinite.

    >>> maintain_(nn.Linear(2, 2))  # nothing to do
    """
    for name, parameter in network.named_parameters():
        if not bool(torch.isfinite(parameter).all()):
            raise DomainError(
                came=f"the parameter {name} with NaN or infinite entries",
                expected="finite weights after a step of the optimiser",
                remedy="Lower the learning rate.",
            )
    # Weights first: the estimates of steps depend on them.
    for module in network.modules():
        if isinstance(module, Affine):
            _maintain_weight(module)
    for module in network.modules():
        renew = getattr(module, "maintain_", None)
        if callable(renew) and not isinstance(module, Constraint):
            renew()


def _maintain_weight(affine: Affine) -> None:
    if parametrize.is_parametrized(affine, "weight"):
        constraint, free = _parametrised(affine)
        if constraint is not None:
            constraint.maintain_(free.detach())
        return
    projection = constraint_of(affine)
    if projection is not None:
        affine.weight.copy_(projection.projected(affine.weight.detach()))


def _parametrised(affine: Affine) -> tuple[Constraint | None, torch.Tensor]:
    """The constraint of a parametrised weight, and its free parameter."""
    owners = affine.parametrizations
    assert isinstance(owners, nn.ModuleDict)  # PyTorch's own
    written = owners["weight"]
    assert isinstance(written, parametrize.ParametrizationList)
    constraint, free = written[0], written.original
    assert isinstance(free, torch.Tensor)
    return constraint if isinstance(constraint, Constraint) else None, free


def _check_free(affine: Affine, constraint: Constraint) -> None:
    read_affine(affine)
    given: object = constraint  # whatever a caller without types passes
    if not isinstance(given, Constraint):
        raise StructureError(
            came=f"{given!r} as a constraint",
            expected="an instance of a constraint, such as Orthogonal(affine.operator)",
            remedy="Build it for the operator of this affine map.",
        )
    if constraint_of(affine) is not None or parametrize.is_parametrized(affine, "weight"):
        raise StructureError(
            came="an affine map whose weight is constrained already",
            expected="one constraint a weight: one owner",
            remedy="Build a new affine map.",
        )
    operator = getattr(constraint, "operator", affine.operator)
    if operator != affine.operator:
        raise StructureError(
            came=f"a constraint on {operator} for an affine map of {affine.operator}",
            expected="the same operator: the same shape, image and padding",
            remedy="Make the constraint from affine.operator.",
        )
