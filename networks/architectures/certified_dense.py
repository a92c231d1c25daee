"""Certified dense networks: small images to logits, 1-Lipschitz in pixel space."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from torch import nn

from ...numerics.validation import positive_integer
from ..layers import BoundaryStep, Centring, Lift, UnitRowHead, dense
from ..operators import read_image
from .regimes import read_certified, read_width


def certified_dense(
    kind: str,
    image: Sequence[int] = (1, 8, 8),
    classes: int = 10,
    *,
    width: int = 256,
    depth: int = 4,
    slope: float = 0.5,
    region: str | None = "sharp_region",
    mean: Any = None,
) -> nn.Sequential:
    """Flatten, lift, ``depth`` steps, unit-row head."""
    read_certified(kind)
    shape = read_image(image)
    read_width(width, shape)
    layers = OrderedDict[str, nn.Module]()
    if mean is not None:
        layers["centring"] = Centring(mean)
    layers["flatten"] = nn.Flatten()
    channels, height, columns = shape
    layers["lift"] = Lift(channels * height * columns, width)
    for i in range(positive_integer("depth", depth)):
        layers[f"step{i + 1}"] = BoundaryStep(dense(width, width))
    layers["head"] = UnitRowHead(width, classes)
    return nn.Sequential(layers)
