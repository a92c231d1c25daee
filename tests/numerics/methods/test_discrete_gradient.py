"""Discrete gradients: the energy at every step size, increments down to 1e-12 and 0, orders."""

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from flowcert.errors import ConvergenceError, DomainError, StructureError
from flowcert.numerics import elementary, flow_map
from flowcert.numerics.methods import RK4, Method
from flowcert.numerics.methods.discrete_gradient import (
    AverageVectorField,
    Gonzalez,
    ItohAbe,
    SymmetrisedItohAbe,
    average_gradient,
    gonzalez_gradient,
    itoh_abe_gradient,
)
from flowcert.numerics.systems import (
    FieldSystem,
    HamiltonianSystem,
    SeparableHamiltonian,
    SkewGradientSystem,
    canonical_structure,
)

METHODS = [Gonzalez, ItohAbe, SymmetrisedItohAbe, AverageVectorField(4)]
EXACT_METHODS = [Gonzalez, ItohAbe, SymmetrisedItohAbe]


def _matrix(rows: list[list[Any]]) -> Any:
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def _cross(y: Any) -> Any:
    a, b, c = y[..., 0], y[..., 1], y[..., 2]
    return _matrix([[0 * a, -c, b], [c, 0 * a, -a], [-b, a, 0 * a]])


def pendulum() -> Any:
    def nothing(x: Any) -> Any:
        return x[..., None] * 0

    return SeparableHamiltonian(
        lambda p: (p * p).sum(axis=-1) / 2,
        lambda q: -elementary.cos(q).sum(axis=-1),
        lambda p: p,
        elementary.sin,
        nothing,
        nothing,
        2,
    )


def henon_heiles() -> Any:
    def energy(y: Any) -> Any:
        a, b = y[..., 0], y[..., 1]
        return (y * y).sum(axis=-1) / 2 + a * a * b - b * b * b / 3

    def gradient(y: Any) -> Any:
        a, b = y[..., 0], y[..., 1]
        return y + np.stack([2 * a * b, a * a - b * b, 0 * a, 0 * a], axis=-1)

    return HamiltonianSystem(energy, gradient, dimension=4)


def kepler() -> Any:
    def energy(y: Any) -> Any:
        q, p = y[..., :2], y[..., 2:]
        return (p * p).sum(axis=-1) / 2 - 1 / elementary.sqrt((q * q).sum(axis=-1))

    def gradient(y: Any) -> Any:
        q, p = y[..., :2], y[..., 2:]
        r = elementary.sqrt((q * q).sum(axis=-1, keepdims=True))
        return np.concatenate([q / (r * r * r), p], axis=-1)

    return HamiltonianSystem(energy, gradient, dimension=4)


def rigid_body() -> Any:
    inertia = np.array([1, 2, 4])  # exact quotients in every arithmetic
    return SkewGradientSystem(
        lambda y: (y * y / inertia).sum(axis=-1) / 2, lambda y: y / inertia, _cross, dimension=3
    )


def lotka_volterra() -> Any:
    """q̇ = q(1 − p), ṗ = p(q − 1), with H = q − ln q + p − ln p: S is a function of y."""

    def structure(y: Any) -> Any:
        product = y[..., 0] * y[..., 1]
        return _matrix([[0 * product, -product], [product, 0 * product]])

    return SkewGradientSystem(
        lambda y: (y - elementary.log(y)).sum(axis=-1),
        lambda y: 1 - 1 / y,
        structure,
        dimension=2,
    )


def gradient_flow() -> Any:
    """ẏ = −∇V: S = −I plus a skew part, V a convex quartic."""

    def energy(y: Any) -> Any:
        return (y**4).sum(axis=-1) / 4 + ((y[..., 0] - y[..., 1]) ** 2) / 2

    def gradient(y: Any) -> Any:
        apart = y[..., 0] - y[..., 1]
        return y**3 + np.stack([apart, -apart], axis=-1)

    return SkewGradientSystem(energy, gradient, np.array([[-1.0, 2.0], [-2.0, -1.0]]))


