"""Runge–Kutta steps on gradients of convex potentials: step limits, sub-steps, averagedness."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import DomainError
from ...numerics.validation import FloatArray
from ..arithmetic import Number
from ..interval import Interval, lower, upper
from . import domain

if TYPE_CHECKING:
    from ...numerics import Tableau

_MOST_SUBSTEPS = 2.0**53


def formula_runge_kutta_step(r: Number, L: Number) -> Number:
    """2r/L: the limit for gradients of convex L-smooth potentials, r the radius of the method.

    >>> formula_runge_kutta_step(1.0, 4.0)
    0.5
    """
    return 2 * r / L


def formula_cocoercive_step(r: Number, kappa: Number) -> Number:
    """2κr: the limit for fields with ⟨Δf, Δx⟩ ≤ −κ|Δf|².

    >>> formula_cocoercive_step(1.0, 0.25)
    0.5
    """
    return 2 * kappa * r


def formula_substep_count(T: Number, norm: Number, r: Number) -> Number:
    """T‖A‖²/(2r): at least so many sub-steps must share the time T.

    >>> formula_substep_count(3.0, 2.0, 1.0)
    6.0
    """
    return T * norm**2 / (2 * r)


def formula_composed_averagedness(theta_1: Number, theta_2: Number) -> Number:
    """(θ₁ + θ₂ − 2θ₁θ₂)/(1 − θ₁θ₂): how averaged two averaged operators are, one after the other.

    The odds θ/(1 − θ) add up.

    >>> formula_composed_averagedness(0.5, 0.5) == 2 / 3
    True
    """
    return (theta_1 + theta_2 - 2 * theta_1 * theta_2) / (1 - theta_1 * theta_2)


def bound_circle_contractivity_radius(tableau: Tableau) -> float:
    """Bound from below the circle-contractivity radius r of a method by a float.

    ∞ where every step is non-expansive. Guaranteed: at most ``tableau
    .circle_contractivity_radius()``, by about one rounding. Source: Dahlquist and Jeltsch (1979);
    paper, Runge–Kutta steps [P], claim ``D4.circle_contractivity``.

    >>> from flowcert.numerics import RK4
    >>> bound_circle_contractivity_radius(RK4.tableau)
    1.0
    """
    import sympy

    exact = tableau.circle_contractivity_radius()
    if exact is sympy.oo:
        return float("inf")
    below = min(float(exact), float(np.finfo(float).max))
    # A float is the fraction that it is; sympy compares it with an algebraic number exactly.
    while sympy.Rational(*below.as_integer_ratio()) > exact:
        below = float(np.nextafter(below, 0.0))
    return below


def bound_runge_kutta_step(radius: ArrayLike, smoothness: ArrayLike) -> FloatArray:
    """Bound from below the largest non-expansive Runge–Kutta step on −∇V, V convex and L-smooth.

    2r/L with r = ``radius`` ≥ 0 of the method, rounded down and possibly ∞
    (``bound_circle_contractivity_radius``), L = ``smoothness`` > 0 (for V = 1ᵀΓ(Ax + b): ‖A‖²).
    Arguments broadcast. Guaranteed: every h in [0, result] is non-expansive; rounded down.
    Raises DomainError, ShapeError. Source: Dahlquist and Jeltsch (1979); paper, Runge–Kutta
    steps [P], claim ``D4.circle_contractivity``.

    >>> bound_runge_kutta_step(1.0, [1.0, 4.0]).tolist()
    [2.0, 0.5]
    >>> bound_runge_kutta_step(float("inf"), 1.0).tolist()
    inf
    """
    r, everywhere = _radius(radius)
    L = domain.positive("smoothness", smoothness)
    domain.together(radius=r, smoothness=L)
    limit = lower(formula_runge_kutta_step(Interval.of(r), Interval.of(L)))
    # Where the quotient underflows its lower end lies below 0; no step is always non-expansive.
    return np.where(everywhere, np.inf, np.maximum(limit, 0.0))


def bound_cocoercive_step(radius: ArrayLike, cocoercivity: ArrayLike) -> FloatArray:
    """Bound from below the largest non-expansive step on fields with ⟨Δf, Δx⟩ ≤ −κ|Δf|².

    2κr with r = ``radius`` ≥ 0 of the method, rounded down and possibly ∞, κ = ``cocoercivity``
    > 0. Arguments broadcast. Guaranteed: every h in [0, result] is non-expansive; rounded down.
    Raises DomainError, ShapeError. Source: Dahlquist and Jeltsch (1979), claim
    ``D4.circle_contractivity`` [P].

    >>> bound_cocoercive_step(1.0, [1.0, 0.25]).tolist()
    [2.0, 0.5]
    """
    r, everywhere = _radius(radius)
    kappa = domain.positive("cocoercivity", cocoercivity)
    domain.together(radius=r, cocoercivity=kappa)
    limit = lower(formula_cocoercive_step(Interval.of(r), Interval.of(kappa)))
    return np.where(everywhere, np.inf, np.maximum(limit, 0.0))


def bound_substep_count(
    time: ArrayLike, spectral_norm: ArrayLike, radius: ArrayLike
) -> NDArray[np.int64]:
    """Bound from above the number of sub-steps that make a Runge–Kutta block non-expansive.

    n = max(1, ⌈T‖A‖²/(2r)⌉) steps of size T/n on −AᵀΣ(Ax + b), slopes of σ in [0, 1], with
    T = ``time`` ≥ 0, ``spectral_norm`` ≥ ‖A‖ and r = ``radius`` > 0 of the method, rounded down
    and possibly ∞. Arguments broadcast. Guaranteed: the exact step T/n satisfies
    (T/n)‖A‖² ≤ 2r, so that each step is non-expansive. Raises DomainError, ShapeError.
    Source: Sherry, Celledoni, Ehrhardt, Murari, Owren and Schönlieb (arXiv:2306.17332) [P], claim
    ``H1.substep_count``.

    >>> bound_substep_count([1.0, 4.0, 5.0], 1.0, 1.0).tolist()
    [1, 2, 3]
    """
    T, norm = domain.norm("time", time), domain.norm("spectral_norm", spectral_norm)
    r, everywhere = _radius(radius)
    domain.together(time=T, spectral_norm=norm, radius=r)
    if np.any(r == 0):
        raise DomainError(
            came="radius = 0",
            expected="radius > 0",
            remedy="No step of such a method is non-expansive on all these fields: take another.",
        )
    needed = upper(formula_substep_count(Interval.of(T), Interval.of(norm), Interval.of(r)))
    count = np.maximum(1.0, np.ceil(np.where(everywhere, 0.0, needed)))
    if np.any(count > _MOST_SUBSTEPS):
        raise DomainError(
            came=f"a block that needs {count.max():.3g} sub-steps",
            expected="fewer than 2⁵³",
            remedy="Shorten the time, or scale the matrix down.",
        )
    return count.astype(np.int64)


def bound_composed_averagedness(first: ArrayLike, second: ArrayLike) -> FloatArray:
    """Bound from above how averaged the composition of a θ₁- and a θ₂-averaged operator is.

    (θ₁ + θ₂ − 2θ₁θ₂)/(1 − θ₁θ₂) with θ₁ = ``first`` and θ₂ = ``second`` in [0, 1], in any order; 1
    (non-expansive, no more) if one of them is 1. Arguments broadcast. Guaranteed: the composition
    is (1 − θ)I + θN, N non-expansive, with θ the result, rounded up; no smaller θ serves all.
    Raises DomainError, ShapeError. Source: Ogura and Yamada (2002); Combettes and Yamada (2015),
    claim ``H2.composed_averaged`` [D].

    >>> bound_composed_averagedness(0.5, [0.0, 0.5, 1.0]).round(6).tolist()
    [0.5, 0.666667, 1.0]
    """
    theta_1, theta_2 = domain.norm("first", first), domain.norm("second", second)
    for theta in (theta_1, theta_2):
        domain.slope(theta)
    domain.together(first=theta_1, second=theta_2)
    plain = (theta_1 == 1) | (theta_2 == 1)
    # 0 stands in where the formula is 0/0.
    inner = (Interval.of(np.where(plain, 0.0, theta)) for theta in (theta_1, theta_2))
    return np.where(plain, 1.0, np.minimum(upper(formula_composed_averagedness(*inner)), 1.0))


def _radius(value: ArrayLike) -> tuple[FloatArray, NDArray[np.bool_]]:
    """A radius ≥ 0 with 1 in place of ∞, and where it is ∞."""
    given = np.asarray(value)
    if given.dtype.kind in "USV":  # NumPy refuses to compare texts; this names them
        domain.norm("radius", value)
    everywhere = np.asarray(given == np.inf)
    return domain.norm("radius", np.where(everywhere, 1.0, given)), everywhere
