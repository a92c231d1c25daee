"""Relaxation: the invariant to rounding, the end of the step at its time, the order not lost."""

from typing import Any

import mpmath
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from flowcert.errors import ConvergenceError, DomainError, ShapeError
from flowcert.numerics import elementary
from flowcert.numerics.methods import RK4, SSP33, Euler, Heun, Method
from flowcert.numerics.methods.relaxation import Relaxation
from flowcert.numerics.systems import FieldSystem, HamiltonianSystem, Invariant

NORM = Invariant("norm", 3, lambda y: (y * y).sum(axis=-1), lambda y: 2 * y)


def _rotation(spin: int) -> FieldSystem:
    """Non-linear, non-autonomous, |y| kept: ẏ = w(t, y) × y."""

    def rate(t: Any, y: Any) -> Any:
        a, b, c = y[..., 0], y[..., 1], y[..., 2]
        u, v, w = a + elementary.sin(2 * t), a * b + 0.3, spin + c - a * elementary.cos(t)
        return np.stack([v * c - w * b, w * a - u * c, u * b - v * a], axis=-1)

    return FieldSystem(rate, dimension=3)


# The slow one comes nearly to rest after a while: there γ is far from 1.
ROTATION, SLOW_ROTATION = _rotation(4), _rotation(2)
ON_SPHERE = np.array([0.8, 0.3, 0.6])


def _energy(y: Any) -> Any:
    return y[..., 1] * y[..., 1] / 2 - elementary.cos(y[..., 0])


def _gradient(y: Any) -> Any:
    return np.stack([elementary.sin(y[..., 0]), y[..., 1]], axis=-1)


PENDULUM = HamiltonianSystem(_energy, _gradient, dimension=2)
ENERGY = Invariant("energy", 2, _energy, _gradient)
SWINGING = np.array([1.5, 0.3])

CASES = [(ROTATION, ON_SPHERE, NORM), (PENDULUM, SWINGING, ENERGY)]


def _run(method: Method, system: Any, y: Any, end: float, steps: int) -> Any:
    for i in range(steps):
        y = method.step(system, i * end / steps, y, end / steps)
    return y


def _observed_order(method: Method, system: Any, y0: Any, end: float, count: int) -> float:
    reference = solve_ivp(
        lambda t, y: system(t, y), (0.0, end), y0, method="DOP853", rtol=1e-13, atol=1e-14
    ).y[:, -1]
    errors = [
        np.abs(_run(method, system, y0, end, n) - reference).max() for n in (count, 2 * count)
    ]
    return float(np.log2(errors[0] / errors[1]))


@pytest.mark.parametrize("base", [Heun, SSP33, RK4], ids=repr)
@pytest.mark.parametrize(
    ("system", "y0", "invariant"),
    [(SLOW_ROTATION, ON_SPHERE, NORM), (PENDULUM, SWINGING, ENERGY)],
    ids=["rotation", "pendulum"],
)
def test_the_order_of_the_method_is_kept(
    base: Method, system: Any, y0: Any, invariant: Invariant
) -> None:
    method = Relaxation(base, invariant)
    assert method.order == base.order
    assert _observed_order(method, system, y0, 2.0, 80) == pytest.approx(base.order, abs=0.15)


class _IncrementalDirection(Method):
    """The trap: γ at h̃ = h, the end taken for t + h. For |y|², γ in closed form."""

    name, order = "incremental direction technique", 3

    def step(self, system: Any, t: Any, y: Any, h: Any) -> Any:
        d = SSP33.step(system, t, y, h) - y
        return y - 2 * (y @ d) / (d @ d) * d


def test_without_the_corrected_time_one_order_is_lost() -> None:
    trap = _observed_order(_IncrementalDirection(), SLOW_ROTATION, ON_SPHERE, 2.0, 80)
    assert trap == pytest.approx(2, abs=0.15)


