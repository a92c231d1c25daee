"""Where a search for counterexamples looks: a box, finite or not, at magnitudes 1e-6 to 1e6."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import DomainError, ShapeError
from ..numerics.validation import FloatArray

Shape = tuple[int, ...]

BoolArray = NDArray[np.bool_]

_DECADES = 12.0
_LARGEST = 1e6  # magnitudes from 1e-6 to it are looked at


def read_shape(shape: int | Shape) -> Shape:
    """Return the shape of one input; an integer n means vectors (n,). Raises ShapeError.

    >>> read_shape(3), read_shape((2, 4))
    ((3,), (2, 4))
    """
    given: object = shape  # whatever a caller without types passes
    axes = given if isinstance(given, tuple | list) else (given,)
    if any(isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1 for n in axes):
        raise ShapeError(
            came=f"shape = {shape!r}",
            expected="a positive integer, or a tuple of them",
            remedy="Give the shape of one input, without a batch axis.",
        )
    return tuple(int(n) for n in axes)


@dataclass(frozen=True)
class Box:
    """All x with low ≤ x ≤ high, entry by entry, flattened.

    Where the domain is infinite (``open_below``, ``open_above``) the ends are those of the search.

    >>> Box.read((0.0, math.inf), (2,)).clip(np.array([[-1.0, 1e9]]))
    array([[      0., 1000000.]])
    """

    low: FloatArray
    high: FloatArray
    open_below: BoolArray
    open_above: BoolArray

    @staticmethod
    def read(domain: tuple[ArrayLike, ArrayLike], shape: Shape) -> Box:
        """Read (low, high), numbers or arrays that broadcast to ``shape``; raises DomainError."""
        try:
            low, high = (
                np.broadcast_to(np.asarray(end, dtype=np.float64), shape).ravel() for end in domain
            )
        except (TypeError, ValueError) as error:
            raise _bad_domain(domain, shape) from error
        if not bool(np.all(low < high)) or np.any(low == np.inf) or np.any(high == -np.inf):
            raise _bad_domain(domain, shape)
        below, above = np.isinf(low), np.isinf(high)
        lowest = np.where(above, -_LARGEST, np.minimum(-_LARGEST, high - _LARGEST))
        highest = np.where(below, _LARGEST, np.maximum(_LARGEST, low + _LARGEST))
        return Box(np.where(below, lowest, low), np.where(above, highest, high), below, above)

    @property
    def dimension(self) -> int:
        return len(self.low)

    @property
    def bounded(self) -> bool:
        return not bool(np.any(self.open_below | self.open_above))

    @property
    def centre(self) -> FloatArray:
        """The middle; of a half-line its end, of a line 0."""
        low = np.where(
            np.isfinite(self.low), self.low, np.where(self.high < np.inf, self.high, 0.0)
        )
        high = np.where(np.isfinite(self.high), self.high, low)
        return np.asarray(0.5 * low + 0.5 * high)

    @property
    def reach(self) -> float:
        """The length that counts as large: half the widest side; 1e6 where that is infinite."""
        if not self.bounded:
            return _LARGEST
        return float(np.max(self.high / 2 - self.low / 2))

    def clip(self, x: FloatArray) -> FloatArray:
        """Move points into the box, to its border."""
        return np.asarray(np.clip(x, self.low, self.high))

    def lengths(self, draw: np.random.Generator, count: int) -> FloatArray:
        """Lengths on a logarithmic scale, twelve decades up to ``reach``; half near 1."""
        top = math.log10(self.reach)
        wide = draw.uniform(top - _DECADES, top, count)
        middle = min(top, 1.0)
        near = draw.uniform(middle - 2.0, middle, count)
        return np.asarray(10.0 ** np.where(draw.random(count) < 0.5, wide, near))

    def points(self, draw: np.random.Generator, count: int) -> FloatArray:
        """Points of many magnitudes and patterns, those of a bounded box up to its corners."""
        steps = self.lengths(draw, count)[:, None] * directions(draw, count, self.dimension)
        if not self.bounded:
            return self.clip(self.centre + steps)
        uniform = draw.uniform(self.low, self.high, (count, self.dimension))
        corners = np.where(draw.random(uniform.shape) < 0.5, self.low, self.high)
        kind = draw.integers(0, 4, (count, 1))
        return self.clip(
            np.where(
                kind < 2,
                uniform,
                np.where(kind == 2, self.centre + steps, corners + steps),
            )
        )


def directions(draw: np.random.Generator, count: int, dimension: int) -> FloatArray:
    """Directions of largest entry 1 or so: dense, sparse, axes, signs, in turn.

    >>> directions(np.random.default_rng(0), 4, 1).shape
    (4, 1)
    """
    dense = draw.normal(size=(count, dimension))
    sparse = dense * (draw.random(dense.shape) < min(1.0, 3.0 / dimension))
    signs = np.sign(dense)
    axes = np.zeros_like(dense)
    axes[np.arange(count), draw.integers(0, dimension, count)] = np.sign(dense[:, 0])
    kind = draw.integers(0, 4, (count, 1))
    return np.asarray(
        np.where(kind == 0, dense, np.where(kind == 1, sparse, np.where(kind == 2, signs, axes)))
    )


def _bad_domain(domain: object, shape: Shape) -> DomainError:
    return DomainError(
        came=f"domain = {domain!r}",
        expected=f"(low, high) with low < high, numbers or arrays that broadcast to {shape}",
        remedy="The whole space is (-inf, inf).",
    )
