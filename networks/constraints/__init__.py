"""What keeps weights and steps where they must be: parametrisations, projections, predicates."""

from .bounded_spectral_norm import BoundedSpectralNorm
from .constraint import Constraint, constrain, constraint_of, maintain_, project
from .sealing import seal

__all__ = [
    "BoundedSpectralNorm",
    "Constraint",
    "constrain",
    "constraint_of",
    "maintain_",
    "project",
    "seal",
]
