"""Kepler's problem in the plane, q̈ = −q/|q|³, on an ellipse of eccentricity 0.6."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import ConvergenceError, DomainError
from ..elementary import sqrt
from ..systems import Invariant, SeparableHamiltonian
from ..systems.system import State
from .problem import Problem, closed_form

_MOST_ITERATIONS = 400


def _square(x: State) -> State:
    return np.asarray((x * x).sum(axis=-1))


def _gradient(q: State) -> State:
    square = _square(q)[..., None]
    return np.asarray(q / (square * sqrt(square)))


def _hessian(q: State) -> State:
    """(|q|² I − 3qqᵀ)/|q|⁵."""
    square = _square(q)[..., None, None]
    outer = q[..., :, None] * q[..., None, :]
    unit = np.eye(2, dtype=int)
    return np.asarray((unit * square - 3 * outer) / (square * square * sqrt(square)))


def _solution(t: Any, y: list[Any]) -> list[Any]:
    """Lagrange's f and g, from the change x of the eccentric anomaly (Kepler's equation)."""
    import mpmath

    q, p = y[:2], y[2:]
    r0 = mpmath.sqrt(q[0] ** 2 + q[1] ** 2)
    a = 1 / (2 / r0 - p[0] ** 2 - p[1] ** 2)
    if not 0 < a < mpmath.inf or q[0] * p[1] == q[1] * p[0]:
        raise DomainError(
            came="a Kepler orbit that is no ellipse",
            expected="a negative energy and an angular momentum that is not 0",
            remedy="Start slower and off the radial direction, or use reference_flow.",
        )
    root = mpmath.sqrt(a)
    along = (q[0] * p[0] + q[1] * p[1]) / root
    x = _anomaly(t / (a * root), 1 - r0 / a, along)
    sine, fall = mpmath.sin(x), 2 * mpmath.sin(x / 2) ** 2
    r = r0 + (a - r0) * fall + along * a * sine
    f, g = 1 - a / r0 * fall, t - a * root * (x - sine)
    f_rate, g_rate = -root / (r * r0) * sine, 1 - a / r * fall
    return [f * s + g * v for s, v in zip(q, p, strict=True)] + [
        f_rate * s + g_rate * v for s, v in zip(q, p, strict=True)
    ]


def _anomaly(mean: Any, cosine_part: Any, sine_part: Any) -> Any:
    """Solve x − c sin x + s(1 − cos x) = M, whose left side increases (c² + s² < 1)."""
    import mpmath

    # |c sin x − s(1 − cos x)| ≤ 2 brackets the root; Newton steps that leave it are halved ones.
    low, high = mean - 2, mean + 2
    x = mean
    for _ in range(_MOST_ITERATIONS):
        value = x - cosine_part * mpmath.sin(x) + sine_part * (1 - mpmath.cos(x)) - mean
        low, high = (x, high) if value < 0 else (low, x)
        slope = 1 - cosine_part * mpmath.cos(x) + sine_part * mpmath.sin(x)
        following = x - value / slope
        if not low <= following <= high:
            following = (low + high) / 2
        if abs(following - x) <= 8 * mpmath.eps * (1 + abs(x)):
            return following
        x = following
    raise ConvergenceError(
        came="Kepler's equation without a root in sight",
        expected="an ellipse whose eccentricity is not within rounding of 1",
        remedy="Use reference_flow for nearly radial orbits.",
    )


def _momentum(y: State) -> State:
    return np.asarray(y[..., 0] * y[..., 3] - y[..., 1] * y[..., 2])


def _momentum_gradient(y: State) -> State:
    return np.stack([y[..., 3], -y[..., 2], -y[..., 1], y[..., 0]], axis=-1)


_SYSTEM = SeparableHamiltonian(
    kinetic=lambda p: _square(p) / 2,
    potential=lambda q: -1 / sqrt(_square(q)),
    kinetic_gradient=lambda p: p,
    potential_gradient=_gradient,
    kinetic_hessian=lambda p: 0 * p[..., None] + np.eye(2, dtype=int),
    potential_hessian=_hessian,
    dimension=4,
)

Kepler = Problem(
    name="Kepler",
    title="The Kepler problem, eccentricity 0.6, from the perihelion",
    system=_SYSTEM,
    start=np.array([0.4, 0.0, 0.0, 2.0]),
    span=(0.0, 2.0),
    invariants=(
        Invariant("energy", 4, _SYSTEM.energy, _SYSTEM.gradient),
        Invariant("angular momentum", 4, _momentum, _momentum_gradient),
    ),
    exact=closed_form(_solution),
    source="Hairer, Lubich, Wanner, Geometric Numerical Integration, section I.2.1 [D]",
)
