"""Rigorous enclosures of flows by ball arithmetic: a box that is verified, Taylor, a remainder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ConvergenceError, DomainError, ShapeError
from .power_series import Field, exact_ball, solution_series, working_bits
from .validation import positive_integer

if TYPE_CHECKING:
    import flint

_BITS_OF_POINTS = 4096  # fractions such as 1/3 become balls: narrower than any enclosure
_MOST_HALVINGS = 40
_MOST_INFLATIONS = 8
_MOST_STEPS = 50_000  # some minutes: stiff fields would ask for hours


@dataclass(frozen=True)
class Enclosure:
    """Balls that hold y(t₀ + h) for every start, and what it took.

    ``balls`` has one ball for each variable, ``widths`` their diameters, rounded up; ``steps`` is
    the number of steps, ``order`` that of the Taylor polynomials. Source: flowcert [D].

    >>> spiral = bound_flow(lambda t, y: [y[1] - y[0], -y[0] - y[1]], [1, 0], 0, 0)
    >>> spiral.contains([1, 0]), spiral.contains([1, 0.5])
    (True, False)
    """

    balls: tuple[flint.arb, ...]
    widths: tuple[float, ...]
    steps: int
    order: int

    def contains(self, point: Iterable[Any]) -> bool:
        """Return whether every ball holds its coordinate; floats count as the numbers they are.

        A solution in float64 has errors of 1e-16 and more: it lies outside of balls of width
        1e-24, right as it may be. ``distance`` tells how far. Raises ShapeError for another length,
        DomainError for numbers that are not finite.
        """
        with working_bits(_BITS_OF_POINTS):
            return all(bool(ball.contains(value)) for ball, value in self._pairs(point))

    def distance(self, point: Iterable[Any]) -> float:
        """Return the largest distance of a coordinate from its ball: an upper bound, 0 inside.

        Raises ShapeError, DomainError as ``contains`` does.

        >>> enclosure = bound_flow(lambda t, y: [-y[0]], [1], 0, 1)
        >>> enclosure.contains([np.exp(-1.0)]), enclosure.distance([np.exp(-1.0)]) < 1e-16
        (False, True)
        """
        with working_bits(_BITS_OF_POINTS):
            return max((_distance(ball, value) for ball, value in self._pairs(point)), default=0.0)

    def _pairs(self, point: Iterable[Any]) -> list[tuple[flint.arb, flint.arb]]:
        values = _numbers("the point", point)
        if len(values) != len(self.balls):
            raise ShapeError(
                came=f"a point of {len(values)} coordinates",
                expected=f"{len(self.balls)}, one for each ball",
                remedy="Give one number for each variable.",
            )
        return list(zip(self.balls, values, strict=True))


def bound_flow(
    field: Field,
    y0: Sequence[Any],
    t0: Any,
    h: Any,
    *,
    order: int = 20,
    bits: int = 128,
    tolerance: float = 1e-20,
    most_steps: int = _MOST_STEPS,
) -> Enclosure:
    """Enclose y(t₀ + h) of ẏ = f(t, y) for every y(t₀) in the balls y₀, and every t₀ in its ball.

    ``h`` is the whole length, from t₀ to t₀ + h, where ``flow_map`` takes the span (t₀, t₁).
    ``field`` is a ``System`` or a function (t, [y₁, …, yₙ]) → [f₁, …, fₙ], written with + − * /,
    integer powers and ``numerics.elementary``: it is called on power series of balls. Numbers may
    be ints, floats, fractions, mpmath numbers (each at its exact value) or balls; h may be
    negative.

    Each step of length s verifies a box B with y + [0, s]·f([t, t + s], B) ⊂ B, so that all
    solutions exist and stay in B; then y(t + s) ∈ Σ_{k<N} yₖ sᵏ + y_N(B) s^N with the Taylor
    coefficients yₖ at (t, y) and y_N over B. Steps are halved until there is such a box and the
    remainder is below ``tolerance`` times the step's share of h, relative to the state where that
    is above 1. **Guaranteed** for fields that are analytic where they are evaluated (flint's
    functions are NaN elsewhere): the balls hold the solution. Their widths are what they are: a
    wide start grows like exp(∫|∂f/∂y|), as intervals do.

    Raises ConvergenceError where no box verifies (the solution may blow up) and where it takes
    more than ``most_steps`` steps (stiff fields, long spans), DomainError for
    numbers that are not finite or a field that is not defined at the start, ShapeError for a state
    or a field of another length, StructureError for a field that does not run on power series.
    Source: Lohner 1987; Nedialkov, Jackson, Corliss 1999 [D].

    >>> enclosure = bound_flow(lambda t, y: [y[0] * (1 - y[0])], [Fraction(1, 2)], 0, 1)
    >>> enclosure.widths[0] < 1e-20  # around e/(1 + e)
    True
    """
    order, most = positive_integer("order", order), positive_integer("most_steps", most_steps)
    with working_bits(bits):
        time, step = exact_ball(t0), exact_ball(h)
        state = _numbers("y0", y0)
        _require_defined(field, time, state)
        if step == 0:
            return _enclosure(state, 0, order)
        return _enclosure(*_march(field, time, state, step, order, tolerance, most), order)


def _numbers(name: str, values: Iterable[Any]) -> list[flint.arb]:
    try:
        listed = list(values)
    except TypeError as error:
        raise ShapeError(
            came=f"{name} = {values!r}",
            expected="a list of numbers, one for each variable",
            remedy="Write [y0] for a system of one equation.",
        ) from error
    return [exact_ball(value) for value in listed]


def _distance(ball: flint.arb, value: flint.arb) -> float:
    if ball.contains(value):
        return 0.0
    beyond = abs(value - ball.mid()).upper() - ball.rad()
    return max(0.0, float(np.nextafter(float(beyond.upper()), np.inf)))


def _march(
    field: Field,
    time: flint.arb,
    state: list[flint.arb],
    length: flint.arb,
    order: int,
    tolerance: float,
    most_steps: int,
) -> tuple[list[flint.arb], int]:
    """Go through ``length`` in steps of dyadic fractions of it, so that their sum is exact."""
    done, part, steps = Fraction(0), Fraction(1), 0
    start = time
    while done < 1:
        if steps == most_steps:
            raise _too_many(steps, start + exact_ball(done) * length)
        part = min(part, 1 - done)
        following = None
        while following is None:
            if part < Fraction(1, 2**_MOST_HALVINGS):
                raise _no_box(start + exact_ball(done) * length)
            step = exact_ball(part) * length
            following = _step(field, time, state, step, order, tolerance * float(part))
            if following is None:
                part /= 2
        state, done, steps = following, done + part, steps + 1
        time = start + exact_ball(done) * length
        part *= 2
    return state, steps


def _step(
    field: Field,
    time: flint.arb,
    state: list[flint.arb],
    step: flint.arb,
    order: int,
    tolerance: float,
) -> list[flint.arb] | None:
    """One step, or None if it is too long."""
    whole = time.union(time + step)
    box = _verified_box(field, whole, state, step)
    if box is None:
        return None
    over_box = solution_series(field, whole, box, order)
    if over_box is None:
        return None
    power = step**order
    remainders = [component[order] * power for component in over_box]
    scale = max(1.0, *(float(y.abs_upper()) for y in state))
    # Not "greater": a remainder that is NaN fails as well.
    if not all(float(r.abs_upper()) <= tolerance * scale for r in remainders):
        return None
    at_start = solution_series(field, time, state, order - 1)
    if at_start is None:
        return None
    polynomials = [_value(component.coeffs(), step) for component in at_start]
    return [p + r for p, r in zip(polynomials, remainders, strict=True)]


def _verified_box(
    field: Field, times: flint.arb, state: list[flint.arb], step: flint.arb
) -> list[flint.arb] | None:
    """B with y + [0, s]·f([t, t + s], B) ⊂ B: Picard's map sends curves in B to curves in B."""
    import flint

    fractions = flint.arb(0).union(step)
    box = state
    for _ in range(_MOST_INFLATIONS):
        rates = solution_series(field, times, box, 1)
        if rates is None:
            return None
        image = [y + fractions * rate[1] for y, rate in zip(state, rates, strict=True)]
        if not all(ball.is_finite() for ball in image):
            return None
        if box is not state and all(bool(b.contains(i)) for b, i in zip(box, image, strict=True)):
            return image
        box = [_inflated(y, i) for y, i in zip(state, image, strict=True)]
    return None


