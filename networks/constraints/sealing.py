"""From a network in training to one with plain weights and rigorous constants."""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from torch import nn
from torch.nn.utils import parametrize

from ...errors import ConvergenceError, StructureError
from ..layers.affine import Affine
from ..layers.layer import Step
from .constraint import Constraint, constraint_of
from .membership import membership, remember

Network = TypeVar("Network", bound=nn.Module)


@torch.no_grad()
def seal(network: Network) -> Network:
    """Return a copy in evaluation mode with plain weights, and bounds in the place of estimates.

    Constrained weights become what their constraint's ``sealed`` returns (a weight that provably
    satisfies it), steps what theirs does; what else has a method ``seal_`` is asked. Nothing is
    trained any more. Guaranteed: what each constraint and step promises, in exact arithmetic, of
    the numbers as they are stored, asked once more by ``membership``. The given network stays as it
    is. Raises ConvergenceError where no such numbers are found, StructureError for a step alone.
    Source: flowcert [D].

    >>> from flowcert.networks import certify
    >>> from flowcert.networks.layers import BoundaryStep, dense
    >>> certify(seal(BoundaryStep(dense(2, 3))), (2,)).upper
    1.0
    """
    if isinstance(network, Step):
        raise StructureError(
            came=f"a step alone ({type(network).__name__})",
            expected="a network, whose steps are replaced by fixed ones",
            remedy="Call its method sealed().",
        )
    sealed = copy.deepcopy(network).eval()
    for module in list(sealed.modules()):
        _seal_weight(module)
    for module in list(sealed.modules()):
        # A step may stand under two names; ``named_children`` would show it under one.
        for name, child in list(module._modules.items()):
            if isinstance(child, Step):
                setattr(module, name, child.sealed().eval())
    for module in list(sealed.modules()):
        finish = getattr(module, "seal_", None)
        if callable(finish):
            finish()
    _check_members(sealed)
    return sealed.requires_grad_(False)


def _seal_weight(module: nn.Module) -> None:
    """Make the weights of a module plain parameters, inside the sets of their constraints."""
    constraint = constraint_of(module) if isinstance(module, Affine) else None
    if parametrize.is_parametrized(module):
        owners = module.parametrizations
        assert isinstance(owners, nn.ModuleDict)  # PyTorch's own
        # A deep copy shares its class with the original, which would lose its weight with it.
        shared = type(module)
        module.__class__ = type(shared.__name__, shared.__bases__, dict(vars(shared)))
        for name in list(owners):
            parametrize.remove_parametrizations(module, name, leave_parametrized=True)
    if isinstance(module, Affine) and constraint is not None:
        module.weight = nn.Parameter(constraint.sealed(module.weight.detach()))
        if isinstance(getattr(module, "projection", None), Constraint):
            del module.projection
        remember(module, constraint)


def _check_members(sealed: nn.Module) -> None:
    """What was sealed must pass the predicate, whoever wrote the constraint."""
    for found in membership(sealed):
        if not found.holds:
            raise ConvergenceError(
                came=f"a sealed value that its own predicate refuses: {found}",
                expected="numbers in the set of the constraint",
                remedy="The constraint's sealed() must return what its contains() accepts.",
            )
