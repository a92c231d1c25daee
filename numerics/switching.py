"""Systems that switch between fields at given times, and flow maps whose steps end there."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from ..errors import DomainError, ShapeError, StructureError
from .flow import (
    ends_of,
    finite,
    instant,
    prepared,
    refuse_switches,
    repeat,
    require_batched,
)
from .methods.method import Method
from .systems.system import State, System, Time, as_system, state
from .validation import finite_array, positive_integer


class SwitchingSystem(System):
    """ẏ = fᵢ(t, y) while sᵢ₋₁ ≤ t < sᵢ: at a switch time the field after it.

    ``systems`` are f₁, …, f_k (Systems, VectorFields, or functions of (t, y) with ``dimension``),
    ``switch_times`` s₁ ≤ … ≤ s_{k−1}; f₁ holds before s₁, f_k from s_{k−1} on. Piece i sees the
    true time t. Right-continuous: at a switch the new field acts, so a step that *ends* there and
    asks for its last value, like RK4's, sees the wrong field. ``flow_map`` and fixed steps in
    ``solve_ivp`` therefore refuse a span with switches; the steps of
    ``switching_flow_map(system, …, span=span)`` end at them, and so does a ``solve_ivp`` that is
    called from one of ``switch_times`` to the next with ``systems[i]``; an adaptive solver
    gets through if its ``max_step`` is shorter than the pieces. Raises ShapeError, DomainError,
    StructureError for a piece that switches itself. Source: paper, switching systems [P].

    >>> from flowcert.numerics import LinearField
    >>> switched = SwitchingSystem([LinearField([[1.0]]), LinearField([[-1.0]])], [2.0])
    >>> [switched(t, np.ones(1)).item() for t in (1.9, 2.0)]
    [1.0, -1.0]
    """

    def __init__(
        self,
        systems: Sequence[object],
        switch_times: Sequence[float],
        dimension: int | None = None,
    ) -> None:
        self.systems = tuple(as_system(system, dimension) for system in systems)
        times = finite_array("switch_times", switch_times)
        if not self.systems or times.shape != (len(self.systems) - 1,):
            raise ShapeError(
                came=f"{len(self.systems)} systems and switch_times of shape {times.shape}",
                expected="at least one system, and one switch time between two of them",
                remedy="From the durations of all: SwitchingSystem.of_durations(pieces).",
            )
        if np.any(np.diff(times) < 0):
            raise DomainError(
                came=f"switch_times = {times.tolist()}",
                expected="times in ascending order",
                remedy="Sort the systems in the order in which they act.",
            )
        if any(getattr(system, "switch_times", ()) for system in self.systems):
            raise StructureError(
                came="a piece that switches itself",
                expected="pieces that are smooth in time",
                remedy="Give all fields and all switch times to one SwitchingSystem.",
            )
        sizes = sorted({system.dimension for system in self.systems})
        if len(sizes) > 1:
            raise ShapeError(
                came=f"systems of dimensions {sizes}",
                expected="one dimension for all",
                remedy="Lift the smaller ones with coordinates that stand still.",
            )
        self.switch_times: tuple[float, ...] = tuple(times.tolist())
        self.dimension = sizes[0]

    @classmethod
    def of_durations(
        cls,
        pieces: Iterable[tuple[object, float]],
        start: float = 0.0,
        dimension: int | None = None,
    ) -> SwitchingSystem:
        """Return the system that runs each field for its duration ≥ 0, from ``start`` on.

        >>> from flowcert.numerics import LinearField
        >>> f = LinearField([[1.0]])
        >>> SwitchingSystem.of_durations([(f, 0.5), (f, 1.0), (f, 0.5)], start=1.0).switch_times
        (1.5, 2.5)
        """
        listed = list(pieces)
        systems = [system for system, _ in listed]
        lengths = finite_array("durations", [duration for _, duration in listed])
        if np.any(lengths < 0):
            raise DomainError(
                came=f"durations = {lengths.tolist()}",
                expected="durations of at least 0",
                remedy="Time runs forwards here; switching_flow_map takes negative durations.",
            )
        return cls(systems, (start + np.cumsum(lengths)[:-1]).tolist(), dimension)

    def active(self, t: Time) -> System:
        """Return the field that acts at t; at a switch, the one after it."""
        return self.systems[bisect_right(self.switch_times, t)]

    def rate(self, t: Time, y: State) -> State:
        return self.active(t)(t, y)

    def jacobian(self, t: Time, y: State) -> State:
        """Return ∂f/∂y of the field that acts at t, shape (..., n, n)."""
        return self.active(t).jacobian(t, y)

    def legs(self, span: tuple[float, float]) -> list[tuple[System, float]]:
        """Return the fields that act from t₀ to t₁, in the order of travel, and for how long.

        Durations are negative where the span runs backwards, and none is 0. They do not say when
        they begin: hand ``switching_flow_map`` the system and the span, or ``start=span[0]``.

        >>> from flowcert.numerics import LinearField
        >>> f, g = LinearField([[1.0]]), LinearField([[2.0]])
        >>> [d for _, d in SwitchingSystem([f, g], [2.0]).legs((3.0, 0.0))]
        [-1.0, -2.0]
        """
        t0, t1 = (instant(np.ones(1), t) for t in ends_of(span))
        backwards = t1 < t0
        low, high = min(t0, t1), max(t0, t1)
        inner = [s for s in self.switch_times if low < s < high]
        legs = [
            (self.active(begin), end - begin)
            for begin, end in pairwise([low, *inner, high])
            if begin < end
        ]
        return [(system, -length) for system, length in reversed(legs)] if backwards else legs


def switching_flow_map(
    pieces: SwitchingSystem | Iterable[tuple[object, Time]],
    y0: ArrayLike,
    method: Method | Sequence[Method],
    steps: int | Sequence[int],
    *,
    span: tuple[Time, Time] | None = None,
    start: Time | None = None,
) -> State:
    """Return Ψ_k(…Ψ₁(y₀)): each field of ``pieces`` for its duration, first to last.

    ``pieces`` is a SwitchingSystem, followed over ``span`` = (t₀, t₁), or pairs (field, duration)
    as in ``switching_euler``, which begin at the time ``start`` (0 by default); a field is what
    ``flow_map`` takes, a negative duration runs it backwards. ``method`` and
    ``steps`` ≥ 1 are for all pieces or one for each. Each piece gets equal steps of its own: they
    end at the switches, so the order of the method is kept. Time goes on
    through the pieces. ``y0`` has shape (..., n). Guaranteed: with exact flows for Ψᵢ this is the
    exact flow of the switching system. Raises DomainError, ShapeError, StructureError,
    ConvergenceError. Source: paper, switching systems [P].

    >>> from flowcert.numerics import RK4, LinearField
    >>> grow, decay = LinearField([[1.0]]), LinearField([[-1.0]])
    >>> switching_flow_map([(grow, 0.5), (decay, 1.5)], [1.0], RK4, 50).round(6).tolist()
    [0.367879]
    """
    listed, begin = _route(pieces, span, start)
    methods = [method] * len(listed) if isinstance(method, Method) else list(method)
    counts = [steps] * len(listed) if isinstance(steps, int | np.integer) else list(steps)
    if not len(listed) == len(methods) == len(counts):
        raise ShapeError(
            came=f"{len(listed)} pieces, {len(methods)} methods, {len(counts)} numbers of steps",
            expected="one method and one number of steps for all pieces, or one for each",
            remedy="Repeat them for the pieces that share them.",
        )
    y = state(y0, np.shape(y0)[-1] if np.ndim(y0) else 1).copy()
    t = instant(y, begin)
    for (field, duration), one, count in zip(listed, methods, counts, strict=True):
        number, length = positive_integer("steps", count), instant(y, duration)
        refuse_switches(field, t, t + length)
        require_batched(field, y, t)
        system = prepared(one, field, y)
        y = state(y, system.dimension)
        if length != 0:
            y = repeat(one, system, y, t, length / number, number)
        t = t + length
    return finite(y)


def _route(
    pieces: SwitchingSystem | Iterable[tuple[object, Time]],
    span: tuple[Time, Time] | None,
    start: Time | None,
) -> tuple[list[tuple[object, Time]], Time]:
    """The fields with their durations, and when the first begins."""
    if isinstance(pieces, SwitchingSystem):
        if span is None or start is not None:
            raise DomainError(
                came="a SwitchingSystem without its span" if span is None else "a span and a start",
                expected="span = (t0, t1), the times that it is followed from and to",
                remedy="Write switching_flow_map(system, y0, method, steps, span=(t0, t1)).",
            )
        return list(pieces.legs(span)), ends_of(span)[0]
    if span is not None:
        raise DomainError(
            came="a span for pieces with durations",
            expected="the time at which the first piece begins",
            remedy="Write start=t0; a SwitchingSystem takes the span.",
        )
    return list(pieces), 0.0 if start is None else start
