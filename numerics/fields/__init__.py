"""Vector fields of the paper in NumPy, one family a file, and the activations they are made of."""

from .activation import (
    Activation,
    leaky_relu,
    piecewise_linear,
    relu,
    softplus_mixture,
    tanh_mixture,
)
from .expansive_gradient import ExpansiveGradientField
from .expansive_layer import ExpansiveLayerField
from .gradient import GradientField
from .linear import LinearField
from .vector_field import DecomposedField, PotentialField, VectorField

__all__ = [
    "Activation",
    "DecomposedField",
    "ExpansiveGradientField",
    "ExpansiveLayerField",
    "GradientField",
    "LinearField",
    "PotentialField",
    "VectorField",
    "leaky_relu",
    "piecewise_linear",
    "relu",
    "softplus_mixture",
    "tanh_mixture",
]
