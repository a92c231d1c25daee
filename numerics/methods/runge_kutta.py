"""Runge–Kutta methods: one step of any tableau, explicit, diagonally implicit or fully implicit."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np

from ...errors import StructureError
from ..systems.system import State, System, Time
from ..tableau import Tableau
from .method import Method
from .newton import simplified_newton


class RungeKutta(Method):
    """kᵢ = f(t + cᵢh, y + hΣⱼ aᵢⱼkⱼ), y⁺ = y + hΣᵢ bᵢkᵢ.

    Explicit stages are computed one after the other; a stage that depends on itself and earlier
    ones is solved alone, coupled ones together, by simplified Newton with the Jacobian at (t, y).
    ``order`` is the declared order; a ``tableau`` that is costly to make may be given as the
    function that makes it, which is called when it is needed. Guaranteed: the equations of the
    stages hold up to rounding. Raises ConvergenceError when Newton fails, DomainError on a value
    that is not finite, StructureError for arguments of another kind.
    Source: Hairer, Nørsett and Wanner, *Solving Ordinary Differential Equations I* [D].

    >>> from flowcert.numerics import ButcherTableau, FieldSystem
    >>> euler = RungeKutta("my Euler", ButcherTableau([[0]], [1], [0]), order=1)
    >>> euler.step(FieldSystem(lambda t, y: -y, 1), 0.0, np.ones(1), 0.5).tolist()
    [0.5]
    """

    def __init__(
        self,
        name: str,
        tableau: Tableau | Callable[[], Tableau],
        order: int,
        *,
        symplectic: bool = False,
        symmetric: bool = False,
        embedded_order: int | None = None,
    ) -> None:
        _require_name_and_tableau(name, tableau)
        self.name = name
        self._tableau = tableau
        self.order = order
        self.embedded_order = embedded_order
        self.symplectic = symplectic
        self.symmetric = symmetric

    @cached_property
    def tableau(self) -> Tableau:
        """The coefficients, and what can be derived from them."""
        return self._tableau if isinstance(self._tableau, Tableau) else self._tableau()

    @cached_property
    def _blocks(self) -> list[list[int]]:
        return _blocks(self.tableau.float64().A)

    def step(self, system: System, t: Time, y: State, h: Time) -> State:
        b = self.tableau.coefficients(y).b
        return _advance(y, h, b, self.slopes(system, t, y, h))

    def step_with_error(
        self, system: System, t: Time, y: State, h: Time, first: State | None = None
    ) -> tuple[State, State, list[State]]:
        """Return y⁺, the difference to the embedded method, and the slopes k₁, …, k_s.

        ``first`` is k₁ if it is known (the last slope of the step before, where the tableau's last
        row is b).
        """
        coefficients = self.tableau.coefficients(y)
        slopes = self.slopes(system, t, y, h, first)
        error = _advance(0 * y, h, coefficients.b - coefficients.b_hat, slopes)
        return _advance(y, h, coefficients.b, slopes), error, slopes

    def slopes(
        self, system: System, t: Time, y: State, h: Time, first: State | None = None
    ) -> list[State]:
        """Return k₁, …, k_s, each of shape (..., n)."""
        A, _, c, _ = self.tableau.coefficients(y)
        jacobian: State | None = None
        slopes: list[State] = []
        for block in self._blocks:
            start = block[0]
            bases = [_advance(y, h, A[i, :start], slopes) for i in block]
            times = [t + c[i] * h for i in block]
            if len(block) == 1 and A[start, start] == 0:
                known = first if start == 0 else None
                slopes.append(system(times[0], bases[0]) if known is None else known)
                continue
            inner = A[np.ix_(block, block)]
            if jacobian is None:
                jacobian = system.jacobian(t, y)
            slopes += _solve(system, inner, times, np.stack(bases, axis=-2), h, jacobian, self.name)
        return slopes


def _require_name_and_tableau(name: object, tableau: object) -> None:
    if not isinstance(name, str):
        raise StructureError(
            came=f"a {type(name).__name__} as the name of a method",
            expected="a text",
            remedy='Write the name first: RungeKutta("mine", tableau, order=2).',
        )
    makes = callable(tableau) and not isinstance(tableau, type)
    if not isinstance(tableau, Tableau) and not makes:
        raise StructureError(
            came=f"a {type(tableau).__name__} as the tableau of {name}",
            expected="a Tableau, or a function that makes one",
            remedy="Write ButcherTableau(A, b, c).",
        )


def _blocks(A: State) -> list[list[int]]:
    """Consecutive stages that must be solved together: the finest block-triangular form."""
    blocks: list[list[int]] = []
    i, s = 0, len(A)
    while i < s:
        end = i + 1
        while end < s and np.any(A[i:end, end:] != 0):
            end += 1
        blocks.append(list(range(i, end)))
        i = end
    return blocks


def _advance(y: State, h: Time, weights: State, slopes: list[State]) -> State:
    """y + hΣ wᵢkᵢ without the terms that are zero."""
    terms = [w * k for w, k in zip(weights, slopes, strict=False) if w != 0]
    return y + h * sum(terms[1:], terms[0]) if terms else y


def _solve(
    system: System,
    A: State,
    times: list[Time],
    bases: State,
    h: Time,
    jacobian: State,
    name: str,
) -> list[State]:
    """Slopes K (..., s, n) with Kᵢ = f(tᵢ, baseᵢ + hΣⱼ aᵢⱼKⱼ)."""
    s, n = bases.shape[-2:]
    shape = bases.shape

    def values(K: State) -> State:
        return np.asarray(bases + h * (A @ K.reshape(shape)))

    def residual(K: State) -> State:
        return K - _rates(system, times, values(K)).reshape(K.shape)

    first_call = True

    def derivative(K: State) -> State:
        nonlocal first_call
        stages = None if first_call else values(K)
        first_call = False
        J = [
            jacobian if stages is None else system.jacobian(times[i], stages[..., i, :])
            for i in range(s)
        ]
        rows = [
            np.concatenate([np.eye(n) * (i == j) - h * A[i, j] * J[i] for j in range(s)], axis=-1)
            for i in range(s)
        ]
        return np.concatenate(rows, axis=-2)

    # With K = 0 the first iteration yields the slopes of the linearised equation.
    start = np.zeros((*shape[:-2], s * n), dtype=bases.dtype)
    if h == 0:
        return list(np.moveaxis(_rates(system, times, bases), -2, 0))
    with np.errstate(over="ignore"):  # a tiny step settles at once
        size_of_state = np.abs(bases).max(axis=(-1, -2)) / abs(h)

    def size(K: State) -> State:
        return np.asarray(size_of_state + np.abs(K).max(axis=-1))

    K = simplified_newton(residual, derivative, start, size, what=f"a step of {name}")
    return list(np.moveaxis(K.reshape(shape), -2, 0))


def _rates(system: System, times: list[Time], values: State) -> State:
    """f at every stage, in one call where the system does not depend on time."""
    if system.autonomous:
        return system(times[0], values)
    rates = [system(t, values[..., i, :]) for i, t in enumerate(times)]
    return np.stack(rates, axis=-2)
