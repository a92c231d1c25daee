"""Rigorous singular values of the linear maps of networks, rounded outward."""

from .axes import Axes, AxisMap, AxisRow
from .chain_layers import ChainLayer
from .composition import compose
from .convolution import Convolution
from .convolution_bounds import bound_convolution
from .dense import Dense, bound_dense
from .diagonal import Diagonal
from .linear_map import LinearMap
from .multiplier_search import estimate_multipliers
from .perturbed import Perturbed
from .rearrangement import Permute, Reshape
from .recheck import recheck_dense
from .riccati import bound_chain
from .singular_values import SingularValues
from .transposed_convolution import TransposedConvolution

__all__ = [
    "Axes",
    "AxisMap",
    "AxisRow",
    "ChainLayer",
    "Convolution",
    "Dense",
    "Diagonal",
    "LinearMap",
    "Permute",
    "Perturbed",
    "Reshape",
    "SingularValues",
    "TransposedConvolution",
    "bound_chain",
    "bound_convolution",
    "bound_dense",
    "compose",
    "estimate_multipliers",
    "recheck_dense",
]
