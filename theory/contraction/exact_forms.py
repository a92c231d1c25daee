"""Exact decisions about quadratic forms with rational entries."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction


def is_positive_semidefinite(form: Sequence[Sequence[Fraction]]) -> bool:
    """Return whether a symmetric matrix of fractions is ⪰ 0, by LDLᵀ without rounding.

    A zero pivot is allowed exactly where its whole row is zero. Source: Sylvester [D].

    >>> is_positive_semidefinite([[Fraction(1), Fraction(1)], [Fraction(1), Fraction(1)]])
    True
    >>> is_positive_semidefinite([[Fraction(0), Fraction(1)], [Fraction(1), Fraction(1)]])
    False
    """
    return _eliminated(form, len(form)) is not None


def smallest_first_entry(form: Sequence[Sequence[Fraction]]) -> Fraction | None:
    """Return the smallest x ≥ 0 for which the form with x added to its first entry is ⪰ 0.

    None where no x is large enough. The Schur complement of the other rows, exactly.

    >>> smallest_first_entry([[Fraction(0), Fraction(1)], [Fraction(1), Fraction(2)]])
    Fraction(1, 2)
    >>> smallest_first_entry([[Fraction(0), Fraction(1)], [Fraction(1), Fraction(0)]]) is None
    True
    """
    turned = [list(reversed(row)) for row in reversed(form)]
    left = _eliminated(turned, len(turned) - 1)
    return None if left is None else max(-left[-1][-1], Fraction(0))


def root_rounded_up(square: Fraction) -> float:
    """Return the smallest float whose square is at least ``square`` ≥ 0, ∞ beyond float64.

    >>> root_rounded_up(Fraction(1, 4)), root_rounded_up(Fraction(2)) ** 2 >= 2
    (0.5, True)
    """
    # In units of 4^k of about its own size the square neither under- nor overflows.
    k = (square.numerator.bit_length() - square.denominator.bit_length()) // 2
    try:
        root = math.ldexp(math.sqrt(square / Fraction(4) ** k), k)
    except OverflowError:
        return math.inf
    while math.isfinite(root) and Fraction(root) ** 2 < square:
        root = math.nextafter(root, math.inf)
    while root > 0 and Fraction(below := math.nextafter(root, 0.0)) ** 2 >= square:
        root = below
    return root


def _eliminated(form: Sequence[Sequence[Fraction]], pivots: int) -> list[list[Fraction]] | None:
    """The form after elimination of its first ``pivots`` rows; None once one of them is not ⪰ 0."""
    rows = [list(row) for row in form]
    size = len(rows)
    for k in range(pivots):
        pivot = rows[k][k]
        if pivot < 0 or (pivot == 0 and any(rows[k][k + 1 :])):
            return None
        if pivot == 0:
            continue
        for i in range(k + 1, size):
            factor = rows[i][k] / pivot
            if factor:
                for j in range(k, size):
                    rows[i][j] -= factor * rows[k][j]
    return rows
