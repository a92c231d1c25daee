"""Whether a step is symplectic: ‖JᵀΩJ − Ω‖ for its Jacobian J."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...errors import ShapeError
from ..methods import Method
from ..systems import canonical_structure
from ..validation import FloatArray
from .step_jacobian import step_jacobian


@dataclass(frozen=True, eq=False)
class SymplecticityDefect:
    """‖JᵀΩJ − Ω‖ (spectral), with J rounded to float64, the difference itself, and the digits.

    >>> from flowcert.numerics import Euler
    >>> from flowcert.numerics.problems import Pendulum
    >>> symplecticity_defect(Euler, Pendulum.system, [0.0, 1.0], 0.5).difference.tolist()
    [[0.0, 0.25], [-0.25, 0.0]]
    """

    defect: float
    jacobian: FloatArray
    difference: FloatArray
    digits: int


def symplecticity_defect(
    method: Method,
    system: object,
    y: ArrayLike,
    h: Any,
    *,
    t: Any = 0,
    digits: int = 60,
) -> SymplecticityDefect:
    """Return ‖JᵀΩJ − Ω‖ with J = ∂Ψ(t, y; h)/∂y and Ω = [[0, I], [−I, 0]], for y = (q, p).

    J is found in ``digits`` digits (see ``step_jacobian``), so that the defect is right to about
    1e-38 at 60 digits, and zero to that accuracy if and only if the step is symplectic at y.
    Raises ShapeError for an odd dimension. Source: paper, Hamiltonian networks [P].

    >>> from flowcert.numerics import RK4
    >>> from flowcert.numerics.problems import Pendulum
    >>> 1e-9 < symplecticity_defect(RK4, Pendulum.system, [1.0, 0.5], 0.1).defect < 1e-6
    True
    """
    import mpmath

    jacobian = step_jacobian(method, system, y, h, t=t, digits=digits)
    n = len(jacobian)
    if n % 2:
        raise ShapeError(
            came=f"a system of dimension {n}",
            expected="an even dimension, y = (q, p)",
            remedy="Symplecticity is a property of Hamiltonian systems in canonical form.",
        )
    omega = canonical_structure(n // 2)
    with mpmath.workdps(digits):
        difference = (jacobian.T @ omega @ jacobian - omega).astype(np.float64)
    defect = float(np.linalg.norm(difference, 2))
    return SymplecticityDefect(defect, jacobian.astype(np.float64), difference, digits)
