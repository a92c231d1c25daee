"""Observed orders are those that are known, on nonlinear and on non-autonomous problems."""

import dataclasses
from fractions import Fraction

import mpmath
import numpy as np
import pytest

from flowcert import DomainError, ShapeError, StructureError
from flowcert.numerics import (
    RK4,
    SSP33,
    ButcherTableau,
    Euler,
    FieldSystem,
    GradientField,
    Heun,
    Method,
    Ralston,
    RungeKutta,
)
from flowcert.numerics.diagnostics import observed_order
from flowcert.numerics.diagnostics.observed_order import _finest_window
from flowcert.numerics.elementary import cos
from flowcert.numerics.problems import (
    SIR,
    DrivenDecay,
    DrivenLimitCycle,
    DrivenPendulum,
    DrivenShears,
    Kepler,
    LotkaVolterra,
    LotkaVolterraLogarithmic,
    Pendulum,
    RigidBody,
    all_problems,
)


def assert_order(found, order, within=0.15):
    assert found.found, found.detail
    assert abs(found.order - order) <= within
    assert found.confidence <= within
    # The order is what the evidence says.
    first, last = found.window
    rise = np.log(found.errors[first] / found.errors[last])
    assert abs(rise / np.log(found.steps[last] / found.steps[first]) - found.order) < 0.1


@pytest.mark.parametrize("method", [Euler, Heun, Ralston, SSP33, RK4], ids=str)
@pytest.mark.parametrize("problem", [DrivenDecay, DrivenLimitCycle, Pendulum, SIR, Kepler], ids=str)
def test_explicit_methods(method, problem):
    assert_order(observed_order(method, problem), method.order)


@pytest.mark.parametrize("problem", all_problems(), ids=str)
def test_every_problem_shows_the_order_of_rk4(problem):
    assert_order(observed_order(RK4, problem), 4)


def test_an_implicit_method(implicit_midpoint):
    for problem in (DrivenPendulum, RigidBody):
        steps = (16, 32, 64, 128)
        assert_order(observed_order(implicit_midpoint, problem, steps=steps), 2, within=0.02)


def test_partitioned_methods(symplectic_euler, leapfrog, triple_jump):
    for method in (symplectic_euler, leapfrog, triple_jump):
        for problem in (DrivenShears, LotkaVolterraLogarithmic):
            assert_order(observed_order(method, problem), method.order)


@pytest.mark.parametrize("problem", [DrivenDecay, LotkaVolterra], ids=str)
def test_many_digits(problem):
    found = observed_order(RK4, problem, digits=50)
    assert_order(found, 4)
    assert found.reference == ("Taylor in 60 digits" if problem.exact is None else "closed form")


def test_many_digits_with_composed_and_implicit_methods(triple_jump, implicit_midpoint):
    steps = (16, 23, 32, 45)
    assert_order(observed_order(triple_jump, DrivenShears, steps=steps, digits=40), 4)
    assert_order(observed_order(implicit_midpoint, RigidBody, steps=steps, digits=40), 2)


class ExtrapolatedRK4(Method):
    """RK4 with 1, …, 5 sub-steps, combined so that the errors h⁴ to h⁷ cancel: order 8."""

    name, order = "extrapolated RK4", 8
    counts = (1, 2, 3, 4, 5)

    def step(self, system, t, y, h):
        total = 0
        for n, weight in zip(self.counts, self.weights(), strict=True):
            z = y
            for k in range(n):
                z = RK4.step(system, t + k * h / n, z, h / n)
            total = total + weight * z
        return total

    def weights(self):
        powers = [[mpmath.mpf(n) ** -p for n in self.counts] for p in (0, 4, 5, 6, 7)]
        return list(mpmath.lu_solve(mpmath.matrix(powers), mpmath.matrix([1, 0, 0, 0, 0])))


def test_a_high_order_in_many_digits():
    found = observed_order(ExtrapolatedRK4(), DrivenDecay, steps=(23, 32, 45, 64), digits=50)
    assert_order(found, 8)


class Slopes(Method):
    """A method written out as y⁺ = y + h·slope(f, t, y, h), right or wrong."""

    def __init__(self, slope, order=1):
        self.name, self.order, self.slope = "slopes", order, slope

    def step(self, system, t, y, h):
        return y + h * self.slope(system, t, y, h)


def test_a_wrong_time_shows_on_driven_problems_alone():
    """Heun's method that forgets the time in its second stage is of order 2 on autonomous ones."""
    wrong = Slopes(lambda f, t, y, h: (f(t, y) + f(t, y + h * f(t, y))) / 2, 2)
    assert_order(observed_order(wrong, Pendulum), 2)
    assert_order(observed_order(wrong, DrivenDecay), 1)


@pytest.mark.parametrize("change", ["1/1000", "1/30", "-1/10"])
def test_a_changed_coefficient_shows(change):
    """Of one inner coefficient of RK4, with its node: the order falls to 2."""
    half = Fraction(1, 2) + Fraction(change)
    A = [[0, 0, 0, 0], ["1/2", 0, 0, 0], [0, half, 0, 0], [0, 0, 1, 0]]
    tableau = ButcherTableau(A, ["1/6", "1/3", "1/3", "1/6"], [0, "1/2", half, 1])
    mutant = RungeKutta("mutant", tableau, order=4)
    for problem in (DrivenDecay, Pendulum):
        found = observed_order(mutant, problem)
        assert not found.found or found.order < 3.5


