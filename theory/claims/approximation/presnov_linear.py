"""B1: for f(x) = Bx the parts are those of the matrix, sym(B)x and skew(B)x; they are unique."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import sympy
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ....numerics.validation import FloatArray
from ...claim import Assumption, Claim, Measurement, Mutant, NotApplicable, Source
from ...proof import Proof, ProofStep, cited
from ...proof.algebra import prove_identity
from ..structure.smooth_networks import arrays
from ..structure.step_jacobian import ALLOWANCE, step_jacobian

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(2)


class PresnovLinear(Claim[tuple[FloatArray, FloatArray]]):
    name = "B1.presnov_linear"
    title = "The parts of a linear field are the parts of its matrix, and there are no others"
    statement = (
        r"f(x) = Bx \;\Rightarrow\; U(x) = \tfrac12 x^T\mathrm{sym}(B)x,\quad"
        r" \nabla U = \mathrm{sym}(B)x,\quad X_S = \mathrm{skew}(B)x;\quad"
        r" \nabla U + X_S = \nabla W + Y_S \Rightarrow U - W \text{ is constant}"
    )
    assumptions = (
        Assumption(r"B \in \mathbb{R}^{n\times n}", "any square matrix"),
        Assumption(r"U, W \in C^1", "near 0 too; X_S and Y_S tangent to spheres"),
    )
    source = Source("paper, linear example; uniqueness: flowcert", "P")

    def prove(self) -> Proof:
        return Proof(
            (
                *(_prove_parts(n) for n in (2, 3, 4)),
                _prove_skew_is_tangent(4),
                *_prove_uniqueness(),
            )
        )

    def instances(self) -> SearchStrategy[tuple[FloatArray, FloatArray]]:
        return st.integers(1, 5).flatmap(
            lambda n: st.tuples(arrays(n, n, size=2.0), arrays(n, size=2.0))
        )

    def measure(self, instance: tuple[FloatArray, FloatArray]) -> Measurement:
        B, x = instance
        return _against(B, x, 0.5 * (B + B.T))

    def witness(self) -> NotApplicable:
        return NotApplicable("an identity has no extreme case")

    def mutants(self) -> Sequence[Mutant]:
        B, x = np.array([[1.0, 2.0], [0.0, -0.5]]), np.array([1.0, 0.5])

        def without_half() -> Measurement:
            return _against(B, x, B + B.T)

        def lower_triangle() -> Measurement:
            return _against(B, x, np.tril(B))

        def unique_without_continuity() -> Measurement:
            """U and U + x₁²/|x|² differ by no constant, yet both leave a tangent field."""

            def angular(y: FloatArray) -> FloatArray:
                return np.repeat((y[..., :1] ** 2) / (y * y).sum(-1, keepdims=True), 2, -1)

            gradient = step_jacobian(angular, x)[0]
            radial = abs(float(x @ gradient))
            return Measurement(
                float(np.linalg.norm(gradient)), radial, 10 * ALLOWANCE, "<=", "|∇(U − W)|"
            )

        return (
            Mutant("without ½", "U = xᵀsym(B)x", without_half),
            Mutant("another splitting", "∇U = the lower triangle of B", lower_triangle),
            Mutant(
                "unique away from 0 only",
                "U − W constant although it is not continuous at 0",
                unique_without_continuity,
            ),
        )


def _against(B: FloatArray, x: FloatArray, part: FloatArray) -> Measurement:
    """∇U by quadrature and differences of U = ∫₀¹ xᵀB(tx) dt against the claimed matrix part."""
    nodes, weights = 0.5 * (_NODES + 1), 0.5 * _WEIGHTS

    def potential(y: FloatArray) -> FloatArray:
        along = np.stack([np.einsum("...i,ij,...j", y, B, t * y) for t in nodes], -1)
        return np.repeat((along @ weights)[..., None], len(x), -1)

    found = step_jacobian(potential, x)[0]
    error = float(np.abs(found - part @ x).max())
    return Measurement(error, 0.0, 100 * ALLOWANCE, "=", "error of ∇U")


def _prove_parts(n: int) -> ProofStep:
    t = sympy.Symbol("t")
    B = sympy.Matrix(n, n, sympy.symbols(f"b0:{n * n}"))
    x = sympy.Matrix(sympy.symbols(f"x1:{n + 1}"))
    U = sympy.integrate(sympy.expand((x.T * B * (t * x))[0]), (t, 0, 1))
    gradient = sympy.Matrix([sympy.diff(U, entry) for entry in x])
    rest = B * x - gradient
    half = sympy.Rational(1, 2)
    return prove_identity(
        rf"$n = {n}$: $U = \frac12 x^T\mathrm{{sym}}(B)x$, $\nabla U = \mathrm{{sym}}(B)x$ and"
        r" $X_S = \mathrm{skew}(B)x$",
        sympy.Matrix.vstack(sympy.Matrix([U]), gradient, rest),
        sympy.Matrix.vstack(
            half * half * (x.T * (B + B.T) * x), half * (B + B.T) * x, half * (B - B.T) * x
        ),
    )


def _prove_skew_is_tangent(n: int) -> ProofStep:
    B = sympy.Matrix(n, n, sympy.symbols(f"b0:{n * n}"))
    x = sympy.Matrix(sympy.symbols(f"x1:{n + 1}"))
    return prove_identity(rf"$x^T\mathrm{{skew}}(B)x = 0$ ($n = {n}$)", (x.T * (B - B.T) * x)[0], 0)


def _prove_uniqueness() -> tuple[ProofStep, ...]:
    """U − W =: V has x·∇V = 0 by the two tangent parts, so it is constant along rays."""
    t, x, y = sympy.symbols("t x y", positive=True)
    V = sympy.Function("V")
    along = V(t * x, t * y)
    gradient = [V(t * x, t * y).fdiff(k) for k in (1, 2)]
    angular = x**2 / (x**2 + y**2)
    return (
        cited(r"$V = U - W$ has $x^T\nabla V = x^T(Y_S - X_S) = 0$", "both parts are tangent"),
        prove_identity(
            r"$t\,\frac{d}{dt}V(tx) = (tx)^T\nabla V(tx)$, which is 0: $V$ is constant on rays"
            r" ($n = 2$, arbitrary $V$)",
            t * sympy.diff(along, t),
            t * x * gradient[0] + t * y * gradient[1],
        ),
        cited(
            r"so $V(x) = \lim_{t \to 0} V(tx) = V(0)$ for every $x$",
            "continuity of V at 0",
        ),
        prove_identity(
            r"without continuity it fails: $V = x_1^2/|x|^2$ has $x^T\nabla V = 0$",
            x * sympy.diff(angular, x) + y * sympy.diff(angular, y),
            0,
        ),
        prove_identity(
            r"and no limit at 0: it is 1 on the first axis and 0 on the second",
            sympy.Matrix([angular.subs(y, 0), angular.subs(x, 0)]),
            sympy.Matrix([1, 0]),
        ),
    )