@pytest.mark.parametrize("h", [0.1, -0.1])
def test_the_factor_agrees_with_its_closed_form_and_the_step_ends_at_its_time(h: float) -> None:
    """y⁺ = y + γd for some h̃ with h̃γ = h and γ = −2yᵀd/|d|²: found here by bisection."""
    from scipy.optimize import brentq

    def stretched(h_tilde: float) -> tuple[Any, float]:
        d = RK4.step(ROTATION, 0.3, ON_SPHERE, h_tilde) - ON_SPHERE
        return d, float(-2 * (ON_SPHERE @ d) / (d @ d))

    h_tilde = brentq(
        lambda s: s * stretched(s)[1] / h - 1, 0.99 * h, 1.01 * h, xtol=1e-15, rtol=1e-15
    )
    d, factor = stretched(h_tilde)
    assert abs(factor - 1) >= 1e-7
    y = Relaxation(RK4, NORM).step(ROTATION, 0.3, ON_SPHERE, h)
    assert np.abs(y - (ON_SPHERE + factor * d)).max() <= 5e-15


@pytest.mark.parametrize("base", [Heun, RK4], ids=repr)
@pytest.mark.parametrize(("system", "y0", "invariant"), CASES, ids=["rotation", "pendulum"])
def test_the_invariant_is_kept_over_many_steps(
    base: Method, system: Any, y0: Any, invariant: Invariant
) -> None:
    method, y, h = Relaxation(base, invariant), y0, 0.05
    for i in range(400):
        y = method.step(system, i * h, y, h)
    assert abs(invariant.function(y) - invariant.function(y0)) <= 1e-14
    plain = _run(base, system, y0, 400 * h, 400)
    assert abs(invariant.function(plain) - invariant.function(y0)) >= 1e-8


@pytest.mark.parametrize("h", [1e-4, 1e-6, 1e-7, 1e-9, 1e-13])
def test_tiny_steps_neither_fail_nor_lose_the_invariant(h: float) -> None:
    """γ is then known to few digits, or to none: the step must not be hurt by it."""
    states = np.random.default_rng(1).normal(size=(40, 3))
    ends = Relaxation(Heun, NORM).step(ROTATION, 0.0, states, h)
    expected = RK4.step(ROTATION, 0.0, states, h)
    assert np.abs(ends - expected).max() <= 1e3 * h**3 + 2e-15
    squares = (states * states).sum(axis=-1)
    assert np.all(np.abs((ends * ends).sum(axis=-1) - squares) <= 4e-15 * squares)


def test_batches_have_a_factor_each() -> None:
    method = Relaxation(RK4, ENERGY)
    batch = np.array([[[1.5, 0.3], [0.2, 1.0]], [[-0.7, 0.4], [0.0, 0.0]]])
    together = method.step(PENDULUM, 0.0, batch, 0.1)
    for index in np.ndindex(2, 2):
        alone = method.step(PENDULUM, 0.0, batch[index], 0.1)
        assert together[index].tolist() == alone.tolist()
    assert np.abs(_energy(together) - _energy(batch)).max() <= 1e-15
    assert together[1, 1].tolist() == [0.0, 0.0]


def test_fifty_digits() -> None:
    with mpmath.workdps(50):
        y0 = np.array([mpmath.mpf(3) / 2, mpmath.mpf(3) / 10])
        y = Relaxation(RK4, ENERGY).step(PENDULUM, 0, y0, mpmath.mpf(1) / 10)
        assert abs(_energy(y) - _energy(y0)) <= mpmath.mpf(10) ** -47
        in_float = Relaxation(RK4, ENERGY).step(PENDULUM, 0.0, y0.astype(float), 0.1)
        assert np.abs(in_float - y.astype(float)).max() <= 1e-14


def test_steps_of_length_zero_stay() -> None:
    assert Relaxation(RK4, NORM).step(ROTATION, 0.0, ON_SPHERE, 0.0).tolist() == ON_SPHERE.tolist()


def test_no_factor_is_an_error() -> None:
    decay = FieldSystem(lambda t, y: -y, dimension=3)
    with pytest.raises(ConvergenceError, match="not met again"):
        Relaxation(RK4, NORM).step(decay, 0.0, ON_SPHERE, 0.1)
    linear = Invariant("sum", 3, lambda y: y.sum(axis=-1), lambda y: 0 * y + 1)
    with pytest.raises(ConvergenceError, match="sum"):
        Relaxation(RK4, linear).step(ROTATION, 0.0, ON_SPHERE, 0.1)


def test_methods_of_order_one_and_foreign_invariants_are_refused() -> None:
    with pytest.raises(DomainError, match="Euler"):
        Relaxation(Euler, NORM)
    with pytest.raises(ShapeError, match="dimension 3"):
        Relaxation(RK4, NORM).prepare(PENDULUM)
