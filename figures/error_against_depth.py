"""B5: the error of both approximation results against depth, measured and proved."""

from __future__ import annotations

import math
from functools import cache

import matplotlib.figure
import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon
from numpy.typing import NDArray
from scipy.linalg import expm

from ..theory.approximation import find_target
from ..theory.approximation.pieces import Result
from .approximation_runs import (
    COLOURS,
    DEPTHS,
    ORDERS,
    RESULTS,
    TARGETS,
    depths,
    read_approximation_runs,
)
from .figure import Figure, FigureCheck, FigureData
from .styling import POINT, legend_mark, name_panel

TITLES = {
    "VanDerPol": "Van der Pol",
    "Duffing": "Duffing",
    "Pendulum": "pendulum",
    "NonNormal": "non-normal",
    "RandomPolynomial": "random polynomial",
}
PROVED = ("LieTrotter", "Strang")  # Yoshida's bound is proved too, and mostly infinite
MARKERS = {"LieTrotter": "o", "Strang": "s", "Yoshida4": "D"}
FEWEST_FINITE = 5
ROUNDING = 1e-9  # of layers and reference flow together
SLACK = 0.15  # of observed orders
LOWEST, HIGHEST, AT_INFINITY = 1e-10, 1e6, 2e5
STEPS_AGAIN = (4, 16, 32)
AGAIN: tuple[tuple[str, Result, str], ...] = (
    ("Pendulum", "first", "Strang"),
    ("NonNormal", "second", "LieTrotter"),
)


class ErrorAgainstDepth(Figure):
    """The proved error is above the measured one at every depth, and falls with the same order.

    Source: both approximation results: paper [I]; splitting bounds and runs: flowcert [D].
    """

    name = "B5_error_against_depth"
    section = "approximation"
    title = "Two approximation results: error against depth"
    statement = (
        "The flow of a vector field on the unit ball as a composition of flows of gradient and "
        "sphere-preserving fields (upper row, the paper's first result [P]) and of expansive, "
        "contractive and sphere-preserving fields (lower row, the second [P]). Marks: the largest "
        "error at 385 points of the ball; lines: bounds for the whole ball, proved by commutators "
        "and one-sided Lipschitz constants [D]. A mark $\\infty$: for steps so long a piece may "
        "blow up, or the bound does not hold. Triangles have the slopes 1, 2 and 4 of Lie and "
        "Trotter's, Strang's and Yoshida's splitting; of the last one errors alone are shown."
    )

    def compute(self) -> FigureData:
        return {
            key: values
            for key, values in read_approximation_runs().items()
            if key.partition("/")[0] in TARGETS
        }

    def check(self, data: FigureData) -> tuple[FigureCheck, ...]:
        return (
            *(_check_bounds(target, data) for target in TARGETS),
            _check_finite(data),
            *(_check_order(splitting, data) for splitting in DEPTHS),
            _check_linear(data),
            *(_check_again(*entry, data) for entry in AGAIN),
            _report_infinite(data),
            _report_bound_orders(data),
        )

    def draw(self, data: FigureData) -> matplotlib.figure.Figure:
        picture = matplotlib.figure.Figure(figsize=(10.4, 5.8))
        panels = picture.subplots(len(RESULTS), len(TARGETS), sharex=True, sharey=True)
        for row, result in zip(panels, RESULTS, strict=True):
            for axes, target in zip(row, TARGETS, strict=True):
                _draw_panel(axes, f"{target}/{result}", data)
            row[0].set_ylabel(f"{result} result: error on the ball")
        for axes, letter, target in zip(panels[0], "abcde", TARGETS, strict=True):
            name_panel(axes, letter, TITLES[target])
        for axes in panels[-1]:
            axes.set_xlabel("steps")
        picture.legend(handles=_legend(), loc="outside lower center", ncols=6)
        return picture


@cache
def _made_anew(target: str, result: Result, splitting: str) -> FigureData:
    return depths(target, result, splitting, STEPS_AGAIN)


def _keys(splittings: tuple[str, ...] = tuple(DEPTHS)) -> list[str]:
    return [f"{t}/{r}/{s}" for t in TARGETS for r in RESULTS for s in splittings]


def _splitting(key: str) -> str:
    return key.rpartition("/")[2]


