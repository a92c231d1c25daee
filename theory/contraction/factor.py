"""The contraction factor of a Runge–Kutta step for slopes in [a, L], proved exactly."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from ...errors import ConvergenceError
from ...numerics import Tableau
from .certificate import ContractionCertificate
from .coefficients import exact_fraction, exact_slopes, rational_coefficients
from .exact_forms import smallest_first_entry
from .multipliers import search_multipliers
from .stage_forms import StageForms

# φ² is rounded up to a multiple of 2⁻⁷⁰: far below float64, and short to write.
_BITS_OF_FACTOR = 70
_BITS_OF_MULTIPLIERS = 36


def runge_kutta_contraction(
    tableau: Tableau, step: Any, slope_min: Any, slope_max: Any
) -> ContractionCertificate:
    """Bound the contraction factor of a Runge–Kutta step on fields with slopes in [a, L].

    |y⁺ − ŷ⁺| ≤ φ|y − ŷ| for every field −g with ⟨Δg − aΔx, LΔx − Δg⟩ ≥ 0, a = ``slope_min`` ≤
    L = ``slope_max`` (gradients of potentials with aI ⪯ ∇²V ⪯ LI; the field may change from stage
    to stage), h = ``step`` of any sign; numbers are fractions or floats, taken at their exact
    value. Guaranteed: ``bound_factor`` of the returned certificate, rounded up; it was verified
    in exact arithmetic and can be verified again. It is usually within 1e-9 of the best factor,
    which is not guaranteed. Implicit methods: for stages that exist; they are then unique. Raises
    DomainError (irrational tableaux included), ConvergenceError where no certificate was found.
    Source: Lessard, Recht and Packard (2016); flowcert, claim ``D4.runge_kutta_factor`` [D].

    >>> from flowcert.numerics import RK4
    >>> certificate = runge_kutta_contraction(RK4.tableau, 1.9, 0.5, 1.0)
    >>> round(certificate.bound_factor, 4), certificate.verify()
    (0.4017, True)
    """
    A, b = rational_coefficients(tableau)
    h = exact_fraction("step", step)
    a, L = exact_slopes(slope_min, slope_max)
    forms = StageForms.of(A, b, h * a, h * L)
    if forms.is_linear():
        return ContractionCertificate(A, b, h, a, L, (), forms.linear_factor() ** 2)
    for multipliers in _candidates(forms):
        squared = smallest_first_entry(forms.lacking(multipliers))
        if squared is None:
            continue
        rounded = Fraction(math.ceil(squared * 2**_BITS_OF_FACTOR), 2**_BITS_OF_FACTOR)
        certificate = ContractionCertificate(A, b, h, a, L, multipliers, rounded)
        if certificate.verify():
            return certificate
    raise ConvergenceError(
        came="multipliers that verify for no factor",
        expected="a certificate in exact arithmetic",
        remedy="Take a shorter step: at this one the forms are too ill-conditioned for float64.",
    )


def _candidates(forms: StageForms) -> Iterator[tuple[Fraction, ...]]:
    """Multipliers to try, the best ones first and those that lie deeper inside later."""
    found = search_multipliers(forms)
    for blend in (0.0, 1e-9, 1e-6, 1e-3, 1.0):
        mixed = [
            float((1 - blend) * d + blend * inside)
            for d, inside in zip(found.multipliers, found.interior, strict=True)
        ]
        for rounding in (_shortened, Fraction):
            yield tuple(rounding(d) * unit for d, unit in zip(mixed, found.units, strict=True))


def _shortened(multiplier: float) -> Fraction:
    """The multiplier in fewer bits: the factor changes by the square of that."""
    mantissa, exponent = math.frexp(multiplier)
    bits = _BITS_OF_MULTIPLIERS
    return Fraction(round(mantissa * 2**bits)) * Fraction(2) ** (exponent - bits)
