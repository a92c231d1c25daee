"""A drift is told from an oscillation and from rounding."""

import dataclasses

import numpy as np
import pytest

from flowcert import DomainError, ShapeError, StructureError
from flowcert.numerics import RK4, Euler, FieldSystem, Invariant, Method
from flowcert.numerics.diagnostics import invariant_drift
from flowcert.numerics.problems import SIR, HenonHeiles, Kepler, Pendulum, RigidBody

ENERGY = Pendulum.invariants[0]


class Prescribed(Method):
    """y⁺ = y + increments[k], to be told apart by the diagnostic; t counts the steps."""

    name, order = "prescribed", 1

    def __init__(self, values):
        self.values = np.asarray(values)

    def step(self, system, t, y, h):
        return np.array([self.values[round(t / h) + 1]])


FIRST = Invariant("y", 1, lambda y: y[..., 0], lambda y: 0 * y + 1)
REST = FieldSystem(lambda t, y: 0 * y, 1)


def drift_of(values, h=0.5):
    values = np.asarray(values)
    return invariant_drift(Prescribed(values), REST, FIRST, values[:1], h, len(values) - 1)


def test_symplectic_methods_do_not_drift(leapfrog, implicit_midpoint):
    for method, problem in (
        (leapfrog, Pendulum),
        (leapfrog, HenonHeiles),
        (leapfrog, Kepler),
        (implicit_midpoint, Pendulum),
    ):
        steps = 4000 if method is leapfrog else 1500
        found = invariant_drift(
            method, problem.system, problem.invariants[0], problem.start, 0.05, steps
        )
        assert not found.significant
        assert 1e-7 < found.largest_deviation < 0.1


@pytest.mark.parametrize("problem", [Pendulum, Kepler, HenonHeiles], ids=str)
def test_rk4_does(problem):
    found = invariant_drift(RK4, problem.system, problem.invariants[0], problem.start, 0.05, 4000)
    assert found.significant
    assert found.slope < 0  # it dissipates on all of them


def test_a_run_that_overflows_is_named():
    with pytest.raises(DomainError, match="not finite"):
        invariant_drift(
            Euler, HenonHeiles.system, HenonHeiles.invariants[0], [0, 2, 1, 0], 0.1, 500
        )


def test_the_slope_is_the_growth_per_time():
    """Euler on the pendulum at rest height: dH/dt = h(p² cos q + sin² q)/2 + O(h²)."""
    h = 1e-3
    found = invariant_drift(Euler, Pendulum.system, ENERGY, [0.01, 0.0], h, 20_000)
    # For small swings (q² + p²)/2 is nearly 5e-5: the rate is h times it.
    assert found.slope == pytest.approx(h * 5e-5, rel=0.02)


def test_linear_and_quadratic_invariants_are_kept_to_rounding(implicit_midpoint):
    mass = invariant_drift(RK4, SIR.system, SIR.invariants[0], SIR.start, 0.1, 1000)
    squares = [
        invariant_drift(implicit_midpoint, RigidBody.system, i, RigidBody.start, 0.1, 500)
        for i in RigidBody.invariants
    ]
    for found in (mass, *squares):
        assert not found.significant
        assert found.largest_deviation < 1e-13


def test_a_line_is_found_exactly():
    times = 0.5 * np.arange(1001)
    found = drift_of(2.0 + 3e-3 * times)
    assert found.slope == pytest.approx(3e-3, rel=1e-9)
    assert found.significant
    assert found.largest_deviation == pytest.approx(1.5)
    assert np.allclose(found.times, times)
    assert np.allclose(found.deviations, 3e-3 * times)


def test_an_oscillation_is_no_drift_but_a_line_under_it_is():
    times = 0.5 * np.arange(4001)
    wave = 1 + 0.1 * np.sin(0.7 * times)
    assert not drift_of(wave).significant
    assert drift_of(wave + 1e-4 * times).significant
    # Neighbours depend on each other: a fit to all points would call the noise of a wave a drift.
    slow = 1 + 0.1 * np.sin(2 * np.pi * times / 90)
    assert not drift_of(slow).significant


def test_rounding_is_no_drift():
    """Random walks of one rounding a step, a thousand of them: hardly ever more than allowed."""
    rng = np.random.default_rng(3)
    significant = 0
    for _ in range(200):
        walk = 1.0 + np.cumsum(rng.choice([-1.0, 1.0], size=2001)) * 2.0**-53
        significant += drift_of(walk).significant
    assert significant == 0
    # The same walk with a bias of one rounding a step is a drift.
    assert drift_of(1.0 + np.arange(40_001) * 2.0**-52).significant


def test_independent_noise_is_no_drift():
    rng = np.random.default_rng(7)
    assert not any(drift_of(rng.normal(size=401)).significant for _ in range(200))


def test_independent_noise_has_the_standard_error_of_statistics():
    rng = np.random.default_rng(5)
    slopes, errors = [], []
    for _ in range(1000):
        found = drift_of(rng.normal(size=121))
        slopes.append(found.slope)
        errors.append(found.standard_error)
    assert np.std(slopes) == pytest.approx(np.mean(errors), rel=0.1)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: invariant_drift(RK4, Kepler.system, ENERGY, Kepler.start, 0.1, 500), ShapeError),
        (
            lambda: invariant_drift(RK4, Pendulum.system, ENERGY, [Pendulum.start], 0.1, 500),
            ShapeError,
        ),
        (
            lambda: invariant_drift(RK4, Pendulum.system, ENERGY, Pendulum.start, 0.1, 99),
            DomainError,
        ),
        (
            lambda: invariant_drift(RK4, Pendulum.system, ENERGY, Pendulum.start, 0.1, 200.5),
            DomainError,
        ),
    ],
)
def test_bad_questions_are_refused(call, error):
    with pytest.raises(error, match="expected"):
        call()


def test_a_wrong_invariant_is_seen():
    wrong = dataclasses.replace(
        SIR.invariants[0], function=lambda u: u[..., 0] + u[..., 1] + 0.99 * u[..., 2]
    )
    found = invariant_drift(RK4, SIR.system, wrong, SIR.start, 0.01, 300)
    assert found.largest_deviation > 1e-3


@pytest.mark.parametrize("h", [0, 0.0, np.nan, np.inf, [0.1, 0.2]])
def test_a_step_is_one_number_that_is_not_zero(h):
    with pytest.raises(DomainError, match="h "):
        invariant_drift(RK4, Pendulum.system, ENERGY, [1.0, 0.0], h, 200)


def test_an_invariant_is_a_function_with_its_gradient():
    with pytest.raises(StructureError, match=r"got function .* expected an Invariant"):
        invariant_drift(RK4, Pendulum.system, lambda y: y[..., 0], [1.0, 0.0], 0.1, 200)
    flat = Invariant("flat", 2, lambda y: y.sum(), lambda y: 0 * y + 1)
    with pytest.raises(ShapeError, match="value of 'flat'"):
        invariant_drift(RK4, Pendulum.system, flat, [1.0, 0.0], 0.1, 200)


def test_a_function_will_do_for_the_system():
    found = invariant_drift(RK4, Pendulum.system.rate, ENERGY, [1.0, 0.0], 0.1, 200)
    known = invariant_drift(RK4, Pendulum.system, ENERGY, [1.0, 0.0], 0.1, 200)
    assert np.array_equal(found.deviations, known.deviations)
