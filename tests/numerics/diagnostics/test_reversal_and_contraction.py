"""A step back, and pairs of states that approach."""

import numpy as np
import pytest

from flowcert import DomainError, ShapeError
from flowcert.numerics import RK4, Euler, FieldSystem, LinearField
from flowcert.numerics.diagnostics import contraction_factor, reversal_error
from flowcert.numerics.problems import (
    DrivenPendulum,
    DrivenShears,
    GradientFlow,
    HenonHeiles,
    Kepler,
    Pendulum,
)

RNG = np.random.default_rng(11)


@pytest.mark.parametrize("problem", [Pendulum, Kepler, HenonHeiles, DrivenShears], ids=str)
def test_symmetric_methods_return(problem, leapfrog, implicit_midpoint, trapezoid, triple_jump):
    for method in (leapfrog, implicit_midpoint, trapezoid, triple_jump):
        assert reversal_error(method, problem.system, problem.start, 0.1, t=0.3).error < 1e-14
        found = reversal_error(method, problem.system, problem.start, 0.1, t=0.3, digits=50)
        assert found.error < 1e-45


@pytest.mark.parametrize("problem", [Pendulum, Kepler, DrivenPendulum], ids=str)
def test_others_do_not(problem, symplectic_euler):
    for method in (Euler, RK4, symplectic_euler):
        assert reversal_error(method, problem.system, problem.start + 0.05, 0.25).error > 1e-10


def test_the_way_back_starts_at_the_later_time(leapfrog):
    """ẏ = (t, t) by the midpoint in time: forgetting t + h on the way back would cost h²."""
    driven = DrivenPendulum.system
    there = leapfrog.step(driven, 0.3, DrivenPendulum.start, 0.2)
    found = reversal_error(leapfrog, driven, DrivenPendulum.start, 0.2, t=0.3)
    assert np.array_equal(found.there, there)
    assert np.array_equal(found.returned, leapfrog.step(driven, 0.5, there, -0.2))
    forgotten = leapfrog.step(driven, 0.3, there, -0.2)
    assert np.max(np.abs(forgotten - DrivenPendulum.start)) > 1e-3


def test_the_reversal_error_of_euler_is_known():
    """On ẏ = −y: (1 − h)(1 + h) − 1 = −h², the worst of a batch."""
    decay = FieldSystem(lambda t, y: -y, 1)
    found = reversal_error(Euler, decay, [[1.0], [-3.0]], 0.25)
    assert found.error == 3 * 0.0625
    assert found.returned.tolist() == [[0.9375], [-2.8125]]


def test_linear_steps_contract_by_the_norm_of_their_matrix():
    A = RNG.normal(size=(3, 3))
    pairs = RNG.normal(size=(4000, 2, 3))
    found = contraction_factor(Euler, LinearField(A), pairs, 0.3)
    norm = np.linalg.norm(np.eye(3) + 0.3 * A, 2)
    assert 0.98 * norm < found.factor <= norm * (1 + 1e-14)
    # The singular vector attains it.
    singular = np.linalg.svd(np.eye(3) + 0.3 * A)[2][0]
    attained = contraction_factor(Euler, LinearField(A), [[singular, 0 * singular]], 0.3)
    assert attained.factor == pytest.approx(norm, rel=1e-14)


def test_the_pair_attains_the_factor(implicit_midpoint):
    pairs = RNG.normal(size=(500, 2, 2))
    for method in (Euler, RK4, implicit_midpoint):
        found = contraction_factor(method, GradientFlow.system, pairs, 0.5)
        ratio = np.linalg.norm(np.subtract(*found.images)) / np.linalg.norm(
            np.subtract(*found.pair)
        )
        assert found.factor == pytest.approx(ratio, rel=1e-15)
        assert found.factor == found.ratios.max()
        assert found.ratios.shape == (500,)
        assert any(np.array_equal(found.pair, pair) for pair in pairs)
        assert np.allclose(found.images, method.step(GradientFlow.system, 0.0, found.pair, 0.5))


def test_gradient_flows_contract_up_to_the_limit_of_the_step(implicit_midpoint):
    """A convex V with ∇²V ≤ L: Euler is non-expansive for h ≤ 2/L and not far beyond; the
    implicit midpoint rule always.
    """
    A = np.array([[1.0, 0.5], [-0.5, 1.5], [0.75, -0.25]])
    L = np.linalg.norm(A, 2) ** 2
    # Near the minimum, where the slopes of tanh are largest, and far out.
    pairs = RNG.normal(size=(2000, 2, 2)) * np.geomspace(0.05, 3, 2000)[:, None, None]
    assert contraction_factor(Euler, GradientFlow.system, pairs, 2 / L).factor <= 1
    assert contraction_factor(Euler, GradientFlow.system, pairs, 4 / L).factor > 1
    assert contraction_factor(implicit_midpoint, GradientFlow.system, pairs, 4 / L).factor <= 1


@pytest.mark.parametrize(
    ("pairs", "error"),
    [
        ([[0.1, 0.2]], ShapeError),
        ([[[0.1, 0.2]]], ShapeError),
        (np.empty((0, 2, 2)), ShapeError),
        ([[[0.1, 0.2, 0.3], [0, 0, 0]]], ShapeError),
        ([[[0.1, 0.2], [0.1, 0.2]]], DomainError),
        ([[[0.1, 0.2], [0.1, np.inf]]], DomainError),
    ],
)
def test_bad_pairs_are_refused(pairs, error):
    with pytest.raises(error, match="expected"):
        contraction_factor(RK4, Pendulum.system, pairs, 0.1)


def test_a_function_will_do_for_the_system():
    """ẏ = −y by Euler: forwards and back y(1 − h²), and closer by 1 − h."""
    assert reversal_error(Euler, lambda t, y: -y, [1.0], 0.5).error == 0.25
    assert reversal_error(Euler, lambda t, y: -y, [[1.0], [2.0]], 0.5).error == 0.5
    assert contraction_factor(Euler, lambda t, y: -y, [[[1.0], [3.0]]], 0.5).factor == 0.5
    for scalar in (
        lambda: reversal_error(Euler, lambda t, y: -y, 1.0, 0.5),
        lambda: contraction_factor(Euler, lambda t, y: -y, 1.0, 0.5),
    ):
        with pytest.raises(ShapeError):
            scalar()
