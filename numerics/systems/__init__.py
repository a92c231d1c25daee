"""Systems ẏ = f(t, y), and the structure that some methods need of them."""

from .hamiltonian import EnergySystem, HamiltonianSystem, SkewGradientSystem, canonical_structure
from .invariant import Invariant
from .separable import SeparableHamiltonian, SeparableSystem
from .sphere import RotatingSystem, SphereSystem
from .split import Piece, SplitSystem, linear_piece
from .system import FieldSystem, System, as_system, state

__all__ = [
    "EnergySystem",
    "FieldSystem",
    "HamiltonianSystem",
    "Invariant",
    "Piece",
    "RotatingSystem",
    "SeparableHamiltonian",
    "SeparableSystem",
    "SkewGradientSystem",
    "SphereSystem",
    "SplitSystem",
    "System",
    "as_system",
    "canonical_structure",
    "linear_piece",
    "state",
]
