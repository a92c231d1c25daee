"""Sorting layers: features in groups, each group in order."""

from __future__ import annotations

import torch
from torch import Tensor

from ...errors import ShapeError
from ...numerics.validation import positive_integer
from .layer import Layer, check_value


class MaxMin(Layer):
    """(x₂ᵢ, x₂ᵢ₊₁) ↦ (max, min) along axis 1: features, or channels at each pixel.

    x: (batch, an even number, …). Bound: 1, and |x| is kept; the boundary step with w = (−1, 1)
    on each pair. Raises ShapeError for an odd number of features. Source: Anil, Lucas and Grosse
    (2019); claims E1.product and D8.sorting, flowcert [D].

    >>> MaxMin()(torch.tensor([[1.0, 3.0, 5.0, 4.0]])).tolist()
    [[3.0, 1.0, 5.0, 4.0]]
    """

    claim = "E1.product"
    rule = "concatenate"

    def forward(self, x: Tensor) -> Tensor:
        pairs = _in_groups(x, 2)
        first, second = pairs[:, :, :1], pairs[:, :, 1:]
        both = (torch.maximum(first, second), torch.minimum(first, second))
        return torch.cat(both, dim=2).flatten(1, 2)


class GroupSort(Layer):
    """Groups of ``size`` neighbours along axis 1, each in descending order.

    x: (batch, a multiple of ``size``, …). Bound: 1, and |x| is kept. Raises ShapeError for another
    number of features, DomainError unless ``size`` ≥ 1. Source: Anil, Lucas and Grosse (2019);
    claim E1.product with the rearrangement inequality [D].

    >>> GroupSort(3)(torch.tensor([[1.0, 3.0, 2.0, 6.0, 5.0, 4.0]])).tolist()
    [[3.0, 2.0, 1.0, 6.0, 5.0, 4.0]]
    """

    claim = "E1.product"
    rule = "sort"

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = positive_integer("size", size)

    def forward(self, x: Tensor) -> Tensor:
        ordered = _in_groups(x, self.size).sort(dim=2, descending=True).values
        return ordered.flatten(1, 2)

    def extra_repr(self) -> str:
        return f"size={self.size}"


def _in_groups(x: Tensor, size: int) -> Tensor:
    """(batch, groups, size, …), or a ShapeError."""
    check_value(x, tuple(x.shape[1:]))
    if x.ndim < 2 or x.shape[1] % size:
        raise ShapeError(
            came=f"a value of shape {tuple(x.shape)}",
            expected=f"(batch, features, …) with a multiple of {size} features",
            remedy="Choose a width that the groups divide.",
        )
    return x.reshape(x.shape[0], x.shape[1] // size, size, *x.shape[2:])
