"""N2: the error at the end against the evaluations of the field that it took."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import matplotlib.figure
import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from ..numerics import RungeKutta, find_method
from .figure import Figure, FigureCheck, FigureData
from .stored_results import read_stored_results, require_shapes
from .styling import METHOD_COLOURS, METHOD_DASHES, name_panel
from .work_ladders import (
    CONFIGURATION,
    FLOOR,
    METHODS,
    NAME,
    PARTS,
    SPANS,
    ladder,
    step_counts,
)

TITLES = {"Pendulum": "pendulum, swing of 1.5 rad", "Kepler": "Kepler, eccentricity 0.6"}
FEWEST_RUNGS = 6
WINDOW = 4  # the finest points above the floor, to which the order is fitted
AGAIN = 23  # ladders are climbed anew up to so many steps
# Rounding and its amplification by flows of Lipschitz constant 16 (Kepler at its perihelion, for a
# short while) in a few thousand operations.
SAME = 1e-11
TARGETS = (1e-4, 1e-8)
FAMILIES = (
    ("Euler", "RK4", "DormandPrince"),
    ("StormerVerlet", "Yoshida4(StormerVerlet)", "Yoshida6(StormerVerlet)"),
    ("GaussLegendre(2)", "GaussLegendre(3)"),
)


class WorkPrecision(Figure):
    """Each method's error falls with its order; the higher order wins where accuracy is asked for.

    Source: Hairer, Nørsett and Wanner, *Solving Ordinary Differential Equations I*, section II.3;
    Hairer, Lubich and Wanner, *Geometric Numerical Integration*, section V.3 [D].
    """

    name = "N2_work_precision"
    title = "Error against evaluations of the field"
    statement = (
        "Largest error over the variables at the end of the span, against a closed form right to "
        "all digits, and how often the field was evaluated on the way with equal steps: the "
        "pendulum to $t = 3$ and Kepler's problem to $t = 1.5$, from the perihelion. The recipe of "
        "the paper is to choose an integrator for a field [P]; what the choice costs is ours [D]. "
        "The legend tells the orders that a line's last four points above $10^{-12}$ show, in (a) "
        "and in (b). A part of a split field (a drift, a kick) counts as a whole evaluation, each "
        "stage of an iteration as one; Jacobians are counted apart; nothing is carried over from "
        "step to step."
    )

    def compute(self) -> FigureData:
        data = read_stored_results(NAME, CONFIGURATION)
        shapes: dict[str, tuple[int, ...]] = {}
        for key in _keys():
            rungs = len(data.get(f"{key}/steps", ()))
            shapes |= {f"{key}/{part}": (rungs,) for part in PARTS}
        return require_shapes(NAME, data, shapes)

    def check(self, data: FigureData) -> tuple[FigureCheck, ...]:
        checks = [_check_ladders(data)]
        for problem in SPANS:
            checks += [_check_first_rungs(problem, data)]
            checks += [_check_order(problem, method, data) for method in METHODS]
            checks += [_check_evaluations(problem, data), _check_families(problem, data)]
            checks += [_report_winners(problem, target, data) for target in TARGETS]
        return (*checks, _report_jacobians(data))

    def draw(self, data: FigureData) -> matplotlib.figure.Figure:
        picture = matplotlib.figure.Figure(figsize=(7.2, 4.3))
        panels = picture.subplots(1, 2, sharey=True)
        for axes, letter, (problem, title) in zip(panels, "ab", TITLES.items(), strict=True):
            name_panel(axes, letter, title)
            axes.set(
                xscale="log", yscale="log", xlabel="evaluations of the field",
                xlim=(3, 4e4), ylim=(3e-14, 8),
            )  # fmt: skip
            for method in METHODS:
                _draw_ladder(axes, problem, method, data)
        panels[0].set_ylabel("largest error at the end")
        picture.legend(
            handles=_legend(data),
            loc="outside lower center",
            ncols=3,
            title="observed orders, in (a) and in (b)",
        )
        return picture


@cache
def _first_rungs(problem: str, method: str) -> FigureData:
    return ladder(problem, method, AGAIN)


def _keys() -> list[str]:
    return [f"{problem}/{method}" for problem in SPANS for method in METHODS]


def _asymptotic(key: str, data: FigureData) -> slice:
    """The finest points whose error is above the floor."""
    last = int(np.count_nonzero(data[f"{key}/error"] >= FLOOR))
    return slice(max(last - WINDOW, 0), last)


def _observed_order(key: str, data: FigureData) -> float:
    part = _asymptotic(key, data)
    steps, error = (np.log(data[f"{key}/{what}"][part]) for what in ("steps", "error"))
    return -float(np.polyfit(steps, error, 1)[0])


def _check_ladders(data: FigureData) -> FigureCheck:
    counts = step_counts()
    wrong = [
        key
        for key in _keys()
        if data[f"{key}/steps"].tolist() != counts[: len(data[f"{key}/steps"])]
        or len(data[f"{key}/steps"]) < FEWEST_RUNGS
    ]
    total = sum(len(data[f"{key}/steps"]) for key in _keys())
    return FigureCheck(
        f"every ladder has the step counts it should, at least {FEWEST_RUNGS}",
        not wrong,
        f"{total} runs in {len(_keys())} ladders" + (f"; wrong: {', '.join(wrong)}" * bool(wrong)),
    )


def _check_first_rungs(problem: str, data: FigureData) -> FigureCheck:
    """Errors up to rounding; evaluations exactly, but iterations may take a turn more or less."""
    worst, runs, miscounted = 0.0, 0, []
    for method in METHODS:
        key = f"{problem}/{method}"
        again = _first_rungs(problem, method)
        rungs = len(again[f"{key}/steps"])
        runs += rungs
        error, asked = (data[f"{key}/{what}"][:rungs] for what in ("error", "evaluations"))
        worst = max(worst, float(np.abs(error - again[f"{key}/error"]).max()))
        slack = 0.0 if _evaluations_a_step(method) else 0.05
        if np.any(np.abs(asked / again[f"{key}/evaluations"] - 1) > slack):
            miscounted.append(method)
    return FigureCheck(
        f"{problem}: runs of up to {AGAIN} steps taken anew agree with the stored ones",
        worst <= SAME and not miscounted,
        f"{runs} runs, largest difference of the errors {worst:.1e}, allowed {SAME:.0e}; "
        + (f"other evaluations: {', '.join(miscounted)}" if miscounted else "same evaluations"),
    )


def _check_order(problem: str, method: str, data: FigureData) -> FigureCheck:
    key = f"{problem}/{method}"
    slope, order = _observed_order(key, data), find_method(method).order
    part = _asymptotic(key, data)
    first, last = data[f"{key}/steps"][part][[0, -1]]
    return FigureCheck(
        f"{problem}: {method}'s error falls with the order {order}, to 0.2",
        abs(slope - order) <= 0.2,
        f"order {slope:.3f} over {first} to {last} steps",
    )


def _evaluations_a_step(method: str) -> int | None:
    """What a method without iterations asks for in a step, from its very definition."""
    compositions = {"StormerVerlet": 1, "Yoshida4": 3, "Yoshida6": 7, "Yoshida8": 15}
    substeps = compositions.get(method.partition("(")[0])
    if substeps:
        return 3 * substeps  # kick, drift, kick
    found = find_method(method)
    assert isinstance(found, RungeKutta)  # all other METHODS are
    return found.tableau.stages if found.tableau.is_explicit() else None


def _check_evaluations(problem: str, data: FigureData) -> FigureCheck:
    wrong = []
    for method in METHODS:
        steps, asked = (data[f"{problem}/{method}/{what}"] for what in ("steps", "evaluations"))
        each = _evaluations_a_step(method)
        if each:
            right = bool(np.all(asked == each * steps))
        else:  # an iteration: ever fewer turns for ever shorter steps, two at least
            stages = int(method.partition("(")[2][:-1])
            turns = asked / (stages * steps)
            right = bool(np.all(turns >= 2) and turns[-1] < turns[0] < 10)
        wrong += [] if right else [method]
    return FigureCheck(
        f"{problem}: every method evaluates the field as often as its definition says",
        not wrong,
        f"{len(METHODS)} methods" + (f"; not {', '.join(wrong)}" if wrong else ""),
    )


def _work_for(target: float, key: str, data: FigureData) -> float:
    """Evaluations for an error, read off the line; infinite where the ladder does not reach it."""
    error, asked = data[f"{key}/error"], data[f"{key}/evaluations"]
    if error[0] <= target:
        return float(asked[0])
    for i, (before, after) in enumerate(pairwise(error.tolist())):
        if after <= target < before:
            share = np.log(before / target) / np.log(before / after)
            return float(np.exp(np.interp(share, [0, 1], np.log(asked[i : i + 2]))))
    return np.inf


def _check_families(problem: str, data: FigureData) -> FigureCheck:
    """Yoshida's order 8 has large constants: it pays only below this error."""
    target = TARGETS[-1]
    rows = [
        [_work_for(target, f"{problem}/{method}", data) for method in family] for family in FAMILIES
    ]
    return FigureCheck(
        f"{problem}: for an error of {target:.0e} the higher order wins in every family",
        all(after < before for row in rows for before, after in pairwise(row)),
        "; ".join(
            ", ".join(f"{method} {work:.0f}" for method, work in zip(family, row, strict=True))
            for family, row in zip(FAMILIES, rows, strict=True)
        ),
    )


