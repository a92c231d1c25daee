"""The largest entry of each window."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ....numerics.validation import FloatArray
from ...spectral.rounding import above
from ..graph import LARGEST_VALUE, Shape
from .attributes import read_axes
from .operation import Factor, Inputs, times
from .selection import Selection


class MaxPool(Selection):
    """y[w₁, w₂, …] = max of x over the product of the windows w₁, w₂, … of the ``axes``.

    ``windows``: per axis a list of windows, each a list of indices; stride, padding (with −∞),
    dilation and adaptive sizes are all in these lists. Constant: with m_a the largest number of
    windows of axis a that share an index, an entry decides at most Πm_a maxima, so √Πm_a; attained
    where one entry is the maximum of all windows that hold it.
    """

    operation = "max_pool"
    attributes = ("axes", "windows")

    def prepare(self) -> None:
        [shape] = self.shapes
        self.axes = read_axes(self, len(shape))
        given = self.node.attributes["windows"]
        if not isinstance(given, list | tuple) or len(given) != len(self.axes):
            raise self.malformed(f"windows for {self.axes}: {given!r}")
        self.tables = tuple(
            self._table(windows, shape[axis])
            for axis, windows in zip(self.axes, given, strict=True)
        )
        between = list(shape)
        for axis, table in zip(self.axes, self.tables, strict=True):
            between[axis] = len(table)
            if math.prod(between) > LARGEST_VALUE:
                raise self.malformed(f"more than {LARGEST_VALUE} entries between two axes")
        self.overlap = math.prod(_largest_overlap(table) for table in self.tables)

    def shape(self) -> Shape:
        shape = list(self.shapes[0])
        for axis, table in zip(self.axes, self.tables, strict=True):
            shape[axis] = len(table)
        return tuple(shape)

    def evaluate(self, *values: FloatArray) -> FloatArray:
        [y] = values
        for axis, table in zip(self.axes, self.tables, strict=True):
            pooled = y.take(table[:, 0], axis=axis + 1)
            for indices in table.T[1:]:
                np.maximum(pooled, y.take(indices, axis=axis + 1), out=pooled)
            y = pooled
        return y

    def bound(self, inputs: Inputs) -> Factor:
        root = math.isqrt(self.overlap)
        factor = float(root) if root**2 == self.overlap else above(math.sqrt(self.overlap))
        return Factor(times(factor, inputs.joint), "overlapping windows", {"overlap": self.overlap})

    def range(self, ranges: Sequence[tuple[float, float]]) -> tuple[float, float]:
        [both] = ranges
        return both

    def _table(self, windows: object, length: int) -> np.typing.NDArray[np.intp]:
        """One row of indices a window, the first one repeated where a window is short."""
        if not isinstance(windows, list | tuple) or not windows:
            raise self.malformed(f"the windows {windows!r}")
        for window in windows:
            if not isinstance(window, list | tuple) or not window:
                raise self.malformed(f"the window {window!r}")
            if any(type(index) is not int or not 0 <= index < length for index in window):
                raise self.malformed(f"the window {window!r} on an axis of length {length}")
        width = max(len(window) for window in windows)
        if len(windows) * width > LARGEST_VALUE:
            raise self.malformed(f"windows with more than {LARGEST_VALUE} indices")
        rows = [[*window, *[window[0]] * (width - len(window))] for window in windows]
        return np.array(rows, dtype=np.intp)


def _largest_overlap(table: np.typing.NDArray[np.intp]) -> int:
    """The largest number of windows that share an index."""
    return int(np.max(np.bincount(np.concatenate([np.unique(row) for row in table]))))
