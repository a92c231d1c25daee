"""Cells cover their ball, profiles bound, enclosures over cells enclose."""

import dataclasses

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from flowcert import DomainError
from flowcert.theory.ball_arrays import BallArray
from flowcert.theory.cells import (
    Profile,
    cover,
    enclose,
    largest_eigenvalue,
    largest_eigenvalue_over,
    length,
)

x, y = sympy.symbols("x y", real=True)
EXPRESSIONS = [
    x - x**2,
    sympy.sin(3 * x) * y - x * y**2 / 3,
    sympy.cos(x + 2 * y) + sympy.tanh(x) / 2,
    1 / (x**2 + 2) + y**3,
    sympy.Integer(3),
]


def points_of(radius, dimension, count, seed=0):
    """Points of the ball, most of them on its rim, where gaps would be."""
    draw = np.random.default_rng(seed)
    p = draw.normal(size=(count, dimension))
    p /= np.linalg.norm(p, axis=-1, keepdims=True)
    share = np.where(draw.random(count) < 0.5, 1.0, draw.random(count) ** 0.5)
    return p * (share * radius * (1 - 1e-15))[:, None]


def holders(cells, p):
    """Which cells hold the point."""
    return np.all(np.abs(cells.centres - p) <= cells.half, axis=-1)


@pytest.mark.parametrize("radius", [1e-300, 1e-5, 1.0, 2.5, 1e200])
@pytest.mark.parametrize(("dimension", "per_side"), [(1, 1), (1, 7), (2, 2), (2, 15), (2, 16)])
def test_cells_cover_the_ball_and_know_their_distance(radius, dimension, per_side):
    cells = cover(radius, dimension, per_side)
    for p in points_of(radius, dimension, 200):
        inside = holders(cells, p)
        assert inside.any()
        distance = np.hypot.reduce(p)
        assert (cells.inner[inside] <= distance).all()
        assert (cells.outer[inside] >= distance).all()
    assert (np.diff(cells.inner) >= 0).all()
    assert cells.half < 1.001 * radius / per_side + 1e-299


def test_neighbours_leave_no_gaps_however_many_they_are():
    cells = cover(1.0 / 3.0, 1, 1_000_003)
    line = np.sort(cells.centres[:, 0])
    assert (line[:-1] + cells.half >= line[1:] - cells.half).all()
    assert line[-1] + cells.half >= 1.0 / 3.0
    assert line[0] - cells.half <= -1.0 / 3.0


def test_corners_lie_within_the_cells_distances():
    cells = cover(1.0, 2, 9)
    for corner in ([1, 1], [1, -1], [-1, 1], [-1, -1], [0, 0]):
        distance = np.hypot(*(cells.centres + cells.half * np.array(corner)).T)
        assert (cells.inner <= distance).all()
        assert (distance <= cells.outer).all()


def test_the_smallest_ball_is_covered():
    cells = cover(5e-324, 1, 10)
    assert holders(cells, np.array([5e-324])).any()


@pytest.mark.parametrize("radius", [0.0, -1.0, np.nan, np.inf])
def test_a_ball_needs_a_radius(radius):
    with pytest.raises(DomainError, match="positive finite radius"):
        cover(radius, 2, 4)


@pytest.mark.parametrize("dimension", [3, 7])
def test_three_dimensions_are_refused(dimension):
    with pytest.raises(DomainError, match="n ≤ 2"):
        cover(1.0, dimension, 4)


@pytest.mark.parametrize("bad", [0, -1, 2.5, True])
def test_counts_are_refused_that_do_not_count(bad):
    with pytest.raises(DomainError):
        cover(1.0, 2, bad)
    with pytest.raises(DomainError):
        cover(1.0, 0, 4)


def test_profiles_bound_what_is_sampled():
    cells = cover(2.0, 2, 24)
    [ball] = enclose(cells, [EXPRESSIONS[1]], [x, y])
    profile = Profile.over(cells, ball.upper)
    function = sympy.lambdify([x, y], EXPRESSIONS[1])
    radii = np.linspace(0.0, 2.0, 40)
    bounds = [profile(r) for r in radii]
    assert (np.diff(bounds) >= 0).all()
    for r, bound in zip(radii, bounds, strict=True):
        p = points_of(r, 2, 300) if r else np.zeros((1, 2))
        assert function(*p.T).max() <= bound
    assert profile(2.0) < 1.5 * function(*points_of(2.0, 2, 4000).T).max()


