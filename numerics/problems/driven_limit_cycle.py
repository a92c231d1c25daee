"""A limit cycle passed at varying speed: nonlinear, not autonomous, solved in closed form."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..elementary import cos
from ..systems import FieldSystem
from ..systems.system import State, Time
from .problem import Problem, closed_form


def _rate(t: Time, u: State) -> State:
    x, y = u[..., 0], u[..., 1]
    growth, speed = 1 - x * x - y * y, 1 + cos(t)
    return np.stack([growth * x - speed * y, growth * y + speed * x], axis=-1)


def _jacobian(t: Time, u: State) -> State:
    x, y = u[..., 0], u[..., 1]
    growth, speed = 1 - x * x - y * y, 1 + cos(t)
    rows = [[growth - 2 * x * x, -speed - 2 * x * y], [speed - 2 * x * y, growth - 2 * y * y]]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def _solution(t: Any, u: list[Any]) -> list[Any]:
    """In polar coordinates r' = r − r³ and θ' = 1 + cos t."""
    import mpmath

    square = u[0] ** 2 + u[1] ** 2
    growth = mpmath.exp(t) / mpmath.sqrt(1 + square * mpmath.expm1(2 * t))
    cosine, sine = mpmath.cos(t + mpmath.sin(t)), mpmath.sin(t + mpmath.sin(t))
    return [growth * (cosine * u[0] - sine * u[1]), growth * (sine * u[0] + cosine * u[1])]


DrivenLimitCycle = Problem(
    name="DrivenLimitCycle",
    title="r' = r − r³, θ' = 1 + cos t, in Cartesian coordinates",
    system=FieldSystem(_rate, 2, _jacobian),
    start=np.array([0.5, 0.25]),
    span=(0.0, 2.0),
    invariants=(),
    exact=closed_form(_solution),
    source="Stuart–Landau oscillator with a driven phase: flowcert [D]",
)
