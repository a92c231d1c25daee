"""The mathematical pendulum q̈ = −sin q."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import DomainError
from ..elementary import cos, sin
from ..systems import Invariant, SeparableHamiltonian
from ..systems.system import State
from .problem import Problem, closed_form


def _half_square(p: State) -> State:
    return np.asarray((p * p)[..., 0] / 2)


def _potential(q: State) -> State:
    return np.asarray(1 - cos(q[..., 0]))


def _unit(p: State) -> State:
    return (0 * p + 1)[..., None]


def _solution(t: Any, y: list[Any]) -> list[Any]:
    """sin(q/2) = k sn(t + φ), p = 2k cn(t + φ), with modulus k² = H/2 < 1."""
    import mpmath

    turns = 2 * mpmath.pi * mpmath.nint(y[0] / (2 * mpmath.pi))
    half_sine, half_rate = mpmath.sin(y[0] / 2 - turns / 2), y[1] / 2
    k_squared = half_sine**2 + half_rate**2
    if k_squared >= 1:
        raise DomainError(
            came=f"a pendulum of energy {float(2 * k_squared):g}",
            expected="an energy below 2: the pendulum swings and does not turn over",
            remedy="Start lower or slower, or use reference_flow.",
        )
    if k_squared == 0:
        return y
    k = mpmath.sqrt(k_squared)
    phase = mpmath.ellipf(mpmath.atan2(half_sine, half_rate), k_squared) + t
    sn = mpmath.ellipfun("sn", phase, m=k_squared)
    cn = mpmath.ellipfun("cn", phase, m=k_squared)
    return [turns + 2 * mpmath.asin(k * sn), 2 * k * cn]


_SYSTEM = SeparableHamiltonian(
    kinetic=_half_square,
    potential=_potential,
    kinetic_gradient=lambda p: p,
    potential_gradient=sin,
    kinetic_hessian=_unit,
    potential_hessian=lambda q: cos(q)[..., None],
    dimension=2,
)

Pendulum = Problem(
    name="Pendulum",
    title="A mathematical pendulum that swings through 1.5 rad",
    system=_SYSTEM,
    start=np.array([1.5, 0.0]),
    span=(0.0, 3.0),
    invariants=(Invariant("energy", 2, _SYSTEM.energy, _SYSTEM.gradient),),
    exact=closed_form(_solution),
    source="Hairer, Lubich, Wanner, Geometric Numerical Integration, section I.1.2; "
    "solution: Byrd, Friedman, Handbook of Elliptic Integrals [D]",
)
