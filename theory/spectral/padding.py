"""What a convolution reads beyond the border: which pixel, or none, as PyTorch pads."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import DomainError

Mode = Literal["zeros", "circular", "reflect", "replicate"]
IndexArray = NDArray[np.int64]

LARGEST_AXIS = 2**26  # padded pixels: what a stranger's certificate can ask for

MODES: tuple[Mode, ...] = ("zeros", "circular", "reflect", "replicate")


def padded_indices(size: int, low: int, high: int, mode: Mode) -> IndexArray:
    """Return which pixel of an axis of length N = ``size`` each padded pixel copies; −1 for zero.

    The result has length low + N + high. Raises DomainError where PyTorch refuses the padding:
    reflected pixels must exist (low, high < N), a circular one wraps once (low, high ≤ N).

    >>> padded_indices(3, 2, 1, "reflect").tolist()
    [2, 1, 0, 1, 2, 1]
    >>> padded_indices(3, 1, 1, "zeros").tolist()
    [-1, 0, 1, 2, -1]
    """
    _check_mode(mode)
    largest = {"reflect": size - 1, "circular": size}.get(mode)
    too_much = largest is not None and max(low, high) > largest
    if min(low, high) < 0 or too_much or low + size + high > LARGEST_AXIS:
        raise DomainError(
            came=f"{mode} padding by ({low}, {high}) of {size} pixels",
            expected="no negative padding, no more than there is to copy, and at most 2²⁶ pixels",
            remedy="PyTorch refuses it too; use a larger image or less padding.",
        )
    position = np.arange(-low, size + high, dtype=np.int64)
    if mode == "zeros":
        return np.where((position >= 0) & (position < size), position, -1)
    if mode == "circular":
        return position % size
    if mode == "replicate":
        return np.clip(position, 0, size - 1)
    return np.asarray(size - 1 - np.abs(size - 1 - np.abs(position)))


def largest_multiplicity(size: int, low: int, high: int, mode: Mode) -> int:
    """Return how often the most copied pixel of an axis appears once padded: ‖padding‖² exactly.

    The padding P copies pixels, so that PᵀP is the diagonal matrix of these numbers.

    >>> largest_multiplicity(8, 1, 1, "zeros"), largest_multiplicity(8, 1, 1, "reflect")
    (1, 2)
    """
    indices = padded_indices(size, low, high, mode)
    return int(np.max(np.bincount(indices[indices >= 0], minlength=size)))


def largest_multiplicity_at_any_size(low: int, high: int, mode: Mode) -> int:
    """Bound ``largest_multiplicity`` over all sizes that admit the padding.

    >>> largest_multiplicity_at_any_size(1, 1, "reflect")
    3
    """
    _check_mode(mode)
    if mode == "zeros":
        return 1
    if mode == "replicate":
        return 1 + low + high  # one pixel, copied to both sides
    return 1 + (low > 0) + (high > 0)  # each side copies a pixel at most once


def _check_mode(mode: Mode) -> None:
    if mode not in MODES:
        raise DomainError(
            came=f"the padding mode {mode!r}",
            expected=f"one of {', '.join(MODES)}",
            remedy="Write another padding as an operation of its own, before the convolution.",
        )
