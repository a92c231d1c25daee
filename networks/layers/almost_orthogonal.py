"""The almost orthogonal layer: an affine map whose columns are scaled until ‖A‖ ≤ 1."""

from __future__ import annotations

from torch import Tensor

from ..operators import Operator, read_operator
from .affine import Affine
from .layer import Layer


class AlmostOrthogonal(Layer):
    """x ↦ V·D·x + b with D = diag(1/√(Σⱼ|VᵀV|ᵢⱼ)): the AOL layer, 1-Lipschitz.

    ``operator`` is dense or a convolution, V is trained freely. Bound: ‖V·D‖, at most 1 exactly
    once sealed. Source: Prach and Lampert (2022), by the dominating diagonal of claim
    D8.scaled_boundary_step; claim E1.product, flowcert [D].

    >>> import torch
    >>> from flowcert.networks.operators import DenseOperator
    >>> layer = AlmostOrthogonal(DenseOperator(3, 2))
    >>> bool(torch.linalg.matrix_norm(layer.affine.weight, 2) < 1.00001)
    True
    """

    claim = "E1.product"
    rule = "spectral norm"

    def __init__(self, operator: Operator, bias: bool = True) -> None:
        # The constraints import the layers.
        from ..constraints.almost_orthogonal import AlmostOrthogonalScaling
        from ..constraints.constraint import constrain

        super().__init__()
        self.affine = constrain(
            Affine(operator, bias=bias), AlmostOrthogonalScaling(read_operator(operator))
        )

    def forward(self, x: Tensor) -> Tensor:
        value: Tensor = self.affine(x)
        return value
