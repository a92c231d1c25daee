"""The SIR epidemic, x' = −xy, y' = xy − y, z' = y, with its mass x + y + z."""

from __future__ import annotations

import numpy as np

from ..elementary import exp
from ..systems import Invariant, SkewGradientSystem
from ..systems.system import State, Time
from .problem import Problem


def _structure(u: State) -> State:
    """M − Mᵀ with M holding the two streams, x → y and y → z."""
    infections, recoveries = u[..., 0] * u[..., 1], u[..., 1]
    zero = 0 * infections
    rows = [
        [zero, -infections, zero],
        [infections, zero, -recoveries],
        [zero, recoveries, zero],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


class EpidemicSystem(SkewGradientSystem):
    """u' = (M(u) − M(u)ᵀ)1: a skew-gradient system whose energy is the mass x + y + z.

    Source: paper, mass-preserving networks [P].

    >>> EpidemicSystem()(0.0, np.array([2.0, 1.0, 0.0])).tolist()
    [-2.0, 1.0, 1.0]
    """

    def __init__(self) -> None:
        super().__init__(lambda u: u.sum(axis=-1), lambda u: 0 * u + 1, _structure, dimension=3)

    def jacobian(self, t: Time, u: State) -> State:
        """Return ∂f/∂u, shape (..., 3, 3)."""
        x, y = u[..., 0], u[..., 1]
        zero = 0 * x
        rows = [[-y, -x, zero], [y, x - 1, zero], [zero, zero + 1, zero]]
        return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def _final_size(u: State) -> State:
    return np.asarray(u[..., 0] * exp(u[..., 2]))


def _final_size_gradient(u: State) -> State:
    growth = exp(u[..., 2])
    return np.stack([growth, 0 * growth, u[..., 0] * growth], axis=-1)


_SYSTEM = EpidemicSystem()

SIR = Problem(
    name="SIR",
    title="An epidemic: susceptible, infected, recovered",
    system=_SYSTEM,
    start=np.array([2.0, 0.5, 0.0]),
    span=(0.0, 3.0),
    invariants=(
        Invariant("mass", 3, _SYSTEM.energy, _SYSTEM.gradient),
        # dx/dz = −x: Kermack and McKendrick's relation for the size of the epidemic.
        Invariant("x exp z", 3, _final_size, _final_size_gradient),
    ),
    exact=None,
    source="Kermack, McKendrick 1927; paper, SIR example [P]",
)
