"""Functions that a flow keeps: energy, mass, norm, angular momentum."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...errors import ShapeError, StructureError
from .system import State


@dataclass(frozen=True)
class Invariant:
    """A function I with I(y(t)) = I(y(0)) along solutions, and its gradient.

    ``function(y)`` maps shape (..., n) to (...), ``gradient(y)`` to (..., n); ``dimension`` is n.
    Source: flowcert [D].

    >>> import numpy as np
    >>> mass = Invariant("mass", 2, lambda y: y.sum(axis=-1), lambda y: 0 * y + 1)
    >>> float(mass.function(np.array([1.0, 2.0])))
    3.0
    """

    name: str
    dimension: int
    function: Callable[[State], State]
    gradient: Callable[[State], State]

    def value(self, y: State) -> State:
        """Return I(y), shape (...); raises ShapeError if ``function`` returns another shape."""
        return self._of_shape("value", self.function(y), y.shape[:-1])

    def normal(self, y: State) -> State:
        """Return ∇I(y), shape (..., n); raises ShapeError if ``gradient`` has another shape."""
        return self._of_shape("gradient", self.gradient(y), y.shape)

    def require(self, dimension: int) -> None:
        """Raise ShapeError unless the invariant is one of so many variables."""
        if self.dimension != dimension:
            raise ShapeError(
                came=f"the invariant {self.name!r} of dimension {self.dimension}",
                expected=f"the system's dimension, {dimension}",
                remedy="Build the invariant for this system.",
            )

    def _of_shape(self, what: str, found: State, shape: tuple[int, ...]) -> State:
        value = np.asarray(found)
        if value.shape != shape:
            raise ShapeError(
                came=f"a {what} of {self.name!r} of shape {value.shape}",
                expected=f"shape {shape}: states have the shape (..., n)",
                remedy="Index the state from the last axis, and sum over that one alone.",
            )
        return value


def require_invariant(given: object, name: str) -> Invariant:
    """Return ``given`` if it is an Invariant, or raise StructureError.

    >>> require_invariant(len, "Projection")
    Traceback (most recent call last):
        ...
    flowcert.errors.StructureError: got builtin_function_or_method for Projection; expected an ...
    """
    if isinstance(given, Invariant):
        return given
    raise StructureError(
        came=f"{type(given).__name__} for {name}",
        expected="an Invariant",
        remedy="Write Invariant(name, dimension, function, gradient).",
    )
