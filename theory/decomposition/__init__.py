"""f = ∇U + S(x)x, by formulas and by quadrature, and U as a difference of convex functions."""

from .presnov import SymbolicDecomposition, presnov

__all__ = [
    "SymbolicDecomposition",
    "presnov",
]