CONSERVATIVE = [
    pytest.param(pendulum, [1.5, 0.3], 0.1, id="pendulum"),
    pytest.param(henon_heiles, [0.0, 0.2, 0.45, 0.1], 0.1, id="henon-heiles"),
    pytest.param(kepler, [0.4, 0.0, 0.0, 2.0], 0.02, id="kepler"),
    pytest.param(rigid_body, [0.8, 0.3, 0.6], 0.2, id="rigid-body"),
    pytest.param(lotka_volterra, [1.5, 0.7], 0.05, id="lotka-volterra"),
]

# Where AverageVectorField's quadrature is exact, or its error far below rounding.
DRIFT = [
    *[pytest.param(Gonzalez, *case.values, id=f"Gonzalez-{case.id}") for case in CONSERVATIVE],
    pytest.param(ItohAbe, *CONSERVATIVE[0].values, id="ItohAbe-pendulum"),
    pytest.param(ItohAbe, *CONSERVATIVE[1].values, id="ItohAbe-henon-heiles"),
    pytest.param(SymmetrisedItohAbe, *CONSERVATIVE[4].values, id="Symmetrised-lotka-volterra"),
    pytest.param(AverageVectorField(4), *CONSERVATIVE[3].values, id="average-rigid-body"),
    pytest.param(AverageVectorField(12), *CONSERVATIVE[0].values, id="average-pendulum"),
]


def _energy_error(method: Method, system: Any, y: Any, h: float, steps: int) -> Any:
    energies = [float(system.energy(y))]
    for _ in range(steps):
        y = method.step(system, 0.0, y, h)
        energies.append(float(system.energy(y)))
    return np.array(energies) - energies[0]


@pytest.mark.parametrize(("method", "problem", "y0", "h"), DRIFT)
def test_energy_is_kept_without_drift(
    method: Method, problem: Callable[[], Any], y0: list[float], h: float
) -> None:
    system, y = problem(), np.array(y0)
    error = _energy_error(method, system, y, h, 1000)
    assert np.abs(error).max() <= 3e-14
    # A random walk of roundings ends within a few of its own deviations.
    walk = np.sqrt(1000) * max(float(np.std(np.diff(error))), 2.0**-54)
    assert abs(error[-1]) <= 5 * walk


@pytest.mark.parametrize("h", [0.5, 1.0])
@pytest.mark.parametrize("method", EXACT_METHODS, ids=repr)
def test_energy_is_kept_at_long_steps(method: Method, h: float) -> None:
    error = _energy_error(method, pendulum(), np.array([1.5, 0.3]), h, 200)
    assert np.abs(error).max() <= 2e-14


def test_average_vector_field_keeps_its_degree_and_no_more() -> None:
    y = np.array([1.5, 0.3])
    quartic = HamiltonianSystem(lambda y: (y**4).sum(axis=-1), lambda y: 4 * y**3, dimension=2)
    assert np.abs(_energy_error(AverageVectorField(2), quartic, y, 0.05, 100)).max() <= 1e-13
    assert np.abs(_energy_error(AverageVectorField(1), quartic, y, 0.05, 100)).max() >= 1e-5


def _observed_order(method: Method, system: Any, y0: Any, end: float, counts: list[int]) -> Any:
    reference = solve_ivp(
        lambda t, y: system(t, y), (0.0, end), y0, method="DOP853", rtol=1e-13, atol=1e-14
    ).y[:, -1]
    errors = []
    for count in counts:
        y = y0
        for i in range(count):
            y = method.step(system, i * end / count, y, end / count)
        errors.append(np.abs(y - reference).max())
    return np.diff(np.log(errors)) / np.diff(np.log(1 / np.array(counts)))


ORDER_PROBLEMS = [
    pytest.param(pendulum, [1.5, 0.3], id="pendulum"),
    pytest.param(henon_heiles, [0.0, 0.2, 0.45, 0.1], id="henon-heiles"),
    pytest.param(lotka_volterra, [1.5, 0.7], id="lotka-volterra"),
    pytest.param(gradient_flow, [1.2, -0.4], id="gradient-flow"),
]


