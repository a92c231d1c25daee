"""A counterexample made readable: zeros, short decimals, few entries that differ."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ..numerics.validation import FloatArray

Points = tuple[FloatArray, ...]
Test = Callable[[Points], bool]

_ROUNDS = 3
_MOST_DIGITS = 12
_SINGLY = 64  # entries that are rounded one by one


def simplified(points: Points, holds: Test, *, budget: int) -> Points:
    """Return simpler points (vectors of one length) for which ``holds`` is still true.

    Tried in turn, with at most ``budget`` questions: the first point moved to 0 and the others with
    it, distances of 1, zeros and equal entries in ever smaller pieces, fewer digits, all at once
    and one by one. Deterministic.

    >>> [x] = simplified((np.array([0.1234, 5.0]),), lambda p: bool(p[0][0] > 0.11), budget=100)
    >>> x.tolist()
    [0.12, 0.0]
    """
    left = budget

    def accepts(candidate: Points, current: Points) -> bool:
        nonlocal left
        if left <= 0 or all(np.array_equal(p, q) for p, q in zip(candidate, current, strict=True)):
            return False
        left -= 1
        return holds(candidate)

    for _ in range(_ROUNDS):
        before = points
        for stage in (_moved, _scaled, _zeroed, _rounded, _rounded_singly):
            points = stage(points, accepts)
        if all(np.array_equal(p, q) for p, q in zip(before, points, strict=True)):
            break
    return points


Accepts = Callable[[Points, Points], bool]


def _moved(points: Points, accepts: Accepts) -> Points:
    """The first point to 0, or the last."""
    for origin in (points[0], points[-1]) if len(points) > 1 else ():
        candidate = tuple(p - origin for p in points)
        if accepts(candidate, points):
            return candidate
    return points


def _scaled(points: Points, accepts: Accepts) -> Points:
    """The other points at a distance of about 1 from the first: 0 and 1 are short to write."""
    first, *others = points
    distance = max((float(np.max(np.abs(p - first))) for p in others), default=0.0)
    if distance == 0.0:
        return points
    for decade in range(int(abs(math.log10(distance))) + 1):
        target = 10.0 ** (decade if distance > 1.0 else -decade)
        candidate = (first, *(first + (target / distance) * (p - first) for p in others))
        if accepts(candidate, points):
            return candidate
    return points


def _zeroed(points: Points, accepts: Accepts) -> Points:
    """A piece is set to 0, or moved so that it is 0 in the first, or to that of the first."""
    length = len(points[0])
    piece = length
    while piece >= 1:
        for start in range(0, length, piece):
            at = slice(start, start + piece)
            first = points[0][at]
            for values in (
                [np.zeros_like(first)] * len(points),
                [p[at] - first for p in points],
                [first] * len(points),
            ):
                pieces = zip(points, values, strict=True)
                candidate = tuple(_filled(p, at, value) for p, value in pieces)
                if accepts(candidate, points):
                    points = candidate
                    break
        piece //= 2
    return points


def _rounded(points: Points, accepts: Accepts) -> Points:
    for digits in range(1, _MOST_DIGITS + 1):
        candidate = tuple(_to_digits(p, digits) for p in points)
        if accepts(candidate, points):
            return candidate
    return points


def _rounded_singly(points: Points, accepts: Accepts) -> Points:
    places = np.flatnonzero(np.any(np.array(points) != 0.0, axis=0))[:_SINGLY]
    for index in range(len(points)):
        for place in places:
            for digits in range(1, 5):
                at = slice(place, place + 1)
                short = _filled(points[index], at, _to_digits(points[index][at], digits))
                candidate = (*points[:index], short, *points[index + 1 :])
                if np.array_equal(short, points[index]):
                    break  # as short as that already
                if accepts(candidate, points):
                    points = candidate
                    break
    return points


def _filled(point: FloatArray, at: slice, values: FloatArray) -> FloatArray:
    copy = point.copy()
    copy[at] = values
    return copy


def _to_digits(x: FloatArray, digits: int) -> FloatArray:
    """Round to so many significant decimal digits, each entry for itself."""
    return np.array([float(f"{value:.{digits - 1}e}") for value in x.tolist()])
