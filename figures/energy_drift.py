"""N1: what becomes of a pendulum's energy over 10⁵ steps, method by method."""

from __future__ import annotations

from functools import cache
from typing import Any

import matplotlib.figure
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from ..numerics import find_method, trajectory
from ..numerics.problems import Pendulum
from .figure import Figure, FigureCheck, FigureData
from .stored_results import read_stored_results, require_shapes
from .styling import METHOD_COLOURS, METHOD_DASHES, spread

NAME = "energy_drift"
SYMPLECTIC = ("StormerVerlet", "ImplicitMidpoint", "Yoshida4(StormerVerlet)", "GaussLegendre(2)")
METHODS = ("Euler", "RK4", "RadauIIA(2)", *SYMPLECTIC, "Gonzalez")
STEP, STEPS, BLOCKS, PARTS = 0.1, 100_000, 120, 20
CONFIGURATION = {
    "problem": Pendulum.name,
    "start": Pendulum.start.tolist(),
    "step": STEP,
    "steps": STEPS,
    "blocks": BLOCKS,
    "parts": PARTS,
}
AGAIN = 200  # steps that the check takes anew
# A step commits a few roundings of numbers of size 1, which change H by a few 1e-16 each: 200 of
# them less than 1e-12, whatever the machine. What they change in the state moves the solution
# mostly along its orbit, where H is constant, so that they add up and do not grow.
SAME = 1e-12
# The state itself also errs along the orbit, which a swing of another length pulls apart in
# proportion to time: ten times as much.
SAME_STATE = 1e-11
TURN_OVER = 2.0  # the energy with which the pendulum reaches its highest point
ROUNDOFF = 2.0**-53


class EnergyDrift(Figure):
    """The energy error over a long run: failing, drifting, dissipating, bounded, at round-off.

    Source: Hairer, Lubich and Wanner, *Geometric Numerical Integration*, chapters I, V and IX;
    structure-preserving layers: paper [P].
    """

    name = "N1_energy_drift"
    title = "Energy over 100 000 steps of a pendulum"
    statement = (
        r"$|H(y_k) - H(y_0)|$ for $H(q, p) = p^2/2 + 1 - \cos q$ from $q = 1.5$, $p = 0$ with "
        "$h = 0.1$: the largest value in blocks of steps. Why a network is to be made of "
        "symplectic or energy-preserving steps [P], seen on long runs [D]: explicit Euler makes "
        "the pendulum turn over; RK4, of order 4, loses energy steadily; RadauIIA(2), of order 3, "
        "dissipates more. The symplectic methods (Störmer and Verlet's, the implicit midpoint "
        "rule, Yoshida's composition, Gauss's of order 4) keep the error at its first height, "
        r"$h^2$ or $h^4$ times a constant, and Gonzalez's discrete gradient keeps the energy to "
        "rounding. The stored run took 10 000 units of time; its first 200 steps are taken anew "
        "at every check."
    )

    def compute(self) -> FigureData:
        ends = block_ends()
        shapes: dict[str, tuple[int, ...]] = {"block_ends": ends.shape}
        for method in METHODS:
            shapes |= {
                f"{method}/largest": ends.shape,
                f"{method}/mean": (PARTS,),
                f"{method}/state": Pendulum.start.shape,
            }
        return require_shapes(NAME, read_stored_results(NAME, CONFIGURATION), shapes)

    def check(self, data: FigureData) -> tuple[FigureCheck, ...]:
        return (
            _check_blocks(data),
            *(_check_first_steps(method, data) for method in METHODS),
            _check_euler(data),
            *(_check_loss(method, data) for method in ("RK4", "RadauIIA(2)")),
            *(_check_bounded(method, data) for method in SYMPLECTIC),
            *(_check_amplitude(method, data) for method in ("StormerVerlet", "ImplicitMidpoint")),
            _check_discrete_gradient(data),
            *(_check_no_trend(method, data) for method in (*SYMPLECTIC, "Gonzalez")),
            _report_ends(data),
        )

    def draw(self, data: FigureData) -> matplotlib.figure.Figure:
        picture = matplotlib.figure.Figure(figsize=(7.2, 4.4))
        axes = picture.subplots()
        for method in METHODS:
            largest = data[f"{method}/largest"]
            seen = largest > 0  # where H is hit exactly, a logarithm has nothing to show
            axes.plot(
                data["block_ends"][seen],
                largest[seen],
                color=METHOD_COLOURS[method],
                linestyle=METHOD_DASHES.get(method, "-"),
            )
        axes.set(
            xscale="log", yscale="log", xlim=(1, STEPS), ylim=(3e-17, 1e5),
            xlabel="step $k$ of the pendulum, $h = 0.1$",
            ylabel=r"$|H(y_k) - H(y_0)|$, largest in a block of steps",
        )  # fmt: skip
        steps = data["block_ends"]
        axes.fill_between(steps, 3e-17, _random_walk(steps), color="#EEEEEE", linewidth=0)
        axes.text(3e3, 6e-17, "what $k$ roundings may add up to", fontsize=7, color="#666666",
                  va="bottom")  # fmt: skip
        _label_ends(axes, data)
        return picture


