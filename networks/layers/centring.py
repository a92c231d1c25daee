"""The input minus a mean: centred, not divided by a deviation, and so an isometry."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...errors import ShapeError
from ...numerics.validation import finite_array
from .layer import Layer, check_value


class Centring(Layer):
    """x ↦ x − mean, the mean a number, one number a channel, or one a pixel.

    x: images (batch, channels, height, width); ``mean`` of shape (), (channels,) or (channels,
    height, width), kept as a buffer. Bound: 1, exactly; to divide by deviations too would cost
    1/min of them in pixel space. Raises DomainError for NaN and infinite means, ShapeError for
    images that do not fit. Source: flowcert, I [D]; claim E1.product.

    >>> Centring([0.25])(torch.ones(1, 1, 1, 2)).tolist()
    [[[[0.75, 0.75]]]]
    """

    claim = "E1.product"
    rule = "spectral norm"
    mean: Tensor

    def __init__(self, mean: Any) -> None:
        super().__init__()
        given = mean.detach().cpu() if isinstance(mean, Tensor) else mean
        array = finite_array("mean", given)
        if array.ndim not in (0, 1, 3) or array.size == 0:
            raise ShapeError(
                came=f"a mean of shape {array.shape}",
                expected="a number, (channels,) or (channels, height, width)",
                remedy="Average over the batch axis first.",
            )
        column = array.reshape(-1, 1, 1) if array.ndim == 1 else array
        self.register_buffer("mean", torch.tensor(column, dtype=torch.get_default_dtype()))

    def forward(self, x: Tensor) -> Tensor:
        channels, *pixels = self.mean.shape or x.shape[1:]
        fixed = pixels != [1, 1] or not self.mean.shape
        shape = (channels, *(pixels if fixed else x.shape[2:]))
        if x.ndim != 4 or tuple(x.shape[1:]) != shape:
            raise ShapeError(
                came=f"a value of shape {tuple(x.shape)} for a mean of {tuple(self.mean.shape)}",
                expected="images (batch, channels, height, width) with as many channels and pixels",
                remedy="Keep the batch axis in front; take the mean of images of this shape.",
            )
        check_value(x, shape)
        return x - self.mean

    def extra_repr(self) -> str:
        return f"shape={tuple(self.mean.shape)}"
