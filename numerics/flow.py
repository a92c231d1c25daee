"""Numerical flow maps: N equal steps of a method, on a whole batch of states at once."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import closing

import numpy as np
from numpy.typing import ArrayLike

from ..errors import DomainError, ShapeError, StructureError
from .elementary import is_exact_kind
from .fields.vector_field import VectorField
from .methods.method import Method, require_method
from .systems.system import State, System, Time, refuse_problem, state
from .validation import positive_integer

_PATIENCE = 2.0  # seconds without a sign of life
_REFRESH = 0.1  # seconds between two looks of the progress bar


def flow_map(
    field: object,
    y0: ArrayLike,
    span: tuple[Time, Time],
    method: Method,
    steps: int,
    *,
    progress: bool | None = None,
) -> State:
    """Return Ψ^N(y₀) ≈ y(t₁) for ẏ = f(t, y), y(t₀) = y₀: N equal steps h = (t₁ − t₀)/N.

    ``field`` is a System, a VectorField, or a batched function of (t, y); ``y0`` has shape
    (..., n), the last axis is the state, all leading axes are a batch; ``span`` is (t₀, t₁),
    finite, t₁ < t₀ runs backwards, t₁ = t₀ returns y₀; ``steps`` is N ≥ 1. An object array of
    mpmath numbers is integrated in their precision. Times are t₀ + kh, without accumulation.
    Runs of over two seconds show a progress bar if stderr is a terminal (``progress`` forces or
    forbids it). Raises DomainError, ShapeError, StructureError (a method without the structure
    that it needs, a switching system: see ``switching_flow_map``), ConvergenceError.
    Source: paper, networks as discretised ODEs [P].

    >>> from flowcert.numerics import RK4, GradientField
    >>> flow_map(GradientField([[1.0]]), [[1.0], [2.0]], (0.0, 1.0), RK4, 100).round(6).tolist()
    [[0.367879], [0.735759]]
    """
    y, system = _checked(field, y0, span, method)
    count = positive_integer("steps", steps)
    t0, t1, h = _grid(y, span, count)
    return y if t0 == t1 else repeat(method, system, y, t0, h, count, progress=progress)


def trajectory(
    field: object,
    y0: ArrayLike,
    span: tuple[Time, Time],
    method: Method,
    steps: int,
    *,
    every: int = 1,
    progress: bool | None = None,
) -> tuple[State, State]:
    """Return times (k,) and states (k, ..., n) of the run of ``flow_map``, every so many steps.

    The start and the end are always among them, the end also where ``every`` does not divide
    ``steps``. Arguments, errors and source as for ``flow_map``; ``every`` ≥ 1.

    >>> from flowcert.numerics import Euler, GradientField
    >>> times, states = trajectory(GradientField([[1.0]]), [2.0], (0.0, 1.5), Euler, 3)
    >>> times.tolist(), states.ravel().tolist()
    ([0.0, 0.5, 1.0, 1.5], [2.0, 1.0, 0.5, 0.25])
    """
    y, system = _checked(field, y0, span, method)
    count, stride = positive_integer("steps", steps), positive_integer("every", every)
    t0, t1, h = _grid(y, span, count)
    times, states = [t0], [y]
    with closing(_step_numbers(count, progress)) as numbers:
        for k in numbers:
            if t0 != t1:
                y = method.step(system, t0 + k * h, y, h)
            if k + 1 == count or (k + 1) % stride == 0:
                times.append(t1 if k + 1 == count else t0 + (k + 1) * h)
                states.append(y)
    finite(y)
    return np.array(times, dtype=y.dtype), np.stack(states)


def repeat(
    method: Method,
    system: System,
    y: State,
    t0: Time,
    h: Time,
    steps: int,
    *,
    progress: bool | None = None,
) -> State:
    """Return y after ``steps`` steps of length h from t₀, for a prepared system.

    >>> from flowcert.numerics import Euler, FieldSystem
    >>> repeat(Euler, FieldSystem(lambda t, y: -y, 1), np.ones(1), 0.0, 0.5, 2).tolist()
    [0.25]
    """
    # Closing the numbers takes the bar off the screen when a step raises or is interrupted.
    with closing(_step_numbers(steps, progress)) as numbers:
        for k in numbers:
            y = method.step(system, t0 + k * h, y, h)
    return finite(y)


def finite(y: State) -> State:
    """Return y, or raise DomainError where a step has overflowed.

    >>> finite(np.ones(1)).tolist()
    [1.0]
    """
    if is_exact_kind(y) or np.all(np.isfinite(y)):
        return y
    raise DomainError(
        came="a state that is not finite after a step",
        expected="finite states",
        remedy="The solution may blow up, or the step is too long: take more steps.",
    )


def prepared(method: Method, field: object, y0: State) -> System:
    """Return the system as the method needs it, told of the start.

    >>> from flowcert.numerics import RK4, LinearField
    >>> prepared(RK4, LinearField([[2.0]]), np.ones(1))(0.0, np.ones(1)).tolist()
    [2.0]
    """
    refuse_problem(field)
    return require_method(method, "the flow map").prepare(field, y0.shape[-1], y0)


def refuse_switches(system: object, t0: Time, t1: Time) -> None:
    """Raise StructureError if equal steps from t0 to t1 would meet a jump of a switching system.

    >>> from flowcert.numerics import LinearField
    >>> refuse_switches(LinearField([[1.0]]), 0.0, 1.0)
    """
    # The value at a switch is that of the piece after it: a step that ends there sees it too.
    met = [s for s in getattr(system, "switch_times", ()) if min(t0, t1) < s <= max(t0, t1)]
    if met:
        raise StructureError(
            came=f"a system that switches at t = {met[0]!r} within the span",
            expected="a right-hand side that is smooth along every step",
            remedy="Use switching_flow_map(system, …, span=span): its steps end at the switches.",
        )


def _checked(
    field: object, y0: ArrayLike, span: tuple[Time, Time], method: Method
) -> tuple[State, System]:
    start = np.asarray(y0)
    if start.ndim == 0:
        raise ShapeError(
            came="y0 of shape ()",
            expected="shape (..., n): the last axis is the state",
            remedy="Write [y0] for a system of one equation.",
        )
    refuse_switches(field, *ends_of(span))
    require_batched(field, start, span[0])
    system = prepared(method, field, state(y0, start.shape[-1]))
    # A copy: with t₁ = t₀ the caller must not get its own array back.
    return state(y0, system.dimension).copy(), system


def ends_of(span: object) -> tuple[Time, Time]:
    """Return t₀ and t₁ of a span, or raise ShapeError if it is no pair.

    >>> ends_of(1.0)
    Traceback (most recent call last):
        ...
    flowcert.errors.ShapeError: got span = 1.0; expected two times (t0, t1). Write (0.0, 1.0).
    """
    pair = tuple(span) if isinstance(span, Sequence | np.ndarray) else ()
    if len(pair) != 2 or isinstance(span, str):
        raise ShapeError(
            came=f"span = {span!r}", expected="two times (t0, t1)", remedy="Write (0.0, 1.0)."
        )
    return pair


def require_batched(field: object, y0: State, t: Time) -> None:
    """Raise ShapeError for a plain function that mixes the elements of a batch.

    Where the batch has as many elements as the state has variables, y[0] for y[..., 0] would go
    unnoticed by shapes.

    >>> require_batched(lambda t, y: np.stack([y[..., 1], y[..., 0]], axis=-1), np.eye(2), 0.0)
    """
    if isinstance(field, System | VectorField) or not callable(field):
        return
    if y0.ndim < 2 or not y0.size:
        return
    alone = (0,) * (y0.ndim - 1)
    together, single = np.asarray(field(t, y0)), np.asarray(field(t, y0[alone]))
    if together.shape != y0.shape or np.allclose(
        together[alone].astype(float), single.astype(float), rtol=1e-9, equal_nan=True
    ):
        return  # another shape is told by the system itself
    raise ShapeError(
        came="a function that mixes the elements of a batch",
        expected="f(t, y) for y of shape (..., n), each element by itself",
        remedy="Index the state from the last axis, y[..., i], and stack along axis=-1.",
    )


def _grid(y: State, span: tuple[Time, Time], steps: int) -> tuple[Time, Time, Time]:
    """t₀, t₁ and h in the arithmetic of the state."""
    t0, t1 = (instant(y, t) for t in ends_of(span))
    h = (t1 - t0) / steps
    if not math.isfinite(h):
        raise _bad_time(span)
    return t0, t1, h


def instant(y: State, t: Time) -> Time:
    """Return the time in the arithmetic of the state, or raise DomainError.

    >>> instant(np.ones(1), 2)
    2.0
    """
    try:
        value = float(t)
    except (TypeError, ValueError, OverflowError) as error:
        raise _bad_time(t) from error
    if not math.isfinite(value):
        raise _bad_time(t)
    if not is_exact_kind(y):
        return value
    import mpmath

    return mpmath.mpmathify(t)


def _bad_time(given: object) -> DomainError:
    return DomainError(
        came=f"{given!r} as time",
        expected="finite times, a finite distance apart",
        remedy="Integrate to a finite time.",
    )


def _step_numbers(steps: int, progress: bool | None) -> Generator[int]:
    """0, …, steps − 1, with a bar on stderr once the run has lasted."""
    if progress is False or (progress is None and not sys.stderr.isatty()):
        yield from range(steps)
        return
    k = 0
    due = time.monotonic() + (0.0 if progress else _PATIENCE)
    while k < steps and time.monotonic() < due:
        yield k
        k += 1
    if k < steps:
        yield from _shown(k, steps)


def _shown(k: int, steps: int) -> Generator[int]:
    """k, …, steps − 1 under a bar."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=console.is_terminal) as bar:
        task = bar.add_task("steps", total=steps, completed=k)
        shown = time.monotonic()
        for number in range(k, steps):
            yield number
            if time.monotonic() > shown + _REFRESH:
                shown = time.monotonic()
                bar.update(task, completed=number + 1)
        bar.update(task, completed=steps)
