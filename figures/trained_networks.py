"""Stored trainings of the appendix's two experiments: configurations, comparisons, dots by seed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullLocator

from .figure import FigureCheck, FigureData
from .stored_results import read_stored_results, require_shapes

BUDGET: dict[str, Any] = {
    "rates": [0.001, 0.003, 0.01],
    "steps": 2500,
    "batch": 100,
    "look_every": 50,
    "seeds": [0, 1, 2, 3, 4],
    "trial_seed": 100,
}
SEEDS = len(BUDGET["seeds"])
# What was run, by ``python -m benchmarks.approximation``: these results are shown and no other.
REGRESSION: dict[str, Any] = {
    "targets": {"curve": "|x| + sin x + x²", "surface": "x₁² + |x₂| + sin x₁"},
    "side": 2.0,
    "sizes": {"curve": [400, 200, 2000], "surface": [1000, 500, 5000]},
    "lifted": 10,
    "depth": 3,
    "rank": 2,
    "step": 0.5,
    "hidden": {"first": 10, "second": 9, "tanh": 30, "ReLU": 30, "residual": 30},
    "structured": ["first", "second"],
    "budget": BUDGET,
}
LEARNED_FIELD: dict[str, Any] = {
    "field": "sin³x + x³",
    "dimension": 4,
    "step": 0.05,
    "side": 1.0,
    "sizes": [1000, 500, 2000],
    "rollout": {"steps": 15, "side": 0.5, "count": 500},
    "hidden": 64,
    "skew_hidden": 16,
    "unstructured": {"one layer": [80, 1], "two layers": [22, 2], "three layers": [16, 3]},
    "budget": BUDGET,
}
# Structured networks blue and green, the others not.
COLOURS = {
    "first": "#0072B2",
    "second": "#009E73",
    "tanh": "#CC79A7",
    "ReLU": "#E69F00",
    "residual": "#888888",
    "structured": "#0072B2",
    "one layer": "#E69F00",
    "two layers": "#CC79A7",
    "three layers": "#888888",
}
LABELS = {
    "first": "first construction",
    "second": "second construction",
    "tanh": "plain, tanh",
    "ReLU": "plain, ReLU",
    "residual": "plain, residual",
    "structured": "$\\nabla U + S(x)x$",
    "one layer": "plain, one layer",
    "two layers": "plain, two layers",
    "three layers": "plain, three layers",
}
KINDS = tuple(REGRESSION["hidden"])
STRUCTURED = tuple(REGRESSION["structured"])
POINTS = {"curve": 201, "surface": 41}
_DIMENSIONS = {"curve": 1, "surface": 2}
_PARAMETERS_APART = 0.05


def read_regression(target: str) -> FigureData:
    """Return what is stored of the "curve" or the "surface". Raises DataError.

    >>> read_regression("curve")["curve/axis"].shape
    (201,)
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for name, points in POINTS.items():
        grid = (points,) * _DIMENSIONS[name]
        shapes |= {f"{name}/axis": (points,), f"{name}/target": grid}
        for kind in KINDS:
            shapes |= {
                f"{name}/{kind}": grid,
                f"{name}/{kind}/root mean square": (SEEDS,),
                f"{name}/{kind}/largest": (SEEDS,),
                f"{name}/{kind}/parameters": (1,),
            }
    stored = read_stored_results("regression", REGRESSION)
    data = require_shapes("regression", stored, shapes)
    return {key: values for key, values in data.items() if key.startswith(f"{target}/")}


def prefixed(target: str, kinds: Sequence[str] = KINDS) -> list[str]:
    """Return the names under which the networks of a target are stored.

    >>> prefixed("curve", ["first"])
    ['curve/first']
    """
    return [f"{target}/{kind}" for kind in kinds]


def check_axis(key: str, data: FigureData, side: float) -> FigureCheck:
    """Check that the axis is [−side, side] in equal steps, to the six digits that are stored."""
    axis = data[key]
    distance = float(np.abs(axis - np.linspace(-side, side, len(axis))).max())
    return FigureCheck(
        f"the axis is [−{side:g}, {side:g}] in equal steps",
        distance <= 1e-6 * side,
        f"{len(axis)} points, {distance:.1e} away at most",
    )


def check_target(what: str, stored: Any, formula: Any) -> FigureCheck:
    """Check that the stored values of the target are the formula's, to six digits."""
    distance = float(np.abs(stored - formula).max())
    return FigureCheck(
        f"the stored target is {what}, to six digits",
        distance <= 1e-5,
        f"{np.size(stored)} values, {distance:.1e} away at most",
    )


def check_parameters(keys: Sequence[str], data: FigureData) -> FigureCheck:
    """Check that the first network and the others have as many parameters, within 5 %."""
    counts = [int(data[f"{key}/parameters"][0]) for key in keys]
    apart = max(abs(count / counts[0] - 1) for count in counts)
    return FigureCheck(
        f"the networks have as many parameters, within {_PARAMETERS_APART:.0%}",
        apart <= _PARAMETERS_APART,
        ", ".join(f"{_kind(key)} {count}" for key, count in zip(keys, counts, strict=True)),
    )


def best_rival(keys: Sequence[str], what: str, data: FigureData) -> str:
    """Return the name with the least mean error on the test data, which flatters it.

    >>> best_rival(["a", "b"], "error", {"a/error": np.ones(5), "b/error": np.zeros(5)})
    'b'
    """
    return min(keys, key=lambda key: float(data[f"{key}/{what}"].mean()))


def compare(one: str, other: str, what: str, data: FigureData) -> FigureCheck:
    """Report by how much the one network's error is below the other's. Nothing is judged.

    >>> data = {"a/error": np.ones(5), "b/error": np.full(5, 3.0)}
    >>> compare("a", "b", "error", data).detail
    '1.00e+00 ± 0.0e+00 against 3.00e+00 ± 0.0e+00: a ratio of 3.00; better with 5 of 5 seeds'
    """
    ours, theirs = data[f"{one}/{what}"], data[f"{other}/{what}"]
    means = [f"{values.mean():.2e} ± {values.std(ddof=1):.1e}" for values in (ours, theirs)]
    ratio = float(theirs.mean() / ours.mean())
    return FigureCheck(
        f"{what}: {_kind(one)} errs less than {_kind(other)}",
        ratio > 1,
        f"{means[0]} against {means[1]}: a ratio of {ratio:.2f}; better with"
        f" {int(np.sum(ours < theirs))} of {len(ours)} seeds",
        kind="report",
    )


def draw_seeds(axes: Axes, keys: Sequence[str], what: str, data: FigureData) -> None:
    """Draw a dot a seed and a bar at the mean on a log axis, the first network on top."""
    for row, key in enumerate(reversed(keys)):
        values, colour = data[f"{key}/{what}"], COLOURS[_kind(key)]
        axes.plot(values, np.full(len(values), row), "o", color=colour, markersize=3.5, alpha=0.8)
        axes.plot([values.mean()] * 2, [row - 0.3, row + 0.3], color=colour)
    axes.set_yticks(range(len(keys)), [LABELS[_kind(key)] for key in reversed(keys)], fontsize=7)
    axes.set(xscale="log", ylim=(-0.6, len(keys) - 0.4))
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter("{x:g}")


def _kind(key: str) -> str:
    return key.rpartition("/")[2]
