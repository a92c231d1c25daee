"""Ball arithmetic: inequalities over a whole box, and integrals, enclosed by python-flint."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from fractions import Fraction

import flint

from ..arithmetic import Number
from .step import ProofStep

Side = tuple[Fraction, Fraction]
Box = tuple[Side, ...]

DEFAULT_BOXES = 20_000
_PRECISION = 128


class BallArithmetic:
    """The ``Arithmetic`` of real balls: every result encloses the true value.

    >>> bool(BALLS.square_root(BALLS.number(Fraction(1, 4))) == flint.arb("0.5"))
    True
    """

    def number(self, value: Number) -> flint.arb:
        if isinstance(value, flint.arb):
            return value
        fraction = Fraction(value)
        return flint.arb(flint.fmpq(fraction.numerator, fraction.denominator))

    def maximum(self, x: Number, y: Number) -> flint.arb:
        return self.number(x).max(self.number(y))

    def absolute(self, x: Number) -> flint.arb:
        return abs(self.number(x))

    def square_root(self, x: Number) -> flint.arb:
        return self.number(x).sqrt()

    def exponential(self, x: Number) -> flint.arb:
        return self.number(x).exp()


BALLS = BallArithmetic()


def prove_positive_on_box(
    statement: str,
    function: Callable[..., flint.arb],
    box: Sequence[tuple[Number, Number]],
    *,
    boxes: int = DEFAULT_BOXES,
) -> ProofStep:
    """Decide whether ``function`` > 0 on the whole box, by covering it with smaller boxes.

    ``box`` lists (lowest, highest) of each argument. A box whose enclosure straddles 0 is halved
    along its widest side; a centre where the function is certainly negative refutes; after
    ``boxes`` boxes without a decision the statement is not proved. The cover has no gaps: its ends
    are exact fractions.

    >>> prove_positive_on_box("$1 + x^2 > 0$", lambda x: 1 + x * x, [(-1, 1)]).outcome
    'proved'
    >>> prove_positive_on_box("$x > 0$", lambda x: x, [(-1, 2)]).outcome
    'refuted'
    """
    with flint.ctx.workprec(_PRECISION):
        start: Box = tuple((Fraction(low), Fraction(high)) for low, high in box)
        # Breadth first: a region of wrong sign is found before a zero is chased into ever
        # smaller boxes.
        pending = deque([start])
        examined = 0
        while pending:
            current = pending.popleft()
            examined += 1
            value = function(*(_ball(side) for side in current))
            if value > 0:
                continue
            centre = [(low + high) / 2 for low, high in current]
            if function(*(BALLS.number(c) for c in centre)) < 0:
                point = ", ".join(f"{float(c):.6g}" for c in centre)
                return ProofStep(statement, "balls", "refuted", f"negative at ({point})")
            if examined >= boxes:
                detail = f"undecided after {boxes} boxes, near {[float(c) for c in centre]}"
                return ProofStep(statement, "balls", "not proved", detail)
            pending.extend(_halves(current))
    return ProofStep(statement, "balls", "proved", f"{examined} boxes cover the domain")


def prove_integral(
    statement: str,
    pieces: Sequence[tuple[Callable[[flint.acb, bool], flint.acb], Number, Number]],
    value: Callable[[], flint.arb],
    *,
    tolerance: float = 1e-20,
) -> ProofStep:
    r"""Decide whether the sum of the integrals of ``pieces`` (integrand, from, to) is ``value``.

    The enclosure (Johansson's rigorous integration) must contain the value and be narrower than
    ``tolerance``: then the value is the integral to that accuracy. Each integrand must be analytic
    on its piece. It is called with a ball and a flag: where the flag is true it must return an
    indeterminate ball unless it is analytic on all of the argument, which flint's functions with a
    branch cut do if the flag is passed on (``z.sqrt(analytic=analytic)``).

    >>> third = lambda: flint.arb(1) / 3
    >>> prove_integral(r"$\int_0^1 x^2$", [(lambda z, analytic: z * z, 0, 1)], third).outcome
    'proved'
    """
    with flint.ctx.workprec(_PRECISION):
        total = flint.arb(0)
        for integrand, low, high in pieces:
            total += _integral(integrand, low, high)
        claimed = value()
        if not total.overlaps(claimed):
            return ProofStep(
                statement, "balls", "refuted", f"the integral is {total}, not {claimed}"
            )
        width = float(total.rad()) + float(claimed.rad())
    if not width <= tolerance:
        return ProofStep(statement, "balls", "not proved", f"the enclosure is {width:.1e} wide")
    return ProofStep(statement, "balls", "proved", f"enclosed to {width:.1e}")


def _integral(
    integrand: Callable[[flint.acb, bool], flint.acb], low: Number, high: Number
) -> flint.arb:
    ends = (flint.acb(BALLS.number(low)), flint.acb(BALLS.number(high)))
    return flint.acb.integral(integrand, *ends).real


def _ball(side: Side) -> flint.arb:
    low, high = side
    return BALLS.number(low).union(BALLS.number(high))


def _halves(box: Box) -> list[Box]:
    widest = max(range(len(box)), key=lambda i: box[i][1] - box[i][0])
    low, high = box[widest]
    middle = (low + high) / 2
    return [(*box[:widest], part, *box[widest + 1 :]) for part in ((low, middle), (middle, high))]
