"""How averaged a Runge–Kutta step on the gradient of a convex potential is, exactly."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from ...errors import DomainError
from ...numerics import Tableau
from .coefficients import exact_fraction, rational_coefficients
from .exact_forms import smallest_first_entry


def exact_averagedness(tableau: Tableau, step: Any, smoothness: Any) -> Fraction:
    """Return the smallest θ that the contractivity form proves: the step is θ-averaged.

    θ = bᵀK⁻¹b with K = BA + AᵀB + 2/(hL)·B, B = diag(b), h = ``step`` ≥ 0 and L = ``smoothness``
    > 0 (fractions, or floats at their exact value): the step on −∇V, V convex and L-smooth, is
    (1 − θ)I + θN with N non-expansive. hL/2 for Euler, hL/(2 + hL) for the implicit midpoint rule.
    θ ≤ 1 exactly for h ≤ 2r/L, r the circle-contractivity radius. Guaranteed: exact. Raises
    DomainError beyond, and for irrational tableaux. Source: flowcert, claim
    ``H2.averaged_runge_kutta_step`` [D].

    >>> from flowcert.numerics import RK4, Euler
    >>> exact_averagedness(Euler.tableau, 1, 1), exact_averagedness(RK4.tableau, 1, 1)
    (Fraction(1, 2), Fraction(1, 3))
    """
    A, b = rational_coefficients(tableau)
    h, L = exact_fraction("step", step), exact_fraction("smoothness", smoothness)
    if h == 0 and L > 0:
        return Fraction(0)
    if h > 0 and L > 0 and all(weight >= 0 for weight in b):
        theta = smallest_first_entry(_bordered(A, b, 2 / (h * L)))
        if theta is not None and theta <= 1:
            return theta
    raise DomainError(
        came=f"a step of {float(h):g} with L = {float(L):g}",
        expected="0 ≤ h ≤ 2r/L, L > 0, with r the circle-contractivity radius of the method",
        remedy="Shorten the step: bound_runge_kutta_step gives the limit.",
    )


def _bordered(
    A: tuple[tuple[Fraction, ...], ...], b: tuple[Fraction, ...], ratio: Fraction
) -> list[list[Fraction]]:
    """The form (0, bᵀ; b, K): with θ in its first entry it is ⪰ 0 exactly if K ⪰ bbᵀ/θ."""
    stages = range(len(b))
    K = [
        [b[i] * A[i][j] + b[j] * A[j][i] + (ratio * b[i] if i == j else 0) for j in stages]
        for i in stages
    ]
    return [[Fraction(0), *b], *([b[i], *K[i]] for i in stages)]
