"""What a method does, measured: each diagnostic returns a number and the evidence for it."""

from .contraction import ContractionFactor, contraction_factor
from .determinant import StepDeterminant, step_determinant
from .drift import InvariantDrift, invariant_drift
from .observed_order import ObservedOrder, observed_order
from .reversal import ReversalError, reversal_error
from .step_jacobian import step_jacobian
from .symplecticity import SymplecticityDefect, symplecticity_defect

__all__ = [
    "ContractionFactor",
    "InvariantDrift",
    "ObservedOrder",
    "ReversalError",
    "StepDeterminant",
    "SymplecticityDefect",
    "contraction_factor",
    "invariant_drift",
    "observed_order",
    "reversal_error",
    "step_determinant",
    "step_jacobian",
    "symplecticity_defect",
]
