"""f = ∇U + S(x)x, by formulas and by quadrature, and U as a difference of convex functions."""

from .convex_difference import QuadraticShift, bound_curvature, curvature_over, quadratic_shift
from .numeric import NumericDecomposition, NumericParts, numeric_presnov
from .presnov import SymbolicDecomposition, presnov
from .sign_split import split_by_signs

__all__ = [
    "NumericDecomposition",
    "NumericParts",
    "QuadraticShift",
    "SymbolicDecomposition",
    "bound_curvature",
    "curvature_over",
    "numeric_presnov",
    "presnov",
    "quadratic_shift",
    "split_by_signs",
]
