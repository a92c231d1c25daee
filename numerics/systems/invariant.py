"""Functions that a flow keeps: energy, mass, norm, angular momentum."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

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