def test_profiles_say_nothing_beyond_the_ball_or_of_nan():
    cells = cover(1.0, 1, 10)
    profile = Profile.over(cells, cells.outer)
    assert profile(np.nextafter(1.0, 2)) == np.inf
    assert profile(np.nan) == np.inf
    bounds = cells.outer.copy()
    bounds[3] = np.nan
    profile = Profile.over(cells, bounds)
    assert profile(0.0) < 1
    assert profile(1.0) == np.inf


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_enclosures_over_cells_enclose(expression):
    """Exact values at random points of the cells, corners among them."""
    cells = cover(1.5, 2, 12)
    [ball] = enclose(cells, [expression], [x, y])
    draw = np.random.default_rng(1)
    for index in draw.integers(0, len(cells.centres), 40):
        offsets = np.where(draw.random(2) < 0.5, np.sign(draw.normal(size=2)), draw.random(2))
        point = cells.centres[index] + cells.half * offsets
        values = dict(zip((x, y), (sympy.Rational(float(e)) for e in point), strict=True))
        exact = expression.subs(values).evalf(40)
        off = abs(exact - sympy.Rational(float(ball.mid[index])))
        assert off <= sympy.Rational(float(ball.rad[index]))


def test_the_mean_value_form_is_tighter():
    cells = cover(1.0, 1, 200)
    [ball] = enclose(cells, [x - x**2], [x])
    assert 0.25 <= ball.upper.max() < 0.25 + 2e-4


def test_a_margin_covers_complex_neighbours():
    cells, margin = cover(1.0, 1, 8), 0.5
    [ball] = enclose(cells, [sympy.sin(x)], [x], margin=margin)
    for angle in np.linspace(0, 2 * np.pi, 17):
        z = cells.centres[:, 0] + (cells.half + margin) * np.exp(1j * angle)
        assert (np.abs(np.sin(z) - ball.mid) <= ball.rad).all()


@pytest.mark.parametrize("margin", [-0.1, np.nan, np.inf])
def test_margins_are_not_negative(margin):
    with pytest.raises(DomainError, match="margin"):
        enclose(cover(1.0, 1, 4), [x], [x], margin=margin)


scale = st.sampled_from([1e-300, 1e-170, 1.0, 1e160])


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=4), scale)
def test_lengths_are_upper_bounds(entries, factor):
    from mpmath import mp, mpf

    bound = length([BallArray.of(entry * factor) for entry in entries])
    with mp.workdps(40):
        exact = mp.sqrt(sum(mpf(entry * factor) ** 2 for entry in entries))
        assert exact <= mpf(float(bound))
        assert float(bound) <= float(exact) * (1 + 1e-9) + 1e-299


@given(st.tuples(*[st.floats(-3, 3)] * 3), scale)
def test_eigenvalues_are_bounded(entries, factor):
    from mpmath import mp, mpf

    a, b, d = (float(entry * factor) for entry in entries)
    one, off, two = (BallArray.of(entry) for entry in (a, b, d))
    bound = float(largest_eigenvalue([[one, off], [off, two]]))
    with mp.workdps(400):
        exact = (mpf(a) + mpf(d)) / 2 + mp.sqrt(((mpf(a) - mpf(d)) / 2) ** 2 + mpf(b) ** 2)
        assert exact <= mpf(bound)
    assert bound <= float(exact) + 1e-9 * max(map(abs, (a, b, d))) + 1e-299


def test_eigenvalues_over_cells_bound_those_at_points():
    M = sympy.Matrix([[x * y, sympy.sin(x)], [sympy.sin(x), y - x**2]])
    cells = cover(1.0, 2, 16)
    bounds = largest_eigenvalue_over(cells, M, [x, y])
    function = sympy.lambdify([x, y], M)
    for p in points_of(1.0, 2, 200):
        highest = np.linalg.eigvalsh(np.array(function(*p), dtype=float))[-1]
        assert (bounds[holders(cells, p)] >= highest).all()


def _planted_gap():
    cells = cover(1.0, 2, 9)
    return dataclasses.replace(cells, half=0.9 * cells.half)


def _planted_missing_cells():
    cells = cover(1.0, 2, 9)
    return dataclasses.replace(cells, centres=cells.centres[:-5])


@pytest.mark.parametrize("planted", [_planted_gap, _planted_missing_cells])
def test_planted_holes_are_seen(planted):
    cells = planted()
    assert not all(holders(cells, p).any() for p in points_of(1.0, 2, 2000))


def test_a_planted_value_at_the_centre_is_seen():
    """The value at the centre alone is no enclosure over the cell."""
    cells = cover(1.0, 1, 10)
    [ball] = enclose(dataclasses.replace(cells, half=0.0), [x**2], [x])
    assert (np.abs((cells.centres[:, 0] + cells.half) ** 2 - ball.mid) > ball.rad).any()
