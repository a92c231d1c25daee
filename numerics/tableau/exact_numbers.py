"""Exact real numbers: fractions, and roots where they do not reach. Text is parsed, not run."""

from __future__ import annotations

import ast
import math
import re
import sys
from collections.abc import Sequence
from fractions import Fraction
from numbers import Rational
from typing import Any

from ...errors import DomainError

# A Fraction, or a real algebraic number of sympy that is not rational.
Exact = Any

_LONGEST_TEXT = 400
_LARGEST_DEGREE = 64
_DECIMAL = re.compile(r"\d+(\.\d*)?|\.\d+")
_ALPHABET = re.compile(r"[0-9.+\-*/() \t]|sqrt")


def exact_number(value: Any) -> Exact:
    """Return ``value`` as a Fraction, or as a sympy number where it is not rational.

    ``value`` is an integer, a fraction, a text of integers, decimals, + − * /, parentheses and
    sqrt(…), or a sympy number that is real and algebraic. Guaranteed: exact, and no text is
    executed. Raises DomainError for floats (which stand for unknown numbers near them), NaN, and
    everything else.

    >>> exact_number("1/2"), exact_number("0.1"), exact_number("sqrt(4)"), exact_number("sqrt(2)/2")
    (Fraction(1, 2), Fraction(1, 10), Fraction(2, 1), sqrt(2)/2)
    """
    if isinstance(value, str):
        return parse(value)
    if isinstance(value, bool):
        raise _no_number(value)
    if isinstance(value, Rational):
        return Fraction(int(value.numerator), int(value.denominator))
    sympy = sys.modules.get("sympy")
    if sympy is not None and isinstance(value, sympy.Basic):
        return _of_sympy(value)
    if isinstance(value, float) or hasattr(value, "is_integer") or hasattr(value, "_mpf_"):
        raise DomainError(
            came=f"the float {value!r} as a coefficient",
            expected='exact numbers: 1, Fraction(1, 3), "1/3", "sqrt(2)/2"',
            remedy="ButcherTableau.from_floats finds the simplest fractions that round to floats.",
        )
    raise _no_number(value)


def field_elements(numbers: Sequence[Exact]) -> tuple[Any, list[Any]]:
    """Return the smallest field that holds the numbers, as a sympy domain, and their elements.

    The field is Q or Q(α). Raises DomainError for a number that is not algebraic.

    >>> field_elements([Fraction(1, 2)])[0]
    QQ
    """
    from sympy import QQ

    if all(isinstance(x, Fraction) for x in numbers):
        return QQ, [QQ(x.numerator, x.denominator) for x in numbers]
    from sympy.polys.constructor import construct_domain

    domain, elements = construct_domain([to_sympy(x) for x in numbers], extension=True)
    if domain.is_ZZ:
        return QQ, [QQ.convert_from(x, domain) for x in elements]
    if domain.is_QQ or domain.is_AlgebraicField:
        return domain, list(elements)
    raise DomainError(
        came=f"coefficients in {domain}",
        expected="algebraic numbers: roots of polynomials with integer coefficients",
        remedy="Replace transcendental coefficients by fractions near them.",
    )


def to_sympy(x: Exact) -> Any:
    """Return a number of ``exact_number`` as a sympy number.

    >>> to_sympy(Fraction(1, 2))
    1/2
    """
    import sympy

    return sympy.Rational(x.numerator, x.denominator) if isinstance(x, Fraction) else x


def simplified(numbers: Sequence[Exact]) -> tuple[Exact, ...]:
    """Return the same numbers, those that are rational as Fractions, the others in one form.

    >>> import sympy
    >>> simplified([sympy.sqrt(3 + 2 * sympy.sqrt(2)) - sympy.sqrt(2), Fraction(1, 2)])
    (Fraction(1, 1), Fraction(1, 2))
    """
    if all(isinstance(x, Fraction) for x in numbers):
        return tuple(numbers)
    from sympy import expand

    _limit_roots(numbers)
    domain, elements = field_elements(numbers)
    written = [expand(domain.to_sympy(x)) for x in elements]
    return tuple(Fraction(int(x.p), int(x.q)) if x.is_Rational else x for x in written)


