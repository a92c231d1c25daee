"""The form mᵢⱼ = bᵢaᵢⱼ + bⱼaⱼᵢ − bᵢbⱼ: what a Runge–Kutta step does to quadratic quantities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import sympy

from ....numerics import RungeKutta
from ....numerics.methods.collocation import GaussLegendre
from ....numerics.validation import FloatArray
from ...proof import ProofStep
from ...proof.algebra import prove_cases, prove_identity


def exact_form(A: sympy.Matrix, b: Sequence[sympy.Expr]) -> sympy.Matrix:
    """Return M of symbols or exact numbers, shape (s, s)."""
    return sympy.Matrix(len(b), len(b), lambda i, j: b[i] * A[i, j] + b[j] * A[j, i] - b[i] * b[j])


def rounded_form(method: RungeKutta) -> FloatArray:
    """Return M in float64, shape (s, s)."""
    A, b, *_ = method.tableau.float64()
    return np.asarray(b[:, None] * A + (b[:, None] * A).T - np.outer(b, b))


def prove_midpoint_form() -> ProofStep:
    """M = 0 for every composition of three implicit midpoint steps."""
    b = sympy.symbols("b0:3")
    A = sympy.Matrix(3, 3, lambda i, j: b[j] if j < i else b[i] / 2 if i == j else 0)
    return prove_identity(
        r"$M = 0$ for $a_{ij} = b_j$ ($j < i$), $a_{ii} = b_i/2$: the implicit midpoint rule and"
        " its compositions",
        exact_form(A, b),
        sympy.zeros(3, 3),
    )


def prove_gauss_form() -> ProofStep:
    """M = 0 for the Gauss method of two stages."""
    half, quarter, root = sympy.Rational(1, 2), sympy.Rational(1, 4), sympy.sqrt(3) / 6
    A = sympy.Matrix([[quarter, quarter - root], [quarter + root, quarter]])
    return prove_identity(
        "$M = 0$ for the Gauss method of two stages",
        exact_form(A, (half, half)),
        sympy.zeros(2, 2),
    )


def prove_shipped_gauss_forms() -> ProofStep:
    """M = 0 for the Gauss methods that the package ships, in their exact coordinates."""
    return prove_cases(
        "$M = 0$, exactly, for the Gauss methods of one to five stages in `numerics`",
        [GaussLegendre(s) for s in range(1, 6)],
        lambda method: method.tableau.is_symplectic(),
    )