@pytest.mark.parametrize("method", [Gonzalez, SymmetrisedItohAbe, AverageVectorField(4)], ids=repr)
@pytest.mark.parametrize(("problem", "y0"), ORDER_PROBLEMS)
def test_declared_order(method: Method, problem: Callable[[], Any], y0: list[float]) -> None:
    observed = _observed_order(method, problem(), np.array(y0), 1.0, [20, 40])
    assert observed == pytest.approx(method.order, abs=0.15)
    assert method.order == 2


@pytest.mark.parametrize(
    ("problem", "y0", "order"),
    [
        pytest.param(henon_heiles, [0.3, 0.2, 0.45, 0.1], 1, id="henon-heiles"),
        pytest.param(gradient_flow, [1.2, -0.4], 1, id="gradient-flow"),
        # For H = Σ Hᵢ(yᵢ) every coordinate has its own quotient: symmetric.
        pytest.param(pendulum, [1.5, 0.3], 2, id="sum-of-functions-of-one-coordinate"),
    ],
)
def test_declared_order_of_itoh_abe(
    problem: Callable[[], Any], y0: list[float], order: int
) -> None:
    observed = _observed_order(ItohAbe, problem(), np.array(y0), 1.0, [40, 80])
    assert observed == pytest.approx(order, abs=0.15)
    assert ItohAbe.order == 1


@pytest.mark.parametrize("method", METHODS, ids=repr)
@pytest.mark.parametrize(
    ("problem", "y0", "h"),
    [CONSERVATIVE[1], CONSERVATIVE[2], pytest.param(gradient_flow, [1.2, -0.4], 0.05, id="flow")],
)
def test_declared_symmetry(
    method: Method, problem: Callable[[], Any], y0: list[float], h: float
) -> None:
    system, y = problem(), np.array(y0)
    back = method.step(system, h, method.step(system, 0.0, y, h), -h)
    if method.symmetric:
        assert np.abs(back - y).max() <= 1e-14
    else:
        assert np.abs(back - y).max() >= 1e-7


@pytest.mark.parametrize("h", [0.01, 1.0, 30.0, 1000.0])
@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_energy_decays_at_every_step(method: Method, h: float) -> None:
    system, y = gradient_flow(), np.array([[1.2, -0.4], [-0.3, 2.0]])
    energy = system.energy(y)
    for _ in range(5):
        y = method.step(system, 0.0, y, h)
        assert np.all(system.energy(y) < energy)
        energy = system.energy(y)


# Discrete gradients against the naive quotients in 50 digits, on the same float64 points.


def _exact(x: Any) -> Any:
    return np.array([mpmath.mpf(float(v)) for v in x], dtype=object)


def _naive_gonzalez(system: Any, x: Any, y: Any) -> Any:
    middle, d = system.gradient((x + y) / 2), y - x
    if not np.any(d != 0):
        return middle
    return middle + (system.energy(y) - system.energy(x) - middle @ d) / (d @ d) * d


def _naive_itoh_abe(system: Any, x: Any, y: Any) -> Any:
    slopes, z = [], x.copy()
    for i in range(len(x)):
        before = z.copy()
        z[i] = y[i]
        d = y[i] - x[i]
        slopes.append(
            (system.energy(z) - system.energy(before)) / d if d != 0 else system.gradient(z)[i]
        )
    return np.array(slopes, dtype=object)


def _naive_average(system: Any, x: Any, y: Any) -> Any:
    components = [
        mpmath.quad(lambda s, i=i: system.gradient(x + s * (y - x))[i], [0, 1])
        for i in range(len(x))
    ]
    return np.array(components, dtype=object)


PAIRS = [
    pytest.param(gonzalez_gradient, _naive_gonzalez, id="Gonzalez"),
    pytest.param(itoh_abe_gradient, _naive_itoh_abe, id="ItohAbe"),
    pytest.param(
        lambda system, x, y: average_gradient(system, x, y, 10), _naive_average, id="average"
    ),
]


