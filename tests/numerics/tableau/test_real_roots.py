"""Real roots and signs of polynomials, against their roots by construction and against numpy."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import QQ

from flowcert.numerics.tableau.real_roots import (
    SturmChain,
    is_nonnegative_for_positive,
    multiplied,
    smallest_positive_root,
)

ROOT2 = QQ.algebraic_field(sympy.sqrt(2))
SMALL = st.fractions(-3, 3, max_denominator=5)


def rational(*numbers: Any) -> list[Any]:
    return [QQ(Fraction(x).numerator, Fraction(x).denominator) for x in numbers]


def of_roots(roots: list[Fraction]) -> list[Any]:
    p = rational(1)
    for root in roots:
        p = multiplied(p, rational(-root, 1), QQ)
    return p


@given(st.lists(SMALL, unique=True, max_size=6), SMALL, SMALL)
@settings(deadline=None, max_examples=80)
def test_sturm_counts_the_roots_of_half_open_intervals(
    roots: list[Fraction], low: Fraction, high: Fraction
) -> None:
    """x² + 1 adds two roots that are not real; ends of the interval may be roots."""
    low, high = min(low, high), max(low, high)
    chain = SturmChain(multiplied(of_roots(roots), rational(1, 0, 1), QQ), QQ)
    assert chain.count(low, high) == sum(low < root <= high for root in roots)
    assert chain.count(None, low) == sum(root <= low for root in roots)
    assert chain.count(high, None) == sum(root > high for root in roots)
    assert chain.count(None, None) == len(roots)


@given(st.lists(SMALL, min_size=1, max_size=6))
@settings(deadline=None, max_examples=80)
def test_signs_and_first_roots_with_multiplicities(roots: list[Fraction]) -> None:
    p = of_roots(roots)
    positive = sorted({root for root in roots if root > 0})
    changing = [root for root in positive if roots.count(root) % 2]
    assert is_nonnegative_for_positive(p, QQ) == (not changing)
    assert not is_nonnegative_for_positive([-q for q in p], QQ)
    first = smallest_positive_root(p, QQ)
    first_change = smallest_positive_root(p, QQ, sign_changing=True)
    assert first == (sympy.Rational(str(positive[0])) if positive else None)
    assert first_change == (sympy.Rational(str(changing[0])) if changing else None)


@pytest.mark.parametrize(
    ("coefficients", "holds"),
    [
        ([], True),
        ([0, 0], True),
        ([0, 1], True),
        ([0, -1], False),
        ([2, -3, 1], False),  # (x − 1)(x − 2), negative between
        ([1, -2, 1], True),  # touches zero
        ([1, -2, "999999999/1000000000"], False),  # and goes below it by 10⁻⁹
        ([1, -2, "1000000001/1000000000"], True),
        ([-1, 0, 0], False),
    ],
)
def test_nonnegativity_on_the_half_line(coefficients: list[Any], holds: bool) -> None:
    assert is_nonnegative_for_positive(rational(*coefficients), QQ) is holds


@pytest.mark.parametrize(
    ("coefficients", "root"),
    [
        ([-1, 3], sympy.Rational(1, 3)),
        ([-2, 0, 1], sympy.sqrt(2)),
        ([-3, 6, 1], 2 * sympy.sqrt(3) - 3),
        ([1, -3, 1], (3 - sympy.sqrt(5)) / 2),  # the smaller of two positive ones
        ([-6, 0, 5, 0, -1], sympy.sqrt(2)),  # −(x² − 2)(x² − 3)
        ([1, 0, 1], None),
        ([1, 1], None),
    ],
)
def test_roots_of_low_degree_are_written_in_radicals(coefficients: list[Any], root: Any) -> None:
    found = smallest_positive_root(rational(*coefficients), QQ)
    assert found is root is None or sympy.expand(found - root) == 0


def test_roots_that_nearly_coincide_are_told_apart() -> None:
    """√2 and a fraction 10⁻³⁰ below it."""
    near = Fraction(int(sympy.floor(sympy.sqrt(2) * 10**30)), 10**30)
    p = multiplied(rational(-2, 0, 1), rational(-near, 1), QQ)
    assert smallest_positive_root(p, QQ) == sympy.Rational(near.numerator, near.denominator)


@given(st.lists(st.integers(-9, 9), min_size=3, max_size=8))
@settings(deadline=None, max_examples=40)
def test_first_roots_agree_with_numpy(integers: list[int]) -> None:
    if not integers[-1] or not integers[0]:
        return
    poly = sympy.Poly(integers[::-1], sympy.Symbol("x"))
    if not poly.is_sqf:
        return  # numpy splits multiple roots
    roots = np.roots(np.array(integers[::-1], dtype=float))
    positive = [z.real for z in roots if abs(z.imag) < 1e-9 and z.real > 0]
    found = smallest_positive_root(rational(*integers), QQ)
    assert (found is None) == (not positive)
    if positive:
        assert float(found) == pytest.approx(min(positive), rel=1e-8)


def test_roots_over_an_algebraic_field() -> None:
    """x² = √2; its conjugate x² = −√2 has no real root, although the norm x⁴ − 2 mixes them."""
    root2 = ROOT2.from_sympy(sympy.sqrt(2))
    found = smallest_positive_root([-root2, ROOT2.zero, ROOT2.one], ROOT2)
    assert sympy.minimal_polynomial(found, polys=True).all_coeffs() == [1, 0, 0, 0, -2]
    assert float(found) == pytest.approx(2**0.25, rel=1e-15)
    # (x − 1 − √2)(x − 3): the norm also has the positive root 3, and 1 − √2 < 0.
    p = multiplied([-ROOT2.one - root2, ROOT2.one], [ROOT2.convert(-3), ROOT2.one], ROOT2)
    assert smallest_positive_root(p, ROOT2) == 1 + sympy.sqrt(2)
    # x = 2 − √2: the conjugate 2 + √2 of the norm is positive too, and must not be taken.
    two = ROOT2.convert(2)
    assert smallest_positive_root([root2 - two, ROOT2.one], ROOT2) == 2 - sympy.sqrt(2)
    assert smallest_positive_root([-root2 - two, ROOT2.one], ROOT2) == 2 + sympy.sqrt(2)
