"""Lotka–Volterra, x' = x(1 − y), y' = y(x − 1): a Poisson system."""

from __future__ import annotations

import numpy as np

from ..elementary import log
from ..systems import Invariant, SkewGradientSystem
from ..systems.system import State, Time
from .problem import Problem


def _energy(u: State) -> State:
    x, y = u[..., 0], u[..., 1]
    return np.asarray(x - log(x) + y - log(y))


def _structure(u: State) -> State:
    product = u[..., 0] * u[..., 1]
    zero = 0 * product
    rows = [[zero, -product], [product, zero]]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


class LotkaVolterraSystem(SkewGradientSystem):
    """u' = S(u)∇H(u), H = x − log x + y − log y, S = xy[[0, −1], [1, 0]], for x, y > 0.

    Source: Hairer, Lubich, Wanner, *Geometric Numerical Integration*, section VII.2 [D].

    >>> LotkaVolterraSystem()(0.0, np.array([2.0, 3.0])).tolist()
    [-4.0, 3.0]
    """

    def __init__(self) -> None:
        super().__init__(_energy, lambda u: 1 - 1 / u, _structure, dimension=2)

    def rate(self, t: Time, u: State) -> State:
        x, y = u[..., 0], u[..., 1]
        return np.stack([x * (1 - y), y * (x - 1)], axis=-1)

    def jacobian(self, t: Time, u: State) -> State:
        """Return ∂f/∂u, shape (..., 2, 2)."""
        x, y = u[..., 0], u[..., 1]
        rows = [[1 - y, -x], [y, x - 1]]
        return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


_SYSTEM = LotkaVolterraSystem()

LotkaVolterra = Problem(
    name="LotkaVolterra",
    title="Predator and prey, a Poisson system",
    system=_SYSTEM,
    start=np.array([2.0, 1.5]),
    span=(0.0, 3.0),
    invariants=(Invariant("energy", 2, _SYSTEM.energy, _SYSTEM.gradient),),
    exact=None,
    source="Hairer, Lubich, Wanner, Geometric Numerical Integration, section I.1.1 [D]",
)
