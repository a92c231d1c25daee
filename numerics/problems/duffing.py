"""The undamped Duffing oscillator with a hardening spring, q̈ = −q − q³."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..systems import Invariant, SeparableHamiltonian
from ..systems.system import State
from .problem import Problem, closed_form


def _kinetic(p: State) -> State:
    return np.asarray((p * p)[..., 0] / 2)


def _potential(q: State) -> State:
    square = (q * q)[..., 0]
    return np.asarray(square / 2 + square * square / 4)


def _solution(t: Any, y: list[Any]) -> list[Any]:
    """q = A cn(ωt + φ), p = −Aω sn dn, with ω² = 1 + A², modulus k² = A²/(2ω²)."""
    import mpmath

    q, p = y
    energy = p**2 / 2 + q**2 / 2 + q**4 / 4
    if energy == 0:
        return y
    # The positive root of A²/2 + A⁴/4 = H, in the form without cancellation.
    square = 4 * energy / (1 + mpmath.sqrt(1 + 4 * energy))
    amplitude, frequency = mpmath.sqrt(square), mpmath.sqrt(1 + square)
    m = square / (2 * (1 + square))
    cosine = q / amplitude
    sine = -p / (amplitude * frequency * mpmath.sqrt(1 - m * (1 - cosine**2)))
    phase = mpmath.ellipf(mpmath.atan2(sine, cosine), m) + frequency * t
    sn, cn, dn = (mpmath.ellipfun(kind, phase, m=m) for kind in ("sn", "cn", "dn"))
    return [amplitude * cn, -amplitude * frequency * sn * dn]


_SYSTEM = SeparableHamiltonian(
    kinetic=_kinetic,
    potential=_potential,
    kinetic_gradient=lambda p: p,
    potential_gradient=lambda q: q + q * q * q,
    kinetic_hessian=lambda p: (0 * p + 1)[..., None],
    potential_hessian=lambda q: (1 + 3 * q * q)[..., None],
    dimension=2,
)

Duffing = Problem(
    name="Duffing",
    title="The Duffing oscillator without damping, hardening spring",
    system=_SYSTEM,
    start=np.array([1.0, 0.5]),
    span=(0.0, 3.0),
    invariants=(Invariant("energy", 2, _SYSTEM.energy, _SYSTEM.gradient),),
    exact=closed_form(_solution),
    source="Duffing 1918; solution: Byrd, Friedman, Handbook of Elliptic Integrals [D]",
)
