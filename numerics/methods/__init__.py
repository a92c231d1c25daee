"""One-step methods, one family a file."""

from .explicit import RK4, SSP22, SSP33, Euler, ExplicitMidpoint, Heun, Ralston
from .method import Method
from .newton import simplified_newton
from .runge_kutta import RungeKutta

__all__ = [
    "RK4",
    "SSP22",
    "SSP33",
    "Euler",
    "ExplicitMidpoint",
    "Heun",
    "Method",
    "Ralston",
    "RungeKutta",
    "simplified_newton",
]
