"""Layers that name the claim behind their bound, one a file, on any device."""

from .affine import Affine, convolution, dense
from .boundary_step import BoundaryStep
from .gradient_step import GradientStep
from .layer import LAYERS, FixedStep, Layer, Step

__all__ = [
    "LAYERS",
    "Affine",
    "BoundaryStep",
    "FixedStep",
    "GradientStep",
    "Layer",
    "Step",
    "convolution",
    "dense",
]
