"""Rounding errors, bounded: the constants γ, and how a computed number is made a safe one.

Model (Higham 2002, section 3.1; Jeannerod and Rump 2013 for γ): every operation of float64 errs by
at most u = 2⁻⁵³ relatively, or by half the smallest subnormal number where it underflows; a sum of
n products, in any order and with or without fused operations, errs by at most γ_n Σ|xᵢyᵢ| plus
n smallest subnormals. Excluded by assumption: TF32, Strassen-like products, emulated float64.
"""

from __future__ import annotations

import math

import numpy as np

from ...numerics.validation import FloatArray

UNIT_ROUNDOFF = 2.0**-53
UNIT_ROUNDOFF_32 = 2.0**-24
SMALLEST = 2.0**-1074  # the smallest positive float64


def gamma(terms: int, unit: float = UNIT_ROUNDOFF) -> float:
    """Bound γ_n = n·u/(1 − n·u) from above, for n = ``terms`` roundings; ∞ once n·u ≥ 1.

    >>> gamma(1) > 2.0**-53, gamma(2**60)
    (True, inf)
    """
    product = terms * unit
    if product >= 1.0:
        return math.inf
    return above(product / (1.0 - product), 3)


def above(value: float, roundings: int = 1) -> float:
    """Bound from above what was computed as ``value`` ≥ 0 by ``roundings`` roundings.

    The exact value came from non-negative numbers by +, ·, / and √ alone, so that every rounding
    is a relative error of at most u (or a subnormal one).

    >>> above(1.0) > 1.0, above(0.0) > 0.0
    (True, True)
    """
    return float(value * (1.0 + (roundings + 2) * 2 * UNIT_ROUNDOFF) + (roundings + 1) * SMALLEST)


def below(value: float, roundings: int = 1) -> float:
    """Bound from below what was computed as ``value`` ≥ 0 by ``roundings`` roundings; never < 0.

    >>> below(1.0) < 1.0, below(0.0)
    (True, 0.0)
    """
    safe = value * (1.0 - (roundings + 2) * 2 * UNIT_ROUNDOFF) - (roundings + 1) * SMALLEST
    return max(float(safe), 0.0)


def norm_above(x: FloatArray) -> float:
    """Bound the Euclidean (Frobenius) norm |x| of a finite array from above; ∞ if it overflows.

    >>> norm_above(np.array([3.0, 4.0])) >= 5.0
    True
    """
    scale = power_of_two(x)
    if scale == 0.0:
        return 0.0
    y = np.ravel(x) / scale  # exact, or underflowing to less than the terms below allow
    return above(math.sqrt(float(y @ y)) * scale, y.size + 4)


def norm_below(x: FloatArray) -> float:
    """Bound the Euclidean (Frobenius) norm |x| of a finite array from below.

    >>> 0.0 < norm_below(np.array([3.0, 4.0])) <= 5.0
    True
    """
    scale = power_of_two(x)
    if scale == 0.0:
        return 0.0
    y = np.ravel(x) / scale
    return below(math.sqrt(float(y @ y)) * scale, y.size + 4)


def power_of_two(x: FloatArray) -> float:
    """Return the power of two 2ᵉ with max|xᵢ| / 2ᵉ in [½, 1); 0 for the zero array.

    Dividing by it is exact but for entries 2⁻¹⁰²¹ times smaller than the largest, and squares of
    the quotients cannot overflow.

    >>> power_of_two(np.array([0.75, -3.0]))
    4.0
    """
    largest = float(np.max(np.abs(x), initial=0.0))
    if largest == 0.0:
        return 0.0
    return math.ldexp(1.0, min(math.frexp(largest)[1], 1023))
