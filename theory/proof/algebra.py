"""Computer algebra: exact numbers, identities and limits, on sympy."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from fractions import Fraction
from numbers import Rational
from typing import TypeVar

import sympy

from ...errors import DomainError
from ..arithmetic import Number
from .step import ProofStep

Case = TypeVar("Case")

_RANDOM_POINTS = 20


class SymbolicArithmetic:
    """The ``Arithmetic`` of sympy expressions: exact.

    >>> SYMBOLIC.square_root(SYMBOLIC.number(Fraction(1, 4)))
    1/2
    """

    def number(self, value: Number) -> sympy.Expr:
        return as_exact(value)

    def maximum(self, x: Number, y: Number) -> sympy.Expr:
        return sympy.Max(x, y)

    def absolute(self, x: Number) -> sympy.Expr:
        return sympy.Abs(x)

    def square_root(self, x: Number) -> sympy.Expr:
        try:
            return sympy.sqrt(x)
        except ValueError:
            # sympy fails to simplify the roots of some rationals with hundreds of digits.
            return sympy.Pow(x, sympy.Rational(1, 2), evaluate=False)

    def exponential(self, x: Number) -> sympy.Expr:
        return sympy.exp(x)


SYMBOLIC = SymbolicArithmetic()


def as_exact(value: Number) -> sympy.Expr:
    """Return a Python number as the exact number that it is (a float is a fraction).

    >>> as_exact(0.5)
    1/2
    """
    if isinstance(value, sympy.Expr):
        return value
    if isinstance(value, Rational):
        return sympy.Rational(value.numerator, value.denominator)
    fraction = Fraction(float(value))
    return sympy.Rational(fraction.numerator, fraction.denominator)


def exact_number(
    name: str, value: Number, lowest: int | None = None, highest: int | None = None
) -> sympy.Expr:
    """Return ``value`` exactly, or raise DomainError if it is a number outside [lowest, highest].

    Symbols pass: their range is the caller's assumption.

    >>> exact_number("slope", 1.5, 0, 1)
    Traceback (most recent call last):
        ...
    flowcert.errors.DomainError: got slope = 3/2; expected slope in [0, 1]. Correct the input.
    """
    expected = (
        f"{name} in [{'-∞' if lowest is None else lowest}, {'∞' if highest is None else highest}]"
    )
    try:
        number = as_exact(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise DomainError(
            came=f"{name} = {value!r}", expected=expected, remedy="Correct the input."
        ) from error
    too_low = lowest is not None and (number < lowest) == sympy.true
    too_high = highest is not None and (number > highest) == sympy.true
    unreal = number is sympy.nan or number.is_finite is False or number.is_real is False
    if too_low or too_high or unreal:
        raise DomainError(came=f"{name} = {number}", expected=expected, remedy="Correct the input.")
    return number


def prove_identity(statement: str, left: Number, right: Number) -> ProofStep:
    """Decide whether two sympy expressions (or matrices) are equal for all values of their symbols.

    Proved if the difference simplifies to 0; refuted with a point where they differ; else not
    proved. Undefined functions in the expressions are arbitrary smooth functions.

    >>> x = sympy.Symbol("x")
    >>> prove_identity("square", (x + 1) ** 2, x**2 + 2 * x + 1).outcome
    'proved'
    >>> prove_identity("wrong sign", (x + 1) ** 2, x**2 - 2 * x + 1).outcome
    'refuted'
    """
    difference = sympy.Matrix([left]) - sympy.Matrix([right])
    for entry in difference:
        reduced = sympy.simplify(sympy.expand(entry))
        if reduced == 0:
            continue
        point = _point_of_difference(reduced)
        if point is not None:
            return ProofStep(statement, "algebra", "refuted", f"differs at {point}")
        return ProofStep(statement, "algebra", "not proved", f"sympy leaves {reduced}")
    return ProofStep(statement, "algebra", "proved")


def _point_of_difference(expression: sympy.Expr) -> str | None:
    """Rational numbers for the symbols at which the expression is certainly not zero."""
    if expression.atoms(sympy.core.function.AppliedUndef):
        return None
    symbols = sorted(expression.free_symbols, key=str)
    draw = random.Random(0)
    for _ in range(_RANDOM_POINTS):
        point = {s: sympy.Rational(draw.randint(1, 99), 100) for s in symbols}
        value = expression.subs(point).evalf(30)
        if value.is_comparable and abs(value) > sympy.Float("1e-20"):
            return f"{point}: {value.evalf(6)}"
    return None


def prove_limit(
    statement: str, expression: Number, symbol: sympy.Symbol, to: Number, limit: Number
) -> ProofStep:
    """Decide whether ``expression`` tends to ``limit`` as ``symbol`` → ``to`` (sympy's Gruntz).

    >>> n = sympy.Symbol("n", positive=True)
    >>> prove_limit("Euler's number", (1 + 1 / n) ** n, n, sympy.oo, sympy.E).outcome
    'proved'
    """
    found = sympy.limit(expression, symbol, to)
    step = prove_identity(statement, found, limit)
    if step.outcome == "proved":
        return step
    return ProofStep(statement, "algebra", step.outcome, f"the limit is {found}; {step.detail}")


def prove_derivative(
    statement: str, antiderivative: Number, symbol: sympy.Symbol, derivative: Number
) -> ProofStep:
    """Decide whether d(antiderivative)/d(symbol) = derivative.

    >>> x = sympy.Symbol("x")
    >>> prove_derivative("power rule", x**3, x, 3 * x**2).outcome
    'proved'
    """
    return prove_identity(statement, sympy.diff(antiderivative, symbol), derivative)


def prove_cases(statement: str, cases: Sequence[Case], holds: Callable[[Case], bool]) -> ProofStep:
    """Check a finite list of exact cases one by one; refuted at the first that fails.

    >>> prove_cases("even", [2, 4, 5], lambda n: n % 2 == 0).detail
    'fails for 5'
    """
    if not cases:
        return ProofStep(statement, "algebra", "not proved", "no case was given")
    for case in cases:
        if not holds(case):
            return ProofStep(statement, "algebra", "refuted", f"fails for {case}")
    return ProofStep(statement, "algebra", "proved", f"{len(cases)} cases")
