"""The Hénon–Heiles potential: a star in a galaxy, chaotic at high energies."""

from __future__ import annotations

import numpy as np

from ..systems import Invariant, SeparableHamiltonian
from ..systems.system import State
from .problem import Problem


def _half_square(x: State) -> State:
    return np.asarray((x * x).sum(axis=-1) / 2)


def _potential(q: State) -> State:
    x, y = q[..., 0], q[..., 1]
    return np.asarray((x * x + y * y) / 2 + x * x * y - y * y * y / 3)


def _gradient(q: State) -> State:
    x, y = q[..., 0], q[..., 1]
    return np.stack([x + 2 * x * y, y + x * x - y * y], axis=-1)


def _hessian(q: State) -> State:
    x, y = q[..., 0], q[..., 1]
    rows = [[1 + 2 * y, 2 * x], [2 * x, 1 - 2 * y]]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


_SYSTEM = SeparableHamiltonian(
    kinetic=_half_square,
    potential=_potential,
    kinetic_gradient=lambda p: p,
    potential_gradient=_gradient,
    kinetic_hessian=lambda p: 0 * p[..., None] + np.eye(2, dtype=int),
    potential_hessian=_hessian,
    dimension=4,
)

HenonHeiles = Problem(
    name="HenonHeiles",
    title="The Hénon–Heiles problem, energy 0.12875, below the escape energy 1/6",
    system=_SYSTEM,
    start=np.array([0.0, 0.1, 0.5, 0.0]),
    span=(0.0, 3.0),
    invariants=(Invariant("energy", 4, _SYSTEM.energy, _SYSTEM.gradient),),
    exact=None,
    source="Hénon, Heiles 1964; Hairer, Lubich, Wanner, Geometric Numerical Integration, "
    "section I.3 [D]",
)
