"""Certified convolutional networks: images to logits, 1-Lipschitz in pixel space."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from torch import nn

from ...errors import ShapeError
from ...numerics.validation import positive_integer
from ..layers import Centring, Lift, PixelUnshuffle, UnitRowHead
from ..layers.layer import read_slope
from ..operators import read_image
from .certified_steps import ConvolutionMaps, certified_step, read_region
from .regimes import read_certified


def certified_network(
    regime: str,
    image: Sequence[int] = (3, 32, 32),
    classes: int = 10,
    *,
    channels: int = 64,
    depth: int = 4,
    block: int = 4,
    kernel_size: int = 3,
    slope: float = 0.5,
    region: str | None = "sharp_region",
    mean: Any = None,
) -> nn.Sequential:
    """Return a convolutional network that ``certify`` bounds by 1 once sealed: pixels to logits.

    x − ``mean`` (if there is one), blocks of ``block``² pixels as channels (an isometry, in the
    place of max-pooling), padded with zeros to ``channels``, ``depth`` steps with circular
    convolutions, flattened, unit-row head. The steps are those of ``certified_dense``, except that
    orthogonal A are patch-orthogonal convolutions to channels·k² channels, the fewest that make
    them isometries (AᵀA = I, which the authors' zero-padded ones are not, D7 [D]); A is then not
    square, and the pair of the flexible regime stays two contractive sub-steps and an expansive
    one. ``sorting`` has ‖A‖ ≤ 1 only.

    At the defaults about 189 000 parameters and 19 million multiplications an image; naive 336 000
    and as many, prescribed 1.52 and 359 million, flexible 1.37 and 510 million. Guaranteed after
    ``seal``: upper ≤ 1, by product rules. Raises UnknownNameError (also for "unconstrained", of
    which no certified network exists), DomainError, and ShapeError where blocks do not divide the
    image or ``channels`` are fewer than a block has numbers. Source: paper, the regimes [P];
    constraints, down-sampling and regions, flowcert [D].

    >>> from flowcert.networks import certify
    >>> from flowcert.networks.constraints import seal
    >>> network = certified_network("naive", (1, 6, 6), 3, channels=4, depth=1, block=2)
    >>> certify(seal(network), (1, 6, 6), effort="quick").upper <= 1.0
    True
    """
    read_certified(regime)
    read_slope(slope)
    read_region(region)
    given, height, width = _coarse(image, block)
    if positive_integer("channels", channels) < given or (regime == "sorting" and channels % 2):
        raise ShapeError(
            came=f"channels = {channels} for {given} numbers a block",
            expected=f"at least {given}" + (", even" if regime == "sorting" else ""),
            remedy="The lift pads with zeros; fewer channels would drop pixels.",
        )
    layers = OrderedDict[str, nn.Module]()
    if mean is not None:
        layers["centring"] = Centring(mean)
    layers["unshuffle"] = PixelUnshuffle(block)
    layers["lift"] = Lift(given, channels)
    maps = ConvolutionMaps((channels, height, width), kernel_size)
    for i in range(positive_integer("depth", depth)):
        layers[f"step{i + 1}"] = certified_step(regime, maps, slope, region)
    layers["flatten"] = nn.Flatten()
    layers["head"] = UnitRowHead(channels * height * width, classes)
    return nn.Sequential(layers)


def _coarse(image: Sequence[int], block: int) -> tuple[int, int, int]:
    """The image's shape with blocks of pixels as channels."""
    channels, height, width = read_image(image)
    r = positive_integer("block", block)
    if height % r or width % r:
        raise ShapeError(
            came=f"an image of {height}×{width} in blocks of {r}×{r}",
            expected="a height and a width that the block divides",
            remedy="Take another block, or crop the images.",
        )
    return channels * r * r, height // r, width // r
