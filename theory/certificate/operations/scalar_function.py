"""A function of one number: its slopes, its range, and how far an execution of it may err."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ....numerics.validation import FloatArray
from ...spectral.rounding import UNIT_ROUNDOFF

Range = tuple[float, float]
WHOLE_LINE: Range = (-math.inf, math.inf)
UPWARDS: Range = (math.inf, math.inf)
DOWNWARDS: Range = (-math.inf, -math.inf)


@dataclass(frozen=True)
class Bend:
    """Somewhere in ``point`` the function turns, at a value in ``value``."""

    point: Range
    value: Range


ORIGIN = Bend((0.0, 0.0), (0.0, 0.0))


@dataclass(frozen=True, kw_only=True)
class ScalarFunction:
    """σ with σ' ∈ [``slope_min``, ``slope_max``], rounded outward; applied to each entry.

    Between its ``bends`` it is monotone; ``limits`` enclose what it tends to at −∞ and ∞. A
    function whose slopes are bounded on some ranges only says which, ``slopes_on``, and has the
    slopes ∓∞ on the whole line.

    Assumption on execution, at a number x: |σ̂(x) − σ(x)| ≤ u(``relative``·|x| + ``absolute`` +
    ``proportional``·|σ(x)|) and a few of the smallest subnormal numbers. If ``smooth``, σ̂ rests on
    a library's exp, tanh, erf or their kind, and this is assumed of float64 alone (compared with
    ball arithmetic in the tests). ``switch`` = (point, height): from that point on an execution may
    replace σ by something that differs by up to the height (the threshold of softplus).
    """

    evaluate: Callable[[FloatArray], FloatArray]
    slope_min: float
    slope_max: float
    limits: tuple[Range, Range]
    bends: tuple[Bend, ...] = ()
    relative: float = 0.0
    absolute: float = 0.0
    proportional: float = 0.0
    smooth: bool = False
    switch: tuple[float, float] | None = None
    slopes_on: Callable[[float, float], Range] | None = None

    def slopes_within(self, low: float, high: float) -> Range:
        """Enclose σ' on [low, high]; wider than needed unless ``slopes_on`` is given."""
        if self.slopes_on is None:
            return self.slope_min, self.slope_max
        return self.slopes_on(low, high)

    def steepness(self, low: float, high: float) -> float:
        """Bound |σ'| on [low, high]."""
        return max(abs(slope) for slope in self.slopes_within(low, high))

    def range_within(self, low: float, high: float) -> Range:
        """Enclose σ on [low, high]; the whole line where σ is not defined throughout."""
        if self.slopes_on is not None and self.slopes_on(low, high) == WHOLE_LINE:
            return WHOLE_LINE
        values = [self._value_at(low, self.limits[0]), self._value_at(high, self.limits[1])]
        values += [b.value for b in self.bends if low <= b.point[1] and b.point[0] <= high]
        return min(value[0] for value in values), max(value[1] for value in values)

    def _value_at(self, x: float, limit: Range) -> Range:
        if math.isinf(x):
            return limit
        y = self.evaluate(np.asarray(x))
        low, high = float(np.min(y)), float(np.max(y))
        size = max(abs(low), abs(high))
        if not math.isfinite(size):
            return WHOLE_LINE
        if self.relative == self.absolute == self.proportional == 0.0:
            return low, high  # it selects, and does not compute
        errors = self.relative * abs(x) + self.absolute + self.proportional * size
        slack = 2.0 * UNIT_ROUNDOFF * errors + 2.0**-1060  # twice: the last roundings are in it
        return low - slack, high + slack
