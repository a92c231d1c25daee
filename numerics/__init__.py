"""Ground floor: vector fields, activations and reference steps in NumPy."""

from .convolution import convolution_matrix
from .euler import euler_step, euler_trajectory, switching_euler
from .fields import (
    Activation,
    DecomposedField,
    ExpansiveGradientField,
    ExpansiveLayerField,
    GradientField,
    LinearField,
    PotentialField,
    VectorField,
    leaky_relu,
    piecewise_linear,
    relu,
    softplus_mixture,
    tanh_mixture,
)

__all__ = [
    "Activation",
    "DecomposedField",
    "ExpansiveGradientField",
    "ExpansiveLayerField",
    "GradientField",
    "LinearField",
    "PotentialField",
    "VectorField",
    "convolution_matrix",
    "euler_step",
    "euler_trajectory",
    "leaky_relu",
    "piecewise_linear",
    "relu",
    "softplus_mixture",
    "switching_euler",
    "tanh_mixture",
]
