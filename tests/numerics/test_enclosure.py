"""Enclosures hold the solutions that are known to 50 digits; broken ones are seen not to."""

from fractions import Fraction

import flint
import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowcert import ConvergenceError, DomainError, ShapeError, StructureError
from flowcert.numerics import FieldSystem, GradientField, elementary, enclosure
from flowcert.numerics.enclosure import bound_flow
from flowcert.numerics.power_series import exact_ball
from flowcert.numerics.problems import all_problems, find_problem

SOLVED = [problem for problem in all_problems() if problem.exact is not None]


def logistic(t, y):
    return [y[0] * (1 - y[0])]


def ball_of_decimals(value):
    return flint.arb(str(value))


def truth(problem, start, time):
    """The closed form in 50 digits, from numbers at their exact value."""
    with mpmath.workdps(50):
        return problem.exact(time, np.array([mpmath.mpf(v) for v in start], dtype=object))


def independent_end(rate, start, span):
    """mpmath's own Taylor solver, on plain lists."""
    with mpmath.workdps(30):
        run = mpmath.odefun(rate, span[0], [mpmath.mpf(v) for v in start])
        return run(mpmath.mpf(span[1]))


@pytest.mark.parametrize("problem", SOLVED, ids=str)
def test_holds_the_closed_form(problem):
    found = bound_flow(problem.system, problem.start, 0.0, problem.span[1])
    assert found.contains(truth(problem, problem.start, problem.span[1]))
    assert max(found.widths) < 1e-18


