"""Newton's iteration: where it stops, what it costs, and how it fails."""

import mpmath
import numpy as np
import pytest

from flowcert.errors import ConvergenceError
from flowcert.numerics import (
    BackwardEuler,
    FieldSystem,
    GradientField,
    ImplicitMidpoint,
    RadauIIA,
    leaky_relu,
    simplified_newton,
)


def size_one(z):
    return np.ones(z.shape[:-1])


class Counted:
    def __init__(self, function):
        self.function, self.calls = function, 0

    def __call__(self, z):
        self.calls += 1
        return self.function(z)


def test_the_derivative_is_reused_while_it_contracts_well():
    derivative = Counted(lambda z: 2 * z[..., None])
    root = simplified_newton(
        lambda z: z * z - 2.0, derivative, np.array([1.41]), size_one, what="√2"
    )
    assert abs(root[0] - np.sqrt(2)) <= 2**-52
    assert derivative.calls == 1


def test_a_slow_contraction_asks_for_a_fresh_derivative():
    derivative = Counted(lambda z: 2 * z[..., None])
    residual = Counted(lambda z: z * z - 2.0)
    root = simplified_newton(residual, derivative, np.array([3.0]), size_one, what="√2")
    assert abs(root[0] - np.sqrt(2)) <= 2**-52
    assert derivative.calls > 1
    assert residual.calls < 12


def test_every_element_of_a_batch_is_solved():
    targets = np.linspace(0.1, 50.0, 200)[:, None]
    roots = simplified_newton(
        lambda z: z * z - targets, lambda z: 2 * z[..., None], 1 + targets, size_one, what="roots"
    )
    assert np.abs(roots / np.sqrt(targets) - 1).max() <= 1e-15 * 10


@pytest.mark.parametrize("start", [3.0, 50.0, -400.0])
def test_where_newton_diverges_the_damped_one_converges(start):
    """From |z| > 1.39 the plain iteration for arctan z = 0 runs away."""
    root = simplified_newton(
        np.arctan, lambda z: (1 / (1 + z * z))[..., None], np.array([start]), size_one, what="0"
    )
    assert abs(root[0]) < 1e-15


def test_a_kink_is_no_obstacle():
    """Two slopes that send the plain iteration back and forth."""

    def residual(z):
        return np.where(z > 0, 0.2 * z, 5.0 * z) + 0.1 * np.sign(z) * np.abs(z) ** 0.5 + 1.0

    def derivative(z):
        slope = np.where(z > 0, 0.2, 5.0) + 0.05 / np.maximum(np.abs(z), 1e-9) ** 0.5
        return slope[..., None]

    root = simplified_newton(residual, derivative, np.array([40.0]), size_one, what="0")
    assert abs(residual(root)[0]) < 1e-14


def test_in_sixty_digits():
    with mpmath.workdps(60):
        start = np.array([mpmath.mpf(1)], dtype=object)
        root = simplified_newton(
            lambda z: z * z - 2, lambda z: 2 * z[..., None], start, size_one, what="√2"
        )
        assert abs(root[0] - mpmath.sqrt(2)) < mpmath.mpf(10) ** -57


@pytest.mark.parametrize(
    ("residual", "derivative"),
    [
        (lambda z: z * z + 1.0, lambda z: 2 * z[..., None]),  # no root
        (lambda z: z - 1.0, lambda z: np.zeros((*z.shape, 1))),  # singular
        (lambda z: z + np.nan, lambda z: np.ones((*z.shape, 1))),
    ],
)
def test_an_equation_without_solution_is_refused(residual, derivative):
    with pytest.raises(ConvergenceError, match="the equation of a test"):
        simplified_newton(
            residual, derivative, np.array([0.5]), size_one, what="the equation of a test"
        )


def test_a_wrong_jacobian_costs_iterations_but_no_accuracy():
    right = FieldSystem(lambda t, y: -(y**3), 1, lambda t, y: (-3 * y**2)[..., None])
    wrong = FieldSystem(lambda t, y: -(y**3), 1, lambda t, y: (-2 * y**2)[..., None])
    y = np.array([0.8])
    a, b = (ImplicitMidpoint.step(s, 0.0, y, 0.3) for s in (right, wrong))
    assert np.abs(a - b).max() < 1e-15


def test_long_steps_of_kinked_fields_are_solved():
    rng = np.random.default_rng(0)
    method = RadauIIA(2)
    for _ in range(100):
        n = int(rng.integers(1, 5))
        A = rng.normal(size=(int(rng.integers(1, 5)), n))
        A /= np.linalg.norm(A, 2)
        field = GradientField(A, 3 * rng.normal(size=len(A)), leaky_relu(0.0))
        system, y, h = method.prepare(field), 5 * rng.normal(size=n), rng.uniform(0, 30)
        k = np.stack(method.slopes(system, 0.0, y, h))
        coefficients = method.tableau.float64()
        stages = y + h * coefficients.A @ k
        assert np.abs(k - field(stages)).max() < 1e-12 * (1 + np.abs(y).max() / h)


def test_a_tiny_step_is_no_step():
    system = ImplicitMidpoint.prepare(GradientField(np.eye(2)))
    assert ImplicitMidpoint.step(system, 0.0, np.ones(2), 1e-310).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("start", [1e-30, 1e-40])
def test_a_small_increment_from_a_steep_start_is_no_root(start):
    """G' = −½/√z is huge at the start alone: the first increment is below one rounding there."""
    root = simplified_newton(
        lambda z: 1.0 - np.sqrt(np.abs(z)),
        lambda z: (-0.5 / np.sqrt(np.abs(z)) * np.sign(z))[..., None],
        np.array([start]),
        lambda z: 10 * size_one(z),
        what="the place where √|z| is 1",
    )
    assert abs(abs(root[0]) - 1) <= 1e-14


def test_an_infinite_derivative_is_refused():
    """Its inverse is 0, and so would be every increment: y⁺ = y for ẏ = 1 + √y, y = 0."""
    field = FieldSystem(
        lambda t, y: 1.0 + np.sqrt(np.abs(y)), 1, lambda t, y: np.full((*y.shape, 1), np.inf)
    )
    with pytest.raises(ConvergenceError):
        BackwardEuler.step(field, 0.0, np.array([0.0]), 0.1)
