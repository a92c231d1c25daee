"""B6: where the proved error of a network made of flows comes from."""

from __future__ import annotations

from functools import cache

import matplotlib.figure
import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from ..theory.approximation.pieces import Result
from .approximation_runs import (
    AT_DEPTH,
    AT_WIDTH,
    BUDGET_DEPTHS,
    BUDGET_WIDTHS,
    BUDGETS,
    CHOICES,
    ERRORS,
    PARTS,
    RESULTS,
    TARGETS,
    TOLERANCE,
    budgets,
    read_approximation_runs,
    within,
)
from .error_against_depth import TITLES
from .figure import Figure, FigureCheck, FigureData
from .styling import EXPANSIVE, POINT, legend_mark, name_panel

PART_COLOURS = {"splitting": "#56B4E9", "field": "#009E73", "integration": "#E69F00"}
ROUNDING = 1e-9  # of layers and reference flow together
SUM = 1e-10  # totals are rounded outward
SAME = 1e-3  # least squares of nearly dependent columns: rounding shows in small parts
AGAIN: tuple[str, Result] = ("NonNormal", "second")
# One bar each: depths, widths, and what was chosen for the tolerance.
DEPTHS_AT = np.arange(len(BUDGET_DEPTHS))
WIDTHS_AT = len(BUDGET_DEPTHS) + 0.7 + np.arange(len(BUDGET_WIDTHS))
CHOSEN_AT = len(BUDGET_DEPTHS) + len(BUDGET_WIDTHS) + 1.4


class ErrorBudget(Figure):
    """What splitting, networks and their integration cost: the parts of the proved error.

    Source: the three steps of the results: paper [I]; bounds, parts and runs: flowcert [D].
    """

    name = "B6_error_budget"
    section = "approximation"
    title = "Networks made of flows: the proved error and its parts"
    statement = (
        "The flows of the splitting are replaced by layers, U and S by ridge networks, as both "
        "approximation results of the paper do [P], here with every part bounded on the whole unit "
        "ball [D]: subdivision costs nothing, the rest is due to Strang's splitting, to the fields "
        "that the networks have instead of $\\nabla U$ and $S(x)x$, and to the integration of "
        "these. Upper row: proved bound and largest error at 385 points, with more steps at width "
        "128, wider networks at 64 steps, and the steps and width chosen for a proved error of at "
        "most $10^{-3}$ (star). Lower row: the shares of the parts in the bound."
    )

    def compute(self) -> FigureData:
        return {
            key: values
            for key, values in read_approximation_runs().items()
            if key.startswith(("budget/", "within/"))
        }

    def check(self, data: FigureData) -> tuple[FigureCheck, ...]:
        return (
            _check_sums(data),
            _check_measured(data),
            _check_falling(data),
            *(_check_within(target, result, data) for target in TARGETS for result in RESULTS),
            _check_budget_again(data),
            _check_within_again(data),
            *(_report_parts(target, result, data) for target, result in BUDGETS),
        )

    def draw(self, data: FigureData) -> matplotlib.figure.Figure:
        picture = matplotlib.figure.Figure(figsize=(10.4, 5.2))
        panels = picture.subplots(2, len(BUDGETS), sharex=True, sharey="row",
                                  height_ratios=(1.5, 1))  # fmt: skip
        for axes, letter, (target, result) in zip(panels[0], "abcd", BUDGETS, strict=True):
            name_panel(axes, letter, f"{TITLES[target]}, {result} result")
            _draw_errors(axes, target, result, data)
        for axes, (target, result) in zip(panels[1], BUDGETS, strict=True):
            _draw_shares(axes, target, result, data)
        panels[0, 0].set_ylabel("error on the ball")
        panels[1, 0].set_ylabel("share in the bound")
        picture.legend(handles=_legend(), loc="outside lower center", ncols=6)
        return picture


@cache
def _budgets_anew(target: str, result: Result) -> FigureData:
    return budgets(target, result)


@cache
def _within_anew(target: str, result: Result) -> FigureData:
    return within(target, result)


def _rows(data: FigureData) -> dict[str, NDArray[np.float64]]:
    """All stored errors, a row a construction: (rows, ERRORS)."""
    return {
        key: np.atleast_2d(values) for key, values in data.items() if not key.endswith("/choices")
    }