@pytest.mark.parametrize(
    ("name", "rate"),
    [
        ("LotkaVolterra", lambda t, u: [u[0] * (1 - u[1]), u[1] * (u[0] - 1)]),
        ("SIR", lambda t, u: [-u[0] * u[1], u[0] * u[1] - u[1], u[1]]),
        ("DrivenPendulum", lambda t, u: [u[1], mpmath.cos(t) - mpmath.sin(u[0])]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_holds_what_mpmath_finds(name, rate):
    problem = find_problem(name)
    found = bound_flow(problem.system, problem.start, 0.0, 0.5)
    assert found.contains(independent_end(rate, problem.start, (0, 0.5)))
    assert max(found.widths) < 1e-18


def test_holds_the_logistic_solution_backwards_and_forwards():
    for h in (Fraction(-3, 2), Fraction(1, 10), 5):
        found = bound_flow(logistic, [Fraction(1, 3)], 0, h)
        with mpmath.workdps(50):
            time = mpmath.mpf(Fraction(h).numerator) / Fraction(h).denominator
            assert found.contains([1 / (1 + 2 * mpmath.exp(-time))])
        assert found.widths[0] < 1e-18


def test_the_clock_starts_where_it_is_told():
    """y' = y cos t from t₀ = 1: y = exp(sin t − sin 1), for a whole ball of t₀ as well."""
    field = lambda t, y: [y[0] * elementary.cos(t)]  # noqa: E731 - one formula, used twice
    found = bound_flow(field, [1], 1, 2)
    with mpmath.workdps(50):
        assert found.contains([mpmath.exp(mpmath.sin(3) - mpmath.sin(1))])
    wide = bound_flow(field, [1], flint.arb(1, 0.01), 2)
    with mpmath.workdps(50):
        for t0 in (mpmath.mpf("0.992"), mpmath.mpf("1.009")):
            assert wide.contains([mpmath.exp(mpmath.sin(t0 + 2) - mpmath.sin(t0))])
    assert wide.widths[0] > 0.01


@settings(deadline=None, max_examples=25)
@given(st.lists(st.floats(-1, 1), min_size=2, max_size=2), st.sampled_from(["Pendulum", "Duffing"]))
def test_a_wide_start_holds_every_end(offsets, name):
    problem = find_problem(name)
    radius = 1e-3
    balls = [flint.arb(v, radius) for v in problem.start]
    found = bound_flow(problem.system, balls, 0, 1)
    inside = [v + 0.999 * radius * s for v, s in zip(problem.start, offsets, strict=True)]
    assert found.contains(truth(problem, inside, 1.0))
    assert min(found.widths) >= radius  # the flow of a pendulum does not contract so fast


def test_widths_are_diameters():
    found = bound_flow(lambda t, y: [0 * y[0]], [flint.arb(2, 0.25)], 0, 1)
    assert 0.5 <= found.widths[0] < 0.5001
    still = bound_flow(logistic, [flint.arb(2, 0.25)], 0, 0)
    assert (still.steps, still.balls[0].contains(flint.arb(2, 0.2))) == (0, True)


# One step with a remainder that is not negligible, so that an error in it shows.
COARSE = {"order": 4, "tolerance": 1.0}
SHORT = 1 / 64


def one_coarse_step(problem):
    found = bound_flow(problem.system, problem.start, 0, SHORT, **COARSE)
    assert found.steps == 1
    return found


@pytest.mark.parametrize("problem", SOLVED, ids=str)
def test_a_coarse_step_holds_the_closed_form(problem):
    found = one_coarse_step(problem)
    assert found.contains(truth(problem, problem.start, SHORT))
    assert max(found.widths) > 1e-12


@pytest.mark.parametrize("problem", SOLVED, ids=str)
def test_a_forgotten_remainder_is_seen(problem, monkeypatch):
    whole = enclosure.solution_series

    def without_remainder(field, time, state, order):
        series = whole(field, time, state, order)
        if order != COARSE["order"]:
            return series
        coefficients = [component.coeffs()[:order] for component in series]
        return [flint.arb_series([*kept, 0], order + 1) for kept in coefficients]

    monkeypatch.setattr(enclosure, "solution_series", without_remainder)
    assert not one_coarse_step(problem).contains(truth(problem, problem.start, SHORT))


@pytest.mark.parametrize("problem", SOLVED, ids=str)
def test_a_remainder_at_the_start_alone_is_seen(problem, monkeypatch):
    """The N-th coefficient must be taken over the box, not at the start of the step."""
    monkeypatch.setattr(enclosure, "_verified_box", lambda field, times, state, step: state)
    assert not one_coarse_step(problem).contains(truth(problem, problem.start, SHORT))


@pytest.mark.parametrize("problem", SOLVED, ids=str)
def test_a_remainder_of_the_wrong_order_is_seen(problem, monkeypatch):
    """The polynomial must reach up to the remainder's order."""
    whole = enclosure.solution_series

    def one_order_less(field, time, state, order):
        series = whole(field, time, state, order)
        if order != COARSE["order"] - 1:
            return series
        return [flint.arb_series(component.coeffs()[:order], order) for component in series]

    monkeypatch.setattr(enclosure, "solution_series", one_order_less)
    assert not one_coarse_step(problem).contains(truth(problem, problem.start, SHORT))


def test_the_remainder_is_taken_over_the_time_as_well():
    """y' = 6t⁵: at t = 0 the Taylor polynomial and the fourth coefficient are those of y = 1."""
    found = bound_flow(lambda t, y: [6 * t**5], [1], 0, 1, order=4, tolerance=1e3)
    assert found.steps == 1
    assert found.contains([2])


@pytest.mark.parametrize("h", [0.1, 0.2, 0.25, 0.3, 0.5, 0.9, 3.0])
def test_a_box_is_verified_or_refused(h):
    """y' = y² from 1: Picard's map has a box for h < 1/4 only, for then hb² + 1 ≤ b for some b."""
    with enclosure.working_bits(128):
        step = flint.arb(h)
        times = flint.arb(0).union(step)
        box = enclosure._verified_box(lambda t, y: [y[0] ** 2], times, [flint.arb(1)], step)
    if h >= 0.25:
        assert box is None
    elif h <= 0.2:
        assert box[0].contains(1)
        assert box[0].contains(flint.arb(1) / (1 - step))


def test_a_box_that_is_not_verified_is_seen(monkeypatch):
    """Past its pole y' = y² has no solution; without the check of the box an answer comes."""

    def unverified(field, times, state, step):
        return [flint.arb(y.mid(), 1) for y in state]

    with pytest.raises(ConvergenceError):
        bound_flow(lambda t, y: [y[0] * y[0]], [1], 0, 2)
    monkeypatch.setattr(enclosure, "_verified_box", unverified)
    answer = bound_flow(lambda t, y: [y[0] * y[0]], [1], 0, 2, order=3, tolerance=1e30)
    assert answer.balls[0].is_finite()


@pytest.mark.parametrize("time", [2, Fraction(1)])
def test_a_pole_is_refused(time):
    with pytest.raises(ConvergenceError, match="blow up"):
        bound_flow(lambda t, y: [y[0] * y[0]], [1], 0, time)


def test_just_before_a_pole_it_is_held():
    found = bound_flow(lambda t, y: [y[0] * y[0]], [1], 0, Fraction(99, 100))
    assert found.contains([100])
    assert found.widths[0] < 1e-12


def test_leaving_the_domain_is_refused():
    # y' = −1/√y reaches 0 at t = 2/3.
    with pytest.raises(ConvergenceError, match="box"):
        bound_flow(lambda t, y: [-1 / y[0].sqrt()], [1], 0, 1)
    held = bound_flow(lambda t, y: [-1 / y[0].sqrt()], [1], 0, Fraction(1, 2))
    with mpmath.workdps(50):
        assert held.contains([mpmath.mpf("0.25") ** (mpmath.mpf(2) / 3)])


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: bound_flow(logistic, [float("nan")], 0, 1), DomainError),
        (lambda: bound_flow(logistic, [1], 0, float("inf")), DomainError),
        (lambda: bound_flow(logistic, [mpmath.inf], 0, 1), DomainError),
        (lambda: bound_flow(logistic, ["1/3"], 0, 1), DomainError),
        (lambda: bound_flow(logistic, [1], 0, 1, order=0), DomainError),
        (lambda: bound_flow(lambda t, y: [1 / y[0]], [0], 0, 1), DomainError),
        (lambda: bound_flow(lambda t, y: [y[0].log()], [flint.arb(1, 2)], 0, 1), DomainError),
        (lambda: bound_flow(lambda t, y: [y[0], y[0]], [1], 0, 1), ShapeError),
        (lambda: bound_flow(lambda t, y: [np.hypot(y[0], 1.0)], [1], 0, 1), StructureError),
        (lambda: bound_flow(GradientField([[1.0]]), [1], 0, 1), StructureError),
        (
            lambda: bound_flow(FieldSystem(lambda t, y: abs(y), 1), [1], 0, 1),
            StructureError,
        ),
    ],
)
def test_bad_questions_are_refused(call, error):
    with pytest.raises(error, match="expected"):
        call()


