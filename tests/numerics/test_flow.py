"""Batched flow maps: right values, whole batches, exact ends, loud refusals, quiet terminals."""

import io
import math
import sys

import mpmath
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from flowcert import DomainError, FlowcertError, ShapeError, StructureError
from flowcert.numerics import (
    RK4,
    RKMK4,
    Euler,
    FieldSystem,
    Gonzalez,
    GradientField,
    Heun,
    Strang,
    euler_trajectory,
)
from flowcert.numerics import flow as flow_module
from flowcert.numerics.elementary import cos, sin
from flowcert.numerics.flow import flow_map, trajectory
from flowcert.numerics.methods.method import Method
from flowcert.numerics.problems import Pendulum


def pendulum(t, y):
    return np.stack([y[..., 1], -sin(y[..., 0])], axis=-1)


def driven_decay(t, y):
    """ẏ = −y² cos t: y(t) = 1/(1/y₀ + sin t)."""
    return -y * y * cos(t)


def batch(*shape):
    return np.random.default_rng(5).uniform(-1.0, 1.0, shape)


def test_the_value_is_that_of_a_tight_solver_for_every_element_of_the_batch():
    y0 = batch(2, 3, 2)
    ours = flow_map(pendulum, y0, (0.0, 3.0), RK4, 1000)
    assert ours.shape == y0.shape
    for index in np.ndindex(2, 3):
        run = solve_ivp(pendulum, (0, 3), y0[index], method="DOP853", rtol=1e-12, atol=1e-13)
        assert np.abs(run.y[:, -1] - ours[index]).max() < 1e-10


def test_a_batch_is_the_same_as_its_elements_one_by_one():
    y0 = batch(4, 2)
    together = flow_map(pendulum, y0, (0.5, 2.0), RK4, 40)
    alone = np.stack([flow_map(pendulum, one, (0.5, 2.0), RK4, 40) for one in y0])
    assert np.abs(together - alone).max() < 1e-15


@pytest.mark.parametrize(("method", "order"), [(Euler, 1), (Heun, 2), (RK4, 4)], ids=repr)
def test_the_order_forward_and_backward(method, order):
    for span in ((0.0, 1.0), (1.0, 0.0)):
        start = 1 / (1 / 0.8 + math.sin(span[0]))
        end = 1 / (1 / 0.8 + math.sin(span[1]))
        steps = (80, 160, 320) if order > 1 else (500, 1000, 2000)
        errors = [abs(flow_map(driven_decay, [start], span, method, n)[0] - end) for n in steps]
        orders = np.log2(np.array(errors[:-1]) / errors[1:])
        assert np.all(np.abs(orders - order) < 0.15), orders


def test_a_run_back_returns():
    y0 = batch(5, 2)
    there = flow_map(pendulum, y0, (1.0, 3.0), RK4, 400)
    assert np.abs(flow_map(pendulum, there, (3.0, 1.0), RK4, 400) - y0).max() < 1e-9
    assert np.abs(there - y0).max() > 0.1


def test_an_empty_span_returns_a_copy_of_the_start():
    y0 = batch(3, 2)
    end = flow_map(pendulum, y0, (2.0, 2.0), RK4, 7)
    assert np.array_equal(end, y0)
    assert not np.shares_memory(end, y0)
    times, states = trajectory(pendulum, y0, (2.0, 2.0), RK4, 2)
    assert times.tolist() == [2.0, 2.0, 2.0]
    assert np.array_equal(states, np.stack([y0] * 3))


def test_the_trajectory_has_every_so_many_steps_and_the_end():
    times, states = trajectory(pendulum, batch(3, 2), (0.0, 1.0), RK4, 10)
    assert (times.shape, states.shape) == ((11,), (11, 3, 2))
    assert np.array_equal(states[-1], flow_map(pendulum, batch(3, 2), (0.0, 1.0), RK4, 10))
    few_times, few = trajectory(pendulum, batch(3, 2), (0.0, 1.0), RK4, 10, every=4)
    assert few_times.tolist() == [0.0, 0.4, 0.8, 1.0]
    assert np.array_equal(few, states[[0, 4, 8, 10]])
    back, _ = trajectory(pendulum, batch(2), (1.0, 0.0), RK4, 4)
    assert back.tolist() == [1.0, 0.75, 0.5, 0.25, 0.0]


