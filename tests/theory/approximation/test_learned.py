"""A field learned from one-step data: how near it is, and what it keeps whatever it has learned."""

import math
from functools import cache

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from flowcert import DomainError, ShapeError
from flowcert.numerics import RidgePotentialField, SphereField
from flowcert.theory.approximation import LearnedField, cubic_field, learn_field, one_step_data

H = 0.05


def cubic(x):
    return np.sin(x) ** 3 + x**3


def exact_flow(f, x, h):
    """scipy's, all states in one system."""

    def rate(_, z):
        return f(z.reshape(x.shape)).ravel()

    end = solve_ivp(rate, (0, h), x.ravel(), method="DOP853", rtol=1e-11, atol=1e-12).y[:, -1]
    return end.reshape(x.shape)


def ball(count, n, seed):
    x = np.random.default_rng(seed).normal(size=(count, n))
    x /= np.linalg.norm(x, axis=-1, keepdims=True)
    return x * np.random.default_rng(seed + 1).uniform(size=(count, 1)) ** (1 / n)


@cache
def learned():
    x, y = one_step_data(cubic_field(), H, 1.0, 2000)
    return learn_field(x, y, H)


@cache
def turning():
    """A field with a skew part, S(x) = (1 + x₁)·(a rotation of R³), and a gradient cos x − x,
    which is neither odd nor even."""
    x = ball(1500, 3, 5)
    return learn_field(x, exact_flow(turning_field, x, H), H, width=64)


ROTATION = np.array([[0.0, -1.0, 0.5], [1.0, 0.0, -2.0], [-0.5, 2.0, 0.0]])


def turning_skew(x):
    return (1 + x[..., :1]) * (x @ ROTATION.T)


def turning_field(x):
    return turning_skew(x) - x + np.cos(x)


def largest(x):
    return float(np.linalg.norm(x, axis=-1).max())


def test_the_target_and_its_data_are_what_they_say():
    f = cubic_field()
    x, y = one_step_data(f, H, 1.0, 40, seed=3)
    assert x.shape == y.shape == (40, 4)
    assert largest(x) <= 1
    assert np.allclose(f(x), cubic(x), rtol=0, atol=1e-15)
    assert np.allclose(y, exact_flow(cubic, x, H), rtol=0, atol=1e-10)
    with mpmath.workdps(25):
        rate = lambda _, z: [mpmath.sin(z[0]) ** 3 + z[0] ** 3]  # noqa: E731 -- one line
        end = mpmath.odefun(rate, 0, [mpmath.mpf(float(x[0, 0]))])(mpmath.mpf(H))
    assert abs(float(end[0]) - y[0, 0]) < 1e-12
    # A gradient field: its Jacobian is symmetric, and xᵀf = xᵀ∇U leaves nothing for S.
    J = f.jacobian(x)
    assert np.array_equal(J, J.swapaxes(-1, -2))


def test_learned_field_on_fresh_data():
    """Measured: 0.3 % of max |f| in the field, 0.1 % of the longest step in one step."""
    fresh = ball(1000, 4, 11)
    end = exact_flow(cubic, fresh, H)
    f = learned()
    assert largest(f(fresh) - cubic(fresh)) < 0.008 * largest(cubic(fresh))
    assert largest(f.step(fresh) - end) < 0.008 * largest(end - fresh)
    assert f.step_error(fresh, end) == largest(f.step(fresh) - end)
    # The skew part is 0 in truth.
    assert largest(f.sphere(fresh)) < 0.003


def test_learned_trajectory_follows_the_flow():
    x, f = ball(50, 4, 21) * 0.5, learned()  # which stay in the ball of the data
    states = f.trajectory(x, 15)
    end = exact_flow(cubic, x, 15 * H)
    assert states.shape == (16, 50, 4)
    assert np.array_equal(states[0], x)
    assert largest(end) < 1
    assert largest(states[-1] - end) < 0.02 * largest(end - x)


def test_a_skew_part_is_told_from_the_gradient():
    fresh, f = ball(500, 3, 31), turning()
    assert largest(f(fresh) - turning_field(fresh)) < 0.02 * largest(turning_field(fresh))
    # Presnov's X_S of a field whose parts are known: ∇U = cos x − x, S(x)x the rest.
    assert largest(f.sphere(fresh) - turning_skew(fresh)) < 0.03 * largest(turning_skew(fresh))
    assert largest(f.gradient(fresh) + fresh - np.cos(fresh)) < 0.02


def test_the_error_of_the_midpoint_is_of_second_order():
    errors = []
    for h in (0.4, 0.2):
        x = ball(400, 2, 41)
        y = exact_flow(np.sin, x, h)
        f = learn_field(x, y, h, width=48)
        errors.append(largest(f(x) - np.sin(x)))
    assert 3 < errors[0] / errors[1] < 5.5


def test_alpha_on_the_wrong_side_is_no_fit():
    """The slip diag(α)AᵀΣ of the appendix, in place of Aᵀdiag(α)Σ, in n = width = 2."""
    x = ball(300, 2, 51)
    f = learn_field(x, exact_flow(lambda z: -z, x, H), H, width=2)
    A, b, alpha = f.gradient.A, f.gradient.b, f.gradient.alpha
    right = np.tanh(x @ A.T + b) * alpha @ A
    assert np.allclose(right, f.gradient(x))
    slip = (np.tanh(x @ A.T + b) @ A) * alpha
    wide = learn_field(x, exact_flow(lambda z: -z, x, H), H, width=32)
    assert largest(wide(x) + x) < 0.01
    assert largest(slip + f.sphere(x) + x) > 2 * largest(f(x) + x)


