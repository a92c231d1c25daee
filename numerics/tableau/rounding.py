"""From exact numbers to floating point: balls, narrowed until the rounding is certain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

from ...errors import ConvergenceError, DomainError
from .exact_numbers import Exact

Ball = Any  # flint.arb
# Encloses the same list of real numbers at any working precision in bits.
Enclose = Callable[[int], list[Ball]]

_FIRST_BITS = 128
_MOST_BITS = 1 << 15


@contextmanager
def working_precision(bits: int) -> Iterator[None]:
    """Let flint work with ``bits`` bits inside the block.

    >>> import flint
    >>> with working_precision(200):
    ...     bool(flint.arb.pi().rel_accuracy_bits() > 190)
    True
    """
    import flint

    before = flint.ctx.prec
    flint.ctx.prec = bits
    try:
        yield
    finally:
        flint.ctx.prec = before


def float64_of_balls(enclose: Enclose) -> list[float]:
    """Return the enclosed numbers, each correctly rounded to float64.

    Guaranteed: both ends of every ball round to the same float64. Raises ConvergenceError if
    32768 bits do not decide (an exact zero that the caller did not take out).

    >>> import flint
    >>> float64_of_balls(lambda bits: [flint.arb(1) / 3])
    [0.3333333333333333]
    """
    bits = _FIRST_BITS
    while bits <= _MOST_BITS:
        with working_precision(bits):
            balls = enclose(bits)
        rounded = [_round(ball) for ball in balls]
        if None not in rounded:
            return [x for x in rounded if x is not None]
        bits *= 2
    raise _undecided()


def mpmath_of_balls(enclose: Enclose, digits: int) -> list[Any]:
    """Return the enclosed numbers as mpmath numbers with a relative error below 10^−digits.

    Raises ConvergenceError as ``float64_of_balls``.

    >>> import flint
    >>> print(mpmath_of_balls(lambda bits: [flint.arb(2).sqrt()], 20)[0])
    1.4142135623731
    """
    import mpmath
    from mpmath.libmp import from_man_exp

    wanted = int(3.33 * digits) + 10
    bits = wanted + 64
    while bits <= max(_MOST_BITS, 8 * wanted):
        with working_precision(bits):
            balls = enclose(bits)
        if all(ball == 0 or ball.rel_accuracy_bits() >= wanted for ball in balls):
            parts = [tuple(map(int, ball.mid().man_exp())) for ball in balls]
            return [mpmath.mp.make_mpf(from_man_exp(*part, wanted, "n")) for part in parts]
        bits *= 2
    raise _undecided()


def ball_of(x: Exact) -> Ball:
    """Return a ball around a Fraction or a real algebraic sympy number, at flint's precision.

    Raises DomainError for a function other than roots, cos and sin.

    >>> bool((ball_of(Fraction(1, 3)) * 3).contains(1))
    True
    """
    import flint

    if isinstance(x, Fraction):
        return flint.arb(flint.fmpq(x.numerator, x.denominator))
    if x.is_Rational:
        return flint.arb(flint.fmpq(int(x.p), int(x.q)))
    return _ball_of_expression(x)


def _ball_of_expression(x: Any) -> Ball:
    import flint
    import sympy

    if x.is_Add:
        return sum((ball_of(term) for term in x.args), flint.arb(0))
    if x.is_Mul:
        product = flint.arb(1)
        for factor in x.args:
            product *= ball_of(factor)
        return product
    if x.is_Pow and x.exp.is_Rational:
        root = ball_of(x.base).root(int(x.exp.q)) if x.exp.q > 1 else ball_of(x.base)
        return root ** int(x.exp.p)
    if x == sympy.pi:
        return flint.arb.pi()
    if isinstance(x, sympy.cos | sympy.sin):
        angle = ball_of(x.args[0])
        return angle.cos() if isinstance(x, sympy.cos) else angle.sin()
    if isinstance(x, sympy.polys.rootoftools.ComplexRootOf):
        radius = sympy.Rational(1, 2**flint.ctx.prec)
        return flint.arb(ball_of(x.eval_rational(dx=radius)), ball_of(radius))
    raise DomainError(
        came=f"the coefficient {x}",
        expected="rational numbers, roots, cosines and sines, or CRootOf",
        remedy="Write it by its roots, or as sympy.CRootOf of its minimal polynomial.",
    )


def _round(ball: Ball) -> float | None:
    """The float64 to which the whole ball rounds, None where its ends disagree."""
    if ball.is_exact():
        return float(_fraction(ball))
    middle, radius = _fraction(ball.mid()), _fraction(ball.rad())
    low, high = float(middle - radius), float(middle + radius)
    return low if low == high else None


def _fraction(ball: Ball) -> Fraction:
    mantissa, exponent = map(int, ball.man_exp())
    return Fraction(mantissa) * Fraction(2) ** exponent


def _undecided() -> ConvergenceError:
    return ConvergenceError(
        came="a coefficient that cannot be told from its neighbours",
        expected="an enclosure that rounds to one number",
        remedy="Write coefficients that are exactly zero as 0.",
    )