def test_the_trajectory_of_euler_is_the_house_s_own():
    field = GradientField([[1.0, 2.0], [0.0, 1.0]], [0.5, -1.0])
    _, states = trajectory(field, batch(3, 2), (0.0, 0.5), Euler, 5)
    assert np.array_equal(states, euler_trajectory(field, batch(3, 2), 0.1, 5))


def test_times_do_not_accumulate_rounding():
    seen = []

    def clock(t, y):
        seen.append(t)
        return 0 * y

    flow_map(clock, [0.0], (0.0, 1000.0), Euler, 10000)
    assert seen == [k * 0.1 for k in range(10000)]


def test_sixty_digits():
    with mpmath.workdps(60):
        y0 = np.array([mpmath.mpf(1)], dtype=object)
        errors = []
        for steps in (64, 128):
            y = flow_map(driven_decay, y0, (0, mpmath.mpf(2)), RK4, steps)
            errors.append(abs(y[0] - 1 / (1 + mpmath.sin(2))))
        assert abs(mpmath.log(errors[0] / errors[1], 2) - 4) < 0.15
        # A step in float64 would leave an error of 1e-17 at least.
        fine = flow_map(lambda t, y: y, y0, (0, mpmath.mpf(1) / 3), Euler, 3)
        assert abs(fine[0] - (1 + mpmath.mpf(1) / 9) ** 3) < mpmath.mpf(10) ** -57
        times, _ = trajectory(lambda t, y: y, y0, (0, 1), Euler, 3)
        assert abs(times[1] - mpmath.mpf(1) / 3) < mpmath.mpf(10) ** -57


class FromStart(Method):
    """A method that wants to know the start, and steps nowhere."""

    name, order = "FromStart", 1

    def prepare(self, system, dimension=None, near=None):
        self.near = near
        return super().prepare(system, dimension)

    def step(self, system, t, y, h):
        return y + 0 * h


def test_a_method_that_asks_is_told_the_start():
    method, y0 = FromStart(), batch(3, 2)
    flow_map(pendulum, y0, (0.0, 1.0), method, 1)
    assert np.array_equal(method.near, y0)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: flow_map(pendulum, [0.0, 1.0], (0.0, 1.0), RK4, 0), DomainError, "steps = 0"),
        (lambda: flow_map(pendulum, [0.0, 1.0], (0.0, 1.0), RK4, 1.5), DomainError, "steps"),
        (lambda: flow_map(pendulum, [0.0, 1.0], (0.0, 1.0), RK4, True), DomainError, "steps"),
        (lambda: flow_map(pendulum, [0.0, 1.0], (0.0, math.inf), RK4, 5), DomainError, "time"),
        (lambda: flow_map(pendulum, [0.0, 1.0], (math.nan, 1.0), RK4, 5), DomainError, "time"),
        (lambda: flow_map(pendulum, [0.0, 1.0], (-1e308, 1e308), RK4, 5), DomainError, "time"),
        (lambda: flow_map(pendulum, [0.0, 1.0], (0.0, "soon"), RK4, 5), DomainError, "time"),
        (lambda: flow_map(pendulum, [0.0, math.nan], (0.0, 1.0), RK4, 5), DomainError, "y0|y "),
        (lambda: flow_map(pendulum, [0.0, 1j], (0.0, 1.0), RK4, 5), DomainError, "real numbers"),
        (lambda: flow_map(pendulum, 1.0, (0.0, 1.0), RK4, 5), ShapeError, "shape"),
        (lambda: flow_map(GradientField([[1.0]]), [1.0, 2.0], (0, 1), RK4, 5), ShapeError, "shape"),
        (lambda: flow_map("pendulum", [1.0], (0, 1), RK4, 5), StructureError, "right-hand side"),
        (lambda: flow_map(pendulum, [0.0, 1.0], (0, 1), "RK4", 5), StructureError, "RK4"),
        (lambda: flow_map(lambda t, y: y**2, [5.0], (0, 9), RK4, 90), DomainError, "not finite"),
        (lambda: trajectory(pendulum, [0.0, 1.0], (0, 1), RK4, 5, every=0), DomainError, "every"),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")  # y² does blow up