SCALES = st.floats(1e-9, 1.0)


@given(seed=st.integers(0, 2**32 - 1), scale=SCALES)
@settings(max_examples=30, deadline=None)
def test_energy_rises_and_the_norm_stays(seed, scale):
    x = scale * ball(20, 4, seed)
    f = learned()
    U = f.gradient.potential
    turned = np.linalg.norm(f.turn(x, H), axis=-1)
    assert np.allclose(turned, np.linalg.norm(x, axis=-1), rtol=1e-14, atol=0)
    rounding = 1e-15 * np.abs(f.gradient.alpha).sum()
    assert np.all(U(f.climb(x, H)) >= U(x) - rounding)


def test_energy_rises_by_the_square_of_the_slope():
    x, f = ball(200, 3, 61), turning()
    y = f.climb(x, H)
    gain = f.gradient.potential(y) - f.gradient.potential(x)
    assert np.allclose(gain, ((y - x) ** 2).sum(-1) / H, rtol=1e-6, atol=1e-12)
    assert np.allclose(np.linalg.norm(f.turn(x, 3.0), axis=-1), np.linalg.norm(x, axis=-1))


def test_a_step_is_symmetric_of_order_two():
    x, f = ball(50, 3, 71) * 0.8, turning()
    errors = []
    for h in (0.1, 0.05):
        coarse = LearnedField(f.gradient, f.sphere, h)
        errors.append(largest(coarse.step(x) - exact_flow(f, x, h)))
    assert 6.5 < errors[0] / errors[1] < 9.5


@pytest.mark.parametrize("scale", [0.0, 1e-300, 1e-12, 1e-6, 1e-3, 1.0])
def test_steps_near_the_origin_settle(scale):
    """Large weights cancel near 0: their rounding is not that of the state."""
    A = np.array([[1.0, 0.0], [1.001, 0.0], [0.0, 1.0]])
    gradient = RidgePotentialField(A, [0.3, 0.3, 0.0], [300.0, -300.0, 1.0])
    sphere = SphereField(A[:1], [0.5], [[[0.0, -1.0], [1.0, 0.0]]])
    f = LearnedField(gradient, sphere, H)
    x = scale * ball(30, 2, 81)
    assert np.allclose(f.step(x), exact_flow(f, x, H), atol=2e-4)
    assert np.allclose(f.step(x)[3], f.step(x[3]), atol=1e-12)


def test_jacobian_is_the_derivative():
    x, f = ball(10, 3, 91), turning()
    steps = 1e-6 * np.eye(3)
    columns = [(f(x + s) - f(x - s)) / 2e-6 for s in steps]
    assert np.allclose(f.jacobian(x), np.stack(columns, axis=-1), atol=1e-6)
    assert f.dimension == 3


def test_the_seed_decides_the_field():
    x = ball(200, 2, 101)
    y = exact_flow(np.sin, x, H)
    one, same, other = (learn_field(x, y, H, width=16, seed=s) for s in (1, 1, 2))
    assert np.array_equal(one(x), same(x))
    assert not np.array_equal(one(x), other(x))


GOOD = ball(100, 2, 111)


@pytest.mark.parametrize(
    ("x", "y", "error"),
    [
        (GOOD, GOOD[:-1], ShapeError),
        (GOOD[0], GOOD[0], ShapeError),
        (GOOD[None], GOOD[None], ShapeError),
        (GOOD[:0], GOOD[:0], ShapeError),
        (GOOD, GOOD[:, :1], ShapeError),
        (GOOD, np.where(GOOD > 0, GOOD, math.nan), DomainError),
        (np.where(GOOD > 0, GOOD, math.inf), GOOD, DomainError),
        (0 * GOOD, 0 * GOOD, DomainError),
        (GOOD[:15], GOOD[:15], DomainError),
    ],
)
def test_bad_data_are_named(x, y, error):
    with pytest.raises(error):
        learn_field(x, y, H, width=16)


@pytest.mark.parametrize("h", [0.0, -0.1, math.nan, math.inf])
def test_bad_steps_are_named(h):
    with pytest.raises(DomainError, match="h ="):
        learn_field(GOOD, GOOD, h, width=4)
    with pytest.raises(DomainError, match="h ="):
        one_step_data(cubic_field(), h, 1.0, 5)


def test_other_bad_arguments_are_named():
    for width in (0, 2.5):
        with pytest.raises(DomainError, match="width"):
            learn_field(GOOD, GOOD, H, width=width)
    for radius in (0.0, math.nan):
        with pytest.raises(DomainError, match="radius"):
            one_step_data(cubic_field(), H, radius, 5)
    with pytest.raises(DomainError, match="count"):
        one_step_data(cubic_field(), H, 1.0, 0)
    with pytest.raises(DomainError, match="dimension"):
        cubic_field(0)
    f = learned()
    with pytest.raises(ShapeError):
        f.step([1.0, 2.0])
    with pytest.raises(DomainError):
        f([math.nan] * 4)
    with pytest.raises(DomainError, match="steps"):
        f.trajectory(np.zeros(4), 0)
    with pytest.raises(ShapeError):
        f.step_error(np.zeros((2, 4)), np.zeros((3, 4)))


def test_exactly_enough_data_are_enough():
    assert learn_field(GOOD[:16], GOOD[:16], H, width=16).dimension == 2
