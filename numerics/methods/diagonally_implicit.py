"""Implicit methods whose stages are solved one after the other, by their exact coefficients."""

from __future__ import annotations

from ..tableau import ButcherTableau
from .runge_kutta import RungeKutta

BackwardEuler = RungeKutta("BackwardEuler", ButcherTableau([[1]], [1], [1]), order=1)

ImplicitMidpoint = RungeKutta(
    "ImplicitMidpoint",
    ButcherTableau([["1/2"]], [1], ["1/2"]),
    order=2,
    symplectic=True,
    symmetric=True,
)

ImplicitTrapezoid = RungeKutta(
    "ImplicitTrapezoid",
    ButcherTableau([[0, 0], ["1/2", "1/2"]], ["1/2", "1/2"], [0, 1]),
    order=2,
    symmetric=True,
)


def _alexander() -> ButcherTableau:
    """γ = 1 − √2/2, which makes the method L-stable. Source: Alexander (1977)."""
    gamma, rest = "1 - sqrt(2)/2", "sqrt(2)/2"
    return ButcherTableau([[gamma, 0], [rest, gamma]], [rest, gamma], [gamma, 1])


def _crouzeix() -> ButcherTableau:
    """γ = (3 + √3)/6, which makes the order 3. Sources: Nørsett (1974), Crouzeix (1975)."""
    gamma, other = "(3 + sqrt(3))/6", "(3 - sqrt(3))/6"
    return ButcherTableau([[gamma, 0], ["-sqrt(3)/3", gamma]], ["1/2", "1/2"], [gamma, other])


# Radicals need sympy, which is not loaded before somebody uses these methods.
SDIRK2 = RungeKutta("SDIRK2", _alexander, order=2)

SDIRK3 = RungeKutta("SDIRK3", _crouzeix, order=3)
