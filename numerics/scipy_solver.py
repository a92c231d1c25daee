"""The solver class behind ``as_scipy``; imports ``scipy.integrate``, so it is itself imported late.

``solve_ivp`` makes one solver a run, calls ``step`` until the bound, and asks for the dense output
of the last step where it wants values inside (events, ``t_eval``, ``dense_output``).
"""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from scipy.integrate import DenseOutput, OdeSolver

from ..errors import ConvergenceError, DomainError, ShapeError
from .evaluations import counted
from .fields.vector_field import VectorField
from .flow import finite, instant, prepared, refuse_switches
from .methods.method import Method
from .methods.runge_kutta import RungeKutta
from .step_control import StepController, starting_step, step_count, tolerance
from .systems.system import FieldSystem, Rate, State, System, Time, as_system, state
from .validation import finite_array


class MethodSolver(OdeSolver):  # type: ignore[misc] # scipy has no types
    """One run of ``method`` from t₀ to the bound; made by ``solve_ivp``, see ``as_scipy``."""

    method: ClassVar[Method]
    t: float
    y: State

    def __init__(
        self,
        fun: Any,
        t0: float,
        y0: ArrayLike,
        t_bound: float,
        vectorized: bool = False,
        *,
        h: float | None = None,
        rtol: ArrayLike | None = None,
        atol: ArrayLike | None = None,
        max_step: float | None = None,
        first_step: float | None = None,
        jac: Any = None,
        **extraneous: Any,
    ) -> None:
        if not callable(fun):
            as_system(fun)  # raises, and says what to pass instead
        start = _vector(y0)
        t0, t_bound = instant(start, t0), instant(start, t_bound)
        super().__init__(fun, t0, start, t_bound, vectorized)
        self.t0 = t0
        self.system = self._system(fun, start, jac)
        self.controller: StepController | None = None
        adaptive = {"rtol": rtol, "atol": atol, "max_step": max_step, "first_step": first_step}
        if h is not None or not _has_pair(self.method):
            without_effect = {k: v for k, v in adaptive.items() if v is not None}
            self._fix_steps(fun, h)
            _warn(without_effect | extraneous)
            return
        _warn(extraneous)
        self.tolerance = tolerance(rtol, atol, self.n)
        self.max_step = np.inf if max_step is None else _length("max_step", max_step, infinite=True)
        self._start_adaptive(first_step)

    def _system(self, fun: Any, start: State, jac: Any) -> System:
        """What the method steps, counting."""
        if isinstance(fun, System | VectorField):
            state(start, fun.dimension)
        jacobian = None if jac is None else _jacobian(jac, self.t, start)
        if isinstance(fun, System):
            return prepared(self.method, counted(fun, self, jacobian), start)
        if isinstance(fun, VectorField):
            return counted(prepared(self.method, fun, start), self, jacobian)
        plain = FieldSystem(self._function, self.n)
        return prepared(self.method, counted(plain, self, jacobian), start)

    def _function(self, t: Time, y: State) -> State:
        """The user's function, which takes one state (or columns of them, if vectorised)."""
        if y.ndim == 1:
            return np.array(self.fun_single(t, y))  # a copy: it may return one array every time
        columns = y.reshape(-1, self.n).T
        return np.asarray(self.fun_vectorized(t, columns)).T.reshape(y.shape)

    # ---------------------------------------------------------------------------- fixed steps

    def _fix_steps(self, fun: Any, h: float | None) -> None:
        if h is None:
            raise DomainError(
                came=f"no step h for {self.method.name}, which has no error estimate",
                expected="h > 0",
                remedy="Pass h=…; tolerances need a pair, such as DormandPrince.",
            )
        self.h = _length("h", h)
        refuse_switches(fun, self.t0, self.t_bound)
        self.number = 0
        self.count = step_count(self.t0, self.t_bound, self.h) if self.t0 != self.t_bound else 0

    def _fixed_step(self) -> tuple[bool, str | None]:
        h = self.direction * self.h
        last = self.number + 1 == self.count
        t_next = self.t_bound if last else self.t0 + (self.number + 1) * h
        if self.direction * (t_next - self.t) <= 0:
            return False, self.TOO_SMALL_STEP
        y_next = finite(
            self.method.step(self.system, self.t, self.y, t_next - self.t if last else h)
        )
        self.number += 1
        self._move(t_next, y_next)
        return True, None

    # ---------------------------------------------------------------------------- adaptive steps

    def _start_adaptive(self, first_step: float | None) -> None:
        method = self.method
        assert isinstance(method, RungeKutta)
        embedded = method.order - 1 if method.embedded_order is None else method.embedded_order
        order = min(method.order, embedded) + 1
        A, b, c, _ = method.tableau.float64()
        self.controller = StepController(order)
        self.explicit_first = bool(np.all(A[0] == 0) and c[0] == 0)
        self.same_as_last = bool(self.explicit_first and np.all(A[-1] == b) and c[-1] == 1)
        self.first: State | None = None
        longest = min(abs(self.t_bound - self.t0), self.max_step)
        if first_step is not None:
            self.length = min(_length("first_step", first_step), longest)
            return
        if longest == 0 or self.n == 0:
            self.length = 0.0
            return
        f0 = self.system(self.t, self.y)
        self.first = f0 if self.explicit_first else None
        self.length = starting_step(
            self.system, self.t, self.y, f0, longest, self.direction, order, self.tolerance
        )

    def _adaptive_step(self, controller: StepController) -> tuple[bool, str | None]:
        spacing = abs(np.nextafter(self.t, self.direction * np.inf) - self.t)
        shortest = 10 * spacing
        remaining = abs(self.t_bound - self.t)
        length = min(max(self.length, shortest), self.max_step)
        why = ""
        while length >= min(shortest, remaining):
            # A little longer is better than to leave a sliver for the last step.
            reaches = 1.01 * length >= remaining and remaining <= self.max_step
            t_next = self.t_bound if reaches else self.t + self.direction * length
            y_next, norm, last_slope, why = self._try(t_next - self.t)
            length = abs(t_next - self.t)
            if norm < 1:
                self.length = length * controller.after_success(norm)
                self.first = last_slope
                self._move(t_next, y_next)
                return True, None
            length *= controller.after_failure(norm)
        return False, " ".join(filter(None, [self.TOO_SMALL_STEP, why]))

    def _try(self, h: float) -> tuple[State, float, State | None, str]:
        """y⁺, its error norm, k₁ of the next step if it is known, and why there is no y⁺."""
        method = self.method
        assert isinstance(method, RungeKutta)
        try:
            y_next, error, slopes = method.step_with_error(
                self.system, self.t, self.y, h, self.first
            )
        except (ConvergenceError, DomainError) as failure:
            return self.y, np.inf, None, str(failure)
        if self.explicit_first:
            self.first = slopes[0]  # for another try from here
        norm = self.tolerance.norm(error, self.y, y_next)
        return y_next, norm, slopes[-1] if self.same_as_last else None, ""

    # ---------------------------------------------------------------------------- for scipy

    def _move(self, t_next: float, y_next: State) -> None:
        self.y_old = self.y
        self.t, self.y = t_next, y_next

    def _step_impl(self) -> tuple[bool, str | None]:
        return (
            self._fixed_step() if self.controller is None else self._adaptive_step(self.controller)
        )

    def _dense_output_impl(self) -> DenseOutput:
        return SteppedAnew(self.method, self.system, self.t_old, self.y_old, self.t, self.y)


