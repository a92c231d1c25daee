"""One-step methods, one family a file."""

from .collocation import (
    GaussLegendre,
    LobattoIIIA,
    LobattoIIIB,
    LobattoIIIC,
    RadauIA,
    RadauIIA,
)
from .diagonally_implicit import (
    SDIRK2,
    SDIRK3,
    BackwardEuler,
    ImplicitMidpoint,
    ImplicitTrapezoid,
)
from .explicit import (
    RK4,
    SSP22,
    SSP33,
    SSP104,
    BogackiShampine,
    DormandPrince,
    Euler,
    ExplicitMidpoint,
    Heun,
    Kutta3,
    Ralston,
    ThreeEighths,
)
from .method import Method
from .newton import simplified_newton
from .runge_kutta import RungeKutta

__all__ = [
    "RK4",
    "SDIRK2",
    "SDIRK3",
    "SSP22",
    "SSP33",
    "SSP104",
    "BackwardEuler",
    "BogackiShampine",
    "DormandPrince",
    "Euler",
    "ExplicitMidpoint",
    "GaussLegendre",
    "Heun",
    "ImplicitMidpoint",
    "ImplicitTrapezoid",
    "Kutta3",
    "LobattoIIIA",
    "LobattoIIIB",
    "LobattoIIIC",
    "Method",
    "RadauIA",
    "RadauIIA",
    "Ralston",
    "RungeKutta",
    "ThreeEighths",
    "simplified_newton",
]
