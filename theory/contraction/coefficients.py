"""What an exact certificate needs of its input: fractions."""

from __future__ import annotations

from fractions import Fraction
from numbers import Rational
from typing import Any

from ...errors import DomainError
from ...numerics import ButcherTableau, Tableau
from ...numerics.tableau.collocation import CollocationTableau


def rational_coefficients(
    tableau: Tableau,
) -> tuple[tuple[tuple[Fraction, ...], ...], tuple[Fraction, ...]]:
    """Return A and b as fractions; DomainError for a tableau with irrational entries.

    >>> from flowcert.numerics import Euler
    >>> rational_coefficients(Euler.tableau)
    (((Fraction(0, 1),),), (Fraction(1, 1),))
    """
    if isinstance(tableau, CollocationTableau):
        tableau = tableau.exact()
    if isinstance(tableau, ButcherTableau):
        entries = [*tableau.b, *(x for row in tableau.A for x in row)]
        if all(isinstance(x, Fraction) for x in entries):
            return tableau.A, tableau.b
    raise DomainError(
        came="a tableau with irrational coefficients",
        expected="a ButcherTableau whose coefficients are fractions",
        remedy="Exact certificates in fractions exist for rational tableaux only.",
    )


def exact_fraction(name: str, value: Any) -> Fraction:
    """Return a finite number exactly: a float is the fraction that it is. Raises DomainError.

    >>> exact_fraction("step", 0.5)
    Fraction(1, 2)
    """
    if isinstance(value, Rational):
        return Fraction(int(value.numerator), int(value.denominator))
    try:
        return Fraction(float(value))
    except (TypeError, ValueError, OverflowError) as error:
        raise DomainError(
            came=f"{name} = {value!r}", expected=f"a finite {name}", remedy="Correct the input."
        ) from error


def exact_slopes(slope_min: Any, slope_max: Any) -> tuple[Fraction, Fraction]:
    """Return a ≤ L as fractions. Raises DomainError.

    >>> exact_slopes(0.5, 1)
    (Fraction(1, 2), Fraction(1, 1))
    """
    a, L = exact_fraction("slope_min", slope_min), exact_fraction("slope_max", slope_max)
    if a > L:
        raise DomainError(
            came=f"slope_min = {float(a):g} > slope_max = {float(L):g}",
            expected="slope_min ≤ slope_max",
            remedy="Swap them.",
        )
    return a, L
