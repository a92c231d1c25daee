"""Maps that no composition of flows comes near: flows keep orientation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import NoReturn

import numpy as np

from ...errors import DomainError, StructureError
from ...numerics.validation import FloatArray, positive_integer
from .construction import ball_points
from .lift import Map, checked_map

_GRID = 4097
_STEP = 2.0**-18  # of finite differences, times the radius
_NOISE = 1e-6  # determinants below it, relative to the columns, have no sign
_ROUNDINGS = 2.0**-50  # of the values, relative


@dataclass(frozen=True)
class OrientationObstruction:
    """F(x) > F(y) at x < y: every increasing map is at least ``distance`` away from F.

    ``distance`` = (F(x) − F(y))/2 ≤ max(|F(x) − g(x)|, |F(y) − g(y)|) for g(x) ≤ g(y), rounded
    down from the float64 values of F. Source: paper, B7 [D].

    >>> orientation_obstruction(np.abs, 1.0)
    OrientationObstruction(distance=0.5, x=-1.0, y=0.0, at_x=1.0, at_y=0.0)
    """

    distance: float
    x: float
    y: float
    at_x: float
    at_y: float


def orientation_obstruction(
    F: Map, radius: float, *, count: int = _GRID
) -> OrientationObstruction | None:
    """Return max_{x<y}(F(x) − F(y))/2 over a grid of [−radius, radius], or None if F is monotone.

    F: R → R is batched, points (..., 1) to values (..., 1) or (...). A composition of flows on a
    line is an increasing homeomorphism, and so are nondecreasing all its limits. Guaranteed: a
    lower bound of the sup distance of F from all of them, up to the rounding of F itself; on the
    ``count`` ≥ 2 points of the grid alone it is attained. None says nothing beyond the grid.
    Raises DomainError, ShapeError, StructureError. Source: paper, B7 [D].

    >>> orientation_obstruction(lambda x: x**3, 2.0) is None
    True
    """
    _require_radius(radius)
    if positive_integer("count", count) < 2:
        raise DomainError(
            came="a grid of one point",
            expected="count ≥ 2",
            remedy="Monotonicity compares two points.",
        )
    grid = radius * np.linspace(-1, 1, count)
    values = checked_map(F, 1, 1)(grid[:, None])[:, 0]
    drop = np.maximum.accumulate(values) - values
    j = int(np.argmax(drop))
    if drop[j] <= 0:
        return None
    i = int(np.argmax(values[:j]))
    distance = _rounded_down((Fraction(float(values[i])) - Fraction(float(values[j]))) / 2)
    places = float(grid[i]), float(grid[j]), float(values[i]), float(values[j])
    return OrientationObstruction(distance, *places)


def estimate_reversal(F: Map, dimension: int, radius: float) -> tuple[FloatArray, float] | None:
    """Return a point of the ball where det DF < 0 and that determinant, the lowest found, or None.

    F: Rⁿ → Rⁿ is batched. An estimate: central differences at 385 points. Where det DF(x) < 0 in
    truth, F has the local degree −1 there, which a uniform limit of maps that keep orientation
    cannot have: F is at a positive distance from all compositions of flows. Raises DomainError,
    ShapeError, StructureError. Source: paper, B7 [D]; degree theory [P].

    >>> x, determinant = estimate_reversal(lambda x: x * np.array([1.0, -1.0]), 2, 1.0)
    >>> round(determinant, 6)
    -1.0
    """
    _require_radius(radius)
    n = positive_integer("dimension", dimension)
    h = _STEP * radius
    x = ball_points(n, radius - h)  # differences must not leave the ball
    ahead, behind = x[:, None, :] + h * np.eye(n), x[:, None, :] - h * np.eye(n)
    values = checked_map(F, n, n)
    after, before = values(ahead), values(behind)
    columns = (after - before) / (2 * h)
    determinants = np.linalg.det(columns)
    # |det| is at most the product of the lengths (Hadamard), and so are its changes.
    lengths = np.linalg.norm(columns, axis=-1)
    rounding = _ROUNDINGS * np.maximum(np.abs(after), np.abs(before)).max(axis=(-1, -2)) / h
    product = np.prod(lengths, axis=-1)
    shaken = np.prod(lengths + rounding[:, None], axis=-1) - product
    signed = determinants < -(shaken + _NOISE * product)
    if not np.any(signed):
        return None
    lowest = int(np.argmin(np.where(signed, determinants, 0)))
    return x[lowest], float(determinants[lowest])


def approximate_map(F: Map, dimension: int, radius: float) -> NoReturn:
    """Refuse F: Rⁿ → Rⁿ that is known by its values only, with the reason and the way out.

    The splitting constructions start from flows (field, time). This asks whether F could be
    near a composition of flows at all: for n = 1 by ``orientation_obstruction``, for n ≥ 2 by the
    sign of det DF at samples (an estimate). Always raises: StructureError with that reason;
    DomainError, ShapeError for input that is wrong already. Source: paper, B7 [D].

    >>> approximate_map(np.abs, 1, 1.0)
    Traceback (most recent call last):
        ...
    flowcert.errors.StructureError: got a map that is not increasing: F(-1) = 1 > F(0) = 0; ...
    """
    if positive_integer("dimension", dimension) == 1:
        _refuse_on_the_line(F, radius)
    reversal = estimate_reversal(F, dimension, radius)
    if reversal is None:
        raise _no_flow_known(dimension, "with no determinant below 0 at 385 points (an estimate)")
    x, determinant = reversal
    raise StructureError(
        came=f"a map with det DF = {determinant:.3g} < 0 at x = {x.round(6).tolist()} "
        "(an estimate, by finite differences)",
        expected="a map that keeps orientation, as compositions of flows and their uniform limits "
        "do: in the sup norm none of them comes near this one",
        remedy=f"Use lifted_map(F, {dimension}, {dimension}), which is exact: more dimensions "
        "remove the obstruction.",
    )


def _refuse_on_the_line(F: Map, radius: float) -> NoReturn:
    found = orientation_obstruction(F, radius)
    if found is None:
        raise _no_flow_known(1, f"that is nondecreasing on {_GRID} points of the interval")
    raise StructureError(
        came=f"a map that is not increasing: F({found.x:g}) = {found.at_x:g} > "
        f"F({found.y:g}) = {found.at_y:g}",
        expected="a composition of flows on a line, which is increasing, and every increasing map "
        f"is at least {found.distance:g} away from this one: at x = {found.x:g} or at "
        f"x = {found.y:g}",
        remedy="Use lifted_map(F, 1), which is exact: one more dimension removes the obstruction.",
    )


def _no_flow_known(dimension: int, what: str) -> StructureError:
    return StructureError(
        came=f"a map of R^{dimension} that is known by its values, {what}",
        expected="flows (field, time): the splitting constructions need the fields",
        remedy="Give them to approximate_flows([(field, time), …], radius), or use "
        f"lifted_map(F, {dimension}, {dimension}), which is exact for every map.",
    )


def _require_radius(radius: float) -> None:
    if not 0 < radius < math.inf:
        raise DomainError(
            came=f"radius = {radius!r}",
            expected="a positive finite radius",
            remedy="The map is looked at on |x| ≤ radius.",
        )


def _rounded_down(exact: Fraction) -> float:
    nearest = float(exact)
    return nearest if Fraction(nearest) <= exact else math.nextafter(nearest, -math.inf)
