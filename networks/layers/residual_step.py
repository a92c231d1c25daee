"""The residual step of ordinary networks, x + B·ReLU(Ax + b), and its average with weights ½."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from ...errors import ShapeError
from .affine import Affine, read_affine
from .layer import Layer


class ResidualStep(Layer):
    """x ↦ x + B·ReLU(Ax + b), or half of it if ``averaged``.

    ``inner`` holds A and b, ``outer`` B (its bias, if it has one, is added too); B leads back to
    the space that A comes from. Bound: 1 + ‖A‖‖B‖, or half of that: at most 1 if it is averaged
    and ‖A‖, ‖B‖ ≤ 1. Raises ShapeError for maps that do not fit. Source: paper, unconstrained and
    naively constrained networks [P]; claim E1.product.

    >>> import torch
    >>> from flowcert.networks.layers import dense
    >>> ResidualStep(dense(2, 3), dense(3, 2), averaged=True)(torch.zeros(1, 2)).tolist()
    [[0.0, 0.0]]
    """

    claim = "E1.product"
    rule = "sum"

    def __init__(self, inner: Affine, outer: Affine, averaged: bool = False) -> None:
        super().__init__()
        there, back = read_affine(inner).operator, read_affine(outer).operator
        if (there.output_shape, there.input_shape) != (back.input_shape, back.output_shape):
            raise ShapeError(
                came=f"A from {there.input_shape} to {there.output_shape} and B from "
                f"{back.input_shape} to {back.output_shape}",
                expected="B from the space where A ends to the one where it begins",
                remedy="A residual step keeps the shape of its input.",
            )
        self.inner = inner
        self.outer = outer
        self.averaged = averaged

    def forward(self, x: Tensor) -> Tensor:
        moved: Tensor = self.outer(functional.relu(self.inner(x)))
        return 0.5 * x + 0.5 * moved if self.averaged else x + moved

    def extra_repr(self) -> str:
        return f"averaged={self.averaged}"
