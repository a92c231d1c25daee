"""Projection: invariants to rounding, the order kept, dependent gradients, levels."""

from typing import Any

import mpmath
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from flowcert.errors import ConvergenceError, ShapeError, StructureError
from flowcert.numerics import elementary
from flowcert.numerics.methods import RK4, Euler, Heun, ImplicitMidpoint, Method, Relaxation
from flowcert.numerics.methods.discrete_gradient import Gonzalez, SymmetrisedItohAbe
from flowcert.numerics.methods.projection import Projection, SymmetricProjection
from flowcert.numerics.problems import Pendulum
from flowcert.numerics.systems import FieldSystem, HamiltonianSystem, Invariant


def _energy(y: Any) -> Any:
    q, p = y[..., :2], y[..., 2:]
    return (p * p).sum(axis=-1) / 2 - 1 / elementary.sqrt((q * q).sum(axis=-1))


def _energy_gradient(y: Any) -> Any:
    q, p = y[..., :2], y[..., 2:]
    r = elementary.sqrt((q * q).sum(axis=-1, keepdims=True))
    return np.concatenate([q / (r * r * r), p], axis=-1)


def _momentum(y: Any) -> Any:
    return y[..., 0] * y[..., 3] - y[..., 1] * y[..., 2]


def _momentum_gradient(y: Any) -> Any:
    return np.stack([y[..., 3], -y[..., 2], -y[..., 1], y[..., 0]], axis=-1)


KEPLER = HamiltonianSystem(_energy, _energy_gradient, dimension=4)
ENERGY = Invariant("energy", 4, _energy, _energy_gradient)
MOMENTUM = Invariant("momentum", 4, _momentum, _momentum_gradient)
ELLIPSE = np.array([0.6, 0.0, 0.0, 1.5])


def norm(n: int) -> Invariant:
    return Invariant("norm", n, lambda y: (y * y).sum(axis=-1), lambda y: 2 * y)


def driven_rotation() -> FieldSystem:
    """Non-linear, non-autonomous, |y| kept: ẏ = w(t, y) × y."""

    def rate(t: Any, y: Any) -> Any:
        a, b, c = y[..., 0], y[..., 1], y[..., 2]
        u, v, w = a + elementary.sin(2 * t), a * b + 0.3, 2 + c - a * elementary.cos(t)
        return np.stack([v * c - w * b, w * a - u * c, u * b - v * a], axis=-1)

    return FieldSystem(rate, dimension=3)


ON_SPHERE = np.array([0.8, 0.3, 0.6])


def _observed_order(method: Method, system: Any, y0: Any, end: float, count: int) -> float:
    reference = solve_ivp(
        lambda t, y: system(t, y), (0.0, end), y0, method="DOP853", rtol=1e-13, atol=1e-14
    ).y[:, -1]
    errors = []
    for steps in (count, 2 * count):
        y = y0
        for i in range(steps):
            y = method.step(system, i * end / steps, y, end / steps)
        errors.append(np.abs(y - reference).max())
    return float(np.log2(errors[0] / errors[1]))


@pytest.mark.parametrize(
    ("method", "order"),
    [
        (Projection(Euler, norm(3)), 1),
        (Projection(Heun, norm(3)), 2),
        (Projection(RK4, norm(3)), 4),
    ],
    ids=repr,
)
def test_order_on_a_driven_rotation(method: Method, order: int) -> None:
    assert method.order == order
    count = 200 if order == 1 else 50
    observed = _observed_order(method, driven_rotation(), ON_SPHERE, 2.0, count)
    assert observed == pytest.approx(order, abs=0.15)


@pytest.mark.parametrize(
    "method",
    [
        Projection(Heun, [ENERGY, MOMENTUM]),
        Projection(RK4, [ENERGY, MOMENTUM]),
        SymmetricProjection(Gonzalez, MOMENTUM),
        SymmetricProjection(Gonzalez, [ENERGY, MOMENTUM]),
    ],
    ids=repr,
)
def test_order_on_kepler(method: Method) -> None:
    observed = _observed_order(method, KEPLER, ELLIPSE, 1.0, 40)
    assert observed == pytest.approx(method.order, abs=0.15)


