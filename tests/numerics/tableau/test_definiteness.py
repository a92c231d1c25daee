"""Definiteness over Q and Q(α), zero pivots included; signs of numbers that nearly vanish."""

from fractions import Fraction
from typing import Any

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import QQ
from sympy.polys.matrices import DM, DomainMatrix

from flowcert.errors import DomainError
from flowcert.numerics.tableau.definiteness import is_positive_definite, negative_direction
from flowcert.numerics.tableau.ordered_field import OrderedField, _horner

ROOT2 = QQ.algebraic_field(sympy.sqrt(2))

SEMIDEFINITE = [
    [[0]],
    [[0, 0], [0, 0]],
    [[1, 1], [1, 1]],
    [[0, 0, 0], [0, 1, 2], [0, 2, 4]],  # a zero pivot first
    [[4, 2, 0], [2, 1, 0], [0, 0, 3]],  # a zero pivot after elimination
]
INDEFINITE = [
    [[-1]],
    [[0, 1], [1, 0]],  # the trace and the diagonal show nothing
    [[0, -1], [-1, 0]],
    [[1, 1, 0], [1, 1, 1], [0, 1, 0]],  # zero pivots with something beside them after elimination
    [[0, 0, 0], [0, 0, 1], [0, 1, 5]],  # a zero on the diagonal beside a positive entry
    [[4, 2, 0, 0], [2, 1, 0, 1], [0, 0, 3, 0], [0, 1, 0, 9]],
]


def over_the_rationals(matrix: Any) -> Any:
    return DomainMatrix.from_Matrix(matrix).convert_to(QQ)


def value(form: Any, w: list[Any]) -> Any:
    column = sympy.Matrix([form.domain.to_sympy(x) for x in w])
    return sympy.expand((column.T * form.to_Matrix() * column)[0])


@pytest.mark.parametrize("rows", SEMIDEFINITE, ids=str)
def test_semidefinite_matrices_have_no_negative_direction(rows: list[list[int]]) -> None:
    assert negative_direction(DM(rows, QQ)) is None
    assert not is_positive_definite(DM(rows, QQ))


@pytest.mark.parametrize("rows", INDEFINITE, ids=str)
@pytest.mark.parametrize("domain", [QQ, ROOT2], ids=str)
def test_indefinite_matrices_have_one(rows: list[list[int]], domain: Any) -> None:
    form = DM(rows, domain)
    w = negative_direction(form)
    assert w is not None
    assert value(form, w) < 0
    assert not is_positive_definite(form)


@given(
    st.lists(st.lists(st.integers(-3, 3), min_size=4, max_size=4), min_size=1, max_size=4),
    st.lists(st.integers(-3, 3), min_size=4, max_size=4),
)
@settings(deadline=None, max_examples=60)
def test_squares_are_semidefinite_and_less_than_that_is_not(
    rows: list[list[int]], line: list[int]
) -> None:
    """RᵀR ⪰ 0 by construction; RᵀR − 10⁻⁹xxᵀ is not, for an x outside of the row space of R."""
    R, x = sympy.Matrix(rows), sympy.Matrix(line)
    form = over_the_rationals(R.T * R)
    assert negative_direction(form) is None
    assert is_positive_definite(form) == (R.rank() == 4)
    if R.col_join(x.T).rank() > R.rank():
        disturbed = over_the_rationals(R.T * R - sympy.Rational(1, 10**9) * x * x.T)
        w = negative_direction(disturbed)
        assert w is not None
        assert value(disturbed, w) < 0


def test_a_pivot_that_float64_takes_for_zero_decides() -> None:
    """The determinant is 2·2⁻²⁰⁰ or −2·2⁻²⁰⁰, far below the rounding of 1·1 − 1·1."""
    tiny = QQ(1, 2**200)
    assert is_positive_definite(DM([[QQ(1), QQ(1)], [QQ(1), QQ(1) + tiny]], QQ))
    assert negative_direction(DM([[QQ(1), QQ(1)], [QQ(1), QQ(1) - tiny]], QQ)) is not None


@pytest.mark.parametrize("exponent", [1, 7, 80, 400])
def test_signs_in_an_algebraic_field(exponent: int) -> None:
    """(1 − √2)ⁿ is tiny and has the sign of (−1)ⁿ; its conjugate is huge."""
    field = OrderedField(ROOT2)
    x = field.domain.from_sympy(1 - sympy.sqrt(2)) ** exponent
    assert field.sign(x) == (-1) ** exponent
    assert field.sign(-x) == -((-1) ** exponent)
    assert field.sign(x - x) == 0


def test_the_order_depends_on_which_root_alpha_is() -> None:
    x = sympy.Symbol("x")
    signs = []
    for index in range(3):  # x³ − 3x + 1 has the roots −1.88, 0.35, 1.53
        alpha = sympy.CRootOf(x**3 - 3 * x + 1, index)
        field = OrderedField(QQ.algebraic_field(alpha))
        signs.append(field.sign(field.domain.from_sympy(alpha) - field.rational(QQ(1))))
    assert signs == [-1, -1, 1]


@pytest.mark.parametrize("index", [0, 1, 2])
def test_tiny_numbers_of_a_cubic_field(index: int) -> None:
    """Powers of the differences of α to fractions beside it, as small as 10⁻³⁰⁰."""
    x = sympy.Symbol("x")
    alpha = sympy.CRootOf(x**3 - 3 * x + 1, index)
    field = OrderedField(QQ.algebraic_field(alpha))
    generator = field.domain.from_sympy(alpha)
    below = sympy.floor(alpha * 10**10)
    for side, sign in ((below, 1), (below + 1, -1)):
        difference = generator - field.rational(QQ(int(side), 10**10))
        for power in (1, 2, 7, 30):
            assert field.sign(difference**power) == sign**power


@given(
    st.lists(st.fractions(-3, 3, max_denominator=4), min_size=1, max_size=4),
    st.tuples(*[st.fractions(-2, 2, max_denominator=4)] * 2).map(sorted),
    st.fractions(0, 1, max_denominator=9),
)
def test_the_enclosures_behind_the_signs_hold_all_values(
    coefficients: list[Fraction], ends: list[Fraction], part: Fraction
) -> None:
    a, b = ends
    t = a + part * (b - a)
    value = sum(q * t**k for k, q in enumerate(reversed(coefficients)))
    low, high = _horner(coefficients, (a, b))
    assert low <= value <= high
    if a == b:
        assert low == high == value


def test_fields_without_an_order_are_refused() -> None:
    with pytest.raises(DomainError, match="real algebraic"):
        OrderedField(QQ.algebraic_field(sympy.I))
    with pytest.raises(DomainError, match="real algebraic"):
        OrderedField(sympy.RR)
