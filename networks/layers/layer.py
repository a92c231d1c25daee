"""What every layer of flowcert is: a module that names the claim behind its bound."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor, nn

from ...errors import DomainError, ShapeError, StructureError
from ...theory.bounds import domain
from ..operators import Shape

# Every class of layers by its name: what the tests and the table in the README walk through.
LAYERS: dict[str, type[Layer]] = {}


class Layer(nn.Module, ABC):
    """A layer whose bound is a theorem: ``claim`` names it, ``rule`` is how certificates apply it.

    A certificate's line for the layer's result shows that rule and that claim (``rule`` is the
    name of the rule in ``theory.certificate``): both are tested. A layer whose value has no finite
    Lipschitz constant says in ``refused`` why, and ``certify`` raises with that reason.
    ``structures`` are the claims of what else it keeps (mass, norm, volume, …).
    """

    claim: ClassVar[str] = ""
    rule: ClassVar[str] = ""
    refused: ClassVar[str] = ""
    structures: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **keywords: object) -> None:
        """List the class, unless it is private (a base of others) or PyTorch's, of constraints."""
        super().__init_subclass__(**keywords)
        if not cls.__name__.startswith(("_", "Parametrized")):
            LAYERS[cls.__name__] = cls

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Return the layer's value for a batch, each example for itself."""


class Step(nn.Module, ABC):
    """A step size: a module that returns a number ≥ 0 as a tensor without axes.

    ``sealed`` is its rigorous value, never longer than what its bound allows.
    """

    @abstractmethod
    def forward(self) -> Tensor:
        """Return the step."""

    def sealed(self) -> Step:
        """Return the step as it will stay: fixed, on the safe side of its rounding."""
        return FixedStep(float(self().detach()), like=self())


class FixedStep(Step):
    """A step that is not trained: a finite number ≥ 0, rounded toward 0 into ``like``'s type.

    Raises DomainError for NaN, infinity and negative numbers.

    >>> FixedStep(0.5)().item()
    0.5
    """

    value: Tensor

    def __init__(self, value: float, like: Tensor | None = None) -> None:
        super().__init__()
        h = float(domain.step(value))
        dtype = torch.get_default_dtype() if like is None else like.dtype
        device = None if like is None else like.device
        self.register_buffer("value", rounded_down(h, dtype).to(device))

    def forward(self) -> Tensor:
        return self.value

    def sealed(self) -> Step:
        """Return itself: it stays as it is, with what it remembers."""
        return self


def as_step(step: float | Step) -> Step:
    """Return a step as a module; a number becomes a fixed one.

    Raises StructureError for a tensor or a module that is no step, DomainError for bad numbers.

    >>> as_step(torch.ones(2))
    Traceback (most recent call last):
        ...
    flowcert.errors.StructureError: got a step of type Tensor; expected a number or a Step. ...
    """
    if isinstance(step, Step):
        return step
    given: object = step  # whatever a caller without types passes
    if not isinstance(given, Tensor | nn.Module) and not hasattr(given, "contractive"):
        return FixedStep(step)  # which refuses what is no number
    raise StructureError(
        came=f"a step of type {type(step).__name__}",
        expected="a number or a Step",
        remedy="A step that is trained is a BoundedStep, or .contractive or .expansive of a"
        " StepPair.",
    )


def rounded_down(value: float, dtype: torch.dtype) -> Tensor:
    """Return the largest number of a type that is ≤ ``value`` ≥ 0.

    >>> float(rounded_down(0.1, torch.float32)) <= 0.1
    True
    """
    nearest = torch.tensor(value, dtype=torch.float64).to(dtype)
    if float(nearest) <= value:
        return nearest
    return torch.nextafter(nearest, torch.zeros_like(nearest))


def read_slope(slope: float) -> float:
    """Return the negative slope of a LeakyReLU, in [0, 1], or raise DomainError.

    >>> read_slope(0.5)
    0.5
    """
    return float(domain.slope(slope))


def check_value(x: Tensor, shape: Shape, *, exact: bool = False) -> None:
    """Raise ShapeError unless x is (batch, *shape), DomainError unless it holds real floats.

    ``exact``: half precision is refused too, since what the layer keeps would be lost in it.

    >>> check_value(torch.zeros(5, 2), (3,))
    Traceback (most recent call last):
        ...
    flowcert.errors.ShapeError: got a value of shape (5, 2); expected (batch, 3). ...
    """
    if tuple(x.shape[1:]) != tuple(shape) or x.ndim == 0:
        wanted = ", ".join(map(str, ("batch", *shape)))
        raise ShapeError(
            came=f"a value of shape {tuple(x.shape)}",
            expected=f"({wanted})",
            remedy="Keep the batch axis in front, or build the layer for this shape.",
        )
    wrong = not x.is_floating_point() or (exact and x.dtype not in (torch.float32, torch.float64))
    if wrong:
        raise DomainError(
            came=f"a value of {x.dtype}",
            expected="float32 or float64" if exact else "real floating-point numbers",
            remedy="Convert it: half precision cannot hold what this layer keeps."
            if exact
            else "Convert it with .float().",
        )
