"""AᵀA = I, or AAᵀ = I: dense matrices that keep lengths, by Cayley's transform."""

from __future__ import annotations

from ...errors import StructureError
from ..operators import DenseOperator, Operator, read_operator
from .orthonormal import Orthonormal


class Orthogonal(Orthonormal):
    """Dense W with orthonormal columns (outputs ≥ inputs) or rows (outputs < inputs).

    ``forward`` makes W from free parameters V of its shape, within a few ε of orthogonal while the
    entries of V stay below about 10³ (far beyond what training reaches; at 10⁷ a tall W has lost
    its digits, which ``contains`` tells); given a weight, V starts at that weight if it is
    orthogonal, otherwise at the nearest orthogonal one. ``contains`` is rigorous: every singular
    value within 2⁻¹⁹, 16ε of float32, of 1; ``sealed`` in addition proves ‖W‖ ≤ 1. Raises
    StructureError for convolutions, DomainError for half precision, ConvergenceError for a V that
    float64 cannot solve with. Source: the authors' switching needs AᵀA = I [P]; Cayley's
    transform after Trockman and Kolter (2021), claim C4.switched_flow.

    >>> import torch
    >>> from flowcert.networks.operators import DenseOperator
    >>> constraint = Orthogonal(DenseOperator(2, 3))
    >>> W = constraint(torch.ones(3, 2))
    >>> constraint.contains(W), constraint.contains(1.001 * W)
    (True, False)
    """

    def __init__(self, operator: Operator) -> None:
        read_operator(operator)
        if not isinstance(operator, DenseOperator):
            raise StructureError(
                came=f"{operator} for Orthogonal",
                expected="a dense operator",
                remedy="Use PatchOrthogonal for convolutions.",
            )
        super().__init__(operator, divisor=1, resolution=2.0**-37)
