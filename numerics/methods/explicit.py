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

Kutta3 = RungeKutta(
    "Kutta3",
    ButcherTableau([[0, 0, 0], ["1/2", 0, 0], [-1, 2, 0]], ["1/6", "2/3", "1/6"], [0, "1/2", 1]),
    order=3,
)

ThreeEighths = RungeKutta(
    "ThreeEighths",
    ButcherTableau(
        [[0, 0, 0, 0], ["1/3", 0, 0, 0], ["-1/3", 1, 0, 0], [1, -1, 1, 0]],
        ["1/8", "3/8", "3/8", "1/8"],
        [0, "1/3", "2/3", 1],
    ),
    order=4,
)

# Ketcheson (2008): two rounds of five stages, SSP coefficient 6.
SSP104 = RungeKutta(
    "SSP104",
    ButcherTableau(
        [["1/6"] * i + [0] * (10 - i) for i in range(5)]
        + [["1/15"] * 5 + ["1/6"] * i + [0] * (5 - i) for i in range(5)],
        ["1/10"] * 10,
        [0, "1/6", "1/3", "1/2", "2/3", "1/3", "1/2", "2/3", "5/6", 1],
    ),
    order=4,
)

# Bogacki and Shampine (1989): the last stage is the first of the next step.
BogackiShampine = RungeKutta(
    "BogackiShampine",
    ButcherTableau(
        [[0, 0, 0, 0], ["1/2", 0, 0, 0], [0, "3/4", 0, 0], ["2/9", "1/3", "4/9", 0]],
        ["2/9", "1/3", "4/9", 0],
        [0, "1/2", "3/4", 1],
        ["7/24", "1/4", "1/3", "1/8"],
    ),
    order=3,
    embedded_order=2,
)

# Dormand and Prince (1980): the last stage is the first of the next step.
DormandPrince = RungeKutta(
    "DormandPrince",
    ButcherTableau(
        [
            [0, 0, 0, 0, 0, 0, 0],
            ["1/5", 0, 0, 0, 0, 0, 0],
            ["3/40", "9/40", 0, 0, 0, 0, 0],
            ["44/45", "-56/15", "32/9", 0, 0, 0, 0],
            ["19372/6561", "-25360/2187", "64448/6561", "-212/729", 0, 0, 0],
            ["9017/3168", "-355/33", "46732/5247", "49/176", "-5103/18656", 0, 0],
            ["35/384", 0, "500/1113", "125/192", "-2187/6784", "11/84", 0],
        ],
        ["35/384", 0, "500/1113", "125/192", "-2187/6784", "11/84", 0],
        [0, "1/5", "3/10", "4/5", "8/9", 1, 1],
        ["5179/57600", 0, "7571/16695", "393/640", "-92097/339200", "187/2100", "1/40"],
    ),
    order=5,
    embedded_order=4,
)
