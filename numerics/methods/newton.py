"""Simplified Newton: one Jacobian for many iterations, a stated stopping rule, a loud failure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...errors import ConvergenceError, DomainError
from ..elementary import is_exact_kind
from ..systems.system import State

Map = Callable[[State], State]

_UNIT_ROUNDOFF = 2.0**-53
_MOST_ITERATIONS = 60
# A contraction that asks for a fresh Jacobian: in many digits even a good old one is slow.
_SLOW, _SLOW_IN_DIGITS = 0.1, 1e-8
# An increment of so many roundings that does not shrink any more is rounding itself.
_FLOOR, _STAGNANT = 64, 0.25
_MOST_HALVINGS = 30
_DIVERGED = 1e6  # times the first increment


def simplified_newton(
    residual: Map,
    derivative: Map,
    start: State,
    size: Map,
    *,
    what: str,
    remedy: str = "Take a smaller step, or check the Jacobian.",
) -> State:
    """Solve G(z) = 0 for z of shape (..., m) by z ← z − M⁻¹G(z), M = G'(start), reused.

    ``residual`` is G, ``derivative`` is G' with shape (..., m, m), ``size(z)`` of shape (...) is
    the magnitude against which rounding is measured. With increments δₖ and Θ = |δₖ|/|δₖ₋₁| the
    iteration stops when, for every element of the batch, the estimated remaining error
    Θ/(1 − Θ)·|δₖ| is below one rounding of the size (10^(2 − digits) for mpmath numbers), or δₖ is
    within 64 roundings and shrinks no more. Where Θ > 0.1 (in digits: 1e-8) a fresh G' is taken.
    A small δₖ beside a G that is not small proves nothing before it has shrunk (G' may be steep at
    the start alone): a fresh G' must confirm it. If 60 iterations do not get there (a kink of the
    activation, a long step), Newton's method is tried once more from the start, damped such that
    |G| falls. Raises ConvergenceError if that fails as well, or G' is not finite. Source: Hairer
    and Wanner, *Solving Ordinary Differential Equations II*, IV.8; Deuflhard, *Newton Methods for
    Nonlinear Problems*, section 3.1 [D].

    >>> root = simplified_newton(
    ...     lambda z: z * z - 2.0, lambda z: 2.0 * z[..., None], np.ones(1), lambda z: np.ones(()),
    ...     what="the square root of 2")
    >>> bool(abs(root[0] - 2**0.5) < 1e-15)
    True
    """
    for iterate in (_simplified, _damped):
        z = iterate(residual, derivative, start, size)
        if z is not None:
            return z
    raise ConvergenceError(
        came=f"an equation for {what} that Newton's method does not solve",
        expected=f"a change below one rounding within {_MOST_ITERATIONS} iterations",
        remedy=remedy,
    )


def _simplified(residual: Map, derivative: Map, z: State, size: Map) -> State | None:
    rounding = _rounding(z)
    slow = _SLOW_IN_DIGITS if is_exact_kind(z) else _SLOW
    inverse = _inverse(derivative(z))
    before: Any = None
    limit: Any = None
    confirmed = False
    for _ in range(_MOST_ITERATIONS):
        if inverse is None:
            return None
        try:
            g = residual(z)
        except DomainError:  # it ran to where the field overflows
            return None
        increment = _apply(inverse, g)
        z = z - increment
        now = np.abs(increment).max(axis=-1)
        limit = _DIVERGED * (now + size(z)) if limit is None else limit
        if not np.all(now <= limit):
            return None
        tolerance = rounding * size(z)
        settled, trusted = now <= tolerance, _is_rounding(g, tolerance)
        if before is not None:
            rate = now / np.where(before == 0, 1, before)
            falls = (rate < 1) & (rate * now <= (1 - rate) * tolerance)
            settled = settled | falls | ((now <= _FLOOR * tolerance) & (rate > _STAGNANT))
            trusted = trusted | falls
        if np.all(settled):
            if confirmed or np.all(trusted):
                return z
            inverse, before, confirmed = _inverse(derivative(z)), None, True
            continue
        confirmed = False
        if before is not None and np.any(~settled & (rate > slow)):
            inverse = _inverse(derivative(z))
        before = now
    return None


def _damped(residual: Map, derivative: Map, z: State, size: Map) -> State | None:
    """Full steps where they lessen |G|, halved ones elsewhere, each element by itself."""
    rounding = _rounding(z)
    g = residual(z)
    before: Any = False
    for _ in range(_MOST_ITERATIONS):
        inverse = _inverse(derivative(z))
        if inverse is None:
            return None
        direction = _apply(inverse, g)
        now = np.abs(direction).max(axis=-1)
        if not _all_finite(now):
            return None
        tolerance = rounding * size(z)
        settled = now <= _FLOOR * tolerance
        if np.all(settled & (before | _is_rounding(g, tolerance))):
            return z - direction
        before = settled
        share = np.ones(now.shape)
        for _ in range(_MOST_HALVINGS):
            trial = z - share[..., None] * direction
            there = residual(trial)
            lessened = settled | ((there * there).sum(-1) < (1 - share / 10) * (g * g).sum(-1))
            if np.all(lessened):
                break
            share = np.where(lessened, share, share / 2)
        z, g = trial, there
    return None


def _inverse(matrix: State) -> State | None:
    """M⁻¹ of a batch of matrices, made once and applied often; None if one is singular or infinite.

    In float64 also for mpmath numbers: an approximate inverse slows the iteration by a factor of
    about 10⁻¹⁶·cond(M) only, and its fixed point is the same.
    """
    numbers = np.asarray(matrix, dtype=np.float64)
    if not np.all(np.isfinite(numbers)):  # the inverse of ∞ is 0, and with it every increment
        return None
    try:
        return np.asarray(np.linalg.inv(numbers))
    except np.linalg.LinAlgError:
        return None


def _apply(inverse: State, vector: State) -> State:
    return np.asarray((inverse @ vector[..., None])[..., 0])


def _is_rounding(g: State, tolerance: Any) -> Any:
    """Which elements of the residual itself are as small as an increment must be."""
    return np.abs(g).max(axis=-1) <= _FLOOR * tolerance


def _rounding(z: State) -> Any:
    if not is_exact_kind(z):
        return _UNIT_ROUNDOFF
    import mpmath

    return mpmath.mpf(10) ** (2 - mpmath.mp.dps)


def _all_finite(now: Any) -> bool:
    values = np.asarray(now)
    return values.dtype == object or bool(np.all(np.isfinite(values)))
