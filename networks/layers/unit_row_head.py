"""The last layer of a classifier: logits wₖ·x + bₖ with unit rows."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrize

from ...errors import DomainError
from ...numerics.validation import positive_integer
from ..operators import DenseOperator
from .layer import Layer, check_value

_ROUNDS = 8  # of dividing by a norm: the second one is for rounding
# What a sealed head leaves below 1: room for outward roundings in the bounds of what is before it,
# and for the ten digits of a recorded certificate.
_ROOM = 2.0**-30


class UnitRows(nn.Module):
    """W ↦ W with each row divided by its norm: a parametrisation.

    >>> UnitRows()(torch.tensor([[3.0, 4.0]])).tolist()
    [[0.6000000238418579, 0.800000011920929]]
    """

    def forward(self, V: Tensor) -> Tensor:
        return functional.normalize(V, dim=1)

    def right_inverse(self, W: Tensor) -> Tensor:
        """Return a matrix whose rows have the directions of W's: W itself."""
        return W


class UnitRowHead(Layer):
    """x ↦ (wₖ·x + bₖ)ₖ, |wₖ| = 1: x (batch, features), logits (batch, classes).

    Radii of certified classes are pairwise, of the margins f_k − f_j over |w_k − w_j| times the
    constant of the features (claim E2.pairwise_radius): what counts is the rows' geometry, and no
    class gains by a longer row. ``seal_`` makes the rows plain numbers and divides the whole head,
    weight and bias, so that its rigorous norm is at most 1 − 2⁻³⁰: behind layers of constant 1 the
    network's certified bound is then at most 1, its roundings included. Margins and |w_k − w_j|
    shrink alike, so that classes and pairwise radii stay what they were, but for rounding. Raises
    DomainError for less than two classes, ShapeError for other inputs. Source: flowcert, I [D];
    claim E1.product.

    >>> head = UnitRowHead(3, 2)
    >>> head(torch.zeros(1, 3)).tolist()
    [[0.0, 0.0]]
    """

    claim = "E1.product"
    rule = "spectral norm"
    weight: Tensor
    bias: Tensor | None

    def __init__(self, features: int, classes: int, bias: bool = True) -> None:
        super().__init__()
        self.features = positive_integer("features", features)
        self.classes = read_classes(classes)
        self.weight = nn.Parameter(torch.randn(classes, features) / math.sqrt(features))
        self.bias = nn.Parameter(torch.zeros(classes)) if bias else None
        parametrize.register_parametrization(self, "weight", UnitRows())

    def forward(self, x: Tensor) -> Tensor:
        check_value(x, (self.features,))
        return functional.linear(x, self.weight, self.bias)

    @torch.no_grad()
    def seal_(self) -> None:
        """Divide weight and bias by what makes ‖W‖ ≤ 1 − 2⁻³⁰, the rows being plain numbers."""
        if parametrize.is_parametrized(self, "weight"):
            parametrize.remove_parametrizations(self, "weight", leave_parametrized=True)
        operator = DenseOperator(self.features, self.classes)
        for _ in range(_ROUNDS):
            norm = operator.bound_spectral_norm(self.weight)
            if norm <= 1.0 - _ROOM:
                return
            # A little more than needed: quotients are rounded into the weight's own type.
            slack = 2.0 * _ROOM + 4.0 * torch.finfo(self.weight.dtype).eps
            scale = 1.0 / (norm * (1.0 + slack))
            for tensor in (self.weight, self.bias):
                if tensor is not None:
                    tensor.copy_(tensor.double() * scale)

    def extra_repr(self) -> str:
        return f"{self.features}, {self.classes}, bias={self.bias is not None}"


def read_classes(classes: int) -> int:
    """Return the number of classes, at least 2, or raise DomainError.

    >>> read_classes(10)
    10
    """
    if positive_integer("classes", classes) < 2:
        raise DomainError(
            came="one class",
            expected="at least two",
            remedy="Two classes have two logits.",
        )
    return int(classes)