def block_ends() -> NDArray[np.int64]:
    """Return the last step of each block: from 1 geometrically to STEPS, half-way and step 200.

    >>> block_ends()[[0, -1]].tolist()
    [1, 100000]
    """
    ends = np.round(np.geomspace(1, STEPS, BLOCKS)).astype(np.int64)
    return np.union1d(ends, [AGAIN, STEPS // 2])


def run(method: str, steps: int) -> NDArray[np.float64]:
    """Return the states yₖ for k = 0, …, steps, shape (steps + 1, 2).

    >>> run("Gonzalez", 10).shape
    (11, 2)
    """
    span = (0.0, STEP * steps)
    return trajectory(Pendulum.system, Pendulum.start, span, find_method(method), steps)[1]


def summary(method: str, states: NDArray[np.float64]) -> FigureData:
    """Return what the figure keeps of H(yₖ) − H(y₀): maxima of blocks, means of equal parts.

    The state at step AGAIN is kept as well.

    >>> sorted(summary("RK4", np.zeros((STEPS + 1, 2))))
    ['RK4/largest', 'RK4/mean', 'RK4/state']
    """
    deviations = _energy_deviations(states)
    return {
        f"{method}/largest": _block_maxima(deviations, block_ends()),
        f"{method}/mean": deviations[1:].reshape(PARTS, -1).mean(axis=1),
        f"{method}/state": states[AGAIN],
    }


def _energy_deviations(states: NDArray[np.float64]) -> NDArray[np.float64]:
    energy = np.asarray(Pendulum.invariants[0].function(states), dtype=np.float64)
    return np.asarray(energy - energy[0])


def _block_maxima(deviations: NDArray[np.float64], ends: NDArray[np.int64]) -> NDArray[np.float64]:
    starts = np.concatenate([[0], ends[:-1]])
    return np.maximum.reduceat(np.abs(deviations[1 : ends[-1] + 1]), starts)


@cache
def _first_steps(method: str) -> NDArray[np.float64]:
    return run(method, AGAIN)


def _check_blocks(data: FigureData) -> FigureCheck:
    ends = data["block_ends"]
    return FigureCheck(
        "the blocks end where they are said to",
        bool(np.array_equal(ends, block_ends())),
        f"{len(ends)} blocks up to step {ends[-1]}",
    )


def _check_first_steps(method: str, data: FigureData) -> FigureCheck:
    states, ends = _first_steps(method), block_ends()
    again = _block_maxima(_energy_deviations(states), ends[ends <= AGAIN])
    worst = float(np.abs(data[f"{method}/largest"][: len(again)] - again).max())
    off = float(np.abs(data[f"{method}/state"] - states[-1]).max())
    return FigureCheck(
        f"{method}: {AGAIN} steps taken anew agree with the stored ones",
        worst <= SAME and off <= SAME_STATE,
        f"largest difference of the energy error {worst:.1e}, allowed {SAME:.0e}; "
        f"of the state {off:.1e}, allowed {SAME_STATE:.0e}",
    )


def _check_euler(data: FigureData) -> FigureCheck:
    largest, ends = data["Euler/largest"], data["block_ends"]
    needed = TURN_OVER - float(Pendulum.invariants[0].function(Pendulum.start))
    first = int(ends[np.argmax(largest > needed)])
    return FigureCheck(
        "Euler: the pendulum turns over within 1000 steps, and its energy never stops growing",
        first <= 1000 and bool(largest.max() > needed) and _rises(largest[ends >= 1000]),
        f"H > 2 by step {first}, an error of {largest[-1]:.0f} at the end",
    )


def _check_loss(method: str, data: FigureData) -> FigureCheck:
    """Blocks of 1000 steps and more hold whole swings: oscillations do not disturb there."""
    largest, ends, mean = data[f"{method}/largest"], data["block_ends"], data[f"{method}/mean"]
    factor = float(largest[-1] / largest[ends <= AGAIN].max())
    steady = _rises(largest[ends >= 1000]) and bool(np.all(np.diff(mean) < 0) and mean[0] < 0)
    return FigureCheck(
        f"{method}: loses energy steadily, over 100 times what {AGAIN} steps lose",
        steady and factor > 100,
        f"{factor:.0f} times, {-mean[-1]:.1e} lost on average in the last part; "
        + ("every block worse than the one before" if steady else "not steadily"),
    )


def _check_bounded(method: str, data: FigureData) -> FigureCheck:
    largest, ends = data[f"{method}/largest"], data["block_ends"]
    early, late = (float(largest[half].max()) for half in (ends <= STEPS // 2, ends > STEPS // 2))
    return FigureCheck(
        f"{method}: the second half's largest error is at most 1.05 times the first half's",
        0 < late <= 1.05 * early,
        f"{late:.4e} after {early:.4e}, ratio {late / early:.5f}",
    )


def _check_amplitude(method: str, data: FigureData) -> FigureCheck:
    """The method keeps H + h²G + O(h⁴), so that H swings by h²(max G − min G) on the orbit of H."""
    q = np.linspace(0, float(Pendulum.start[0]), 2001)
    square = 2 * (np.cos(q) - np.cos(q[-1]))  # p² on the orbit
    G = {
        "StormerVerlet": square * np.cos(q) / 12 - np.sin(q) ** 2 / 24,
        "ImplicitMidpoint": -(square * np.cos(q) + np.sin(q) ** 2) / 24,
    }[method]
    predicted = STEP**2 * float(np.abs(G - G[-1]).max())
    seen = float(data[f"{method}/largest"].max())
    return FigureCheck(
        f"{method}: the error is that of its modified energy, to 2 %",
        abs(seen / predicted - 1) <= 0.02,
        f"{seen:.4e}, by the modified energy {predicted:.4e}",
    )


def _check_discrete_gradient(data: FigureData) -> FigureCheck:
    worst = float(data["Gonzalez/largest"].max())
    return FigureCheck(
        "Gonzalez: the energy is kept to 1e-12 at every step",
        worst <= 1e-12,
        f"largest error {worst:.1e}",
    )


def _check_no_trend(method: str, data: FigureData) -> FigureCheck:
    """A line through the means rises by less than what is left of oscillations and of rounding.

    A mean over 5000 steps (68 swings and a fraction of one) of an oscillation of amplitude A is
    uncertain by A/68.
    """
    mean = data[f"{method}/mean"]
    rise = abs(float(np.polyfit(np.linspace(0, 1, PARTS), mean, 1)[0]))
    oscillation = 0.0 if method == "Gonzalez" else float(data[f"{method}/largest"].max()) / 68
    allowed = oscillation + float(_random_walk(STEPS))
    return FigureCheck(
        f"{method}: no trend in the energy",
        rise <= allowed,
        f"a line through {PARTS} means rises by {rise:.1e} over the run, allowed {allowed:.1e}",
    )


def _report_ends(data: FigureData) -> FigureCheck:
    last = {method: float(data[f"{method}/largest"][-1]) for method in METHODS}
    best = min(last, key=lambda method: last[method])
    return FigureCheck(
        "at the end the discrete gradient's energy is the best",
        best == "Gonzalez",
        ", ".join(f"{method} {value:.1e}" for method, value in last.items()),
        kind="report",
    )


def _random_walk(steps: Any) -> NDArray[np.float64]:
    """Sixteen times the standard size of a walk of so many roundings, either up or down."""
    return np.asarray(16 * ROUNDOFF * np.sqrt(steps))


def _rises(values: NDArray[Any]) -> bool:
    return bool(np.all(np.diff(values) > 0))


def _label_ends(axes: Axes, data: FigureData) -> None:
    heights = [float(np.log10(data[f"{method}/largest"][-1])) for method in METHODS]
    for method, height in zip(METHODS, spread(heights, gap=0.75), strict=True):
        axes.annotate(method, (STEPS, 10**height), xytext=(5, 0), textcoords="offset points",
                      color=METHOD_COLOURS[method], va="center", fontsize=8,
                      annotation_clip=False)  # fmt: skip
