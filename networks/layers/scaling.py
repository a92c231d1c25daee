"""x ↦ cx: the flow of −μx for a time t, with c = e^{−μt}."""

from __future__ import annotations

from torch import Tensor

from ...numerics.validation import in_range
from .layer import Layer


class Scaling(Layer):
    """x ↦ cx with a number 0 ≤ c ≤ 1, of any shape.

    c = e^{−μt} is the flow of the contractive field −μx for the time t, exactly: the contractive
    piece of the second approximation result. Bound: c. Raises DomainError for c outside [0, 1].
    Source: paper, contractive fields [P]; claim E1.product.

    >>> import torch
    >>> Scaling(0.5)(torch.ones(1, 2)).tolist()
    [[0.5, 0.5]]
    """

    claim = "E1.product"
    rule = "sum"

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = float(in_range("factor", factor, 0.0, 1.0))

    def forward(self, x: Tensor) -> Tensor:
        return self.factor * x

    def extra_repr(self) -> str:
        return f"factor={self.factor:g}"
