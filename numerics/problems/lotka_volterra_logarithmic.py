"""Lotka–Volterra in the logarithms of the populations: a separable Hamiltonian system."""

from __future__ import annotations

import numpy as np

from ..elementary import exp
from ..systems import Invariant, SeparableHamiltonian
from ..systems.system import State
from .problem import Problem


def _part(x: State) -> State:
    return np.asarray(x[..., 0] - exp(x[..., 0]))


_SYSTEM = SeparableHamiltonian(
    kinetic=_part,
    potential=_part,
    kinetic_gradient=lambda p: 1 - exp(p),
    potential_gradient=lambda q: 1 - exp(q),
    kinetic_hessian=lambda p: -exp(p)[..., None],
    potential_hessian=lambda q: -exp(q)[..., None],
    dimension=2,
)

# Both parts of H are nonlinear, so that a method made for q̈ = f(q) alone is found out.
LotkaVolterraLogarithmic = Problem(
    name="LotkaVolterraLogarithmic",
    title="Lotka–Volterra with q = log x, p = log y: q' = 1 − exp p, p' = exp q − 1",
    system=_SYSTEM,
    start=np.array([0.75, 0.25]),
    span=(0.0, 3.0),
    invariants=(Invariant("energy", 2, _SYSTEM.energy, _SYSTEM.gradient),),
    exact=None,
    source="Hairer, Lubich, Wanner, Geometric Numerical Integration, section VI.2 [D]",
)
