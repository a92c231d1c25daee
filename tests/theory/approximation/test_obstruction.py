"""Maps that flows cannot come near: lower bounds with witnesses, and refusals with reasons."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from flowcert import DomainError, ShapeError, StructureError
from flowcert.theory.approximation import (
    approximate_map,
    estimate_reversal,
    orientation_obstruction,
    regression_target,
)


def on_grid(values):
    """The map that takes these values on an even grid of [−1, 1], linear between."""
    grid = np.linspace(-1, 1, len(values))
    return lambda x: np.interp(x, grid, values)


def monotone_distance(values):
    """min max|gᵢ − vᵢ| over nondecreasing g: a linear programme in (g, t)."""
    n = len(values)
    upper = np.hstack([np.eye(n), -np.ones((n, 1))])
    lower = np.hstack([-np.eye(n), -np.ones((n, 1))])
    order = np.hstack([np.eye(n)[:-1] - np.eye(n)[1:], np.zeros((n - 1, 1))])
    bounds = np.concatenate([values, -np.array(values), np.zeros(n - 1)])
    cost = np.append(np.zeros(n), 1.0)
    free = [(None, None)] * n + [(0, None)]
    return linprog(cost, np.vstack([upper, lower, order]), bounds, bounds=free).fun


@given(st.lists(st.integers(-9, 9), min_size=2, max_size=8))
def test_distance_is_that_of_the_best_monotone_map_on_the_grid(values):
    found = orientation_obstruction(on_grid(values), 1.0, count=len(values))
    distance = 0.0 if found is None else found.distance
    assert distance == pytest.approx(monotone_distance(values), abs=1e-9)


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=8))
def test_distance_is_rounded_down_and_has_its_witness(values):
    found = orientation_obstruction(on_grid(values), 1.0, count=len(values))
    if found is None:
        return
    assert found.x < found.y
    assert found.at_x > found.at_y
    F = on_grid(values)
    assert (found.at_x, found.at_y) == (F(found.x), F(found.y))
    exact = (Fraction(found.at_x) - Fraction(found.at_y)) / 2
    assert Fraction(found.distance) <= exact
    assert found.distance >= float(exact) * (1 - 2**-50) - 5e-324


def test_absolute_value_is_half_away_from_all_flows():
    found = orientation_obstruction(np.abs, 1.0)
    assert (found.distance, found.x, found.y) == (0.5, -1.0, 0.0)
    # Attained: the best increasing maps are near max(1/2, x).
    x = np.linspace(-1, 1, 9)
    assert np.abs(np.abs(x) - np.maximum(0.5, x)).max() == 0.5
    assert orientation_obstruction(np.abs, 3.0).distance == 1.5


@pytest.mark.parametrize("F", [lambda x: x**3, np.tanh, lambda x: 0 * x, lambda x: x + np.sin(x)])
def test_nondecreasing_maps_have_no_obstruction(F):
    assert orientation_obstruction(F, 2.0) is None


def test_regression_target_has_an_obstruction():
    found = orientation_obstruction(regression_target, 1.0)
    # Decreasing on [−1, 0]: F' = −1 + cos x + 2x < 0 there; F(0) = 0.
    assert found.distance == pytest.approx((2 - math.sin(1.0)) / 2, abs=1e-12)
    assert (found.x, found.y) == (-1.0, 0.0)


def test_no_flow_comes_nearer_than_the_bound():
    """Flows of random polynomial fields on a line, against |x|: 0.5 at best."""
    rng = np.random.default_rng(0)
    x = np.linspace(-1, 1, 257)
    for _ in range(20):
        c = rng.normal(size=4)
        y = x.copy()
        for _ in range(200):
            y = y + 0.002 * np.polyval(c, np.clip(y, -3, 3))
        assert np.abs(np.abs(x) - y).max() >= 0.5


def test_the_line_is_refused_with_the_reason():
    with pytest.raises(StructureError) as refused:
        approximate_map(np.abs, 1, 1.0)
    message = str(refused.value)
    for part in (
        "a composition of flows on a line, which is increasing",
        "at least 0.5 away",
        "x = -1",
        "x = 0",
        "lifted_map",
    ):
        assert part in message


def test_an_increasing_map_is_refused_for_want_of_a_field():
    with pytest.raises(StructureError, match=r"nondecreasing on .*approximate_flows.*lifted_map"):
        approximate_map(np.tanh, 1, 1.0)


REFLECTION = np.array([[0.0, 1.0], [1.0, 0.0]])


@pytest.mark.parametrize(
    ("F", "determinant"),
    [
        (lambda x: x @ REFLECTION, -1.0),
        (lambda x: np.stack([np.abs(x[..., 0]), x[..., 1]], axis=-1), -1.0),
        (lambda x: np.stack([x[..., 0] ** 2, 3 * x[..., 1]], axis=-1), -6.0),
    ],
)
def test_reversed_orientation_is_found_and_said(F, determinant):
    x, found = estimate_reversal(F, 2, 1.0)
    assert found == pytest.approx(determinant, rel=1e-4)
    assert np.linalg.norm(x) <= 1
    with pytest.raises(StructureError, match=r"det DF = -.*estimate.*orientation.*lifted_map"):
        approximate_map(F, 2, 1.0)


@pytest.mark.parametrize(
    "F",
    [
        lambda x: np.stack([-x[..., 1], x[..., 0]], axis=-1),
        lambda x: x**3,
        lambda x: 0 * x,
        lambda x: x.sum(axis=-1, keepdims=True) * np.ones(2),
        lambda x: 1e6 + 1e-3 * x,
        lambda x: 1e6 + 2e-5 * x @ np.array([[1.0, 1.9], [0.45, 1.0]]),  # lost in rounding
    ],
)
def test_kept_orientation_is_refused_for_want_of_a_field(F):
    assert estimate_reversal(F, 2, 1.0) is None
    with pytest.raises(StructureError, match=r"no determinant below 0.*estimate.*\(field, time\)"):
        approximate_map(F, 2, 1.0)


def test_reflections_of_space_and_of_four_dimensions():
    assert estimate_reversal(lambda x: -x, 3, 1.0)[1] == pytest.approx(-1, abs=1e-8)
    assert estimate_reversal(lambda x: -x, 4, 1.0) is None


def test_samples_stay_in_the_ball():
    def F(x):
        assert np.linalg.norm(x, axis=-1).max() <= 2.0
        return x

    assert estimate_reversal(F, 2, 2.0) is None


@pytest.mark.parametrize("refuse", [orientation_obstruction, lambda F, r: approximate_map(F, 1, r)])
@pytest.mark.parametrize("radius", [0.0, -1.0, math.nan, math.inf])
def test_bad_radius(refuse, radius):
    with pytest.raises(DomainError, match="radius"):
        refuse(np.abs, radius)


@pytest.mark.parametrize(
    ("F", "error"),
    [
        (lambda x: x - x.mean(axis=0), StructureError),
        (lambda x: x.sum(), StructureError),
        (lambda x: np.concatenate([x, x, x], axis=-1), ShapeError),
        (lambda x: np.log(x), DomainError),
    ],
)
@pytest.mark.parametrize("n", [1, 2])
def test_bad_maps_are_named_before_any_reason(F, error, n):
    with pytest.raises(error) as raised:
        approximate_map(F, n, 1.0)
    assert "orientation" not in str(raised.value)
    assert "lifted" not in str(raised.value)


def test_bad_counts_and_dimensions():
    for count in (0, 1, 2.5):
        with pytest.raises(DomainError):
            orientation_obstruction(np.abs, 1.0, count=count)
    for dimension in (0, 1.5, True):
        with pytest.raises(DomainError):
            approximate_map(np.abs, dimension, 1.0)
