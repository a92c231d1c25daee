"""Whether an invariant drifts along a numerical solution, or only oscillates and rounds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ...errors import DomainError
from ..methods import Method
from ..systems.invariant import Invariant, require_invariant
from ..validation import FloatArray, finite_array
from .step_jacobian import prepared_for, single_state

_BLOCKS = 20
_FEWEST_STEPS = 5 * _BLOCKS
_STANDARD_ERRORS = 5.0
_ROUNDINGS = 16
_UNIT_ROUNDOFF = 2.0**-53


@dataclass(frozen=True, eq=False)
class InvariantDrift:
    """How an invariant moved: ``deviations`` I(yₖ) − I(y₀) at ``times``, k = 0, …, steps.

    ``largest_deviation`` is their largest size; ``slope`` the drift per unit of time with its
    ``standard_error``; ``rounding`` what a random walk of roundings may amount to over the run;
    ``significant`` whether the drift is beyond both. Source: flowcert [D].

    >>> InvariantDrift(0.0, 0.0, 0.0, 0.0, False, np.zeros(1), np.zeros(1)).significant
    False
    """

    largest_deviation: float
    slope: float
    standard_error: float
    rounding: float
    significant: bool
    times: FloatArray
    deviations: FloatArray


def invariant_drift(
    method: Method,
    system: object,
    invariant: Invariant,
    y0: ArrayLike,
    h: float,
    steps: int,
    *,
    t0: float = 0.0,
) -> InvariantDrift:
    """Follow I(yₖ) − I(y₀) over ``steps`` ≥ 100 steps h from y₀ of shape (n,), and fit a line.

    The line is fitted to the means of 20 blocks, because neighbouring deviations are not
    independent: an energy that oscillates would otherwise seem to drift. The drift is significant
    if |slope| exceeds 5 standard errors *and* |slope|·T, over the run's time T, exceeds both
    16 u √steps (Σ|yᵢ∂ᵢI| + |I|), the size of a random walk of roundings (u = 2⁻⁵³), and 2A/N, the
    line that fits best to N periods of an oscillation of amplitude A (12A/ωT at most: A is the
    largest distance from the line, N half the number of times that it is crossed). So a slow drift
    below an oscillation takes a run of many periods to show. Raises DomainError, ShapeError,
    StructureError. Source: flowcert [D].

    >>> from flowcert.numerics import Euler
    >>> from flowcert.numerics.problems import Pendulum
    >>> energy = Pendulum.invariants[0]
    >>> drift = invariant_drift(Euler, Pendulum.system, energy, [1.0, 0.0], 0.01, 2000)
    >>> drift.significant, drift.slope > 0
    (True, True)
    """
    prepared = prepared_for(method, system, y0)
    require_invariant(invariant, "invariant_drift").require(prepared.dimension)
    _require_steps(h, steps)
    states = np.empty((int(steps) + 1, prepared.dimension))
    states[0] = y = single_state(y0, prepared.dimension)
    with np.errstate(all="ignore"):  # what is not finite raises, by the system's own check
        for k in range(int(steps)):
            y = method.step(prepared, t0 + k * h, y, h)
            states[k + 1] = y
    values = np.asarray(invariant.value(states), dtype=np.float64)
    times: FloatArray = t0 + h * np.arange(len(states), dtype=np.float64)
    deviations: FloatArray = values - values[0]
    slope, standard_error = _fit(times, deviations)
    size = float(np.sum(np.abs(states * invariant.normal(states)), axis=-1).max())
    rounding = _ROUNDINGS * _UNIT_ROUNDOFF * np.sqrt(steps) * (size + abs(float(values[0])))
    amount = abs(slope * h) * steps
    significant = (
        abs(slope) > _STANDARD_ERRORS * standard_error
        and amount > rounding
        and amount > _apparent_drift(times, deviations, slope)
    )
    largest = float(np.max(np.abs(deviations)))
    return InvariantDrift(
        largest, slope, standard_error, float(rounding), bool(significant), times, deviations
    )


def _require_steps(h: float, steps: int) -> None:
    if finite_array("h", h).shape != () or h == 0:
        raise DomainError(
            came=f"h = {h!r}",
            expected="one step, not 0",
            remedy="A drift shows over a time that passes.",
        )
    if isinstance(steps, bool) or int(steps) != steps or steps < _FEWEST_STEPS:
        raise DomainError(
            came=f"steps = {steps!r}",
            expected=f"a whole number of at least {_FEWEST_STEPS}",
            remedy="A drift shows over many steps only.",
        )


def _fit(times: FloatArray, deviations: FloatArray) -> tuple[float, float]:
    """Least squares through the block means: the slope and its standard error."""
    length = len(times) // _BLOCKS
    x, y = (
        values[: _BLOCKS * length].reshape(_BLOCKS, length).mean(axis=1)
        for values in (times, deviations)
    )
    x, y = x - x.mean(), y - y.mean()
    squares = float(x @ x)
    slope = float(x @ y) / squares
    residual = y - slope * x
    return slope, float(np.sqrt(residual @ residual / (_BLOCKS - 2) / squares))


def _apparent_drift(times: FloatArray, deviations: FloatArray, slope: float) -> float:
    """What a line through an oscillation of this size and number of periods may rise by."""
    rest = deviations - slope * times
    rest = rest - rest.mean()
    crossings = np.count_nonzero(rest[1:] * rest[:-1] < 0)
    return float(2 * np.max(np.abs(rest)) / max(crossings / 2, 1.0))