def _check_bounds(target: str, data: FigureData) -> FigureCheck:
    keys = [key for key in _keys() if key.startswith(f"{target}/")]
    wrong = [
        key
        for key in keys
        if not np.all(data[f"{key}/measured"] <= data[f"{key}/bound"] + ROUNDING)
    ]
    runs = sum(len(data[f"{key}/bound"]) for key in keys)
    told = ", ".join(
        f"{result} {splitting} {_looseness(f'{target}/{result}/{splitting}', data)}"
        for result in RESULTS
        for splitting in PROVED
    )
    return FigureCheck(
        f"{target}: every measured error is below the proved one, up to rounding",
        not wrong,
        f"{runs} runs; proved over measured, loosest and at the finest: {told}"
        + "".join(f"; not {key}" for key in wrong),
    )


def _looseness(key: str, data: FigureData) -> str:
    bound, measured = data[f"{key}/bound"], data[f"{key}/measured"]
    finite = np.isfinite(bound) & np.isfinite(measured)
    ratios = bound[finite] / measured[finite]
    return f"{ratios.max():.3g} and {ratios[-1]:.3g}" if len(ratios) else "∞"


def _check_finite(data: FigureData) -> FigureCheck:
    finite = {key: int(np.isfinite(data[f"{key}/bound"]).sum()) for key in _keys(PROVED)}
    fewest = min(finite, key=lambda key: finite[key])
    return FigureCheck(
        f"at least {FEWEST_FINITE} depths with a finite bound, for every target, both results,"
        f" {' and '.join(PROVED)}",
        finite[fewest] >= FEWEST_FINITE,
        f"fewest {finite[fewest]}, of {fewest}",
    )


def _finest_order(key: str, what: str, data: FigureData) -> float:
    """From the last two errors above rounding."""
    steps, errors = np.array(DEPTHS[_splitting(key)]), data[f"{key}/{what}"]
    seen = np.isfinite(errors) & (errors >= ROUNDING)
    if np.count_nonzero(seen) < 2:
        return math.nan
    before, last = np.flatnonzero(seen)[-2:]
    return float(np.log(errors[before] / errors[last]) / np.log(steps[last] / steps[before]))


def _check_order(splitting: str, data: FigureData) -> FigureCheck:
    found = {key: _finest_order(key, "measured", data) for key in _keys((splitting,))}
    order = ORDERS[splitting]
    wrong = [key for key, slope in found.items() if not abs(slope - order) <= SLACK]
    return FigureCheck(
        f"{splitting}: the measured error falls with the order {order}, to {SLACK:g}",
        not wrong,
        f"orders {min(found.values()):.3f} to {max(found.values()):.3f} at the finest depths"
        + "".join(f"; {key} {found[key]:.3f}" for key in wrong),
    )


def _check_linear(data: FigureData) -> FigureCheck:
    """A linear field splits into its symmetric and its skew part: matrix exponentials tell all.

    −μx commutes with both, so that both results err alike. Points on a circle, π/64 apart, miss
    the largest error by the factor cos(π/128) at most.
    """
    asked = find_target("NonNormal")
    matrix = np.array(asked.field.jacobian_matrix, dtype=np.float64)
    missed = math.cos(math.pi / 128)
    worst, proved = 0.0, True
    for key in (key for key in _keys() if key.startswith("NonNormal/")):
        exact = linear_errors(matrix, asked.time, _splitting(key)) * asked.radius
        ratios = data[f"{key}/measured"] / exact
        worst = max(worst, float(np.maximum(ratios - 1, missed - ratios).max()))
        proved &= bool(np.all(exact <= data[f"{key}/bound"]))
    return FigureCheck(
        "NonNormal: errors are those of products of matrix exponentials, and below the bounds",
        worst <= 1e-6 and proved,
        f"beyond the points' own margin by {max(worst, 0.0):.1e} at most",
    )


def linear_errors(matrix: NDArray[np.float64], time: float, splitting: str) -> NDArray[np.float64]:
    """Return ‖Ψ^N − e^{TA}‖₂ of a splitting into symmetric and skew part, for all its depths.

    >>> bool(linear_errors(np.diag([-1.0, -2.0]), 1.0, "Strang").max() < 1e-13)
    True
    """
    symmetric, skew = (matrix + matrix.T) / 2, (matrix - matrix.T) / 2
    outer = 1 / (2 - 2 ** (1 / 3))
    shares = {"LieTrotter": (1.0,), "Strang": (1.0,), "Yoshida4": (outer, 1 - 2 * outer, outer)}
    errors = []
    for steps in DEPTHS[splitting]:
        step = np.eye(len(matrix))
        for share in shares[splitting]:
            h = share * time / steps
            if splitting == "LieTrotter":
                step = expm(h * skew) @ expm(h * symmetric) @ step
            else:
                half = expm(h / 2 * symmetric)
                step = half @ expm(h * skew) @ half @ step
        difference = np.linalg.matrix_power(step, steps) - expm(time * matrix)
        errors.append(float(np.linalg.norm(difference, 2)))
    return np.array(errors)


