"""Certified dense networks: small images to logits, 1-Lipschitz in pixel space."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from math import prod
from typing import Any

from torch import nn

from ...errors import ShapeError
from ...numerics.validation import positive_integer
from ..layers import Centring, Lift, UnitRowHead
from ..layers.layer import read_slope
from ..operators import read_image
from .certified_steps import DenseMaps, certified_step, read_region
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
    r"""Return a network that ``certify`` bounds by 1 once sealed: pixels in [0, 1] to logits.

    x − ``mean`` (if there is one), flattened, padded with zeros to ``width`` features, then
    ``depth`` steps and a unit-row head. ``kind`` is one of KINDS:

    - naive: ½(x + B·ReLU(Ax + b)), ‖A‖, ‖B‖ ≤ 1;
    - non-expansive: x − h·AᵀReLU(Ax + b), ‖A‖ ≤ 1, h ≤ 2 trained;
    - switching-prescribed: two pairs of sub-steps x + (h_E/2)σ(Bx + c), x − (h_C/2)Aᵀσ(Ax + b),
      A orthogonal, ‖B‖ ≤ 1, σ of ``slope``, the steps inside ``region`` (alternating family);
    - switching-flexible: two contractive sub-steps, then x + h_E·AᵀReLU(Ax + b), with one
      orthogonal A, collapsed into one layer, the steps inside ``region`` (whole expansive);
    - boundary, scaled-boundary: CPL and SLL layers, D8;
    - sorting: orthogonal A, then MaxMin.

    ``region`` is sharp_region, authors_region, authors_box, or None: no expansive steps. Of the
    other kinds ``slope`` and ``region`` are checked, but nothing depends on them. At the defaults
    about 266 000 parameters and 0.53 million multiplications an image; naive 528 000 and as many,
    prescribed 529 000 and 1.58 million, sorting 266 000 and 0.26 million.
    Guaranteed after ``seal``: upper ≤ 1, by product rules. Raises UnknownNameError (also for
    "unconstrained", of which no certified network exists), DomainError, ShapeError (a width below
    the number of pixels). Source: paper, the regimes [P]; constraints and regions, flowcert [D].

    >>> from flowcert.networks import certify
    >>> from flowcert.networks.constraints import seal
    >>> network = certified_dense("boundary", (1, 2, 2), classes=3, width=6, depth=2)
    >>> certify(seal(network), (1, 2, 2), effort="quick").upper <= 1.0
    True
    """
    read_certified(kind)
    pixels = prod(read_image(image))
    read_width(width, image)
    if kind == "sorting" and width % 2:
        raise ShapeError(
            came=f"width = {width} for pairs that are sorted",
            expected="an even number",
            remedy=f"Take {width + 1}.",
        )
    read_slope(slope)
    read_region(region)
    layers = OrderedDict[str, nn.Module]()
    if mean is not None:
        layers["centring"] = Centring(mean)
    layers["flatten"] = nn.Flatten()
    layers["lift"] = Lift(pixels, width)
    maps = DenseMaps(width)
    for i in range(positive_integer("depth", depth)):
        layers[f"step{i + 1}"] = certified_step(kind, maps, slope, region)
    layers["head"] = UnitRowHead(width, classes)
    return nn.Sequential(layers)
