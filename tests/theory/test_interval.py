"""Interval arithmetic against exact fractions, over all of float64: tiny, huge, ±0 and in between.

Every result must hold every exact result (the whole point), be at most one float wider on each
side than rounding to nearest, and be no wider at all where rounding was exact.
"""

import math
import operator
from collections.abc import Callable
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from flowcert.theory.interval import INTERVALS, Interval, lower, upper

MAX = float(np.finfo(float).max)
LEAST = 5e-324
# Below, errors of products underflow and cannot be computed: results may be wider than need be.
SAFE = 2.0**-900
HALF_RANGE = math.ldexp(1.0, 512)  # its square is just too large
# Their product is finite, that of their high parts (in Dekker's splitting) is not.
NEAR_THE_END = (float.fromhex("0x1.cf5387c65c1e5p+512"), float.fromhex("0x1.1ae4bce72dc3bp+511"))

SPECIAL = [
    0.0,
    LEAST,
    2.0**-1022,
    2.0**-1022 - LEAST,
    2.0**-900,
    2.0**-537,
    0.1,
    1.0,
    1.0 + 2.0**-52,
    1.0 - 2.0**-53,
    3.0,
    2.0**27 + 1.0,
    HALF_RANGE * (1 - 2.0**-30),
    HALF_RANGE * (1 - 2.0**-53),
    2.0**996 * (1 + 2.0**-52),
    MAX * (1 - 2.0**-30),
    MAX,
]
SIGNED = st.sampled_from(SPECIAL + [-x for x in SPECIAL])
# Random mantissas with exponents that meet each other, which random bit patterns seldom do.
MIDDLE = st.builds(
    lambda sign, mantissa, exponent: sign * math.ldexp(mantissa, exponent),
    st.sampled_from([-1.0, 1.0]),
    st.integers(2**52, 2**53 - 1),
    st.integers(-60, -45),
)
LARGE = st.builds(
    lambda sign, mantissa, exponent: sign * math.ldexp(mantissa, exponent),
    st.sampled_from([-1.0, 1.0]),
    st.integers(2**53 - 2**30, 2**53 - 1),
    st.sampled_from([458, 459, 460, 969, 970, 971]),
)
SMALL_INTEGERS = st.integers(-1000, 1000).map(float)
FLOATS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False), SIGNED, MIDDLE, LARGE, SMALL_INTEGERS
)
OPERATIONS = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}
Operation = Callable[..., Interval]


def around(*ends: float) -> Interval:
    return Interval(np.asarray(min(ends)), np.asarray(max(ends)))


def holds(interval: Interval, value: Fraction) -> bool:
    low, high = float(interval.lower), float(interval.upper)
    assert not math.isnan(low)
    assert not math.isnan(high)
    above = low == -math.inf or (low < math.inf and Fraction(low) <= value)
    below = high == math.inf or (high > -math.inf and value <= Fraction(high))
    return above and below


