"""Gragg's midpoint rule with Richardson extrapolation: a high-order method of another kind."""

from __future__ import annotations

import numpy as np

from .systems import System
from .systems.system import State, Time

_COLUMNS = 8
_MOST_STEPS = 2048


def extrapolated_flow(
    system: System, y0: State, span: tuple[float, float], tolerance: float
) -> tuple[State, float]:
    """Return y(t₁) of ẏ = f(t, y), y(t₀) = y₀, and the last change, for y₀ of shape (..., n).

    Steps of order 16 (midpoint rules with 2, 4, …, 16 sub-steps, extrapolated to none), equally
    long; their number is doubled until the result changes by less than ``tolerance`` relative to
    max(1, |y|), or no more, or 2048 steps are reached: the change, relative in the same way, is the
    second return value and no bound. Source: Gragg 1965; Hairer, Nørsett, Wanner, *Solving
    Ordinary Differential Equations I*, section II.9 [D].

    >>> from flowcert.numerics import FieldSystem
    >>> end, _ = extrapolated_flow(FieldSystem(lambda t, y: y, 1), np.ones(1), (0.0, 1.0), 1e-12)
    >>> bool(abs(end[0] - np.e) < 1e-12)
    True
    """
    best, smallest = y0, np.inf
    before, steps = None, 4
    while steps <= _MOST_STEPS:
        now = _equal_steps(system, y0, span, steps)
        if before is not None:
            change = float(np.max(np.abs(now - before) / np.maximum(1.0, np.abs(now))))
            if change <= tolerance:
                return now, change
            if change < smallest:
                best, smallest = now, change
            elif smallest < 1e-10:
                break  # rounding has taken over
        before, steps = now, 2 * steps
    return best, smallest


def _equal_steps(system: System, y0: State, span: tuple[float, float], steps: int) -> State:
    h = (span[1] - span[0]) / steps
    y = y0
    for i in range(steps):
        y = _extrapolated_step(system, span[0] + i * h, y, h)
    return y


def _extrapolated_step(system: System, t: Time, y: State, h: Time) -> State:
    """Aitken and Neville's table in h²."""
    table: list[State] = []
    first = system(t, y)
    for k in range(_COLUMNS):
        n = 2 * (k + 1)
        row: list[State] = [_midpoint_rule(system, t, y, h, n, first)]
        for j in range(k):
            ratio = (n / (2 * (k - j))) ** 2
            row.append(row[j] + (row[j] - table[j]) / (ratio - 1))
        table = row
    return np.asarray(table[-1])


def _midpoint_rule(system: System, t: Time, y: State, h: Time, n: int, first: State) -> State:
    """n sub-steps (n even) of y_{i+1} = y_{i−1} + 2(h/n)f(yᵢ), whose error is even in h."""
    s = h / n
    before, now = y, y + s * first
    for i in range(1, n):
        before, now = now, before + 2 * s * system(t + i * s, now)
    return np.asarray(now)
