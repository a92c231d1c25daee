"""The Taylor series of a solution of ẏ = f(t, y), by flint's power series of balls."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DomainError, ShapeError, StructureError
from .systems import System, as_system

if TYPE_CHECKING:
    import flint

Field = System | Callable[[Any, Sequence[Any]], Sequence[Any]]


def solution_series(
    field: Field, time: flint.arb, state: Sequence[flint.arb], order: int
) -> list[flint.arb_series] | None:
    """Return yₖ of y(t + s) = Σ yₖ sᵏ for k ≤ ``order``, for every start in the balls.

    The coefficients follow from (k + 1)yₖ₊₁ = [f(t + s, Σ yⱼ sʲ)]ₖ. None where f divides by a ball
    that holds 0; NaN coefficients where it leaves its domain. Raises StructureError if the field
    does not run on power series, ShapeError for one of another dimension. Source: Moore 1966 [D].

    >>> import flint
    >>> series = solution_series(lambda t, y: [y[0]], flint.arb(0), [flint.arb(1)], 2)
    >>> series[0].coeffs() == [1, 1, flint.arb("0.5")]
    True
    """
    import flint

    _require_field(field, len(state))
    series = [flint.arb_series([y], 1) for y in state]
    for k in range(order):
        rates = _rates(field, flint.arb_series([time, 1], k + 1), series)
        if rates is None:
            return None
        if len(rates) != len(series):
            raise ShapeError(
                came=f"{len(rates)} rates for {len(series)} variables",
                expected="one rate for each variable",
                remedy="Return a list [f₁, …, fₙ].",
            )
        series = [
            flint.arb_series([y], k + 2) + _of_length(rate, k + 1).integral()
            for y, rate in zip(state, rates, strict=True)
        ]
    return series


def _require_field(field: object, variables: int) -> None:
    if not callable(field):
        as_system(field)  # raises, and says what to pass instead
    if isinstance(field, System) and field.dimension != variables:
        raise ShapeError(
            came=f"{variables} variables for a system of {field.dimension}",
            expected=f"a state of shape ({field.dimension},)",
            remedy="Give one number for each variable of the system.",
        )


def _of_length(rate: Any, length: int) -> flint.arb_series:
    """A rate as a series; one that does not depend on the state may come as a plain number."""
    import flint

    if isinstance(rate, flint.arb_series):
        return rate
    try:
        return flint.arb_series([rate], length)
    except (TypeError, ValueError) as error:
        kind = type(rate).__name__
        by_numpy = ", which NumPy makes of a series" if isinstance(rate, np.ndarray) else ""
        raise _no_series(f"a rate of the type {kind}{by_numpy}") from error


def _rates(
    field: Field, time: flint.arb_series, series: list[flint.arb_series]
) -> list[Any] | None:
    try:
        if not isinstance(field, System):
            return _listed(field(time, series))
        # A series looks like a sequence to NumPy: axes of length 1 keep it from being unpacked.
        times, states = np.empty(1, dtype=object), np.empty((1, len(series)), dtype=object)
        times[0], states[0, :] = time, series
        return list(field(times, states)[0])
    except ZeroDivisionError:
        return None
    except ShapeError:
        raise
    except IndexError as error:
        raise ShapeError(
            came=f"a field that asks for more than the {len(series)} variables there are",
            expected="a state with one number for each variable of the field",
            remedy="Give the start all its variables; indices begin at 0.",
        ) from error
    except (TypeError, AttributeError, ValueError) as error:
        if "denominator" in str(error):
            return None
        if "list" in str(error) or "sequence" in str(error):
            raise _batched(len(series)) from error
        raise _no_series(str(error)) from error


def _listed(rates: Any) -> list[Any]:
    """The rates as a list; one series alone would be taken for its coefficients."""
    import flint

    if isinstance(rates, flint.arb_series | flint.arb | int | float):
        raise ShapeError(
            came="a single rate",
            expected="a list of rates, one for each variable",
            remedy="Write [f₁] for a system of one equation.",
        )
    return list(rates)


def _batched(variables: int) -> StructureError:
    return StructureError(
        came="a function that takes its state or its rates for one array",
        expected="a System, or a function of (t, [y₁, …, yₙ]) that returns a list",
        remedy=f"Wrap it, FieldSystem(function, dimension={variables}), or write y[i] and a list.",
    )


def _no_series(why: str) -> StructureError:
    return StructureError(
        came=f"a field that does not run on power series ({why})",
        expected="+ − * /, integer powers, and functions of numerics.elementary",
        remedy="Write numerics.elementary.sin instead of numpy.sin, and so on; constants are "
        "Python's or balls: 0.5, not numpy.float64(0.5); flint.arb(1) / 3, not Fraction(1, 3).",
    )


def exact_ball(value: Any) -> flint.arb:
    """Return a finite number as a ball that holds it: exact for ints, floats and mpmath numbers.

    Raises DomainError for anything else.

    >>> exact_ball(0.5) == exact_ball(Fraction(1, 2))
    True
    """
    import flint

    # Balls first: they have an ``_mpf_`` too, which is their midpoint alone.
    if isinstance(value, flint.arb):
        ball = value
    elif isinstance(value, Fraction):
        ball = flint.arb(flint.fmpq(value.numerator, value.denominator))
    elif hasattr(value, "_mpf_"):
        sign, mantissa, exponent, _ = value._mpf_
        # mpmath writes NaN and infinity as a zero mantissa with an exponent.
        special = mantissa == 0 and exponent != 0
        ball = flint.arb("nan") if special else flint.arb(((-1) ** sign * mantissa, exponent))
    elif isinstance(value, int | np.integer):
        ball = flint.arb(int(value))
    elif isinstance(value, float | np.floating) and float(value) == value:
        ball = flint.arb(float(value))  # a long double that float64 would round is refused
    else:
        ball = flint.arb("nan")
    if not ball.is_finite():
        raise DomainError(
            came=f"{value!r} as a number of the enclosure",
            expected="a finite int, float, fraction, mpmath number or ball",
            remedy="Write the number as a fraction, or as a ball that holds it.",
        )
    return ball


@contextmanager
def working_bits(bits: int) -> Iterator[None]:
    """Run flint with this precision, and series as long as they come.

    >>> import flint
    >>> with working_bits(200):
    ...     flint.ctx.prec
    200
    """
    import flint

    cap = flint.ctx.cap
    flint.ctx.cap = 10_000
    try:
        with flint.ctx.workprec(bits):
            yield
    finally:
        flint.ctx.cap = cap
