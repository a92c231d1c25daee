"""Rigorous singular values of the linear maps of networks, rounded outward."""

from .dense import Dense, bound_dense
from .linear_map import LinearMap
from .singular_values import SingularValues

__all__ = [
    "Dense",
    "LinearMap",
    "SingularValues",
    "bound_dense",
]
