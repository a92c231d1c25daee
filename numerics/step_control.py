"""How long a step is: grids that end exactly at the end, and steps from an error estimate."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..errors import DomainError, ShapeError
from .systems.system import State, Time
from .validation import FloatArray, finite_array

_EPSILON = float(np.finfo(float).eps)
_MOST_STEPS = 2**53  # beyond, float64 cannot tell one step number from the next
_SMALLEST_RTOL = 100 * _EPSILON


def step_count(t0: float, t1: float, h: float) -> int:
    """Return the number of steps of length h > 0 that lead from t0 to t1, the last one shorter.

    N = ⌈|t1 − t0|/h⌉, except that a quotient within its own rounding error of an integer counts
    as that integer: no last step of length 1e-17. At least 1. Raises DomainError beyond 2⁵³ steps.
    Source: flowcert [D].

    >>> step_count(0.0, 1.0, 0.1), step_count(0.0, 1.0, 0.3)
    (10, 4)
    >>> step_count(0.0, 3 * 0.1, 0.1)  # the quotient is 3.0000000000000004
    3
    """
    with np.errstate(over="ignore"):
        quotient = float(np.divide(abs(t1 - t0), h))
    if not quotient < _MOST_STEPS:
        raise DomainError(
            came=f"h = {h!r} on a span of length {abs(t1 - t0)!r}",
            expected=f"fewer than {_MOST_STEPS} steps",
            remedy="Take a longer step or a shorter span.",
        )
    nearest = round(quotient)
    rounding = 4 * _EPSILON * (quotient + max(abs(t0), abs(t1)) / h)
    # A span of many steps far from the origin must not swallow a true last step.
    if abs(quotient - nearest) <= min(rounding, 0.01):
        return max(nearest, 1)
    return math.ceil(quotient)


@dataclass(frozen=True)
class Tolerance:
    """What counts as a small error: ‖e‖ = rms(eᵢ/(atolᵢ + rtolᵢ·max(|yᵢ|, |y⁺ᵢ|))) < 1.

    ``rtol`` ≥ 100 ε, ``atol`` ≥ 0, numbers or one for each component. Source: Hairer, Nørsett and
    Wanner, *Solving Ordinary Differential Equations I*, II.4 [D].

    >>> Tolerance(rtol=0.0, atol=0.5).norm(np.ones(2), np.zeros(2), np.zeros(2))
    2.0
    """

    rtol: Any = 1e-3
    atol: Any = 1e-6

    def norm(self, error: State, y: State, y_next: State) -> float:
        """Return ‖e‖; a step is good if it is below 1. Not finite counts as ∞."""
        scale = self.scale(np.maximum(np.abs(y), np.abs(y_next)))
        if not np.all(np.isfinite(scale) & np.isfinite(error)):
            return math.inf
        # Where the scale is 0 only an error of 0 is small.
        ratio = np.divide(error, scale, out=np.zeros_like(error), where=scale > 0)
        ratio[(scale == 0) & (error != 0)] = np.inf
        value = float(np.sqrt(np.mean(ratio * ratio)))
        return value if math.isfinite(value) else math.inf

    def scale(self, size: State) -> State:
        """Return atol + rtol·size."""
        return np.asarray(self.atol + self.rtol * size)


def tolerance(rtol: ArrayLike | None, atol: ArrayLike | None, n: int) -> Tolerance:
    """Return the tolerances for n components, by default 1e-3 and 1e-6 as in scipy, or raise.

    Raises DomainError where rtol < 100 ε = 2.2e-14 (an error below rounding cannot be estimated)
    or atol < 0, ShapeError on shapes other than () and (n,).

    >>> tolerance(None, 1e-9, 3)
    Tolerance(rtol=array(0.001), atol=array(1.e-09))
    """
    relative = _per_component("rtol", 1e-3 if rtol is None else rtol, n)
    absolute = _per_component("atol", 1e-6 if atol is None else atol, n)
    if np.any(relative < _SMALLEST_RTOL):
        raise DomainError(
            came=f"rtol = {float(relative.min())!r}",
            expected=f"rtol of at least {_SMALLEST_RTOL:.2g}: below, errors are rounding",
            remedy="Run in more digits: flow_map on an array of mpmath numbers.",
        )
    if np.any(absolute < 0):
        raise DomainError(
            came=f"atol = {float(absolute.min())!r}",
            expected="atol of at least 0",
            remedy="Pass atol=0 to control the relative error alone.",
        )
    return Tolerance(relative, absolute)


@dataclass
class StepController:
    """Next steps from error norms, by a PI rule: h⁺ = h·0.9·‖e‖^(−α)·‖e₋‖^β.

    ``order`` is q + 1 where the estimate is O(h^(q+1)); β = 0.2/(q + 1), α = 1/(q + 1) − 0.75β;
    ‖e₋‖ is the norm of the accepted step before. The factor stays in [0.2, 10], and at most 1
    right after a rejected step; a rejected step shrinks by 0.9·‖e‖^(−1/(q+1)), not below 0.2.
    These are the constants of DOPRI5 (q + 1 = 5, β = 0.04). Source: Hairer and Wanner, *Solving
    Ordinary Differential Equations II*, IV.2 [D].

    >>> StepController(order=5).after_success(0.0), StepController(order=5).after_failure(1e9)
    (10.0, 0.2)
    """

    order: int
    safety: float = 0.9
    smallest: float = 0.2
    largest: float = 10.0
    before: float = 1e-4
    rejected: bool = False

    def after_success(self, norm: float) -> float:
        """Return the factor h⁺/h after an accepted step with this error norm."""
        beta = 0.2 / self.order
        alpha = 1 / self.order - 0.75 * beta
        wanted = self.safety * math.pow(max(norm, 1e-10), -alpha) * math.pow(self.before, beta)
        factor = min(self.largest, max(self.smallest, wanted))
        if self.rejected:
            factor = min(1.0, factor)
        self.before, self.rejected = max(norm, 1e-4), False
        return factor

    def after_failure(self, norm: float) -> float:
        """Return the factor h⁺/h after a rejected step with this error norm (∞: unknown)."""
        self.rejected = True
        if not math.isfinite(norm):
            return 0.5
        return max(self.smallest, self.safety * math.pow(norm, -1 / self.order))


def starting_step(
    rate: Callable[[Time, State], State],
    t0: float,
    y0: State,
    f0: State,
    longest: float,
    direction: float,
    order: int,
    tolerance: Tolerance,
) -> float:
    """Return |h| for the first step, from f and an estimate of f' along an Euler step.

    ``f0`` is rate(t0, y0), ``longest`` bounds the answer, ``order`` is q + 1. Source: Hairer,
    Nørsett and Wanner, *Solving Ordinary Differential Equations I*, II.4 [D].

    >>> y = np.ones(1)
    >>> h = starting_step(lambda t, y: -y, 0.0, y, -y, 1.0, 1.0, 5, Tolerance())
    >>> bool(0.01 < h < 1.0)
    True
    """
    size = tolerance.norm(y0, y0, y0)
    speed = tolerance.norm(f0, y0, y0)
    known = 1e-5 <= size < math.inf and 1e-5 <= speed < math.inf
    guess = min(0.01 * size / speed if known else 1e-6, longest)
    moved = rate(t0 + direction * guess, y0 + direction * guess * f0)
    bend = tolerance.norm(moved - f0, y0, y0) / guess
    steepest = max(speed, bend)
    if steepest <= 1e-15:
        return float(min(100 * guess, max(1e-6, 1e-3 * guess), longest))
    return float(min(100 * guess, (0.01 / steepest) ** (1 / order), longest))


def _per_component(name: str, value: ArrayLike, n: int) -> FloatArray:
    array = finite_array(name, value)
    if array.shape not in {(), (n,)}:
        raise ShapeError(
            came=f"{name} of shape {array.shape}",
            expected=f"one number, or one for each component: shape ({n},)",
            remedy="Give one tolerance for all components.",
        )
    return array
