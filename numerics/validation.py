"""Input checks that numerics and theory share: bad numbers are refused before they are used."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import DomainError, ShapeError

FloatArray = NDArray[np.float64]

_LARGEST_INTEGER = 2**53  # beyond, float64 rounds integers


def finite_array(name: str, value: ArrayLike) -> FloatArray:
    """Return ``value`` as float64, or raise if it holds anything but finite real numbers.

    Numbers that float64 cannot hold are refused: to round them in silence could turn a bound into
    a statement about another number.
    """
    try:
        given = np.asarray(value)
        if given.dtype.kind in "USV":
            raise TypeError(f"{given.dtype} is no number")
        # Complex numbers are refused below, by name; to convert them would warn first.
        array = np.asarray(given.real if np.iscomplexobj(given) else value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise DomainError(
            came=f"{name} = {value!r}",
            expected="real numbers in an array of regular shape",
            remedy="Convert the input to a float array first.",
        ) from error
    if np.iscomplexobj(given):
        raise DomainError(
            came=f"complex {name}",
            expected="real numbers",
            remedy="Split real and imaginary parts into separate coordinates.",
        )
    if not np.all(np.isfinite(array)):
        raise DomainError(
            came=f"{name} with {int(np.sum(~np.isfinite(array)))} NaN or infinite entries",
            expected="finite numbers",
            remedy="Look for a division by zero or an overflow where the input was made.",
        )
    if not _holds_exactly(array, given):
        raise DomainError(
            came=f"{name} with numbers that float64 cannot hold",
            expected="float64 numbers",
            remedy="Round them yourself, to the safe side, or use the exact_… functions.",
        )
    return array


def _holds_exactly(array: FloatArray, given: NDArray[Any]) -> bool:
    """Whether the conversion to float64 changed nothing."""
    # NumPy compares integers as float64, after the rounding that is looked for.
    return not rounds_integers(given) and bool(np.all(given == array))


def rounds_integers(given: NDArray[Any]) -> bool:
    """Return whether float64 cannot be trusted to hold the integers of this array."""
    return given.dtype.kind in "iu" and bool(
        np.any((given > _LARGEST_INTEGER) | (given < -_LARGEST_INTEGER))
    )


def in_range(name: str, value: ArrayLike, lowest: float, highest: float) -> FloatArray:
    """Return ``value`` as finite float64 within [lowest, highest], or raise."""
    array = finite_array(name, value)
    if np.any(array < lowest) or np.any(array > highest):
        worst = array[(array < lowest) | (array > highest)].flat[0]
        raise DomainError(
            came=f"{name} = {worst:g}",
            expected=f"{name} in [{lowest:g}, {highest:g}]",
            remedy="Outside this range the theorem does not hold; rescale or correct the input.",
        )
    return array


def matrix(name: str, value: ArrayLike) -> FloatArray:
    """Return ``value`` as a finite matrix of shape (rows, columns) without empty axes, or raise."""
    array = finite_array(name, value)
    if array.ndim != 2 or 0 in array.shape:
        raise ShapeError(
            came=f"{name} of shape {array.shape}",
            expected="a matrix of shape (rows, columns), none of them 0",
            remedy="Reshape it; a single row is [[...]].",
        )
    return array


def vector(name: str, value: ArrayLike, length: int) -> FloatArray:
    """Return ``value`` as a finite vector of the given length, or raise."""
    array = finite_array(name, value)
    if array.shape != (length,):
        raise ShapeError(
            came=f"{name} of shape {array.shape}",
            expected=f"shape ({length},)",
            remedy="It must have one entry for each row of its matrix.",
        )
    return array


def points(x: ArrayLike, dimension: int) -> FloatArray:
    """Return ``x`` as finite points of shape (..., dimension), or raise."""
    array = finite_array("x", x)
    if array.ndim == 0 or array.shape[-1] != dimension:
        raise ShapeError(
            came=f"x of shape {array.shape}",
            expected=f"shape (..., {dimension}): the last axis is the state",
            remedy="Transpose the batch, or build the field for this dimension.",
        )
    return array


def positive_integer(name: str, count: int) -> int:
    """Return ``count`` if it is an integer of at least 1, or raise.

    >>> positive_integer("steps", 3)
    3
    """
    given: object = count  # whatever a caller without types passes
    if isinstance(given, bool) or not isinstance(given, int | np.integer) or given < 1:
        raise DomainError(
            came=f"{name} = {count!r}",
            expected=f"{name} as an integer, at least 1",
            remedy="It counts, and has no length.",
        )
    return int(given)
