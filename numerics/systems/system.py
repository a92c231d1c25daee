"""What an integrator integrates: the right-hand side f of ẏ = f(t, y), guarded."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...errors import DomainError, ShapeError, StructureError
from ..fields.vector_field import VectorField
from ..validation import finite_array

# float64, or an object array of mpmath numbers for runs in more digits.
State = np.ndarray[Any, np.dtype[Any]]
Time = Any
Rate = Callable[[Time, State], State]

_ROOT_OF_ROUNDOFF = 2.0**-26


class System(ABC):
    """The right-hand side f of ẏ = f(t, y) on Rⁿ, batched over leading axes: call it.

    ``system(t, y)`` maps a time and y of shape (..., n) to f(t, y) of the same shape;
    ``system.jacobian(t, y)`` is ∂fᵢ/∂yⱼ, shape (..., n, n). Subclasses carry the structure that
    some methods need (a separable Hamiltonian, an energy, a skew matrix). A value that is not
    finite raises DomainError, one of another shape ShapeError: both before anything uses it.
    Source: flowcert [D].

    >>> decay = FieldSystem(lambda t, y: -y, dimension=1)
    >>> decay(0.0, np.array([2.0])).tolist()
    [-2.0]
    """

    dimension: int
    autonomous: bool = False

    @abstractmethod
    def rate(self, t: Time, y: State) -> State:
        """Return f(t, y) for y of shape (..., n)."""

    def __call__(self, t: Time, y: State) -> State:
        # A copy: a function may fill one array and return it every time, and stages are kept.
        value = np.array(self.rate(t, y))
        if value.shape != np.shape(y):
            raise ShapeError(
                came=f"a field value of shape {value.shape} at y of shape {np.shape(y)}",
                expected="one rate for each state variable, and all leading axes kept",
                remedy="Index the state from the last axis: y[..., i].",
            )
        if value.dtype.kind not in "fiubO":
            raise DomainError(
                came=f"a field value of type {value.dtype}",
                expected="real rates f(t, y)",
                remedy="Split real and imaginary parts into separate coordinates.",
            )
        if value.dtype != object and not np.all(np.isfinite(value)):
            when = float(t) if np.ndim(t) == 0 else t  # without the type that NumPy would print
            raise DomainError(
                came=f"a field value that is not finite at t = {when!r}",
                expected="finite rates f(t, y)",
                remedy="The solution may blow up there, or the step is too long for it.",
            )
        return value

    def jacobian(self, t: Time, y: State) -> State:
        """Return ∂f/∂y at (t, y), here by forward differences with an error of about 1e-8."""
        size = _ROOT_OF_ROUNDOFF * np.maximum(1.0, np.abs(y).max(axis=-1, keepdims=True))
        shifted = y[..., None, :] + size[..., None] * np.eye(self.dimension)
        base = self(t, y)
        moved = self(t, shifted)
        return np.asarray(np.swapaxes((moved - base[..., None, :]) / size[..., None], -1, -2))


class FieldSystem(System):
    """ẏ = f(t, y) from a function of (t, y), with its Jacobian if there is one.

    ``function(t, y)`` is batched: y has shape (..., n). ``jacobian(t, y)`` returns shape
    (..., n, n); without one it is found by forward differences. Source: flowcert [D].

    >>> spiral = FieldSystem(lambda t, y: np.stack([-y[..., 1], y[..., 0]], axis=-1), dimension=2)
    >>> spiral.jacobian(0.0, np.zeros(2)).round(6).tolist()
    [[0.0, -1.0], [1.0, 0.0]]
    """

    def __init__(
        self,
        function: Rate,
        dimension: int,
        jacobian: Rate | None = None,
        *,
        autonomous: bool = False,
    ) -> None:
        self.function = function
        self.dimension = dimension
        self.autonomous = autonomous
        self._jacobian = jacobian

    def rate(self, t: Time, y: State) -> State:
        return self.function(t, y)

    def jacobian(self, t: Time, y: State) -> State:
        """Return ∂f/∂y at (t, y), shape (..., n, n)."""
        return super().jacobian(t, y) if self._jacobian is None else self._jacobian(t, y)


def as_system(field: object, dimension: int | None = None) -> System:
    """Return a ``System`` of a system, a ``VectorField`` or a function of (t, y).

    A function needs the ``dimension``. Raises StructureError for anything else. Source:
    flowcert [D].

    >>> from flowcert.numerics import LinearField
    >>> as_system(LinearField([[2.0]]))(0.0, np.array([1.0])).tolist()
    [2.0]
    """
    if isinstance(field, System):
        return field
    if isinstance(field, VectorField):
        return FieldSystem(
            lambda _, y: field(y),
            field.dimension,
            lambda _, y: field.jacobian(y),
            autonomous=True,
        )
    if callable(field) and dimension is not None:
        return FieldSystem(field, dimension)
    refuse_problem(field)
    raise StructureError(
        came=f"{type(field).__name__} as the right-hand side",
        expected="a System, a VectorField, or a function of (t, y) with its dimension",
        remedy="Write FieldSystem(lambda t, y: ..., dimension=n).",
    )


def refuse_problem(field: object) -> None:
    """Raise StructureError if a whole problem stands where its system is wanted.

    >>> refuse_problem(len)
    """
    # Told by its parts: problems are built on systems, and not the other way round.
    if hasattr(field, "system") and hasattr(field, "start"):
        raise StructureError(
            came=f"{field!r}, a {type(field).__name__}, as the right-hand side",
            expected="its system",
            remedy="Pass problem.system; problem.start and problem.span are its start and span.",
        )


def state(y: ArrayLike, dimension: int) -> State:
    """Return ``y`` as states of shape (..., n): finite float64, or an object array as it came.

    Raises DomainError, ShapeError.

    >>> state([1, 2], 2)
    array([1., 2.])
    """
    array = y if isinstance(y, np.ndarray) and y.dtype == object else finite_array("y", y)
    if array.ndim == 0 or array.shape[-1] != dimension:
        raise ShapeError(
            came=f"a state of shape {array.shape}",
            expected=f"shape (..., {dimension}): the last axis is the state",
            remedy="Transpose the batch, or build the system for this dimension.",
        )
    return np.asarray(array)
