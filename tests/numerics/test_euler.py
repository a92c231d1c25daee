"""The Euler step: its order on nonlinear and non-autonomous problems, its composition."""

import numpy as np
import pytest

from flowcert import DomainError, ShapeError
from flowcert.numerics import (
    ExpansiveGradientField,
    GradientField,
    euler_step,
    euler_trajectory,
    switching_euler,
)


class Logistic:
    """ẋ = x(1 − x), exact solution known."""

    dimension = 1

    def __call__(self, x):
        return x * (1 - x)

    def jacobian(self, x):
        return (1 - 2 * x)[..., None]


class DrivenDecay:
    """The non-autonomous ẏ = −y² cos t, with time as a second state: y = 1/(1 + sin t)."""

    dimension = 2

    def __call__(self, x):
        y, t = x[..., 0], x[..., 1]
        return np.stack([-(y**2) * np.cos(t), np.ones_like(t)], axis=-1)

    def jacobian(self, x):
        y, t = x[..., 0], x[..., 1]
        zero = np.zeros_like(t)
        rows = [[-2 * y * np.cos(t), y**2 * np.sin(t)], [zero, zero]]
        return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


@pytest.mark.parametrize(
    ("field", "start", "end"),
    [
        (Logistic(), [0.1], 0.1 * np.exp(2) / (1 + 0.1 * (np.exp(2) - 1))),
        (DrivenDecay(), [1.0, 0.0], 1 / (1 + np.sin(2.0))),
    ],
    ids=["nonlinear", "non-autonomous"],
)
def test_order_one(field, start, end):
    errors = []
    for steps in (200, 400, 800):
        errors.append(abs(euler_trajectory(field, start, 2.0 / steps, steps)[-1, 0] - end))
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert np.all(np.abs(orders - 1) < 0.15)


def test_trajectory_repeats_the_step():
    field = GradientField([[1.0, 2.0], [0.0, 1.0]], [0.5, -1.0])
    x = np.array([[1.0, 2.0], [-3.0, 0.5]])
    trajectory = euler_trajectory(field, x, 0.1, 3)
    assert trajectory.shape == (4, 2, 2)
    again = euler_step(field, euler_step(field, euler_step(field, x, 0.1), 0.1), 0.1)
    assert np.array_equal(trajectory[-1], again)
    assert np.array_equal(euler_trajectory(field, x, 0.1, 0), x[None])


def test_a_negative_step_runs_backwards():
    field = ExpansiveGradientField([[1.0]])
    assert euler_step(field, [2.0], -0.5) == euler_step(GradientField([[1.0]]), [2.0], 0.5)


def test_switching_applies_the_pieces_in_order():
    double, shift = ExpansiveGradientField([[1.0]]), ExpansiveGradientField([[1.0]], [1.0])
    first = switching_euler([(double, 1.0), (shift, 1.0)], [1.0])
    second = switching_euler([(shift, 1.0), (double, 1.0)], [1.0])
    assert (first[0], second[0]) == (5.0, 6.0)
    assert switching_euler([], [1.0]).tolist() == [1.0]


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda f: euler_step(f, [1.0], np.nan), DomainError),
        (lambda f: euler_step(f, [1.0], [0.1, 0.2]), DomainError),
        (lambda f: euler_step(f, [1.0, 2.0], 0.1), ShapeError),
        (lambda f: euler_trajectory(f, [1.0], 0.1, -1), DomainError),
        (lambda f: euler_trajectory(f, [1.0], 0.1, 1.5), DomainError),
        (lambda f: euler_trajectory(f, [1.0], 0.1, True), DomainError),
    ],
)
def test_bad_input_is_refused(call, error):
    with pytest.raises(error, match="expected"):
        call(GradientField([[1.0]]))
