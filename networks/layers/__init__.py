"""Layers that name the claim behind their bound, one a file, on any device."""

from .affine import Affine, convolution, dense
from .almost_orthogonal import AlmostOrthogonal
from .alternating_pair import AlternatingPair
from .boundary_step import BoundaryStep
from .centring import Centring
from .collapsed_pair import CollapsedPair
from .discrete_gradient_step import DiscreteGradientStep
from .energy_step import EnergyStep
from .expansive_gradient_step import ExpansiveGradientStep
from .expansive_step import ExpansiveStep
from .gradient_step import GradientStep
from .hamiltonian_step import GradientModule, VerletStep
from .layer import LAYERS, FixedStep, Layer, Step
from .lift import Lift
from .mass_projection import MassProjection
from .mass_step import MassStep
from .pixel_unshuffle import PixelUnshuffle
from .potential_step import PotentialStep
from .projection import Projection
from .residual_step import ResidualStep
from .ridge_potential import RidgePotential, ridge_potential
from .rotation import Rotation
from .runge_kutta_step import RungeKuttaStep
from .scaled_boundary_step import ScaledBoundaryStep
from .scaled_pooling import ScaledPooling
from .scaling import Scaling
from .shared_pair import SharedPair
from .skew_matrix import SkewMatrix
from .sorting import GroupSort, MaxMin
from .sphere_step import SphereStep
from .unit_row_head import UnitRowHead
from .volume_step import VolumeStep

__all__ = [
    "LAYERS",
    "Affine",
    "AlmostOrthogonal",
    "AlternatingPair",
    "BoundaryStep",
    "Centring",
    "CollapsedPair",
    "DiscreteGradientStep",
    "EnergyStep",
    "ExpansiveGradientStep",
    "ExpansiveStep",
    "FixedStep",
    "GradientModule",
    "GradientStep",
    "GroupSort",
    "Layer",
    "Lift",
    "MassProjection",
    "MassStep",
    "MaxMin",
    "PixelUnshuffle",
    "PotentialStep",
    "Projection",
    "ResidualStep",
    "RidgePotential",
    "Rotation",
    "RungeKuttaStep",
    "ScaledBoundaryStep",
    "ScaledPooling",
    "Scaling",
    "SharedPair",
    "SkewMatrix",
    "SphereStep",
    "Step",
    "UnitRowHead",
    "VerletStep",
    "VolumeStep",
    "convolution",
    "dense",
    "ridge_potential",
]