def _column(rows: NDArray[np.float64], what: str) -> NDArray[np.float64]:
    return np.asarray(rows[:, ERRORS.index(what)])


def _check_sums(data: FigureData) -> FigureCheck:
    parts = np.vstack([rows[:, : len(PARTS)] for rows in _rows(data).values()])
    total = np.concatenate([_column(rows, "total") for rows in _rows(data).values()])
    finite = np.isfinite(total)
    ratio = total[finite] / parts[finite].sum(axis=1)
    return FigureCheck(
        "the parts add up to the total, and subdivision costs nothing",
        bool(np.all((ratio >= 1) & (ratio <= 1 + SUM)) and np.all(parts >= 0))
        and not np.any(parts[:, PARTS.index("subdivision")]),
        f"{finite.sum()} finite totals of {len(total)}, above the sums by"
        f" {ratio.max() - 1:.0e} at most",
    )


def _check_measured(data: FigureData) -> FigureCheck:
    wrong = [
        key
        for key, rows in _rows(data).items()
        if not np.all(_column(rows, "measured") <= _column(rows, "total") + ROUNDING)
    ]
    every = np.vstack(list(_rows(data).values()))
    total, measured = (_column(every, what) for what in ("total", "measured"))
    finite = np.isfinite(total) & np.isfinite(measured)
    ratios = total[finite] / measured[finite]
    return FigureCheck(
        "every measured error is below the proved total, up to rounding",
        not wrong,
        f"proved over measured {ratios.min():.3g} to {ratios.max():.3g}"
        + "".join(f"; not {key}" for key in wrong),
    )


def _check_falling(data: FigureData) -> FigureCheck:
    """Where they are finite: more steps split better, wider networks fit better."""
    wrong = []
    for target, result in BUDGETS:
        for against, part in (("depth", "splitting"), ("width", "field")):
            key = f"budget/{target}/{result}/{against}"
            values = _column(data[key], part)
            values = values[np.isfinite(_column(data[key], "total"))]
            if not np.all(np.diff(values) < 0):
                wrong.append(key)
    return FigureCheck(
        "the splitting's part falls with the depth, and the field's with the width",
        not wrong,
        f"{len(BUDGETS)} targets" + "".join(f"; not {key}" for key in wrong),
    )


def _check_within(target: str, result: Result, data: FigureData) -> FigureCheck:
    errors = dict(zip(ERRORS, data[f"within/{target}/{result}/errors"].tolist(), strict=True))
    choices = data[f"within/{target}/{result}/choices"].tolist()
    told = ", ".join(f"{what} {value}" for what, value in zip(CHOICES, choices, strict=True))
    return FigureCheck(
        f"{target}, {result} result: an error of {TOLERANCE:g} is proved and measured",
        errors["measured"] <= errors["total"] <= TOLERANCE,
        f"proved {errors['total']:.2e}, measured {errors['measured']:.2e}; {told}",
    )


def _apart(again: FigureData, data: FigureData) -> float:
    """The largest relative difference; what is below rounding has no relative one."""
    return max(
        float((np.abs(values - data[key]) / np.maximum(np.abs(values), ROUNDING)).max())
        for key, values in again.items()
    )


def _told(apart: float) -> str:
    """Say no more than matters: roundings differ between machines, and records should not."""
    return f"errors and parts within {SAME:g}" if apart <= SAME else f"relatively {apart:.1e} apart"


def _check_budget_again(data: FigureData) -> FigureCheck:
    target, result = AGAIN
    worst = _apart(_budgets_anew(target, result), data)
    return FigureCheck(
        f"{target}, {result} result: budgets made anew are the stored ones",
        worst <= SAME,
        f"{len(BUDGET_DEPTHS) + len(BUDGET_WIDTHS)} networks, {_told(worst)}",
    )


def _check_within_again(data: FigureData) -> FigureCheck:
    target, result = AGAIN
    again = _within_anew(target, result)
    key = f"within/{target}/{result}"
    same = np.array_equal(again[f"{key}/choices"], data[f"{key}/choices"])
    worst = _apart({f"{key}/errors": again[f"{key}/errors"]}, data)
    return FigureCheck(
        f"{target}, {result} result: asked anew for {TOLERANCE:g}, the same is chosen",
        same and worst <= SAME,
        _told(worst),
    )


