"""The order of the numbers in which tableaux are analysed: exact signs in Q and in a real Q(α)."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import Any

from ...errors import DomainError

# Bits by which the interval around α shrinks whenever it was too wide to decide a sign.
_BITS_AT_ONCE = 64
_FIRST_BITS = 192


class OrderedField:
    """The field Q or Q(α), α real, with the order that it has as a set of real numbers.

    ``domain`` is sympy's ``QQ`` or an algebraic field over it. ``sign(x)`` is −1, 0 or 1 and is
    exact: x = p(α) is 0 only if its reduced p is 0, and otherwise a rational interval around α is
    narrowed until p of it does not contain 0. Raises DomainError if α is not real, or another
    domain is passed. Source: the order of a real algebraic field is decidable; Basu, Pollack and
    Roy (2006), *Algorithms in Real Algebraic Geometry*, chapter 10 [D].

    >>> import sympy
    >>> field = OrderedField(sympy.QQ.algebraic_field(sympy.sqrt(2)))
    >>> field.sign(field.domain.from_sympy(sympy.sqrt(2) - sympy.Rational(1414213562, 10**9)))
    1
    """

    def __init__(self, domain: Any) -> None:
        self.domain = domain
        self._bits = _FIRST_BITS
        self._root: tuple[Fraction, Fraction] | None = None
        if domain.is_QQ:
            return
        if not (domain.is_Algebraic and domain.ext.as_expr().is_real):
            raise DomainError(
                came=f"numbers of {domain}",
                expected="the rational numbers or a real algebraic extension of them",
                remedy="Build the algebra over QQ or QQ.algebraic_field(α) with α real.",
            )
        self._root = self._enclosure()

    def sign(self, x: Any) -> int:
        """Return the sign of a number of the field."""
        if not x:
            return 0
        if self._root is None:
            return 1 if x > 0 else -1
        coefficients = [Fraction(int(q.numerator), int(q.denominator)) for q in x.to_list()]
        while True:
            low, high = _horner(coefficients, self._root)
            if low > 0 or high < 0:
                return 1 if low > 0 else -1
            self._bits += _BITS_AT_ONCE
            self._root = self._enclosure()

    def rational(self, q: Any) -> Any:
        """Return a rational number (int, Fraction or element of QQ) as a number of the field."""
        from sympy import QQ

        fraction = QQ(int(q.numerator), int(q.denominator))
        return self.domain.convert_from(fraction, QQ)

    def _enclosure(self) -> tuple[Fraction, Fraction]:
        """A rational interval of width ≤ 2^−bits that holds α and no other root of its minpoly."""
        from sympy import Poly, Rational

        extension = self.domain.ext
        minimal = Poly(extension.minpoly, domain="QQ")
        intervals = minimal.intervals(eps=Rational(1, 2**self._bits))
        approximation = extension.as_expr().evalf(60)
        # Sixty digits decide between disjoint intervals of isolated roots with a wide margin; a
        # field whose conjugates agree to 40 digits is refused instead of guessed.
        margin = Rational(1, 10**40)
        near = [
            (Fraction(int(a.p), int(a.q)), Fraction(int(b.p), int(b.q)))
            for (a, b), _ in intervals
            if a - margin < approximation < b + margin
        ]
        if len(near) != 1:
            raise DomainError(
                came=f"a field whose generator {extension} has conjugates closer than 1e-40",
                expected="a generator that 40 digits tell from its conjugates",
                remedy="Choose another primitive element.",
            )
        return near[0]


@cache
def ordered_field(domain: Any) -> OrderedField:
    """Return the one OrderedField of a domain: its interval around α only ever narrows.

    >>> import sympy
    >>> ordered_field(sympy.QQ).sign(sympy.QQ(-1, 3))
    -1
    """
    return OrderedField(domain)


def _horner(
    coefficients: list[Fraction], x: tuple[Fraction, Fraction]
) -> tuple[Fraction, Fraction]:
    """An interval that holds p(t) for all t in x; coefficients from the highest power down."""
    low = high = Fraction(0)
    for coefficient in coefficients:
        ends = [low * x[0], low * x[1], high * x[0], high * x[1]]
        low, high = min(ends) + coefficient, max(ends) + coefficient
    return low, high
