"""What acts on each entry alone, between two nodes: the slopes of each entry, enclosed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ..interval import Interval
from .backwards import Backwards, Way
from .operations import Operation
from .operations.activation import Activation
from .operations.diagonal import Diagonal, Entrywise
from .operations.rearrangement import Reshape
from .operations.sum import Sum

_ONE = Interval.of(1.0)
_LARGEST = 2**600  # what a constant factor may be: far within float64


@dataclass(frozen=True)
class EntrywiseMap:
    """Δ(end) = d∘Δ(start), entry by entry in row-major order, with d within ``slopes``.

    ``slopes`` broadcast to the shape of ``start``.
    """

    way: Way
    slopes: Interval


def read_entrywise(graph: Backwards, end: str, *, furthest: bool = False) -> EntrywiseMap | None:
    """Read the map from the nearest node (or the furthest) that acts on each entry alone.

    Activations, scalings of the entries, shifts, reshapings, and sums of such maps of one value:
    n·s + (p − n)·ReLU(s) has slopes between n and p. None where there is no such map, and where a
    slope is infinite.
    """
    operations = graph.operations

    def before(name: str) -> Sequence[str] | None:
        operation = operations[name]
        alone = isinstance(operation, Activation | Entrywise | Reshape | Sum)
        return operation.node.inputs if alone else None

    way = graph.way(end, before, furthest=furthest)
    if way is None:
        return None
    known = {way.start: _ONE}
    for name in way.nodes:
        operation = operations[name]
        known[name] = _through(operation, [known[given] for given in operation.node.inputs])
    slopes = _moved(known[end], operations[end].node.shape, operations[way.start].node.shape)
    finite = np.all(np.isfinite(slopes.lower)) and np.all(np.isfinite(slopes.upper))
    return EntrywiseMap(way, slopes) if finite else None


def _through(operation: Operation, given: Sequence[Interval]) -> Interval:
    """The slopes of an operation's value, from those of its inputs."""
    if isinstance(operation, Sum):
        total = Interval.of(0.0)
        for c, slopes in zip(operation.coefficients, given, strict=True):
            total = total + slopes * c
        return total
    [slopes] = given
    if isinstance(operation, Activation):
        low, high = operation.slopes
        return slopes * Interval(np.asarray(low), np.asarray(high))
    if isinstance(operation, Entrywise):
        return slopes * operation.map.enclosure
    return _moved(slopes, operation.shapes[0], operation.node.shape)


def _moved(slopes: Interval, before: tuple[int, ...], after: tuple[int, ...]) -> Interval:
    """The same slopes for the entries in another shape."""
    if before == after or slopes.lower.size == 1:
        flat = slopes.lower.size == 1
        return Interval(slopes.lower.ravel()[0], slopes.upper.ravel()[0]) if flat else slopes
    ends = (np.broadcast_to(end, before).reshape(after) for end in (slopes.lower, slopes.upper))
    return Interval(*ends)


def exact_factor(operation: Operation) -> Fraction | None:
    """Return the one number that multiplies all differences, exactly; None if there is none.

    Reshapings, sums of one term, and scalings by equal numbers (shifts multiply by 1).
    """
    if isinstance(operation, Reshape):
        return Fraction(1)
    if isinstance(operation, Sum) and len(operation.coefficients) == 1:
        return _bounded(Fraction(operation.coefficients[0]))
    if not isinstance(operation, Diagonal):
        return None
    # Equal ends of enclosures prove nothing: the numbers themselves must be equal.
    scale, divisor = operation.scale.ravel(), operation.divisor.ravel()
    if np.any(scale != scale[0]) or np.any(divisor != divisor[0]):
        return None
    return _bounded(Fraction(float(scale[0])) / Fraction(float(divisor[0])))


def _bounded(factor: Fraction) -> Fraction | None:
    return factor if factor == 0 or Fraction(1, _LARGEST) <= abs(factor) <= _LARGEST else None


def constant_factor(operation: Operation) -> Interval | None:
    """Return the one number that multiplies all differences, enclosed; None if there is none."""
    exact = exact_factor(operation)
    return None if exact is None else Interval.of(exact)
