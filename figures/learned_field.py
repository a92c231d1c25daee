"""G6: the appendix's field in R⁴, learned from one-step data."""

from __future__ import annotations

from typing import Any

import matplotlib.figure
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from ..numerics import DormandPrince, FieldSystem, flow_map
from .figure import Figure, FigureCheck, FigureData
from .stored_results import read_stored_results, require_shapes
from .styling import POINT, name_panel
from .trained_networks import (
    COLOURS,
    LABELS,
    LEARNED_FIELD,
    SEEDS,
    best_rival,
    check_axis,
    check_parameters,
    check_target,
    compare,
    draw_seeds,
)

PLAIN = tuple(LEARNED_FIELD["unstructured"])
KINDS = ("structured", *PLAIN)
SIDE: float = LEARNED_FIELD["side"]
H: float = LEARNED_FIELD["step"]
ERRORS = {"one step": "after one step", "field": "of the field", "roll-out": "after 15 steps"}
POINTS = 15
SLICE = (POINTS, POINTS, 2)
SIX_DIGITS = 1e-5  # of stored values of size up to 2
TRUE = "#AAAAAA"


class LearnedFieldSlice(Figure):
    """A field learned as ∇U + S(x)x and as a plain network, from pairs of neighbouring states.

    Source: field and experiment: paper, its appendix [P]; rivals and trainings: flowcert [D].
    """

    name = "G6_learned_field"
    section = "approximation"
    title = "A field in four dimensions, learned from single steps"
    statement = (
        "$\\dot x = \\sin^3 x + x^3$ in $\\mathbf{R}^4$, entry by entry, from 1000 pairs of states "
        "that are $h = 0.05$ apart [P]: as $\\nabla U + S(x)x$, with a norm-corrected Heun step "
        "along $S(x)x$ and Gonzalez's discrete gradient of $U$, and as a plain network $g$ in "
        "$x + h\\,g(x)$ with as many parameters, within 5 %, and the same budget, five seeds [D]. "
        "(a), (b) Both learned fields (colour) over the true one (grey) on the slice "
        "$x_3 = x_4 = 0$, first seed; of the plain networks the best one. (c), (d) The size of "
        "their errors there. (e) to (g) Root mean squares on fresh states, a dot a seed, a bar at "
        "the mean; the dotted line is how far $(\\varphi^h - \\mathrm{id})/h$, which a plain "
        "network learns, is from the field."
    )

    def compute(self) -> FigureData:
        shapes: dict[str, tuple[int, ...]] = {"axis": (POINTS,), "true": SLICE}
        for kind in KINDS:
            shapes[kind] = SLICE
            if kind == "structured":
                shapes["skew part"] = SLICE
            parts = (*ERRORS, "skew part") if kind == "structured" else tuple(ERRORS)
            shapes |= {f"{kind}/{part}": (SEEDS,) for part in parts}
            shapes[f"{kind}/parameters"] = (1,)
        stored = read_stored_results("learned_field", LEARNED_FIELD)
        return require_shapes("learned_field", stored, shapes)

    def check(self, data: FigureData) -> tuple[FigureCheck, ...]:
        return (
            check_axis("axis", data, SIDE),
            check_target("sin³x + x³", data["true"], _true_slice(data["axis"])),
            check_parameters(KINDS, data),
            _check_skew(data),
            _check_gradient(data),
            *(_check_triangle(kind, data) for kind in PLAIN),
            *(_check_slice(kind, data) for kind in KINDS),
            *(compare("structured", kind, what, data) for kind in PLAIN for what in ERRORS),
            _report_skew(data),
        )

    def draw(self, data: FigureData) -> matplotlib.figure.Figure:
        picture = matplotlib.figure.Figure(figsize=(9.8, 5.2))
        parts: Any = picture.subfigures(2, 1, height_ratios=(1.2, 1))
        upper, lower = parts
        shown = ("structured", best_rival(PLAIN, "field", data))
        panels = upper.subplots(1, 4)
        sizes = [np.linalg.norm(data[kind] - data["true"], axis=-1) for kind in shown]
        levels = np.linspace(0, max(size.max() for size in sizes), 10)
        for axes, letter, kind in zip(panels[:2], "ab", shown, strict=True):
            name_panel(axes, letter, LABELS[kind])
            _draw_arrows(axes, kind, data)
        for axes, letter, kind, size in zip(panels[2:], "cd", shown, sizes, strict=True):
            name_panel(axes, letter, f"error, {LABELS[kind]}")
            colours = axes.contourf(
                data["axis"], data["axis"], size.T, levels=levels, cmap="YlOrRd"
            )
        for axes in panels:
            axes.set(xlabel="$x_1$", aspect="equal", xticks=(-1, 0, 1), yticks=(-1, 0, 1))
        panels[0].set_ylabel("$x_2$")
        upper.colorbar(colours, ax=panels[3], format="%.2f", shrink=0.6)
        rows = lower.subplots(1, 3, sharey=True)
        for axes, letter, (what, title) in zip(rows, "efg", ERRORS.items(), strict=True):
            name_panel(axes, letter, f"error {title}")
            draw_seeds(axes, KINDS, what, data)
            axes.set(xlabel="root mean square")
        rows[1].axvline(one_step_bias(), color=POINT, linestyle=":", linewidth=0.9)
        return picture


