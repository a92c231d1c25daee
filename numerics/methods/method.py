"""What a one-step method is: y⁺ = Ψ(t, y; h), its declared order, and what it needs of a system."""

from __future__ import annotations

from abc import ABC, abstractmethod

from ...errors import StructureError
from ..systems.system import State, System, Time, as_system


class Method(ABC):
    """A one-step method y(t + h) ≈ Ψ(t, y; h). One family a file.

    ``name`` is what ``flowcert method`` calls it; ``order`` is the *declared* order, which the
    audit compares with a derived and an observed one; ``symplectic`` and ``symmetric`` are
    declared too, and audited. Source: flowcert [D].

    >>> from flowcert.numerics import RK4, FieldSystem
    >>> import numpy as np
    >>> RK4.step(FieldSystem(lambda t, y: y, 1), 0.0, np.ones(1), 0.1).round(6).tolist()
    [1.105171]
    """

    name: str
    order: int
    symplectic: bool = False
    symmetric: bool = False

    @abstractmethod
    def step(self, system: System, t: Time, y: State, h: Time) -> State:
        """Return Ψ(t, y; h), shape (..., n), for a prepared system.

        ``h`` is any finite step (negative steps run backwards, 0 returns y); y is float64 or an
        object array of mpmath numbers, and so is the result.
        """

    def prepare(
        self, system: object, dimension: int | None = None, near: State | None = None
    ) -> System:
        """Return the system as this method needs it, or raise StructureError.

        A function of (t, y) needs its ``dimension``; ``near`` is a state, the initial one say,
        around which a method may sample a system whose structure is not declared.
        """
        return as_system(system, dimension)

    def __repr__(self) -> str:
        return self.name


def require_method(given: object, name: str) -> Method:
    """Return ``given`` if it is a Method, or raise StructureError.

    >>> require_method("RK4", "Projection")
    Traceback (most recent call last):
        ...
    flowcert.errors.StructureError: got 'RK4' as the method of Projection; expected a Method. ...
    """
    if isinstance(given, Method):
        return given
    raise StructureError(
        came=f"{getattr(given, '__name__', repr(given))} as the method of {name}",
        expected="a Method",
        remedy="Pass one such as RK4; a family needs its stages, as in GaussLegendre(2).",
    )
