"""Simplified Newton: one Jacobian for many iterations, a stated stopping rule, a loud failure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...errors import ConvergenceError
from ..elementary import is_exact_kind
from ..systems.system import State

_UNIT_ROUNDOFF = 2.0**-53
_MOST_ITERATIONS = 60
# A contraction that asks for a fresh Jacobian: in many digits even a good old one is slow.
_SLOW, _SLOW_IN_DIGITS = 0.1, 1e-8
_FLOOR = 64  # an increment of so many roundings that does not shrink any more is rounding itself


def simplified_newton(
    residual: Callable[[State], State],
    derivative: Callable[[State], State],
    start: State,
    size: Callable[[State], State],
    *,
    what: str,
) -> State:
    """Solve G(z) = 0 for z of shape (..., m) by z ← z − M⁻¹G(z), M = G'(start), reused.

    ``residual`` is G, ``derivative`` is G' with shape (..., m, m), ``size(z)`` of shape (...) is
    the magnitude against which rounding is measured. With increments δₖ and Θ = |δₖ|/|δₖ₋₁| the
    iteration stops when the estimated remaining error Θ/(1 − Θ)·|δₖ| is below one rounding of
    the size (10^(2 − digits) for mpmath numbers), for every element of the batch, or when δₖ is at
    rounding level and shrinks no more. Where Θ > 0.1 (in digits: 1e-8) a fresh
    G' is taken. Raises ConvergenceError
    after 60 iterations or when an increment is not finite. Source: Hairer and Wanner, *Solving
    Ordinary Differential Equations II*, section IV.8 [D].

    >>> root = simplified_newton(
    ...     lambda z: z * z - 2.0, lambda z: 2.0 * z[..., None], np.ones(1), lambda z: np.ones(()),
    ...     what="the square root of 2")
    >>> bool(abs(root[0] - 2**0.5) < 1e-15)
    True
    """
    z = start
    inverse = _Inverse(derivative(z))
    rounding = _rounding(z)
    slow = _SLOW_IN_DIGITS if is_exact_kind(z) else _SLOW
    before: Any = None
    for _ in range(_MOST_ITERATIONS):
        increment = inverse.apply(residual(z))
        z = z - increment
        now = np.abs(increment).max(axis=-1)
        tolerance = rounding * size(z)
        if not _all_finite(now):
            break
        if np.all(now <= tolerance):
            return z
        if before is not None:
            # Elements that have converged may stagnate: they set no rate.
            rate = np.where(now <= _FLOOR * tolerance, 0, now / np.where(before == 0, 1, before))
            if np.all((rate < 1) & (rate * now <= (1 - rate) * tolerance)) or np.all(
                now <= _FLOOR * tolerance
            ):
                return z
            if np.any(rate > slow):
                inverse = _Inverse(derivative(z))
        before = now
    raise ConvergenceError(
        came=f"an iteration for {what} that does not converge, last change {_largest(now):.1e}",
        expected=f"a change below one rounding within {_MOST_ITERATIONS} iterations",
        remedy="Take a smaller step, or check the Jacobian.",
    )


class _Inverse:
    """M⁻¹ of a batch of matrices, made once and applied often.

    In float64 also for mpmath numbers: an approximate inverse slows the iteration by a factor of
    about 10⁻¹⁶·cond(M) only, and its fixed point is the same.
    """

    def __init__(self, matrix: State) -> None:
        try:
            self.inverse = np.linalg.inv(np.asarray(matrix, dtype=np.float64))
        except np.linalg.LinAlgError as error:
            raise ConvergenceError(
                came="a singular matrix of the Newton iteration",
                expected="an equation that determines the step",
                remedy="Take another step size, or check the Jacobian.",
            ) from error

    def apply(self, vector: State) -> State:
        return np.asarray((self.inverse @ vector[..., None])[..., 0])


def _rounding(z: State) -> Any:
    if not is_exact_kind(z):
        return _UNIT_ROUNDOFF
    import mpmath

    return mpmath.mpf(10) ** (2 - mpmath.mp.dps)


def _all_finite(now: Any) -> bool:
    values = np.asarray(now)
    return values.dtype == object or bool(np.all(np.isfinite(values)))


def _largest(now: Any) -> float:
    return float(np.max(now))
