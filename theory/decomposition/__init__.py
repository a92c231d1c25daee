"""f = ∇U + S(x)x, by formulas and by quadrature, and U as a difference of convex functions."""

from .convex_difference import bound_curvature, curvature_over
from .presnov import SymbolicDecomposition, presnov

__all__ = [
    "SymbolicDecomposition",
    "bound_curvature",
    "curvature_over",
    "presnov",
]
