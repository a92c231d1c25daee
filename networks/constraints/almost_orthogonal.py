"""‖A‖ ≤ 1 by a scaling of the columns: no iteration, nothing to maintain."""

from __future__ import annotations

import torch
from torch import Tensor

from ..operators import Operator
from .bounded_spectral_norm import within_norm
from .constraint import Constraint


class AlmostOrthogonalScaling(Constraint):
    """W = V·D with D = diag(1/√(Σⱼ|VᵀV|ᵢⱼ)), for the weight of an ``operator``: then ‖W‖ ≤ 1.

    D has one number a feature or input channel. ``forward`` is exact up to rounding; ``contains``
    and ``sealed`` use the rigorous norm. A column of zeros stays one. Source: Prach and Lampert
    (2022), by the dominating diagonal of claim D8.scaled_boundary_step [D].

    >>> from flowcert.networks.operators import DenseOperator
    >>> scaling = AlmostOrthogonalScaling(DenseOperator(2, 2))
    >>> scaling(3 * torch.eye(2)).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """

    def __init__(self, operator: Operator) -> None:
        super().__init__()
        self.operator = operator

    def forward(self, V: Tensor) -> Tensor:
        sums = self.operator.absolute_column_products(V).sum(dim=1)
        # A smaller D keeps the norm below 1: a column of zeros divides by this floor.
        D = sums.clamp(min=torch.finfo(V.dtype).eps).rsqrt()
        return V * D.reshape(-1, *[1] * (V.ndim - 2))

    def contains(self, weight: Tensor) -> bool:
        return self.operator.bound_spectral_norm(weight) <= 1.0

    def sealed(self, weight: Tensor) -> Tensor:
        """Divide by the rigorous norm where rounding has taken it above 1."""
        return within_norm(self.operator, weight, 1.0)
