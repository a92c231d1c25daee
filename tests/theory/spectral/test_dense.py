"""Bounds of the singular values of dense matrices, against mpmath, exact integers and NumPy."""

from __future__ import annotations

import math
import statistics
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowcert.errors import DomainError, ShapeError
from flowcert.numerics.validation import FloatArray
from flowcert.theory.spectral import Dense, bound_dense
from flowcert.theory.spectral.recheck import recheck_dense

SCALES = [1e-320, 1e-200, 1e-30, 1e-6, 1.0, 1e6, 1e150, 1e300]


def exact_ends(A: FloatArray) -> tuple[object, object]:
    """σ_min (0 if there are fewer rows than columns) and σ_max to 100 digits, by mpmath."""
    import mpmath

    with mpmath.workdps(100):
        M = mpmath.matrix(A.tolist())
        scale = mpmath.mpf(float(np.max(np.abs(A)))) or mpmath.mpf(1)
        values = mpmath.svd_r(M / scale, compute_uv=False)
        ordered = sorted(value * scale for value in values)
        smallest = ordered[0] if A.shape[0] >= A.shape[1] else mpmath.mpf(0)
        return smallest, ordered[-1]


def assert_bracketed(A: FloatArray, *, width: float | None = None) -> None:
    import mpmath

    values = bound_dense(A, smallest=True)
    least, largest = exact_ends(A)
    with mpmath.workdps(100):
        # mpmath itself is exact to 10⁻⁸⁰ of the largest singular value.
        slack = largest * mpmath.mpf(10) ** -80
        assert mpmath.mpf(values.smallest) <= least + slack
        assert mpmath.mpf(values.largest_lower) <= largest + slack
        assert largest <= mpmath.mpf(values.largest) + slack
    assert not math.isnan(values.width)
    if width is not None:
        assert values.width <= width


def hilbert(n: int) -> FloatArray:
    return np.asarray(1.0 / (np.arange(n)[:, None] + np.arange(n) + 1.0))


def matrices() -> dict[str, FloatArray]:
    rng = np.random.default_rng(4)
    Q = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    low_rank = rng.normal(size=(6, 2)) @ rng.normal(size=(2, 5))
    return {
        "gaussian": rng.normal(size=(5, 4)),
        "wide": rng.normal(size=(3, 6)),
        "row": rng.normal(size=(1, 7)),
        "column": rng.normal(size=(7, 1)),
        "one": np.array([[-3.0]]),
        "zero": np.zeros((3, 2)),
        "rank two": low_rank,
        "ones": np.ones((4, 4)),
        "orthogonal": Q,
        "repeated values": (Q * np.array([2.0, 2.0, 2.0, 1.0, 1.0, 1.0])) @ Q.T,
        "hilbert": hilbert(6),
        "graded": np.diag(10.0 ** -np.arange(0.0, 12.0, 2.0)) @ Q,
        "jordan": np.eye(6) + 100.0 * np.eye(6, k=1),
        "one entry": np.array([[0.0, 0.0], [0.0, 1e-3]]),
        "float16": rng.normal(size=(4, 4)).astype(np.float16).astype(np.float64),
    }


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", sorted(matrices()))
def test_bracket_holds_the_truth_at_every_scale(name: str, scale: float) -> None:
    with np.errstate(under="ignore"):
        A = matrices()[name] * scale
    # Below the normal numbers a bound is at best to the last bit of a few.
    assert_bracketed(A, width=1e-10 if scale > 1e-300 else None)


@pytest.mark.parametrize(
    "entries", [(1e300, 1e-320), (1e300, 1.0), (1.0, 1e-160), (1e-300, 1e-320), (1e-320, 1e-320)]
)
def test_one_huge_and_one_tiny_entry(entries: tuple[float, float]) -> None:
    assert_bracketed(np.diag(entries))
    assert_bracketed(np.array([[entries[0], entries[1]], [entries[1], entries[1]]]))


def test_nonzero_maps_never_have_bound_zero() -> None:
    assert bound_dense(np.array([[5e-324]])).largest >= 5e-324
    assert bound_dense(np.array([[5e-324, 0.0], [0.0, 0.0]])).largest_lower <= 5e-324


def test_the_zero_matrix_has_bound_zero_exactly() -> None:
    values = bound_dense(np.zeros((2, 3)), smallest=True)
    assert values.largest == values.smallest == values.width == 0.0


def test_a_norm_that_overflows_is_infinite_and_never_nan() -> None:
    values = bound_dense(np.full((3, 3), 1.7e308), smallest=True)
    assert values.largest == math.inf
    assert 1.7e308 < values.largest_lower < math.inf
    assert values.width == 1.0


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 10**6), st.floats(-12.0, 0.0))
@settings(derandomize=True, deadline=None, max_examples=60)
def test_random_matrices_with_twelve_decades_of_entries(
    rows: int, columns: int, seed: int, spread: float
) -> None:
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(rows, columns)) * 10.0 ** rng.uniform(spread, 0.0, size=(rows, columns))
    assert_bracketed(A, width=1e-10)


@pytest.mark.parametrize("shape", [(40, 40), (40, 25), (25, 40), (60, 60)])
def test_larger_matrices_are_confirmed_in_exact_integers(shape: tuple[int, int]) -> None:
    A = np.random.default_rng(1).normal(size=shape)
    values = bound_dense(A, smallest=True)
    assert recheck_dense(A, values.largest, lower=values.smallest)
    assert not recheck_dense(A, values.largest_lower * (1.0 - 1e-15))
    assert (values.smallest > 0.0) == (shape[0] >= shape[1])


