"""What a step region can give at best, exactly: its highest point, area, intervals and boxes."""

from __future__ import annotations

from dataclasses import dataclass

import sympy

from ..errors import DomainError
from .arithmetic import Number
from .proof.algebra import as_exact, exact_number
from .step_regions import StepRegion


@dataclass(frozen=True)
class HighestPoint:
    """The largest admissible expansive step and where it is taken, as sympy numbers.

    >>> exact_highest_point(StepRegion("alternating", "sharp", 2)).expansive_step
    4
    """

    contractive_step: sympy.Expr
    expansive_step: sympy.Expr


@dataclass(frozen=True)
class StepBox:
    """The box [h_C_min, h_C_max] × [0, h_E] of step pairs, as sympy numbers.

    >>> StepBox(sympy.Integer(1), sympy.Integer(2), sympy.Integer(3)).area
    3
    """

    contractive_min: sympy.Expr
    contractive_max: sympy.Expr
    expansive_max: sympy.Expr

    @property
    def area(self) -> sympy.Expr:
        return (self.contractive_max - self.contractive_min) * self.expansive_max


def exact_smallest_contraction(region: StepRegion) -> sympy.Expr:
    """Return the least q over all h_C: √(1 − a²) (authors) or (1 − a)/(1 + a) (sharp).

    Exact, for every S. Source: flowcert, claims ``D2.highest_point``, ``D2.best_step`` [D].

    >>> exact_smallest_contraction(StepRegion("alternating", "sharp", 1))
    1/3
    """
    a = as_exact(region.slope)
    return sympy.sqrt(1 - a**2) if region.bound == "authors" else (1 - a) / (1 + a)


def exact_highest_point(region: StepRegion) -> HighestPoint:
    """Return the maximum of h_E*(h_C) and its place: h_C = aS (authors) or 2S/(1 + a) (sharp).

    Exact, for 0 ≤ a < 1 and every S. Raises DomainError for a = 1. Source: flowcert, claim
    ``D2.highest_point`` [D].

    >>> [exact_highest_point(StepRegion("whole_expansive", "sharp", S)).expansive_step
    ...     for S in (1, 2, 3, 4)]
    [2, 8, 26, 80]
    """
    a, S = _slope(region, zero=True), region.substeps
    place = a * S if region.bound == "authors" else 2 * S / (1 + a)
    highest = region.formula_expansive_limit_of(exact_smallest_contraction(region))
    return HighestPoint(place, highest)


def exact_area(region: StepRegion) -> sympy.Expr:
    """Return the area of the whole region, all h_C for which some h_E ≥ 0 is admissible.

    Exact, for 0 < a < 1 and every S. Raises DomainError for other slopes. Source: flowcert, claim
    ``D2.areas`` [D].

    >>> [exact_area(StepRegion("whole_expansive", "sharp", S)) for S in (2, 3, 4)]
    [8, 30, 96]
    """
    a, S = _slope(region), region.substeps
    if region.family == "alternating":
        # Scaling by S in both directions turns every S into S = 1.
        return sympy.expand(S**2 * (_integral_of_power(region.bound, a, 1) - _width(region)))
    return sympy.expand(S * (_integral_of_power(region.bound, a, S) - _width(region)))


def _width(region: StepRegion) -> sympy.Expr:
    """The region's extent in t = h_C/S: [0, 2a] or [0, 2]."""
    return 2 * as_exact(region.slope) if region.bound == "authors" else sympy.Integer(2)


def _integral_of_power(bound: str, a: sympy.Expr, power: int) -> sympy.Expr:
    """∫ q(t)^(−power) dt over the region's extent in t."""
    if bound == "authors":
        # t = a + s·tan θ with s = √(1 − a²) gives s^(1 − power)·∫ cos^(power − 2) θ dθ.
        s, theta = sympy.sqrt(1 - a**2), sympy.Symbol("theta", real=True)
        if power == 1:
            return sympy.log((1 + a) / (1 - a))
        integral = sympy.integrate(sympy.cos(theta) ** (power - 2), (theta, 0, sympy.asin(a)))
        return 2 * s ** (1 - power) * integral
    rho = (1 - a) / (1 + a)
    if power == 1:
        return -(1 / a + 1) * sympy.log(rho)
    return (1 / a + 1) * (rho ** (1 - power) - 1) / (power - 1)


