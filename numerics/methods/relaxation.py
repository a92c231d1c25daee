"""Relaxation: a step of any method, stretched along its own increment to keep an invariant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...errors import ConvergenceError, DomainError
from ..systems.invariant import Invariant, require_invariant
from ..systems.system import State, System, Time
from .difference_quotient import unit_roundoff
from .method import Method, require_method

_WIDTHS = (1 / 16, 1 / 4, 1 / 2)  # γ is looked for in 1 ± width
_MOST_ROUNDS = 40
_MOST_ITERATIONS = 200


class Relaxation(Method):
    """y⁺ = y + γ(Ψ(t, y; h̃) − y) with I(y⁺) = I(y), γ nearest to 1, and h̃ such that γh̃ = h.

    Guaranteed: I(y⁺) = I(y) up to a few roundings; the step ends at t + h and keeps the order p ≥ 2
    of the method, if I is an invariant of the system and not linear along the step. Why:
    γ = 1 + O(h^(p−1)), and y + γ(Ψ(h̃) − y) is the solution at t + γh̃ up to O(h^(p+1)), because
    Ψ(h̃) − y = h̃f + O(h²), and the solution there differs from Ψ(h̃) by (γ − 1)h̃f + O((γ − 1)h²).
    With h̃ = h it would be taken for the solution at t + h, from which it is (γ − 1)hf = O(h^p)
    away: one order lost. So h̃ solves h̃γ(h̃) = h, by secants. For a quadratic I the equation for
    γ is linear, once its root 0 is divided out. Batches run element by element, each with its
    own γ and h̃; at rest y⁺ = y. Raises ConvergenceError where no γ in [½, 3/2] or no h̃ is found
    (a long step where the solution is slow), DomainError for a method of order 1, ShapeError for
    an invariant of another dimension. Source: Ketcheson, SIAM J. Numer. Anal. 57 (2019); Ranocha et
    al., SIAM J. Sci. Comput. 42 (2020); h̃ flowcert [D].

    >>> from flowcert.numerics import RK4, FieldSystem
    >>> turn = FieldSystem(lambda t, y: np.stack([-y[..., 1], y[..., 0]], axis=-1), dimension=2)
    >>> norm = Invariant("norm", 2, lambda y: (y * y).sum(axis=-1), lambda y: 2 * y)
    >>> y = Relaxation(RK4, norm).step(turn, 0.0, np.array([1.0, 0.0]), 0.1)
    >>> bool(abs((y * y).sum() - 1) < 1e-15 and abs(y[0] - np.cos(0.1)) < 1e-7)
    True
    """

    def __init__(self, method: Method, invariant: Invariant) -> None:
        require_method(method, "Relaxation")
        require_invariant(invariant, "Relaxation")
        if method.order < 2:
            raise DomainError(
                came=f"the method {method.name} of order {method.order}",
                expected="a method of order at least 2, for which γ tends to 1",
                remedy="Take Projection, which works with every method.",
            )
        self.method, self.invariant = method, invariant
        self.name = f"Relaxation({method.name}, {invariant.name})"
        self.order = method.order

    def prepare(
        self, system: object, dimension: int | None = None, near: State | None = None
    ) -> System:
        """Return the system as the method needs it; raises ShapeError, StructureError."""
        prepared = self.method.prepare(system, dimension, near)
        self.invariant.require(prepared.dimension)
        return prepared

    def step(self, system: System, t: Time, y: State, h: Time) -> State:
        self.invariant.require(system.dimension)
        result = np.empty_like(y)
        for index in np.ndindex(y.shape[:-1]):
            result[index] = self._step(system, t, y[index], h)
        return result

    def _step(self, system: System, t: Time, y: State, h: Time) -> State:
        """One element: secants for the stretch s = h̃/h with s·γ(s) = 1."""
        if h == 0:
            return y
        tolerance = 4 * unit_roundoff(y)
        stretch: Any = 1 + 0 * y[0]
        before: tuple[Any, Any] | None = None
        for _ in range(_MOST_ROUNDS):
            d = self.method.step(system, t, y, stretch * h) - y
            factor, uncertainty = self._factor(y, d)
            defect = stretch * factor - 1
            if abs(defect) <= max(tolerance, uncertainty):
                return np.asarray(y + factor * d)
            if before is None or before[1] == defect:
                following = stretch / factor
            else:
                following = stretch - defect * (stretch - before[0]) / (defect - before[1])
            before = (stretch, defect)
            stretch = following
        raise ConvergenceError(
            came=f"a step of {self.name} that does not end at its time",
            expected=f"h̃ with γ(h̃)h̃ = h within {_MOST_ROUNDS} rounds",
            remedy="Take a smaller step.",
        )

    def _factor(self, y: State, d: State) -> tuple[Any, Any]:
        """The γ nearest to 1 with I(y + γd) = I(y), and how far rounding leaves it open."""
        function = self.invariant.value
        level = function(y)

        def slope(factor: Any) -> Any:
            # Divided by γ: the root γ = 0 is gone, and for a quadratic I the rest is linear in γ.
            return (function(y + factor * d) - level) / factor

        one: Any = 1 + 0 * y[0]
        at_one = slope(one)
        # The states are rounded, and so is I: what d changes in I is known no better than this.
        states = np.maximum(np.abs(y), np.abs(y + d))
        steepness = np.abs(self.invariant.normal(y) * states).sum()
        noise = 4 * unit_roundoff(y) * (steepness + abs(level))
        if abs(at_one) <= noise:
            return one, 0 * one
        for width in _WIDTHS:
            for end in (one - width, one + width):
                value = slope(end)
                if value * at_one <= 0:
                    factor = _root(slope, one, at_one, end, value, noise / 64)
                    return factor, abs(factor - 1) * noise / abs(at_one)
        raise ConvergenceError(
            came=f"a step of {self.name} along which {self.invariant.name!r} is not met again",
            expected="a factor γ in [½, 3/2] with I(y + γd) = I(y)",
            remedy="Take a smaller step, or check that I is an invariant that is not linear.",
        )


def _root(function: Callable[[Any], Any], a: Any, at_a: Any, b: Any, at_b: Any, noise: Any) -> Any:
    """A zero between a and b by the Illinois method: false position, the idle end weighed down."""
    for _ in range(_MOST_ITERATIONS):
        point = b - at_b * (b - a) / (at_b - at_a)
        value = function(point)
        if abs(value) <= noise or point in (a, b):
            return point
        if value * at_b < 0:
            a, at_a = b, at_b
        else:
            at_a = at_a / 2
        b, at_b = point, value
    return b
