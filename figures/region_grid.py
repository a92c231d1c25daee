"""A step region on a grid, and the ways a grid can be held against what is known exactly."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from ..errors import DomainError
from ..theory.arithmetic import FLOATS
from ..theory.step_optima import (
    exact_area,
    exact_highest_point,
    exact_smallest_contraction,
)
from ..theory.step_regions import StepRegion
from .figure import FigureCheck, FigureData

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class RegionGrid:
    """A region's members among the points of a grid, ``inside[i, j]`` for (h_C[i], h_E[j]).

    >>> region = StepRegion("whole_expansive", "sharp", 1)
    >>> grid = RegionGrid.of(region, np.array([0.0, 1.0]), np.array([0.0, 1.0, 2.0]))
    >>> grid.inside.tolist()
    [[True, False, False], [True, True, False]]
    >>> grid.check_membership("a small grid").holds
    True
    """

    region: StepRegion
    h_C: Floats
    h_E: Floats
    inside: Bools

    @classmethod
    def of(cls, region: StepRegion, h_C: Floats, h_E: Floats) -> RegionGrid:
        """Decide every point in plain float64: the bound of the pair's constant is at most 1."""
        factor = region.formula_factor(FLOATS, h_C[:, np.newaxis], h_E[np.newaxis, :])
        return cls(region, h_C, h_E, np.asarray(factor <= 1))

    def pack(self, name: str) -> FigureData:
        """Return the grid as arrays to store; the members as bits."""
        bits = np.packbits(self.inside, axis=1)
        return {f"{name}_h_C": self.h_C, f"{name}_h_E": self.h_E, f"{name}_inside": bits}

    @classmethod
    def unpack(cls, region: StepRegion, name: str, data: FigureData) -> RegionGrid:
        """Return the grid that ``pack`` stored."""
        h_C, h_E = data[f"{name}_h_C"], data[f"{name}_h_E"]
        bits = np.unpackbits(data[f"{name}_inside"], axis=1, count=len(h_E))
        return cls(region, h_C, h_E, bits.astype(bool))

    @property
    def counts(self) -> NDArray[np.intp]:
        """How many members each column has."""
        return np.asarray(self.inside.sum(axis=1))

    @property
    def heights(self) -> Floats:
        """The h_E of each column's highest member; NaN in a column without one."""
        counts = self.counts
        return np.where(counts > 0, self.h_E[np.maximum(counts, 1) - 1], np.nan)

    def fill(self, axes: Axes, **style: Any) -> None:
        """Fill the members' cells on the axes: one stair for each run of equal columns."""
        turns = np.flatnonzero(np.diff(self.counts))
        between = (self.h_C[turns] + self.h_C[turns + 1]) / 2
        edges = np.concatenate([self.h_C[:1], between, self.h_C[-1:]])
        tops = np.nan_to_num(self.heights)[np.append(turns, len(self.h_C) - 1)]
        axes.stairs(tops, edges, fill=True, linewidth=0, **style)

    def check_membership(self, label: str) -> FigureCheck:
        """Every point against exact rational arithmetic.

        The factor rises with h_E, so the members of a column must be its lowest points, and exact
        arithmetic on the last member and the first other point decides the whole column.
        """
        lowest_first = bool(np.all(self.inside[:, :-1] >= self.inside[:, 1:]))
        wrong = sum(not self._column_is_right(i, int(count)) for i, count in enumerate(self.counts))
        return FigureCheck(
            f"{label}: membership at every grid point is the exact one",
            lowest_first and wrong == 0,
            f"{self.inside.size} points in {len(self.h_C)} columns, {wrong} of these wrong"
            + ("" if lowest_first else "; some column has a gap"),
        )

    def _column_is_right(self, i: int, count: int) -> bool:
        last_is_in = count == 0 or self._is_in(i, count - 1)
        next_is_out = count == len(self.h_E) or not self._is_in(i, count)
        return last_is_in and next_is_out

    def _is_in(self, i: int, j: int) -> bool:
        return exactly_inside(self.region, float(self.h_C[i]), float(self.h_E[j]))

    def check_area(self, label: str) -> FigureCheck:
        """The area between two sums over the grid's cells that enclose it rigorously.

        h_E* rises to its one maximum and falls after it, so over a cell it is at least the lower of
        its ends and at most the higher one, or the maximum in the cell that holds it; the column
        heights give each end up to one grid step.
        """
        low, high = self._area_enclosure()
        exact = float(self.area_in_window())
        return FigureCheck(
            f"{label}: the area agrees with the exact one",
            low <= exact <= high,
            f"exact {exact:.6f}, enclosed by the grid in [{low:.6f}, {high:.6f}]",
        )

    def _area_enclosure(self) -> tuple[float, float]:
        h_C, counts = self.h_C, self.counts
        below = np.where(counts > 0, self.h_E[np.maximum(counts, 1) - 1], 0.0)
        above = np.where(counts > 0, self.h_E[np.minimum(counts, len(self.h_E) - 1)], 0.0)
        best = exact_highest_point(self.region)
        ceilings = np.maximum(above[:-1], above[1:])
        place, height = float(best.contractive_step), float(best.expansive_step)
        ceilings[(h_C[:-1] <= place) & (place <= h_C[1:])] = height
        widths = np.diff(h_C)
        return float(widths @ np.minimum(below[:-1], below[1:])), float(widths @ ceilings)

    def area_in_window(self) -> Any:
        """The exact area of the part that the window shows, as a sympy number."""
        region, right = self.region, float(self.h_C[-1])
        extent = float(2 * region.slope if region.bound == "authors" else 2) * region.substeps
        if float(exact_highest_point(region).expansive_step) < self.h_E[-1]:
            if extent <= right:
                return exact_area(region)
            if region.bound == "authors" and right == extent / 2:
                return exact_area(region) / 2  # q depends on |t − a| only: the axis halves it
        raise DomainError(
            came=f"the window h_C ≤ {right}, h_E ≤ {self.h_E[-1]} of the region {region}",
            expected="one that holds the region whole, or an authors' region up to its axis",
            remedy="Widen the window, or derive the area of the part it shows.",
        )

    def check_largest_box(self, box: Floats, label: str) -> FigureCheck:
        """The box [l, r] × [0, e] against the largest one with corners on the grid.

        Sections of the region at one h_E are intervals, so a grid box is inside if its upper
        corners are. The largest box must fit up to round-off, be no smaller than the largest grid
        box, and no larger than that one and two grid steps of width and one of height.
        """
        left, right, top = box.tolist()
        factors = self.region.formula_factor(FLOATS, np.array([left, right]), top)
        members = self.inside.any(axis=0)
        first = self.h_C[self.inside.argmax(axis=0)]
        last = self.h_C[::-1][self.inside[::-1].argmax(axis=0)]
        areas = np.where(members, (last - first) * self.h_E, 0.0)
        area, of_grid = (right - left) * top, float(areas.max())
        step_C, step_E = float(np.diff(self.h_C).max()), float(np.diff(self.h_E).max())
        allowed = 2 * step_C * top + (right - left) * step_E
        fits = bool(np.all(np.abs(factors - 1) < 1e-12))
        return FigureCheck(
            label,
            fits and 0 <= area - of_grid <= allowed,
            f"[{left:.4f}, {right:.4f}] × [0, {top:.4f}], area {area:.4f}; the largest with "
            f"corners on the grid has {of_grid:.4f} ({allowed:.4f} less would do)",
        )

    def check_highest_point(self, label: str) -> FigureCheck:
        """The highest member against the exact maximum.

        Its height is at most the maximum, and less by no more than a grid step in h_E and what the
        boundary can climb over half a grid step in h_C (its slope is at most q^−(p + 1), p the
        power of 1/q in h_E*, q the least factor). The place lies next to the highest columns.
        """
        best = exact_highest_point(self.region)
        place, height = float(best.contractive_step), float(best.expansive_step)
        heights, h_C = np.nan_to_num(self.heights, nan=-1.0), self.h_C
        power = 1 if self.region.family == "alternating" else self.region.substeps
        steepest = float(exact_smallest_contraction(self.region)) ** -(power + 1)
        step_C, step_E = float(np.diff(h_C).max()), float(np.diff(self.h_E).max())
        top = np.flatnonzero(heights == heights.max())
        near = h_C[max(top[0] - 1, 0)] <= place <= h_C[min(top[-1] + 1, len(h_C) - 1)]
        gap = height - float(heights.max())
        allowed = step_E + steepest * step_C / 2
        return FigureCheck(
            f"{label}: the highest point agrees with the exact one",
            bool(near) and 0 <= gap <= allowed,
            f"h_E = {best.expansive_step} = {height:.6f} at h_C = {best.contractive_step}; on the "
            f"grid {float(heights.max()):.6f} ({gap:.1e} below, {allowed:.1e} allowed) for h_C in "
            f"[{h_C[top[0]]:.4f}, {h_C[top[-1]]:.4f}]",
        )