@pytest.mark.parametrize("n", [4, 8, 10])
def test_the_smallest_singular_value_of_ill_conditioned_matrices(n: int) -> None:
    """κ(Hilbert 8) = 1.5·10¹⁰: the Gram matrix has lost it, a left inverse has not."""
    A = hilbert(n)
    values = bound_dense(A, smallest=True)
    least = float(exact_ends(A)[0])  # type: ignore[arg-type]  # an mpf
    assert 0.0 <= values.smallest <= least
    if n <= 8:
        assert values.smallest >= 0.999 * least


def test_the_reason_for_a_smallest_value_of_zero_is_said() -> None:
    assert bound_dense(np.ones((2, 3)), smallest=True).reason == "fewer rows than columns"
    assert bound_dense(np.ones((3, 3)), smallest=True).reason.startswith("too small")
    assert bound_dense(np.eye(3)).reason == "not asked for"
    assert bound_dense(np.eye(3), smallest=True).reason == ""


def test_a_norm_error_widens_both_ends() -> None:
    A = np.diag([3.0, 1.0])
    exact, wide = bound_dense(A, smallest=True), bound_dense(A, smallest=True, norm_error=0.25)
    assert wide.largest >= 3.25
    assert wide.smallest <= 0.75
    assert wide.largest_lower <= 2.75
    assert wide.largest <= exact.largest + 0.2501
    assert bound_dense(A, smallest=True, norm_error=2.0).smallest == 0.0


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_narrow_floats_are_widened_before_they_are_multiplied(dtype: type) -> None:
    A: FloatArray = np.random.default_rng(0).normal(size=(30, 30)).astype(dtype)
    values = bound_dense(A)
    assert values.width <= 1e-9
    assert recheck_dense(A.astype(np.float64), values.largest)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_entries_that_are_no_numbers_are_refused(bad: float) -> None:
    with pytest.raises(DomainError, match="NaN or infinite"):
        bound_dense(np.array([[1.0, bad]]))


@pytest.mark.parametrize("shape", [(3,), (0, 3), (3, 0), (2, 2, 2)])
def test_what_is_no_matrix_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match="a matrix"):
        bound_dense(np.ones(shape))


def test_a_value_of_another_length_is_refused() -> None:
    with pytest.raises(ShapeError, match="last axis"):
        Dense(np.ones((2, 3)), (3, 2))


@pytest.mark.parametrize("lie", ["eigenvector", "eigenvalue", "last digits"])
def test_a_wrong_eigenpair_costs_tightness_not_truth(
    lie: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    A = matrices()["gaussian"]
    truth = np.linalg.svd(A, compute_uv=False)[0]

    def eigh(G: FloatArray, **options: object) -> tuple[FloatArray, FloatArray]:
        top = np.linalg.eigvalsh(G)[-1]
        value = {"eigenvalue": 1e-3, "last digits": top * (1 - 1e-12)}.get(lie, top)
        return np.array([value]), 100.0 * np.eye(len(G))[:, :1]

    monkeypatch.setattr("scipy.linalg.eigh", eigh)
    values = bound_dense(A)
    assert values.largest_lower <= truth <= values.largest


def test_a_smallest_eigenvalue_that_is_too_large_is_not_believed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    A = matrices()["gaussian"]
    truth = np.linalg.svd(A, compute_uv=False)

    def eigh(G: FloatArray, **options: object) -> object:
        if options.get("eigvals_only"):
            return np.array([1.05 * np.linalg.eigvalsh(G)[0]])
        return np.linalg.eigvalsh(G)[-1:], np.eye(len(G))[:, :1]

    monkeypatch.setattr("scipy.linalg.eigh", eigh)
    assert 0.99 * truth[-1] <= bound_dense(A, smallest=True).smallest <= truth[-1]


def test_the_map_applies_its_matrix_to_the_last_axis() -> None:
    rng = np.random.default_rng(2)
    W, x = rng.normal(size=(3, 5)), rng.normal(size=(4, 2, 5))
    dense = Dense(W, (2, 5))
    np.testing.assert_allclose(dense.apply(x), np.einsum("oi,bci->bco", W, x), atol=1e-14)
    y = rng.normal(size=(4, 2, 3))
    np.testing.assert_allclose(np.sum(dense.apply(x) * y), np.sum(x * dense.adjoint(y)))
    np.testing.assert_array_equal(dense.matrix(), np.kron(np.eye(2), W))
    assert dense.absolute_norm() >= np.linalg.norm(np.abs(W), 2)


@pytest.mark.parametrize("weight", [1e-200, 1e-320, 1e200])
def test_the_norm_of_absolute_values_neither_vanishes_nor_overflows(weight: float) -> None:
    dense = Dense(np.full((2, 2), weight), (2,))
    assert 2.0 * weight <= dense.absolute_norm() <= 2.0 * weight * (1 + 1e-12) + 1e-322


def test_a_map_that_is_too_large_is_not_written_out() -> None:
    with pytest.raises(DomainError, match="4096"):
        Dense(np.ones((1, 5000)), (5000,)).matrix()


def test_512_columns_are_bounded_tightly_and_fast() -> None:
    A = np.random.default_rng(0).normal(size=(512, 512))
    times = []
    for _ in range(5):
        start = time.process_time()
        values = bound_dense(A, smallest=True)
        times.append(time.process_time() - start)
    assert values.width <= 1e-8
    truth = np.linalg.svd(A, compute_uv=False)
    assert values.largest_lower <= truth[0] <= values.largest
    assert 0.99 * truth[-1] <= values.smallest <= truth[-1]
    assert statistics.median(times) <= 1.0  # seconds of the processor; 0.05 s on an idle machine
