"""G1: the authors' and the sharp region in one picture, with the learned step pairs in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import matplotlib.figure
import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from ..theory.judgement import CriterionName, Judgement, judge_steps, published_pairs
from ..theory.step_optima import exact_highest_point, exact_largest_box
from ..theory.step_regions import AUTHORS_BOX, BOUNDS, FAMILIES, Bound, Family, StepRegion
from .figure import Figure, FigureCheck, FigureData
from .region_grid import RegionGrid, check_inclusion, exactly_inside
from .styling import AUTHORS, BOX, EXPANSIVE, POINT, SHARP, frame, legend_mark, name_panel

SUBSTEPS, SLOPE = 2, 0.5
POINTS = 2000  # along each side of a grid
HEIGHTS: dict[Family, float] = {"whole_expansive": 9.0, "alternating": 4.5}  # of the windows
WIDTH = 4.0  # the sharp regions end at h_C = 2S
ZOOM = (2.1, 0.9)
DASHES = (0, (4, 2))

COLOURS: dict[Bound, str] = {"authors": AUTHORS, "sharp": SHARP}
NAMES: dict[Bound, str] = {"authors": "authors' bound", "sharp": "sharp bound"}
CRITERIA: dict[Family, tuple[CriterionName, ...]] = {
    "whole_expansive": ("authors_box", "authors_region", "sharp_region"),
    "alternating": ("authors_region", "sharp_region"),
}


class TwoRegions(Figure):
    """What the sharp factor adds to the authors' region, and where the published steps lie.

    Source: authors' region, box and networks: paper and its public code [P]; sharp region, maxima
    and largest boxes: flowcert, claims of group D2 [D].
    """

    name = "G1_authors_and_sharp"
    title = "The authors' and the sharp 1-Lipschitz region, and the learned steps"
    statement = (
        "Step pairs that are 1-Lipschitz for $A^T A = I$, $a = 1/2$, $S = 2$: by the authors' "
        r"bound $q = \sqrt{1 - 2at + t^2}$ [P] and by the sharp one $q = \max(|1 - t|, |1 - at|)$ "
        "[D], $t = h_C/S$. (a) One whole expansive step, with the exact maxima of $h_E$, the boxes "
        r"$[l, r] \times [0, e]$ of largest area in both regions and the six learned pairs of the "
        "published flexible network; (b) its lower left corner with the authors' box: three pairs "
        "lie in all of box, authors' and sharp region, three in none. (c) The alternating family "
        "with the six pairs of the published prescribed network. Networks: CIFAR-10, margin 0.15. "
        "The published convolutions are zero-padded, for which $A^T A = I$ fails: the picture "
        "judges steps, not networks."
    )

    def compute(self) -> FigureData:
        data: FigureData = {"box": np.array(AUTHORS_BOX)}
        for family in FAMILIES:
            h_C, h_E = np.linspace(0, WIDTH, POINTS), np.linspace(0, HEIGHTS[family], POINTS)
            for bound in BOUNDS:
                data |= RegionGrid.of(_region(family, bound), h_C, h_E).pack(f"{family}_{bound}")
            data |= _pairs(family)
        for bound in BOUNDS:
            box = exact_largest_box(_region("whole_expansive", bound))
            ends = (box.contractive_min, box.contractive_max, box.expansive_max)
            data[f"largest_box_{bound}"] = np.array([float(end) for end in ends])
        return data

    def check(self, data: FigureData) -> tuple[FigureCheck, ...]:
        checks: list[FigureCheck] = []
        for family in FAMILIES:
            grids = {bound: _grid(family, bound, data) for bound in BOUNDS}
            for bound, grid in grids.items():
                label = f"{_in_words(family)}, {NAMES[bound]}"
                checks += [
                    grid.check_membership(label),
                    grid.check_area(label),
                    grid.check_highest_point(label),
                ]
                if family == "whole_expansive":
                    box = data[f"largest_box_{bound}"]
                    checks.append(grid.check_largest_box(box, f"{label}: the largest box"))
            label = f"{_in_words(family)}: the authors' region lies in the sharp one"
            checks.append(check_inclusion(grids["authors"], grids["sharp"], label))
            checks.append(_check_pairs(family, data))
        return (*checks, _check_three_of_six(data), _report_prescribed(data))

    def draw(self, data: FigureData) -> matplotlib.figure.Figure:
        picture = matplotlib.figure.Figure(figsize=(7.2, 5.2))
        layout = picture.add_gridspec(2, 2, width_ratios=(0.85, 1))
        whole = picture.add_subplot(layout[:, 0])
        corner = picture.add_subplot(layout[0, 1])
        alternating = picture.add_subplot(layout[1, 1], sharex=corner)

        name_panel(whole, "a", "one whole expansive step")
        _draw_regions(whole, "whole_expansive", data)
        _draw_optima(whole, data)
        _draw_flexible(whole, data, named=False)
        frame(whole, (0, ZOOM[0]), ZOOM[1], edgecolor="#666666", linewidth=0.6)
        whole.text(ZOOM[0] + 0.06, ZOOM[1] - 0.06, "(b)", va="top", fontsize=7)
        whole.set(xlim=(0, WIDTH), ylim=(0, HEIGHTS["whole_expansive"]))

        name_panel(corner, "b", "corner of (a), flexible network")
        _draw_regions(corner, "whole_expansive", data)
        _draw_maximum(corner, "authors", labelled=True)
        (left, right), (_, top) = data["box"].tolist()
        frame(corner, (left, right), top, edgecolor=BOX)
        _draw_flexible(corner, data, named=True)
        name_panel(alternating, "c", "alternating, prescribed network")
        _draw_regions(alternating, "alternating", data)
        _draw_prescribed(alternating, data)
        for ax in (corner, alternating):
            ax.set(xlim=(0, ZOOM[0]), ylim=(0, ZOOM[1]))
        for ax in (whole, corner, alternating):
            ax.set_ylabel("expansive step $h_2 = h_{\\mathrm{E}}$")
        for ax in (whole, alternating):
            ax.set_xlabel("contractive step $h_1 = h_{\\mathrm{C}}$")
        corner.tick_params(labelbottom=False)
        picture.legend(handles=_legend(), loc="outside lower center", ncols=4)
        return picture


def _region(family: Family, bound: Bound) -> StepRegion:
    return StepRegion(family, bound, SUBSTEPS, SLOPE)


def _grid(family: Family, bound: Bound, data: FigureData) -> RegionGrid:
    return RegionGrid.unpack(_region(family, bound), f"{family}_{bound}", data)


def _in_words(family: Family) -> str:
    return family.replace("_", " ")


def _pairs(family: Family) -> FigureData:
    """The published pairs of one family, and which of its criteria hold them inside."""
    judged = [it for it in judge_steps() if it.pair.family == family]
    pairs = [it.pair for it in judged]
    return {
        f"{family}_pairs": np.array([(pair.block, pair.pair) for pair in pairs]),
        f"{family}_pair_steps": np.array(
            [(pair.contractive_step, pair.expansive_step) for pair in pairs]
        ),
        f"{family}_pairs_inside": np.array([_verdicts(it, family) for it in judged]),
    }


def _pair_by_pair(family: Family, data: FigureData) -> Iterator[tuple[Any, Any, Any]]:
    """Each pair's steps, verdicts and place in the network, as Python numbers."""
    keys = (f"{family}_pair_steps", f"{family}_pairs_inside", f"{family}_pairs")
    return zip(*(data[key].tolist() for key in keys), strict=True)