def test_several_invariants_are_kept_over_a_thousand_steps() -> None:
    method, y = Projection(RK4, [ENERGY, MOMENTUM]), ELLIPSE
    values = method.values(y)
    plain = y
    for _ in range(1000):
        y = method.step(KEPLER, 0.0, y, 0.05)
        plain = RK4.step(KEPLER, 0.0, plain, 0.05)
    assert np.abs(method.values(y) - values).max() <= 3e-14
    assert np.abs(method.values(plain) - values).max() >= 1e-6


def test_a_fixed_level_leaves_no_walk_of_roundings() -> None:
    method = Projection(Heun, norm(3), level=1.09)
    y = ON_SPHERE + 0.01
    for i in range(500):
        y = method.step(driven_rotation(), 0.05 * i, y, 0.05)
        assert abs((y * y).sum() - 1.09) <= 5e-16


def test_the_correction_is_along_the_gradients() -> None:
    """y⁺ − ŷ is a combination of the gradients at ŷ: the least change, to first order."""
    free = Heun.step(KEPLER, 0.0, ELLIPSE, 0.1)
    change = Projection(Heun, [ENERGY, MOMENTUM]).step(KEPLER, 0.0, ELLIPSE, 0.1) - free
    gradients = np.stack([_energy_gradient(free), _momentum_gradient(free)])
    _, rest, *_ = np.linalg.lstsq(gradients.T, change)
    assert rest.sum() <= 1e-31
    assert np.abs(change).max() >= 1e-5


def test_symmetric_projection_is_symmetric_and_the_standard_one_is_not() -> None:
    symmetric, standard = (kind(Gonzalez, [MOMENTUM]) for kind in (SymmetricProjection, Projection))
    y = symmetric.step(KEPLER, 0.0, ELLIPSE, 0.1)
    assert abs(_momentum(y) - _momentum(ELLIPSE)) <= 1e-15
    back = symmetric.step(KEPLER, 0.1, y, -0.1)
    assert np.abs(back - ELLIPSE).max() <= 1e-14
    y = standard.step(KEPLER, 0.0, ELLIPSE, 0.1)
    assert np.abs(standard.step(KEPLER, 0.1, y, -0.1) - ELLIPSE).max() >= 1e-9
    assert symmetric.symmetric
    assert not standard.symmetric


def test_symmetric_projection_needs_a_symmetric_method() -> None:
    with pytest.raises(StructureError, match="RK4"):
        SymmetricProjection(RK4, ENERGY)
    SymmetricProjection(SymmetrisedItohAbe, ENERGY)


@pytest.mark.parametrize("kind", [Projection, SymmetricProjection])
def test_batches_are_the_single_steps(kind: Any) -> None:
    method = kind(Gonzalez, [ENERGY, MOMENTUM])
    batch = np.stack([ELLIPSE, np.array([0.1, 0.9, -1.1, 0.3])])
    together = method.step(KEPLER, 0.0, batch, 0.05)
    for i in range(2):
        assert np.abs(together[i] - method.step(KEPLER, 0.0, batch[i], 0.05)).max() <= 1e-15


@pytest.mark.parametrize("kind", [Projection, SymmetricProjection])
def test_fifty_digits(kind: Any) -> None:
    with mpmath.workdps(50):
        y0 = np.array([mpmath.mpf(3) / 5, mpmath.mpf(0), mpmath.mpf(0), mpmath.mpf(3) / 2])
        method = kind(Gonzalez, [MOMENTUM])
        y = method.step(KEPLER, 0, y0, mpmath.mpf(1) / 10)
        assert abs(_momentum(y) - _momentum(y0)) <= mpmath.mpf(10) ** -47
        assert np.abs(method.step(KEPLER, 0.0, ELLIPSE, 0.1) - y.astype(float)).max() <= 1e-14


def test_an_invariant_of_another_dimension_is_refused() -> None:
    method = Projection(RK4, norm(3))
    with pytest.raises(ShapeError, match="dimension 3"):
        method.prepare(KEPLER)
    with pytest.raises(ShapeError, match="dimension 3"):
        method.step(KEPLER, 0.0, ELLIPSE, 0.1)


