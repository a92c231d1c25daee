"""A separable system whose drift and kick are both nonlinear and both depend on time."""

from __future__ import annotations

import numpy as np

from ..elementary import cos, sin, sqrt
from ..systems import SeparableSystem
from ..systems.system import State, Time
from .problem import Problem


def _drift(t: Time, p: State) -> State:
    return np.asarray((2 + sin(t)) * p / (2 * sqrt(1 + p * p)))


def _kick(t: Time, q: State) -> State:
    return np.asarray(cos(t) - sin(q))


def _jacobian(t: Time, y: State) -> State:
    q, p = y[..., 0], y[..., 1]
    square = 1 + p * p
    zero = 0 * q
    rows = [[zero, (2 + sin(t)) / (2 * square * sqrt(square))], [-cos(q), zero]]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


# Methods for q̈ = f(t, q) pass on the driven pendulum, whose drift is linear; not here.
DrivenShears = Problem(
    name="DrivenShears",
    title="A driven relativistic pendulum: q' = (1 + ½ sin t)p/√(1 + p²), p' = cos t − sin q",
    system=SeparableSystem(_drift, _kick, 2, _jacobian),
    start=np.array([0.5, 0.75]),
    span=(0.0, 3.0),
    invariants=(),
    exact=None,
    source="flowcert [D]",
)