@given(st.fractions(), st.floats(-1e6, 1e6))
def test_numbers_are_taken_at_their_exact_value(fraction, number):
    ball = exact_ball(fraction)
    assert (ball * fraction.denominator).contains(fraction.numerator)
    assert exact_ball(number) == flint.arb(number)
    with mpmath.workdps(80):
        long = mpmath.mpf(number) + mpmath.mpf(2) ** -200
    assert exact_ball(long) > flint.arb(number)
    # A ball is not its midpoint.
    assert exact_ball(flint.arb(number, 1)).rad() >= 1


def test_the_precision_of_flint_is_given_back():
    cap = flint.ctx.cap
    flint.ctx.cap = 7
    before = (flint.ctx.prec, flint.ctx.cap)
    bound_flow(logistic, [Fraction(1, 3)], 0, 1, bits=200)
    with pytest.raises(DomainError):
        bound_flow(logistic, [float("nan")], 0, 1)
    after = (flint.ctx.prec, flint.ctx.cap)
    flint.ctx.cap = cap
    assert after == before


@pytest.mark.skipif(
    np.finfo(np.longdouble).nmant <= 52, reason="a long double is a float64 on this machine"
)
def test_a_long_double_is_not_rounded_in_silence():
    assert exact_ball(np.longdouble(0.5)) == flint.arb(0.5)
    with pytest.raises(DomainError):
        exact_ball(np.longdouble(1) / 3)


