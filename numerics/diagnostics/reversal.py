"""Whether a step is undone by a step backwards."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..methods import Method
from ..systems.system import state
from ..validation import FloatArray
from .step_jacobian import in_digits, prepared_for


@dataclass(frozen=True, eq=False)
class ReversalError:
    """The largest |Ψ₋ₕ(Ψₕ(y)) − y|, the state after the step, and the state after both.

    >>> from flowcert.numerics import Euler, FieldSystem
    >>> reversal_error(Euler, FieldSystem(lambda t, y: y, 1), [1.0], 0.5).returned.tolist()
    [0.75]
    """

    error: float
    there: FloatArray
    returned: FloatArray


def reversal_error(
    method: Method,
    system: object,
    y: ArrayLike,
    h: Any,
    *,
    t: Any = 0.0,
    digits: int | None = None,
) -> ReversalError:
    """Return max |Ψ(t + h, Ψ(t, y; h); −h) − y| over the variables and the batch, y (..., n).

    In float64, where a symmetric method returns up to rounding; or in ``digits`` digits, where the
    system must run on object arrays. Source: Hairer, Lubich, Wanner, *Geometric Numerical
    Integration*, section II.3 [D].

    >>> from flowcert.numerics import Euler, FieldSystem
    >>> reversal_error(Euler, FieldSystem(lambda t, y: y, 1), [1.0], 0.5).error
    0.25
    """
    import mpmath

    prepared = prepared_for(method, system, y)
    start = state(y, prepared.dimension)
    with nullcontext() if digits is None else mpmath.workdps(digits):
        if digits is not None:
            start, t, h = in_digits(start), mpmath.mpf(t), mpmath.mpf(h)
        there = method.step(prepared, t, start, h)
        returned = method.step(prepared, t + h, there, -h)
        error = float(np.max(np.abs(returned - start)))
    return ReversalError(error, there.astype(np.float64), returned.astype(np.float64))
