"""The order that a method shows: how its error falls as the steps grow shorter."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...errors import DomainError, FlowcertError, StructureError
from ..flow import ends_of, repeat
from ..methods import Method
from ..problems.problem import Problem
from ..reference import reference_flow, taylor_flow
from ..systems import System, as_system
from ..systems.system import State
from ..validation import finite_array
from .step_jacobian import in_digits, prepared_for, single_state

_UNIT_ROUNDOFF = 2.0**-53
_STEPS = (8, 11, 16, 23, 32, 45, 64, 91, 128, 181, 256, 362, 512)
_WINDOW = 4  # points, with three local orders between them
_SPREAD = 0.2
_LOWEST = 0.5  # a method that converges has an order of at least 1
_SETTLED = 0.08  # for one local order more: they may pass through a maximum
_ROUNDINGS = 100
_SPARE_DIGITS = 10


@dataclass(frozen=True)
class ObservedOrder:
    """The order p fitted to error ≈ C hᵖ, and the evidence.

    ``order`` is the least-squares slope of log error over log h in the ``window`` (first, last
    index) of ``steps``; ``confidence`` the largest distance of a local order in the window from it;
    ``found`` whether there was an asymptotic range at all (else order and confidence are NaN).
    ``local_orders[i]`` belongs to ``steps[i]`` and ``steps[i + 1]``; an error is infinite where the
    method failed. ``reference`` and ``detail`` say how it was found. Source: flowcert [D].

    >>> from flowcert.numerics import Heun
    >>> from flowcert.numerics.problems import DrivenDecay
    >>> observed_order(Heun, DrivenDecay).reference
    'closed form'
    """

    order: float
    confidence: float
    found: bool
    steps: tuple[int, ...]
    errors: tuple[float, ...]
    local_orders: tuple[float, ...]
    window: tuple[int, int] | None
    reference: str
    detail: str


@dataclass(frozen=True, eq=False)
class _Question:
    """What is integrated, in one arithmetic, and the end that it should reach."""

    start: State
    t0: Any
    t1: Any
    end: State
    floor: float
    reference: str


def observed_order(
    method: Method,
    problem: Problem | tuple[object, ArrayLike, tuple[float, float]],
    *,
    steps: Sequence[int] | None = None,
    digits: int | None = None,
) -> ObservedOrder:
    """Return the observed order of a method on a problem, or on (system, y₀, span).

    The span is crossed in 8, 11, 16, 23, … equal steps (or in ``steps``), and the largest error
    over the variables at its end is compared with the closed form, or else with Taylor series in
    more digits, or else with ``reference_flow``. Errors within 100 roundings (or 100 errors of the
    reference) are left out; in float64 the steps grow shorter until there or to 512 of them, in
    ``digits`` digits until four local orders agree to 0.08. The asymptotic range is the finest
    window of 4 step counts whose local orders are above ½ and agree to 0.2: coarser ones may be
    pre-asymptotic. Without such a window ``found`` is False and ``detail`` says why. Orders above
    5 need ``digits`` (60, say): float64 has no room for them. Raises DomainError, ShapeError,
    StructureError. Source: Hairer, Nørsett, Wanner, *Solving Ordinary Differential Equations I*,
    section II.3 [D].

    >>> from flowcert.numerics import RK4
    >>> from flowcert.numerics.problems import Pendulum
    >>> round(observed_order(RK4, Pendulum).order, 1)
    4.0
    """
    counts = _step_counts(steps)
    field, start, span = _parts(problem)
    prepared = prepared_for(method, field, start)
    with _arithmetic(digits):
        question = _question(problem, field, start, span, digits)
        used, errors = [], []
        for count in counts:
            used.append(count)
            errors.append(_error(method, prepared, question, count))
            if errors[-1] <= question.floor:
                break
            if steps is None and digits is not None and _settled(used, errors):
                break
    return _judge(tuple(used), tuple(errors), question)


def _parts(
    problem: Problem | tuple[object, ArrayLike, tuple[float, float]],
) -> tuple[object, ArrayLike, tuple[float, float]]:
    if isinstance(problem, Problem):
        return problem.system, problem.start, problem.span
    given: object = problem  # whatever a caller without types passes
    if isinstance(given, tuple | list) and len(given) == 3:
        return given[0], given[1], ends_of(given[2])
    size = f" of {len(given)}" if isinstance(given, tuple | list) else ""
    raise StructureError(
        came=f"a {type(given).__name__}{size} as the problem",
        expected="a Problem, or (system, y0, (t0, t1))",
        remedy="A system alone has no start and no span: pass (system, y0, (0.0, 1.0)).",
    )


def _arithmetic(digits: int | None) -> Any:
    if digits is None:
        return nullcontext()
    import mpmath

    return mpmath.workdps(digits)


def _question(
    problem: Any, field: object, start: ArrayLike, span: tuple[float, float], digits: int | None
) -> _Question:
    y0 = np.asarray(start)
    system = as_system(field, y0.shape[-1] if y0.ndim else None)
    y0 = single_state(start, system.dimension)
    t0, t1 = (float(t) for t in finite_array("span", span))
    if t0 == t1:
        raise DomainError(
            came=f"span = {span!r}",
            expected="two different times",
            remedy="An order shows over a time that passes.",
        )
    if digits is None:
        return _question_in_float64(problem, system, y0, t0, t1)
    import mpmath

    y0 = problem.start_in_digits() if isinstance(problem, Problem) else in_digits(y0)
    if isinstance(problem, Problem) and problem.exact is not None:
        with mpmath.workdps(digits + _SPARE_DIGITS):
            end, reference = problem.exact(t1, y0), "closed form"
    else:
        end = taylor_flow(system, y0, (t0, t1), digits + _SPARE_DIGITS)
        reference = f"Taylor in {digits + _SPARE_DIGITS} digits"
    floor = _ROUNDINGS * 10.0 ** (2 - digits) * _scale(end)
    return _Question(y0, mpmath.mpf(t0), mpmath.mpf(t1), end, floor, reference)


def _question_in_float64(
    problem: Any, system: System, y0: State, t0: float, t1: float
) -> _Question:
    error = 0.0
    if isinstance(problem, Problem) and problem.exact is not None:
        end, reference = problem.exact(t1, y0), "closed form"
    else:
        try:
            end = taylor_flow(system, y0, (t0, t1), 30).astype(np.float64)
            reference = "Taylor in 30 digits"
        except StructureError:
            flow = reference_flow(system, y0, (t0, t1), 1e-13)
            end, error, reference = flow.value, flow.estimated_error, " and ".join(flow.methods)
    floor = _ROUNDINGS * (error + _UNIT_ROUNDOFF) * _scale(end)
    return _Question(y0, t0, t1, end, floor, reference)


def _scale(end: State) -> float:
    return max(1.0, *(abs(float(value)) for value in end))


def _error(method: Method, system: System, question: _Question, count: int) -> float:
    """The largest error at the end, infinite where the steps are too long for the method."""
    h = (question.t1 - question.t0) / count
    try:
        with np.errstate(all="ignore"):
            y = repeat(method, system, question.start, question.t0, h, count, progress=False)
    except FlowcertError:
        return np.inf
    error = float(np.max(np.abs(y - question.end)))
    return error if np.isfinite(error) else np.inf


def _settled(used: list[int], errors: list[float]) -> bool:
    points = _WINDOW + 1
    if len(used) < points:
        return False
    return bool(np.ptp(_local_orders(used[-points:], errors[-points:])) <= _SETTLED)


def _local_orders(steps: Sequence[int], errors: Sequence[float]) -> list[float]:
    """log(eᵢ/eᵢ₊₁) / log(Nᵢ₊₁/Nᵢ), NaN next to an error that is 0 or infinite."""
    orders = []
    for i in range(len(steps) - 1):
        usable = all(0 < e < np.inf for e in errors[i : i + 2])
        fall = np.log(errors[i] / errors[i + 1]) if usable else np.nan
        orders.append(float(fall / np.log(steps[i + 1] / steps[i])))
    return orders


def _judge(steps: tuple[int, ...], errors: tuple[float, ...], question: _Question) -> ObservedOrder:
    orders = _local_orders(steps, errors)
    window = _finest_window(orders, errors, question.floor)
    if window is None:
        above = sum(question.floor < e < np.inf for e in errors)
        detail = (
            f"no asymptotic range: {above} of {len(errors)} errors lie above the floor of "
            f"{question.floor:.1e}, and no three successive local orders above {_LOWEST} agree "
            f"to {_SPREAD}"
        )
        return ObservedOrder(
            np.nan, np.nan, False, steps, errors, tuple(orders), None, question.reference, detail
        )
    first, last = window
    x = np.log(1.0 / np.array(steps[first : last + 1]))
    y = np.log(np.array(errors[first : last + 1]))
    x, y = x - x.mean(), y - y.mean()
    order = float(x @ y / (x @ x))
    confidence = max(abs(local - order) for local in orders[first:last])
    detail = f"fitted over {steps[first]} to {steps[last]} steps"
    return ObservedOrder(
        order, confidence, True, steps, errors, tuple(orders), window, question.reference, detail
    )


def _finest_window(
    orders: list[float], errors: tuple[float, ...], floor: float
) -> tuple[int, int] | None:
    for last in reversed(range(_WINDOW - 1, len(errors))):
        first = last - _WINDOW + 1
        local = orders[first:last]
        # The comparisons fail on NaN.
        agree = np.ptp(local) <= _SPREAD and min(local) > _LOWEST
        if agree and min(errors[first : last + 1]) > floor:
            return first, last
    return None


def _step_counts(steps: Sequence[int] | None) -> tuple[int, ...]:
    if steps is None:
        return _STEPS
    counts = tuple(int(count) for count in steps)
    if counts != tuple(steps) or list(counts) != sorted(set(counts)) or min(counts, default=0) < 1:
        raise DomainError(
            came=f"steps = {steps!r}",
            expected="increasing whole numbers of steps, at least 1",
            remedy="For example (16, 32, 64, 128).",
        )
    return counts
