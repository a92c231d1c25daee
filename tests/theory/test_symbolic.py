"""Symbolic fields: moments against quadrature, numeric functions, exact floats, refusals."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from flowcert import DomainError, ShapeError, StructureError
from flowcert.numerics import VectorField
from flowcert.theory.ball_arrays import BallArray
from flowcert.theory.symbolic import (
    CosineMoment,
    SineMoment,
    ball_array_function,
    in_closed_form,
    lie_bracket,
    numeric_function,
    symbolic_field,
)

x, y, z = sympy.symbols("x y z", real=True)
MOMENTS = [(CosineMoment, mpmath.cos), (SineMoment, mpmath.sin)]
POWERS = [0, 1, 2, 5, 11, 40]
ARGUMENTS = [0.0, 1e-300, 1e-9, -1e-4, 0.7, -3.0, 20.0, 63.0, 65.0, -200.0]


def integral(function, k, argument):
    """∫₀¹ tᵏ function(zt) dt by mpmath, in pieces of at most a wavelength."""
    pieces = mpmath.linspace(0, 1, 2 + int(abs(argument)))
    return mpmath.quad(lambda t: t**k * function(argument * t), pieces)


@pytest.mark.parametrize(("moment", "function"), MOMENTS)
@pytest.mark.parametrize("k", POWERS)
def test_moments_are_the_integrals(moment, function, k):
    values = numeric_function([moment(k, x)], [x])(np.array(ARGUMENTS)[:, None])[:, 0]
    for argument, value in zip(ARGUMENTS, values, strict=True):
        assert abs(value - float(integral(function, k, argument))) < 2e-14


@pytest.mark.parametrize(("moment", "function"), MOMENTS)
@pytest.mark.parametrize("k", POWERS[:4])
def test_moments_in_closed_form_are_the_integrals(moment, function, k):
    closed = sympy.lambdify(x, in_closed_form(moment(k, x)), modules="mpmath")
    with mpmath.workdps(40):
        for argument in (mpmath.mpf("0.3"), mpmath.mpf(-4), mpmath.mpf(9)):
            assert abs(closed(argument) - integral(function, k, argument)) < 1e-25


@pytest.mark.parametrize("k", POWERS[:4])
def test_derivatives_of_moments_are_those_of_the_integrals(k):
    """C_k' = −S_{k+1}, S_k' = C_{k+1}: under the integral, and by differences."""
    for moment, function in MOMENTS:
        slope = numeric_function([moment(k, 2 * x + y).diff(x)], [x, y])([0.4, 0.1])[0]
        with mpmath.workdps(40):
            step = mpmath.mpf("1e-12")
            at = mpmath.mpf("0.9")
            change = integral(function, k, at + step) - integral(function, k, at - step)
            assert abs(slope - float(change / step)) < 1e-14


def test_moments_at_zero_and_of_minus():
    assert CosineMoment(3, 0) == sympy.Rational(1, 4)
    assert SineMoment(3, 0) == 0
    assert CosineMoment(2, -x) == CosineMoment(2, x)
    assert SineMoment(2, -x) == -SineMoment(2, x)
    assert CosineMoment(2, x - x) == sympy.Rational(1, 3)


@pytest.mark.parametrize("k", [-1, sympy.Rational(1, 2), sympy.Symbol("k")])
@pytest.mark.parametrize("moment", [CosineMoment, SineMoment])
def test_moments_of_other_powers_are_refused(moment, k):
    with pytest.raises(DomainError, match="integer k ≥ 0"):
        moment(k, x)


def test_moments_have_no_derivative_in_k():
    with pytest.raises(sympy.core.function.ArgumentIndexError):
        CosineMoment(1, x).fdiff(1)


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=2))
def test_numeric_functions_are_the_expressions(point):
    expressions = [x**3 * y - x / 7, sympy.sin(x * y) / (1 + x**2), sympy.tanh(y), sympy.Integer(2)]
    values = numeric_function(expressions, [x, y])(point)
    at = {x: sympy.Rational(point[0]), y: sympy.Rational(point[1])}
    for value, expression in zip(values, expressions, strict=True):
        exact = float(expression.subs(at).evalf(30))
        assert abs(value - exact) <= 1e-12 * max(1.0, abs(exact))


def test_numeric_functions_are_batched():
    function = numeric_function([x * y, sympy.Integer(3)], [x, y])
    batch = np.random.default_rng(0).normal(size=(4, 3, 2))
    assert function(batch).shape == (4, 3, 2)
    assert np.array_equal(function(batch)[2, 1], function(batch[2, 1]))
    assert function(np.zeros((0, 2))).shape == (0, 2)
    with pytest.raises(ShapeError, match="x of shape"):
        function([1.0, 2.0, 3.0])
    with pytest.raises(DomainError, match="NaN or infinite"):
        function([np.nan, 1.0])


def test_symbols_named_like_common_parts_are_no_confusion():
    a, b = sympy.symbols("x0 x1", real=True)
    shared = sympy.sin(a * b) * b + sympy.cos(a * b) * a + (a * b) ** 2
    value = numeric_function([shared], [a, b])([1.3, 0.7])[0]
    assert abs(value - (np.sin(0.91) * 0.7 + np.cos(0.91) * 1.3 + 0.91**2)) < 1e-14
    [ball] = ball_array_function([shared], [a, b])(BallArray.of(1.3), BallArray.of(0.7))
    assert abs(value - ball.mid) < 1e-14


@pytest.mark.parametrize(
    "expression",
    [
        x / 3,
        1 / (3 * x),
        2 / (3 * x * y**2),
        sympy.Rational(2, 3) * (x + y) / (7 * y) - sympy.Rational(1, 10**30),
        sympy.Float("0.1", 50) * x,
        sympy.sin(x / 3) * CosineMoment(2, x - y) - SineMoment(1, x) ** 2,
        (x - y) ** -3 + sympy.tanh(x) ** 2,
        sympy.Rational(1, 10**400) + sympy.Integer(0) * x,
    ],
)
def test_balls_hold_the_exact_value(expression):
    """Fractions are exact: no quotient of integers is rounded on its way into Python."""
    [ball] = ball_array_function([expression], [x, y])(BallArray.of(1.3), BallArray.of(-0.6))
    at = {x: sympy.Rational(1.3), y: sympy.Rational(-0.6)}
    exact = in_closed_form(expression).subs(at).evalf(60)
    assert abs(exact - sympy.Rational(float(ball.mid))) <= sympy.Rational(float(ball.rad))
    assert ball.rad < 1e-11


@pytest.mark.parametrize(
    "expression",
    [
        sympy.Max(x, 0),
        sympy.I * x,
        sympy.Abs(x),
        sympy.sqrt(x),
        sympy.exp(x),
        sympy.pi * x,
        2**x,
        sympy.Integral(sympy.sin(x**2), x),
        sympy.Function("g")(x),
        sympy.Piecewise((x, x > 0), (0, True)),
    ],
)
def test_functions_without_balls_are_refused(expression):
    with pytest.raises(StructureError, match="integer powers"):
        ball_array_function([expression], [x])


def test_a_field_is_a_vector_field_with_its_jacobian():
    f = symbolic_field([y - x**3, sympy.sin(x) * y], [x, y])
    assert isinstance(f, VectorField)
    assert f.dimension == 2
    p, h = np.array([[0.3, -1.2], [2.0, 0.5]]), 1e-6
    columns = [(f(p + h * e) - f(p - h * e)) / (2 * h) for e in np.eye(2)]
    assert np.allclose(f.jacobian(p), np.stack(columns, -1), atol=1e-8)
    assert f.jacobian(p).shape == (2, 2, 2)
    assert np.allclose(f.plus(f)(p), 2 * f(p))
    assert repr(f) == "SymbolicField([-x**3 + y, y*sin(x)], [x, y])"


def test_floats_count_exactly():
    plain = sympy.Symbol("x")
    f = symbolic_field([0.1 * plain], [plain])
    [coefficient] = [f.expressions[0].coeff(f.symbols[0])]
    assert Fraction(int(coefficient.p), int(coefficient.q)) == Fraction(0.1)
    long = symbolic_field([sympy.Float("0.1", 50) * x], [x]).expressions[0].coeff(x)
    assert abs(long - sympy.Rational(1, 10)) < sympy.Rational(1, 10**49)


def test_a_field_takes_its_symbols_as_real():
    plain = sympy.symbols("a b")
    f = symbolic_field([plain[0] * plain[1], 1], plain)
    assert all(symbol.is_real for symbol in f.symbols)
    assert f.expressions[0].free_symbols == set(f.symbols)


@pytest.mark.parametrize(
    ("components", "symbols", "error", "match"),
    [
        ([x], [x, y], ShapeError, "1 components in 2 symbols"),
        ([], [], ShapeError, "0 components"),
        ([x, y], [x, x], StructureError, "different names"),
        ([x, y], [x, sympy.Symbol("x", positive=True)], StructureError, "different names"),
        ([x], [2 * x], StructureError, "sympy symbols"),
        ([x * z], [x], StructureError, "parameters z"),
        ([object()], [x], StructureError, "sympy expression or a number"),
        ([float("nan")], [x], DomainError, "finite real"),
        ([float("inf") * x], [x], DomainError, "finite real"),
        ([1 / sympy.Integer(0)], [x], DomainError, "finite real"),
        ([sympy.I * x], [x], DomainError, "finite real"),
        ([1j], [x], DomainError, "finite real"),
    ],
)
def test_bad_fields_are_refused(components, symbols, error, match):
    with pytest.raises(error, match=match):
        symbolic_field(components, symbols)


@given(st.lists(st.integers(-3, 3), min_size=8, max_size=8))
def test_the_bracket_of_linear_fields_is_the_commutator(entries):
    A, B = sympy.Matrix(2, 2, entries[:4]), sympy.Matrix(2, 2, entries[4:])
    state = sympy.Matrix([x, y])
    bracket = lie_bracket(symbolic_field(A * state, [x, y]), symbolic_field(B * state, [x, y]))
    assert (bracket.expressions - (B * A - A * B) * state).expand() == sympy.zeros(2, 1)


def test_the_bracket_is_the_leading_term_of_two_flows():
    """φ_B^h φ_A^h − φ_A^h φ_B^h = h² C + O(h³), flows by scipy."""
    from scipy.integrate import solve_ivp

    A, B = symbolic_field([y, -sympy.sin(x)], [x, y]), symbolic_field([x * y, x], [x, y])
    start, h = np.array([0.7, -0.4]), 1e-3

    def flow(f, p):
        return solve_ivp(lambda _, s: f(s), (0, h), p, rtol=1e-13, atol=1e-15).y[:, -1]

    leading = (flow(B, flow(A, start)) - flow(A, flow(B, start))) / h**2
    assert np.allclose(leading, lie_bracket(A, B)(start), atol=5e-3)


def test_brackets_need_the_same_symbols():
    with pytest.raises(ShapeError, match="same variables"):
        lie_bracket(symbolic_field([x], [x]), symbolic_field([y], [y]))
