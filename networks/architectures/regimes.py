"""The names of the paper's regimes and of the certified kinds, and what their builders check."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ...errors import ShapeError, UnknownNameError
from ...numerics.validation import positive_integer
from ..operators import read_image

REGIMES = (
    "unconstrained",
    "naive",
    "non-expansive",
    "switching-prescribed",
    "switching-flexible",
)
KINDS = (*REGIMES[1:], "boundary", "scaled-boundary", "sorting")


def read_regime(regime: str, known: Sequence[str] = REGIMES) -> str:
    """Return the name of a regime, or raise UnknownNameError with those that there are.

    >>> read_regime("naive")
    'naive'
    """
    if regime in known:
        return regime
    raise UnknownNameError(
        came=f"regime {regime!r}",
        expected=f"one of {', '.join(known)}",
        remedy="Names are written with hyphens.",
    )


def read_certified(kind: str, known: Sequence[str] = KINDS) -> str:
    """Return the name of a kind that has a certified network, or raise UnknownNameError.

    >>> read_certified("boundary")
    'boundary'
    """
    if kind == "unconstrained":
        raise UnknownNameError(
            came="a certified 'unconstrained' network",
            expected=f"one of {', '.join(known)}",
            remedy="Nothing bounds its weights, so that no bound of 1 can hold: it is published "
            "only, as a comparison; certify() brackets what it happens to be.",
        )
    return read_regime(kind, known)


def read_width(width: int, image: Sequence[int]) -> int:
    """Return the width of a dense network, at least the number of entries of an image.

    Raises DomainError or ShapeError.

    >>> read_width(256, (1, 8, 8))
    256
    """
    entries = math.prod(read_image(image))
    if positive_integer("width", width) < entries:
        raise ShapeError(
            came=f"width = {width} for images of {entries} numbers",
            expected=f"at least {entries}",
            remedy="The lift pads images with zeros; fewer features would drop pixels.",
        )
    return width