@pytest.mark.parametrize("constant", [np.float64(0.5), np.int64(2)])
def test_a_constant_of_numpy_on_the_left_is_named(constant):
    with pytest.raises(StructureError, match=r"not numpy\.float64"):
        bound_flow(lambda t, y: [constant * y[0]], [1], 0, 1)


def test_more_steps_than_allowed_are_refused():
    def stiff(t, y):
        return [-1e4 * (y[0] - elementary.cos(t))]

    with pytest.raises(ConvergenceError, match="20 steps"):
        bound_flow(stiff, [1], 0, 1, most_steps=20)


@pytest.mark.parametrize(
    "field",
    [
        lambda t, y: [y[1], -np.sin(y[0])],
        lambda t, y: [y[1], np.cos(t)],
        lambda t, y: [y[1] * np.cos(t), -y[0]],
    ],
)
def test_a_function_of_numpy_is_named(field):
    with pytest.raises(StructureError, match=r"NumPy makes .* numerics\.elementary\.sin"):
        bound_flow(field, [1, 0], 0, 1)


@pytest.mark.parametrize("field", [lambda t, y: np.array([y[1], -y[0]]), lambda t, y: -y[..., 1]])
def test_a_function_on_arrays_is_told_to_be_wrapped(field):
    with pytest.raises(StructureError, match=r"FieldSystem\(function, dimension=2\)"):
        bound_flow(field, [1, 0], 0, 1)


def test_numbers_that_do_not_fit_the_field_are_shape_errors():
    for wrong in ([1], [1, 0, 0]):
        with pytest.raises(ShapeError, match=f"{len(wrong)} variables for a system of 2"):
            bound_flow(find_problem("Pendulum").system, wrong, 0, 1)
    with pytest.raises(ShapeError, match=r"y0 = 1\.0.*Write \[y0\]"):
        bound_flow(logistic, 1.0, 0, 1)
    with pytest.raises(ShapeError, match="more than the 1 variables"):
        bound_flow(lambda t, y: [-y[1]], [1], 0, 1)
    for alone in (lambda t, y: -y[0], lambda t, y: 1.0):
        with pytest.raises(ShapeError, match="a single rate"):
            bound_flow(alone, [1], 0, 1)


def test_a_problem_is_not_its_system():
    with pytest.raises(StructureError, match=r"got Pendulum, a Problem.*problem\.system"):
        bound_flow(find_problem("Pendulum"), [1, 0], 0, 1)


def test_the_distance_from_an_enclosure():
    """Balls [1.5, 2.5] and {0}: distances by hand, never below the truth, and 0 inside."""
    found = bound_flow(lambda t, y: [0 * y[0], 0 * y[1]], [flint.arb(2, 0.5), 0], 0, 0)
    assert found.distance([2.25, 0]) == 0
    assert found.contains([2.25, 0])
    assert abs(found.distance([4, 0]) - 1.5) < 1e-8  # flint rounds the radius up
    assert 0.25 <= found.distance([2, Fraction(-1, 4)]) < 0.25 + 1e-15
    third = bound_flow(lambda t, y: [0 * y[0]], [Fraction(1, 3)], 0, 0)
    assert third.distance([1 / 3]) >= float(Fraction(1, 3) - Fraction(1 / 3)) > 0
    assert third.distance([1 / 3]) < 1e-16
    assert third.contains([Fraction(1, 3)])
    for method in (found.contains, found.distance):
        for wrong in ([2], [2, 0, 0], 2.0):
            with pytest.raises(ShapeError):
                method(wrong)
        with pytest.raises(DomainError):
            method([2, np.nan])
