"""Ball arrays enclose: every operation and function, at real and complex points and extremes."""

import operator
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flowcert.theory import ball_arrays
from flowcert.theory.ball_arrays import (
    BallArray,
    cosine,
    cosine_moment,
    hyperbolic_tangent,
    sine,
    sine_moment,
)

OPERATIONS = [operator.add, operator.sub, operator.mul, operator.truediv]
FUNCTIONS = [(sine, mpmath.sin), (cosine, mpmath.cos), (hyperbolic_tangent, mpmath.tanh)]
DIGITS = 60
ALL_DIGITS = 700  # of a sum of a huge and a tiny number
HUGE, SMALLEST = 1.7e308, 5e-324

sizes = st.sampled_from([0.0, SMALLEST, 1e-310, 1e-200, 1e-160, 1e-20, 1e-8, 0.3, 2.0, 1e8, 1e160])
mids = st.one_of(
    st.floats(-30, 30), st.builds(lambda s, r: s * r, sizes, st.floats(-1, 1)), st.just(HUGE)
)
radii = st.one_of(st.floats(0, 2), st.builds(lambda s, r: s * r, sizes, st.floats(0, 1)))
balls = st.builds(lambda m, r: BallArray(np.array(m), np.array(r)), mids, radii)


def directions():
    """Points of the closed unit disc: its centre, the rim with both axes, and a few between."""
    rim = [mpmath.mpc(*pair) for pair in [(5, 0), (-5, 0), (0, 5), (0, -5)]]
    rim += [mpmath.mpc(3 * a, 4 * b) for a in (1, -1) for b in (1, -1)]
    inner = [mpmath.mpc(*pair) for pair in [(0, 0), (2, 1), (-1, 3), (1, -2)]]
    return [point / 5 for point in rim + inner]


def members(ball):
    """Points of a disc with finite radius, in many digits."""
    if not np.isfinite(ball.rad):
        return [mpmath.mpf(float(ball.mid)), mpmath.mpf(1e300), mpmath.mpc(0, 1)]
    # Shrunk by less than an enclosure may be wrong by: directions on the rim are rounded.
    shrink = 1 - mpmath.mpf(10) ** (10 - mpmath.mp.dps)
    return [
        mpmath.mpf(float(ball.mid)) + shrink * d * mpmath.mpf(float(ball.rad)) for d in directions()
    ]


def misses(ball, values):
    """Which of these values lie outside the ball."""
    if not np.isfinite(ball.rad):
        return []
    mid, rad = mpmath.mpf(float(ball.mid)), mpmath.mpf(float(ball.rad))
    return [v for v in values if abs(v - mid) > rad]


@pytest.mark.parametrize("operation", OPERATIONS)
@given(balls, balls)
@example(
    BallArray(np.array(1e-160), np.array(1e-170)), BallArray(np.array(1e-160), np.array(1e-170))
)
@example(BallArray(np.array(SMALLEST), np.array(0.0)), BallArray(np.array(0.5), np.array(0.0)))
def test_operations_enclose(operation, one, other):
    with mpmath.workdps(ALL_DIGITS):
        result = operation(one, other)
        values = [
            operation(a, b)
            for a in members(one)
            for b in members(other)
            if operation is not operator.truediv or b != 0
        ]
        assert not misses(result, values)


@pytest.mark.parametrize("exponent", [0, 1, 2, 3, 7, -1, -2])
@given(balls)
def test_powers_enclose(exponent, ball):
    with mpmath.workdps(ALL_DIGITS):
        values = [a**exponent for a in members(ball) if a != 0 or exponent >= 0]
        assert not misses(ball**exponent, values)


@given(st.floats(1.0, 10.0), st.integers(150, 165), st.floats(0.0, 0.999))
def test_inverses_of_small_numbers_enclose(mantissa, exponent, share):
    """Where |m|(|m| − r) is subnormal."""
    mid = mantissa * 10.0**-exponent
    ball = BallArray(np.array(mid), np.array(mid * share))
    with mpmath.workdps(DIGITS):
        assert not misses(ball.inverse(), [1 / a for a in members(ball)])


