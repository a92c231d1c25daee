"""x ↦ Ax + b and y ↦ Aᵀy with one weight: what residual steps are made of."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ...errors import StructureError
from ...theory.spectral import LinearMap, SingularValues
from ..operators import (
    ConvolutionOperator,
    DenseOperator,
    Mode,
    Operator,
    read_image,
    read_operator,
)
from .layer import Layer, check_value


class Affine(Layer):
    """x ↦ Ax + b for an ``operator``; ``adjoint`` is y ↦ Aᵀy with the same weight.

    x: (batch, *operator.input_shape). The weight is drawn from N(0, 1/fan-in) by PyTorch's
    generator, the bias is 0. Constrain it with ``flowcert.networks.constraints``. Bound: ‖A‖,
    rigorously; claim E1.product.

    >>> affine = dense(3, 2)
    >>> affine(torch.zeros(1, 3)).tolist(), affine.adjoint(torch.zeros(1, 2)).shape
    ([[0.0, 0.0]], torch.Size([1, 3]))
    """

    claim = "E1.product"
    rule = "spectral norm"
    weight: Tensor
    bias: Tensor | None

    def __init__(self, operator: Operator, *, bias: bool = True) -> None:
        super().__init__()
        self.operator = read_operator(operator)
        weight = torch.randn(operator.weight_shape) / math.sqrt(operator.fan_in)
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(torch.zeros(operator.units)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        check_value(x, self.operator.input_shape)
        return self.operator.apply(self.weight, x, self.bias)

    def adjoint(self, y: Tensor) -> Tensor:
        """Return Aᵀy, y of shape (batch, *operator.output_shape)."""
        check_value(y, self.operator.output_shape)
        return self.operator.adjoint(self.weight, y)

    def per_unit(self, values: Tensor) -> Tensor:
        """Return one number a row or channel, shaped to multiply or shift values of Ax."""
        return values.reshape(-1, *[1] * (len(self.operator.output_shape) - 1))

    def linear_map(self) -> LinearMap:
        """Return A in NumPy, of the present weight exactly."""
        return self.operator.linear_map(self.weight)

    def bound_singular_values(self, *, smallest: bool = False) -> SingularValues:
        """Bound σ_max (and σ_min) of A rigorously, rounded outward."""
        return self.operator.bound_singular_values(self.weight, smallest=smallest)

    def extra_repr(self) -> str:
        return f"{self.operator}, bias={self.bias is not None}"


def read_affine(given: Affine) -> Affine:
    """Return an affine map, or raise StructureError for a module that lacks its adjoint.

    >>> read_affine(dense(3, 2))
    Affine(DenseOperator(inputs=3, outputs=2), bias=True)
    """
    if isinstance(given, Affine):
        return given
    raise StructureError(
        came=f"a {type(given).__name__} where x ↦ Ax + b belongs",
        expected="an Affine, which knows Aᵀ as well",
        remedy="Use dense(inputs, outputs) or convolution(image, outputs) of networks.layers.",
    )


def dense(inputs: int, outputs: int, *, bias: bool = True) -> Affine:
    """Return x ↦ Ax + b on vectors, A of shape (outputs, inputs).

    >>> tuple(dense(3, 2).weight.shape)
    (2, 3)
    """
    return Affine(DenseOperator(inputs, outputs), bias=bias)


def convolution(
    image: Sequence[int],
    outputs: int,
    *,
    kernel_size: int = 3,
    mode: Mode = "circular",
    bias: bool = True,
) -> Affine:
    """Return the affine map of a convolution on images (channels, height, width), stride 1.

    >>> tuple(convolution((2, 8, 8), 4).weight.shape)
    (4, 2, 3, 3)
    """
    operator = ConvolutionOperator(read_image(image), outputs, kernel_size, mode)
    return Affine(operator, bias=bias)
