"""Reference flows: their stated error holds, and what they cannot meet they say."""

import mpmath
import numpy as np
import pytest
from scipy.linalg import expm

from flowcert import DomainError, ShapeError, StructureError
from flowcert.numerics import FieldSystem, GradientField, LinearField, reference
from flowcert.numerics.enclosure import bound_flow
from flowcert.numerics.extrapolation import extrapolated_flow
from flowcert.numerics.problems import DrivenDecay, Kepler, Pendulum, all_problems
from flowcert.numerics.reference import reference_flow, taylor_flow

PROBLEMS = all_problems()
SOLVED = [problem for problem in PROBLEMS if problem.exact is not None]


def true_error(value, truth):
    return float(np.max(np.abs(value - truth) / np.maximum(1.0, np.abs(truth))))


@pytest.mark.parametrize("tolerance", [1e-6, 1e-10, 1e-13])
@pytest.mark.parametrize("problem", SOLVED, ids=str)
def test_the_stated_error_holds(problem, tolerance):
    flow = reference_flow(problem.system, problem.start, problem.span, tolerance)
    error = true_error(flow.value, problem.exact(problem.span[1], problem.start))
    assert error <= flow.estimated_error
    assert flow.meets_tolerance == (flow.estimated_error <= tolerance)
    assert flow.meets_tolerance or tolerance < 1e-10
    assert flow.methods == ("DOP853", "extrapolated midpoint rule")


@pytest.mark.parametrize("problem", PROBLEMS, ids=str)
def test_the_stated_error_holds_against_a_rigorous_enclosure(problem):
    """The enclosure's midpoint is right to 1e-17, for problems without a closed form too."""
    held = bound_flow(problem.system, problem.start, problem.span[0], problem.span[1])
    truth = np.array([float(ball.mid()) for ball in held.balls])
    assert max(held.widths) < 1e-17
    flow = reference_flow(problem.system, problem.start, problem.span)
    assert true_error(flow.value, truth) <= flow.estimated_error <= 1e-10
    precise = reference_flow(
        problem.system, problem.start, problem.span, 2e-16, high_precision=True
    )
    assert precise.meets_tolerance
    assert np.array_equal(precise.value, truth)


def test_the_check_sees_a_wrong_method(monkeypatch):
    """A second method that lies, or a first one: the estimate is at least what they differ by."""
    sound = reference_flow(Kepler.system, Kepler.start, Kepler.span)
    run = reference._scipy_flow

    def wrong(*arguments):
        value, failed = run(*arguments)
        return value * (1 + 1e-8), failed

    monkeypatch.setattr(reference, "_scipy_flow", wrong)
    for high_precision, size in ((False, 1e-8), (True, 5e-9)):
        flow = reference_flow(
            Kepler.system, Kepler.start, Kepler.span, high_precision=high_precision
        )
        assert not flow.meets_tolerance
        assert flow.estimated_error > size > 100 * sound.estimated_error


def test_taylor_runs_that_disagree_are_seen(monkeypatch):
    run = reference.taylor_flow

    def wrong(system, start, span, digits):
        return run(system, start, span, digits) * (1 + (1e-12 if digits == 30 else 0))

    monkeypatch.setattr(reference, "taylor_flow", wrong)
    flow = reference_flow(Kepler.system, Kepler.start, Kepler.span, 1e-13, high_precision=True)
    assert not flow.meets_tolerance
    assert flow.estimated_error > 1e-12


def test_a_tolerance_out_of_reach_is_named():
    flow = reference_flow(Kepler.system, Kepler.start, Kepler.span, 1e-16)
    assert not flow.meets_tolerance
    assert "more than 1.0e-16 allows" in flow.detail
    assert flow.estimated_error > 1e-16


@pytest.mark.parametrize("high_precision", [False, True])
def test_a_blow_up_is_named(high_precision):
    field = FieldSystem(lambda t, y: y * y, 1)
    flow = reference_flow(field, [[0.1], [1.0]], (0.0, 2.0), high_precision=high_precision)
    assert not flow.meets_tolerance
    assert np.all(np.isnan(flow.value))
    assert flow.estimated_error == np.inf
    assert "t = 1" in flow.detail


def test_stiff_fields_go_to_radau():
    field = FieldSystem(
        lambda t, y: -1e4 * (y - np.cos(t)), 1, lambda t, y: -1e4 + 0 * y[..., None]
    )
    flow = reference_flow(field, [0.5], (0.0, 0.25), 1e-8)
    assert flow.methods == ("DOP853", "Radau")
    assert flow.meets_tolerance
    k = 1e4
    truth = (k * k * np.cos(0.25) + k * np.sin(0.25)) / (k * k + 1)  # the transient is gone
    assert abs(flow.value[0] - truth) <= flow.estimated_error


def test_batches_and_vector_fields_and_functions():
    A = np.array([[-0.5, 2.0], [-1.0, 0.25]])
    batch = np.arange(12.0).reshape(3, 2, 2) / 7
    truth = batch @ expm(1.5 * A).T
    fields = (LinearField(A), lambda t, y: y @ A.T)
    for field in fields:
        flow = reference_flow(field, batch, (0.0, 1.5))
        assert flow.value.shape == batch.shape
        assert true_error(flow.value, truth) <= flow.estimated_error <= 1e-10


