"""Convolutions whose kernel is orthogonal as a matrix on patches: isometries on a torus."""

from __future__ import annotations

from ...errors import StructureError
from ..operators import ConvolutionOperator, Operator, read_operator
from .orthonormal import Orthonormal


class PatchOrthogonal(Orthonormal):
    """Kernels K = Q/k, Q of shape (outputs, channels·k²) with orthonormal columns or rows.

    (Ax)ₚ = K·patchₚ(x), so |Ax|² ≤ ‖K‖²·Σₚ|patchₚ(x)|² ≤ |x|², as a pixel lies in at most k²
    patches: ‖A‖ ≤ 1 always. With circular padding every pixel lies in exactly k², and with
    outputs ≥ channels·k² the columns are orthonormal: both are equalities, AᵀA = I
    (``is_isometry``). With zero padding AᵀA is then diagonal, (patches that hold the pixel)/k²,
    and σ_min = (k + 1)/(2k), at the corners: 2/3 for k = 3. ``contains`` and ``sealed`` are
    rigorous as in ``Orthogonal``. Raises StructureError for dense operators, DomainError for half
    precision. Source: flowcert, D7 [D].

    >>> import torch
    >>> from flowcert.networks.operators import ConvolutionOperator
    >>> constraint = PatchOrthogonal(ConvolutionOperator((1, 4, 4), outputs=9))
    >>> constraint.contains(constraint(torch.ones(9, 1, 3, 3))), constraint.is_isometry
    (True, True)
    """

    operator: ConvolutionOperator

    def __init__(self, operator: Operator) -> None:
        read_operator(operator)
        if not isinstance(operator, ConvolutionOperator):
            raise StructureError(
                came=f"{operator} for PatchOrthogonal",
                expected="the operator of a convolution",
                remedy="Use Orthogonal for dense maps.",
            )
        # The norms of convolutions are bounded to 5·10⁻⁸.
        super().__init__(operator, divisor=operator.kernel_size, resolution=2.0**-24)

    @property
    def is_isometry(self) -> bool:
        """Whether AᵀA = I for every kernel of the set."""
        keeps_border = self.operator.mode == "circular" or self.operator.kernel_size == 1
        return keeps_border and self.operator.units >= self.operator.fan_in
