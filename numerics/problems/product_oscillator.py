"""H = (1 + q²)(1 + p²)/2: a Hamiltonian that is not separable, with a closed-form solution."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..systems import HamiltonianSystem, Invariant
from ..systems.system import State
from .problem import Problem, closed_form


def _energy(y: State) -> State:
    q, p = y[..., 0], y[..., 1]
    return np.asarray((1 + q * q) * (1 + p * p) / 2)


def _gradient(y: State) -> State:
    q, p = y[..., 0], y[..., 1]
    return np.stack([q * (1 + p * p), p * (1 + q * q)], axis=-1)


def _hessian(y: State) -> State:
    q, p = y[..., 0], y[..., 1]
    mixed = 2 * q * p
    rows = [[1 + p * p, mixed], [mixed, 1 + q * q]]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def _solution(t: Any, y: list[Any]) -> list[Any]:
    """q = a cn(u), u = u₀ + ωt, with ω² = 2H, a² = 2H − 1, modulus a²/ω²; p = q̇/(1 + q²).

    For q̇² = (1 + q²)²p² = (1 + q²)(2H − 1 − q²) is the equation of a cn(u).
    """
    import mpmath

    q0, p0 = y
    omega_squared = (1 + q0**2) * (1 + p0**2)
    a_squared = omega_squared - 1
    if a_squared == 0:
        return y
    a, omega = mpmath.sqrt(a_squared), mpmath.sqrt(omega_squared)
    m = a_squared / omega_squared
    # a cn u₀ = q₀, and a² − q₀² = p₀²(1 + q₀²) gives a sn u₀, without cancellation.
    amplitude = mpmath.atan2(-p0 * mpmath.sqrt(1 + q0**2), q0)
    u = mpmath.ellipf(amplitude, m) + omega * t
    sn, cn, dn = (mpmath.ellipfun(kind, u, m=m) for kind in ("sn", "cn", "dn"))
    q = a * cn
    return [q, -a * omega * sn * dn / (1 + q**2)]


_SYSTEM = HamiltonianSystem(_energy, _gradient, 2, _hessian)

ProductOscillator = Problem(
    name="ProductOscillator",
    title="An oscillator whose energy is a product",
    system=_SYSTEM,
    start=np.array([1.2, 0.3]),
    span=(0.0, 3.0),
    invariants=(Invariant("energy", 2, _SYSTEM.energy, _SYSTEM.gradient),),
    exact=closed_form(_solution),
    source="Tao, Phys. Rev. E 94 (2016), an example of a Hamiltonian that is not separable [D]",
)