@pytest.mark.parametrize(
    ("orders", "errors", "window"),
    [
        ([2.0, 2.1, 2.05, 2.0], [1.0] * 5, (1, 4)),
        # the finest window, though a coarser one looks better
        ([4.0, 4.0, 4.0, 3.0, 2.0, 2.1, 2.0], [1.0] * 8, (4, 7)),
        # the finer ones disagree, or are not those of a method that converges
        ([4.0, 4.0, 4.0, 1.0, 5.0], [1.0] * 6, (0, 3)),
        ([4.0, 4.0, 4.0, 0.1, 0.1, 0.1], [1.0] * 7, (0, 3)),
        ([2.0, 2.5, 3.0, 3.5], [1.0] * 5, None),
        # an error below the floor, or a local order that does not exist
        ([2.0, 2.0, 2.0, 2.0, 2.0], [1.0, 1.0, 1.0, 1.0, 1e-15, 1.0], (0, 3)),
        ([np.nan, 2.0, 2.0, np.nan], [1.0] * 5, None),
        ([2.0, 2.0], [1.0] * 3, None),
    ],
)
def test_the_window_is_the_finest_that_is_asymptotic(orders, errors, window):
    assert _finest_window(orders, tuple(errors), 1e-14) == window


def test_a_method_that_does_not_converge_has_no_order():
    doubled = Slopes(lambda f, t, y, h: 2 * f(t, y))
    found = observed_order(doubled, Pendulum)
    assert not found.found
    assert np.isnan(found.order)
    assert np.isnan(found.confidence)
    assert found.window is None
    assert "no asymptotic range" in found.detail


def test_a_problem_that_is_solved_exactly_has_no_asymptotic_range():
    constant = FieldSystem(lambda t, y: 0 * y + 1, 1)
    found = observed_order(RK4, (constant, [0.0], (0.0, 1.0)))
    assert not found.found
    assert len(found.steps) == 1  # it stopped at the rounding floor
    assert "0 of 1 errors" in found.detail


def test_long_steps_are_left_out():
    """A stiff decay: Euler explodes until h < 2/λ, and its order shows beyond."""
    stiff = FieldSystem(lambda t, y: 60 * (cos(t) - y * y * y), 1)
    found = observed_order(
        Euler, (stiff, [1.0], (0.0, 1.0)), steps=(8, 16, 32, 400, 800, 1600, 3200)
    )
    assert found.steps[found.window[0]] >= 400
    quintic = FieldSystem(lambda t, y: -(y**5), 1)
    found = observed_order(Euler, (quintic, [3.0], (0.0, 1.0)), steps=(8, 512, 1024, 2048, 4096))
    assert found.errors[0] == np.inf
    assert_order(found, 1)


def test_fields_without_power_series_have_a_reference_too():
    field = GradientField([[1.0, 0.5], [0.25, 2.0]], [10.0, 10.0])  # no kink on the way
    found = observed_order(Heun, (field, [0.5, 0.5], (0.0, 0.25)))
    assert "DOP853" in found.reference
    assert_order(found, 2)
    with pytest.raises(StructureError, match="power series"):
        observed_order(Heun, (field, [0.5, 0.5], (0.0, 0.25)), digits=40)


def test_the_reference_is_not_the_method():
    """A closed form that is off by 1e-6 is seen: the errors stop falling there."""
    exact = Pendulum.exact
    wrong = dataclasses.replace(Pendulum, exact=lambda t, y: exact(t, y) + 1e-6)
    errors = observed_order(RK4, wrong).errors
    assert errors[-1] == pytest.approx(1e-6, rel=1e-3)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: observed_order(RK4, Pendulum, steps=(16, 8)), DomainError),
        (lambda: observed_order(RK4, Pendulum, steps=(0, 8)), DomainError),
        (lambda: observed_order(RK4, Pendulum, steps=(2.5, 8)), DomainError),
        (lambda: observed_order(RK4, Pendulum, steps=()), DomainError),
        (lambda: observed_order(RK4, (Pendulum.system, [0.1, 0.2], (1, 1))), DomainError),
        (lambda: observed_order(RK4, (Pendulum.system, [[0.1, 0.2]], (0, 1))), ShapeError),
        (lambda: observed_order(RK4, (Pendulum.system, [0.1], (0, 1))), ShapeError),
        (lambda: observed_order(RK4, ("field", [0.1], (0, 1))), StructureError),
    ],
)
def test_bad_questions_are_refused(call, error):
    with pytest.raises(error, match="expected"):
        call()


@pytest.mark.parametrize(
    ("problem", "error", "named"),
    [
        (lambda t, y: -y, StructureError, "a function as the problem"),
        (Pendulum.system, StructureError, "SeparableHamiltonian as the problem"),
        ((Pendulum.system, [1.0, 0.0]), StructureError, "tuple of 2 as the problem"),
        ("abc", StructureError, "a str as the problem"),
        ((lambda t, y: -y, 1.0, (0.0, 1.0)), ShapeError, r"shape \(\)"),
        ((lambda t, y: -y, [1.0], 1.0), ShapeError, "span = 1.0"),
    ],
)
def test_what_is_no_problem_is_named(problem, error, named):
    with pytest.raises(error, match=named):
        observed_order(RK4, problem)
