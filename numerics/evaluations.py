"""How often a method asks a system: evaluations of the field and of its Jacobian, counted."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from .systems.split import Piece
from .systems.system import Rate, State, System, Time

# What a method may ask a system for in place of its rate, one state at a time.
_PARTS = ("rate", "position_rate", "momentum_rate", "gradient", "skew")


class Counter(Protocol):
    """Holds scipy's three counts: of the field, of its Jacobian, of factorised matrices.

    >>> counter: Counter = Evaluations()
    """

    nfev: int
    njev: int
    nlu: int


@dataclass
class Evaluations:
    """Three counts that start at 0.

    >>> Evaluations()
    Evaluations(nfev=0, njev=0, nlu=0)
    """

    nfev: int = 0
    njev: int = 0
    nlu: int = 0


def counted(system: System, counter: Counter, jacobian: Rate | None = None) -> System:
    """Return a copy of the system, structure and all, that counts in ``counter``.

    ``nfev`` and ``njev`` grow by one for each state at which the field, or one of its parts (the
    rate or flow of a piece, a gradient, a skew matrix), or the Jacobian is asked for; ``nlu`` by
    one for each call of the Jacobian. Calls that the system makes itself do not count (a Jacobian
    by differences is no evaluation of the field, as in scipy). ``jacobian`` takes the place of the
    system's own. Source: flowcert [D].

    >>> from flowcert.numerics import RK4, FieldSystem
    >>> evaluations = Evaluations()
    >>> decay = counted(FieldSystem(lambda t, y: -y, 1), evaluations)
    >>> y = RK4.step(decay, 0.0, np.ones((10, 1)), 0.1)
    >>> evaluations.nfev
    40
    """
    counting = copy.copy(system)
    found = vars(counting)

    def fields(function: Callable[..., State], at: int) -> Callable[..., State]:
        def asked(*arguments: Any) -> State:
            counter.nfev += _states(arguments[at])
            return function(*arguments)

        return asked

    original = jacobian or system.jacobian

    def jacobians(t: Time, y: State) -> State:
        counter.njev += _states(y)
        counter.nlu += 1
        return original(t, y)

    for name in _PARTS:
        if hasattr(system, name):
            found[name] = fields(getattr(system, name), 0 if name == "gradient" else 1)
    if hasattr(system, "pieces"):
        found["pieces"] = tuple(
            Piece(fields(piece.rate, 1), fields(piece.flow, 1)) for piece in system.pieces
        )
    found["jacobian"] = jacobians
    return counting


def _states(y: State) -> int:
    """How many states an array of shape (..., n) holds."""
    return int(np.prod(np.shape(y)[:-1], dtype=int))
