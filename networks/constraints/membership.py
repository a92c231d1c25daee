"""Whether the weights and steps of a network are in the sets that they were promised to be in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from torch import nn

from ...errors import DomainError
from ..layers.affine import Affine
from ..layers.layer import Step
from .bounded_step import BoundedStep, FixedBoundedStep
from .constraint import Constraint, constraint_of
from .step_pair import StepPair


@dataclass(frozen=True)
class Membership:
    """Whether what is at ``place`` is proved to be in the set of ``constraint``, as it is now.

    >>> print(Membership("0.affine.weight", "Orthogonal", False, "σ_max = 2"))
    0.affine.weight: not in Orthogonal (σ_max = 2)
    """

    place: str
    constraint: str
    holds: bool
    reason: str = ""

    def __str__(self) -> str:
        verdict = "in" if self.holds else "not in"
        return f"{self.place}: {verdict} {self.constraint}" + (self.reason and f" ({self.reason})")


def membership(network: nn.Module) -> tuple[Membership, ...]:
    """Return for every constrained weight, step pair and bounded step whether it is in its set.

    Of the numbers as they are stored, rigorously (``contains``); a sealed network still knows what
    it was sealed into, so that numbers which changed afterwards are found. Weights with NaN or of
    a type that holds no answer are not in the set. Source: flowcert [D].

    >>> from flowcert.networks.constraints import Orthogonal, constrain, seal
    >>> from flowcert.networks.layers import dense
    >>> affine = dense(2, 3)
    >>> [found] = membership(seal(constrain(affine, Orthogonal(affine.operator))))
    >>> found.place, found.holds
    ('weight', True)
    """
    return (*_weights(network), *_pairs(network), *_bounded_steps(network))


def remember(affine: Affine, constraint: Constraint) -> None:
    """Note at a sealed affine map what its weight was sealed into: neither a state nor a module.

    >>> from flowcert.networks.constraints import Orthogonal
    >>> from flowcert.networks.layers import dense
    >>> affine = dense(2, 2)
    >>> remember(affine, Orthogonal(affine.operator))
    >>> len(membership(affine)), len(list(affine.children()))
    (1, 0)
    """
    vars(affine)["kept_by"] = constraint


def _weights(network: nn.Module) -> Iterator[Membership]:
    for name, module in network.named_modules():
        if not isinstance(module, Affine):
            continue
        constraint = constraint_of(module) or vars(module).get("kept_by")
        if constraint is not None:
            holds, reason = _answer(partial(_weight_holds, module, constraint))
            text = f"{type(constraint).__name__}({constraint.extra_repr()})"
            yield Membership(f"{name}.weight".lstrip("."), text, holds, reason)


def _weight_holds(affine: Affine, constraint: Constraint) -> bool:
    return constraint.contains(affine.weight.detach())


def _pairs(network: nn.Module) -> Iterator[Membership]:
    found: dict[int, tuple[StepPair, list[str]]] = {}
    for name, module in network.named_modules():
        pair = vars(module).get("pair") if isinstance(module, Step) else None
        if isinstance(pair, StepPair):
            found.setdefault(id(pair), (pair, []))[1].append(name or "step")
    for pair, places in found.values():
        holds, reason = _answer(pair.holds)
        if not holds and not reason:
            reason = "h_C = {:.9g}, h_E = {:.9g}".format(*pair.values())
        yield Membership(" with ".join(places), repr(pair), holds, reason)


def _bounded_steps(network: nn.Module) -> Iterator[Membership]:
    for name, module in network.named_modules():
        if isinstance(module, BoundedStep | FixedBoundedStep):
            holds, reason = _answer(module.holds)
            text = f"BoundedStep(limit={module.limit:g})"
            yield Membership(name or "step", text, holds, reason)


def _answer(question: Callable[[], bool]) -> tuple[bool, str]:
    """The answer, or no and the reason where the question cannot be asked of these numbers."""
    try:
        return question(), ""
    except DomainError as error:
        return False, error.came
