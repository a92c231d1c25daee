"""H = (1 + sin(t)/2 + q²)(1 + p²)/2: Hamiltonian, not separable, and driven in its parameters."""

from __future__ import annotations

import numpy as np

from ..elementary import sin
from ..systems import FieldSystem
from ..systems.system import State, Time
from .problem import Problem


def _rate(t: Time, y: State) -> State:
    q, p = y[..., 0], y[..., 1]
    return np.stack([p * (1 + sin(t) / 2 + q * q), -q * (1 + p * p)], axis=-1)


def _jacobian(t: Time, y: State) -> State:
    q, p = y[..., 0], y[..., 1]
    rows = [[2 * q * p, 1 + sin(t) / 2 + q * q], [-(1 + p * p), -2 * q * p]]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


DrivenProductOscillator = Problem(
    name="DrivenProductOscillator",
    title="An oscillator whose energy is a product with a factor that swings in time",
    system=FieldSystem(_rate, 2, _jacobian),
    start=np.array([1.2, 0.3]),
    span=(0.0, 2.0),
    invariants=(),
    exact=None,
    source="ProductOscillator, driven: even the symplectic form is kept by symplectic methods only "
    "if their stages read the clock at the right times [D]",
)