def _report_parts(target: str, result: Result, data: FigureData) -> FigureCheck:
    row = data[f"budget/{target}/{result}/depth"][BUDGET_DEPTHS.index(AT_DEPTH)]
    parts = dict(zip(PARTS, row.tolist(), strict=False))
    largest = max(parts, key=lambda part: parts[part])
    return FigureCheck(
        f"{target}, {result} result: the parts with {AT_DEPTH} steps and width {AT_WIDTH}",
        True,
        ", ".join(f"{part} {value:.1e}" for part, value in parts.items())
        + f"; most is due to {largest}",
        kind="report",
    )


def _draw_errors(axes: Axes, target: str, result: Result, data: FigureData) -> None:
    key = f"budget/{target}/{result}"
    axes.set_yscale("log")
    axes.axhline(TOLERANCE, color="#999999", linestyle=":", linewidth=0.9)
    for places, against in ((DEPTHS_AT, "depth"), (WIDTHS_AT, "width")):
        total = _column(data[f"{key}/{against}"], "total")
        axes.plot(places, np.where(np.isfinite(total), total, np.nan), color=EXPANSIVE)
        axes.plot(places, _column(data[f"{key}/{against}"], "measured"), "o", color=POINT,
                  markersize=3.5)  # fmt: skip
        for place in places[~np.isfinite(total)]:
            axes.text(place, 0.97, "$\\infty$", color=EXPANSIVE, ha="center", va="top",
                      fontsize=10, transform=axes.get_xaxis_transform())  # fmt: skip
    errors = data[f"within/{target}/{result}/errors"]
    axes.plot(CHOSEN_AT, errors[ERRORS.index("total")], "*", color=EXPANSIVE, markersize=8)
    axes.plot(CHOSEN_AT, errors[ERRORS.index("measured")], "o", color=POINT, markersize=3.5)
    chosen = dict(zip(CHOICES, data[f"within/{target}/{result}/choices"].tolist(), strict=True))
    axes.text(0.98, 0.97, f"★ {chosen['steps']} steps,\n"
              f"width {chosen['width']}, {chosen['layers']} layers", fontsize=7, ha="right",
              va="top", transform=axes.transAxes)  # fmt: skip


def _draw_shares(axes: Axes, target: str, result: Result, data: FigureData) -> None:
    key = f"budget/{target}/{result}"
    rows = np.vstack([
        data[f"{key}/depth"], data[f"{key}/width"], data[f"within/{target}/{result}/errors"],
    ])  # fmt: skip
    places = np.concatenate([DEPTHS_AT, WIDTHS_AT, [CHOSEN_AT]])
    finite = np.isfinite(_column(rows, "total"))
    below = np.zeros(int(finite.sum()))
    for part, colour in PART_COLOURS.items():
        share = _column(rows, part)[finite] / _column(rows, "total")[finite]
        axes.bar(places[finite], share, 0.8, bottom=below, color=colour)
        below += share
    for place in places[~finite]:
        axes.text(place, 0.5, "$\\infty$", color=EXPANSIVE, ha="center", va="center", fontsize=10)
    labels = [str(value) for value in (*BUDGET_DEPTHS, *BUDGET_WIDTHS)]
    axes.set_xticks(places, [*labels, "★"], fontsize=6.5)
    axes.set_ylim(0, 1)
    middle = -0.17
    for place, text in ((DEPTHS_AT.mean(), f"steps, width {AT_WIDTH}"),
                        (WIDTHS_AT.mean(), f"width, {AT_DEPTH} steps")):  # fmt: skip
        axes.text(place, middle, text, fontsize=8, ha="center", va="top",
                  transform=axes.get_xaxis_transform())  # fmt: skip


def _legend() -> list[Line2D | Patch]:
    return [
        Line2D([], [], color=EXPANSIVE, label="proved bound"),
        legend_mark("o", POINT, "measured", markersize=3.5),
        legend_mark("*", EXPANSIVE, f"proved for {TOLERANCE:g}", markersize=8),
        *(Patch(facecolor=colour, label=part) for part, colour in PART_COLOURS.items()),
    ]
