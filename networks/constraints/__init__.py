"""What keeps weights and steps where they must be: parametrisations, projections, predicates."""

from .almost_orthogonal import AlmostOrthogonalScaling
from .bounded_spectral_norm import BoundedSpectralNorm
from .bounded_step import BoundedStep
from .constraint import Constraint, constrain, constraint_of, maintain_, project
from .membership import Membership, membership
from .orthogonal import Orthogonal
from .patch_orthogonal import PatchOrthogonal
from .sealing import seal
from .step_pair import StepPair
from .step_set import StepSet

__all__ = [
    "AlmostOrthogonalScaling",
    "BoundedSpectralNorm",
    "BoundedStep",
    "Constraint",
    "Membership",
    "Orthogonal",
    "PatchOrthogonal",
    "StepPair",
    "StepSet",
    "constrain",
    "constraint_of",
    "maintain_",
    "membership",
    "project",
    "seal",
]
