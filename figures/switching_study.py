"""I1: do expansive layers help certified accuracy? Our study on the digits, whatever it says."""

from __future__ import annotations

from typing import Any

import matplotlib.figure
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from ..theory import StepRegion
from ..theory.step_regions import AUTHORS_BOX, Bound
from .figure import Figure, FigureCheck, FigureData
from .stored_results import read_stored_results
from .styling import AUTHORS, BOX, CONTRACTIVE, EXPANSIVE, POINT, SHARP, name_panel

AT = 0.25  # the radius at which a learning rate was chosen
SUBSTEPS = 2
REGIONS = {"authors' box": BOX, "authors' region": AUTHORS, "sharp region": SHARP}
FLEXIBLE: dict[str, Any] = {"kind": "switching-flexible"}
PRESCRIBED: dict[str, Any] = {"kind": "switching-prescribed"}
# What was run, by ``python -m benchmarks.switching``: this figure shows these results and no other.
SWITCHING: dict[str, Any] = {
    "budget": {"width": 128, "depth": 4, "epochs": 80},
    "learning_rates": [0.003, 0.01],
    "seeds": [0, 1, 2, 3, 4],
    "radii": [round(0.05 * i, 2) for i in range(21)],
    "variants": {
        "flexible, authors' box": {**FLEXIBLE, "region": "authors_box"},
        "flexible, authors' region": {**FLEXIBLE, "region": "authors_region"},
        "flexible, sharp region": {**FLEXIBLE, "region": "sharp_region"},
        "flexible, sharp region, a = 0.1": {**FLEXIBLE, "region": "sharp_region", "slope": 0.1},
        "flexible, no expansion": {**FLEXIBLE, "region": None},
        "prescribed, sharp region": {**PRESCRIBED, "region": "sharp_region"},
        "prescribed, no expansion": {**PRESCRIBED, "region": None},
        "non-expansive": {"kind": "non-expansive"},
        "boundary step": {"kind": "boundary"},
        "SLL": {"kind": "scaled-boundary"},
        "MaxMin": {"kind": "sorting"},
    },
}
COLOURS = {
    "flexible, authors' box": BOX,
    "flexible, authors' region": AUTHORS,
    "flexible, sharp region": SHARP,
    "flexible, sharp region, a = 0.1": "#A6611A",
    "flexible, no expansion": CONTRACTIVE,
    "prescribed, sharp region": EXPANSIVE,
    "prescribed, no expansion": "#56B4E9",
    "non-expansive": "#888888",
    "boundary step": POINT,
    "SLL": "#009E73",
    "MaxMin": "#6A3D9A",
}


class SwitchingStudy(Figure):
    """Eleven ways to spend the same budget, five seeds each.

    Source: the regimes and their box and region: paper [P]; sharp region, constraints and study:
    flowcert [D].
    """

    name = "I1_switching"
    title = "Do expansive layers help certified accuracy?"
    statement = (
        "Dense networks on scikit-learn's digits: the same width, depth, epochs, loss and noise, "
        "five seeds [D]. (a) Fraction of test images that no change of Euclidean norm below the "
        "radius can misclassify, proved; lines are means, bands one deviation. (b) The same at "
        "radius 0.25, a dot a seed. (c) The pairs of steps $(h_C, h_E)$ that the flexible networks "
        "learned, and where they were allowed to go: the authors' box, the authors' region [P] and "
        "the sharp region [D], $a = 1/2$. Of two learning rates the better one is shown, for every "
        "variant."
    )

    def compute(self) -> FigureData:
        stored = read_stored_results("switching", SWITCHING)
        data: FigureData = {"radii": np.array(SWITCHING["radii"])}
        for name in SWITCHING["variants"]:
            best = _best_rate(stored[f"{name}/certified"])
            for what in ("clean", "certified", "upper", "steps"):
                if f"{name}/{what}" in stored:
                    data[f"{name}/{what}"] = stored[f"{name}/{what}"][best]
        return data

    def check(self, data: FigureData) -> tuple[FigureCheck, ...]:
        names = variants(data)
        curves = {name: data[f"{name}/certified"] for name in names}
        falling = all(bool(np.all(np.diff(curve, axis=1) <= 0.0)) for curve in curves.values())
        below = all(bool(np.all(curves[n] <= data[f"{n}/clean"][:, None])) for n in names)
        upper = max(float(data[f"{name}/upper"].max()) for name in names)
        return (
            FigureCheck(
                "certified accuracy falls with the radius and is below clean accuracy",
                falling and below,
                f"{len(names)} variants, {len(next(iter(curves.values())))} seeds each",
            ),
            FigureCheck(
                "every network is 1-Lipschitz from pixels to logits",
                upper <= 1.0,
                f"largest upper end {upper:.12f}",
            ),
            *(_inside(name, data[f"{name}/steps"]) for name in names if _region(name)),
            *_comparisons(data),
        )

    def draw(self, data: FigureData) -> matplotlib.figure.Figure:
        picture = matplotlib.figure.Figure(figsize=(9.2, 6.4))
        grid = picture.add_gridspec(2, 2, width_ratios=(1.25, 1.0))
        curves, dots, steps = (picture.add_subplot(grid[cell]) for cell in (
            (slice(None), 0), (0, 1), (1, 1)))  # fmt: skip
        _draw_curves(curves, data)
        _draw_dots(dots, data)
        _draw_steps(steps, data)
        return picture