def _limit_roots(numbers: Sequence[Exact]) -> None:
    """Refuse fields of a degree above 64, in which exact arithmetic takes minutes."""
    import sympy

    roots = {
        (power.base, power.exp.q)
        for x in numbers
        if not isinstance(x, Fraction)
        for power in x.atoms(sympy.Pow)
        if power.exp.is_Rational and power.exp.q > 1
    }
    degree = math.prod(int(q) for _, q in roots)
    if degree > _LARGEST_DEGREE:
        raise DomainError(
            came=f"{len(roots)} different roots, which span a field of degree {degree}",
            expected=f"coefficients in a field of degree at most {_LARGEST_DEGREE}",
            remedy="Gauss, Radau and Lobatto methods of any s are CollocationTableau(family, s).",
        )


def parse(text: str) -> Exact:
    """Return the number that ``text`` writes with + − * / parentheses and sqrt(…).

    >>> parse("(3 + sqrt(3))/6")
    sqrt(3)/6 + 1/2
    """
    if len(text) > _LONGEST_TEXT or _ALPHABET.sub("", text).strip() or "**" in text or "//" in text:
        raise _unreadable(text)
    try:
        tree = ast.parse(text.strip(), mode="eval")
        return _value(tree.body, text.strip())
    except (SyntaxError, ValueError, ZeroDivisionError, RecursionError, MemoryError) as error:
        raise _unreadable(text) from error


def _value(node: ast.expr, text: str) -> Exact:
    """The value of a parsed expression; ValueError for what the grammar does not have."""
    match node:
        case ast.Constant():
            written = ast.get_source_segment(text, node) or ""
            if _DECIMAL.fullmatch(written):
                return Fraction(written)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, text)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _value(operand, text)
        case ast.BinOp(left=left, op=operation, right=right):
            return _combine(_value(left, text), operation, _value(right, text))
        case ast.Call(func=ast.Name(id="sqrt"), args=[argument], keywords=[]):
            return _square_root(_value(argument, text))
    raise ValueError(f"not a number: {text}")


def _combine(x: Exact, operation: ast.operator, y: Exact) -> Exact:
    if not isinstance(x, Fraction) or not isinstance(y, Fraction):
        x, y = to_sympy(x), to_sympy(y)
    match operation:
        case ast.Add():
            result = x + y
        case ast.Sub():
            result = x - y
        case ast.Mult():
            result = x * y
        case ast.Div():
            if y == 0:
                raise ZeroDivisionError
            result = x / y
        case _:
            raise ValueError("an operation other than + - * /")
    return result if isinstance(result, Fraction) else _of_sympy(result)


def _square_root(x: Exact) -> Exact:
    if isinstance(x, Fraction) and x >= 0:
        top, bottom = math.isqrt(x.numerator), math.isqrt(x.denominator)
        if top * top == x.numerator and bottom * bottom == x.denominator:
            return Fraction(top, bottom)
    import sympy

    return _of_sympy(sympy.sqrt(to_sympy(x)))


def _of_sympy(x: Any) -> Exact:
    if x.is_Rational:
        return Fraction(int(x.p), int(x.q))
    if x.is_Float or not x.is_number or x.is_real is not True or x.is_finite is not True:
        raise DomainError(
            came=f"{x} as a coefficient",
            expected="a real algebraic number, exact and finite",
            remedy="Use sympy.Rational and roots; for floats see ButcherTableau.from_floats.",
        )
    return x


def _no_number(value: object) -> DomainError:
    return DomainError(
        came=f"{value!r} as a coefficient",
        expected='a real algebraic number: 1, Fraction(1, 3), "1/3", "sqrt(2)/2"',
        remedy="Write it as an integer, a fraction, a text or a sympy number.",
    )


def _unreadable(text: str) -> DomainError:
    return DomainError(
        came=f"the text {text[:60]!r} as a number",
        expected="integers, fractions, decimals, sqrt(…), + - * / and parentheses",
        remedy='Write it like "1/2", "0.25" or "(3 + sqrt(3))/6".',
    )
