"""The honest domains of the closed forms: what each argument may be, checked before use."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ...errors import DomainError, ShapeError
from ...numerics.validation import FloatArray, finite_array, in_range


def slope(value: ArrayLike) -> FloatArray:
    """An activation's smallest slope a in [0, 1] (its largest is 1)."""
    return in_range("slope", value, 0.0, 1.0)


def step(value: ArrayLike, name: str = "step") -> FloatArray:
    """A finite step size h ≥ 0."""
    return in_range(name, value, 0.0, np.inf)


def signed_step(value: ArrayLike) -> FloatArray:
    """A finite step size of any sign."""
    return finite_array("step", value)


def rate(name: str, value: ArrayLike) -> FloatArray:
    """A finite one-sided Lipschitz constant, of any sign."""
    return finite_array(name, value)


def norm(name: str, value: ArrayLike) -> FloatArray:
    """A finite norm or constant, ≥ 0."""
    return in_range(name, value, 0.0, np.inf)


def positive(name: str, value: ArrayLike) -> FloatArray:
    """A finite constant > 0."""
    array = finite_array(name, value)
    if np.any(array <= 0):
        raise DomainError(
            came=f"{name} = {array[array <= 0].flat[0]:g}",
            expected=f"{name} > 0",
            remedy="With a constant of 0 there is no step limit to compute.",
        )
    return array


def singular_values(smallest: ArrayLike, largest: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Extreme singular values 0 ≤ σ_min ≤ σ_max of a matrix."""
    low, high = norm("sigma_min", smallest), norm("sigma_max", largest)
    together(sigma_min=low, sigma_max=high)
    if np.any(low > high):
        raise DomainError(
            came="sigma_min > sigma_max",
            expected="0 ≤ sigma_min ≤ sigma_max",
            remedy="Swap them; a matrix with fewer rows than columns has sigma_min = 0.",
        )
    return low, high


def extreme_singular_values(
    smallest: ArrayLike | None, largest: ArrayLike | None
) -> tuple[FloatArray, FloatArray]:
    """Both; or neither (orthonormal columns: 1); or σ_max alone (then σ_min ≥ 0 is all we know)."""
    if largest is None:
        if smallest is not None:
            raise DomainError(
                came="sigma_min without sigma_max",
                expected="both, sigma_max alone, or neither (orthonormal columns)",
                remedy="Give an upper bound of the spectral norm as sigma_max.",
            )
        return singular_values(1.0, 1.0)
    return singular_values(np.zeros(()) if smallest is None else smallest, largest)


def together(**arrays: FloatArray) -> None:
    """Raise unless the arrays broadcast against each other."""
    try:
        np.broadcast_shapes(*(array.shape for array in arrays.values()))
    except ValueError as error:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise ShapeError(
            came=f"shapes {shapes}",
            expected="shapes that broadcast against each other",
            remedy="Add axes of length 1 (array[:, None]) where one argument varies alone.",
        ) from error
