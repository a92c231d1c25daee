"""A ball covered by small cells, and suprema over it that are proved cell by cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from ..errors import DomainError
from ..numerics.validation import FloatArray, in_range, positive_integer
from .ball_arrays import BallArray
from .symbolic import ball_array_function

OUTWARD = 1 + 1e-12  # more than the roundings of a few hundred operations
_MOST_DIMENSIONS = 2
_TINY = 1e-300


@dataclass(frozen=True, eq=False)
class Cells:
    """Cubes of half-width ``half`` around ``centres`` (N, n) that cover the ball |x| ≤ ``radius``.

    ``inner`` and ``outer`` are bounds of |x| over each cell; cells come by rising ``inner``.

    >>> cells = cover(1.0, dimension=2, per_side=16)
    >>> bool(cells.outer.max() > 1), bool((np.diff(cells.inner) >= 0).all())
    (True, True)
    """

    centres: FloatArray
    half: float
    inner: FloatArray
    outer: FloatArray
    radius: float

    def balls(self, margin: float = 0.0) -> list[BallArray]:
        """Return the coordinates as balls; ``margin`` δ adds complex discs of radius δ."""
        rad = np.full(len(self.centres), (self.half + margin) * OUTWARD)
        return [BallArray(column, rad) for column in self.centres.T]


def cover(radius: float, dimension: int, per_side: int) -> Cells:
    """Return cells that cover the ball of this radius in R or R².

    Raises DomainError for a radius that is not positive and finite, and for n ≥ 3, where the cells
    would be too many.

    >>> len(cover(1.0, dimension=1, per_side=10).centres)
    10
    """
    if not 0 < radius < np.inf:
        raise DomainError(
            came=f"a ball of radius {radius!r}",
            expected="a positive finite radius",
            remedy="The bounds hold on a ball around the origin: give its radius.",
        )
    if dimension > _MOST_DIMENSIONS:
        raise DomainError(
            came=f"a ball in dimension {dimension}",
            expected=f"dimension at most {_MOST_DIMENSIONS}",
            remedy="Suprema are proved for n ≤ 2 only; measured errors exist in every dimension.",
        )
    count = positive_integer("per_side", per_side)
    line = radius / count * (2 * np.arange(count) - count + 1)
    # Beyond half a step: the roundings of the centres must leave no gaps, however many there are.
    half = (radius / count + 1e-15 * radius) * OUTWARD + _TINY
    grid = np.meshgrid(*[line] * positive_integer("dimension", dimension), indexing="ij")
    centres = np.stack(grid, -1).reshape(-1, dimension)
    distance, reach = _distance(list(centres.T)), half * np.sqrt(dimension) * OUTWARD
    inner = np.maximum(distance / OUTWARD - reach, 0.0)
    order = np.argsort(inner, kind="stable")
    order = order[inner[order] <= radius]
    outer = distance[order] * OUTWARD + reach
    return Cells(centres[order], half, inner[order], outer, radius)


def _distance(parts: Sequence[FloatArray]) -> FloatArray:
    # Squares would overflow, and underflow to a length of 0.
    return np.asarray(reduce(np.hypot, parts, np.zeros(())))


@dataclass(frozen=True, eq=False)
class Profile:
    """r ↦ an upper bound of a function over |x| ≤ r: nondecreasing, ∞ beyond the covered ball.

    >>> cells = cover(1.0, dimension=1, per_side=10)
    >>> profile = Profile.over(cells, cells.outer)
    >>> bool(0.5 <= profile(0.5) <= 0.75), profile(2.0)
    (True, inf)
    """

    inner: FloatArray
    highest: FloatArray
    radius: float

    @staticmethod
    def over(cells: Cells, bounds: FloatArray) -> Profile:
        """Return the profile of a function with these bounds over the cells; NaN counts as ∞."""
        known = np.where(np.isnan(bounds), np.inf, bounds)
        return Profile(cells.inner, np.maximum.accumulate(known), cells.radius)

    def __call__(self, r: float) -> float:
        if not r <= self.radius:
            return np.inf
        # All cells that meet |x| ≤ r: those whose inner bound is at most r.
        return float(self.highest[np.searchsorted(self.inner, r, side="right") - 1])


def enclose(
    cells: Cells, expressions: Sequence[Any], symbols: Sequence[Any], margin: float = 0.0
) -> list[BallArray]:
    """Enclose expressions over every cell, by the mean value form where that is tighter.

    e(x) ∈ e(c) + Σᵢ ∂ᵢe(cell)·(xᵢ − cᵢ): overestimated by O(half²) only. With a complex ``margin``
    the plain enclosure is taken. Raises DomainError for a margin that is not in [0, ∞).

    >>> import sympy
    >>> x = sympy.Symbol("x", real=True)
    >>> cells = cover(1.0, dimension=1, per_side=100)
    >>> [ball] = enclose(cells, [x - x**2], [x])
    >>> bool(0.25 <= ball.upper.max() < 0.251)
    True
    """
    in_range("margin", margin, 0.0, np.inf)
    plain = ball_array_function(expressions, symbols)(*cells.balls(margin))
    plain = [_spread(ball, len(cells.centres)) for ball in plain]
    if margin > 0:
        return plain
    slopes = [e.diff(x) for e in expressions for x in symbols]
    over = ball_array_function(slopes, symbols)(*cells.balls())
    centre = [BallArray(column, np.zeros(len(column))) for column in cells.centres.T]
    at = ball_array_function(expressions, symbols)(*centre)
    step = BallArray(np.zeros(()), np.asarray(cells.half * OUTWARD))
    n = len(symbols)
    return [
        _tighter(ball, sum((s * step for s in over[i * n : (i + 1) * n]), at[i]))
        for i, ball in enumerate(plain)
    ]


def _spread(ball: BallArray, count: int) -> BallArray:
    return BallArray(np.broadcast_to(ball.mid, count), np.broadcast_to(ball.rad, count))


def _tighter(one: BallArray, other: BallArray) -> BallArray:
    choose = other.rad < one.rad
    return BallArray(np.where(choose, other.mid, one.mid), np.where(choose, other.rad, one.rad))


def length(parts: Sequence[BallArray]) -> FloatArray:
    """Return upper bounds of the Euclidean length of a vector of balls, over each cell.

    >>> bool(5 <= length([BallArray.of(3.0), BallArray.of(4.0)]) < 5.0001)
    True
    """
    with np.errstate(over="ignore"):
        return np.asarray(_distance([part.magnitude for part in parts]) * OUTWARD)


def largest_eigenvalue_over(cells: Cells, symmetric: Any, symbols: Sequence[Any]) -> FloatArray:
    """Return upper bounds over each cell of λ_max of a symmetric sympy matrix, 1 × 1 or 2 × 2.

    >>> import sympy
    >>> x = sympy.Symbol("x", real=True)
    >>> highest = largest_eigenvalue_over(cover(1.0, 1, 50), sympy.Matrix([[x]]), [x]).max()
    >>> bool(1 <= highest < 1.0001)
    True
    """
    n = symmetric.rows
    upper = [(i, j) for i in range(n) for j in range(i, n)]
    balls = dict(
        zip(upper, enclose(cells, [symmetric[i, j] for i, j in upper], symbols), strict=True)
    )
    return largest_eigenvalue([[balls[min(i, j), max(i, j)] for j in range(n)] for i in range(n)])


def largest_eigenvalue(symmetric: Sequence[Sequence[BallArray]]) -> FloatArray:
    """Return upper bounds of λ_max of a symmetric 1 × 1 or 2 × 2 matrix of balls.

    λ_max = (a + d)/2 + √(((a − d)/2)² + b²).

    >>> one, two = BallArray.of(1.0), BallArray.of(2.0)
    >>> bool(3 <= largest_eigenvalue([[one, two], [two, one]]) < 3.0001)
    True
    """
    if len(symmetric) == 1:
        return symmetric[0][0].upper
    (a, b), (_, d) = symmetric
    middle, half = (a + d) * 0.5, (a - d) * 0.5
    with np.errstate(over="ignore"):
        root = np.hypot(half.magnitude, b.magnitude) * OUTWARD
        total = middle.upper + root
        return np.asarray(total + 1e-14 * (np.abs(middle.upper) + root))