def _verdicts(judgement: Judgement, family: Family) -> list[bool]:
    return [bool(judgement[name].inside) for name in CRITERIA[family]]


def _check_pairs(family: Family, data: FigureData) -> FigureCheck:
    """The verdicts once more: regions between fractions, the box in float32 as its edges are."""
    steps, said = data[f"{family}_pair_steps"], data[f"{family}_pairs_inside"]
    again = []
    for h_C, h_E in steps.tolist():
        verdicts = [exactly_inside(_region(family, bound), h_C, h_E) for bound in BOUNDS]
        if family == "whole_expansive":
            (left, right), (_, top) = np.array(AUTHORS_BOX, dtype=np.float32)
            inside = left <= np.float32(h_C) <= right and np.float32(h_E) <= top
            verdicts.insert(0, bool(inside))
        again.append(verdicts)
    differ = int((np.array(again) != said).sum())
    learned = [it for it in published_pairs() if it.family == family]
    same = steps.tolist() == [[it.contractive_step, it.expansive_step] for it in learned]
    return FigureCheck(
        f"{_in_words(family)}: the learned pairs lie where exact arithmetic puts them",
        differ == 0 and same and len(steps) == 6,
        f"{len(steps)} pairs, {said.size} verdicts, {differ} differ"
        + ("" if same else "; these are not the published steps"),
    )


