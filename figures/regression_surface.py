"""G6: the regression of a surface with a kink."""

from __future__ import annotations

from typing import Any

import matplotlib.figure
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from .figure import Figure, FigureCheck, FigureData
from .regression_curve import RMS, check_errors
from .styling import name_panel
from .trained_networks import (
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

LEVELS = 9  # colours of errors


class RegressionSurface(Figure):
    """A surface with a kink along a line: where networks made of flows and plain ones err.

    Source: experiment: paper, its appendix [P]; this target, rivals and trainings: flowcert [D].
    """

    name = "G6_surface"
    section = "approximation"
    title = "A surface by networks made of flows, and by plain ones"
    statement = (
        "$x_1^2 + |x_2| + \\sin x_1$ on $[-2, 2]^2$ from 1000 points. The paper draws such a "
        "surface [P]; its formula is not known to us, this one is of the same kind [D]. Networks "
        "and budget are those of the curve. (a) The target. (b) to (d) The size of the error of "
        "both constructions and of the best plain network, first seed, in the same colours; the "
        "kink is at $x_2 = 0$. (e) Root mean squares on 5000 fresh points, a dot a seed, a bar at "
        "the mean."
    )

    def compute(self) -> FigureData:
        return read_regression("surface")

    def check(self, data: FigureData) -> tuple[FigureCheck, ...]:
        truth = surface(data["surface/axis"])
        plain = prefixed("surface", [kind for kind in KINDS if kind not in STRUCTURED])
        return (
            check_axis("surface/axis", data, REGRESSION["side"]),
            check_target("x₁² + |x₂| + sin x₁", data["surface/target"], truth),
            check_parameters(prefixed("surface"), data),
            *(check_errors(key, truth, data) for key in prefixed("surface")),
            *(
                compare(one, other, RMS, data)
                for one in prefixed("surface", STRUCTURED)
                for other in plain
            ),
        )

    def draw(self, data: FigureData) -> matplotlib.figure.Figure:
        picture = matplotlib.figure.Figure(figsize=(9.6, 5.6))
        grid = picture.add_gridspec(2, 3)
        _draw_target(picture.add_subplot(grid[0, 0], projection="3d"), data)
        plain = prefixed("surface", [kind for kind in KINDS if kind not in STRUCTURED])
        shown = (*prefixed("surface", STRUCTURED), best_rival(plain, RMS, data))
        places = (grid[0, 1], grid[0, 2], grid[1, 0])
        errors = {key: np.abs(data[key] - surface(data["surface/axis"])) for key in shown}
        levels = np.linspace(0, max(error.max() for error in errors.values()), LEVELS + 1)
        panels = []
        for letter, place, (key, error) in zip("bcd", places, errors.items(), strict=True):
            axes = picture.add_subplot(place)
            name_panel(axes, letter, LABELS[key.rpartition("/")[2]])
            colours = _draw_error(axes, data["surface/axis"], error, levels)
            panels.append(axes)
        bar = picture.colorbar(colours, ax=panels[1], format="%.2f")
        bar.set_label("|prediction − target|")
        seeds = picture.add_subplot(grid[1, 1:])
        name_panel(seeds, "e", "errors on fresh points")
        draw_seeds(seeds, prefixed("surface"), RMS, data)
        seeds.set(xlabel="root mean square error")
        return picture


def surface(axis: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return x₁² + |x₂| + sin x₁ on the square of the axis: (axis, axis).

    >>> surface(np.array([0.0, 2.0])).round(3).tolist()
    [[0.0, 2.0], [4.909, 6.909]]
    """
    return (axis**2 + np.sin(axis))[:, None] + np.abs(axis)


def _draw_target(axes: Any, data: FigureData) -> None:
    name_panel(axes, "a", "$x_1^2 + |x_2| + \\sin x_1$")
    first, second = np.meshgrid(data["surface/axis"], data["surface/axis"], indexing="ij")
    axes.plot_surface(first, second, data["surface/target"], rstride=2, cstride=2,
                      color="#56B4E9", edgecolor="#333333", linewidth=0.2)  # fmt: skip
    axes.set(xlabel="$x_1$", ylabel="$x_2$", xticks=(-2, 0, 2), yticks=(-2, 0, 2))
    axes.view_init(elev=28, azim=-60)


def _draw_error(
    axes: Axes, axis: NDArray[np.float64], error: NDArray[np.float64], levels: NDArray[np.float64]
) -> Any:
    axes.set(xlabel="$x_1$", ylabel="$x_2$", aspect="equal", xticks=(-2, -1, 0, 1, 2),
             yticks=(-2, -1, 0, 1, 2))  # fmt: skip
    return axes.contourf(axis, axis, error.T, levels=levels, cmap="YlOrRd")