def true_field(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return sin³x + x³, entry by entry.

    >>> true_field(np.array([0.0, 1.0])).round(3).tolist()
    [0.0, 1.596]
    """
    return np.sin(x) ** 3 + x**3


def one_step_bias() -> float:
    """Return the root mean square of (φ^h(x) − x)/h − f(x) over an entry x in [−1, 1].

    Nearly h/2 times that of f′f. All entries are alike, so that it is that of the field in R⁴.

    >>> 0.05 < one_step_bias() < 0.07
    True
    """
    x, weights = np.polynomial.legendre.leggauss(40)
    x = SIDE * x
    system = FieldSystem(lambda _, y: true_field(y), len(x), autonomous=True)
    end = flow_map(system, x, (0.0, H), DormandPrince, 4, progress=False)
    return float(np.sqrt(np.sum(weights / 2 * ((end - x) / H - true_field(x)) ** 2)))


def _true_slice(axis: NDArray[np.float64]) -> NDArray[np.float64]:
    first, second = np.meshgrid(axis, axis, indexing="ij")
    return true_field(np.stack([first, second], axis=-1))


def _check_skew(data: FigureData) -> FigureCheck:
    """xᵀS(x)x = 0, and on the slice only its first two entries of x are not 0."""
    first, second = np.meshgrid(data["axis"], data["axis"], indexing="ij")
    skew = data["skew part"]
    largest = float(np.abs(first * skew[..., 0] + second * skew[..., 1]).max())
    return FigureCheck(
        "the learned S(x)x is orthogonal to x",
        largest <= SIX_DIGITS / 10,
        f"|xᵀS(x)x| ≤ {largest:.1e}, and |S(x)x| up to {np.abs(skew).max():.2e}",
    )


def _check_gradient(data: FigureData) -> FigureCheck:
    """A gradient has no circulation, whatever it has learned; by Simpson's rule on the border."""
    gradient = _circulation(data["axis"], data["structured"] - data["skew part"])
    others = ", ".join(f"{kind} {_circulation(data['axis'], data[kind]):.1e}" for kind in PLAIN)
    return FigureCheck(
        "the learned field less S(x)x is a gradient: no circulation around the slice",
        abs(gradient) <= 1e-4,
        f"{gradient:.1e}; plain networks: {others}",
    )


def _circulation(axis: NDArray[np.float64], field: NDArray[np.float64]) -> float:
    weights = np.ones(len(axis))
    weights[1:-1:2], weights[2:-1:2] = 4, 2
    weights *= (axis[-1] - axis[0]) / (len(axis) - 1) / 3
    along = field[:, 0, 0] + field[-1, :, 1] - field[:, -1, 0] - field[0, :, 1]
    return float(weights @ along)


def _check_triangle(kind: str, data: FigureData) -> FigureCheck:
    """‖g − f‖ and the bias ‖d − f‖ are ‖g − d‖ apart at most, d = (φ^h − id)/h what g learns."""
    bias = one_step_bias()
    field, step = data[f"{kind}/field"], data[f"{kind}/one step"] / H
    worst = float((np.abs(field - bias) / step).max())
    return FigureCheck(
        f"{kind}: the field's error is that of (φ^h − id)/h, up to the one-step error over h",
        worst <= 1.05,  # the errors are of 2000 states, the bias is of all
        f"{bias:.4f}; field {field.min():.4f} to {field.max():.4f}; {worst:.2f} of what is allowed",
    )


def _check_slice(kind: str, data: FigureData) -> FigureCheck:
    """The slice is a small part of the states, so that only the size can be compared."""
    size = float(np.sqrt(np.mean((data[kind] - data["true"]) ** 2)))
    told = float(data[f"{kind}/field"][0])
    return FigureCheck(
        f"{kind}: the error on the slice has the size of the first seed's error on fresh states",
        0.5 <= size / told <= 2,
        f"root mean squares {size:.4f} on the slice, {told:.4f} on fresh states",
    )


def _report_skew(data: FigureData) -> FigureCheck:
    skew, field = data["structured/skew part"], data["structured/field"]
    return FigureCheck(
        "the true field is a gradient, and the learned skew part is below the field's error",
        bool(np.all(skew < field)),
        f"skew part {skew.mean():.4f}, error of the field {field.mean():.4f}",
        kind="report",
    )


def _draw_arrows(axes: Axes, kind: str, data: FigureData) -> None:
    first, second = np.meshgrid(data["axis"], data["axis"], indexing="ij")
    for field, colour, width in ((data["true"], TRUE, 0.014), (data[kind], COLOURS[kind], 0.006)):
        axes.quiver(first, second, field[..., 0], field[..., 1], color=colour, width=width,
                    angles="xy", scale_units="xy", scale=8, headwidth=3.5)  # fmt: skip
    axes.set(xlim=(-1.32, 1.32), ylim=(-1.32, 1.32))
