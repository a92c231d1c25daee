"""The lift of the published networks: a rescaled linear map and a ReLU."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..layers import Affine


class PublishedLift(nn.Module):
    """x ↦ ReLU(r·Ax), r trained, A the map of ``affine`` (without bias).

    Bound: |r|·‖A‖: r is not limited, and has grown to 7 in the published networks (E5 [D]).
    Source: paper [P].

    >>> from flowcert.networks.layers import dense
    >>> PublishedLift(dense(2, 3, bias=False))(torch.zeros(1, 2)).tolist()
    [[0.0, 0.0, 0.0]]
    """

    def __init__(self, affine: Affine) -> None:
        super().__init__()
        self.affine = affine
        self.rescaling = nn.Parameter(torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.rescaling * self.affine(x))