@pytest.mark.parametrize("size", [0.0, 1e-12, 1e-10, 1e-7, 1e-3, 0.03, 0.3])
@pytest.mark.parametrize(("gradient", "naive"), PAIRS)
@pytest.mark.parametrize(("problem", "y0", "h"), CONSERVATIVE)
def test_gradients_against_fifty_digits(
    problem: Callable[[], Any],
    y0: list[float],
    h: float,
    gradient: Callable[..., Any],
    naive: Callable[..., Any],
    size: float,
) -> None:
    system, x = problem(), np.array(y0)
    y = x + size * np.array([1.0, -0.5, 0.25, 0.75])[: len(x)]
    with mpmath.workdps(50):
        wanted = naive(system, _exact(x), _exact(y)).astype(float)
    assert np.abs(gradient(system, x, y) - wanted).max() <= 5e-15 * max(1, np.abs(wanted).max())


@pytest.mark.parametrize("size", [0.0, 1e-200, 1e-12, 1e-10, 3e-8, 1e-6])
@pytest.mark.parametrize(("gradient", "naive"), PAIRS)
def test_gradients_at_an_equilibrium(
    gradient: Callable[..., Any], naive: Callable[..., Any], size: float
) -> None:
    """At 0 everything is relative to the increment; at kπ the sine's argument is rounded."""
    system, places = pendulum(), [(0.0, 1e-14 * size)]
    if size != 1e-200:
        places += [(np.pi, 1e-15), (200 * np.pi, 2e-13)]
    for place, allowed in places:
        x = np.array([place, 0.0])
        y = x + size * np.array([1.0, 0.5])
        with mpmath.workdps(450 if size == 1e-200 else 50):
            wanted = naive(system, _exact(x), _exact(y)).astype(float)
        assert np.abs(gradient(system, x, y) - wanted).max() <= allowed


@pytest.mark.parametrize(("offset", "size"), [(1e8, 0.02), (1e4, 0.3)])
def test_energy_with_a_large_offset_does_not_blur_the_gradient(offset: float, size: float) -> None:
    system = pendulum()
    lifted = HamiltonianSystem(lambda y: system.energy(y) + offset, system.gradient, dimension=2)
    x, y = np.array([1.5, 0.3]), np.array([1.5 + size, 0.25])
    for gradient in (gonzalez_gradient, itoh_abe_gradient):
        assert np.abs(gradient(lifted, x, y) - gradient(system, x, y)).max() <= 1e-15


def test_energy_with_a_kink_between_the_points_is_met() -> None:
    """Where both quadratures fail, the difference of the energies decides."""
    system = SkewGradientSystem(
        lambda y: np.abs(y).sum(axis=-1), np.sign, canonical_structure(1), dimension=2
    )
    x, y = np.array([-0.3, 1.0]), np.array([0.5, -0.1])
    for gradient in (gonzalez_gradient, itoh_abe_gradient):
        found = gradient(system, x, y) @ (y - x)
        assert found == pytest.approx(float(system.energy(y) - system.energy(x)), abs=1e-15)


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_equilibria_and_steps_of_length_zero_stay(method: Method) -> None:
    system = pendulum()
    assert method.step(system, 0.0, np.zeros(2), 0.1).tolist() == [0.0, 0.0]
    y = np.array([1.5, 0.3])
    assert method.step(system, 0.0, y, 0.0).tolist() == y.tolist()


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_a_state_next_to_zero_that_is_not_at_rest(method: Method) -> None:
    system = HamiltonianSystem(
        lambda y: ((y - 1) ** 2).sum(axis=-1) / 2, lambda y: y - 1, dimension=2
    )
    expected = method.step(system, 0.0, np.array([0.0, 0.0]), 0.1)
    y = method.step(system, 0.0, np.array([1e-300, 0.0]), 0.1)
    assert np.abs(y - expected).max() <= 1e-16
    assert np.abs(y).max() >= 0.09


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_small_oscillations_have_the_relative_accuracy_of_large_ones(method: Method) -> None:
    """Amplitudes of 1e-9: increments of 1e-10, at which naive quotients are noise."""
    small, h = np.array([1e-9, 0.0]), 0.1
    system = HamiltonianSystem(
        lambda y: (y * y).sum(axis=-1) / 2 + 1, lambda y: y, dimension=2
    )  # linear: the step scales with y, and H + 1 hides it from a difference
    expected = method.step(system, 0.0, np.array([1.0, 0.0]), h) * 1e-9
    assert np.abs(method.step(system, 0.0, small, h) - expected).max() <= 1e-23


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_batches_are_the_single_steps(method: Method) -> None:
    system = lotka_volterra()
    batch = np.array([[[1.5, 0.7], [1.0, 1.0]], [[0.4, 2.0], [1.1, 0.9]]])
    together = method.step(system, 0.0, batch, 0.1)
    for index in np.ndindex(2, 2):
        alone = method.step(system, 0.0, batch[index], 0.1)
        assert np.abs(together[index] - alone).max() <= 1e-15


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_sixty_digits(method: Method) -> None:
    with mpmath.workdps(60):
        y0 = np.array(
            [mpmath.mpf(3) / 10, mpmath.mpf(2) / 5, mpmath.mpf(1) / 10, 0 * mpmath.mpf(1)]
        )
        system = henon_heiles()
        y = method.step(system, 0, y0, mpmath.mpf(1) / 10)
        assert y.dtype == object
        assert abs(system.energy(y) - system.energy(y0)) <= mpmath.mpf(10) ** -57
        in_float = method.step(system, 0.0, y0.astype(float), 0.1)
        assert np.abs(in_float - y.astype(float)).max() <= 1e-15


