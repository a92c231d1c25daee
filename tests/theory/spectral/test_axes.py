"""Integer matrices along axes, against their written-out Kronecker products."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowcert.errors import DomainError, ShapeError
from flowcert.numerics.validation import FloatArray
from flowcert.theory.spectral import Axes, AxisMap, AxisRow


def matrix_of(entry: AxisMap, columns: int) -> FloatArray:
    """Row by row in fractions, rounded once."""
    dense = [[Fraction(0)] * columns for _ in entry.rows]
    for i, row in enumerate(entry.rows):
        for index, weight in zip(row.indices, row.weights, strict=True):
            dense[i][index] += Fraction(weight, row.divisor)
    return np.array([[float(value) for value in row] for row in dense])


def averages(axis: int, windows: list[list[int]]) -> AxisMap:
    return AxisMap(axis, tuple(AxisRow(tuple(w), (1,) * len(w), len(w)) for w in windows))


def selection(axis: int, indices: list[int]) -> AxisMap:
    """−1 is a zero."""
    return AxisMap(axis, tuple(AxisRow((j,), (1,)) if j >= 0 else AxisRow((), ()) for j in indices))


rows = st.integers(0, 3).flatmap(
    lambda k: st.builds(
        AxisRow,
        st.tuples(*[st.integers(0, 3)] * k),
        st.tuples(*[st.integers(-3, 3)] * k),
        st.integers(1, 4),
    )
)
maps = st.builds(AxisMap, st.just(0), st.lists(rows, min_size=1, max_size=6).map(tuple))


@given(maps, maps)
@settings(derandomize=True, deadline=None, max_examples=150)
def test_singular_values_are_those_of_the_kronecker_product(
    first: AxisMap, second: AxisMap
) -> None:
    axes = Axes([first, AxisMap(1, second.rows)], (4, 4))
    full = np.kron(matrix_of(first, 4), matrix_of(second, 4))
    truth = np.linalg.svd(full, compute_uv=False)
    tall = full.shape[0] >= full.shape[1]
    values = axes.singular_values(smallest=True)
    assert values.largest_lower - 1e-13 <= truth[0] <= values.largest + 1e-13 * values.largest
    # NumPy's zeros are 10⁻¹⁶ of the largest, those here exact.
    assert values.smallest <= (truth[-1] if tall else 0.0) + 1e-13 * truth[0]
    assert values.width <= 1e-11
    np.testing.assert_allclose(axes.matrix(), full, atol=1e-14)


@given(maps, maps)
@settings(derandomize=True, deadline=None, max_examples=60)
def test_maps_along_one_axis_are_multiplied(first: AxisMap, second: AxisMap) -> None:
    widened = AxisMap(0, tuple(first.rows[i % len(first.rows)] for i in range(4)))
    axes = Axes([widened, second], (4,))
    full = matrix_of(second, 4) @ matrix_of(widened, 4)
    truth = np.linalg.svd(full, compute_uv=False)[0]
    values = axes.singular_values()
    assert values.largest_lower - 1e-13 <= truth <= values.largest * (1 + 1e-13)
    assert values.width <= 1e-11
    x = np.random.default_rng(0).normal(size=(3, 4))
    np.testing.assert_allclose(axes.apply(x), x @ full.T, atol=1e-13)
    np.testing.assert_allclose(axes.adjoint(axes.apply(x)), x @ full.T @ full, atol=1e-12)


@pytest.mark.parametrize(
    ("entry", "columns", "norm"),
    [
        (averages(0, [[0, 1], [2, 3]]), 4, math.sqrt(0.5)),
        (averages(0, [[0, 1, 2, 3]]), 4, 0.5),
        (selection(0, [1, 3]), 4, 1.0),
        (selection(0, [3, 2, 1, 0]), 4, 1.0),
        (selection(0, [-1, 0, 1, 2, 3, -1]), 4, 1.0),
        (selection(0, [0, 0, 1, 1, 2, 2, 3, 3]), 4, math.sqrt(2.0)),
        (selection(0, [-1, -1]), 4, 0.0),
    ],
)
def test_pooling_padding_slices_and_copies_have_exact_norms(
    entry: AxisMap, columns: int, norm: float
) -> None:
    values = Axes([entry], (columns,)).singular_values()
    assert abs(values.largest - norm) <= 2.0**-52
    assert abs(values.largest_lower - norm) <= 2.0**-52
    if norm in (0.0, 0.5, 1.0):
        assert values.largest == values.largest_lower == norm


def test_the_smallest_singular_value_of_copies_and_slices() -> None:
    def least(entry: AxisMap) -> float:
        return Axes([entry], (4,)).singular_values(smallest=True).smallest

    assert least(selection(0, [3, 2, 1, 0])) == 1.0
    assert least(selection(0, [-1, 0, 1, 2, 3, -1])) == 1.0
    assert least(selection(0, [0, 1, 2, 3, 3])) == 1.0
    assert least(selection(0, [0, 1, 2, 2])) == 0.0
    assert least(selection(0, [0, 1, 2])) == 0.0


def test_overlapping_averages_of_an_image() -> None:
    windows = [[0, 1, 2], [1, 2, 3], [2, 3, 4]]
    axes = Axes([averages(1, windows), averages(2, windows)], (2, 5, 5))
    one = matrix_of(averages(0, windows), 5)
    full = np.kron(np.eye(2), np.kron(one, one))
    np.testing.assert_allclose(axes.matrix(), full, atol=1e-15)
    truth = np.linalg.norm(one, 2) ** 2
    values = axes.singular_values()
    assert values.largest_lower <= truth <= values.largest
    assert axes.norm_error > 0.0  # thirds
    assert values.width <= 1e-12
    assert axes.absolute_norm() >= truth


def test_the_error_of_stored_entries_is_bounded() -> None:
    sevenths = AxisMap(0, (AxisRow((0, 1), (3, -2), 7),))
    axes = Axes([sevenths, AxisMap(1, sevenths.rows)], (2, 2))
    exact = [[Fraction(a * b, 49) for b in (3, -2)] for a in (3, -2)]
    flat = [value for row in exact for value in row]
    stored = axes.matrix().ravel()
    off = sum((Fraction(float(s)) - e) ** 2 for s, e in zip(stored, flat, strict=True))
    assert 0 < off <= Fraction(axes.norm_error) ** 2 * 4  # ``matrix`` itself rounds products


def test_a_long_axis_is_bounded_by_sums() -> None:
    n = 5000
    entry = averages(0, [[j, (j + 1) % n] for j in range(n)])
    values = Axes([entry], (n,)).singular_values(smallest=True)
    assert values.largest_lower <= 1.0 <= values.largest <= 1.0 + 1e-15
    assert values.reason.startswith("more than")


def test_absolute_values_of_the_entries() -> None:
    axes = Axes([AxisMap(0, (AxisRow((0, 2), (1, -2), 3), AxisRow((), ())))], (3,))
    np.testing.assert_array_equal(axes.absolute().matrix(), np.abs(axes.matrix()))


def test_what_only_selects_says_so() -> None:
    assert Axes([selection(0, [0, -1, 1])], (2,)).selects
    assert not Axes([averages(0, [[0, 1]])], (2,)).selects
    assert not Axes([AxisMap(0, (AxisRow((0,), (-1,)),))], (2,)).selects


@pytest.mark.parametrize(
    ("entry", "error"),
    [
        (AxisMap(1, (AxisRow((0,), (1,)),)), ShapeError),
        (AxisMap(-1, (AxisRow((0,), (1,)),)), ShapeError),
        (AxisMap(0, ()), ShapeError),
        (AxisMap(0, (AxisRow((4,), (1,)),)), ShapeError),
        (AxisMap(0, (AxisRow((-1,), (1,)),)), ShapeError),
        (AxisMap(0, (AxisRow((0,), (1, 1)),)), ShapeError),
        (AxisMap(0, (AxisRow((0,), (1,), 0),)), DomainError),
        (AxisMap(0, (AxisRow((0,), (1,), -2),)), DomainError),
        (AxisMap(0, (AxisRow((0,), (2**53 + 1,)),)), DomainError),
    ],
)
def test_malformed_maps_are_refused(entry: AxisMap, error: type[Exception]) -> None:
    with pytest.raises(error):
        Axes([entry], (4,))