def test_no_invariants_and_wrong_levels_are_refused() -> None:
    with pytest.raises(ShapeError, match="no invariants"):
        Projection(RK4, [])
    with pytest.raises(ShapeError, match="level"):
        Projection(RK4, [ENERGY, MOMENTUM], level=[1.0])


@pytest.mark.parametrize("kind", [Projection, SymmetricProjection])
def test_an_equilibrium_of_the_invariant_stays(kind: Any) -> None:
    """At the origin the gradient of y₁² + y₂² vanishes: nothing to correct, even in a batch."""
    turn = HamiltonianSystem(lambda y: (y * y).sum(axis=-1) / 2, lambda y: y, dimension=2)
    method = kind(Gonzalez, norm(2))
    assert method.step(turn, 0.0, np.zeros(2), 0.1).tolist() == [0.0, 0.0]
    y = method.step(turn, 0.0, np.array([[0.0, 0.0], [1.0, 0.0]]), 0.1)
    assert y[0].tolist() == [0.0, 0.0]
    assert abs((y[1] * y[1]).sum() - 1) <= 1e-15


def test_dependent_gradients_are_an_error_where_something_is_to_be_corrected() -> None:
    with pytest.raises(ConvergenceError, match="dependent"):
        Projection(Heun, [ENERGY, ENERGY]).step(KEPLER, 0.0, ELLIPSE, 0.1)
    away = FieldSystem(lambda t, y: -y, dimension=2)
    with pytest.raises(ConvergenceError, match="vanishing"):
        Projection(Euler, norm(2)).step(away, 0.0, np.ones(2), 1.0)


def test_a_level_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(ConvergenceError, match="λ"):
        Projection(Heun, norm(3), level=-1.0).step(driven_rotation(), 0.0, ON_SPHERE, 0.05)


def test_values_and_gradients_of_another_shape_are_named():
    turn = FieldSystem(lambda t, y: np.stack([-y[..., 1], y[..., 0]], axis=-1), 2)
    y = np.array([[1.0, 0.0], [3.0, 4.0]])
    over_the_batch = Invariant("sum", 2, lambda y: (y * y).sum(), lambda y: 2 * y)
    too_short = Invariant("short", 2, lambda y: (y * y).sum(axis=-1), lambda y: 2 * y[..., :1])
    for method in (Projection(RK4, over_the_batch), SymmetricProjection(Gonzalez, over_the_batch)):
        with pytest.raises(ShapeError, match="a value of 'sum' of shape"):
            method.values(y)
    with pytest.raises(ShapeError, match="a gradient of 'short' of shape"):
        Projection(RK4, too_short).step(turn, 0.0, y, 0.1)


@pytest.mark.parametrize("wrapper", [Projection, SymmetricProjection, Relaxation])
def test_wrappers_take_a_method_and_invariants(wrapper):
    with pytest.raises(StructureError, match="'RK4' as the method"):
        wrapper("RK4", Pendulum.invariants[0])
    with pytest.raises(StructureError, match="function for"):
        wrapper(ImplicitMidpoint, lambda y: y)


@pytest.mark.parametrize("wrapper", [Projection, SymmetricProjection, Relaxation])
@pytest.mark.parametrize(
    "invariant",
    [
        Invariant("whole state", 2, lambda y: y, lambda y: y),
        Invariant("whole batch", 2, lambda y: (y * y).sum(), lambda y: 2 * y),
        Invariant("a slope", 2, lambda y: (y * y).sum(-1), lambda y: 2 * y[..., 0]),
    ],
    ids=lambda invariant: invariant.name,
)
def test_an_invariant_of_the_wrong_shape_is_named(wrapper, invariant):
    y = np.array([[1.0, 0.2], [0.5, 0.1], [0.3, 0.3]])
    method = wrapper(ImplicitMidpoint, invariant)
    system = method.prepare(Pendulum.system)
    if wrapper is Relaxation and invariant.name == "whole batch":
        return  # it runs element by element: there this sum is a right one
    with pytest.raises(ShapeError, match=invariant.name):
        method.step(system, 0.0, y, 0.1)
