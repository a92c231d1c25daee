"""Linear stability of Runge–Kutta methods: the stability function, and what it decides, exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .ordered_field import ordered_field
from .real_roots import (
    is_nonnegative_for_positive,
    multiplied,
    smallest_positive_root,
    trimmed,
    without_common_factors,
)

if TYPE_CHECKING:
    from .tableau import Tableau


@dataclass(frozen=True)
class StabilityFunction:
    """R(z) = numerator(z)/denominator(z): one step of ẏ = λy is y⁺ = R(hλ)y.

    ``numerator`` and ``denominator`` hold exact sympy numbers, constant first; they have no common
    factor, and denominator(0) = 1. Calling R evaluates it in complex128, rounded, on arrays of any
    shape. Source: Hairer and Wanner, *Solving Ordinary Differential Equations II*, IV.3 [D].

    >>> from flowcert.numerics import ButcherTableau
    >>> R = stability_function(ButcherTableau([["1/2"]], [1], ["1/2"]))  # implicit midpoint
    >>> R.numerator, R.denominator
    ((1, 1/2), (1, -1/2))
    >>> abs(R(np.array([0.0, -2.0])))
    array([1., 0.])
    """

    numerator: tuple[Any, ...]
    denominator: tuple[Any, ...]

    def __call__(self, z: ArrayLike) -> NDArray[np.complex128]:
        """Return R(z) in complex128, shape of z; at a pole the result is not finite."""
        values = np.asarray(z, dtype=np.complex128)
        outside = np.abs(values) > 1
        # Outside of the unit disc both polynomials are evaluated in 1/z, where no power overflows.
        with np.errstate(all="ignore"):
            w = np.where(outside, 1 / values, values)
            shift = len(self.denominator) - len(self.numerator)
            inner = _horner(self.numerator, w) / _horner(self.denominator, w)
            outer = _horner(self.numerator[::-1], w) / _horner(self.denominator[::-1], w) * w**shift
            return np.asarray(np.where(outside, outer, inner))

    def exact(self, z: Any) -> Any:
        """Return R(z) as a sympy number for a number z that sympy takes; ``zoo`` at a pole.

        >>> from flowcert.numerics import ButcherTableau
        >>> stability_function(ButcherTableau([[1]], [1], [1])).exact("1/3")  # backward Euler
        3/2
        """
        import sympy

        x = sympy.sympify(z)
        top, bottom = (
            sympy.expand(sum(q * x**k for k, q in enumerate(polynomial)))
            for polynomial in (self.numerator, self.denominator)
        )
        if bottom.equals(0):
            return sympy.zoo
        conjugate = sympy.conjugate(bottom)
        return sympy.radsimp(sympy.expand(top * conjugate) / sympy.expand(bottom * conjugate))

    @property
    def is_polynomial(self) -> bool:
        """Whether R is a polynomial, as it is for every explicit method."""
        return len(self.denominator) == 1

    def limit_at_infinity(self) -> Any:
        """Return lim R(z) for |z| → ∞: an exact sympy number, or ``oo`` if |R| is unbounded.

        >>> from flowcert.numerics import ButcherTableau
        >>> stability_function(ButcherTableau([[1]], [1], [1])).limit_at_infinity()
        0
        """
        import sympy

        if len(self.numerator) > len(self.denominator):
            return sympy.oo
        if len(self.numerator) < len(self.denominator):
            return sympy.Integer(0)
        return sympy.radsimp(self.numerator[-1] / self.denominator[-1])


def stability_function(tableau: Tableau) -> StabilityFunction:
    """Return R(z) = 1 + z·b((I − zA)⁻¹1) = det(I − zA + z·1b)/det(I − zA), in lowest terms.

    Guaranteed: exact. Source: Hairer and Wanner, *Solving Ordinary Differential Equations II*,
    proposition IV.3.2 [D].

    >>> from flowcert.numerics import ButcherTableau
    >>> stability_function(ButcherTableau([[0, 0], [1, 0]], ["1/2", "1/2"], [0, 1])).numerator
    (1, 1, 1/2)
    """
    domain, numerator, denominator = _polynomials(tableau)
    return StabilityFunction(
        *(tuple(domain.to_sympy(q) for q in part) for part in (numerator, denominator))
    )


def is_a_stable(tableau: Tableau) -> bool:
    """Return whether |R(z)| ≤ 1 for all Re z ≤ 0.

    By the maximum principle exactly if all poles have Re z > 0 (Hurwitz) and E(y) = |D(iy)|² −
    |N(iy)|² ≥ 0 for all real y, R = N/D in lowest terms. Guaranteed: decided exactly, by Routh's
    scheme and Sturm's theorem. Source: Hairer and Wanner, *Solving Ordinary Differential Equations
    II*, section IV.3 [D].

    >>> from flowcert.numerics import ButcherTableau
    >>> is_a_stable(ButcherTableau([[0, 0], ["1/2", "1/2"]], ["1/2", "1/2"], [0, 1]))  # trapezoid
    True
    """
    domain, numerator, denominator = _polynomials(tableau)
    above, below = _squared_modulus(denominator, domain), _squared_modulus(numerator, domain)
    if not is_nonnegative_for_positive(_difference(above, below, domain), domain):
        return False
    mirrored = [-q if k % 2 else q for k, q in enumerate(denominator)]
    return _is_hurwitz(mirrored, domain)


def is_l_stable(tableau: Tableau) -> bool:
    """Return whether the method is A-stable and R(z) → 0 for z → ∞. Decided exactly.

    Source: Ehle (1969); Hairer and Wanner, *Solving Ordinary Differential Equations II*, definition
    IV.3.7 [D].

    >>> from flowcert.numerics import ButcherTableau
    >>> is_l_stable(ButcherTableau([[1]], [1], [1])), is_l_stable(ButcherTableau([[0]], [1], [0]))
    (True, False)
    """
    _, numerator, denominator = _polynomials(tableau)
    return len(numerator) < len(denominator) and is_a_stable(tableau)


def linear_stability_interval(tableau: Tableau) -> Any:
    """Return the largest x with |R| ≤ 1 on [−x, 0]: a sympy number, ``oo`` if there is no end.

    The end is the smallest x > 0 at which D(−x)² − N(−x)² changes its sign: a ``Rational``, a
    quadratic surd or a rational multiple of a ``CRootOf``. Guaranteed: exact. Source: Hairer and
    Wanner, *Solving Ordinary Differential Equations II*, section IV.2 [D].

    >>> from flowcert.numerics import ButcherTableau
    >>> linear_stability_interval(ButcherTableau([[0]], [1], [0]))  # Euler
    2
    """
    import sympy

    domain, numerator, denominator = _polynomials(tableau)
    top, bottom = (
        [-q if k % 2 else q for k, q in enumerate(polynomial)]
        for polynomial in (numerator, denominator)
    )
    # 2x + O(x²), because Σb = 1: positive at first, up to a root of odd multiplicity.
    inside = _difference(multiplied(bottom, bottom, domain), multiplied(top, top, domain), domain)
    end = smallest_positive_root(inside, domain, sign_changing=True)
    return sympy.oo if end is None else end


def _polynomials(tableau: Tableau) -> tuple[Any, list[Any], list[Any]]:
    """The field, and the coefficients of N and D, constant first, in lowest terms, D(0) = 1."""
    algebra = tableau.algebra()
    # det(I − zA) = z^s χ(1/z): the characteristic polynomial, read from its highest power.
    numerator = trimmed(list((algebra.A - algebra.one * algebra.b).charpoly()))
    denominator = trimmed(list(algebra.A.charpoly()))
    numerator, denominator = without_common_factors(numerator, denominator, algebra.domain)
    scale = denominator[0]
    return algebra.domain, [q / scale for q in numerator], [q / scale for q in denominator]


def _squared_modulus(polynomial: list[Any], domain: Any) -> list[Any]:
    """|p(iy)|² as a polynomial in x = y²: Re² + x·(Im/y)²."""
    signed = [-q if k % 4 in (2, 3) else q for k, q in enumerate(polynomial)]
    real, imaginary = signed[0::2], signed[1::2] or [domain.zero]
    squares = multiplied(real, real, domain)
    shifted = [domain.zero, *multiplied(imaginary, imaginary, domain)]
    return _difference(squares, [-q for q in shifted], domain)


def _difference(p: list[Any], q: list[Any], domain: Any) -> list[Any]:
    size = max(len(p), len(q))
    first, second = (list(r) + [domain.zero] * (size - len(r)) for r in (p, q))
    return [x - y for x, y in zip(first, second, strict=True)]


def _is_hurwitz(polynomial: list[Any], domain: Any) -> bool:
    """Whether all roots have Re z < 0: all entries of Routh's first column have one sign.

    A zero in the first column means a root with Re z ≥ 0. Source: Routh (1877); Gantmacher (1959).
    """
    field = ordered_field(domain)
    highest_first = polynomial[::-1]
    upper, lower = highest_first[0::2], highest_first[1::2]
    sign = field.sign(upper[0])
    while lower:
        if field.sign(lower[0]) != sign:
            return False
        factor = upper[0] / lower[0]
        padded = lower[1:] + [domain.zero] * (len(upper) - len(lower))
        upper, lower = lower, [x - factor * y for x, y in zip(upper[1:], padded, strict=True)]
    return True


def _horner(polynomial: tuple[Any, ...], z: NDArray[np.complex128]) -> NDArray[np.complex128]:
    value = np.zeros_like(z)
    for coefficient in reversed(polynomial):
        value = value * z + float(coefficient)
    return value
