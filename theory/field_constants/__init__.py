"""Lipschitz and one-sided Lipschitz constants of vector fields on a ball: bounds and estimates."""

from .bounding import bound_lipschitz, bound_one_sided_lipschitz
from .estimating import estimate_lipschitz, estimate_one_sided_lipschitz

__all__ = [
    "bound_lipschitz",
    "bound_one_sided_lipschitz",
    "estimate_lipschitz",
    "estimate_one_sided_lipschitz",
]
