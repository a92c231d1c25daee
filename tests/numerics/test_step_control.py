"""How long a step is: counted without slivers, controlled by constants that are stated."""

import math

import numpy as np
import pytest
from scipy.integrate import RK45

from flowcert import DomainError, ShapeError
from flowcert.numerics.step_control import (
    StepController,
    Tolerance,
    starting_step,
    step_count,
    tolerance,
)


@pytest.mark.parametrize(
    ("span", "h", "count"),
    [
        ((0.0, 1.0), 0.1, 10),
        ((0.0, 0.3), 0.1, 3),  # 0.3/0.1 = 2.9999999999999996
        ((0.0, 3 * 0.1), 0.1, 3),  # 3.0000000000000004
        ((1000.0, 1000.7), 0.1, 7),  # the span is 0.7000000000000455
        ((0.0, 1e6), 0.1, 10**7),
        ((1.0, 0.0), 0.25, 4),
        ((0.0, 1.0), 0.3, 4),
        ((0.0, 1.0), 7.0, 1),
        ((0.0, 1.0), 1 - 1e-9, 2),  # a true last step, short as it is
        ((0.0, 1e-300), 1.0, 1),
    ],
)
def test_the_number_of_steps(span, h, count):
    assert step_count(*span, h) == count


def test_more_steps_than_float64_can_number_are_refused():
    for h in (1e-320, 1e-17):
        with pytest.raises(DomainError, match="fewer than 9007199254740992 steps"):
            step_count(0.0, 1.0, h)


def test_the_size_of_an_error():
    small = Tolerance(rtol=0.1, atol=np.array([1.0, 0.0]))
    y, y_next = np.array([0.0, -20.0]), np.array([10.0, 5.0])
    # The scales are 1 + 0.1·10 = 2 and 0 + 0.1·20 = 2.
    assert small.norm(np.array([6.0, -8.0]), y, y_next) == math.sqrt((9 + 16) / 2)
    no_scale = Tolerance(rtol=0.1, atol=0.0)
    assert no_scale.norm(np.array([0.0, 0.0]), np.zeros(2), np.zeros(2)) == 0
    assert no_scale.norm(np.array([0.0, 1e-300]), np.zeros(2), np.zeros(2)) == math.inf
    assert small.norm(np.array([np.nan, 0.0]), y, y_next) == math.inf
    assert small.norm(np.array([0.0, 0.0]), y, np.array([np.inf, 0.0])) == math.inf


def test_the_controller_has_the_constants_that_it_states():
    fresh = StepController(order=5)
    assert fresh.after_failure(32.0) == pytest.approx(0.9 / 2)
    assert fresh.after_failure(math.inf) == 0.5
    assert fresh.after_failure(1e6) == 0.2
    # Right after a rejected step none gets longer; the one after may again.
    assert fresh.after_success(1e-3) == 1.0
    assert fresh.after_success(1e-3) == pytest.approx(0.9 * 1e-3 ** (0.04 - (0.2 - 0.75 * 0.04)))
    steady = StepController(order=3, before=1.0)
    assert steady.after_success(1.0) == pytest.approx(0.9)
    assert steady.after_success(1e-9) == 10.0
    assert StepController(order=5).after_success(0.99) == pytest.approx(
        0.9 * 0.99**-0.17 * 1e-4**0.04
    )


@pytest.mark.parametrize("tightness", [1e-3, 1e-6, 1e-10])
@pytest.mark.parametrize("direction", [1.0, -1.0])
def test_the_first_step_is_that_of_scipy(tightness, direction):
    def rate(t, y):
        return np.array([y[1], -np.sin(y[0]) + np.cos(t)])

    y0 = np.array([1.0, 0.3])
    peer = RK45(rate, 0.0, y0, 10 * direction, rtol=tightness, atol=tightness).h_abs
    ours = starting_step(
        rate, 0.0, y0, rate(0.0, y0), 10.0, direction, 5, Tolerance(tightness, tightness)
    )
    assert ours == pytest.approx(peer, rel=1e-12)
    assert starting_step(rate, 0.0, y0, rate(0.0, y0), 1e-5, 1.0, 5, Tolerance()) == 1e-5


def test_at_rest_the_first_step_is_short_but_not_zero():
    y0 = np.zeros(2)
    step = starting_step(lambda t, y: 0 * y, 0.0, y0, y0, 10.0, 1.0, 5, Tolerance())
    assert 0 < step <= 1e-4


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: tolerance(1e-15, None, 2), DomainError, "rtol"),
        (lambda: tolerance(None, [1e-6, -1.0], 2), DomainError, "atol"),
        (lambda: tolerance(None, np.nan, 2), DomainError, "atol"),
        (lambda: tolerance([1e-3] * 3, None, 2), ShapeError, "rtol of shape"),
    ],
)
def test_bad_tolerances_are_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()
