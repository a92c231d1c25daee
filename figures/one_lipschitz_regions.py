"""G1: where a pair of steps is 1-Lipschitz by the authors' bound, as the paper shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import matplotlib.figure
import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MultipleLocator
from numpy.typing import NDArray

from ..theory.step_optima import exact_highest_point
from ..theory.step_regions import AUTHORS_BOX, StepRegion
from .figure import Figure, FigureCheck, FigureData
from .region_grid import RegionGrid, exactly_inside
from .styling import AUTHORS, BOX, POINT, frame, legend_mark, name_panel

POINTS = 2000  # along each side, as in the authors' notebook


@dataclass(frozen=True)
class Panel:
    """One picture of the paper: a region on [0, side]², shown up to ``shown`` in h_E."""

    grid: str
    title: str
    region: StepRegion
    side: float
    shown: float
    box: bool = False


_ONE = StepRegion("alternating", "authors", 1)
_TWO = StepRegion("alternating", "authors", 2)
_WHOLE = StepRegion("whole_expansive", "authors", 2)

PANELS = (
    Panel("alternating_1", "alternating, $S = 1$, $a = 1/2$", _ONE, 1.0, 1.0),
    Panel("alternating_2", "alternating, $S = 2$, $a = 1/2$", _TWO, 1.0, 1.0),
    Panel("whole_expansive_2", "one whole expansive step, $S = 2$, $a = 1/2$", _WHOLE, 2.0, 1.0),
    Panel("whole_expansive_2", "the same, with the authors’ box", _WHOLE, 2.0, 1.0, box=True),
)


class OneLipschitzRegions(Figure):
    """The four panels on the authors' grids and windows, held against the exact boundary.

    Source: paper, the figures of the 1-Lipschitz regions, and the authors' notebook that draws
    them [P]; boundary, areas and maxima: flowcert [D].
    """

    name = "G1_regions"
    title = "The 1-Lipschitz regions as published"
    statement = (
        "Pairs of a contractive step $h_1 = h_C$ and an expansive step $h_2 = h_E$ that the "
        r"authors' bound $q = \sqrt{1 - 2at + t^2}$, $t = h_C/S$, $a = 1/2$, shows to be "
        "1-Lipschitz [P]. Alternating (S sub-steps of each kind): "
        r"$[q\,(1 + h_E/S)]^S \leq 1$; one whole expansive step: $q^S (1 + h_E) \leq 1$. Filled: "
        "members among the points of the authors' 2000 × 2000 grids on $[0, 1]^2$ (a, b) and "
        "$[0, 2]^2$ (c, d, shown up to $h_E = 1$), in float64; line: the exact boundary; ring: the "
        r"exact maximum of $h_E$; framed: the authors' box $[0.11, 1.89] \times [0, 0.05]$. The "
        "window of panel (b) ends at the region's axis of symmetry $h_C = 1$ and shows half of it."
    )

    def compute(self) -> FigureData:
        data: FigureData = {"box": np.array(AUTHORS_BOX)}
        for panel in _panels_by_grid():
            side = np.linspace(0, panel.side, POINTS)
            data |= RegionGrid.of(panel.region, side, side).pack(panel.grid)
        return data

    def check(self, data: FigureData) -> tuple[FigureCheck, ...]:
        checks: list[FigureCheck] = []
        for panel in _panels_by_grid():
            grid = RegionGrid.unpack(panel.region, panel.grid, data)
            label = panel.title.replace("$", "")
            checks += [
                grid.check_membership(label),
                grid.check_area(label),
                grid.check_highest_point(label),
            ]
            if panel.region == _WHOLE:
                checks.append(_check_box(grid, data["box"]))
        return tuple(checks)

    def draw(self, data: FigureData) -> matplotlib.figure.Figure:
        picture = matplotlib.figure.Figure(figsize=(7.0, 5.9))
        axes = picture.subplots(2, 2)
        for letter, panel, ax in zip("abcd", PANELS, axes.flat, strict=True):
            grid = RegionGrid.unpack(panel.region, panel.grid, data)
            name_panel(ax, letter, panel.title)
            _draw_region(ax, grid)
            if panel.box:
                _draw_box(ax, data["box"])
            ax.set(xlim=(0, panel.side), ylim=(0, panel.shown))
        for ax in axes[1]:
            ax.set_xlabel("contractive step $h_1 = h_{\\mathrm{C}}$")
        for ax in axes[:, 0]:
            ax.set_ylabel("expansive step $h_2 = h_{\\mathrm{E}}$")
        picture.legend(handles=_legend(), loc="outside lower center", ncols=4)
        return picture


def _panels_by_grid() -> Sequence[Panel]:
    """One panel for each grid: the third and the fourth share theirs."""
    return tuple({panel.grid: panel for panel in reversed(PANELS)}.values())[::-1]


def _check_box(grid: RegionGrid, box: NDArray[Any]) -> FigureCheck:
    """The region is an interval in h_C at each h_E and falls with h_E: its upper corners decide."""
    (left, right), (bottom, top) = box.tolist()
    corners = [exactly_inside(grid.region, h_C, top) for h_C in (left, right)]
    in_C = (left <= grid.h_C) & (grid.h_C <= right)
    in_E = (bottom <= grid.h_E) & (grid.h_E <= top)
    covered = grid.inside[np.ix_(in_C, in_E)]
    factors = [
        float((1 + Fraction(top)) * (1 - Fraction(h_C) / 2 + Fraction(h_C) ** 2 / 4))
        for h_C in (left, right)
    ]
    return FigureCheck(
        "the authors' box lies inside the region",
        all(corners) and bool(covered.all()) and box.tolist() == [list(row) for row in AUTHORS_BOX],
        f"[{left}, {right}] × [{bottom}, {top}]: factors at its upper corners "
        f"{factors[0]:.5f}, {factors[1]:.5f}; {covered.size} grid points in it, "
        f"{int((~covered).sum())} of them outside",
    )


def _draw_region(ax: Axes, grid: RegionGrid) -> None:
    best = exact_highest_point(grid.region)
    place, height = float(best.contractive_step), float(best.expansive_step)
    limit = grid.region.estimate_expansive_limit
    grid.fill(ax, color=AUTHORS, alpha=0.3)
    ax.plot(grid.h_C, limit(grid.h_C), color=AUTHORS)
    ax.plot(place, height, "o", color="white", markeredgecolor=POINT, clip_on=False, zorder=4)
    at_edge = place == grid.h_C[-1]
    ax.annotate(
        f"$({place:g},\\ {height:.4f})$",
        (place, height),
        xytext=(-3 if at_edge else 0, 7),
        textcoords="offset points",
        ha="right" if at_edge else "center",
    )
    middle = grid.h_C[-1] / 2
    area = f"area{' shown' if at_edge else ''} {float(grid.area_in_window()):.4f}"
    ax.text(middle, float(limit(middle)) * 0.45, area, ha="center", va="center")
    ax.xaxis.set_major_locator(MultipleLocator(grid.h_C[-1] / 4))
    ax.yaxis.set_major_locator(MultipleLocator(0.25))


def _draw_box(ax: Axes, box: NDArray[Any]) -> None:
    (left, right), (bottom, top) = box.tolist()
    ax.fill_between([left, right], bottom, top, color=BOX, alpha=0.35, linewidth=0)
    frame(ax, (left, right), top, edgecolor=BOX)


def _legend() -> list[Line2D | Patch]:
    return [
        Patch(facecolor=AUTHORS, alpha=0.3, label="members on the grid"),
        Line2D([], [], color=AUTHORS, label="exact boundary"),
        legend_mark("o", "white", "exact maximum", markeredgecolor=POINT),
        Patch(facecolor=(BOX, 0.35), edgecolor=BOX, label="authors’ box"),
    ]