def test_backwards_and_not_at_all():
    there = reference_flow(Pendulum.system, Pendulum.start, (1.0, 3.0))
    back = reference_flow(Pendulum.system, there.value, (3.0, 1.0))
    assert true_error(back.value, Pendulum.start) < 1e-11
    still = reference_flow(Pendulum.system, Pendulum.start, (1.0, 1.0))
    assert np.array_equal(still.value, Pendulum.start)
    assert still.estimated_error == 0
    assert still.meets_tolerance


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: reference_flow(Pendulum.system, [1.0], (0, 1)), ShapeError),
        (lambda: reference_flow(Pendulum.system, [1.0, np.nan], (0, 1)), DomainError),
        (lambda: reference_flow(Pendulum.system, [1.0, 0.0], (0, np.inf)), DomainError),
        (lambda: reference_flow(Pendulum.system, [1.0, 0.0], (0, 1, 2)), DomainError),
        (lambda: reference_flow(Pendulum.system, [1.0, 0.0], (0, 1), 0.0), DomainError),
        (lambda: reference_flow(Pendulum.system, [1.0, 0.0], (0, 1), np.nan), DomainError),
        (lambda: reference_flow("field", [1.0], (0, 1)), StructureError),
        (
            lambda: reference_flow(GradientField([[1.0]]), [1.0], (0, 1), high_precision=True),
            StructureError,
        ),
        (lambda: taylor_flow(Pendulum.system, [1.0, 0.0], (0, 1), 0), DomainError),
        (lambda: taylor_flow(lambda t, y: [y[0] ** 2], [1], (0, 2), 30), DomainError),
        (lambda: taylor_flow(lambda t, y: [1 / y[0]], [0], (0, 2), 30), DomainError),
    ],
)
def test_bad_questions_are_refused(call, error):
    with pytest.raises(error, match="expected"):
        call()


@pytest.mark.parametrize("digits", [20, 60, 120])
@pytest.mark.parametrize("problem", SOLVED, ids=str)
def test_taylor_has_its_digits(problem, digits):
    if digits == 120 and problem is not DrivenDecay:
        digits = 40  # one is enough, and quick
    with mpmath.workdps(digits + 10):
        start = problem.start_in_digits()
        end = taylor_flow(problem.system, start, problem.span, digits)
        truth = problem.exact(problem.span[1], start)
        assert np.max(np.abs(end - truth)) < mpmath.mpf(10) ** (1 - digits)


def test_taylor_runs_backwards_from_any_time_on_batches():
    with mpmath.workdps(50):
        starts = np.array([[mpmath.mpf(1)], [mpmath.mpf(0.5)]], dtype=object)
        # y' = −2ty²: 1/y grows by t₁² − t₀².
        ends = taylor_flow(lambda t, y: [-2 * t * y[0] ** 2], starts, (2, mpmath.mpf(7) / 4), 45)
        change = mpmath.mpf(49) / 16 - 4
        for start, end in zip(starts.ravel(), ends.ravel(), strict=True):
            assert abs(end - 1 / (1 / start + change)) < mpmath.mpf(10) ** -44


def test_taylor_takes_numbers_at_their_exact_value():
    """0.1 in float64 is not 1/10: after a field of zero it is still the same float."""
    with mpmath.workdps(40):
        assert taylor_flow(lambda t, y: [0], [0.1], (0, 1), 30)[0] == mpmath.mpf(0.1)


def test_the_midpoint_rule_converges_and_reports_its_change():
    truth = Pendulum.exact(3.0, Pendulum.start)
    value, change = extrapolated_flow(Pendulum.system, Pendulum.start, Pendulum.span, 1e-13)
    assert change <= 1e-12
    assert true_error(value, truth) < 1e-13
    loose, loose_change = extrapolated_flow(Pendulum.system, Pendulum.start, Pendulum.span, 1e-2)
    assert true_error(loose, truth) <= loose_change <= 1e-2


def test_the_midpoint_rule_has_order_sixteen():
    """One and two steps on a problem that is known: the error falls by about 2¹⁶."""
    from flowcert.numerics.extrapolation import _equal_steps

    truth = DrivenDecay.exact(2.0, DrivenDecay.start)
    errors = [
        float(np.abs(_equal_steps(DrivenDecay.system, DrivenDecay.start, (0.0, 2.0), n) - truth)[0])
        for n in (2, 4)
    ]
    assert errors[0] / errors[1] > 2**12


def test_a_number_is_no_state_and_no_span():
    for wrong in (
        lambda: reference_flow(lambda t, y: -y, 1.0, (0.0, 1.0)),
        lambda: taylor_flow(lambda t, y: [-y[0]], 1, (0, 1), 20),
    ):
        with pytest.raises(ShapeError, match=r"Write \[y0\]"):
            wrong()
    with pytest.raises(ShapeError, match="span = 1"):
        taylor_flow(lambda t, y: [-y[0]], [1], 1, 20)