def exact_widest_interval(region: StepRegion, expansive_step: Number) -> tuple[Number, Number]:
    """Return the ends of {h_C : (h_C, h_E) in the region} for one h_E = ``expansive_step`` ≥ 0.

    Exact, for 0 < a < 1; where the set is empty the ends are complex (authors) or in reverse order
    (sharp). Raises DomainError for other slopes. Source: flowcert, claim ``D2.widest_interval``
    [D].

    >>> from fractions import Fraction
    >>> exact_widest_interval(StepRegion("whole_expansive", "authors", 2), Fraction(1, 20))
    (1 - sqrt(357)/21, sqrt(357)/21 + 1)
    """
    e, S = exact_number("expansive_step", expansive_step, 0), region.substeps
    _slope(region)
    # q ≤ k is what the expansive step leaves to each contractive sub-step.
    if region.family == "alternating":
        return _interval_for(region, 1 / (1 + e / S))
    return _interval_for(region, (1 + e) ** sympy.Rational(-1, S))


def _interval_for(region: StepRegion, k: sympy.Expr) -> tuple[sympy.Expr, sympy.Expr]:
    """The h_C with q ≤ k."""
    a, S = as_exact(region.slope), region.substeps
    if region.bound == "authors":
        half = sympy.sqrt(k**2 - 1 + a**2)
        return S * (a - half), S * (a + half)
    return S * (1 - k) / a, S * (1 + k)


def exact_largest_box(region: StepRegion) -> StepBox:
    """Return the box [l, r] × [0, e] of largest area inside the region.

    Exact (algebraic numbers), for rational 0 < a < 1. Raises DomainError for other slopes.
    Source: flowcert, claim ``D2.largest_box`` [D].

    >>> sympy.expand(exact_largest_box(StepRegion("whole_expansive", "sharp", 1)).area)
    4 - 2*sqrt(3)
    """
    if not _slope(region).is_rational:
        raise _unsuitable(region, "a rational slope")
    k = sympy.Symbol("k", positive=True)
    low, high = _interval_for(region, k)
    height = region.formula_expansive_limit_of(k)
    area = (high - low) * height
    least = exact_smallest_contraction(region)
    best = _only_critical_point(area, k, least)
    ends = (sympy.simplify(end.subs(k, best)) for end in (low, high, height))
    return StepBox(*ends)


def _slope(region: StepRegion, *, zero: bool = False) -> sympy.Expr:
    """The slope a, exactly; a number must lie in (0, 1), or in [0, 1) if ``zero``."""
    a = as_exact(region.slope)
    if (a >= 1) == sympy.true or ((a <= 0) == sympy.true and not (zero and a == 0)):
        raise _unsuitable(region, "a slope in [0, 1)" if zero else "a slope in (0, 1)")
    return a


def _unsuitable(region: StepRegion, expected: str) -> DomainError:
    return DomainError(
        came=f"the region {region}",
        expected=expected,
        remedy="At a = 0 the region is degenerate, at a = 1 it is unbounded.",
    )


def _only_critical_point(area: sympy.Expr, k: sympy.Symbol, least: sympy.Expr) -> sympy.Expr:
    """The critical point of the area in (least, 1), as an algebraic number."""
    numerator = sympy.numer(sympy.together(sympy.diff(sympy.log(area), k)))
    polynomial = sympy.Poly(sympy.expand(numerator), k)
    inside = [root for root in sympy.real_roots(polynomial) if least < root < 1]
    return inside[0]
