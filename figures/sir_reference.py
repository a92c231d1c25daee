"""G5, the reference part: an epidemic by methods that keep its mass, and by one that does not."""

from __future__ import annotations

from functools import cache

import matplotlib.figure
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from ..numerics import find_method, flow_map, reference_flow, taylor_flow, trajectory
from ..numerics.problems import SIR
from .figure import Figure, FigureCheck, FigureData
from .styling import CONTRACTIVE, EXPANSIVE, METHOD_COLOURS, name_panel

END, STEPS = 12, 120
STARTS_A_SIDE = 9  # of the triangle of all states of one mass
MAP_STEPS = 20  # within one unit of time
METHODS = ("Euler", "RK4", "GaussLegendre(2)")
SUBSTEPS = (1, 2)  # of the unstructured scheme for each step of the others
PARTS = {"x": CONTRACTIVE, "y": EXPANSIVE, "z": "#009E73"}
UNSTRUCTURED = "#CC79A7"
NAMES = {"x": "susceptible", "y": "infected", "z": "recovered"}


class SirReference(Figure):
    """Mass is a linear invariant: Runge and Kutta's methods keep it, other schemes need not.

    Source: the figure of the SIR example: paper [P]; the unstructured scheme and the checks:
    flowcert [D].
    """

    name = "G5_sir_reference"
    title = "The SIR epidemic and its mass (reference part)"
    statement = (
        "$x' = -xy$, $y' = xy - y$, $z' = y$ [P]. (a) One trajectory by RK4 with $h = 0.1$ and its "
        "mass $x + y + z$; dots: Taylor series in 30 digits. (b) The time-1 flow map on the states "
        "of mass 2.5, which a mass-preserving network learns: each arrow leads from a state to its "
        r"image, red where infections have grown. (c) $|x + y + z - 2.5|$ along the "
        "trajectory: Runge–Kutta methods keep linear invariants, up to rounding and whatever their "
        "order. The exponential Euler step $x e^{-hy}$, $y e^{h(x - 1)}$, $z + hy$, which freezes "
        "the other variables and keeps every sign, does not: its mass errs like $h$ [D]. The "
        "paper's networks, which belong into this figure, come with the experiments."
    )

    def compute(self) -> FigureData:
        starts = _starts()
        times, states = _run("RK4", STEPS)
        data: FigureData = {"times": times, "states": states, "reference": _reference_states()}
        data |= {"starts": starts, "images": _images(starts)}
        for method in METHODS:
            data[f"mass/{method}"] = _run(method, STEPS)[1].sum(axis=-1)
        for substeps in SUBSTEPS:
            unstructured = _exponential_euler(substeps)
            data[f"unstructured/{substeps}"] = unstructured
        return data

    def check(self, data: FigureData) -> tuple[FigureCheck, ...]:
        return (
            *(_check_mass(method, data) for method in METHODS),
            _check_states(data),
            _check_reference(data),
            _check_agreement(data),
            _check_shape(data),
            _check_peak(data),
            _check_starts(data),
            _check_images(data),
            _check_unstructured(data),
            _check_unstructured_order(data),
            _report_final_size(data),
        )

    def draw(self, data: FigureData) -> matplotlib.figure.Figure:
        picture = matplotlib.figure.Figure(figsize=(7.2, 2.9))
        run, plane, mass = picture.subplots(1, 3)
        name_panel(run, "a", "one epidemic")
        _draw_run(run, data)
        name_panel(plane, "b", "time-1 flow map")
        _draw_map(plane, data)
        name_panel(mass, "c", "error of the mass")
        _draw_mass(mass, data)
        return picture


def _mass() -> float:
    return float(SIR.start.sum())


