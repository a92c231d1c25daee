"""Below the constants of fields: eigenvalues, slopes, sums of ridges, a cover of the ball."""

import itertools
import math
from dataclasses import dataclass

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowcert.numerics import Activation, leaky_relu, softplus_mixture, tanh_mixture
from flowcert.theory.field_constants.cells import bound_over_cells
from flowcert.theory.field_constants.eigenvalues import bound_largest_eigenvalue
from flowcert.theory.field_constants.ridge_sums import bound_ridge_sum
from flowcert.theory.field_constants.slopes import bound_slopes, bound_values
from flowcert.theory.interval import Interval


@pytest.mark.parametrize("same", [True, False])
@pytest.mark.parametrize("seed", range(8))
def test_ridge_sums_against_all_extreme_slopes(seed, same):
    """‖J‖ and λ_max(sym J) are convex in the slopes: their maxima are at the 2ᵐ corners."""
    rng = np.random.default_rng(seed)
    m, n = 5, 3
    A = rng.normal(size=(m, n))
    G = A if same else rng.normal(size=(m, n)) * 10.0 ** rng.integers(-2, 3, size=(m, 1))
    w, low = rng.normal(size=m), rng.uniform(size=m)
    high = low + rng.uniform(size=m)
    corners = [
        G.T @ np.diag(w * np.array(d)) @ A for d in itertools.product(*zip(low, high, strict=True))
    ]
    norm = max(np.linalg.norm(J, 2) for J in corners)
    largest = max(np.linalg.eigvalsh((J + J.T) / 2)[-1] for J in corners)
    bounds = bound_ridge_sum(G, A, w, Interval(low, high))
    assert norm <= bounds.norm <= 3 * norm
    assert largest <= bounds.logarithmic_norm
    if same:
        assert bounds.norm <= norm * (1 + 1e-9)
        assert bounds.logarithmic_norm <= largest + 1e-9 * norm


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_cells_cover_every_point_of_the_ball(dimension):
    """A spike at p, seen by the balls that hold it, is never lost, on the boundary neither."""
    rng = np.random.default_rng(dimension)
    for radius in (0.75, 1.0, math.pi):
        directions = rng.normal(size=(60, dimension))
        spikes = radius * directions / np.linalg.norm(directions, axis=1, keepdims=True)
        spikes[::2] *= rng.uniform(size=(30, 1))
        for p in spikes * (1 - 1e-15):
            seen = bound_over_cells(
                lambda ball, p=p: float(np.linalg.norm(p - ball.centre) <= ball.radius),
                dimension,
                radius,
                60,
            )
            assert seen == 1.0


@pytest.mark.parametrize("seed", range(6))
def test_largest_eigenvalue_against_forty_digits(seed):
    rng = np.random.default_rng(seed)
    M = rng.normal(size=(4, 4))
    M = M + M.T - (3.0 * seed) * np.eye(4)
    with mpmath.workdps(40):
        exact = max(mpmath.eigsy(mpmath.matrix(M), eigvals_only=True))
        bound = bound_largest_eigenvalue(M)
        assert exact <= bound
        assert bound - exact < 1e-10 * np.linalg.norm(M)


def test_largest_eigenvalue_at_the_border():
    assert 0.0 <= bound_largest_eigenvalue(np.diag([0.0, -1.0])) < 1e-12
    assert bound_largest_eigenvalue(np.zeros((2, 2))) == 0.0
    assert bound_largest_eigenvalue(np.diag([np.inf, 1.0])) == math.inf
    assert 1.0 <= bound_largest_eigenvalue(np.ones((5, 5)) / 5) + 1e-15 < 1.0 + 1e-10


@dataclass(frozen=True)
class Shape:
    activation: Activation
    value: object
    slope: object


def _shapes():
    for a in (0.0, 0.25, 0.7):
        exact = mpmath.mpf(a)
        yield Shape(
            tanh_mixture(a),
            lambda s, a=exact: a * s + (1 - a) * mpmath.tanh(s),
            lambda s, a=exact: a + (1 - a) / mpmath.cosh(s) ** 2,
        )
        yield Shape(
            softplus_mixture(a),
            lambda s, a=exact: a * s + (1 - a) * (mpmath.log1p(mpmath.exp(s)) - mpmath.log(2)),
            lambda s, a=exact: a + (1 - a) / (1 + mpmath.exp(-s)),
        )
        yield Shape(
            leaky_relu(a), lambda s, a=exact: max(s, a * s), lambda s, a=exact: 1 if s >= 0 else a
        )


@pytest.mark.parametrize("shape", list(_shapes()), ids=lambda s: s.activation.name)
@settings(max_examples=40, deadline=None)
@given(st.floats(-40.0, 40.0), st.floats(0.0, 20.0), st.floats(0.0, 1.0))
def test_slopes_and_values_are_enclosed(shape, low, width, part):
    high = low + width
    middle = min(low + part * width, high)
    with mpmath.workdps(40):
        points = [mpmath.mpf(s) for s in (low, middle, high)]
        slopes = bound_slopes(shape.activation, np.array([low]), np.array([high]))
        values = bound_values(shape.activation, np.array([low]), np.array([high]))
        for s in points:
            assert values.lower[0] <= shape.value(s) <= values.upper[0]
        for s in points[:2] if width else []:
            assert slopes.lower[0] <= shape.slope(s) <= slopes.upper[0]
        assert values.upper[0] - shape.value(points[2]) < 1e-10
        assert shape.value(points[0]) - values.lower[0] < 1e-10
        ends = [shape.slope(p) for p in (points[0], points[2])]
        reached = [*ends, shape.slope(mpmath.mpf(0))] if low <= 0 <= high else ends
        assert slopes.upper[0] <= max(reached) + 1e-12
        if shape.activation.kind != "piecewise linear":
            assert slopes.lower[0] >= min(reached) - 1e-12