@pytest.mark.parametrize(("function", "exact"), FUNCTIONS)
@given(balls)
@example(BallArray(np.array(1e300), np.array(0.0)))
@example(BallArray(np.array(np.pi), np.array(0.0)))
@example(BallArray(np.array(0.0), np.array(np.nextafter(np.pi / 2, 0))))
@example(BallArray(np.array(0.0), np.array(np.pi / 2)))
@example(BallArray(np.array(0.0), np.array(700.0)))
def test_functions_enclose(function, exact, ball):
    result = function(ball)
    if not np.isfinite(result.rad):
        return
    # Far from 0 the argument itself has hundreds of digits before the point.
    with mpmath.workdps(DIGITS + 330):
        assert not misses(result, [exact(a) for a in members(ball)])


def exact_moment(k, z, which):
    """∫₀¹ tᵏ e^{±izt} dt by Kummer's function, in any number of digits."""
    plus = mpmath.hyp1f1(k + 1, k + 2, 1j * z) / (k + 1)
    minus = mpmath.hyp1f1(k + 1, k + 2, -1j * z) / (k + 1)
    return (plus + minus) / 2 if which == "cosine" else (plus - minus) / 2j


@pytest.mark.parametrize("which", ["cosine", "sine"])
@given(
    st.integers(0, 33),
    st.one_of(st.floats(-33, 33), st.sampled_from([0.0, SMALLEST, -1e-200, 1e-9, 31.99, 32.0])),
    st.sampled_from([0.0, 1e-300, 1e-12, 0.1, 1.0, 3.0]),
)
def test_moments_enclose(which, k, mid, rad):
    ball = BallArray(np.array(mid), np.array(rad))
    result = {"cosine": cosine_moment, "sine": sine_moment}[which](k, ball)
    with mpmath.workdps(DIGITS):
        assert not misses(result, [exact_moment(k, a, which) for a in members(ball)[::3]])


@pytest.mark.parametrize("k", [0, 1, 5, 16])
def test_moments_are_tight_where_they_are_known(k):
    z = np.linspace(-32.0 + k, 32.0 - k, 101)
    for function in (cosine_moment, sine_moment):
        assert function(k, z).rad.max() < 4e-12
    # Beyond, the error of the rule is not bounded and nothing is said.
    assert np.isinf(cosine_moment(k, np.array(32.1 - k)).rad)


def test_moments_at_complex_arguments_by_quadrature():
    """Kummer's function, by which the others are judged, is the integral."""
    with mpmath.workdps(25):
        for k, z in [(0, 2 + 1j), (4, 7.5), (9, -3 + 0.5j)]:
            integral = mpmath.quad(lambda t, k=k, z=z: t**k * mpmath.cos(z * t), [0, 0.5, 1])
            assert abs(exact_moment(k, mpmath.mpmathify(z), "cosine") - integral) < 1e-20


@given(st.integers(-(10**400), 10**400))
@example(2**53 + 1)
def test_integers_are_held(value):
    ball = BallArray.of(value)
    assert np.isinf(ball.rad) or abs(Fraction(float(ball.mid)) - value) <= Fraction(float(ball.rad))


@pytest.mark.parametrize(
    "value",
    [
        Fraction(1, 3),
        Fraction(1, 10**400),
        Fraction(1, 3 * 10**320),
        Fraction(10**400),
        Fraction(-7, 10**309),
    ],
)
def test_fractions_are_held(value):
    ball = BallArray.of(value)
    assert np.isinf(ball.rad) or abs(Fraction(float(ball.mid)) - value) <= Fraction(float(ball.rad))


def test_integers_of_numpy_are_held():
    value = np.array([2**53 + 1, 3])
    ball = BallArray.of(value)
    for mid, rad, exact in zip(ball.mid, ball.rad, value, strict=True):
        assert abs(Fraction(float(mid)) - int(exact)) <= Fraction(float(rad))
    assert BallArray.of(np.array([3])).rad == 0
    assert BallArray.of(0.1).rad == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", ["of", "mid", "rad"])
