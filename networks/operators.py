"""Linear maps of a weight, in PyTorch: A and Aᵀ for dense layers and convolutions.

A convolution's Aᵀ is the adjoint of the operator on images, border and all: layers that need both
(x − h·Aᵀσ(Ax + b)) take them from here, and their bounds from the same object.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from ..errors import DomainError, ShapeError, StructureError
from ..numerics.validation import FloatArray, positive_integer
from ..theory.spectral import Convolution, Dense, LinearMap, SingularValues
from .circular_padding import pad_circularly

Shape = tuple[int, ...]
Mode = Literal["circular", "zeros"]


class Operator(ABC):
    """x ↦ Ax from values of ``input_shape`` to values of ``output_shape`` (without batch axis).

    A depends linearly on a weight of ``weight_shape``, which every method is handed.
    """

    input_shape: Shape
    output_shape: Shape
    weight_shape: Shape

    @abstractmethod
    def apply(self, weight: Tensor, x: Tensor, bias: Tensor | None = None) -> Tensor:
        """Return Ax + b, x of shape (batch, *input_shape); b one number a row or channel."""

    @abstractmethod
    def adjoint(self, weight: Tensor, y: Tensor) -> Tensor:
        """Return Aᵀy, y of shape (batch, *output_shape)."""

    @abstractmethod
    def linear_map(self, weight: Tensor) -> LinearMap:
        """Return the same map in NumPy, of these numbers exactly (float64)."""

    @abstractmethod
    def absolute_row_products(self, weight: Tensor) -> Tensor:
        """Bound Σ|AAᵀ| between units: entry (i, j) sums a row of unit i over the rows of unit j.

        For D = diag(Σⱼ entries·qⱼ/qᵢ), q > 0, each unit's number at all its places, D ⪰ AAᵀ.
        """

    @abstractmethod
    def absolute_column_products(self, weight: Tensor) -> Tensor:
        """Bound Σ|AᵀA| between features or input channels, as ``absolute_row_products`` AAᵀ."""

    @property
    def units(self) -> int:
        """Rows or output channels: as many biases."""
        return self.weight_shape[0]

    @property
    def fan_in(self) -> int:
        """The number of products that one entry of Ax sums."""
        return torch.Size(self.weight_shape[1:]).numel()

    @property
    def is_square(self) -> bool:
        return torch.Size(self.input_shape).numel() == torch.Size(self.output_shape).numel()

    def bound_singular_values(self, weight: Tensor, *, smallest: bool = False) -> SingularValues:
        """Bound σ_max (and σ_min) of A rigorously, rounded outward; E of flowcert [D]."""
        return self.linear_map(weight).singular_values(smallest=smallest)

    def bound_spectral_norm(self, weight: Tensor) -> float:
        """Bound ‖A‖ from above, rounded outward."""
        return self.bound_singular_values(weight).largest


@dataclass(frozen=True)
class DenseOperator(Operator):
    """Ax with the matrix A itself as weight, (outputs, inputs); x of shape (batch, inputs).

    >>> A = DenseOperator(3, 2)
    >>> A.adjoint(torch.ones(2, 3), A.apply(torch.ones(2, 3), torch.ones(1, 3))).tolist()
    [[6.0, 6.0, 6.0]]
    """

    inputs: int
    outputs: int

    def __post_init__(self) -> None:
        positive_integer("inputs", self.inputs)
        positive_integer("outputs", self.outputs)

    @property
    def input_shape(self) -> Shape:  # type: ignore[override]  # derived, not stored
        return (self.inputs,)

    @property
    def output_shape(self) -> Shape:  # type: ignore[override]  # derived, not stored
        return (self.outputs,)

    @property
    def weight_shape(self) -> Shape:  # type: ignore[override]  # derived, not stored
        return (self.outputs, self.inputs)

    def apply(self, weight: Tensor, x: Tensor, bias: Tensor | None = None) -> Tensor:
        return functional.linear(x, weight, bias)

    def adjoint(self, weight: Tensor, y: Tensor) -> Tensor:
        return functional.linear(y, weight.T)

    def absolute_row_products(self, weight: Tensor) -> Tensor:
        return (weight @ weight.T).abs()

    def absolute_column_products(self, weight: Tensor) -> Tensor:
        return (weight.T @ weight).abs()

    def linear_map(self, weight: Tensor) -> LinearMap:
        return Dense(as_float64(weight), self.input_shape)


@dataclass(frozen=True)
class ConvolutionOperator(Operator):
    """A convolution of stride 1 that keeps the image's size; kernel (outputs, channels, k, k).

    ``image`` is (channels, height, width), k = ``kernel_size`` odd, ``mode`` how the border is
    padded: ``circular`` (then the operator's singular values are those of its symbol, and a
    patch-orthogonal kernel is an isometry) or ``zeros`` (σ_min drops at the border, D7 [D]).

    >>> A = ConvolutionOperator((2, 8, 8), outputs=4)
    >>> A.output_shape, A.weight_shape
    ((4, 8, 8), (4, 2, 3, 3))
    """

    image: tuple[int, int, int]
    outputs: int
    kernel_size: int = 3
    mode: Mode = "circular"

    def __post_init__(self) -> None:
        object.__setattr__(self, "image", read_image(self.image))
        positive_integer("outputs", self.outputs)
        k = positive_integer("kernel_size", self.kernel_size)
        if k % 2 == 0 or k > min(self.image[1:]):
            raise DomainError(
                came=f"kernel_size = {k} on an image of {self.image[1]}×{self.image[2]}",
                expected="an odd number, not larger than the image",
                remedy="Use 3 or 5.",
            )
        if self.mode not in ("circular", "zeros"):
            raise DomainError(
                came=f"mode {self.mode!r}",
                expected="'circular' or 'zeros'",
                remedy="Other paddings have no adjoint among PyTorch's convolutions.",
            )

    @property
    def input_shape(self) -> Shape:  # type: ignore[override]  # derived, not stored
        return self.image

    @property
    def output_shape(self) -> Shape:  # type: ignore[override]  # derived, not stored
        return (self.outputs, *self.image[1:])

    @property
    def weight_shape(self) -> Shape:  # type: ignore[override]  # derived, not stored
        return (self.outputs, self.image[0], self.kernel_size, self.kernel_size)

    def apply(self, weight: Tensor, x: Tensor, bias: Tensor | None = None) -> Tensor:
        return self._convolve(weight, x, bias)

    def adjoint(self, weight: Tensor, y: Tensor) -> Tensor:
        if self.mode == "zeros":
            return functional.conv_transpose2d(y, weight, padding=self._reach)
        # The adjoint on the torus: inputs and outputs change places, taps turn.
        return self._convolve(weight.transpose(0, 1).flip(2, 3), y, None)

    def absolute_row_products(self, weight: Tensor) -> Tensor:
        """Sum the absolute taps of the kernel's correlations with itself.

        On the plane those are the entries of AAᵀ. On a torus some of them fall together, which
        only lowers the sum of their absolute values. With zeros A = P·A∞·E, E the extension by
        zero and P the restriction, so AAᵀ ⪯ P·A∞A∞ᵀ·Pᵀ: what dominates on the plane does here.
        """
        products = functional.conv2d(weight, weight, padding=self.kernel_size - 1)
        return products.abs().sum(dim=(2, 3))

    def absolute_column_products(self, weight: Tensor) -> Tensor:
        return self.absolute_row_products(weight.transpose(0, 1))

    def linear_map(self, weight: Tensor) -> LinearMap:
        return Convolution(as_float64(weight), self.image, padding=self._reach, mode=self.mode)

    @property
    def _reach(self) -> int:
        return self.kernel_size // 2

    def _convolve(self, weight: Tensor, x: Tensor, bias: Tensor | None) -> Tensor:
        if self.mode == "zeros" or self._reach == 0:
            return functional.conv2d(x, weight, bias, padding=self._reach)
        return functional.conv2d(pad_circularly(x, self._reach), weight, bias)


def read_operator(given: Operator) -> Operator:
    """Return an operator, or raise StructureError for what is none.

    >>> read_operator(DenseOperator(3, 2))
    DenseOperator(inputs=3, outputs=2)
    """
    if isinstance(given, Operator):
        return given
    raise StructureError(
        came=f"a {type(given).__name__} where an operator belongs",
        expected="a DenseOperator or a ConvolutionOperator",
        remedy="Of an affine map, dense(…) or convolution(…), pass its attribute operator.",
    )


def as_float64(weight: Tensor) -> FloatArray:
    """Return the numbers of a weight in float64, exactly.

    >>> as_float64(torch.tensor([0.5])).dtype
    dtype('float64')
    """
    return weight.detach().to("cpu", torch.float64).numpy().copy()


def read_image(shape: Sequence[int]) -> tuple[int, int, int]:
    """Return (channels, height, width), each a positive integer, or raise ShapeError.

    >>> read_image((3, 32, 32))
    (3, 32, 32)
    """
    sizes = tuple(shape)
    if len(sizes) != 3 or not all(isinstance(n, int) and n >= 1 for n in sizes):
        raise ShapeError(
            came=f"an image of shape {sizes}",
            expected="(channels, height, width), positive integers, without the batch axis",
            remedy="A grey image has one channel: (1, 8, 8).",
        )
    return sizes
