"""Images continued periodically beyond their border, with a derivative that is cheap.

PyTorch's own derivative of circular padding writes a full image for each of its slices: in a
convolution step it costs as much as a convolution.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional


def pad_circularly(x: Tensor, reach: int) -> Tensor:
    """Return x (…, height, width) with ``reach`` more pixels on each side, those opposite.

    ``reach`` ≤ height, width. Exact; differentiable any number of times, forwards and backwards.

    >>> pad_circularly(torch.tensor([[[[1.0, 2.0, 3.0]]]]), 1)[0, 0, 0].tolist()
    [3.0, 1.0, 2.0, 3.0, 1.0]
    """
    padded: Tensor = _CircularPadding.apply(x, reach)  # type: ignore[no-untyped-call]  # PyTorch's
    return padded


class _CircularPadding(torch.autograd.Function):
    """x ↦ Px and its adjoint; it is linear, so that its forward derivative is itself."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, reach: int) -> Tensor:
        return functional.pad(x, (reach,) * 4, "circular")

    @staticmethod
    def setup_context(context: Any, inputs: tuple[Tensor, int], output: Tensor) -> None:
        context.reach = inputs[1]

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return _folded(gradient, context.reach), None

    @staticmethod
    def jvp(context: Any, direction: Tensor, _: None) -> Tensor:
        return pad_circularly(direction, context.reach)


def _folded(y: Tensor, r: int) -> Tensor:
    """Pᵀy: what lies beyond the border is added where it came from."""
    x = y[..., r:-r, r:-r].clone()
    # (within x, within y) of each axis: the middle, the last pixels, the first ones.
    moves = (
        (slice(None), slice(r, -r)),
        (slice(-r, None), slice(0, r)),
        (slice(0, r), slice(-r, None)),
    )
    for i, (rows, from_rows) in enumerate(moves):
        for j, (columns, from_columns) in enumerate(moves):
            if i or j:
                x[..., rows, columns] += y[..., from_rows, from_columns]
    return x
