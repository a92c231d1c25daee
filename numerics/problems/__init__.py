"""Named test problems with their solutions, invariants and structure, one a file."""

from .driven_decay import DrivenDecay
from .driven_limit_cycle import DrivenLimitCycle
from .driven_pendulum import DrivenPendulum
from .driven_product_oscillator import DrivenProductOscillator
from .driven_rotation import DrivenRotation
from .driven_shears import DrivenShears
from .duffing import Duffing
from .gradient_flow import GradientFlow
from .henon_heiles import HenonHeiles
from .kepler import Kepler
from .lotka_volterra import LotkaVolterra
from .lotka_volterra_logarithmic import LotkaVolterraLogarithmic
from .pendulum import Pendulum
from .problem import Problem
from .product_oscillator import ProductOscillator
from .registry import all_problems, find_problem
from .rigid_body import RigidBody
from .sir import SIR

__all__ = [
    "SIR",
    "DrivenDecay",
    "DrivenLimitCycle",
    "DrivenPendulum",
    "DrivenProductOscillator",
    "DrivenRotation",
    "DrivenShears",
    "Duffing",
    "GradientFlow",
    "HenonHeiles",
    "Kepler",
    "LotkaVolterra",
    "LotkaVolterraLogarithmic",
    "Pendulum",
    "Problem",
    "ProductOscillator",
    "RigidBody",
    "all_problems",
    "find_problem",
]
