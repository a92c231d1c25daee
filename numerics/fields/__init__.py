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
from .hamiltonian import HamiltonianField
from .linear import LinearField
from .mass import MassField
from .ridge_potential import RidgePotentialField
from .sphere import SphereField
from .vector_field import DecomposedField, PotentialField, VectorField

__all__ = [
    "Activation",
    "DecomposedField",
    "ExpansiveGradientField",
    "ExpansiveLayerField",
    "GradientField",
    "HamiltonianField",
    "LinearField",
    "MassField",
    "PotentialField",
    "RidgePotentialField",
    "SphereField",
    "VectorField",
    "leaky_relu",
    "piecewise_linear",
    "relu",
    "softplus_mixture",
    "tanh_mixture",
]