def test_a_system_without_energy_is_refused() -> None:
    plain = FieldSystem(lambda t, y: -y, dimension=2)
    for method in METHODS:
        assert method.prepare(pendulum()).dimension == 2
        with pytest.raises(StructureError, match="energy"):
            method.prepare(plain)
        with pytest.raises(StructureError, match="energy"):
            method.step(plain, 0.0, np.ones(2), 0.1)


def test_an_energy_system_of_the_users_own_is_wrapped() -> None:
    class Own:
        dimension = 2

        def energy(self, y: Any) -> Any:
            return (y * y).sum(axis=-1) / 2

        def gradient(self, y: Any) -> Any:
            return y

        def structure(self, y: Any) -> Any:
            return canonical_structure(1)

    system = Gonzalez.prepare(Own())
    y = Gonzalez.step(system, 0.0, np.array([1.0, 0.0]), 0.1)
    assert (y @ y) == pytest.approx(1, abs=1e-15)
    assert np.abs(RK4.step(system, 0.0, np.array([1.0, 0.0]), 0.1) - y).max() <= 1e-3


@pytest.mark.parametrize("nodes", [0, -1, 21, 2.5, True])
def test_bad_node_counts_are_refused(nodes: Any) -> None:
    with pytest.raises(DomainError, match="nodes"):
        AverageVectorField(nodes)


def test_an_equation_without_a_solution_is_an_error() -> None:
    """ẏ = y² in gradient form: (z² + zy + y²)/3·h = z − y has no real solution at h = 2, y = 1."""
    system = SkewGradientSystem(
        lambda y: (y**3).sum(axis=-1) / 3, lambda y: y**2, np.eye(1), dimension=1
    )
    with pytest.raises(ConvergenceError, match="Gonzalez"):
        Gonzalez.step(system, 0.0, np.ones(1), 2.0)


def test_a_wrong_gradient_is_suspected():
    wrong = HamiltonianSystem(
        lambda y: (y**4).sum(-1), lambda y: -7 * y**3 - np.sign(y), dimension=2
    )
    with pytest.raises(ConvergenceError, match="check that the gradient is that of the energy"):
        flow_map(wrong, [1.0, 0.5], (0.0, 10.0), Gonzalez, 10)


@pytest.mark.parametrize("method", [Gonzalez, ItohAbe, AverageVectorField(2)], ids=str)
def test_the_energy_grows_where_the_structure_is_positive(method):
    """ẏ = +∇H for H = |y|²/2 by the midpoint rule: y⁺ = y(1 + h/2)/(1 − h/2)."""
    growing = SkewGradientSystem(lambda y: (y * y).sum(-1) / 2, lambda y: y, np.eye(2))
    y = np.array([1.0, -2.0])
    assert np.allclose(method.step(growing, 0.0, y, 0.4), y * 1.5, rtol=1e-14)