def _check_three_of_six(data: FigureData) -> FigureCheck:
    inside: NDArray[Any] = data["whole_expansive_pairs_inside"]
    outside_all = int((~inside).all(axis=1).sum())
    inside_all = int(inside.all(axis=1).sum())
    return FigureCheck(
        "flexible network: 3 of 6 pairs lie outside box, authors' and sharp region",
        (len(inside), outside_all, inside_all) == (6, 3, 3),
        f"{outside_all} of {len(inside)} outside all three, {inside_all} inside all three",
    )


def _report_prescribed(data: FigureData) -> FigureCheck:
    authors, sharp = data["alternating_pairs_inside"].sum(axis=0).tolist()
    total = len(data["alternating_pairs"])
    return FigureCheck(
        "prescribed network: all pairs lie in both regions",
        authors == sharp == total,
        f"{authors} of {total} in the authors' region, {sharp} in the sharp one",
        kind="report",
    )


def _draw_regions(ax: Axes, family: Family, data: FigureData) -> None:
    for bound in reversed(BOUNDS):
        grid = _grid(family, bound, data)
        limit = grid.region.estimate_expansive_limit(grid.h_C)
        grid.fill(ax, color=COLOURS[bound], alpha=0.25)
        ax.plot(grid.h_C, np.where(limit >= 0, limit, np.nan), color=COLOURS[bound])


def _draw_optima(ax: Axes, data: FigureData) -> None:
    for bound in BOUNDS:
        left, right, top = data[f"largest_box_{bound}"].tolist()
        frame(ax, (left, right), top, edgecolor=COLOURS[bound], linestyle=DASHES)
        _draw_maximum(ax, bound, labelled=bound == "sharp")


def _draw_maximum(ax: Axes, bound: Bound, *, labelled: bool) -> None:
    best = exact_highest_point(_region("whole_expansive", bound))
    place, height = float(best.contractive_step), float(best.expansive_step)
    ax.plot(place, height, "o", color="white", markeredgecolor=POINT, zorder=4)
    if labelled:
        ax.annotate(
            f"$({best.contractive_step},\\ {best.expansive_step})$",
            (place, height),
            xytext=(0, 6),
            textcoords="offset points",
            ha="center",
        )


def _draw_flexible(ax: Axes, data: FigureData, *, named: bool) -> None:
    for (h_C, h_E), verdicts, (block, pair) in _pair_by_pair("whole_expansive", data):
        good = all(verdicts)
        _mark(ax, h_C, h_E, good, scale=1.0 if named else 0.6)
        if named and not good:
            _name_pair(ax, f"block {block}, pair {pair}", h_C, h_E)


def _name_pair(ax: Axes, name: str, h_C: float, h_E: float) -> None:
    """Beside the mark; from within the region where the boundaries leave no room."""
    if h_E > 0.2:
        ax.annotate(name, (h_C, h_E), xytext=(6, 3), textcoords="offset points", fontsize=7)
    else:
        line = {"arrowstyle": "-", "linewidth": 0.5, "shrinkB": 4.0}
        ax.annotate(name, (h_C, h_E), xytext=(0.42, 0.115), va="center", fontsize=7,
                    arrowprops=line)  # fmt: skip


def _draw_prescribed(ax: Axes, data: FigureData) -> None:
    for (h_C, h_E), verdicts, _ in _pair_by_pair("alternating", data):
        _mark(ax, h_C, h_E, all(verdicts))
    steps = data["alternating_pair_steps"]
    places, numbers = np.unique(steps, axis=0, return_counts=True)
    h_C, h_E = places[numbers.argmax()]
    ax.annotate(f"{numbers.max()} pairs", (h_C, h_E), xytext=(-5, 5), textcoords="offset points",
                ha="right", fontsize=7)  # fmt: skip


def _mark(ax: Axes, h_C: float, h_E: float, good: bool, scale: float = 1.0) -> None:
    marker, colour, size = ("o", POINT, 5) if good else ("X", EXPANSIVE, 7)
    ax.plot(h_C, h_E, marker, color=colour, markeredgecolor="white", markeredgewidth=0.5 * scale,
            markersize=size * scale, clip_on=False, zorder=5)  # fmt: skip


def _legend() -> list[Line2D | Patch]:
    return [
        Line2D([], [], color=AUTHORS, label="authors’ bound"),
        Line2D([], [], color=SHARP, label="sharp bound"),
        legend_mark("o", "white", "exact maximum", markeredgecolor=POINT),
        Line2D([], [], color="#666666", linestyle=DASHES, label="largest box"),
        Patch(facecolor="none", edgecolor=BOX, label="authors’ box"),
        legend_mark("o", POINT, "learned pair inside"),
        legend_mark("X", EXPANSIVE, "learned pair outside", markersize=6),
    ]
