"""Sorting layers: features in groups, each group in order."""

from __future__ import annotations

from typing import Any

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
        ordered: Tensor = _OrderedPairs.apply(_in_groups(x, 2))  # type: ignore[no-untyped-call]  # PyTorch's
        return ordered.flatten(1, 2)


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


class _OrderedPairs(torch.autograd.Function):
    """(max, min) of pairs along axis 2; the derivative exchanges what was exchanged.

    PyTorch's own derivatives of maxima and minima take ten times as long as their values.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(pairs: Tensor) -> Tensor:
        first, second = pairs.chunk(2, dim=2)
        both = (torch.maximum(first, second), torch.minimum(first, second))
        return torch.cat(both, dim=2)

    @staticmethod
    def setup_context(context: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        context.save_for_backward(*inputs)
        context.save_for_forward(*inputs)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        [pairs] = context.saved_tensors
        return _exchanged(pairs, gradient)

    @staticmethod
    def jvp(context: Any, direction: Tensor) -> Tensor:
        [pairs] = context.saved_tensors
        return _exchanged(pairs, direction)


def _exchanged(pairs: Tensor, v: Tensor) -> Tensor:
    """The pairs of v, exchanged where those of ``pairs`` ascend: its own adjoint."""
    first, second = pairs.chunk(2, dim=2)
    a, b = v.chunk(2, dim=2)
    descends = first >= second
    return torch.cat((torch.where(descends, a, b), torch.where(descends, b, a)), dim=2)


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
