"""One-step methods, one family a file."""

from .collocation import GaussLegendre, LobattoIIIA, LobattoIIIB, LobattoIIIC, RadauIA, RadauIIA
from .composition import (
    Composition,
    Suzuki,
    SuzukiUmeno8,
    TripleJump,
    Yoshida4,
    Yoshida6,
    Yoshida8,
)
from .diagonally_implicit import SDIRK2, SDIRK3, BackwardEuler, ImplicitMidpoint, ImplicitTrapezoid
from .discrete_gradient import (
    AverageVectorField,
    DiscreteGradient,
    Gonzalez,
    ItohAbe,
    SymmetrisedItohAbe,
    average_gradient,
    gonzalez_gradient,
    itoh_abe_gradient,
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
from .numerical_piece import numerical_piece
from .partitioned import (
    ForestRuth,
    PartitionedMethod,
    PositionVerlet,
    Ruth3,
    StormerVerlet,
    SymplecticEulerA,
    SymplecticEulerB,
)
from .projection import Projection, SymmetricProjection
from .registry import all_methods, find_method, single_methods
from .relaxation import Relaxation
from .runge_kutta import RungeKutta
from .sphere import RKMK4, LieEuler, NormCorrectedHeun
from .splitting import LieTrotter, LieTrotterAdjoint, McLachlan2, McLachlan4, Splitting, Strang
from .splitting_order import DerivedOrder, derived_order

__all__ = [
    "RK4",
    "RKMK4",
    "SDIRK2",
    "SDIRK3",
    "SSP22",
    "SSP33",
    "SSP104",
    "AverageVectorField",
    "BackwardEuler",
    "BogackiShampine",
    "Composition",
    "DerivedOrder",
    "DiscreteGradient",
    "DormandPrince",
    "Euler",
    "ExplicitMidpoint",
    "ForestRuth",
    "GaussLegendre",
    "Gonzalez",
    "Heun",
    "ImplicitMidpoint",
    "ImplicitTrapezoid",
    "ItohAbe",
    "Kutta3",
    "LieEuler",
    "LieTrotter",
    "LieTrotterAdjoint",
    "LobattoIIIA",
    "LobattoIIIB",
    "LobattoIIIC",
    "McLachlan2",
    "McLachlan4",
    "Method",
    "NormCorrectedHeun",
    "PartitionedMethod",
    "PositionVerlet",
    "Projection",
    "RadauIA",
    "RadauIIA",
    "Ralston",
    "Relaxation",
    "RungeKutta",
    "Ruth3",
    "Splitting",
    "StormerVerlet",
    "Strang",
    "Suzuki",
    "SuzukiUmeno8",
    "SymmetricProjection",
    "SymmetrisedItohAbe",
    "SymplecticEulerA",
    "SymplecticEulerB",
    "ThreeEighths",
    "TripleJump",
    "Yoshida4",
    "Yoshida6",
    "Yoshida8",
    "all_methods",
    "average_gradient",
    "derived_order",
    "find_method",
    "gonzalez_gradient",
    "itoh_abe_gradient",
    "numerical_piece",
    "simplified_newton",
    "single_methods",
]
