"""Euler's equations of the free rigid body, with moments of inertia 2, 1 and 2/3."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..systems import Invariant, SkewGradientSystem
from ..systems.system import State, Time
from .problem import Problem, closed_form

_TWICE_INVERSE_INERTIA = np.array([1, 2, 3])


def cross_matrix(w: State) -> State:
    """Return ŵ, shape (..., 3, 3), with ŵu = w × u.

    >>> cross_matrix(np.array([0.0, 0.0, 1.0])).tolist()
    [[0.0, -1.0, 0.0], [1.0, 0.0, -0.0], [-0.0, 0.0, 0.0]]
    """
    x, y, z = w[..., 0], w[..., 1], w[..., 2]
    zero = 0 * x
    rows = [[zero, -z, y], [z, zero, -x], [-y, x, zero]]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def _spin(y: State) -> State:
    """The angular velocity ω = I⁻¹y of the angular momentum y."""
    return np.asarray(y * _TWICE_INVERSE_INERTIA / 2)


def _energy(y: State) -> State:
    return np.asarray((y * _spin(y)).sum(axis=-1) / 2)


class RigidBodySystem(SkewGradientSystem):
    """y' = y × ω with ω = I⁻¹y: both ŷ∇H(y), H = ½yᵀI⁻¹y, and −ω̂y, a rotation.

    So energy-preserving and sphere-preserving methods both take it. Source: Hairer, Lubich,
    Wanner, *Geometric Numerical Integration*, section VII.5 [D].

    >>> RigidBodySystem()(0.0, np.array([1.0, 1.0, 1.0])).tolist()
    [0.5, -1.0, 0.5]
    """

    def __init__(self) -> None:
        super().__init__(_energy, _spin, cross_matrix, dimension=3)

    def skew(self, t: Time, y: State) -> State:
        """Return S(y) = −ω̂, shape (..., 3, 3): y' = S(y)y."""
        return -cross_matrix(_spin(y))

    def jacobian(self, t: Time, y: State) -> State:
        """Return ∂f/∂y = ŷI⁻¹ − ω̂, shape (..., 3, 3)."""
        inverse = np.diag(_TWICE_INVERSE_INERTIA)
        return np.asarray(cross_matrix(y) @ inverse / 2 - cross_matrix(_spin(y)))


def _solution(t: Any, y: list[Any]) -> list[Any]:
    """y₂ ∝ sn, and of y₁ and y₃ the one that vanishes at times ∝ cn, the other ∝ dn.

    With y₁' = c₁y₂y₃ and so on, c = (½, −1, ½), the axes 1 and 3 may be exchanged.
    """
    import mpmath

    if sum(x == 0 for x in y) >= 2:
        return y  # turning about an axis
    half, middle = mpmath.mpf(1) / 2, y[1]
    # y₁² + y₂²/2 and y₃² + y₂²/2 are constant: the squares where y₂ = 0.
    squares = [x * x + half * middle**2 for x in (y[0], y[2])]
    exchanged = squares[0] > squares[1]
    outer, never_zero = (y[2], y[0]) if exchanged else (y[0], y[2])
    small, large = sorted(squares)
    m = small / large
    a, b = mpmath.sqrt(small), mpmath.sqrt(large) * (1 if never_zero > 0 else -1)
    rate = mpmath.sqrt(half * large)
    swing = -a * b / rate
    phase = mpmath.ellipf(mpmath.atan2(middle / swing, outer / a), m) + rate * t
    sn, cn, dn = (mpmath.ellipfun(kind, phase, m=m) for kind in ("sn", "cn", "dn"))
    ends = [b * dn, a * cn] if exchanged else [a * cn, b * dn]
    return [ends[0], swing * sn, ends[1]]


_SYSTEM = RigidBodySystem()

RigidBody = Problem(
    name="RigidBody",
    title="The free rigid body by its angular momentum",
    system=_SYSTEM,
    start=np.array([0.8, 0.6, 0.9]),
    span=(0.0, 4.0),
    invariants=(
        Invariant("energy", 3, _SYSTEM.energy, _SYSTEM.gradient),
        Invariant("squared norm", 3, lambda y: (y * y).sum(axis=-1), lambda y: 2 * y),
    ),
    exact=closed_form(_solution),
    source="Euler 1758; Hairer, Lubich, Wanner, Geometric Numerical Integration, section VII.5 [D]",
)
