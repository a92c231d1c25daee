"""Ball arithmetic on whole arrays in float64: midpoints and radii, rounded outward.

python-flint's balls carry hundreds of digits, one number at a time; these carry 53 bits, a hundred
thousand cells at a time: what suprema over a covered domain need. A ball is the *complex* disc
{z : |z − mid| ≤ rad} around a real midpoint, so that every enclosure also holds for complex
arguments near the real domain, which Cauchy's estimates ask for.

Assumption: + − * / of float64 are correctly rounded (IEEE 754), and NumPy's sin, cos, exp and tanh
err by at most 4 units in the last place. Each operation adds 8u|mid| and an underflow term to the
radius and inflates it by (1 + 8u), u = 2⁻⁵³: more than the few roundings that it makes. Functions
add 8u|value| once more.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import numpy as np

from ..numerics.validation import FloatArray
from .arithmetic import Number

_SLACK = 2.0**-50  # 8u
_TINY = 2.0**-1000
_NODES = 24  # of Gauss's rule for moments
_LARGEST_ARGUMENT = 32.0  # there its error is below _SLACK, see ``_moment``
_HALF_PI = np.pi / 2


@dataclass(frozen=True, eq=False)
class BallArray:
    """The complex discs {z : |z − mid| ≤ rad}, entry by entry; operations enclose.

    ``mid`` and ``rad`` ≥ 0 are float64 arrays of one shape. An infinite radius says nothing; it
    never turns into a finite one. Source: Rump 1999; flowcert [D].

    >>> x = BallArray(np.array([2.0]), np.array([0.5]))
    >>> product = x * x
    >>> bool(product.mid[0] == 4.0), bool(2.25 <= product.rad[0] < 2.2500001)
    (True, True)
    """

    mid: FloatArray
    rad: FloatArray
    # NumPy must hand mixed operations to us instead of iterating over an object array.
    __array_ufunc__ = None

    @staticmethod
    def of(value: Number) -> BallArray:
        """Return a ball around a float, an integer or a fraction (floats count exactly).

        NaN and infinity become balls that say nothing.
        """
        if isinstance(value, BallArray):
            return value
        nearest, exact = _nearest(value)
        known = np.isfinite(nearest)
        with np.errstate(all="ignore"):
            rad = np.zeros(nearest.shape) if exact else np.abs(nearest) * 1e-15 + _TINY
        return BallArray(np.where(known, nearest, 0.0), np.where(known, rad, np.inf))

    @property
    def magnitude(self) -> FloatArray:
        """Upper bounds of |z| over each disc."""
        with np.errstate(all="ignore"):
            return _or_infinite((np.abs(self.mid) + self.rad) * (1 + _SLACK))

    @property
    def upper(self) -> FloatArray:
        """Upper bounds of the real parts."""
        with np.errstate(all="ignore"):
            total = self.mid + self.rad
            return _or_infinite(total + _SLACK * (np.abs(self.mid) + self.rad))

    def __neg__(self) -> BallArray:
        return BallArray(-self.mid, self.rad)

    def __add__(self, other: Number) -> BallArray:
        right = BallArray.of(other)
        with np.errstate(all="ignore"):
            return _widened(self.mid + right.mid, self.rad + right.rad)

    def __sub__(self, other: Number) -> BallArray:
        return self + (-BallArray.of(other))

    def __mul__(self, other: Number) -> BallArray:
        right = BallArray.of(other)
        with np.errstate(all="ignore"):
            rad = (np.abs(self.mid) + self.rad) * right.rad + self.rad * np.abs(right.mid)
            return _widened(self.mid * right.mid, rad)

    def __truediv__(self, other: Number) -> BallArray:
        right = BallArray.of(other)
        return self.__mul__(right.inverse())

    def __radd__(self, other: Number) -> BallArray:
        return self.__add__(other)

    def __rsub__(self, other: Number) -> BallArray:
        return (-self).__add__(other)

    def __rmul__(self, other: Number) -> BallArray:
        return self.__mul__(other)

    def __rtruediv__(self, other: Number) -> BallArray:
        return BallArray.of(other) / self

    def __pow__(self, exponent: int) -> BallArray:
        if exponent < 0:
            return (self ** (-exponent)).inverse()
        result, base = BallArray.of(1), self
        while exponent:
            if exponent & 1:
                result = result * base
            exponent >>= 1
            if exponent:
                base = base * base
        return result

    def inverse(self) -> BallArray:
        """Return 1/z: |1/z − 1/m| ≤ r/(|m|(|m| − r)); infinite where 0 lies in the disc."""
        with np.errstate(all="ignore"):
            size = np.abs(self.mid)
            least = (size - self.rad) * (1 - _SLACK)
            # Not r/(|m|(|m| − r)): that product may be subnormal, with few correct digits.
            inside = (least > 0) & np.isfinite(size)
            rad = np.where(inside, self.rad / size / least, np.inf)
            return _widened(np.where(self.mid == 0, 0.0, 1 / self.mid), rad)


def _nearest(value: Number) -> tuple[FloatArray, bool]:
    """The nearest floats, and whether they are the value itself."""
    if isinstance(value, int | Fraction):
        try:
            nearest = float(value)
        except OverflowError:
            return np.asarray(np.inf), False
        return np.asarray(nearest), Fraction(nearest) == value
    array, kind = np.asarray(value, dtype=np.float64), np.asarray(value).dtype
    small = kind.kind in "iu" and bool(np.all(np.abs(array) < 2.0**53))
    return array, small or kind in (np.float64, np.float32, np.float16, np.bool_)


def sine(z: Number) -> BallArray:
    """Enclose sin z: |sin z − sin m| ≤ r cosh r on the complex disc.

    >>> bool(sine(0.0).magnitude < 1e-300)
    True
    """
    ball = BallArray.of(z)
    return _value(np.sin, ball, _entire(ball))


def cosine(z: Number) -> BallArray:
    """Enclose cos z: |cos z − cos m| ≤ r cosh r on the complex disc.

    >>> bool(cosine(0.0).magnitude - 1 < 1e-14)
    True
    """
    ball = BallArray.of(z)
    return _value(np.cos, ball, _entire(ball))


def hyperbolic_tangent(z: Number) -> BallArray:
    """Enclose tanh z: its slope 1/cosh² is at most 1/cos² r on the disc; infinite from r = π/2.

    >>> bool(hyperbolic_tangent(0.0).magnitude < 1e-300)
    True
    """
    ball = BallArray.of(z)
    with np.errstate(all="ignore"):
        slope = np.where(
            ball.rad < _HALF_PI, 1 / np.cos(np.minimum(ball.rad, _HALF_PI)) ** 2, np.inf
        )
        rad = np.where(ball.rad == 0, 0.0, ball.rad * slope * (1 + 4 * _SLACK))
    return _value(np.tanh, ball, rad)


def cosine_moment(k: int, z: Number) -> BallArray:
    """Enclose C_k(z) = ∫₀¹ tᵏ cos(zt) dt.

    >>> bool(abs(cosine_moment(1, 0.0).mid - 0.5) < 1e-15)
    True
    """
    return _moment(np.cos, k, z)


def sine_moment(k: int, z: Number) -> BallArray:
    """Enclose S_k(z) = ∫₀¹ tᵏ sin(zt) dt.

    >>> bool(sine_moment(1, 0.0).magnitude < 1e-13)
    True
    """
    return _moment(np.sin, k, z)


@cache
def _gauss() -> tuple[FloatArray, FloatArray]:
    points, weights = np.polynomial.legendre.leggauss(_NODES)
    return points, weights


def _moment(function: np.ufunc, k: int, z: Number) -> BallArray:
    """Gauss's rule of s nodes errs by (s!)⁴/((2s + 1)(2s)!³)·max|f^(2s)| ≤ …·(|z| + k)^{2s}.

    For s = 24 and |z| + k ≤ 32 that is 1.6e-90 · 32⁴⁸ < 1e-17. The derivative in z is at most
    cosh r/(k + 2) on the disc.
    """
    ball = BallArray.of(z)
    nodes, weights = _gauss()
    t, w = (nodes + 1) / 2, weights / 2
    with np.errstate(all="ignore"):
        mid = np.tensordot(function(ball.mid[..., None] * t), w * t**k, axes=1)
        rad = np.where(np.abs(ball.mid) + k <= _LARGEST_ARGUMENT, _entire(ball) / (k + 2), np.inf)
        # Rounding: arguments |z|t within u|z|, nodes and weights within a few u, 24 terms of sum 1.
        return _widened(mid, rad + 64 * _SLACK * (1 + np.abs(ball.mid)))


def _entire(ball: BallArray) -> FloatArray:
    with np.errstate(all="ignore"):
        # The last term: NumPy rounds its argument's function by units of the result only.
        return np.asarray(ball.rad * np.cosh(ball.rad) * (1 + 4 * _SLACK))


def _value(function: np.ufunc, ball: BallArray, rad: FloatArray) -> BallArray:
    """The ball around a function's value, which NumPy rounds by 4 units in the last place."""
    with np.errstate(all="ignore"):
        mid = function(ball.mid)
        known = np.isfinite(ball.mid)  # tanh ∞ would be 1
        return _widened(mid, np.where(known, rad + _SLACK * np.abs(mid), np.inf))


def _or_infinite(bound: FloatArray) -> FloatArray:
    return np.where(np.isnan(bound), np.inf, bound)


def _widened(mid: FloatArray, rad: FloatArray) -> BallArray:
    with np.errstate(all="ignore"):
        wide = rad * (1 + _SLACK) + _SLACK * np.abs(mid) + _TINY
        lost = np.isnan(wide) | ~np.isfinite(mid)
    return BallArray(np.where(lost, 0.0, mid), np.where(lost, np.inf, wide))
