"""Pieces of the ball |x| ≤ r on which constants are bounded one by one: the steepest is halved."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...numerics.validation import FloatArray
from ..spectral.rounding import norm_above, norm_below


@dataclass(frozen=True)
class Ball:
    """All x with |x − ``centre``| ≤ ``radius``.

    >>> Ball(np.zeros(2), 1.0).radius
    1.0
    """

    centre: FloatArray
    radius: float


@dataclass(frozen=True)
class _Box:
    """All x with |xᵢ − centreᵢ| ≤ halfᵢ. Both are dyadic, so that halving them is exact."""

    centre: FloatArray
    half: FloatArray

    def ball(self) -> Ball:
        return Ball(self.centre, norm_above(self.half))

    def meets(self, radius: float) -> bool:
        """Whether some point of it may have |x| ≤ ``radius``."""
        return norm_below(np.maximum(np.abs(self.centre) - self.half, 0.0)) <= radius

    def halves(self) -> list[_Box]:
        axis = int(np.argmax(self.half))
        half = self.half.copy()
        half[axis] *= 0.5
        step = np.zeros_like(half)
        step[axis] = half[axis]
        return [_Box(self.centre - step, half), _Box(self.centre + step, half)]


def bound_over_cells(
    bound: Callable[[Ball], float], dimension: int, radius: float, cells: int
) -> float:
    """Bound a supremum over |x| ≤ ``radius``, given upper bounds on balls; ``cells`` calls at most.

    The box with the largest bound is halved, as long as calls are left. Guaranteed: the boxes that
    remain cover the ball, and each is inside the ball on which it was bounded. Source: flowcert
    [D].

    >>> far = lambda ball: float(np.abs(ball.centre[0])) + ball.radius
    >>> bound_over_cells(far, 1, 3.0, 1), bound_over_cells(far, 1, 3.0, 40) < 3.1
    (3.0, True)
    """
    whole = bound(Ball(np.zeros(dimension), radius))
    if not 2.0**-900 < radius < 2.0**900:
        return whole  # halving would not be exact
    side = math.ldexp(1.0, math.frexp(radius)[1])  # a power of two above the radius
    box = _Box(np.zeros(dimension), np.full(dimension, side))
    queue = [(-whole, 0, box)]  # numbered: equal bounds must not compare boxes
    calls = 1
    while calls + 2 <= cells:
        above, _, steepest = heapq.heappop(queue)
        for half in steepest.halves():
            if half.meets(radius):
                calls += 1
                heapq.heappush(queue, (max(above, -bound(half.ball())), calls, half))
    return -queue[0][0]
