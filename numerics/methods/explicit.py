"""The explicit Runge–Kutta methods that everybody needs, by their exact coefficients."""

from __future__ import annotations

from ..tableau import ButcherTableau
from .runge_kutta import RungeKutta

Euler = RungeKutta("Euler", ButcherTableau([[0]], [1], [0]), order=1)

Heun = RungeKutta("Heun", ButcherTableau([[0, 0], [1, 0]], ["1/2", "1/2"], [0, 1]), order=2)

ExplicitMidpoint = RungeKutta(
    "ExplicitMidpoint", ButcherTableau([[0, 0], ["1/2", 0]], [0, 1], [0, "1/2"]), order=2
)

Ralston = RungeKutta(
    "Ralston", ButcherTableau([[0, 0], ["2/3", 0]], ["1/4", "3/4"], [0, "2/3"]), order=2
)

SSP22 = RungeKutta("SSP22", ButcherTableau([[0, 0], [1, 0]], ["1/2", "1/2"], [0, 1]), order=2)

SSP33 = RungeKutta(
    "SSP33",
    ButcherTableau([[0, 0, 0], [1, 0, 0], ["1/4", "1/4", 0]], ["1/6", "1/6", "2/3"], [0, 1, "1/2"]),
    order=3,
)

RK4 = RungeKutta(
    "RK4",
    ButcherTableau(
        [[0, 0, 0, 0], ["1/2", 0, 0, 0], [0, "1/2", 0, 0], [0, 0, 1, 0]],
        ["1/6", "1/3", "1/3", "1/6"],
        [0, "1/2", "1/2", 1],
    ),
    order=4,
)