class SteppedAnew(DenseOutput):  # type: ignore[misc] # scipy has no types
    """y(t) ≈ Ψ(t₀, y₀; t − t₀) inside the step from (t₀, y₀) to (t₁, y₁): order p at every t."""

    def __init__(
        self, method: Method, system: System, t_old: float, y_old: State, t: float, y: State
    ) -> None:
        super().__init__(t_old, t)
        self.method, self.system = method, system
        self.y_old, self.y = y_old, y

    def _call_impl(self, t: State) -> State:
        if t.ndim == 0:
            return self._at(float(t))
        if len(t) == 0:
            return np.empty((len(self.y), 0))
        return np.stack([self._at(float(instant)) for instant in t], axis=-1)

    def _at(self, t: float) -> State:
        if t == self.t_old:
            return self.y_old
        if t == self.t:
            return self.y
        return self.method.step(self.system, self.t_old, self.y_old, t - self.t_old)


def _has_pair(method: Method) -> bool:
    return isinstance(method, RungeKutta) and method.tableau.float64().b_hat is not None


def _vector(y0: ArrayLike) -> State:
    start = finite_array("y0", y0)
    if start.ndim != 1:
        raise ShapeError(
            came=f"y0 of shape {start.shape}",
            expected="one state of shape (n,)",
            remedy="solve_ivp runs one state; flow_map runs a batch.",
        )
    return state(start, len(start))


def _length(name: str, value: float, *, infinite: bool = False) -> float:
    """A positive number, finite unless said otherwise."""
    if infinite and value == np.inf:
        return np.inf
    array = finite_array(name, value)
    if array.ndim != 0 or not array > 0:
        raise DomainError(
            came=f"{name} = {value!r}",
            expected=f"one number {name} > 0",
            remedy="The direction comes from the span: (1, 0) runs backwards.",
        )
    return float(array)


def _jacobian(jac: Any, t0: float, y0: State) -> Rate:
    """The user's Jacobian, a matrix or a function on one state, as a batched function."""

    def at(t: Time, y: State) -> State:
        value = jac(t, y) if callable(jac) else jac
        return np.asarray(value.toarray() if hasattr(value, "toarray") else value, dtype=float)

    n = len(y0)
    shape = at(t0, y0).shape
    if shape != (n, n):
        raise ShapeError(
            came=f"jac of shape {shape}",
            expected=f"shape ({n}, {n}): row i holds the derivatives of rate i",
            remedy="Return ∂f/∂y, or leave jac out: differences take its place.",
        )

    def batched(t: Time, y: State) -> State:
        if y.ndim == 1:
            return at(t, y)
        return np.stack([at(t, one) for one in y.reshape(-1, n)]).reshape(*y.shape, n)

    return batched


def _warn(extraneous: dict[str, Any]) -> None:
    """As scipy's solvers do: an option without effect is told, not refused."""
    if extraneous:
        names = ", ".join(f"`{name}`" for name in extraneous)
        warnings.warn(
            f"The following arguments have no effect for a chosen solver: {names}.", stacklevel=4
        )