def rounded(value: Fraction) -> float:
    """To nearest, as IEEE 754 does; ±∞ beyond the largest float."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def is_tight(interval: Interval, value: Fraction) -> bool:
    nearest = rounded(value)
    low, high = math.nextafter(nearest, -math.inf), math.nextafter(nearest, math.inf)
    return low <= float(interval.lower) <= float(interval.upper) <= high


def is_point(interval: Interval, value: Fraction) -> bool:
    return Fraction(float(interval.lower)) == value == Fraction(float(interval.upper))


@st.composite
def intervals_with_member(draw: st.DrawFn) -> tuple[Interval, Fraction]:
    low, high = sorted((draw(FLOATS), draw(FLOATS)))
    part = draw(st.sampled_from([Fraction(0), Fraction(1), Fraction(1, 2), Fraction(1, 3)]))
    member = Fraction(low) + part * (Fraction(high) - Fraction(low))
    # Ends that overflowed in an earlier operation.
    low, high = draw(st.sampled_from([(low, high)] * 3 + [(low, math.inf), (-math.inf, high)]))
    return around(low, high), member


# + − × ÷


@pytest.mark.parametrize("name", OPERATIONS)
@given(FLOATS, FLOATS)
@example(*NEAR_THE_END)
@example(NEAR_THE_END[0], -NEAR_THE_END[1])
@example(float.fromhex("0x1.ffffffd22b702p+1023"), NEAR_THE_END[0])
@example(MAX, 1.0 - 2.0**-53)
@example(MAX, 3.0)
@example(MAX, MAX)
@example(-MAX, MAX)
@example(LEAST, LEAST)
@example(LEAST, 3.0)
@example(2.0**-1022, 0.1)
@example(0.0, -0.0)
@example(-0.0, 3.0)
def test_of_two_numbers(name: str, x: float, y: float) -> None:
    assume(name != "/" or y != 0)
    exact = OPERATIONS[name](Fraction(x), Fraction(y))
    result = OPERATIONS[name](Interval.of(x), Interval.of(y))
    assert holds(result, exact)
    assert is_tight(result, exact)
    nearest = rounded(exact)
    representable = math.isfinite(nearest) and Fraction(nearest) == exact
    large_enough = name in "+-" or x == 0 or min(abs(x), abs(nearest)) > SAFE
    if representable and large_enough and max(abs(x), abs(y), abs(nearest)) < 2.0**990:
        assert is_point(result, exact), "an exact result was widened"


@pytest.mark.parametrize("name", OPERATIONS)
@given(intervals_with_member(), intervals_with_member())
@example((around(-1.0, 2.0), Fraction(-1)), (around(-3.0, 5.0), Fraction(-3)))
@example((around(1.0, 2.0), Fraction(2)), (around(-0.0, 5.0), Fraction(5)))
@example((around(0.0, MAX), Fraction(MAX)), (around(0.0, MAX), Fraction(MAX)))
@example((around(-MAX, MAX), Fraction(MAX)), (around(-MAX, MAX), Fraction(-MAX)))
def test_of_two_intervals(
    name: str, left: tuple[Interval, Fraction], right: tuple[Interval, Fraction]
) -> None:
    (X, x), (Y, y) = left, right
    assume(name != "/" or y != 0)
    assert holds(OPERATIONS[name](X, Y), OPERATIONS[name](x, y))


@given(intervals_with_member(), intervals_with_member(), intervals_with_member())
def test_of_three_intervals_in_a_row(
    first: tuple[Interval, Fraction],
    second: tuple[Interval, Fraction],
    third: tuple[Interval, Fraction],
) -> None:
    """What one operation leaves (infinite ends included) the next must digest."""
    (X, x), (Y, y), (Z, z) = first, second, third
    assert holds(X * Y + Z, x * y + z)
    assert holds((X + Y) * Z, (x + y) * z)
    assert holds(X * Y * Z, x * y * z)
    assert holds((X - Y) - Z * Z, (x - y) - z * z)
    if y != 0 and z != 0:
        assert holds(X / Y / Z, x / y / z)
        assert holds((X / Y) * Z + X, x / y * z + x)


@given(FLOATS)
def test_zero_times_whatever_overflowed_is_zero(x: float) -> None:
    assert is_point(Interval.of(0.0) * around(x, math.inf), Fraction(0))
    assert is_point(around(-math.inf, x) * 0.0, Fraction(0))


@pytest.mark.parametrize("name", "*/")
def test_what_knows_nothing_teaches_nothing(name: str) -> None:
    for other in (around(1.0, math.inf), around(-math.inf, -1.0)):
        result = OPERATIONS[name](around(-math.inf, math.inf), other)
        assert (result.lower, result.upper) == (-math.inf, math.inf)


@given(intervals_with_member(), FLOATS, FLOATS)
def test_division_by_what_may_be_zero_knows_nothing(
    left: tuple[Interval, Fraction], x: float, y: float
) -> None:
    for low in (-abs(x), -0.0, 0.0):
        quotient = left[0] / around(low, abs(y))
        assert (quotient.lower, quotient.upper) == (-math.inf, math.inf)


@given(intervals_with_member(), intervals_with_member())
def test_negation_absolute_value_and_maximum(
    left: tuple[Interval, Fraction], right: tuple[Interval, Fraction]
) -> None:
    (X, x), (Y, y) = left, right
    assert holds(-X, -x)
    assert holds(X.absolute(), abs(x))
    assert X.absolute().lower >= 0
    assert holds(X.maximum(Y), max(x, y))
    assert X.maximum(Y).upper == max(X.upper, Y.upper)
    assert X.maximum(Y).lower == max(X.lower, Y.lower)
    assert X.absolute().upper == max(abs(X.lower), abs(X.upper))


# Powers and roots.


@given(intervals_with_member(), st.integers(0, 6))
@example((around(-2.0, 1.0), Fraction(-2)), 2)
@example((around(-2.0, 1.0), Fraction(1, 2)), 3)
@example((around(-MAX, 0.0), Fraction(-MAX)), 3)
@example((around(0.0, LEAST), Fraction(0)), 2)
def test_powers(left: tuple[Interval, Fraction], exponent: int) -> None:
    X, x = left
    power = X**exponent
    assert holds(power, x**exponent)
    if exponent % 2 == 0:
        assert power.lower >= 0


@given(st.integers(-100, 100), st.integers(0, 7))
def test_powers_of_small_integers_are_exact(base: int, exponent: int) -> None:
    assert is_point(Interval.of(float(base)) ** exponent, Fraction(base) ** exponent)


@given(intervals_with_member(), st.integers(-4, -1))
@example((around(2.0, 2.0), Fraction(2)), -1)
def test_negative_powers_are_refused_or_right(
    left: tuple[Interval, Fraction], exponent: int
) -> None:
    X, x = left
    assume(x != 0)
    try:
        power = X**exponent
    except (TypeError, ValueError):
        return
    assert holds(power, x**exponent)


@given(FLOATS.map(abs))
@example(MAX)
@example(LEAST)
@example(2.0)
@example(math.nextafter(1.0, 2.0))
@example(math.nextafter(4.0, 0.0))
def test_square_roots(x: float) -> None:
    root = Interval.of(x).square_root()
    low, high = Fraction(float(root.lower)), Fraction(float(root.upper))
    assert 0 <= low
    assert low**2 <= Fraction(x) <= high**2
    nearest = math.sqrt(x)
    assert math.nextafter(nearest, -math.inf) <= float(low)
    assert float(high) <= math.nextafter(nearest, math.inf)


@given(st.integers(0, 2**26), st.integers(-440, 450))
def test_square_roots_of_squares_are_exact(root: int, exponent: int) -> None:
    x = math.ldexp(root, exponent)
    assert is_point(Interval.of(x * x).square_root(), Fraction(x))


@given(FLOATS, FLOATS)
def test_the_root_of_an_interval_is_that_of_its_non_negative_part(x: float, y: float) -> None:
    root = around(x, y).square_root()
    low, high = max(min(x, y), 0.0), max(x, y, 0.0)
    assert 0 <= root.lower <= math.sqrt(low)
    assert math.sqrt(high) <= root.upper
    assert Fraction(float(root.upper)) ** 2 >= Fraction(high)
    assert Fraction(float(root.lower)) ** 2 <= Fraction(low)


# The exponential.


@given(st.one_of(st.floats(-800.0, 720.0), st.floats(-1e-3, 1e-3), FLOATS))
@example(0.0)
@example(-0.0)
@example(LEAST)
@example(709.782712893384)  # the last whose exponential is finite
@example(math.nextafter(709.782712893384, 1000))
@example(-745.1332191019411)  # the last whose exponential is not rounded to 0
@example(-708.4)  # subnormal results begin
@example(1e300)
@example(-1e300)
def test_exponential(x: float) -> None:
    result = Interval.of(x).exponential()
    low, high = float(result.lower), float(result.upper)
    assert 0 <= low <= high
    if x > 710:
        assert high == math.inf
        return
    if x < -800:
        assert low == 0
        assert 0 < high < 1e-320
        return
    with mpmath.workprec(300):
        exact = mpmath.exp(mpmath.mpf(x))
        assert mpmath.mpf(low) <= exact
        assert high == math.inf or exact <= mpmath.mpf(high)
        if -700 < x < 700:
            assert mpmath.mpf(high) - mpmath.mpf(low) <= exact * mpmath.mpf(2) ** -48


def test_the_exponential_of_zero_is_one() -> None:
    for zero in (0.0, -0.0):
        assert is_point(Interval.of(zero).exponential(), Fraction(1))


@given(FLOATS, FLOATS)
def test_exponential_of_an_interval(x: float, y: float) -> None:
    low, high = min(x, y), max(x, y)
    result = around(low, high).exponential()
    assert result.lower == Interval.of(low).exponential().lower
    assert result.upper == Interval.of(high).exponential().upper


# What an interval is made of.


@given(st.fractions())
@example(Fraction(1, 10**400))
@example(Fraction(-1, 3))
@example(Fraction(2**53 + 1))
@example(Fraction(MAX) + 1)
def test_fractions_are_enclosed_tightly(value: Fraction) -> None:
    interval = Interval.of(value)
    assert holds(interval, value)
    low, high = float(interval.lower), float(interval.upper)
    assert high <= math.nextafter(low, math.inf)
    if Fraction(rounded(value)) == value:
        assert low == high


@pytest.mark.parametrize("huge", [10**400, -(10**400), Fraction(10**400, 3), 2**1024])
def test_what_is_larger_than_every_float_is_enclosed_or_refused(huge: Fraction) -> None:
    try:
        interval = Interval.of(huge)
    except (OverflowError, ValueError):
        return
    assert holds(interval, Fraction(huge))


@pytest.mark.parametrize(
    "integers",
    [2**53 + 1, np.int64(2**53 + 1), np.array(2**53 + 1), [2**53 + 1], np.array([2**64 - 1])],
)
def test_integers_are_not_rounded_in_silence(integers: object) -> None:
    try:
        interval = Interval.of(integers)
    except (TypeError, ValueError):
        return
    [value] = np.asarray(integers).reshape(-1).tolist()
    low, high = interval.lower.reshape(-1)[0], interval.upper.reshape(-1)[0]
    assert Fraction(float(low)) <= value <= Fraction(float(high))


@pytest.mark.parametrize("thing", ["1", 1j, None, np.longdouble(1) / 3, object(), [1j]])
def test_what_is_no_float_is_refused(thing: object) -> None:
    with pytest.raises(TypeError):
        Interval.of(thing)


def test_single_precision_is_taken_at_its_exact_value() -> None:
    assert Interval.of(np.float32(0.1)).upper == float(np.float32(0.1))


def test_not_a_number_never_becomes_one() -> None:
    """A NaN is refused, or stays a NaN or turns into ±∞; it never narrows to a finite bound."""
    one = Interval.of(1.0)
    try:
        nan = Interval.of(math.nan)
    except (TypeError, ValueError):
        return
    results = [nan + one, one - nan, nan * one, nan * 0.0, one / nan, nan / one, -nan, nan**2]
    results += [nan.absolute(), nan.maximum(one), nan.square_root(), nan.exponential()]
    for result in results:
        assert not np.isfinite(result.upper)
        assert not np.isfinite(result.lower)


# Arrays, mixed operands, and the arithmetic that formulas use.


@pytest.mark.parametrize("name", OPERATIONS)
@given(
    st.lists(FLOATS, min_size=2, max_size=3),
    st.lists(FLOATS, min_size=2, max_size=3),
    st.booleans(),
)
def test_arrays_broadcast_and_are_their_elements(
    name: str, xs: list[float], ys: list[float], wide: bool
) -> None:
    operation: Operation = OPERATIONS[name]
    # `wide` makes an interval of one operand, so that all four corners are looked at.
    X = Interval(np.array(xs)[:, None] - (1.0 if wide else 0.0), np.array(xs)[:, None])
    together = operation(X, Interval.of(np.array(ys)))
    assert together.lower.shape == together.upper.shape == (len(xs), len(ys))
    for i in range(len(xs)):
        for j, y in enumerate(ys):
            alone = operation(Interval(X.lower[i, 0], X.upper[i, 0]), Interval.of(y))
            assert alone.lower >= together.lower[i, j] or np.isnan(alone.lower)
            assert alone.upper <= together.upper[i, j] or np.isnan(alone.upper)


@pytest.mark.parametrize(
    "other", [3, 3.0, Fraction(3), np.float64(3), np.array([3.0]), np.int64(3)]
)
def test_operands_mix_from_both_sides(other: object) -> None:
    six = Interval.of(6.0)
    for result, exact in [
        (six + other, 9),
        (other + six, 9),
        (six - other, 3),
        (other - six, -3),
        (six * other, 18),
        (other * six, 18),
        (six / other, 2),
        (other / six, Fraction(1, 2)),
    ]:
        assert isinstance(result, Interval)
        assert is_point(Interval(result.lower.reshape(()), result.upper.reshape(())), exact)


def test_a_third_is_taken_as_the_fraction_that_it_is() -> None:
    """Interval.of(1/3) would be the float; the fraction's interval holds the true third."""
    assert holds(Interval.of(1.0) * Fraction(1, 3), Fraction(1, 3))
    assert holds(Fraction(1, 3) + Interval.of(1.0), Fraction(4, 3))
    assert holds(INTERVALS.number(Fraction(1, 3)), Fraction(1, 3))


def test_both_ends_of_whatever_was_computed() -> None:
    third = Interval.of(1.0) / 3
    assert lower(third) < upper(third)
    assert lower(2.0) == upper(2) == 2.0


def test_the_arithmetic_hands_on_to_the_interval() -> None:
    X = around(-4.0, 9.0)
    assert upper(INTERVALS.maximum(X, 10.0)) == 10.0
    assert upper(INTERVALS.maximum(10.0, X)) == 10.0
    assert lower(INTERVALS.absolute(X)) == 0.0
    assert lower(INTERVALS.absolute(-3)) == 3.0
    assert upper(INTERVALS.square_root(X)) == 3.0
    assert upper(INTERVALS.exponential(0)) == 1.0
