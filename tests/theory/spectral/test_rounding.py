"""The constants γ, outward factors and norms, against exact fractions."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowcert.numerics.validation import FloatArray
from flowcert.theory.spectral.positive_definite import bound_negative_part
from flowcert.theory.spectral.rounding import (
    SMALLEST,
    UNIT_ROUNDOFF,
    UNIT_ROUNDOFF_32,
    above,
    below,
    gamma,
    norm_above,
    norm_below,
    power_of_two,
)

SCALES = [1e-320, 1e-200, 1e-30, 1e-6, 1.0, 1e6, 1e150, 1e300]
positive = st.floats(1e-290, 1e290)


def exact_square(x: FloatArray) -> Fraction:
    return sum((Fraction(float(v)) ** 2 for v in np.ravel(x)), Fraction(0))


@pytest.mark.parametrize("unit", [UNIT_ROUNDOFF, UNIT_ROUNDOFF_32])
@pytest.mark.parametrize("terms", [0, 1, 2, 3, 100, 12345, 2**20])
def test_gamma_is_above_its_formula_and_sharp(terms: int, unit: float) -> None:
    exact = Fraction(terms) * Fraction(unit) / (1 - Fraction(terms) * Fraction(unit))
    found = Fraction(gamma(terms, unit))
    assert exact <= found <= exact * (1 + Fraction(1, 2**48)) + Fraction(2**6) * Fraction(SMALLEST)


def test_gamma_of_too_many_terms_is_infinite() -> None:
    assert gamma(2**53) == gamma(2**52) == gamma(2**24, UNIT_ROUNDOFF_32) == math.inf


@given(st.lists(positive, min_size=2, max_size=12))
@settings(derandomize=True, deadline=None)
def test_above_and_below_enclose_sums_products_and_roots(values: list[float]) -> None:
    total = 0.0
    for value in values:
        total += value
    exact = sum((Fraction(value) for value in values), Fraction(0))
    assert Fraction(below(total, len(values))) <= exact <= Fraction(above(total, len(values)))
    root, square = math.sqrt(total), Fraction(total)
    assert Fraction(below(root)) ** 2 <= square <= Fraction(above(root)) ** 2
    product = root
    exact_product = Fraction(root)
    for value in values:
        factor = math.frexp(value)[0]
        product, exact_product = product * factor, exact_product * Fraction(factor)
    n = len(values)
    assert Fraction(below(product, n)) <= exact_product <= Fraction(above(product, n))


@given(st.floats(0.0, 1e-300), st.floats(0.0, 1.0))
@settings(derandomize=True, deadline=None)
def test_a_last_product_may_underflow(x: float, y: float) -> None:
    exact = Fraction(x) * Fraction(y)
    assert Fraction(below(x * y)) <= exact <= Fraction(above(x * y))


def test_the_slack_is_of_the_size_of_the_roundings() -> None:
    assert above(1.0, 3) - 1.0 <= 20 * UNIT_ROUNDOFF
    assert 1.0 - below(1.0, 3) <= 20 * UNIT_ROUNDOFF


def test_what_is_not_a_number_is_never_a_bound() -> None:
    assert above(math.nan) == above(math.inf) == math.inf
    assert below(math.nan) == 0.0
    assert below(math.inf) < math.inf
    for bad in (math.nan, math.inf, -math.inf):
        assert norm_above(np.array([1.0, bad])) == math.inf
        assert norm_below(np.array([1.0, bad])) == 0.0


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("size", [1, 2, 7, 300])
def test_norms_enclose_exact_sums_of_squares(scale: float, size: int) -> None:
    rng = np.random.default_rng(size)
    x = rng.normal(size=size) * scale
    x[0] = scale
    exact = exact_square(x)
    low, high = Fraction(norm_below(x)), Fraction(norm_above(x))
    assert low**2 <= exact <= high**2
    width = Fraction(8 * size + 40) * Fraction(UNIT_ROUNDOFF)
    assert (high - low) <= width * high + Fraction(4 * size + 40) * Fraction(SMALLEST)


def test_norms_of_one_huge_and_one_tiny_entry() -> None:
    x = np.array([1e300, 1e-320, -3e-10])
    assert Fraction(norm_below(x)) ** 2 <= exact_square(x) <= Fraction(norm_above(x)) ** 2


def test_norms_of_complex_numbers_count_both_parts() -> None:
    z = np.array([3.0 + 4.0j, 12.0j])
    assert norm_below(z) <= 13.0 <= norm_above(z) <= 13.0 * (1 + 1e-14)


def test_a_norm_that_overflows_is_infinite_from_above_only() -> None:
    x = np.full(9, 1.7e308)
    assert norm_above(x) == math.inf
    assert 1.7e308 < norm_below(x) < math.inf


@given(st.floats(SMALLEST, 2.0**1023))
@settings(derandomize=True, deadline=None)
def test_the_power_of_two_brings_the_largest_entry_to_a_half(x: float) -> None:
    scale = power_of_two(np.array([x, -x / 2.0]))
    assert math.frexp(scale)[0] == 0.5
    assert Fraction(1, 2) <= Fraction(x) / Fraction(scale) <= 1


def test_the_power_of_two_of_the_zero_array_is_zero() -> None:
    assert power_of_two(np.zeros(3)) == power_of_two(np.zeros(0)) == norm_above(np.zeros(2)) == 0.0


@pytest.mark.parametrize("n", [1, 3, 20])
@pytest.mark.parametrize("least", [0.5, 1e-3, 1e-9])
def test_the_negative_part_of_a_positive_matrix_is_round_off(n: int, least: float) -> None:
    rng = np.random.default_rng(n)
    Q = np.linalg.qr(rng.normal(size=(n, n)))[0]
    M = (Q * np.geomspace(least, 1.0, n)) @ Q.T
    assert 0.0 <= bound_negative_part((M + M.T) / 2.0) <= 1e-12


def test_the_negative_part_is_no_less_than_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """A factor that is wrong gives a large bound, not a small one."""
    M = np.diag([1.0, -0.5])
    assert bound_negative_part(M) == math.inf
    monkeypatch.setattr("scipy.linalg.cholesky", lambda M, **options: np.eye(len(M)))
    assert 0.5 <= bound_negative_part(M) < math.inf


def test_a_matrix_that_is_not_finite_proves_nothing() -> None:
    assert bound_negative_part(np.array([[math.nan]])) == math.inf
