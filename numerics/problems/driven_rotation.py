"""A rotation whose axis depends on time and state: y' = ω̂(t, y)y on the sphere."""

from __future__ import annotations

import numpy as np

from ..elementary import cos, sin
from ..systems import Invariant, SphereSystem
from ..systems.system import State, Time
from .problem import Problem
from .rigid_body import cross_matrix


def _axis(t: Time, y: State) -> State:
    u, v, w = y[..., 0], y[..., 1], y[..., 2]
    return np.stack([cos(t) + v * w, 1 + u, sin(t) * u], axis=-1)


def _axis_jacobian(t: Time, y: State) -> State:
    u, v, w = y[..., 0], y[..., 1], y[..., 2]
    zero = 0 * u
    rows = [[zero, w, v], [zero + 1, zero, zero], [sin(t) + zero, zero, zero]]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def _jacobian(t: Time, y: State) -> State:
    """∂(ω × y)/∂y = ω̂ − ŷ ∂ω/∂y."""
    return np.asarray(cross_matrix(_axis(t, y)) - cross_matrix(y) @ _axis_jacobian(t, y))


DrivenRotation = Problem(
    name="DrivenRotation",
    title="y' = ω × y with ω = (cos t + y₂y₃, 1 + y₁, y₁ sin t)",
    system=SphereSystem(lambda t, y: cross_matrix(_axis(t, y)), 3, _jacobian),
    start=np.array([0.48, 0.6, 0.64]),
    span=(0.0, 2.0),
    invariants=(Invariant("squared norm", 3, lambda y: (y * y).sum(axis=-1), lambda y: 2 * y),),
    exact=None,
    source="paper, sphere-preserving fields [P]; this axis: flowcert [D]",
)
