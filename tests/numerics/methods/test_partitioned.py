"""Partitioned methods: order, symplecticity, symmetry, energy, and the check of separability."""

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from flowcert.errors import DomainError, ShapeError, StructureError
from flowcert.numerics import FieldSystem, LinearField
from flowcert.numerics.elementary import cos, sin
from flowcert.numerics.methods.composition import Yoshida4, Yoshida6
from flowcert.numerics.methods.method import Method
from flowcert.numerics.methods.partitioned import (
    ForestRuth,
    PartitionedMethod,
    PositionVerlet,
    Ruth3,
    StormerVerlet,
    SymplecticEulerA,
    SymplecticEulerB,
)
from flowcert.numerics.methods.separation import separated
from flowcert.numerics.systems import (
    HamiltonianSystem,
    SeparableSystem,
    SplitSystem,
    System,
    canonical_structure,
)
from flowcert.numerics.systems.split import linear_piece

State = Any

METHODS = [
    SymplecticEulerA, SymplecticEulerB, StormerVerlet, PositionVerlet, Ruth3, ForestRuth,
]  # fmt: skip
SYMMETRIC = [StormerVerlet, PositionVerlet, ForestRuth]


def _henon_heiles_force(t: Any, q: State) -> State:
    x, y = q[..., 0], q[..., 1]
    return np.stack([-x - 2 * x * y, -y - x * x + y * y], axis=-1)


PENDULUM = SeparableSystem(lambda t, p: p, lambda t, q: -sin(q), 2, autonomous=True)
HENON_HEILES = SeparableSystem(lambda t, p: p, _henon_heiles_force, 4, autonomous=True)
# Both rates depend on time: a driven pendulum of varying mass.
DRIVEN = SeparableSystem(lambda t, p: p * (1 + 0.3 * sin(t)), lambda t, q: cos(2 * t) - sin(q), 2)
DUFFING = SeparableSystem(lambda t, p: p, lambda t, q: q - q * q * q + 0.3 * cos(t), 2)

SYSTEMS: dict[str, tuple[SeparableSystem, State]] = {
    "pendulum": (PENDULUM, np.array([0.4, 1.1])),
    "henon_heiles": (HENON_HEILES, np.array([0.3, 0.1, 0.2, -0.3])),
    "driven": (DRIVEN, np.array([0.4, 1.1])),
    "duffing": (DUFFING, np.array([0.4, 1.1])),
}
T0, SPAN = 0.3, 1.2


def _run(method: Method, system: System, y: State, steps: int) -> State:
    h = SPAN / steps
    for n in range(steps):
        y = method.step(system, T0 + n * h, y, h)
    return y


@pytest.mark.parametrize("name", SYSTEMS)
@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_observed_order(method: Method, name: str) -> None:
    system, start = SYSTEMS[name]
    exact = solve_ivp(system, (T0, T0 + SPAN), start, method="DOP853", rtol=1e-13, atol=1e-14).y[
        :, -1
    ]
    steps = {1: 300, 2: 40, 3: 40, 4: 60}[method.order]
    errors = [np.abs(_run(method, system, start, n) - exact).max() for n in (steps, 2 * steps)]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(method.order, abs=0.15)


def test_which_is_which() -> None:
    """p first with old q is A; the half kicks of Störmer–Verlet are at t and t + h."""
    q, p, t, h = 0.4, 1.1, 0.3, 0.25
    y = np.array([q, p])

    def f(t: float, p: float) -> float:
        return float(p * (1 + 0.3 * np.sin(t)))

    def g(t: float, q: float) -> float:
        return float(np.cos(2 * t) - np.sin(q))

    p_a = p + h * g(t, q)
    by_a = SymplecticEulerA.step(DRIVEN, t, y, h)
    np.testing.assert_allclose(by_a, [q + h * f(t + h, p_a), p_a], rtol=1e-15)
    q_b = q + h * f(t, p)
    by_b = SymplecticEulerB.step(DRIVEN, t, y, h)
    np.testing.assert_allclose(by_b, [q_b, p + h * g(t + h, q_b)], rtol=1e-15)
    half = p + h / 2 * g(t, q)
    q_v = q + h * f(t + h / 2, half)
    by_verlet = StormerVerlet.step(DRIVEN, t, y, h)
    np.testing.assert_allclose(by_verlet, [q_v, half + h / 2 * g(t + h, q_v)], rtol=1e-15)