def _run(method: str, steps: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return trajectory(SIR.system, SIR.start, (0.0, float(END)), find_method(method), steps)


def _reference_states() -> NDArray[np.float64]:
    """The states at t = 0, 1, …, END, from one to the next by Taylor series in 30 digits."""
    states = [SIR.start_in_digits()]
    for t in range(END):
        states.append(taylor_flow(SIR.system, states[-1], (float(t), t + 1.0), 30))
    return np.array([state.astype(np.float64) for state in states])


def _starts() -> NDArray[np.float64]:
    """A grid on the triangle x + y + z = 2.5, of states with x > 0 and y > 0: there things move."""
    side = STARTS_A_SIDE
    grid = [(i, j, side - i - j) for j in range(1, side + 1) for i in range(1, side + 1 - j)]
    return _mass() / side * np.array(grid, dtype=np.float64)


def _images(starts: NDArray[np.float64]) -> NDArray[np.float64]:
    return flow_map(SIR.system, starts, (0.0, 1.0), find_method("RK4"), MAP_STEPS)


@cache
def _reference_images() -> NDArray[np.float64]:
    return reference_flow(SIR.system, _starts(), (0.0, 1.0), 1e-10).value


def _exponential_euler(substeps: int) -> NDArray[np.float64]:
    """Each equation solved exactly over a step while the other variables stand still."""
    h = END / (STEPS * substeps)
    states = [SIR.start]
    for _ in range(STEPS * substeps):
        x, y, z = states[-1]
        states.append(np.array([x * np.exp(-h * y), y * np.exp(h * (x - 1)), z + h * y]))
    return np.array(states)[::substeps]


def _check_mass(method: str, data: FigureData) -> FigureCheck:
    worst = float(np.abs(data[f"mass/{method}"] - _mass()).max())
    return FigureCheck(
        f"{method}: the mass is kept to 1e-13",
        worst <= 1e-13,
        f"largest error {worst:.1e} in {STEPS} steps",
    )


def _check_states(data: FigureData) -> FigureCheck:
    gap = float(np.abs(data["states"].sum(axis=-1) - data["mass/RK4"]).max())
    return FigureCheck(
        "the mass that is drawn is that of the trajectory",
        gap <= 1e-15 * STEPS,
        f"largest difference {gap:.1e}",
    )


def _check_reference(data: FigureData) -> FigureCheck:
    """By the two invariants, of which the field's code knows nothing: x + y + z and x exp z."""
    errors = []
    for invariant in SIR.invariants:
        values = np.asarray(invariant.function(data["reference"]), dtype=np.float64)
        errors.append(float(np.abs(values - values[0]).max()))
    start = bool(np.array_equal(data["reference"][0], SIR.start))
    return FigureCheck(
        "the reference keeps x + y + z and x exp z to rounding",
        max(errors) <= 1e-14 and start,
        f"largest changes {errors[0]:.1e} and {errors[1]:.1e}",
    )


def _check_agreement(data: FigureData) -> FigureCheck:
    every = STEPS // END
    worst = float(np.abs(data["states"][::every] - data["reference"]).max())
    whole = bool(np.array_equal(data["times"][::every], np.arange(END + 1.0)))
    return FigureCheck(
        "RK4 agrees with the reference to 1e-5 at t = 0, 1, …",
        worst <= 1e-5 and whole,
        f"largest difference {worst:.1e} at {END + 1} times",
    )


def _check_shape(data: FigureData) -> FigureCheck:
    x, _, z = data["states"].T
    least = float(data["states"].min())
    return FigureCheck(
        "x falls, z rises and nothing is negative",
        bool(np.all(np.diff(x) < 0) and np.all(np.diff(z) > 0)) and least >= 0,
        f"x from {x[0]:g} to {x[-1]:.4f}, z to {z[-1]:.4f}, least value {least:.1e}",
    )


def _check_peak(data: FigureData) -> FigureCheck:
    """y' = (x − 1)y: infections rise as long as x > 1; there y = 2.5 − 1 − log 2 by x exp z."""
    x, y, _ = data["states"].T
    step = int(y.argmax())
    height = _mass() - 1 - float(np.log(SIR.start[0]))
    near = x[step - 1] > 1 > x[step + 1] if 0 < step < len(x) - 1 else False
    return FigureCheck(
        "infections are at their peak where x = 1",
        bool(near) and abs(float(y[step]) - height) <= 2e-3,
        f"y = {y[step]:.4f} at x = {x[step]:.3f}, exactly {height:.4f} at x = 1",
    )


def _check_starts(data: FigureData) -> FigureCheck:
    return FigureCheck(
        "the arrows start on a grid of the states of this mass",
        bool(np.array_equal(data["starts"], _starts())),
        f"{len(data['starts'])} states",
    )


def _check_images(data: FigureData) -> FigureCheck:
    """RK4 with 20 steps errs by h⁴ times a little; rounding alone moves the mass."""
    worst = float(np.abs(data["images"] - _reference_images()).max())
    mass = float(np.abs(data["images"].sum(axis=-1) - _mass()).max())
    return FigureCheck(
        "the images are the reference flow's to 1e-5, and of the same mass to 1e-13",
        worst <= 1e-5 and mass <= 1e-13 and float(data["images"].min()) >= 0,
        f"largest difference {worst:.1e}, of the mass {mass:.1e}",
    )


def _unstructured_error(substeps: int, data: FigureData) -> NDArray[np.float64]:
    return np.asarray(np.abs(data[f"unstructured/{substeps}"].sum(axis=-1) - _mass()))


def _check_unstructured(data: FigureData) -> FigureCheck:
    states = data[f"unstructured/{SUBSTEPS[0]}"]
    worst = float(_unstructured_error(SUBSTEPS[0], data).max())
    return FigureCheck(
        "the unstructured scheme keeps the signs and not the mass",
        worst >= 0.05 and float(states.min()) >= 0,
        f"the mass is off by up to {worst:.3f}, least value {states.min():.1e}",
    )


def _check_unstructured_order(data: FigureData) -> FigureCheck:
    coarse, fine = (float(_unstructured_error(substeps, data)[-1]) for substeps in SUBSTEPS)
    return FigureCheck(
        "the unstructured scheme's mass errs like h: half the step, half the error",
        abs(coarse / fine - 2) <= 0.15,
        f"{coarse:.4f} and {fine:.4f}, ratio {coarse / fine:.3f}",
    )


def _report_final_size(data: FigureData) -> FigureCheck:
    """Kermack and McKendrick: for t → ∞ the share that escapes solves x = 2 exp(x − 2.5)."""
    limit = 0.0
    for _ in range(200):
        limit = float(SIR.start[0]) * float(np.exp(limit - _mass()))
    last = float(data["states"][-1, 0])
    return FigureCheck(
        "at the end the epidemic is over",
        last - limit <= 1e-3,
        f"x = {last:.6f}, in the limit {limit:.6f}",
        kind="report",
    )


def _draw_run(axes: Axes, data: FigureData) -> None:
    # Where the curves have room for their names.
    places = {"x": (0.35, 2.17), "y": (2.5, 0.62), "z": (4.3, 1.85)}
    for (part, colour), values, dots in zip(
        PARTS.items(), data["states"].T, data["reference"].T, strict=True
    ):
        axes.plot(data["times"], values, color=colour)
        axes.plot(np.arange(END + 1), dots, ".", color=colour, markersize=4)
        axes.text(*places[part], f"${part}$ {NAMES[part]}", color=colour, fontsize=8)
    axes.plot(data["times"], data["mass/RK4"], color="#222222")
    axes.text(4.3, 2.58, "$x + y + z$", color="#222222", fontsize=8)
    axes.set(xlim=(0, END), ylim=(0, 2.85), xlabel="time $t$", xticks=range(0, END + 1, 3))


def _draw_map(axes: Axes, data: FigureData) -> None:
    mass = _mass()
    axes.plot([0, mass, 0, 0], [0, 0, mass, 0], color="#999999", linewidth=0.8)
    axes.plot([1, 1], [0, mass - 1], color="#999999", linestyle=":", linewidth=0.9)
    for start, image in zip(data["starts"].tolist(), data["images"].tolist(), strict=True):
        colour = EXPANSIVE if image[1] > start[1] else CONTRACTIVE
        axes.annotate("", image[:2], start[:2], arrowprops={
            "arrowstyle": "-|>,head_length=0.25,head_width=0.12", "linewidth": 0.7,
            "color": colour, "shrinkA": 0, "shrinkB": 0,
        })  # fmt: skip
    axes.plot(*data["starts"][:, :2].T, ".", color="#222222", markersize=2.5)
    axes.text(1.04, 1.5, "$x = 1$", fontsize=7, color="#666666")
    axes.set(xlim=(-0.06, 2.6), ylim=(-0.06, 2.6), aspect="equal",
             xlabel="susceptible $x$", ylabel="infected $y$")  # fmt: skip


def _draw_mass(axes: Axes, data: FigureData) -> None:
    for substeps, linestyle, label in zip(SUBSTEPS, ("-", "--"), ("0.1", "0.05"), strict=True):
        axes.plot(data["times"][1:], _unstructured_error(substeps, data)[1:], color=UNSTRUCTURED,
                  linestyle=linestyle, label=f"exp. Euler, $h = {label}$")  # fmt: skip
    for method in METHODS:
        error = np.abs(data[f"mass/{method}"] - _mass())
        axes.plot(data["times"], np.where(error > 0, error, np.nan), ".", markersize=3,
                  color=METHOD_COLOURS[method], label=method)  # fmt: skip
    axes.set(yscale="log", ylim=(1e-16, 1), xlim=(0, END), xlabel="time $t$",
             xticks=range(0, END + 1, 3))  # fmt: skip
    axes.legend(loc="center", fontsize=7)
