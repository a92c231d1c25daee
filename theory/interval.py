"""Vectorised interval arithmetic in float64, rounded outward: what ``bound_…`` rests on.

Assumption: + − * / and the square root of float64 are correctly rounded (IEEE 754), and the
exponential of NumPy errs by at most 4 units in the last place. A result that happens to be exact is
not widened (Dekker 1971: the rounding error of a sum, product, quotient or root is computable), so
that |1 − 2| is 1 and not a little more.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from numbers import Rational

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..numerics.validation import FloatArray, rounds_integers
from .arithmetic import Number

_SPLITTER = 2.0**27 + 1.0  # Veltkamp's constant for 53 bits
# Outside, the error of a product may underflow, or a partial product overflow: always widen.
_TINY, _HUGE = 2.0**-900, 2.0**1000
_EXPONENTIAL_ULPS = 4


@dataclass(frozen=True, eq=False)
class Interval:
    """The set of all real arrays x with ``lower`` ≤ x ≤ ``upper``; operations enclose.

    >>> third = Interval.of(1.0) / Interval.of(3.0)
    >>> bool(third.lower < third.upper), bool((1 - Interval.of(2.0)).upper == -1.0)
    (True, True)
    """

    lower: FloatArray
    upper: FloatArray
    # NumPy must hand mixed operations to us instead of iterating over an object array.
    __array_ufunc__ = None

    @staticmethod
    def of(value: Number) -> Interval:
        """Return the tightest interval around a float array, or around a rational number.

        Raises TypeError for numbers that float64 would round in silence (sympy's roots, say), and
        ValueError for NaN.
        """
        if isinstance(value, Interval):
            return value
        if isinstance(value, Rational):
            exact = Fraction(int(value.numerator), int(value.denominator))
            nearest = float(exact)
            error = exact - Fraction(nearest)
            return _widen(np.asarray(nearest), np.asarray(float(error > 0) - float(error < 0)))
        given = np.asarray(value)
        if not np.can_cast(given.dtype, np.float64, "safe") or rounds_integers(given):
            raise TypeError(f"an interval needs float64 or rational numbers, not {value!r}")
        array = given.astype(np.float64)
        if np.any(np.isnan(array)):
            raise ValueError("an interval around NaN: what should it enclose?")
        return Interval(array, array)

    def __neg__(self) -> Interval:
        return Interval(-self.upper, -self.lower)

    def __add__(self, other: Number) -> Interval:
        right = Interval.of(other)
        return Interval(
            _sum(self.lower, right.lower).lower,
            _sum(self.upper, right.upper).upper,
        )

    def __sub__(self, other: Number) -> Interval:
        return self + (-Interval.of(other))

    def __mul__(self, other: Number) -> Interval:
        right = Interval.of(other)
        return _hull([_product(x, y) for x, y in _corners(self, right)])

    def __truediv__(self, other: Number) -> Interval:
        right = Interval.of(other)
        crossing = (right.lower <= 0) & (right.upper >= 0)
        quotient = _hull([_quotient(x, y) for x, y in _corners(self, right)])
        return Interval(
            np.where(crossing, -np.inf, quotient.lower),
            np.where(crossing, np.inf, quotient.upper),
        )

    def __pow__(self, exponent: int) -> Interval:
        if exponent < 0:
            raise ValueError(f"an interval to the power {exponent}: write 1 / x**n")
        if exponent == 0:
            return Interval.of(np.ones_like(self.lower))
        # Even powers are those of |x|, so that an interval around 0 has a non-negative square.
        base = self if exponent % 2 else self.absolute()
        result = base
        for _ in range(exponent - 1):
            result = result * base
        if exponent % 2:
            return result
        return Interval(np.maximum(result.lower, 0.0), result.upper)  # also where it underflows

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: Number) -> Interval:
        return Interval.of(other) - self

    def __rtruediv__(self, other: Number) -> Interval:
        return Interval.of(other) / self

    def absolute(self) -> Interval:
        """Return the interval of |x|."""
        crossing = (self.lower <= 0) & (self.upper >= 0)
        low, high = np.abs(self.lower), np.abs(self.upper)
        return Interval(np.where(crossing, 0.0, np.minimum(low, high)), np.maximum(low, high))

    def maximum(self, other: Number) -> Interval:
        """Return the interval of max(x, y)."""
        right = Interval.of(other)
        return Interval(np.maximum(self.lower, right.lower), np.maximum(self.upper, right.upper))

    def square_root(self) -> Interval:
        """Return the interval of √x over the non-negative part of this one."""
        low, high = np.maximum(self.lower, 0.0), np.maximum(self.upper, 0.0)  # NaN stays NaN
        return Interval(_root(low).lower, _root(high).upper)

    def exponential(self) -> Interval:
        """Return the interval of eˣ."""
        with np.errstate(over="ignore"):
            lower, upper = np.exp(self.lower), np.exp(self.upper)
        for _ in range(_EXPONENTIAL_ULPS):
            lower, upper = np.nextafter(lower, 0.0), np.nextafter(upper, np.inf)
        return Interval(
            np.where(self.lower == 0, 1.0, lower), np.where(self.upper == 0, 1.0, upper)
        )


class IntervalArithmetic:
    """The ``Arithmetic`` of intervals: every formula becomes a rigorous enclosure."""

    def number(self, value: Number) -> Interval:
        return Interval.of(value)

    def maximum(self, x: Number, y: Number) -> Interval:
        return Interval.of(x).maximum(y)

    def absolute(self, x: Number) -> Interval:
        return Interval.of(x).absolute()

    def square_root(self, x: Number) -> Interval:
        return Interval.of(x).square_root()

    def exponential(self, x: Number) -> Interval:
        return Interval.of(x).exponential()


INTERVALS = IntervalArithmetic()


def upper(enclosure: Number) -> FloatArray:
    """Return the upper ends of an enclosure: an upper bound of whatever was computed.

    >>> upper(Interval.of(1.0) / 2.0).tolist()
    0.5
    """
    return Interval.of(enclosure).upper


def lower(enclosure: Number) -> FloatArray:
    """Return the lower ends of an enclosure.

    >>> lower(Interval.of(1.0) / 2.0).tolist()
    0.5
    """
    return Interval.of(enclosure).lower


def _widen(nearest: FloatArray, error: FloatArray) -> Interval:
    """Enclose nearest + error, given the sign of the exact error (NaN: unknown)."""
    with np.errstate(over="ignore"):  # above the largest number lies infinity: that is meant
        below, above = np.nextafter(nearest, -np.inf), np.nextafter(nearest, np.inf)
    return Interval(np.where(error >= 0, nearest, below), np.where(error <= 0, nearest, above))


def _quietly(function: np.ufunc, x: ArrayLike, y: ArrayLike) -> FloatArray:
    # Overflow and inf − inf are expected here: they yield a NaN error and hence widening.
    with np.errstate(all="ignore"):
        return np.asarray(function(x, y))


def _sum(x: FloatArray, y: FloatArray) -> Interval:
    with np.errstate(all="ignore"):
        total = np.asarray(x + y)
        back = total - x
        error = (x - (total - back)) + (y - back)
    return _widen(total, np.asarray(error))


def _product_error(x: FloatArray, y: FloatArray, product: FloatArray) -> FloatArray:
    """The exact error x·y − product (Dekker), NaN where it might underflow or overflow."""
    with np.errstate(all="ignore"):
        a = x * _SPLITTER
        high_x = a - (a - x)
        b = y * _SPLITTER
        high_y = b - (b - y)
        low_x, low_y = x - high_x, y - high_y
        error = ((high_x * high_y - product) + high_x * low_y + low_x * high_y) + low_x * low_y
    safe = (np.abs(product) > _TINY) & (np.abs(product) < _HUGE)
    return np.where(_is_zero(x, y), 0.0, np.where(safe, error, np.nan))


def _is_zero(x: FloatArray, y: FloatArray) -> NDArray[np.bool_]:
    """Where x·y is 0. An infinite end is one that overflowed: times 0 it bounds 0; NaN stays."""
    return np.asarray(((x == 0) & ~np.isnan(y)) | ((y == 0) & ~np.isnan(x)))


def _product(x: FloatArray, y: FloatArray) -> Interval:
    product = _quietly(np.multiply, x, y)
    product = np.where(_is_zero(x, y), 0.0, product)
    return _widen(product, _product_error(x, y, product))


def _quotient(x: FloatArray, y: FloatArray) -> Interval:
    quotient = _quietly(np.divide, x, y)
    with np.errstate(all="ignore"):
        back = quotient * y
        remainder = (x - back) - _product_error(quotient, y, np.asarray(back))
        safe = (np.minimum(np.abs(x), np.abs(quotient)) > _TINY) | (x == 0)
        error = np.where(safe, remainder * np.sign(y), np.nan)
    return _widen(quotient, error)


def _root(x: FloatArray) -> Interval:
    root = np.sqrt(x)
    with np.errstate(all="ignore"):
        square = root * root
        remainder = (x - square) - _product_error(root, root, square)
        error = np.where((x > _TINY) | (x == 0), remainder, np.nan)
    enclosure = _widen(root, error)
    return Interval(np.maximum(enclosure.lower, 0.0), enclosure.upper)


def _corners(x: Interval, y: Interval) -> list[tuple[FloatArray, FloatArray]]:
    if np.array_equal(x.lower, x.upper) and np.array_equal(y.lower, y.upper):
        return [(x.lower, y.lower)]
    return [(p, q) for p in (x.lower, x.upper) for q in (y.lower, y.upper)]


def _hull(parts: list[Interval]) -> Interval:
    lower = parts[0].lower
    upper = parts[0].upper
    for part in parts[1:]:
        # A NaN (∞/∞) must never narrow the result: fmin would, minimum does not.
        lower = np.minimum(lower, part.lower)
        upper = np.maximum(upper, part.upper)
    return Interval(
        np.where(np.isnan(lower), -np.inf, lower), np.where(np.isnan(upper), np.inf, upper)
    )