def test_bad_input_is_refused(call, error, words):
    with pytest.raises(error, match=words) as caught:
        call()
    assert isinstance(caught.value, FlowcertError)


def test_a_last_step_that_overflows_is_told():
    field = FieldSystem(lambda t, y: 0 * y + 1e308, 1)
    with pytest.raises(DomainError, match="not finite after a step"), np.errstate(over="ignore"):
        flow_map(field, [1e308], (0.0, 1.5), Euler, 1)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def _run_with_stderr(monkeypatch, stream, progress, patience):
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(flow_module, "_PATIENCE", patience)
    monkeypatch.setattr(flow_module, "_REFRESH", 0.0)
    return flow_map(pendulum, [0.0, 1.0], (0.0, 1.0), RK4, 20, progress=progress)


@pytest.mark.parametrize(
    ("stream", "progress", "patience", "speaks"),
    [
        (Terminal, None, 0.0, True),  # a long run
        (Terminal, None, 60.0, False),  # a short one
        (Terminal, False, 0.0, False),
        (Terminal, True, 60.0, True),
        (io.StringIO, None, 0.0, False),
        (io.StringIO, True, 60.0, True),
    ],
)
def test_the_bar_shows_when_it_should(monkeypatch, stream, progress, patience, speaks):
    silent = flow_map(pendulum, [0.0, 1.0], (0.0, 1.0), RK4, 20, progress=False)
    monkeypatch.setenv("TERM", "xterm")
    written = stream()
    value = _run_with_stderr(monkeypatch, written, progress, patience)
    assert np.array_equal(value, silent)
    assert ("steps" in written.getvalue()) is speaks


def test_an_interrupted_run_takes_its_bar_away(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    written = Terminal()
    monkeypatch.setattr(sys, "stderr", written)

    def interrupted(t, y):
        if t > 0.5:
            raise KeyboardInterrupt
        return y

    with pytest.raises(KeyboardInterrupt) as caught:
        flow_map(interrupted, [1.0], (0.0, 1.0), Euler, 10, progress=True)
    assert caught.value is not None  # still held, with its frames: not the collector's doing
    assert written.getvalue().endswith(("\x1b[?25h", "\x1b[2K"))  # cursor back, line erased


@pytest.mark.parametrize("span", [(0.0,), (0.0, 1.0, 2.0), 1.0, None, "01", {0, 1}])
def test_a_span_is_two_times(span):
    with pytest.raises(ShapeError, match="span"):
        flow_map(FieldSystem(lambda t, y: -y, 1), [1.0], span, RK4, 3)


@pytest.mark.parametrize("rate", [lambda t, y: 1j * y, lambda t, y: np.full(y.shape, "a")])
def test_rates_that_are_not_real_are_refused(rate):
    with pytest.raises(DomainError, match="real rates"):
        flow_map(FieldSystem(rate, 1), [1.0], (0.0, 1.0), RK4, 3)


def test_a_function_that_mixes_a_batch_is_refused():
    """With as many elements as variables the shapes alone would not tell."""

    def careless(t, y):
        return np.array([y[1], -np.sin(y[0])])

    assert flow_map(careless, np.ones(2), (0.0, 1.0), RK4, 3).shape == (2,)
    with pytest.raises(ShapeError, match="mixes the elements"):
        flow_map(careless, np.arange(4.0).reshape(2, 2), (0.0, 1.0), RK4, 3)
    right = flow_map(pendulum, np.arange(4.0).reshape(2, 2), (0.0, 1.0), RK4, 3)
    alone = flow_map(careless, np.array([2.0, 3.0]), (0.0, 1.0), RK4, 3)
    assert np.array_equal(right[1], alone)


@pytest.mark.parametrize("method", [RK4, Strang, Gonzalez, RKMK4], ids=repr)
def test_a_problem_is_no_system(method):
    with pytest.raises(StructureError, match=r"problem\.system"):
        flow_map(Pendulum, [1.0, 0.0], (0.0, 1.0), method, 3)