def test_bad_numbers_never_become_narrow(bad, place):
    ball = {
        "of": lambda: BallArray.of(bad),
        "mid": lambda: BallArray(np.array(bad), np.array(0.0)),
        "rad": lambda: BallArray(np.array(1.0), np.array(abs(bad))),
    }[place]()
    assert ball.magnitude == np.inf
    results = [
        ball + 1.0,
        0.0 * ball,
        1.0 / ball,
        ball**2,
        sine(ball),
        cosine(ball),
        hyperbolic_tangent(ball),
        cosine_moment(0, ball),
        sine_moment(3, ball),
    ]
    for result in results:
        assert result.rad == np.inf
        assert result.magnitude == np.inf
        assert result.upper == np.inf


def test_overflow_says_nothing():
    huge = BallArray.of(HUGE)
    for result in (huge + huge, huge * huge, huge**9, BallArray.of(SMALLEST).inverse()):
        assert result.rad == np.inf


def test_a_ball_around_zero_has_no_inverse():
    for mid, rad in [(0.0, 0.0), (1.0, 1.0), (1.0, 2.0), (-1e-320, 1e-320)]:
        assert BallArray(np.array(mid), np.array(rad)).inverse().rad == np.inf


def test_tanh_says_nothing_where_the_disc_may_hold_a_pole():
    assert hyperbolic_tangent(BallArray(np.array(0.0), np.array(np.pi / 2))).rad == np.inf
    assert hyperbolic_tangent(BallArray(np.array(0.0), np.array(1.5))).rad < np.inf


@given(balls)
def test_upper_and_magnitude_are_upper_bounds(ball):
    with mpmath.workdps(ALL_DIGITS):
        for point in members(ball):
            assert mpmath.re(point) <= mpmath.mpf(float(ball.upper)) or np.isinf(ball.upper)
            assert abs(point) <= mpmath.mpf(float(ball.magnitude)) or np.isinf(ball.magnitude)


def test_enclosures_are_tight():
    """Sound and useless would be easy: radii are the derivative's times the radius."""
    x = BallArray(np.array(1.2), np.array(1e-6))
    for result, slope in [
        (x * x, 2.4),
        (x.inverse(), 1 / 1.44),
        (sine(x), 1.0),
        (hyperbolic_tangent(x), 1.0),
        (cosine_moment(2, x), 0.25),
    ]:
        assert result.rad < 1.01e-6 * slope


@pytest.mark.parametrize(
    ("name", "planted"),
    [
        ("_SLACK", 0.0),
        ("_entire", lambda ball: ball.rad),
        ("_LARGEST_ARGUMENT", 1e3),
        ("_HALF_PI", 1.7),
    ],
)
def test_planted_errors_are_seen(monkeypatch, name, planted):
    """The oracle above finds a slack left out, a real Lipschitz constant, a rule used too far."""
    monkeypatch.setattr(ball_arrays, name, planted)
    wide = BallArray(np.array(0.0), np.array(1.0))
    third, near_pole = BallArray.of(Fraction(1, 3)), BallArray(np.array(0.0), np.array(1.65))
    with mpmath.workdps(DIGITS):
        seen = misses(sine(wide), [mpmath.sin(a) for a in members(wide)])
        far = BallArray.of(120.0)
        seen += misses(cosine_moment(0, far), [exact_moment(0, mpmath.mpf(120), "cosine")])
        tenth = BallArray.of(0.1)
        seen += misses(tenth * tenth, [mpmath.mpf(0.1) ** 2])
        seen += misses(third + tenth, [mpmath.mpf(float(third.mid)) + mpmath.mpf(0.1)])
        tanh = hyperbolic_tangent(near_pole)
        seen += misses(tanh, [mpmath.tanh(mpmath.mpc(0, 1.5707))])
    assert seen
