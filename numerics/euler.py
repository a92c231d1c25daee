"""The explicit Euler step, its trajectory, and steps of several fields in turn."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from ..errors import DomainError
from .fields.vector_field import VectorField
from .validation import FloatArray, finite_array, points


def euler_step(field: VectorField, x: ArrayLike, h: float) -> FloatArray:
    """Return x + h·f(x): one residual layer.

    ``x`` has shape (..., n), ``h`` is any finite step (negative steps run backwards). Rounded in
    float64. Raises DomainError, ShapeError. Source: paper, networks as discretised ODEs [P].

    >>> from flowcert.numerics import GradientField
    >>> euler_step(GradientField([[1.0]]), [2.0], 0.5).tolist()
    [1.0]
    """
    step = _step_size(h)
    start = points(x, field.dimension)
    return np.asarray(start + step * field(start))


def euler_trajectory(field: VectorField, x: ArrayLike, h: float, steps: int) -> FloatArray:
    """Return x, Ψ(x), Ψ²(x), … for Ψ(x) = x + h·f(x), shape (steps + 1, ..., n).

    ``steps`` ≥ 0. Rounded in float64. Raises DomainError, ShapeError.
    Source: paper, networks as discretised ODEs [P].

    >>> from flowcert.numerics import GradientField
    >>> euler_trajectory(GradientField([[1.0]]), [2.0], 0.5, 3).ravel().tolist()
    [2.0, 1.0, 0.5, 0.25]
    """
    given: object = steps  # whatever a caller without types passes
    if isinstance(given, bool) or not isinstance(given, int | np.integer) or given < 0:
        raise DomainError(
            came=f"steps = {steps!r}",
            expected="an integer number of steps, at least 0",
            remedy="Pass the number of Euler steps, not the final time.",
        )
    states = [points(x, field.dimension)]
    for _ in range(steps):
        states.append(euler_step(field, states[-1], h))
    return np.stack(states)


def switching_euler(pieces: Iterable[tuple[VectorField, float]], x: ArrayLike) -> FloatArray:
    """Return Ψ_k(…Ψ₁(x)) for the Euler steps Ψᵢ(x) = x + hᵢfᵢ(x) of ``pieces``, first to last.

    The layers of a network that switches between fields. Rounded in float64. Raises DomainError,
    ShapeError. Source: paper, switching systems [P].

    >>> from flowcert.numerics import ExpansiveGradientField, GradientField
    >>> pair = [(GradientField([[1.0]]), 0.5), (ExpansiveGradientField([[1.0]]), 1.0)]
    >>> switching_euler(pair, [2.0]).tolist()
    [2.0]
    """
    state = finite_array("x", x)
    for field, h in pieces:
        state = euler_step(field, state, h)
    return state


def _step_size(h: float) -> float:
    step = finite_array("h", h)
    if step.ndim != 0:
        raise DomainError(
            came=f"h of shape {step.shape}",
            expected="one step size",
            remedy="Give each layer its own step with switching_euler.",
        )
    return float(step)
