"""The five regimes of the paper on CIFAR images, as published: nothing bounds them by 1."""

from __future__ import annotations

from collections import OrderedDict
from itertools import pairwise
from typing import cast

import torch
from torch import nn

from ...theory.published_steps import Network
from ..layers import ResidualStep, convolution
from ..layers.unit_row_head import read_classes
from ..published_networks import PublishedNetwork
from ..published_state import CHANNELS, CONVOLUTIONS, FEATURES, PIXELS
from .orthogonal_start import delta_orthogonal_
from .published_lift import PublishedLift
from .published_step_sizes import (
    CONTRACTIVE,
    EXPANSIVE,
    NONEXPANSIVE,
    START_CONTRACTIVE,
    START_EXPANSIVE,
    START_NONEXPANSIVE,
    prescribed_expansive_step,
)
from .regimes import read_regime


def published_network(regime: str, classes: int = 10) -> nn.Module:
    """Return a network of the paper, before training: images (batch, 3, 32, 32) to logits.

    Three blocks 3→32→64→128, each a lift ReLU(r·conv x), four 3×3 convolutions with zero padding
    and a max-pool of 2; then a dense layer 2048→``classes``. Kernels begin delta-orthogonal. The
    steps of non-expansive, switching-prescribed and switching-flexible networks are those of
    ``PublishedNetwork``, whose state dicts load here; ``maintain_`` clamps them as the authors do,
    which does not keep flexible expansive steps inside their region (``published_step_sizes``).
    The paper says of the unconstrained (x + B·ReLU(Ax + b)) and the naive network (half of it)
    what a step is, and no more is in our hands; inferred [I] are two steps a block, of two
    convolutions each, that B has no bias, and that the lift is that of the others. The naive one
    is non-expansive only where ‖A‖, ‖B‖ ≤ 1, which the authors' penalty asks for and does not
    guarantee. About 0.89 million parameters each; 124 million multiplications an image
    (unconstrained, naive), 237 (non-expansive: A and Aᵀ) or 350 (switching). Raises
    UnknownNameError, DomainError. Source: paper [P].

    >>> published_network("non-expansive").eval()(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    """
    read_regime(regime)
    read_classes(classes)
    if regime in ("unconstrained", "naive"):
        return _residual_network(averaged=regime == "naive", classes=classes)
    return TrainedAsPublished(cast(Network, regime), classes)


class TrainedAsPublished(PublishedNetwork):
    """A ``PublishedNetwork`` with its starting values, and the authors' clamps as ``maintain_``.

    What takes part in nothing is not trained: prescribed steps u, and every second convolution of
    the flexible regime.

    >>> network = TrainedAsPublished("switching-flexible")
    >>> [round(u, 2) for u in network.seq[0].u.tolist()]
    [0.3, 0.05, 0.3, 0.05]
    """

    def __init__(self, network: Network, classes: int = 10) -> None:
        super().__init__(network, classes)
        start, limits = _START_AND_LIMITS[network]
        for name, parameter in self.named_parameters():
            if parameter.ndim == 4:
                delta_orthogonal_(parameter)
            elif name.endswith(".u"):
                with torch.no_grad():
                    parameter.copy_(torch.tensor(start))
                parameter.requires_grad_(limits is not None)
        if network == "switching-flexible":
            for block in self.seq:
                convolutions = cast(nn.ModuleList, block.convs)
                for i in range(1, CONVOLUTIONS, 2):
                    convolutions[i].requires_grad_(False)

    @torch.no_grad()
    def maintain_(self) -> None:
        """Clamp the steps, as published."""
        _, limits = _START_AND_LIMITS[self.network]
        if limits is None:
            return
        low, high = (torch.tensor(ends) for ends in zip(*limits, strict=True))
        for name, u in self.named_parameters():
            if name.endswith(".u"):
                u.copy_(torch.minimum(torch.maximum(u, low.to(u)), high.to(u)))


# Of each block's four u: where they start, and between what they are clamped, if they are trained.
_START_AND_LIMITS: dict[Network, tuple[list[float], list[tuple[float, float]] | None]] = {
    "non-expansive": ([START_NONEXPANSIVE] * 4, [NONEXPANSIVE] * 4),
    "switching-prescribed": ([prescribed_expansive_step(), START_CONTRACTIVE] * 2, None),
    "switching-flexible": ([START_CONTRACTIVE, START_EXPANSIVE] * 2, [CONTRACTIVE, EXPANSIVE] * 2),
}


def _residual_network(*, averaged: bool, classes: int) -> nn.Module:
    layers = OrderedDict[str, nn.Module]()
    sizes = zip(pairwise((3, *CHANNELS)), PIXELS, strict=True)
    for b, ((inputs, channels), pixels) in enumerate(sizes):
        block = OrderedDict[str, nn.Module]()
        lift = convolution((inputs, pixels, pixels), channels, mode="zeros", bias=False)
        block["lift"] = PublishedLift(lift)
        for i in range(CONVOLUTIONS // 2):
            inner, outer = (
                convolution((channels, pixels, pixels), channels, mode="zeros", bias=bias)
                for bias in (True, False)
            )
            block[f"step{i + 1}"] = ResidualStep(inner, outer, averaged)
        block["pool"] = nn.MaxPool2d(2)
        layers[f"block{b + 1}"] = nn.Sequential(block)
    layers["flatten"] = nn.Flatten()
    layers["head"] = nn.Linear(FEATURES, classes)
    network = nn.Sequential(layers)
    for parameter in network.parameters():
        if parameter.ndim == 4:
            delta_orthogonal_(parameter)
    return network
