"""Averages of blocks of pixels, scaled so that constant blocks keep their norm."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from ...numerics.validation import positive_integer
from .layer import Layer
from .pixel_unshuffle import check_blocks


class ScaledPooling(Layer):
    """(c, h, w) ↦ (c, h/r, w/r): the average of each block of r×r pixels, times r = ``block``.

    x: (batch, c, h, w). The r² weights 1/r of a block have norm 1 and blocks are disjoint, so that
    the map is a partial isometry: bound 1, exactly, where the plain average wastes a
    factor r. Raises DomainError for a block that is no positive integer, ShapeError for sizes that
    r does not divide. Source: flowcert, I [D]; claim E1.product.

    >>> import torch
    >>> ScaledPooling(2)(torch.ones(1, 1, 2, 2)).item()
    2.0
    """

    claim = "E1.product"
    rule = "spectral norm"

    def __init__(self, block: int) -> None:
        super().__init__()
        self.block = positive_integer("block", block)

    def forward(self, x: Tensor) -> Tensor:
        check_blocks(x, self.block)
        r, (channels, height, width) = self.block, x.shape[1:]
        # Each block along one axis of length r²: rows of r² entries 1/r have norm 1 without
        # rounding, where two axes would multiply √r and 1/√r.
        blocks = functional.pixel_unshuffle(x, r).reshape(
            -1, channels, r * r, height * width // r**2
        )
        pooled = functional.avg_pool2d(blocks, (r * r, 1), divisor_override=r)
        return pooled.reshape(-1, channels, height // r, width // r)

    def extra_repr(self) -> str:
        return f"{self.block}"
