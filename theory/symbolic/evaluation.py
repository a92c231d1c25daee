"""From sympy expressions to functions: of float64 points, and of arrays of balls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache
from math import factorial
from typing import Any

import numpy as np
import sympy
from numpy.typing import ArrayLike
from sympy.printing.pycode import PythonCodePrinter

from ...errors import StructureError
from ...numerics.validation import FloatArray, points
from .. import ball_arrays
from ..ball_arrays import BallArray

_SERIES_UP_TO, _TERMS = 3.0, 15  # 3³⁰/30! = 8e-19
_NODES = 48  # of Gauss's rule for moments: to rounding for |z| up to some 90
_FAR = 64.0  # beyond it, integration by parts: stable as long as k < |z|


class _ExactPrinter(PythonCodePrinter):  # type: ignore[misc]  # sympy has no types
    """Prints numbers as exact fractions and functions by their sympy names."""

    def _print_Rational(self, expr: Any) -> str:
        return f"_fraction({expr.p}, {expr.q})"

    def _print_Float(self, expr: Any) -> str:
        return self._print_Rational(sympy.Rational(expr))  # all its digits, in base 2

    def _print_Function(self, expr: Any) -> str:
        arguments = ", ".join(self._print(argument) for argument in expr.args)
        return f"{type(expr).__name__}({arguments})"

    _print_sin = _print_cos = _print_tanh = _print_Function

    def _print_Pow(self, expr: Any, rational: bool = False) -> str:
        base, exponent = expr.as_base_exp()
        if not exponent.is_Integer:
            raise StructureError(
                came=f"the power {expr}",
                expected="integer powers, sin, cos, tanh and sums and products of them",
                remedy="Roots and other functions have no ball arithmetic here; rewrite the field.",
            )
        return f"({self._print(base)})**({int(exponent)})"


_ON_BALLS: dict[str, Any] = {
    "_fraction": Fraction,
    "sin": ball_arrays.sine,
    "cos": ball_arrays.cosine,
    "tanh": ball_arrays.hyperbolic_tangent,
    "CosineMoment": ball_arrays.cosine_moment,
    "SineMoment": ball_arrays.sine_moment,
}


def array_function(
    expressions: Sequence[Any], symbols: Sequence[Any]
) -> Callable[..., list[FloatArray]]:
    """Return (x₁, …, xₙ) ↦ [e₁, …, e_m] on float64 arrays, common parts computed once.

    >>> x, y = sympy.symbols("x y")
    >>> [float(e) for e in array_function([x * y, x + 1], [x, y])(2.0, 3.0)]
    [6.0, 3.0]
    """
    modules = [{"CosineMoment": _cosine_moment, "SineMoment": _sine_moment}, "numpy"]
    function = sympy.lambdify(list(symbols), list(expressions), modules=modules, cse=True)

    def evaluate(*x: ArrayLike) -> list[FloatArray]:
        arrays = [np.asarray(entry, dtype=np.float64) for entry in x]
        with np.errstate(all="ignore"):
            values = function(*arrays)
        shape = np.broadcast_shapes(*(a.shape for a in arrays))
        return [np.broadcast_to(np.asarray(v, dtype=np.float64), shape) for v in values]

    return evaluate


def numeric_function(
    expressions: Sequence[Any], symbols: Sequence[Any]
) -> Callable[[ArrayLike], FloatArray]:
    """Return x ↦ (e₁, …, e_m)(x) from points (..., n) to values (..., m), in float64.

    >>> x, y = sympy.symbols("x y")
    >>> numeric_function([x * y, x + 1], [x, y])([[2.0, 3.0]]).tolist()
    [[6.0, 3.0]]
    """
    function = array_function(expressions, symbols)

    def evaluate(x: ArrayLike) -> FloatArray:
        p = points(x, len(symbols))
        return np.stack(function(*np.moveaxis(p, -1, 0)), axis=-1)

    return evaluate


def ball_array_function(
    expressions: Sequence[Any], symbols: Sequence[Any]
) -> Callable[..., list[BallArray]]:
    """Return (x₁, …, xₙ) ↦ [e₁, …, e_m] on ``BallArray``s: enclosures over every ball.

    Guaranteed: enclosures, in the arithmetic of ``theory.ball_arrays``. Raises StructureError for
    functions other than + − * /, integer powers, sin, cos, tanh and moments. Source: flowcert [D].

    >>> x = sympy.Symbol("x")
    >>> [ball] = ball_array_function([x**2 / 3], [x])(BallArray(np.ones(1), np.full(1, 0.5)))
    >>> bool(abs(ball.mid[0] - 1 / 3) < 1e-15), bool(ball.magnitude[0] >= 0.75)
    (True, True)
    """
    listed = [sympy.sympify(expression) for expression in expressions]
    _require_known(listed)
    try:
        function = sympy.lambdify(
            list(symbols), listed, modules=[_ON_BALLS], printer=_ExactPrinter(), cse=True
        )
    except RecursionError as error:
        raise StructureError(
            came=f"expressions of {sum(sympy.count_ops(e) for e in listed)} operations",
            expected="fewer: Python cannot compile them",
            remedy="Nested commutators of many waves grow long: take LieTrotter, or fewer terms.",
        ) from error
    return lambda *x: [BallArray.of(value) for value in function(*x)]


_ARITHMETIC = (sympy.Add, sympy.Mul, sympy.Pow, sympy.Symbol, sympy.Rational, sympy.Float)


def _require_known(expressions: Sequence[Any]) -> None:
    for expression in expressions:
        for part in sympy.preorder_traversal(expression):
            if not isinstance(part, _ARITHMETIC) and type(part).__name__ not in _ON_BALLS:
                raise StructureError(
                    came=f"{type(part).__name__}(…) in a field or in its Presnov potential",
                    expected="+ − * /, integer powers, sin, cos and tanh",
                    remedy="Bounds are proved for polynomials times sines and cosines of affine "
                    "arguments; numeric_presnov and lifted_map take any function.",
                )


def _cosine_moment(k: int, z: FloatArray) -> FloatArray:
    """Σ (−1)ʲ z²ʲ/((2j)!(k + 2j + 1)) for small z, Gauss's rule for others."""
    if np.abs(z).max(initial=0.0) > _SERIES_UP_TO:
        return _by_quadrature(np.cos, k, z)
    return _horner([(-1) ** j / factorial(2 * j) / (k + 2 * j + 1) for j in range(_TERMS)], z)


