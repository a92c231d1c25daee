"""A pendulum under a periodic force, q̈ = −sin q + cos t: not autonomous, but separable."""

from __future__ import annotations

import numpy as np

from ..elementary import cos, sin
from ..systems import SeparableSystem
from ..systems.system import State, Time
from .problem import Problem


def _jacobian(t: Time, y: State) -> State:
    q = y[..., 0]
    zero = 0 * q
    rows = [[zero, zero + 1], [-cos(q), zero]]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


DrivenPendulum = Problem(
    name="DrivenPendulum",
    title="A pendulum driven by the force cos t",
    system=SeparableSystem(lambda t, p: p, lambda t, q: cos(t) - sin(q), 2, _jacobian),
    start=np.array([0.5, 0.25]),
    span=(0.0, 3.0),
    invariants=(),
    exact=None,
    source="Guckenheimer, Holmes, Nonlinear Oscillations, without damping [D]",
)
