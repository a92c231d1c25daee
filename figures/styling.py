"""The one style sheet, the colours that carry meaning, and pictures turned into bytes."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib.figure
import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

# Okabe and Ito's colours. The same thing has the same colour in every figure.
CONTRACTIVE = "#0072B2"
EXPANSIVE = "#D55E00"
AUTHORS = "#0072B2"
SHARP = "#E69F00"
BOX = "#CC79A7"
POINT = "#222222"
# Methods: plain Runge–Kutta warm, Störmer and Verlet's and its compositions blue, Gauss's green,
# the darker the higher the order.
METHOD_COLOURS = {
    "Euler": "#222222",
    "RK4": "#D55E00",
    "DormandPrince": "#E69F00",
    "RadauIIA(2)": "#A6611A",
    "StormerVerlet": "#56B4E9",
    "Yoshida4(StormerVerlet)": "#2B84C6",
    "Yoshida6(StormerVerlet)": "#0B559F",
    "Yoshida8(StormerVerlet)": "#08306B",
    "ImplicitMidpoint": "#6CC5A1",
    "GaussLegendre(2)": "#009E73",
    "GaussLegendre(3)": "#00573F",
    "Gonzalez": "#CC79A7",
    "Heun": "#0072B2",
    "Ralston": "#CC79A7",
    "SSP33": "#0072B2",
    "BogackiShampine": "#CC79A7",
    "Kutta3": "#009E73",
    "ThreeEighths": "#0072B2",
    "ImplicitTrapezoid": "#0072B2",
}
METHOD_DASHES: dict[str, Any] = {
    "Yoshida4(StormerVerlet)": (0, (5, 1.5)),
    "Yoshida6(StormerVerlet)": (0, (2.5, 1.5)),
    "Yoshida8(StormerVerlet)": (0, (5, 1.5, 1, 1.5)),
    "GaussLegendre(2)": (0, (5, 1.5)),
    "GaussLegendre(3)": (0, (2.5, 1.5)),
}

STYLE_SHEET = Path(__file__).with_name("flowcert.mplstyle")
FORMATS = ("png", "pdf", "svg")

# What a format would write about the moment of its making; None leaves it out.
_METADATA: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "pdf": {"CreationDate": None},
    "svg": {"Date": None},
}
# Matplotlib's settings are global to the process: one figure is styled at a time.
_one_at_a_time = threading.RLock()


@contextmanager
def styled() -> Iterator[None]:
    """Draw within flowcert's style, whatever the user's own settings are; they come back after.

    >>> with styled():
    ...     matplotlib.rcParams["svg.hashsalt"]
    'flowcert'
    """
    with _one_at_a_time, matplotlib.style.context(["default", str(STYLE_SHEET)]):
        yield


def render(picture: matplotlib.figure.Figure, file_format: str) -> bytes:
    """Return the picture as the bytes of a file, the same bytes for the same picture.

    >>> render(matplotlib.figure.Figure(), "png")[1:4]
    b'PNG'
    """
    FigureCanvasAgg(picture)
    target = io.BytesIO()
    picture.savefig(target, format=file_format, metadata=_METADATA[file_format])
    return target.getvalue()


def legend_mark(marker: str, colour: str, label: str, **style: Any) -> Line2D:
    """Return a legend's entry for single marks."""
    return Line2D([], [], linestyle="", marker=marker, color=colour, label=label, **style)


def spread(heights: Sequence[float], gap: float) -> list[float]:
    """Return the heights moved apart as little as it takes, so that labels have room.

    >>> spread([0.0, 3.0, 0.2], gap=1.0)
    [-0.4, 3.0, 0.6]
    """
    # Neighbours that are too close form a group, which is centred on its members' heights.
    order = sorted(range(len(heights)), key=lambda i: heights[i])
    groups: list[list[int]] = []
    for i in order:
        groups.append([i])
        while len(groups) > 1 and _base(groups[-2], heights, gap) + gap * len(groups[-2]) > _base(
            groups[-1], heights, gap
        ):
            groups[-2:] = [groups[-2] + groups[-1]]
    moved = {
        i: _base(group, heights, gap) + gap * place
        for group in groups
        for place, i in enumerate(group)
    }
    return [round(moved[i], 12) for i in range(len(heights))]


def _base(group: Sequence[int], heights: Sequence[float], gap: float) -> float:
    """Where the lowest of a group stands, if its members are a gap apart."""
    return sum(heights[i] - gap * place for place, i in enumerate(group)) / len(group)


def frame(axes: Axes, sides: tuple[float, float], upper: float, **style: Any) -> None:
    """Draw the outline of the box sides × [0, upper]."""
    left, right = sides
    axes.add_patch(Rectangle((left, 0), right - left, upper, facecolor="none", **style))


def name_panel(axes: Axes, letter: str, title: str) -> None:
    """Write "(a) title" above a panel."""
    axes.set_title(f"$\\bf({letter})$ {title}")
