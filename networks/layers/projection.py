"""The last coordinates of a value: how a network leaves the space that it was lifted to."""

from __future__ import annotations

from torch import Tensor

from ...errors import DomainError
from ...numerics.validation import positive_integer
from .layer import Layer, check_value


class Projection(Layer):
    """(x, y) ↦ y: keeps the last ``kept`` of ``features`` coordinates.

    (x, y): (batch, features, …), the value (batch, kept, …). After ``Lift`` it is P of F = P∘φ∘L
    with φ(x, y) = (x, y + F(x)). Bound: 1, exactly. Raises DomainError for bad sizes, ShapeError
    for other inputs. Source: paper, projections [P]; claim E1.product.

    >>> import torch
    >>> Projection(3, kept=1)(torch.tensor([[1.0, 2.0, 3.0]])).tolist()
    [[3.0]]
    """

    claim = "E1.product"
    rule = "spectral norm"

    def __init__(self, features: int, kept: int) -> None:
        super().__init__()
        self.features = positive_integer("features", features)
        self.kept = positive_integer("kept", kept)
        if kept > features:
            raise DomainError(
                came=f"kept = {kept} of {features} features",
                expected="at most as many as there are",
                remedy="To add coordinates, lift with zeros.",
            )

    def forward(self, x: Tensor) -> Tensor:
        check_value(x, (self.features, *x.shape[2:]))
        return x[:, self.features - self.kept :]

    def extra_repr(self) -> str:
        return f"features={self.features}, kept={self.kept}"
