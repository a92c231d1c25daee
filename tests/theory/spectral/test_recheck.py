"""The exact decision of a bound, against fractions, integers with known roots and mpmath."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowcert.errors import DomainError
from flowcert.numerics.validation import FloatArray
from flowcert.theory.spectral import bound_dense, recheck
from flowcert.theory.spectral.recheck import recheck_dense


def mpmath_ends(A: FloatArray) -> tuple[float, float]:
    """The two ends rounded to float64, from 60 digits."""
    import mpmath

    with mpmath.workdps(60):
        values = mpmath.svd_r(mpmath.matrix(A.tolist()), compute_uv=False)
        return float(min(values)), float(max(values))


@given(st.integers(1, 5), st.integers(0, 10**6))
@settings(derandomize=True, deadline=None, max_examples=40)
def test_it_decides_next_to_the_truth(n: int, seed: int) -> None:
    A = np.random.default_rng(seed).normal(size=(n, n))
    least, largest = mpmath_ends(A)
    up, down = math.nextafter, -math.inf
    assert recheck_dense(A, up(largest, math.inf))
    assert not recheck_dense(A, up(largest, down))
    assert recheck_dense(A, math.inf, lower=up(least, down))
    assert not recheck_dense(A, math.inf, lower=up(least, math.inf))


@pytest.mark.parametrize("scale", [2.0**-1074, 2.0**-600, 1.0, 2.0**500, 2.0**1000])
def test_ties_are_decided_exactly_at_every_scale(scale: float) -> None:
    """[[3, 4], [4, −3]] is five times orthogonal."""
    A = np.array([[3.0, 4.0], [4.0, -3.0]]) * scale
    exact = 5.0 * scale
    assert recheck_dense(A, exact, lower=exact)
    assert not recheck_dense(A, math.nextafter(exact, 0.0))
    assert not recheck_dense(A, math.inf, lower=math.nextafter(exact, math.inf))


def test_exactly_equal_bounds_of_singular_matrices() -> None:
    ones = np.ones((9, 9))
    assert recheck_dense(ones, 9.0)
    assert not recheck_dense(ones, math.nextafter(9.0, 0.0))
    assert not recheck_dense(ones, 9.0, lower=5e-324)
    assert recheck_dense(np.zeros((3, 2)), 0.0)
    assert not recheck_dense(np.full((1, 1), 5e-324), 0.0)


def test_entries_of_six_hundred_decades() -> None:
    A = np.diag([1e300, 1e-320])
    assert recheck_dense(A, 1e300, lower=1e-320)
    assert not recheck_dense(A, math.nextafter(1e300, 0.0))
    assert not recheck_dense(A, math.inf, lower=math.nextafter(1e-320, 1.0))


def test_a_wide_matrix_has_no_positive_smallest_singular_value() -> None:
    A = np.array([[1.0, 2.0]])
    assert recheck_dense(A, 2.3)
    assert not recheck_dense(A, 2.3, lower=1e-9)


def test_large_matrices_are_proved_by_the_factor_alone() -> None:
    A = np.random.default_rng(0).normal(size=(128, 100))
    values = bound_dense(A, smallest=True)
    assert len(A.T) > recheck.LARGEST_DECIDED
    assert recheck_dense(A, values.largest, lower=values.smallest)
    assert not recheck_dense(A, values.largest_lower * (1 - 1e-9))


def test_a_wrong_factor_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    A = np.diag([2.0, 1.0])
    monkeypatch.setattr(recheck, "LARGEST_DECIDED", 0)
    assert recheck_dense(A, 2.5)
    monkeypatch.setattr("scipy.linalg.cholesky", lambda M, **options: np.eye(len(M)))
    assert not recheck_dense(A, 2.5)
    assert not recheck_dense(A, 1.5)


def test_bounds_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(DomainError, match="NaN"):
        recheck_dense(np.eye(2), math.nan)
    assert not recheck_dense(np.eye(2), -1.0)
    assert recheck_dense(np.eye(2), math.inf)
    assert not recheck_dense(np.eye(2), math.inf, lower=math.inf)