def variants(data: FigureData) -> list[str]:
    """Return the names of the variants in the data.

    >>> variants({"radii": np.zeros(1), "MaxMin/clean": np.ones(5)})
    ['MaxMin']
    """
    return [key.removesuffix("/clean") for key in data if key.endswith("/clean")]


def _best_rate(certified: NDArray[Any]) -> int:
    """The learning rate with the better mean over the seeds at radius 0.25."""
    return int(np.argmax(certified[..., SWITCHING["radii"].index(AT)].mean(axis=1)))


def _region(name: str) -> str:
    """The region that a flexible variant's steps were kept in; empty for other variants."""
    found = [region for region in REGIONS if name.startswith(f"flexible, {region}")]
    return found[0] if found else ""


def _expands(name: str) -> bool:
    return SWITCHING["variants"][name].get("region") is not None


def _slope(name: str) -> float:
    return float(SWITCHING["variants"][name].get("slope", 0.5))


def _inside(name: str, steps: NDArray[Any]) -> FigureCheck:
    """Against the regions of the theory, decided exactly."""
    h_C, h_E = steps[..., 0].ravel(), steps[..., 1].ravel()
    if _region(name) == "authors' box":
        (low, high), (_, top) = AUTHORS_BOX
        inside = bool(np.all((h_C >= low) & (h_C <= high) & (h_E >= 0.0) & (h_E <= top)))
    else:
        bound: Bound = "sharp" if _region(name) == "sharp region" else "authors"
        region = StepRegion("whole_expansive", bound, SUBSTEPS, _slope(name))
        inside = bool(np.all(region.contains(h_C, h_E)))
    return FigureCheck(
        f"{name}: every learned pair of steps is in its region",
        inside,
        f"{len(h_C)} pairs, the longest expansive step {h_E.max():.4f}",
    )


def _comparisons(data: FigureData) -> list[FigureCheck]:
    """What the study is about: with and without expansion, seed by seed. Reported, not judged."""
    place = int(np.argmin(np.abs(data["radii"] - AT)))

    def at(name: str) -> NDArray[Any]:
        return 100.0 * data[f"{name}/certified"][:, place]

    pairs = [
        (f"{regime}, sharp region", f"{regime}, no expansion")
        for regime in ("flexible", "prescribed")
    ]
    best = max(
        (n for n in variants(data) if "region" in n or "box" in n), key=lambda n: at(n).mean()
    )
    pairs.append((best, "boundary step"))
    found = []
    for one, other in pairs:
        gain = at(one) - at(other)
        found.append(
            FigureCheck(
                f"{one} beats {other} at radius {AT:g}",
                bool(gain.mean() > 0.0),
                f"{gain.mean():+.2f} points on average, {gain.std(ddof=1):.2f} deviation; "
                f"{int((gain > 0).sum())} of {len(gain)} seeds",
                kind="report",
            )
        )
    return found


def _draw_curves(ax: Axes, data: FigureData) -> None:
    name_panel(ax, "a", "certified accuracy")
    for name in variants(data):
        curve = 100.0 * data[f"{name}/certified"]
        mean, deviation = curve.mean(axis=0), curve.std(axis=0, ddof=1)
        dashes = "-" if _expands(name) else "--"
        ax.plot(data["radii"], mean, dashes, color=COLOURS[name], label=name)
        ax.fill_between(data["radii"], mean - deviation, mean + deviation,
                        color=COLOURS[name], alpha=0.12, linewidth=0)  # fmt: skip
    ax.set_xlabel("radius (Euclidean, pixels in [0, 1])")
    ax.set_ylabel("certified accuracy (%)")
    ax.set_xlim(0, float(data["radii"][-1]))
    ax.set_ylim(0, 100)
    ax.legend(fontsize=7, loc="lower left", title="full: with expansion; dashed: without")


def _draw_dots(ax: Axes, data: FigureData) -> None:
    name_panel(ax, "b", f"at radius {AT:g}")
    names = variants(data)[::-1]
    place = int(np.argmin(np.abs(data["radii"] - AT)))
    for row, name in enumerate(names):
        values = 100.0 * data[f"{name}/certified"][:, place]
        ax.plot(values, np.full(len(values), row), "o", color=COLOURS[name], markersize=3.5)
        ax.plot([values.mean()] * 2, [row - 0.3, row + 0.3], color=COLOURS[name])
    ax.set_yticks(range(len(names)), names, fontsize=7)
    ax.set_xlabel("certified accuracy (%)")


def _draw_steps(ax: Axes, data: FigureData) -> None:
    name_panel(ax, "c", "learned steps")
    h = np.linspace(0.0, 4.0, 401)
    bounds: tuple[tuple[Bound, str], ...] = (("authors", AUTHORS), ("sharp", SHARP))
    for bound, colour in bounds:
        region = StepRegion("whole_expansive", bound, SUBSTEPS, 0.5)
        ax.plot(h, np.clip(region.estimate_expansive_limit(h), 0.0, None), color=colour)
    (low, high), (_, top) = AUTHORS_BOX
    ax.plot([low, high, high, low, low], [0, 0, top, top, 0], color=BOX)
    for name in variants(data):
        if _region(name) and _slope(name) == 0.5:
            h_C, h_E = data[f"{name}/steps"][..., 0].ravel(), data[f"{name}/steps"][..., 1].ravel()
            ax.plot(h_C, h_E, "x", color=COLOURS[name], markersize=4)
    ax.set_yscale("symlog", linthresh=0.1)
    ax.set_xlabel("$h_C$")
    ax.set_ylabel("$h_E$")
    ax.set_xlim(0, 4)
    ax.set_ylim(0, None)
