"""The five regimes of the paper with dense layers, for small images."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from math import prod

from torch import nn

from ...numerics.validation import positive_integer
from ..layers import AlternatingPair, GradientStep, ResidualStep, SharedPair, dense
from ..layers.unit_row_head import read_classes
from ..operators import read_image
from .orthogonal_start import delta_orthogonal_
from .published_lift import PublishedLift
from .published_step_sizes import (
    CONTRACTIVE,
    EXPANSIVE,
    NONEXPANSIVE,
    START_CONTRACTIVE,
    START_EXPANSIVE,
    START_NONEXPANSIVE,
    AbsoluteStep,
    ClippedShare,
    prescribed_expansive_step,
)
from .regimes import read_regime, read_width


def published_dense(
    regime: str,
    image: Sequence[int] = (1, 8, 8),
    classes: int = 10,
    *,
    width: int = 256,
    depth: int = 4,
) -> nn.Sequential:
    """Return the dense counterpart of ``published_network``: (batch, *image) to logits.

    A lift ReLU(r·Lx) to ``width`` features, ``depth`` steps (a pair counts as one), a dense layer.
    Steps, their starting values and clamps are those of the convolutional networks, matrices begin
    orthogonal, slopes are ½ where the paper has them and S = 2. Nothing keeps the matrices
    orthogonal but a penalty of the loss, nothing the lift or the last layer short: ``certify``
    says what the network's constant is. At the defaults about 282 000 parameters with one matrix a
    step (non-expansive, flexible), 545 000 with two; 0.54 million multiplications (switching: 1.59
    million). Raises UnknownNameError, DomainError, ShapeError (a width below the number of
    pixels). Source: paper, the regimes [P]; dense layers, flowcert.

    >>> import torch
    >>> published_dense("switching-flexible", width=64)(torch.zeros(2, 1, 8, 8)).shape
    torch.Size([2, 10])
    """
    read_regime(regime)
    pixels = prod(read_image(image))
    read_width(width, image)
    read_classes(classes)
    layers = OrderedDict[str, nn.Module]()
    layers["flatten"] = nn.Flatten()
    layers["lift"] = PublishedLift(dense(pixels, width, bias=False))
    for i in range(positive_integer("depth", depth)):
        layers[f"step{i + 1}"] = _step(regime, width)
    for layer in layers.values():
        for parameter in layer.parameters():
            if parameter.ndim == 2:
                delta_orthogonal_(parameter)
    layers["head"] = nn.Linear(width, classes)
    return nn.Sequential(layers)


def _step(regime: str, width: int) -> nn.Module:
    affine = dense(width, width)
    if regime in ("unconstrained", "naive"):
        outer = dense(width, width, bias=False)
        return ResidualStep(affine, outer, averaged=regime == "naive")
    if regime == "non-expansive":
        return GradientStep(affine, AbsoluteStep(START_NONEXPANSIVE, NONEXPANSIVE))
    if regime == "switching-prescribed":
        h_E = ClippedShare(prescribed_expansive_step())
        return AlternatingPair(affine, dense(width, width), START_CONTRACTIVE, h_E)
    h_C = AbsoluteStep(START_CONTRACTIVE, CONTRACTIVE)
    return SharedPair(affine, h_C, AbsoluteStep(START_EXPANSIVE, EXPANSIVE))
