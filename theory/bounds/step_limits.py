"""The largest steps for which an Euler step is non-expansive, and the best one."""

from __future__ import annotations

from numpy.typing import ArrayLike

from ...numerics.validation import FloatArray
from ..arithmetic import Number
from ..interval import Interval, lower
from . import domain


def formula_nonexpansive_step(L: Number) -> Number:
    """2/L: the limit for gradients of convex L-smooth potentials.

    >>> formula_nonexpansive_step(4.0)
    0.5
    """
    return 2 / L


def formula_monotone_step(mu: Number, L: Number) -> Number:
    """2μ/L²: the limit for μ-strongly monotone, L-Lipschitz fields.

    >>> formula_monotone_step(0.5, 1.0)
    1.0
    """
    return 2 * mu / L**2


def formula_best_step(a: Number, sigma_min: Number = 1, sigma_max: Number = 1) -> Number:
    """2/(a·σ_min² + σ_max²): the step at which the sharp contractive factor is smallest.

    >>> formula_best_step(0.0)
    2.0
    """
    return 2 / (a * sigma_min**2 + sigma_max**2)


def formula_averaged_step(theta: Number, L: Number) -> Number:
    """2θ/L: the step at which x − h∇V(x) is θ-averaged.

    >>> formula_averaged_step(0.5, 2.0)
    0.5
    """
    return theta * formula_nonexpansive_step(L)


def bound_nonexpansive_step(smoothness: ArrayLike) -> FloatArray:
    """Bound from below the largest non-expansive step of x − h∇V(x), V convex and L-smooth.

    2/L with L = ``smoothness`` > 0, an upper bound of the Lipschitz constant of ∇V (for
    V = 1ᵀΓ(Ax + b): ‖A‖²). Guaranteed: every h in [0, result] is non-expansive; rounded down.
    Raises DomainError. Source: paper, non-expansive layers [P], claim ``D3.nonexpansive_step``.

    >>> bound_nonexpansive_step([1.0, 4.0]).tolist()
    [2.0, 0.5]
    """
    return lower(formula_nonexpansive_step(Interval.of(domain.positive("smoothness", smoothness))))


def bound_monotone_step(monotonicity: ArrayLike, lipschitz: ArrayLike) -> FloatArray:
    """Bound from below the largest non-expansive step of x + h·f(x), −f μ-monotone, f L-Lipschitz.

    2μ/L² with 0 ≤ μ = ``monotonicity`` ≤ L = ``lipschitz``, L > 0. Guaranteed: every h in
    [0, result] is non-expansive; rounded down. Raises DomainError, ShapeError.
    Source: paper, contractive layers [P], claim ``D3.monotone_step``.

    >>> bound_monotone_step(0.5, [1.0, 2.0]).tolist()
    [1.0, 0.25]
    """
    mu, L = domain.singular_values(monotonicity, domain.positive("lipschitz", lipschitz))
    return lower(formula_monotone_step(Interval.of(mu), Interval.of(L)))


def bound_averaged_step(averagedness: ArrayLike, smoothness: ArrayLike) -> FloatArray:
    """Bound from below the largest step at which x − h∇V(x) is θ-averaged, V convex and L-smooth.

    2θ/L with θ = ``averagedness`` in [0, 1], L = ``smoothness`` > 0. Guaranteed: every h in
    [0, result] makes the step θ-averaged, (1 − θ)I + θN with N non-expansive; rounded down. Raises
    DomainError, ShapeError. Source: classical (Baillon, Haddad 1977), claim
    ``D3.averaged_step`` [D].

    >>> bound_averaged_step(0.5, 2.0).tolist()
    0.5
    """
    theta = domain.norm("averagedness", averagedness)
    domain.slope(theta)
    L = domain.positive("smoothness", smoothness)
    domain.together(averagedness=theta, smoothness=L)
    return lower(formula_averaged_step(Interval.of(theta), Interval.of(L)))