def _check_again(target: str, result: Result, splitting: str, data: FigureData) -> FigureCheck:
    again = _made_anew(target, result, splitting)
    places = [DEPTHS[splitting].index(steps) for steps in STEPS_AGAIN]
    worst = max(
        float(np.abs(values / data[key][places] - 1).max()) for key, values in again.items()
    )
    return FigureCheck(
        f"{target}, {result} result, {splitting}: made anew, errors and bounds are the stored ones",
        worst <= 1e-6,
        f"{len(places)} depths, relative difference {worst:.1e} at most",
    )


def _report_infinite(data: FigureData) -> FigureCheck:
    found = []
    for key in _keys(PROVED):
        steps = np.array(DEPTHS[_splitting(key)])[~np.isfinite(data[f"{key}/bound"])]
        if len(steps):
            found.append(f"{key} with {', '.join(map(str, steps))} steps")
    return FigureCheck(
        "every bound of Lie and Trotter's and Strang's splitting is finite",
        not found,
        "infinite: " + ("; ".join(found) if found else "none"),
        kind="report",
    )


def _report_bound_orders(data: FigureData) -> FigureCheck:
    slopes = {
        splitting: [_finest_order(key, "bound", data) for key in _keys((splitting,))]
        for splitting in PROVED
    }
    return FigureCheck(
        "the bounds fall with the orders of the errors, at the finest depths",
        all(abs(slope - ORDERS[s]) <= 2 * SLACK for s, found in slopes.items() for slope in found),
        "; ".join(f"{s} {min(found):.2f} to {max(found):.2f}" for s, found in slopes.items()),
        kind="report",
    )


def _draw_panel(axes: Axes, key: str, data: FigureData) -> None:
    axes.set(xscale="log", yscale="log", ylim=(LOWEST, HIGHEST), xlim=(3, 700))
    axes.set_xticks([4, 16, 64, 256], ["4", "16", "64", "256"])
    axes.minorticks_off()
    for splitting, steps in DEPTHS.items():
        colour = COLOURS[splitting]
        measured = data[f"{key}/{splitting}/measured"]
        axes.plot(steps, np.where(np.isfinite(measured), measured, np.nan), MARKERS[splitting],
                  color=colour, markersize=3.2)  # fmt: skip
        _draw_triangle(axes, splitting, measured, colour)
        if splitting in PROVED:
            _draw_bound(axes, splitting, data[f"{key}/{splitting}/bound"])


def _draw_bound(axes: Axes, splitting: str, bound: NDArray[np.float64]) -> None:
    finite = np.isfinite(bound)
    steps = np.array(DEPTHS[splitting])
    axes.plot(steps[finite], bound[finite], color=COLOURS[splitting])
    lower = AT_INFINITY / 10 ** PROVED.index(splitting)  # one below the other
    for count in steps[~finite].tolist():
        axes.text(count, lower, "$\\infty$", color=COLOURS[splitting], fontsize=10,
                  ha="center", va="center")  # fmt: skip


def _draw_triangle(axes: Axes, splitting: str, measured: NDArray[np.float64], colour: str) -> None:
    """Below the last marks: one factor of two to the right, the slope's power of it down."""
    order = ORDERS[splitting]
    first, last = DEPTHS[splitting][-2:]
    top = 0.4 * float(measured[-2])
    bottom = top * (first / last) ** order
    corners = [(first, top), (last, bottom), (first, bottom)]
    axes.add_patch(Polygon(corners, facecolor=colour, edgecolor="none", alpha=0.45))
    axes.text(first / 1.12, math.sqrt(top * bottom), str(order), color=colour, fontsize=7,
              ha="right", va="center")  # fmt: skip


def _legend() -> list[Line2D]:
    marks = [legend_mark(MARKERS[s], COLOURS[s], f"{s}, measured", markersize=4) for s in DEPTHS]
    lines = [Line2D([], [], color=COLOURS[s], label=f"{s}, proved") for s in PROVED]
    return [*marks, *lines, legend_mark("$\\infty$", POINT, "no finite bound", markersize=7)]