def test_forest_ruth_is_the_triple_jump_of_position_verlet() -> None:
    y = np.array([0.4, 1.1])
    jump = Yoshida4(PositionVerlet).step(DRIVEN, T0, y, 0.3)
    np.testing.assert_allclose(ForestRuth.step(DRIVEN, T0, y, 0.3), jump, rtol=1e-14)


# ------------------------------------------------------------------------ structure


class _PlainEuler(Method):
    """What peers shipped as symplectic Euler: both halves from the old state."""

    name, order, symplectic = "plain Euler", 1, True

    def step(self, system: System, t: Any, y: State, h: Any) -> State:
        return y + h * system(t, y)


def _symplecticity_defect(method: Method, system: System, start: State) -> float:
    """‖JᵀΩJ − Ω‖ of a step h = 0.3, J by central differences with 60 digits."""
    with mpmath.workdps(60):
        y = np.array([mpmath.mpf(x) for x in start])
        shift = mpmath.mpf(10) ** -20
        columns = []
        for j in range(len(y)):
            e = np.array([shift * (i == j) for i in range(len(y))])
            after = method.step(system, mpmath.mpf("0.3"), y + e, mpmath.mpf("0.3"))
            before = method.step(system, mpmath.mpf("0.3"), y - e, mpmath.mpf("0.3"))
            columns.append((after - before) / (2 * shift))
        J = np.stack(columns, axis=-1)
        Omega = canonical_structure(len(y) // 2)
        return float(np.linalg.norm((J.T @ Omega @ J - Omega).astype(float), 2))


@pytest.mark.parametrize("name", SYSTEMS)
@pytest.mark.parametrize("method", [*METHODS, Yoshida6(StormerVerlet)], ids=lambda m: m.name)
def test_steps_are_symplectic(method: Method, name: str) -> None:
    assert method.symplectic
    assert _symplecticity_defect(method, *SYSTEMS[name]) <= 1e-12


def test_symplectic_euler_written_as_plain_euler_is_seen() -> None:
    assert _symplecticity_defect(_PlainEuler(), *SYSTEMS["pendulum"]) > 1e-2


@pytest.mark.parametrize("name", SYSTEMS)
@pytest.mark.parametrize("method", SYMMETRIC, ids=lambda method: method.name)
def test_symmetric_ones_come_back(method: Method, name: str) -> None:
    system, start = SYSTEMS[name]
    assert method.symmetric
    there = method.step(system, T0, start, 0.3)
    assert np.abs(method.step(system, T0 + 0.3, there, -0.3) - start).max() <= 1e-12


@pytest.mark.parametrize("method", [SymplecticEulerA, Ruth3], ids=lambda method: method.name)
def test_the_others_do_not_come_back(method: Method) -> None:
    system, start = SYSTEMS["pendulum"]
    assert not method.symmetric
    there = method.step(system, T0, start, 0.3)
    assert np.abs(method.step(system, T0 + 0.3, there, -0.3) - start).max() > 1e-4


def test_the_two_symplectic_eulers_undo_each_other() -> None:
    system, start = SYSTEMS["driven"]
    there = SymplecticEulerA.step(system, T0, start, 0.3)
    back = SymplecticEulerB.step(system, T0 + 0.3, there, -0.3)
    np.testing.assert_allclose(back, start, rtol=1e-14)


def _energy_errors(method: Method) -> State:
    y = np.array([1.5, 0.0])
    energies = []
    for _ in range(1000):
        y = method.step(PENDULUM, 0.0, y, 0.1)
        energies.append(y[1] ** 2 / 2 - np.cos(y[0]))
    return np.abs(np.array(energies) + np.cos(1.5))


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_energy_does_not_drift(method: Method) -> None:
    errors = _energy_errors(method)
    assert errors[:100].max() < 0.1**method.order
    assert errors[-100:].max() <= 1.02 * errors[:100].max()


def test_the_energy_of_plain_euler_drifts() -> None:
    errors = _energy_errors(_PlainEuler())
    assert errors[-100:].max() > 5 * errors[:100].max()


# ------------------------------------------------------------------------ separability


def _function(q_rate: Callable[..., Any], p_rate: Callable[..., Any]) -> Callable[..., Any]:
    """A function of (t, y) for scalar q and p."""
    return lambda t, y: np.stack(
        [q_rate(t, y[..., 0], y[..., 1]), p_rate(t, y[..., 0], y[..., 1])], axis=-1
    )


@pytest.mark.parametrize("near", [None, np.array([0.4, 1.1])])
def test_a_separable_function_steps_like_the_separable_system(near: State | None) -> None:
    function = _function(
        lambda t, q, p: p * (1 + 0.3 * np.sin(t)), lambda t, q, p: np.cos(2 * t) - np.sin(q)
    )
    system = StormerVerlet.prepare(function, 2, near=near)
    assert isinstance(system, SeparableSystem)
    batch = np.random.default_rng(1).standard_normal((5, 2))
    for method in METHODS:
        np.testing.assert_allclose(
            method.step(system, T0, batch, 0.2), method.step(DRIVEN, T0, batch, 0.2), rtol=1e-14
        )
    np.testing.assert_allclose(system.position_rate(T0, batch[:, 1:]),
                               DRIVEN.position_rate(T0, batch[:, 1:]))  # fmt: skip
    np.testing.assert_allclose(system.momentum_rate(T0, batch[:, :1]),
                               DRIVEN.momentum_rate(T0, batch[:, :1]))  # fmt: skip


def test_a_separable_system_passes_as_it_is() -> None:
    assert StormerVerlet.prepare(DRIVEN) is DRIVEN
    assert Yoshida6(StormerVerlet).prepare(DRIVEN) is DRIVEN


NOT_SEPARABLE = [
    ("friction", _function(lambda t, q, p: p, lambda t, q, p: -np.sin(q) - 0.1 * p),
     "∂ṗ₀/∂p₀ = -0.1 "),
    ("tiny", _function(lambda t, q, p: p, lambda t, q, p: -np.sin(q) - 1e-9 * p), "∂ṗ₀/∂p₀ = -1"),
    ("late", _function(lambda t, q, p: p, lambda t, q, p: -q - np.sin(t) * p), "∂ṗ₀/∂p₀"),
    ("local", _function(lambda t, q, p: p, lambda t, q, p: -q - q**3 * p), "∂ṗ₀/∂p₀"),
    ("moving", _function(lambda t, q, p: p + 2 * q, lambda t, q, p: -q), "∂q̇₀/∂q₀ = 2 "),
    ("units", _function(lambda t, q, p: 1e-12 * (p + q), lambda t, q, p: -1e12 * q),
     "∂q̇₀/∂q₀ = 1e-12 "),
]  # fmt: skip


@pytest.mark.parametrize("near", [None, np.array([0.4, 1.1])])
@pytest.mark.parametrize(("function", "entry"), [case[1:] for case in NOT_SEPARABLE],
                         ids=[case[0] for case in NOT_SEPARABLE])  # fmt: skip
@pytest.mark.parametrize("method", [StormerVerlet, Ruth3, Yoshida6(StormerVerlet)],
                         ids=lambda method: method.name)  # fmt: skip
def test_a_force_that_depends_on_velocity_is_refused_by_name(
    method: PartitionedMethod, function: Callable[..., Any], entry: str, near: State | None
) -> None:
    with pytest.raises(StructureError) as caught:
        method.prepare(function, 2, near=near)
    assert entry in str(caught.value)
    assert "separable" in str(caught.value)


def test_the_entry_is_named_in_more_dimensions() -> None:
    """A charge in a magnetic field: ṗ₁ depends on p₀."""
    force = np.zeros((4, 4))
    force[:2, 2:] = np.eye(2)
    force[3, 2] = -0.7
    with pytest.raises(StructureError, match=r"∂ṗ₁/∂p₀ = -0\.7 for StormerVerlet"):
        StormerVerlet.prepare(LinearField(force))


def test_a_hamiltonian_is_sampled_too() -> None:
    spring = HamiltonianSystem(lambda y: (y * y).sum(-1) / 2, lambda y: y, 2)
    y = np.array([0.4, 1.1])
    p = 1.1 - 0.05 * 0.4
    q = 0.4 + 0.1 * p
    np.testing.assert_allclose(
        StormerVerlet.step(StormerVerlet.prepare(spring), 0.0, y, 0.1), [q, p - 0.05 * q]
    )
    product = HamiltonianSystem(
        lambda y: y[..., 0] ** 2 * y[..., 1] ** 2 / 2,
        lambda y: np.stack([y[..., 0] * y[..., 1] ** 2, y[..., 0] ** 2 * y[..., 1]], axis=-1),
        2,
    )
    with pytest.raises(StructureError, match="∂q̇₀/∂q₀"):
        StormerVerlet.prepare(product)


def test_a_split_system_is_sampled_too() -> None:
    turn = SplitSystem([linear_piece([[0, 1], [0, 0]]), linear_piece([[0, 0], [-1, -1]])], 2)
    with pytest.raises(StructureError, match="∂ṗ₀/∂p₀ = -1 "):
        StormerVerlet.prepare(turn)


def test_an_odd_dimension_is_refused() -> None:
    with pytest.raises(StructureError, match="odd dimension 3"):
        StormerVerlet.prepare(FieldSystem(lambda t, y: y, 3))


def test_what_is_no_system_is_refused() -> None:
    with pytest.raises(StructureError, match="dimension"):
        StormerVerlet.prepare(lambda t, y: y)


def _kepler(t: Any, y: State) -> State:
    r = np.sqrt((y[..., :2] ** 2).sum(axis=-1, keepdims=True))
    return np.concatenate([y[..., 2:], -y[..., :2] / r**3], axis=-1)


def test_a_singular_system_needs_no_special_point() -> None:
    """At q = 0 Kepler's force is infinite: the step must not look there."""
    system = StormerVerlet.prepare(_kepler, 4)
    y = StormerVerlet.step(system, 0.0, np.array([1.0, 0.0, 0.0, 1.0]), 0.1)
    np.testing.assert_allclose(y[:2], [1 - 0.005, 0.1], rtol=1e-14)


def test_samples_outside_the_domain_are_passed_over_and_near_helps() -> None:
    """q̈ = 1/√(q − 99): defined far from 0 only."""
    function = _function(lambda t, q, p: p, lambda t, q, p: 1 / np.sqrt(q - 99.0))
    with pytest.raises(StructureError, match="near=y0"):
        StormerVerlet.prepare(function, 2)
    near = np.array([100.0, 0.0])
    system = StormerVerlet.prepare(function, 2, near=near)
    assert StormerVerlet.step(system, 0.0, near, 0.1).round(3).tolist() == [100.005, 0.1]
    dissipative = _function(lambda t, q, p: p, lambda t, q, p: 1 / np.sqrt(q - 99.0) - 0.1 * p)
    with pytest.raises(StructureError, match=r"∂ṗ₀/∂p₀ = -0\.1 "):
        StormerVerlet.prepare(dissipative, 2, near=near)


def test_near_itself_is_a_sample() -> None:
    """A force that is defined within 0.01 of the initial position only."""
    narrow = _function(lambda t, q, p: p, lambda t, q, p: np.sqrt(1e-4 - (q - 100) ** 2) - 3 * p)
    with pytest.raises(StructureError, match="∂ṗ₀/∂p₀ = -3 "):
        StormerVerlet.prepare(narrow, 2, near=np.array([100.0, 0.0]))


def test_near_is_a_state_of_the_system() -> None:
    spring = _function(lambda t, q, p: p, lambda t, q, p: -q)
    with pytest.raises(ShapeError):
        StormerVerlet.prepare(spring, 2, near=np.ones(3))
    batch = np.ones((4, 2))
    assert isinstance(StormerVerlet.prepare(spring, 2, near=batch), SeparableSystem)


def test_a_field_of_wrong_shape_is_not_passed_over() -> None:
    with pytest.raises(ShapeError, match="last axis"):
        StormerVerlet.prepare(lambda t, y: y[..., :1], 2)


def test_a_function_that_looks_separable_at_the_samples_passes() -> None:
    """What the docstring admits: a force of velocity far from every sample."""
    far = _function(lambda t, q, p: p, lambda t, q, p: -q - p * (np.abs(p) > 1000))
    assert isinstance(separated(far, "Verlet", 2), SeparableSystem)
    with pytest.raises(StructureError, match="∂ṗ₀/∂p₀"):
        separated(far, "Verlet", 2, near=np.array([0.0, 5000.0]))


def test_a_step_that_leaves_the_numbers_is_refused() -> None:
    steep = SeparableSystem(lambda t, p: p, lambda t, q: q**3, 2)
    with np.errstate(over="ignore"), pytest.raises(DomainError, match="not finite"):
        StormerVerlet.step(steep, 0.0, np.array([1e200, 0.0]), 0.1)
