"""Exact real roots and signs of polynomials over Q or a real algebraic field Q(α)."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

from .ordered_field import OrderedField, ordered_field

# Coefficients of a polynomial, constant first, numbers of a sympy domain.
Coefficients = Sequence[Any]


class SturmChain:
    """p, p′ and the negated remainders of Euclid's algorithm, for a square-free p.

    ``count(low, high)`` is the number of real roots in (low, high]; ``None`` stands for −∞ or ∞.
    Guaranteed: exact. Source: Sturm (1829); Basu, Pollack and Roy (2006), Theorem 2.50 [D].

    >>> from sympy import QQ
    >>> SturmChain([QQ(-2), QQ(0), QQ(1)], QQ).count(Fraction(0), None)  # x² = 2
    1
    """

    def __init__(self, coefficients: Coefficients, domain: Any) -> None:
        self.field = ordered_field(domain)
        first = trimmed(coefficients)
        self.chain = [first]
        following = [k * x for k, x in enumerate(first)][1:]
        while following:
            self.chain.append(_scaled(following, self.field))
            following = [-x for x in _remainder(self.chain[-2], self.chain[-1])]

    def count(self, low: Fraction | None, high: Fraction | None) -> int:
        """Return the number of roots in (low, high]."""
        return self._variations(low, -1) - self._variations(high, 1)

    def _variations(self, x: Fraction | None, end: int) -> int:
        signs = [self._sign(p, x, end) for p in self.chain]
        nonzero = [sign for sign in signs if sign]
        return sum(a != b for a, b in pairwise(nonzero))

    def _sign(self, p: Coefficients, x: Fraction | None, end: int) -> int:
        if x is not None:
            return self.field.sign(evaluate(p, self.field.rational(x), self.field.domain))
        leading = self.field.sign(p[-1])
        return leading if end > 0 or len(p) % 2 else -leading


def trimmed(coefficients: Coefficients) -> list[Any]:
    """Return the coefficients without zeros at the highest powers.

    >>> trimmed([1, 2, 0])
    [1, 2]
    """
    end = len(coefficients)
    while end and not coefficients[end - 1]:
        end -= 1
    return list(coefficients[:end])


def evaluate(coefficients: Coefficients, x: Any, domain: Any) -> Any:
    """Return p(x), a number of the domain.

    >>> from sympy import QQ
    >>> evaluate([QQ(1), QQ(2)], QQ(1, 2), QQ)
    2
    """
    value = domain.zero
    for coefficient in reversed(coefficients):
        value = value * x + coefficient
    return value


def multiplied(p: Coefficients, q: Coefficients, domain: Any) -> list[Any]:
    """Return the product of two polynomials.

    >>> from sympy import QQ
    >>> multiplied([QQ(1), QQ(1)], [QQ(1), QQ(-1)], QQ)
    [1, 0, -1]
    """
    product = [domain.zero] * (len(p) + len(q) - 1)
    for i, x in enumerate(p):
        for j, y in enumerate(q):
            product[i + j] += x * y
    return product


def without_common_factors(
    p: Coefficients, q: Coefficients, domain: Any
) -> tuple[list[Any], list[Any]]:
    """Return p and q divided by their greatest common divisor.

    >>> from sympy import QQ
    >>> without_common_factors([QQ(1), QQ(2), QQ(1)], [QQ(1), QQ(1)], QQ)
    ([1, 1], [1])
    """
    _, first, second = _poly(p, domain).cofactors(_poly(q, domain))
    return _of_poly(first), _of_poly(second)


def is_nonnegative_for_positive(coefficients: Coefficients, domain: Any) -> bool:
    """Return whether p(x) ≥ 0 for all x > 0. Exact.

    p changes its sign only at roots of odd multiplicity. Source: flowcert [D].

    >>> from sympy import QQ
    >>> is_nonnegative_for_positive([QQ(1), QQ(-2), QQ(1)], QQ)  # (x − 1)²
    True
    """
    p = trimmed(coefficients)
    if not p:
        return True
    field = ordered_field(domain)
    changing = _product_of_factors(p, domain, odd_only=True)
    return field.sign(p[-1]) > 0 and SturmChain(changing, domain).count(Fraction(0), None) == 0


def smallest_positive_root(
    coefficients: Coefficients, domain: Any, *, sign_changing: bool = False
) -> Any | None:
    """Return the smallest root x > 0 of p ≠ 0 as an exact sympy number, or None.

    A ``Rational``, a quadratic surd, or else a rational multiple of a ``CRootOf`` (sympy pulls
    factors out of it). With ``sign_changing`` only roots of odd multiplicity count. Over Q(α) the
    root is one of the norm of p, a rational polynomial; Sturm's theorem tells which.
    Source: flowcert [D].

    >>> from sympy import QQ
    >>> smallest_positive_root([QQ(-3), QQ(3), QQ(1)], QQ)
    -3/2 + sqrt(21)/2
    """
    p = _product_of_factors(trimmed(coefficients), domain, odd_only=sign_changing)
    chain = SturmChain(p, domain)
    zero = Fraction(0)
    if chain.count(zero, None) == 0:
        return None
    low, high = zero, Fraction(1)
    while chain.count(zero, high) == 0:
        high *= 2
    candidates = [(f, SturmChain(_of_poly(f), _rationals())) for f in _rational_factors(p, domain)]
    while True:
        counts = [rational.count(low, high) for _, rational in candidates]
        if sum(counts) == 1:
            factor, rational = candidates[counts.index(1)]
            return _exact_root(factor, rational.count(None, low))
        middle = (low + high) / 2
        low, high = (low, middle) if chain.count(zero, middle) else (middle, high)


def _exact_root(factor: Any, index: int) -> Any:
    """The real root number ``index``, from the left, of an irreducible rational polynomial."""
    import sympy

    if factor.degree() == 1:
        a, b = factor.all_coeffs()
        return -b / a
    if factor.degree() > 2:
        return sympy.CRootOf(factor, index)
    a, b, c = factor.all_coeffs()
    centre, square = -b / (2 * a), (b**2 - 4 * a * c) / (4 * a**2)
    return centre + (sympy.sqrt(square) if index else -sympy.sqrt(square))


def _poly(coefficients: Coefficients, domain: Any) -> Any:
    import sympy

    return sympy.Poly.from_list(list(reversed(coefficients)), sympy.Symbol("x"), domain=domain)


def _of_poly(poly: Any) -> list[Any]:
    """The coefficients of a sympy polynomial, constant first, in its domain."""
    return list(reversed(poly.rep.to_list()))


def _rationals() -> Any:
    from sympy import QQ

    return QQ


def _product_of_factors(p: list[Any], domain: Any, *, odd_only: bool) -> list[Any]:
    """The product of the square-free factors of p, each once (or those of odd multiplicity)."""
    if len(p) <= 1:
        return p
    result = [domain.one]
    for factor, multiplicity in _poly(p, domain).sqf_list()[1]:
        if not odd_only or multiplicity % 2:
            result = multiplied(result, _of_poly(factor), domain)
    return result


def _rational_factors(p: list[Any], domain: Any) -> list[Any]:
    """The irreducible rational polynomials among whose roots are those of p."""
    poly = _poly(p, domain)
    norm = poly if domain.is_QQ else poly.norm()
    return [factor.set_domain("QQ") for factor, _ in norm.factor_list()[1]]


def _scaled(p: list[Any], field: OrderedField) -> list[Any]:
    """p divided by |its leading coefficient|: signs stay, numbers grow less."""
    size = p[-1] * field.rational(field.sign(p[-1]))
    return [x / size for x in p]


def _remainder(p: list[Any], q: list[Any]) -> list[Any]:
    rest = list(p)
    while len(rest) >= len(q):
        factor = rest[-1] / q[-1]
        shift = len(rest) - len(q)
        for i, x in enumerate(q[:-1]):
            rest[shift + i] -= factor * x
        rest = trimmed(rest[:-1])
    return rest