def _sine_moment(k: int, z: FloatArray) -> FloatArray:
    """Σ (−1)ʲ z²ʲ⁺¹/((2j + 1)!(k + 2j + 2)) for small z, Gauss's rule for others."""
    if np.abs(z).max(initial=0.0) > _SERIES_UP_TO:
        return _by_quadrature(np.sin, k, z)
    series = [(-1) ** j / factorial(2 * j + 1) / (k + 2 * j + 2) for j in range(_TERMS)]
    return np.asarray(z * _horner(series, z))


@cache
def _gauss(nodes: int) -> tuple[FloatArray, FloatArray]:
    points, weights = np.polynomial.legendre.leggauss(nodes)
    return points, weights


def _horner(series: list[float], z: FloatArray) -> FloatArray:
    square = np.square(z)
    total = np.full(np.shape(z), series[-1])
    for coefficient in series[-2::-1]:
        total = total * square + coefficient
    return total


def _by_quadrature(function: np.ufunc, k: int, z: FloatArray) -> FloatArray:
    nodes, weights = _gauss(_NODES + k // 2)
    t = (nodes + 1) / 2
    waves = function(np.asarray(z)[..., None] * t)
    near = np.asarray(np.tensordot(waves, weights / 2 * t**k, axes=1))
    far = np.abs(z) > max(_FAR, k)
    if not far.any():
        return near
    return np.where(far, _by_parts(function, k, np.where(far, z, 2 * _FAR)), near)


def _by_parts(function: np.ufunc, k: int, z: FloatArray) -> FloatArray:
    """C_k = (sin z − k S_{k−1})/z and S_k = (k C_{k−1} − cos z)/z, from C₀ and S₀ up."""
    even, odd = np.sin(z) / z, (1 - np.cos(z)) / z
    for j in range(1, k + 1):
        even, odd = (np.sin(z) - j * odd) / z, (j * even - np.cos(z)) / z
    return np.asarray(even if function is np.cos else odd)
