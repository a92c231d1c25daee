"""Projection: a step of any method, brought back to the level sets of invariants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import ConvergenceError, ShapeError, StructureError
from ..elementary import is_exact_kind, sqrt
from ..systems.invariant import Invariant, require_invariant
from ..systems.system import State, System, Time
from .difference_quotient import unit_roundoff
from .method import Method, require_method
from .newton import simplified_newton

_SINGULAR = 1e-12  # Gram determinant of unit normals that are parallel up to rounding
_ROUNDINGS = 8  # an invariant so many roundings from its level has nothing to correct


class _OnInvariants(Method):
    """What both projections share: the invariants, their level, their normals."""

    def __init__(
        self, method: Method, invariants: Sequence[Invariant] | Invariant, level: Any = None
    ) -> None:
        kind = type(self).__name__
        given = invariants if isinstance(invariants, Sequence) else (invariants,)
        listed = tuple(require_invariant(one, kind) for one in given)
        if not listed:
            raise ShapeError(
                came="a projection onto no invariants",
                expected="at least one Invariant",
                remedy="Use the method itself where nothing has to be kept.",
            )
        self.method, self.invariants = require_method(method, kind), listed
        self.level = None if level is None else _as_level(level, len(listed))
        self.name = f"{kind}({method.name}, {', '.join(i.name for i in listed)})"
        self.order = method.order

    def prepare(
        self, system: object, dimension: int | None = None, near: State | None = None
    ) -> System:
        """Return the system as the method needs it; raises ShapeError, StructureError."""
        prepared = self.method.prepare(system, dimension, near)
        self._check(prepared)
        return prepared

    def values(self, y: State) -> State:
        """Return (I₁(y), …, I_m(y)), shape (..., m)."""
        return np.stack([invariant.value(y) for invariant in self.invariants], axis=-1)

    def gradients(self, y: State) -> State:
        """Return G(y) with the rows ∇I_k(y)ᵀ, shape (..., m, n)."""
        return np.stack([invariant.normal(y) for invariant in self.invariants], axis=-2)

    def _check(self, system: System) -> None:
        for invariant in self.invariants:
            invariant.require(system.dimension)

    def _scale(self, gradients: State) -> State:
        """|∇I_k|, or 1 where it is 0, shape (..., m): multipliers get the scale of the state."""
        largest = np.abs(gradients).max(axis=-1)
        largest = np.where(largest == 0, 1, largest)
        length = sqrt(((gradients / largest[..., None]) ** 2).sum(axis=-1))
        return np.asarray(largest * np.where(length == 0, 1, length))

    def _without_correction(self, normals: State, free: State, level: State) -> State:
        """Which elements cannot be corrected and need not, shape (..., 1); others must not be."""
        values = self.values(free)
        rounding = _ROUNDINGS * unit_roundoff(free) * (np.abs(values) + np.abs(level))
        done = np.all(np.abs(values - level) <= rounding, axis=-1, keepdims=True)
        singular = _determinant(normals @ np.swapaxes(normals, -1, -2))[..., None] <= _SINGULAR
        if np.any(singular & ~done):
            raise ConvergenceError(
                came=f"invariants with vanishing or dependent gradients in a step of {self.name}",
                expected="independent gradients, or a step that keeps the invariants already",
                remedy="Leave out redundant invariants, or take a shorter step.",
            )
        return np.asarray(singular & done)


class Projection(_OnInvariants):
    """ŷ = Ψ(t, y; h), then y⁺ = ŷ + G(ŷ)ᵀλ with I(y⁺) = I(y), G the gradients of the invariants.

    ``invariants`` is one Invariant or several with independent gradients; ``level`` fixes their
    values, shape (m,) or (..., m): without one the level is that of y, for a step has no memory,
    and the roundings of N steps add up like a random walk, to about √N. Guaranteed: I(y⁺) is at its
    level up to rounding; the order of the method is kept if I is an invariant of the system.
    Where the gradients vanish or are dependent and ŷ is at the level, y⁺ = ŷ. Raises ShapeError
    for an invariant of another dimension, ConvergenceError where the gradients are dependent and
    something has to be corrected, or where Newton's iteration for λ fails. Source: Hairer, Lubich
    and Wanner, *Geometric Numerical Integration*, algorithm IV.4.2 [D].

    >>> from flowcert.numerics import Euler, FieldSystem
    >>> turn = FieldSystem(lambda t, y: np.stack([-y[..., 1], y[..., 0]], axis=-1), dimension=2)
    >>> norm = Invariant("norm", 2, lambda y: (y * y).sum(axis=-1), lambda y: 2 * y)
    >>> y = Projection(Euler, norm).step(turn, 0.0, np.array([1.0, 0.0]), 0.1)
    >>> bool(abs((y * y).sum() - 1) < 1e-15)
    True
    """

    def step(self, system: System, t: Time, y: State, h: Time) -> State:
        self._check(system)
        level = self.values(y) if self.level is None else self.level
        free = self.method.step(system, t, y, h)
        gradients = self.gradients(free)
        scale = self._scale(gradients)
        normals = gradients / scale[..., None]
        fixed = self._without_correction(normals, free, level)

        def corrected(multipliers: State) -> State:
            return np.asarray(free + (multipliers[..., None, :] @ normals)[..., 0, :])

        def residual(multipliers: State) -> State:
            excess = self.values(corrected(multipliers)) - level
            return np.where(fixed, multipliers, excess / scale)

        def derivative(multipliers: State) -> State:
            turned = self.gradients(corrected(multipliers)) / scale[..., None]
            unit = np.eye(len(self.invariants), dtype=int)
            return np.where(fixed[..., None], unit, turned @ np.swapaxes(normals, -1, -2))

        def size(multipliers: State) -> State:
            values = (np.abs(self.values(free)) + np.abs(level)) / scale
            return np.asarray(np.abs(free).max(axis=-1) + values.max(axis=-1))

        def solve(start: State) -> State:
            return simplified_newton(residual, derivative, start, size, what=f"λ of {self.name}")

        # Newton leaves less than one rounding, but of one sign; started again, nothing.
        return corrected(solve(solve(0 * (self.values(free) - level))))


class SymmetricProjection(_OnInvariants):
    """y⁺ = Ψ(t, y + G(y)ᵀμ; h) + G(y⁺)ᵀμ with I(y⁺) = I(y): symmetric if the method is.

    Arguments, behaviour and errors as for ``Projection``. Guaranteed: I(y⁺) is at its level up
    to rounding; the order of the method is kept, and its symmetry where y is at the level. Raises
    StructureError for a method that is not symmetric. Source: Hairer, Lubich and Wanner,
    *Geometric Numerical Integration*, algorithm V.4.1 [D].

    >>> from flowcert.numerics.methods.discrete_gradient import Gonzalez
    >>> norm = Invariant("norm", 2, lambda y: (y * y).sum(axis=-1), lambda y: 2 * y)
    >>> SymmetricProjection(Gonzalez, norm)
    SymmetricProjection(Gonzalez, norm)
    """

    symmetric = True

    def __init__(
        self, method: Method, invariants: Sequence[Invariant] | Invariant, level: Any = None
    ) -> None:
        super().__init__(method, invariants, level)
        if not method.symmetric:
            raise StructureError(
                came=f"the method {method.name}, which is not symmetric",
                expected="a symmetric method",
                remedy="Take Projection, or a symmetric method such as ImplicitMidpoint.",
            )

    def step(self, system: System, t: Time, y: State, h: Time) -> State:
        self._check(system)
        level = self.values(y) if self.level is None else self.level
        free = self.method.step(system, t, y, h)
        gradients = self.gradients(y)
        scale = self._scale(gradients)
        normals = gradients / scale[..., None]
        fixed = self._without_correction(normals, free, level)
        n, m = y.shape[-1], len(self.invariants)
        start = np.concatenate([free, 0 * scale], axis=-1)

        # The unknowns are y⁺ and μ, in one array z.
        def residual(z: State) -> State:
            end, multipliers = z[..., :n], z[..., None, n:]
            shifted = y + (multipliers @ normals)[..., 0, :]
            turned = (multipliers @ (self.gradients(end) / scale[..., None]))[..., 0, :]
            rest = end - self.method.step(system, t, shifted, h) - turned
            excess = (self.values(end) - level) / scale
            return np.where(fixed, z - start, np.concatenate([rest, excess], axis=-1))

        def derivative(z: State) -> State:
            # The method's own derivative is the unit matrix up to O(h): enough to contract.
            turned = self.gradients(z[..., :n]) / scale[..., None]
            unit = np.eye(n, dtype=int) + 0 * z[..., :n, None]
            corner = np.zeros((m, m), dtype=int) + 0 * z[..., n:, None]
            above = np.concatenate([unit, -np.swapaxes(normals + turned, -1, -2)], axis=-1)
            matrix = np.concatenate([above, np.concatenate([turned, corner], axis=-1)], axis=-2)
            return np.where(fixed[..., None], np.eye(n + m, dtype=int), matrix)

        def size(z: State) -> State:
            values = (np.abs(self.values(free)) + np.abs(level)) / scale
            return np.asarray(np.abs(free).max(axis=-1) + values.max(axis=-1))

        def solve(z: State) -> State:
            return simplified_newton(residual, derivative, z, size, what=f"μ of {self.name}")

        return solve(solve(start))[..., :n]


def _as_level(level: Any, m: int) -> State:
    array = np.atleast_1d(np.asarray(level))
    if array.shape[-1] != m:
        raise ShapeError(
            came=f"a level of shape {array.shape} for {m} invariants",
            expected=f"shape ({m},) or (..., {m})",
            remedy="Pass one value for each invariant.",
        )
    return array


def _determinant(gram: State) -> State:
    if not is_exact_kind(gram):
        return np.asarray(np.linalg.det(gram))
    import mpmath

    values = np.empty(gram.shape[:-2], dtype=object)
    for index in np.ndindex(values.shape):
        values[index] = mpmath.det(mpmath.matrix(gram[index].tolist()))
    return values