def _inflated(ball: flint.arb, image: flint.arb) -> flint.arb:
    """The hull of both, wider by a fifth of the image and a little."""
    import flint

    hull = ball.union(image)
    little = flint.arb(2) ** -200
    return hull + flint.arb(0, (hull.rad() + little) / 5)


def _value(coefficients: list[flint.arb], s: flint.arb) -> flint.arb:
    """Horner's rule."""
    import flint

    total = flint.arb(0)
    for coefficient in reversed(coefficients):
        total = total * s + coefficient
    return total


def _enclosure(state: list[flint.arb], steps: int, order: int) -> Enclosure:
    # One more rounding than flint's own: to float64, upwards.
    widths = tuple(float(np.nextafter(2 * float(ball.rad()), np.inf)) for ball in state)
    return Enclosure(tuple(state), widths, steps, order)


def _require_defined(field: Field, time: flint.arb, state: list[flint.arb]) -> None:
    rates = solution_series(field, time, state, 1)
    if rates is None or not all(rate[1].is_finite() for rate in rates):
        raise DomainError(
            came=f"a field that is not defined on all of the start, near t = {float(time.mid())}",
            expected="a field that is analytic on the balls of the start",
            remedy="Split a start that is too wide, or start away from the singularity.",
        )
    if len(rates) != len(state):
        raise ShapeError(
            came=f"{len(rates)} rates for {len(state)} variables",
            expected="one rate for each variable",
            remedy="Return a list [f₁, …, fₙ].",
        )


def _too_many(steps: int, time: flint.arb) -> ConvergenceError:
    return ConvergenceError(
        came=f"{steps} steps, which lead to t = {float(time.mid()):.8g} only",
        expected="a span that fewer steps cover",
        remedy="Take a looser tolerance, a shorter span, or a larger most_steps.",
    )


def _no_box(time: flint.arb) -> ConvergenceError:
    return ConvergenceError(
        came=f"no box that holds the solution beyond t = {float(time.mid()):.8g}",
        expected="a solution that exists on the whole step",
        remedy="It may blow up there; otherwise take a higher order, more bits, a looser "
        "tolerance or a narrower start.",
    )
