"""The largest non-expansive step of a method, in words."""

from __future__ import annotations

from ..errors import DomainError
from ..numerics import Method, RungeKutta
from . import bounds


def nonexpansive_step(
    method: Method, smoothness: float | None = None, cocoercivity: float | None = None
) -> dict[str, str]:
    """Return the largest non-expansive step as one row of a table: what it is for, and h.

    For gradients of convex L-smooth potentials, L = ``smoothness`` (1 without any number), or for
    fields with ⟨Δf, Δx⟩ ≤ −κ|Δf|², κ = ``cocoercivity``; rounded down. No row for methods that are
    no Runge–Kutta methods. Raises DomainError for both numbers, or for one of a method without a
    radius. Source: claim ``D4.circle_contractivity`` [P].

    >>> from flowcert.numerics import RK4
    >>> nonexpansive_step(RK4, smoothness=4.0)
    {'non-expansive for L = 4 up to h =': '0.5'}
    """
    if smoothness is not None and cocoercivity is not None:
        raise DomainError(
            came="both a smoothness and a cocoercivity",
            expected="one of them: κ = 1/L",
            remedy="Leave one out.",
        )
    if not isinstance(method, RungeKutta):
        if smoothness is None and cocoercivity is None:
            return {}
        raise DomainError(
            came=f"a smoothness or cocoercivity for {method.name}",
            expected="a Runge–Kutta method",
            remedy="Leave the option out: there is no contractivity radius for this method.",
        )
    radius = bounds.bound_circle_contractivity_radius(method.tableau)
    if cocoercivity is not None:
        limit, of = bounds.bound_cocoercive_step(radius, cocoercivity), f"κ = {cocoercivity:g}"
    else:
        L = 1.0 if smoothness is None else smoothness
        limit, of = bounds.bound_runge_kutta_step(radius, L), f"L = {L:g}"
    return {f"non-expansive for {of} up to h =": _told(float(limit))}


def _told(limit: float) -> str:
    if limit == float("inf"):
        return "∞"
    # Shown to the last digit: rounded for the eye it might be too long.
    return repr(limit) if limit else "0.0   (a weight is negative or 0: no step is)"
