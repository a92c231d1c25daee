"""More coordinates, filled with zeros: an isometry."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from ...errors import DomainError
from ...numerics.validation import positive_integer
from .layer import Layer, check_value


class Lift(Layer):
    """x ↦ (x, 0): pads the features of vectors, or the channels of images, with zeros.

    x: (batch, features, …), the value (batch, lifted, …), lifted ≥ features ≥ 1. Distances stay as
    they are: the bound is 1, exactly. Raises DomainError for sizes that shrink, ShapeError for
    other inputs. Source: paper, lifts [P]; claim E1.product.

    >>> import torch
    >>> Lift(2, 4)(torch.ones(1, 2)).tolist()
    [[1.0, 1.0, 0.0, 0.0]]
    """

    claim = "E1.product"
    rule = "spectral norm"

    def __init__(self, features: int, lifted: int) -> None:
        super().__init__()
        self.features = positive_integer("features", features)
        self.lifted = positive_integer("lifted", lifted)
        if lifted < features:
            raise DomainError(
                came=f"a lift from {features} to {lifted} coordinates",
                expected="at least as many as there are",
                remedy="To drop coordinates is a projection, no lift.",
            )

    def forward(self, x: Tensor) -> Tensor:
        check_value(x, (self.features, *x.shape[2:]))
        untouched = (0, 0) * (x.ndim - 2)
        return functional.pad(x, (*untouched, 0, self.lifted - self.features))

    def extra_repr(self) -> str:
        return f"{self.features}, {self.lifted}"
