"""Systems ẏ = S(t, y)y with S skew: solutions stay on spheres."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import numpy as np

from .system import State, System, Time


@runtime_checkable
class RotatingSystem(Protocol):
    """A system ẏ = S(t, y)y; ``skew(t, y)`` is S, skew-symmetric, shape (..., n, n).

    >>> isinstance(SphereSystem(lambda t, y: np.zeros((2, 2)), 2), RotatingSystem)
    True
    """

    dimension: int

    def skew(self, t: Time, y: State) -> State: ...


class SphereSystem(System):
    """ẏ = S(t, y)y with S(t, y) skew: |y| is kept. What sphere-preserving methods integrate.

    Source: paper, sphere-preserving fields [P].

    >>> turn = SphereSystem(lambda t, y: np.array([[0.0, -1.0], [1.0, 0.0]]), 2, autonomous=True)
    >>> turn(0.0, np.array([1.0, 0.0])).tolist()
    [0.0, 1.0]
    """

    def __init__(
        self,
        skew: Callable[[Time, State], State],
        dimension: int,
        jacobian: Callable[[Time, State], State] | None = None,
        *,
        autonomous: bool = False,
    ) -> None:
        self._skew = skew
        self.dimension = dimension
        self.autonomous = autonomous
        self._jacobian = jacobian

    def skew(self, t: Time, y: State) -> State:
        """Return S(t, y), shape (..., n, n)."""
        return self._skew(t, y)

    def rate(self, t: Time, y: State) -> State:
        return np.asarray((self.skew(t, y) @ y[..., None])[..., 0])

    def jacobian(self, t: Time, y: State) -> State:
        """Return ∂f/∂y at (t, y), shape (..., n, n)."""
        return super().jacobian(t, y) if self._jacobian is None else self._jacobian(t, y)
