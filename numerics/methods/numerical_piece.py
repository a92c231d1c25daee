"""A piece of a split system without a known flow: another method's steps take its place."""

from __future__ import annotations

from ..systems.split import Piece
from ..systems.system import State, System, Time, as_system
from ..validation import positive_integer
from .method import Method


def numerical_piece(
    field: object, method: Method, substeps: int = 1, *, dimension: int | None = None
) -> Piece:
    """Return a piece whose flow is ``substeps`` steps of another method, with time frozen.

    ``field`` is whatever ``method`` takes: a System, a VectorField, a function of (t, y), which
    then needs the ``dimension``. A splitting of order p keeps its order if the method has at least
    order p, and its symmetry if the method is symmetric. Raises StructureError if the method does
    not take the field; one that depends on time is frozen first, and so must not need more
    structure than a System has. Raises DomainError for ``substeps`` < 1. Source: flowcert [D].

    >>> import numpy as np
    >>> from flowcert.numerics import RK4
    >>> decay = numerical_piece(lambda t, y: -y, RK4, substeps=10, dimension=1)
    >>> decay.flow(0.0, np.ones(1), 1.0).round(6).tolist()
    [0.36788]
    """
    count = positive_integer("substeps", substeps)
    system = as_system(field, dimension)

    # Prepared now, so that a method that does not take the field says so at once.
    prepared = method.prepare(system if system.autonomous else _Frozen(system, 0.0))

    def flow(t: Time, y: State, h: Time) -> State:
        still = prepared if system.autonomous else method.prepare(_Frozen(system, t))
        for _ in range(count):
            y = method.step(still, t, y, h / count)
        return y

    return Piece(system, flow)


class _Frozen(System):
    """ẏ = f(t₀, y): time stands still."""

    autonomous = True

    def __init__(self, system: System, t: Time) -> None:
        self.system, self.t = system, t
        self.dimension = system.dimension

    def rate(self, t: Time, y: State) -> State:
        return self.system.rate(self.t, y)

    def jacobian(self, t: Time, y: State) -> State:
        return self.system.jacobian(self.t, y)
