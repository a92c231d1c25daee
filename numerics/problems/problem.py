"""What a test problem is: a system, a start, a span, what the flow keeps, and its solution."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..systems import Invariant, System
from ..systems.system import State, Time
from ..validation import FloatArray

Solution = Callable[[Time, State], State]


@dataclass(frozen=True, eq=False)
class Problem:
    """An initial value problem ẏ = f(t, y), y(t₀) = y₀ on [t₀, t₁], with what is known about it.

    ``system`` carries the richest structure that the problem has; ``start`` is y₀, shape (n,),
    whose numbers are meant as the short decimals that they print as; ``span`` is (t₀, t₁);
    ``invariants`` are kept by the flow. ``exact(t, y)`` is the solution at time t from the state y,
    shape (..., n), at t₀ = span[0]: float64 right to a few roundings, or on an object array of
    mpmath numbers right to their working precision; None where no closed form is known.
    Source: flowcert [D].

    >>> from flowcert.numerics.problems import Kepler
    >>> Kepler.exact(0.0, Kepler.start).tolist(), [i.name for i in Kepler.invariants]
    ([0.4, 0.0, 0.0, 2.0], ['energy', 'angular momentum'])
    """

    name: str
    title: str
    system: System
    start: FloatArray
    span: tuple[float, float]
    invariants: tuple[Invariant, ...]
    exact: Solution | None
    source: str

    def start_in_digits(self) -> State:
        """Return y₀ as an object array of mpmath numbers in the working precision.

        The decimals are taken at their word: 0.4 is 4/10, not the float64 next to it.
        """
        return decimals(self.start)

    def __repr__(self) -> str:
        return self.name


def decimals(values: FloatArray) -> State:
    """Return float64 numbers as mpmath numbers, each the short decimal that it prints as.

    >>> import mpmath
    >>> with mpmath.workdps(30):
    ...     print(decimals(np.array([0.1]))[0])
    0.1
    """
    import mpmath

    numbers = np.empty(np.shape(values), dtype=object)
    for index, value in np.ndenumerate(values):
        numbers[index] = mpmath.mpf(repr(float(value)))
    return numbers


def closed_form(point_solution: Callable[[Any, list[Any]], list[Any]]) -> Solution:
    """Return ``exact(t, y)`` of a solution written for one time and one state in mpmath numbers.

    It runs with 15 digits more than asked for; float64 results are rounded from 35 digits.

    >>> decay = closed_form(lambda t, y: [y[0] / (1 + t * y[0])])
    >>> decay(1.0, np.array([[1.0], [3.0]])).tolist()
    [[0.5], [0.75]]
    """

    def exact(t: Time, y: State) -> State:
        import mpmath

        given = np.asarray(y)
        in_digits = given.dtype == object
        result = np.empty(given.shape, dtype=object)
        with mpmath.workdps(mpmath.mp.dps + 15 if in_digits else 35):
            for index in np.ndindex(given.shape[:-1]):
                point = [mpmath.mpf(value) for value in given[index]]
                result[index] = point_solution(mpmath.mpf(t), point)
        # Unary plus rounds to the working precision of the caller.
        return np.asarray(+result) if in_digits else result.astype(np.float64)

    return exact
