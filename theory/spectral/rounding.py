"""Rounding errors, bounded: the constants γ, and how a computed number is made a safe one.

Model (Higham 2002, section 3.1; Jeannerod and Rump 2013 for γ): every operation of float64 errs by
at most u = 2⁻⁵³ relatively, or by half the smallest subnormal number where it underflows; a sum of
n products, in any order and with or without fused operations, errs by at most γ_n Σ|xᵢyᵢ| plus
n smallest subnormals. Excluded by assumption: TF32, Strassen-like products, emulated float64, and
subnormal numbers flushed to zero.
"""

from __future__ import annotations

import math
import sys

import numpy as np
from numpy.typing import NDArray

UNIT_ROUNDOFF = 2.0**-53
UNIT_ROUNDOFF_32 = 2.0**-24
SMALLEST = 2.0**-1074  # the smallest positive float64

Array = NDArray[np.float64] | NDArray[np.complex128]


def gamma(terms: int, unit: float = UNIT_ROUNDOFF) -> float:
    """Bound γ_n = n·u/(1 − n·u) from above, for n = ``terms`` roundings; ∞ once n·u ≥ ½.

    >>> gamma(1) > 2.0**-53, gamma(2**60)
    (True, inf)
    """
    product = terms * unit
    if product >= 0.5:
        return math.inf  # worthless there, and 1 − n·u would cancel
    return above(product / (1.0 - product), 3)


def above(value: float, roundings: int = 1) -> float:
    """Bound from above what was computed as ``value`` ≥ 0 by ``roundings`` roundings.

    The exact value came from non-negative numbers by +, ·, / and √ alone. Products and quotients
    may underflow only if nothing but sums follows: √ or a large factor would amplify what was lost.
    A NaN (0·∞, ∞/∞) is a bound that nobody knows: ∞.

    >>> above(1.0) > 1.0, above(0.0) > 0.0, above(math.nan)
    (True, True, inf)
    """
    # exact ≤ value(1 + u)ʳ + rη/2, and (1 + 2(r + 2)u)(1 − u)² ≥ (1 + u)ʳ for ru ≤ ½.
    safe = value * (1.0 + (roundings + 2) * 2 * UNIT_ROUNDOFF) + (roundings + 1) * SMALLEST
    return math.inf if math.isnan(safe) else float(safe)


def below(value: float, roundings: int = 1) -> float:
    """Bound from below what was computed as ``value`` ≥ 0 by ``roundings`` roundings; never < 0.

    As ``above``; an infinite value is one that overflowed, so that the largest float64 is below it.

    >>> below(1.0) < 1.0, below(0.0), below(math.inf) < math.inf
    (True, 0.0, True)
    """
    value = min(float(value), sys.float_info.max)
    safe = value * (1.0 - (roundings + 2) * 2 * UNIT_ROUNDOFF) - (roundings + 1) * SMALLEST
    return safe if safe > 0.0 else 0.0  # NaN is not


def norm_above(x: Array) -> float:
    """Bound the Euclidean (Frobenius) norm |x| of an array from above; ∞ where it overflows.

    >>> norm_above(np.array([3.0, 4.0])) >= 5.0
    True
    """
    scale, squares, size = _scaled_squares(x)
    # squares ≥ ¼, so that what underflowed (≤ size·2⁻¹⁰⁷²) is far below one rounding of it.
    return above(math.sqrt(squares) * scale, size + 4) if scale > 0.0 else 0.0


def norm_below(x: Array) -> float:
    """Bound the Euclidean (Frobenius) norm |x| of an array from below; 0 where it is not finite.

    >>> 0.0 < norm_below(np.array([3.0, 4.0])) <= 5.0
    True
    """
    scale, squares, size = _scaled_squares(x)
    known = math.isfinite(squares) and scale > 0.0
    return below(math.sqrt(squares) * scale, size + 4) if known else 0.0


def _scaled_squares(x: Array) -> tuple[float, float, int]:
    """A power of two 2ᵉ, the computed Σ|xᵢ/2ᵉ|², and the number of real squares in it."""
    scale = power_of_two(x)
    if scale == 0.0:
        return 0.0, 0.0, 0
    if not math.isfinite(scale):
        return 1.0, math.inf, 0
    y = np.ravel(x)
    if np.iscomplexobj(y):
        y = np.concatenate([y.real, y.imag])
    y = y / scale
    return scale, float(y @ y), y.size


def power_of_two(x: Array) -> float:
    """Return a power of two 2ᵉ with max|xᵢ| / 2ᵉ in [½, 1), up to 2 at the end of float64.

    0 for the zero array, ∞ if an entry is NaN or infinite. Dividing by it is exact but for entries
    2⁻¹⁰²¹ times smaller than the largest, and squares of the quotients cannot overflow.

    >>> power_of_two(np.array([0.75, -3.0]))
    4.0
    """
    parts = (x.real, x.imag) if np.iscomplexobj(x) else (x,)
    largest = max(float(np.max(np.abs(part), initial=0.0)) for part in parts)
    if not all(math.isfinite(float(np.max(np.abs(part), initial=0.0))) for part in parts):
        return math.inf
    if largest == 0.0:
        return 0.0
    return math.ldexp(1.0, min(math.frexp(largest)[1], 1023))
