"""G4: how the published networks alternate contractive and expansive steps, layer by layer."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import matplotlib.figure
import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from ..theory.judgement import published_pairs
from ..theory.published_steps import Network, NetworkSteps, read_published_steps_file
from ..theory.step_regions import StepRegion
from .figure import Figure, FigureCheck, FigureData
from .styling import CONTRACTIVE, EXPANSIVE, name_panel

TITLES: dict[Network, str] = {
    "non-expansive": "non-expansive",
    "switching-prescribed": "switching, prescribed",
    "switching-flexible": "switching, flexible",
}
PRESCRIBED_STEP = Fraction(3, 10)  # the contractive step of the prescribed regime


class StepAlternation(Figure):
    """The learned steps as time that passes, one network a column.

    Source: the figure of the step alternation and the published weights: paper and its public
    code [P].
    """

    name = "G4_step_alternation"
    title = "The learned alternation of contractive and expansive steps"
    statement = (
        "Cumulative time against layer for the published CIFAR-10 networks at margin 0.15, the "
        "ones whose weights are at hand (the paper shows the margins 0.07, 0.15 and 0.3, for the "
        "flexible regime) [P]. A layer's step is the time for which its field is followed. Top: "
        "contractive and expansive time in one, each layer a piece of it, as the paper draws it; "
        "bottom: each kind by itself, with its total. Time is what the layers take: "
        r"$|u|$, in the prescribed regime times $\mathrm{clip}(r, 0, 1)$ for the expansive step. "
        "The authors' notebook adds up the parameters $u$ with their signs; the flexible network's "
        "expansive ones are negative, so that there time runs back. With $S = 2$ a layer's step "
        "is taken in two halves, but for the flexible network's expansive one."
    )

    def compute(self) -> FigureData:
        data: FigureData = {}
        for network in read_published_steps_file():
            steps, expansive = _steps(network)
            data |= {
                f"{network.network}/u": np.array([block.u for block in network.blocks]),
                f"{network.network}/expansive": expansive,
                f"{network.network}/steps": steps,
                f"{network.network}/time": np.cumsum(steps),
                f"{network.network}/contractive_time": np.cumsum(np.where(expansive, 0, steps)),
                f"{network.network}/expansive_time": np.cumsum(np.where(expansive, steps, 0)),
            }
        return data

    def check(self, data: FigureData) -> tuple[FigureCheck, ...]:
        checks: list[FigureCheck] = []
        for name in TITLES:
            checks += [_check_steps(name, data), _check_times(name, data)]
        checks.append(_check_prescribed(data))
        checks += [_report_totals(name, data) for name in TITLES]
        return tuple(checks)

    def draw(self, data: FigureData) -> matplotlib.figure.Figure:
        picture = matplotlib.figure.Figure(figsize=(7.2, 5.4))
        axes = picture.subplots(2, 3, sharey=True, sharex="col")
        for column, (name, title) in enumerate(TITLES.items()):
            above, below = axes[:, column]
            name_panel(above, "abc"[column], title)
            _shade_blocks(above, data[f"{name}/u"], named=column == 2)
            _shade_blocks(below, data[f"{name}/u"], named=column == 2)
            _draw_alternation(above, name, data)
            _draw_kinds(below, name, data)
            below.set_xlabel("time $t$")
            above.set_xlim(0, 1.06 * data[f"{name}/time"][-1])
        for ax, what in zip(axes[:, 0], ("both kinds in one", "each kind by itself"), strict=True):
            ax.set_ylabel(f"layer    ({what})")
            ax.set_yticks(range(1, 13))
        picture.legend(handles=_legend(), loc="outside lower center", ncols=2)
        return picture


def _steps(network: NetworkSteps) -> tuple[NDArray[Any], NDArray[Any]]:
    """Every layer's step as the layer takes it, and whether it is expansive."""
    steps, expansive = [], []
    for block in network.blocks:
        for i, u in enumerate(block.u):
            grows, scale = False, 1.0
            if network.network == "switching-prescribed":
                grows = i % 2 == 0
                scale = min(max(block.rescalings[i // 2], 0.0), 1.0) if grows else 1.0
            elif network.network == "switching-flexible":
                grows = i % 2 == 1
            steps.append(abs(u) * scale)
            expansive.append(grows)
    return np.array(steps), np.array(expansive)


def _check_steps(name: Network, data: FigureData) -> FigureCheck:
    """Against the pairs that are judged, which are read off the weights in another way."""
    steps, expansive = data[f"{name}/steps"], data[f"{name}/expansive"]
    pairs = [pair for pair in published_pairs() if pair.network == name]
    contractive_steps = [pair.contractive_step for pair in pairs]
    expansive_steps = [pair.expansive_step for pair in pairs if pair.family is not None]
    same = (
        steps[~expansive].tolist() == contractive_steps
        and steps[expansive].tolist() == expansive_steps
    )
    return FigureCheck(
        f"{TITLES[name]}: the steps are those of the judged pairs, none negative",
        same and len(steps) == 12 and bool(np.all(steps >= 0)),
        f"{len(steps)} layers, {int(expansive.sum())} of them expansive; "
        f"{'equal' if same else 'different'} steps, the least {steps.min():.6f}",
    )


def _check_times(name: Network, data: FigureData) -> FigureCheck:
    """Against sums of the steps between fractions; 12 float additions err by less than 1e-14."""
    steps = [Fraction(step) for step in data[f"{name}/steps"].tolist()]
    grows = data[f"{name}/expansive"].tolist()
    worst = 0.0
    for key, taken in (
        ("time", [True] * len(steps)),
        ("contractive_time", [not it for it in grows]),
        ("expansive_time", grows),
    ):
        passed = Fraction(0)
        for step, counts, time in zip(steps, taken, data[f"{name}/{key}"].tolist(), strict=True):
            passed += step if counts else 0
            worst = max(worst, abs(float(passed - Fraction(time))))
    return FigureCheck(
        f"{TITLES[name]}: the cumulative times are the sums of the steps",
        worst < 1e-14,
        f"largest difference from exact sums {worst:.1e}",
    )


def _check_prescribed(data: FigureData) -> FigureCheck:
    """The prescribed steps are float32(0.3) and the authors' boundary at 0.3, in float32."""
    u = data["switching-prescribed/u"].astype(np.float32)
    boundary = StepRegion("alternating", "authors", 2, 0.5).exact_expansive_limit(PRESCRIBED_STEP)
    expected = np.array([float(boundary), float(PRESCRIBED_STEP)], dtype=np.float32)
    wrong = int((np.abs(u.reshape(-1, 2)) != expected).sum())
    return FigureCheck(
        "prescribed network: h_E is the authors' alternating boundary at h_C = 0.3, in float32",
        wrong == 0,
        f"2(1/sqrt(1 - h_C/2 + h_C²/4) - 1) = {float(boundary):.10f}, as float32 "
        f"{float(expected[0]):.10f}; {u.size} parameters, {wrong} differ",
    )


def _report_totals(name: Network, data: FigureData) -> FigureCheck:
    contractive = float(data[f"{name}/contractive_time"][-1])
    expansive = float(data[f"{name}/expansive_time"][-1])
    signed = float(data[f"{name}/u"].sum())
    return FigureCheck(
        f"{TITLES[name]}: more contractive than expansive time",
        contractive > expansive,
        f"contractive {contractive:.4f}, expansive {expansive:.4f}, together "
        f"{contractive + expansive:.4f}; sum of the parameters with their signs {signed:.4f}",
        kind="report",
    )


def _shade_blocks(ax: Axes, u: NDArray[Any], *, named: bool) -> None:
    blocks, layers = u.shape
    for block in range(blocks):
        start = block * layers + 0.5
        if block % 2 == 1:
            ax.axhspan(start, start + layers, color="#EEEEEE", linewidth=0)
        if named:
            ax.annotate(f"block {block}", (1, start + layers / 2), xytext=(4, 0), rotation=270,
                        xycoords=("axes fraction", "data"), textcoords="offset points",
                        va="center", fontsize=7)  # fmt: skip
    ax.set_ylim(0.5, blocks * layers + 0.5)


def _draw_alternation(ax: Axes, name: Network, data: FigureData) -> None:
    time = np.concatenate([[0.0], data[f"{name}/time"]])
    for layer, expansive in enumerate(data[f"{name}/expansive"].tolist(), start=1):
        colour = EXPANSIVE if expansive else CONTRACTIVE
        ends = time[layer - 1 : layer + 1]
        ax.plot(ends, [layer, layer], color=colour, linewidth=2.2, solid_capstyle="butt")
        ax.plot(ends[0], layer, "o", color=colour, markersize=3.5, clip_on=False)
        ax.plot(ends[1], layer, "D", color=colour, markersize=3.5, clip_on=False)
        if layer < len(time) - 1:
            ax.plot([ends[1]] * 2, [layer, layer + 1], color="#999999", linewidth=0.6, zorder=1)


def _draw_kinds(ax: Axes, name: Network, data: FigureData) -> None:
    for row, (kind, colour) in enumerate((("contractive", CONTRACTIVE), ("expansive", EXPANSIVE))):
        time = data[f"{name}/{kind}_time"]
        layers = np.arange(1, len(time) + 1)
        # Each layer is a tread at its own height; the risers stand between the layers.
        ends = np.concatenate([[0.0], time])
        if time[-1] > 0:
            ax.plot(np.repeat(ends, 2)[1:-1], np.repeat(layers, 2), color=colour)
        ax.annotate(f"{kind} {time[-1]:.3f}", (0.97, 0.12 - 0.08 * row), color=colour, ha="right",
                    xycoords="axes fraction", fontsize=8)  # fmt: skip


def _legend() -> list[Line2D]:
    style: dict[str, Any] = {"linewidth": 2.2, "markersize": 3.5, "marker": "o"}
    return [
        Line2D([], [], color=CONTRACTIVE, label="contractive step", **style),
        Line2D([], [], color=EXPANSIVE, label="expansive step", **style),
    ]