def check_inclusion(inner: RegionGrid, outer: RegionGrid, label: str) -> FigureCheck:
    """Whether no grid point of ``inner`` lies outside ``outer``, on the same grid."""
    same = np.array_equal(inner.h_C, outer.h_C) and np.array_equal(inner.h_E, outer.h_E)
    outside = int((inner.inside & ~outer.inside).sum()) if same else inner.inside.size
    return FigureCheck(
        label,
        outside == 0 and bool(inner.inside.any()),
        f"{int(inner.inside.sum())} points of the inner region, {outside} of them outside the "
        f"outer one, which has {int(outer.inside.sum())}",
    )


def exactly_inside(region: StepRegion, h_C: float, h_E: float) -> bool:
    """Return whether the pair is in the region, by an inequality between fractions.

    Written out here once more, apart from ``StepRegion``, to be held against it: with t = h_C/S,
    (1 + h_E/S)²·q² ≤ 1 (alternating) or (1 + h_E)²·q^(2S) ≤ 1 (whole expansive).

    >>> exactly_inside(StepRegion("whole_expansive", "authors", 2), 1.0, 1 / 3)
    True
    >>> exactly_inside(StepRegion("whole_expansive", "authors", 2), 1.0, 0.33333334)
    False
    """
    a, S = Fraction(region.slope), region.substeps
    t, e = Fraction(h_C) / S, Fraction(h_E)
    if region.bound == "authors":
        q_squared = 1 - 2 * a * t + t * t
    else:
        q_squared = max((1 - t) ** 2, (1 - a * t) ** 2)
    if region.family == "alternating":
        return (1 + e / S) ** 2 * q_squared <= 1
    return (1 + e) ** 2 * q_squared**S <= 1
