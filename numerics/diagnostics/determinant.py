"""What a step does to volumes: the determinant of its Jacobian."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..methods import Method
from ..validation import FloatArray
from .step_jacobian import step_jacobian


@dataclass(frozen=True, eq=False)
class StepDeterminant:
    """det J, its distance from 1 (found before rounding), J rounded to float64, and the digits.

    >>> from flowcert.numerics import Euler, FieldSystem
    >>> step_determinant(Euler, FieldSystem(lambda t, y: y, 1), [1.0], 0.5).excess
    0.5
    """

    determinant: float
    excess: float
    jacobian: FloatArray
    digits: int


def step_determinant(
    method: Method,
    system: object,
    y: ArrayLike,
    h: Any,
    *,
    t: Any = 0,
    digits: int = 60,
) -> StepDeterminant:
    """Return det J and det J − 1 with J = ∂Ψ(t, y; h)/∂y, for y of shape (n,).

    J is found in ``digits`` digits (see ``step_jacobian``): the excess is right to about 1e-38 at
    60 digits. It is 0 where the step keeps volume. Source: paper, volume-preserving networks [P].

    >>> from flowcert.numerics import Euler
    >>> from flowcert.numerics.problems import Pendulum
    >>> step_determinant(Euler, Pendulum.system, [0.0, 1.0], 0.5).determinant
    1.25
    """
    import mpmath

    jacobian = step_jacobian(method, system, y, h, t=t, digits=digits)
    with mpmath.workdps(digits):
        determinant = mpmath.det(mpmath.matrix(jacobian.tolist()))
        excess = float(determinant - 1)
    return StepDeterminant(float(determinant), excess, jacobian.astype(np.float64), digits)
