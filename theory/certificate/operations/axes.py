"""Averages, means, sums, padding, slices and upsampling: small integer matrices along axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from ....errors import FlowcertError
from ....numerics.validation import FloatArray
from ...interval import Interval
from ...spectral.axes import Axes as AxesMap
from ...spectral.axes import AxisMap, AxisRow
from ...spectral.linear_map import LinearMap
from ..graph import LARGEST_VALUE
from .linear import Linear
from .operation import Arithmetic


class Axes(Linear):
    """``maps``: {axis, rows} one after the other, each row {indices, weights, divisor}."""

    operation = "axes"
    attributes = ("maps",)
    map: AxesMap

    def read_map(self) -> LinearMap:
        given = self.node.attributes["maps"]
        if not isinstance(given, list | tuple):
            raise self.malformed(f"maps {given!r}")
        maps = [self._read_axis(entry) for entry in given]
        between = dict(enumerate(self.shapes[0]))
        for factor in maps:
            between[factor.axis] = len(factor.rows)
            if math.prod(between.values()) > LARGEST_VALUE:
                raise self.malformed(f"more than {LARGEST_VALUE} entries between two maps")
        try:
            return AxesMap(maps, self.shapes[0])
        except FlowcertError as error:
            raise self.malformed(error.came) from error

    def _read_axis(self, entry: Any) -> AxisMap:
        if not isinstance(entry, dict) or set(entry) != {"axis", "rows"}:
            raise self.malformed(f"the map {entry!r}")
        if type(entry["axis"]) is not int or not isinstance(entry["rows"], list | tuple):
            raise self.malformed(f"the map along {entry['axis']!r}")
        return AxisMap(entry["axis"], tuple(self._read_row(row) for row in entry["rows"]))

    def _read_row(self, row: Any) -> AxisRow:
        if not isinstance(row, dict) or set(row) != {"indices", "weights", "divisor"}:
            raise self.malformed(f"the row {row!r}")
        lists = (row["indices"], row["weights"], [row["divisor"]])
        if not all(
            isinstance(numbers, list | tuple) and all(type(n) is int for n in numbers)
            for numbers in lists
        ):
            raise self.malformed(f"the row {row!r}")
        return AxisRow(tuple(row["indices"]), tuple(row["weights"]), row["divisor"])

    def range(self, ranges: Sequence[tuple[float, float]]) -> tuple[float, float]:
        """Per axis the hull of p·[low, high] − n·[low, high], p and n the sums of either sign."""
        [(low, high)] = ranges
        x = Interval(np.asarray(low), np.asarray(high))
        for factor in self.map.factors.values():
            sums = {_sums(list(row.values())) for row in factor.rows}
            parts = [_weighed(x, positive, negative) for positive, negative in sums]
            x = Interval(
                np.asarray(min(float(part.lower) for part in parts)),
                np.asarray(max(float(part.upper) for part in parts)),
            )
        ends = float(x.lower), float(x.upper)
        return (-math.inf, math.inf) if any(map(math.isnan, ends)) else ends

    def rounding(
        self,
        values: Sequence[FloatArray],
        output: FloatArray,
        radii: Sequence[FloatArray],
        arithmetic: Arithmetic,
    ) -> FloatArray:
        """None for selections, as ``Linear`` for averages and sums of copies, in any order.

        ∞ for unequal weights (bilinear): implementations compute them, each in its way.
        """
        if self.map.selects:
            return np.zeros(len(output))
        if not self.map.averages:
            return np.full(len(output), math.inf)
        return super().rounding(values, output, radii, arithmetic)


def _sums(entries: Sequence[Fraction]) -> tuple[Fraction, Fraction]:
    zero = Fraction(0)
    return sum((v for v in entries if v > 0), zero), sum((-v for v in entries if v < 0), zero)


def _weighed(x: Interval, positive: Fraction, negative: Fraction) -> Interval:
    parts = [sign * Interval.of(p) * x for sign, p in ((1.0, positive), (-1.0, negative)) if p]
    return sum(parts[1:], start=parts[0]) if parts else Interval.of(0.0)
