"""What keeps weights and steps where they must be: parametrisations, projections, predicates."""

from .bounded_spectral_norm import BoundedSpectralNorm
from .bounded_step import BoundedStep
from .constraint import Constraint, constrain, constraint_of, maintain_, project
from .orthogonal import Orthogonal
from .patch_orthogonal import PatchOrthogonal
from .sealing import seal
from .step_pair import StepPair
from .step_set import StepSet

__all__ = [
    "BoundedSpectralNorm",
    "BoundedStep",
    "Constraint",
    "Orthogonal",
    "PatchOrthogonal",
    "StepPair",
    "StepSet",
    "constrain",
    "constraint_of",
    "maintain_",
    "project",
    "seal",
]
