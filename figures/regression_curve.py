"""G6: the appendix's regression of |x| + sin x + x²."""

from __future__ import annotations

import matplotlib.figure
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from .figure import Figure, FigureCheck, FigureData
from .styling import POINT, name_panel
from .trained_networks import (
    COLOURS,
    KINDS,
    LABELS,
    REGRESSION,
    STRUCTURED,
    best_rival,
    check_axis,
    check_parameters,
    check_target,
    compare,
    draw_seeds,
    prefixed,
    read_regression,
)

RMS, LARGEST = "root mean square", "largest"
# Test points are drawn at random; a fine grid tells the same error up to their chance.
RMS_APART, LARGEST_APART = 1.15, 1.5


class RegressionCurve(Figure):
    """A curve with a kink by networks made of flows, and by plain ones of the same size.

    Source: target and experiment: paper, its appendix [P]; rivals and trainings: flowcert [D].
    """

    name = "G6_regression"
    section = "approximation"
    title = "A regression by networks made of flows, and by plain ones"
    statement = (
        "$|x| + \\sin x + x^2$ on $[-2, 2]$, the paper's example [P], from 400 points: both "
        "constructions (a lift to ten dimensions, then gradient or expansive and contractive, and "
        "sphere-preserving steps, then a linear read-out) and plain networks with as many "
        "parameters, within 5 %, and the same budget: Adam, 2500 steps, the best of three "
        "rates, five seeds [D]. (a) Target and predictions of the first seed. (b) Their errors. "
        "(c) Root mean squares on 2000 fresh points, a dot a seed, a bar at the mean."
    )

    def compute(self) -> FigureData:
        return read_regression("curve")

    def check(self, data: FigureData) -> tuple[FigureCheck, ...]:
        axis = data["curve/axis"]
        plain = prefixed("curve", [kind for kind in KINDS if kind not in STRUCTURED])
        return (
            check_axis("curve/axis", data, REGRESSION["side"]),
            check_target("|x| + sin x + x²", data["curve/target"], curve(axis)),
            check_parameters(prefixed("curve"), data),
            *(check_errors(key, curve(axis), data) for key in prefixed("curve")),
            *(
                compare(one, other, RMS, data)
                for one in prefixed("curve", STRUCTURED)
                for other in plain
            ),
        )

    def draw(self, data: FigureData) -> matplotlib.figure.Figure:
        picture = matplotlib.figure.Figure(figsize=(9.6, 3.4))
        values, errors, seeds = picture.subplots(1, 3, width_ratios=(1, 1.25, 0.85))
        plain = [kind for kind in KINDS if kind not in STRUCTURED]
        rival = best_rival(prefixed("curve", plain), RMS, data).rpartition("/")[2]
        _draw_values(values, (*STRUCTURED, rival), data)
        _draw_errors(errors, (*STRUCTURED, rival), data)
        name_panel(seeds, "c", "errors on fresh points")
        draw_seeds(seeds, prefixed("curve"), RMS, data)
        seeds.set(xlabel="root mean square error")
        return picture


def curve(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return |x| + sin x + x².

    >>> curve(np.array([-1.0, 0.0])).round(3).tolist()
    [1.159, 0.0]
    """
    return np.abs(x) + np.sin(x) + x**2


def check_errors(key: str, truth: NDArray[np.float64], data: FigureData) -> FigureCheck:
    """Check that predictions on the grid err as the first seed's errors on fresh points say."""
    error = data[key] - truth
    weights = np.ones(truth.shape)
    for place in range(truth.ndim):  # the trapezoidal rule: points on the border count half
        border = np.moveaxis(weights, place, 0)
        border[[0, -1]] *= 0.5
    found = {
        RMS: float(np.sqrt(np.sum(weights * error**2) / np.sum(weights))),
        LARGEST: float(np.abs(error).max()),
    }
    told = {what: float(data[f"{key}/{what}"][0]) for what in found}
    ratios = {what: max(found[what] / told[what], told[what] / found[what]) for what in found}
    return FigureCheck(
        f"{key}: the predictions that are drawn err as the first seed does on fresh points",
        ratios[RMS] <= RMS_APART and ratios[LARGEST] <= LARGEST_APART,
        ", ".join(f"{what} {found[what]:.4f}, stored {told[what]:.4f}" for what in found),
    )


def _draw_values(axes: Axes, kinds: tuple[str, ...], data: FigureData) -> None:
    name_panel(axes, "a", "$|x| + \\sin x + x^2$")
    axis = data["curve/axis"]
    axes.plot(axis, data["curve/target"], color=POINT, linewidth=3, alpha=0.3, label="target")
    for kind, dashes in zip(kinds, ("-", "--", ":"), strict=True):
        axes.plot(axis, data[f"curve/{kind}"], dashes, color=COLOURS[kind], label=LABELS[kind])
    axes.set(xlabel="$x$", xlim=(-2, 2))
    axes.legend(fontsize=7, loc="upper left")


def _draw_errors(axes: Axes, kinds: tuple[str, ...], data: FigureData) -> None:
    name_panel(axes, "b", "errors of the first seed")
    axis = data["curve/axis"]
    axes.axhline(0, color=POINT, linewidth=0.6)
    for kind, dashes in zip(kinds, ("-", "--", ":"), strict=True):
        error = data[f"curve/{kind}"] - curve(axis)
        axes.plot(axis, error, dashes, color=COLOURS[kind], label=LABELS[kind])
    axes.set(xlabel="$x$", xlim=(-2, 2), ylabel="prediction − target")