def _report_winners(problem: str, target: float, data: FigureData) -> FigureCheck:
    work = {method: _work_for(target, f"{problem}/{method}", data) for method in METHODS}
    cheapest = sorted(METHODS, key=lambda method: work[method])
    orders = [find_method(method).order for method in cheapest]
    return FigureCheck(
        f"{problem}: for an error of {target:.0e} a higher order takes fewer evaluations",
        orders == sorted(orders, reverse=True),
        ", ".join(f"{method} {work[method]:.0f}" for method in cheapest).replace("inf", "∞"),
        kind="report",
    )


def _report_jacobians(data: FigureData) -> FigureCheck:
    ratios = {
        key: float((data[f"{key}/jacobians"] / data[f"{key}/steps"]).max())
        for key in _keys()
        if data[f"{key}/jacobians"].any()
    }
    return FigureCheck(
        "implicit methods: Jacobians a step, in the run that needs most",
        True,
        ", ".join(f"{key} {ratio:.2f}" for key, ratio in ratios.items()),
        kind="report",
    )


def _draw_ladder(axes: Axes, problem: str, method: str, data: FigureData) -> None:
    key = f"{problem}/{method}"
    axes.plot(
        data[f"{key}/evaluations"],
        data[f"{key}/error"],
        color=METHOD_COLOURS[method],
        linestyle=METHOD_DASHES.get(method, "-"),
        marker="o",
        markersize=2,
    )


def _legend(data: FigureData) -> list[Line2D]:
    handles = []
    for method in METHODS:
        orders = [f"{_observed_order(f'{problem}/{method}', data):.2f}" for problem in SPANS]
        style = {"color": METHOD_COLOURS[method], "linestyle": METHOD_DASHES.get(method, "-")}
        handles.append(Line2D([], [], label=f"{method}: {', '.join(orders)}", **style))
    return handles
