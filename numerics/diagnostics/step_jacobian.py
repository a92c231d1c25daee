"""The Jacobian ∂y⁺/∂y of one step of a method, to far more digits than float64 has."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...errors import DomainError, ShapeError
from ..methods import Method
from ..methods.method import require_method
from ..systems import System
from ..systems.system import State, refuse_problem, state
from ..validation import finite_array

_DIGITS = 60
_FEWEST_DIGITS = 30


def step_jacobian(
    method: Method,
    system: object,
    y: ArrayLike,
    h: Any,
    *,
    t: Any = 0,
    digits: int = _DIGITS,
) -> State:
    """Return ∂Ψ(t, y; h)/∂y, shape (n, n), an object array of mpmath numbers, for y of shape (n,).

    Central differences of width δ = 10^(−digits/3), of steps computed in ``digits`` digits: their
    error is about δ²|Ψ'''| plus 10^(−digits)/δ, 1e-38 at 60 digits, so that a defect of 1e-12 is
    the method's own and not the differences'. What is differentiated is thus the method in nearly
    exact arithmetic; what float64 adds to it is rounding. The system must run on object arrays
    (``numerics.elementary``). Raises DomainError, ShapeError. Source: flowcert [D].

    >>> from flowcert.numerics import Euler, FieldSystem
    >>> J = step_jacobian(Euler, FieldSystem(lambda t, y: -y * y, 1), [1.0], 0.25)
    >>> float(J[0, 0])
    0.5
    """
    import mpmath

    if digits < _FEWEST_DIGITS:
        raise DomainError(
            came=f"digits = {digits}",
            expected=f"at least {_FEWEST_DIGITS}, so that the differences are exact to 1e-19",
            remedy="Leave it out.",
        )
    prepared = prepared_for(method, system, y)
    start = single_state(y, prepared.dimension)
    with mpmath.workdps(digits):
        time, step = mpmath.mpf(t), mpmath.mpf(h)
        centre = in_digits(start)
        width = mpmath.mpf(10) ** (-(digits // 3))
        columns = []
        for direction in np.eye(len(centre), dtype=int):
            ahead = method.step(prepared, time, centre + width * direction, step)
            behind = method.step(prepared, time, centre - width * direction, step)
            columns.append((ahead - behind) / (2 * width))
        return np.stack(columns, axis=-1)


def prepared_for(method: Method, system: object, y: ArrayLike) -> System:
    """Return the system as the method needs it, for states y of shape (..., n).

    A function of (t, y) becomes a system of n variables. Raises StructureError for what is no
    method or no system, ShapeError for a y without an axis.

    >>> from flowcert.numerics import Euler
    >>> prepared_for(Euler, lambda t, y: -y, [1.0, 2.0]).dimension
    2
    """
    refuse_problem(system)
    given = np.asarray(y if isinstance(y, np.ndarray) else finite_array("y", y))
    if given.ndim == 0:
        raise ShapeError(
            came="a state of shape ()",
            expected="shape (..., n): the last axis is the state",
            remedy="Write [y] for a system of one equation.",
        )
    return require_method(method, "a diagnostic").prepare(system, given.shape[-1])


def single_state(y: ArrayLike, dimension: int) -> State:
    """Return ``y`` as one state of shape (n,), or raise ShapeError.

    >>> single_state([1, 2], 2)
    array([1., 2.])
    """
    array = state(y, dimension)
    if array.ndim != 1:
        raise ShapeError(
            came=f"a batch of shape {array.shape}",
            expected=f"one state of shape ({dimension},)",
            remedy="Loop over the batch.",
        )
    return array


def in_digits(y: State) -> State:
    """Return the numbers of ``y`` as mpmath numbers, each at its exact value.

    >>> in_digits(np.array([0.5]))
    array([mpf('0.5')], dtype=object)
    """
    import mpmath

    numbers = np.empty(y.shape, dtype=object)
    for index, value in np.ndenumerate(y):
        numbers[index] = mpmath.mpf(value)
    return numbers
