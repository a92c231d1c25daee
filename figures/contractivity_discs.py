"""N3: stability regions, and in them the discs in which the methods contract."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import matplotlib.figure
import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Circle
from numpy.typing import NDArray

from ..numerics.tableau.stability import linear_stability_interval
from .figure import Figure, FigureCheck, FigureData
from .stability_discs import (
    BOUNDARY_POINTS,
    contracts_in_disc,
    exact_tableau,
    is_stable_in_disc,
    largest_disc,
    trace_boundary,
)
from .styling import METHOD_COLOURS, name_panel

# Methods of one stability function, the largest disc first; their radii as the literature has them
# or as they come from a quadratic equation by hand.
GROUPS: dict[str, dict[str, str]] = {
    "two_stages": {"Heun": "1", "Ralston": "(sqrt(21) - 3)/2"},
    "three_stages": {"SSP33": "1", "BogackiShampine": "2*sqrt(6) - 4", "Kutta3": "1/2"},
    "four_stages": {"RK4": "1", "ThreeEighths": "2*sqrt(3) - 3"},
    "implicit": {"ImplicitMidpoint": "oo", "ImplicitTrapezoid": "2"},
}
TITLES = {
    "two_stages": "two stages, order 2",
    "three_stages": "three stages, order 3",
    "four_stages": "four stages, order 4",
    "implicit": "implicit, order 2",
}
METHODS = {name: radius for group in GROUPS.values() for name, radius in group.items()}
TOUCHING = ("Heun",)  # whose disc, 5 % larger, leaves the stability region as well
LARGER = Fraction(21, 20)
ROUNDING = 1e-12  # a degree of at most 4 at |z| ≤ 4


class ContractivityDiscs(Figure):
    """One stability function, several radii: what linear stability does not tell.

    Source: Dahlquist and Jeltsch (1979); paper, runge-kutta factors [P]; the discs as A-stability
    and algebraic stability of a shifted tableau: flowcert [D].
    """

    name = "N3_contractivity_discs"
    title = "Stability regions and the discs of circle contractivity"
    statement = (
        r"Grey: the stability region $|R(z)| \leq 1$. Circles: the discs $|z + r| \leq r$ with the "
        "radius $r$ of circle contractivity; a step is non-expansive on every field with "
        r"$\langle\Delta f, \Delta y\rangle \leq -|\Delta f|^2/L$, gradients of convex $L$-smooth "
        "potentials among them, up to $h = 2r/L$, the mark on the axis [P]. The methods of a panel "
        "have the same $R$, so that they are the same to every linear test, but not the same "
        "radius. Dotted: the largest disc in the region, where linear theory would put the limit. "
        "Only Heun's disc is the largest of its region; a little beyond the other limits no linear "
        "test with constant coefficients shows a failure yet [D]. The implicit midpoint rule "
        r"contracts for every step, $r = \infty$; the trapezoidal rule, as A-stable, has $r = 2$."
    )

    def compute(self) -> FigureData:
        data: FigureData = {}
        for group, radii in GROUPS.items():
            tableau = exact_tableau(next(iter(radii)))
            boundary = trace_boundary(tableau.stability_function())
            data[f"{group}/boundary"] = np.stack([boundary.real, boundary.imag], axis=-1)
            data[f"{group}/interval"] = np.array(float(linear_stability_interval(tableau)))
            data[f"{group}/largest_disc"] = np.array(largest_disc(boundary))
            for name in radii:
                radius = float(exact_tableau(name).circle_contractivity_radius())
                data[f"{name}/radius"] = np.array(radius)
        return data

    def check(self, data: FigureData) -> tuple[FigureCheck, ...]:
        checks = [_check_boundary(group, data) for group in GROUPS]
        checks += [_check_largest_disc(group, data) for group in GROUPS]
        for group, radii in GROUPS.items():
            checks.append(_check_same_function(group))
            for name in radii:
                checks += [
                    _check_radius(name, data),
                    _check_exactly(name),
                    _check_circle(name, data),
                    _check_step(group, name, data),
                ]
        return (*checks, _check_touching(), _report_unused(data))

    def draw(self, data: FigureData) -> matplotlib.figure.Figure:
        picture = matplotlib.figure.Figure(figsize=(7.2, 6.2))
        panels = picture.subplots(2, 2)
        for axes, letter, group in zip(panels.flat, "abcd", GROUPS, strict=True):
            name_panel(axes, letter, TITLES[group])
            _draw_group(axes, group, data)
        for axes in panels[1]:
            axes.set_xlabel(r"$\mathrm{Re}\,z$")
        for axes in panels[:, 0]:
            axes.set_ylabel(r"$\mathrm{Im}\,z$")
        return picture


def _check_boundary(group: str, data: FigureData) -> FigureCheck:
    R = exact_tableau(next(iter(GROUPS[group]))).stability_function()
    points = _complex(data[f"{group}/boundary"])
    off = float(np.abs(np.abs(R(points)) - 1).max())
    end = points[BOUNDARY_POINTS]
    interval = float(data[f"{group}/interval"])
    gap = float(np.abs(np.diff(points)).max())
    closed = abs(end + interval) if R.is_polynomial else 0.0 if interval == np.inf else np.inf
    return FigureCheck(
        f"{TITLES[group]}: |R| = 1 on the boundary, which meets the axis where it should",
        off <= ROUNDING and closed <= 1e-9 and (gap <= 0.05 or not R.is_polynomial),
        f"{len(points)} points, ||R| − 1| ≤ {off:.1e}, real interval {interval:.6f}",
    )


def _check_largest_disc(group: str, data: FigureData) -> FigureCheck:
    """Decided exactly at 0.999 and 1.001 times the radius, by A-stability of shifted tableaux."""
    name = next(iter(GROUPS[group]))
    radius = float(data[f"{group}/largest_disc"])
    if radius == np.inf:
        holds, detail = exact_tableau(name).is_a_stable(), "the half plane, A-stable"
    else:
        below, above = (Fraction(radius).limit_denominator(10**6) * Fraction(k, 1000)
                        for k in (999, 1001))  # fmt: skip
        inside = [is_stable_in_disc(name, r) for r in (below, above)]
        holds, detail = inside == [True, False], f"radius {radius:.4f}"
    return FigureCheck(f"{TITLES[group]}: the largest disc in the stability region", holds, detail)


def _check_same_function(group: str) -> FigureCheck:
    functions = {exact_tableau(name).stability_function() for name in GROUPS[group]}
    return FigureCheck(
        f"{TITLES[group]}: one stability function for all",
        len(functions) == 1,
        f"{len(functions)} function for {', '.join(GROUPS[group])}",
    )


def _check_radius(name: str, data: FigureData) -> FigureCheck:
    """Against the value written down above, and against eigenvalues in float64."""
    import sympy

    exact = sympy.sympify(METHODS[name])
    derived = exact_tableau(name).circle_contractivity_radius()
    by_eigenvalues = _estimate_radius(name)
    radius = float(data[f"{name}/radius"])
    same = bool(sympy.simplify(derived - exact) == 0) if exact.is_finite else derived == exact
    close = radius == by_eigenvalues or abs(radius - by_eigenvalues) <= 1e-9
    return FigureCheck(
        f"{name}: the radius is {exact}",
        same and close and radius == float(exact),
        f"{radius:.12g}, by eigenvalues {by_eigenvalues:.12g}",
    )


def _estimate_radius(name: str) -> float:
    """−1/λ_min(B^(−1/2) M B^(−1/2)) without the stages of weight 0, whose M vanishes; or ∞."""
    A, b, _, _ = exact_tableau(name).float64()
    used = b != 0
    A, b = A[np.ix_(used, used)], b[used]
    M = b[:, None] * A + (b[:, None] * A).T - np.outer(b, b)
    least = float(np.linalg.eigvalsh(M / np.sqrt(np.outer(b, b)))[0])
    return -1 / least if least < -1e-12 else np.inf


def _check_exactly(name: str) -> FigureCheck:
    """Exact decisions about the shifted tableau: at the radius, and 5 % beyond it."""
    import sympy

    radius = sympy.sympify(METHODS[name])
    if not radius.is_finite:
        tableau = exact_tableau(name)
        holds = tableau.is_a_stable() and tableau.is_algebraically_stable()
        return FigureCheck(f"{name}: contracts for every step, exactly", holds, "B-stable")
    inside, contracts = is_stable_in_disc(name, radius), contracts_in_disc(name, radius)
    further = contracts_in_disc(name, radius * LARGER)
    return FigureCheck(
        f"{name}: contracts in its disc, which lies in the region, and not 5 % beyond, exactly",
        inside and contracts and not further,
        f"disc in the region: {inside}; contracts at r: {contracts}, at 1.05 r: {further}",
    )


def _check_circle(name: str, data: FigureData) -> FigureCheck:
    """A sample of the circle (of the imaginary axis for r = ∞), by the maximum principle enough."""
    radius = float(data[f"{name}/radius"])
    angles = np.linspace(-np.pi, np.pi, 3601)
    imaginary = 1j * np.tan(angles[1:-1] / 2)
    z = imaginary if radius == np.inf else radius * (np.exp(1j * angles) - 1)
    worst = float(np.abs(exact_tableau(name).stability_function()(z)).max())
    return FigureCheck(
        f"{name}: |R| ≤ 1 all round the disc",
        worst <= 1 + ROUNDING,
        f"largest |R| − 1 at {len(z)} points {worst - 1:.1e}",
    )


def _check_step(group: str, name: str, data: FigureData) -> FigureCheck:
    radius, interval = float(data[f"{name}/radius"]), float(data[f"{group}/interval"])
    exact = linear_stability_interval(exact_tableau(name))
    return FigureCheck(
        f"{name}: the step 2r lies in the real stability interval",
        2 * radius <= interval and interval == float(exact),
        f"2r = {2 * radius:.6f}, interval {interval:.6f}",
    )


def _check_touching() -> FigureCheck:
    import sympy

    leave = [
        name
        for name, text in METHODS.items()
        if (radius := sympy.sympify(text)).is_finite
        and not is_stable_in_disc(name, radius * LARGER)
    ]
    return FigureCheck(
        f"of discs 5 % larger only that of {', '.join(TOUCHING)} leaves the stability region",
        tuple(leave) == TOUCHING,
        f"leaving: {', '.join(leave)}",
    )


def _report_unused(data: FigureData) -> FigureCheck:
    shares = []
    for group, radii in GROUPS.items():
        largest = float(data[f"{group}/largest_disc"])
        if largest < np.inf:
            share = {name: float(data[f"{name}/radius"]) / largest for name in radii}
            shares += [f"{name} {value:.3f}" for name, value in share.items()]
    return FigureCheck(
        "radius over the largest disc's in the region",
        True,
        ", ".join(shares),
        kind="report",
    )


def _complex(pairs: NDArray[Any]) -> NDArray[np.complex128]:
    return np.asarray(pairs[:, 0] + 1j * pairs[:, 1])


def _draw_group(axes: Axes, group: str, data: FigureData) -> None:
    implicit = group == "implicit"
    scale = 1.35 if implicit else 1.0
    left, right, top = -3.4 * scale, 4.6 * scale, 3.2 * scale
    axes.set(xlim=(left, right), ylim=(-top, top), aspect="equal")
    boundary = data[f"{group}/boundary"]
    if implicit:
        axes.fill_between([left, 0], -top, top, color="#E4E4E4", linewidth=0)
    else:
        axes.fill(boundary[:, 0], boundary[:, 1], facecolor="#E4E4E4", edgecolor="#999999",
                  linewidth=0.8)  # fmt: skip
    axes.axhline(0, color="#999999", linewidth=0.5)
    axes.axvline(0, color="#999999", linewidth=0.5)
    largest = float(data[f"{group}/largest_disc"])
    if largest < np.inf:
        _draw_disc(axes, largest, color="#666666", linestyle=":", linewidth=0.9)
    for name in GROUPS[group]:
        radius, colour = float(data[f"{name}/radius"]), METHOD_COLOURS[name]
        if radius == np.inf:
            axes.axvline(0, color=colour, linewidth=1.6)
            continue
        _draw_disc(axes, radius, color=colour, linewidth=1.4)
        axes.plot(-2 * radius, 0, "o", color=colour, markersize=4.5, zorder=4)
    axes.legend(handles=_legend(group, data), loc="upper right")


def _draw_disc(axes: Axes, radius: float, **style: Any) -> None:
    axes.add_patch(Circle((-radius, 0), radius, facecolor="none", edgecolor=style.pop("color"),
                          **style))  # fmt: skip


def _legend(group: str, data: FigureData) -> list[Line2D]:
    handles = []
    for name in GROUPS[group]:
        label = f"{name}, $r = {_shown(float(data[f'{name}/radius']))}$"
        handles.append(Line2D([], [], color=METHOD_COLOURS[name], label=label))
    largest = float(data[f"{group}/largest_disc"])
    if largest < np.inf:
        label = f"largest disc, $r = {_shown(largest)}$"
        handles.append(Line2D([], [], color="#666666", linestyle=":", label=label))
    return handles


def _shown(radius: float) -> str:
    if radius == np.inf:
        return r"\infty"
    rounded = f"{radius:.4f}"
    return rounded.rstrip("0").rstrip(".") if rounded.endswith("000") else rounded
