"""How far two flows drift apart whose fields differ by ε: Grönwall with a one-sided constant."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from ...numerics.validation import FloatArray
from ..arithmetic import Arithmetic, Number
from ..interval import INTERVALS, Interval, upper
from . import domain

# Where |νt| is below, eᶻ − 1 would cancel, and the series of (eᶻ − 1)/z takes its place.
_NEAR_ZERO = 0.5
_TERMS = 16


def formula_field_error(on: Arithmetic, epsilon: Number, nu: Number, t: Number) -> Number:
    """ε(e^{νt} − 1)/ν for ν ≠ 0, over any arithmetic; it tends to εt as ν → 0.

    >>> from flowcert.theory.arithmetic import FLOATS
    >>> float(formula_field_error(FLOATS, 2.0, -1.0, 1e9))
    2.0
    """
    return epsilon * (on.exponential(nu * t) - 1) / nu


def formula_mean_growth(on: Arithmetic, z: Number, remainder: Number) -> Number:
    """(eᶻ − 1)/z = Σ_{k<16} zᵏ/(k + 1)! + ρz¹⁶/17! for |z| ≤ ½, with ρ = ``remainder`` in [0, 2].

    >>> from flowcert.theory.arithmetic import FLOATS
    >>> float(formula_mean_growth(FLOATS, 0.0, 0.0))
    1.0
    """
    total = remainder / on.number(math.factorial(_TERMS + 1))
    for k in reversed(range(_TERMS)):
        total = on.number(1) / on.number(math.factorial(k + 1)) + z * total
    return total


def bound_field_error(epsilon: ArrayLike, rate: ArrayLike, time: ArrayLike) -> FloatArray:
    """Bound |φ_fᵗ(x) − φ_gᵗ(x)| by ε(e^{νt} − 1)/ν, which is εt for ν = 0.

    ε = ``epsilon`` ≥ 0 bounds |f − g| on the trajectory of g, ν = ``rate`` is a one-sided Lipschitz
    constant of f (any sign) on a convex set that holds both trajectories, t = ``time`` ≥ 0.
    Arguments broadcast. Guaranteed: an upper bound, rounded outward, ∞ where it overflows;
    attained by f = νx and g = f + εu with a unit vector u. Nothing cancels at small νt. Raises
    DomainError, ShapeError. Source: flowcert, Grönwall's lemma [I], claim
    ``B5.gronwall_field_error``.

    >>> bound_field_error(0.5, [0.0, -1e9], 2.0).round(8).tolist()
    [1.0, 0.0]
    """
    size, nu = domain.norm("epsilon", epsilon), domain.rate("rate", rate)
    t = domain.step(time, "time")
    domain.together(epsilon=size, rate=nu, time=t)
    z = Interval.of(nu) * Interval.of(t)
    return upper(Interval.of(size) * Interval.of(t) * _mean_growth(z))


def _mean_growth(z: Interval) -> Interval:
    """Enclose (eᶻ − 1)/z, elementwise by the series or by the quotient."""
    near = np.maximum(np.abs(z.lower), np.abs(z.upper)) <= _NEAR_ZERO
    clipped = Interval(np.where(near, z.lower, 0.0), np.where(near, z.upper, 0.0))
    rho = Interval(np.asarray(0.0), np.asarray(2.0))
    series = formula_mean_growth(INTERVALS, clipped, rho)
    quotient = formula_field_error(INTERVALS, 1, z, 1)
    return Interval(
        np.where(near, series.lower, quotient.lower), np.where(near, series.upper, quotient.upper)
    )
