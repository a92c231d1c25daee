"""B3: fields tangent to spheres are S(x)x with S skew, and their flows keep |x|."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import sympy
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from scipy.integrate import solve_ivp

from ....numerics import SphereField
from ....numerics.validation import FloatArray
from ...claim import Assumption, Claim, Measurement, Mutant, NotApplicable, Source, tightest
from ...proof import Proof, ProofStep, cited
from ...proof.algebra import prove_identity
from ..structure.smooth_networks import arrays
from .smooth_fields import SmoothField, smooth_fields

_TIME = 0.5
_FLOW_ALLOWANCE = 1e-8
_POINTWISE_ALLOWANCE = 1e-11


Instance = tuple[SmoothField, SphereField, FloatArray]


@st.composite
def _fields(draw: st.DrawFn) -> Instance:
    """A field, a network S(x)x, and a point away from 0, where S has a denominator."""
    n = draw(st.integers(2, 4))
    x, K = draw(arrays(n)), draw(arrays(2, n, n))
    network = SphereField(draw(arrays(2, n)), draw(arrays(2)), K - np.swapaxes(K, 1, 2))
    length = float(np.linalg.norm(x))
    return draw(smooth_fields(n)), network, x if length > 0.25 else x + np.eye(n)[0]


class SphereFields(Claim[Instance]):
    name = "B3.sphere_fields"
    title = "The fields tangent to spheres are S(x)x with S skew"
    statement = (
        r"S^T = -S \Rightarrow x^TS x = 0,\ |\varphi^t(x)| = |x|;\quad"
        r" x^TX = 0,\ x \ne 0 \Rightarrow X = Sx,\ S = (Xx^T - xX^T)/|x|^2"
    )
    assumptions = (
        Assumption(r"S(x)^T = -S(x)", "for example Λ(x) − Λ(x)ᵀ; S locally Lipschitz for a flow"),
        Assumption(r"x \ne 0", "for the converse: at 0 a tangent field vanishes, if continuous"),
    )
    source = Source("paper, sphere-preserving fields", "P")

    def prove(self) -> Proof:
        return Proof(
            (
                *(step for n in (2, 3, 4) for step in _prove_in(n)),
                cited(
                    r"$\frac{d}{dt}|x|^2 = 2x^TS(x)x = 0$ along the flow: $|x|$ is kept",
                    "chain rule; the solution stays on a compact sphere and so exists for all t",
                ),
            )
        )

    def instances(self) -> SearchStrategy[Instance]:
        return _fields()

    def measure(self, instance: Instance) -> Measurement:
        field, network, x = instance
        tangent = _tangent(field, x)
        return tightest(
            _represented(_skew_matrix(tangent, x), tangent, x),
            _norm_kept(lambda y: _tangent(field, y), x),
            _norm_kept(network, x),
        )

    def witness(self) -> NotApplicable:
        return NotApplicable("an identity has no extreme case")

    def mutants(self) -> Sequence[Mutant]:
        x, X = np.array([1.0, 0.5]), np.array([-0.5, 1.0])
        square = float(x @ x)

        def one_half_only() -> Measurement:
            S = np.outer(X, x) / square
            return Measurement(float(np.abs(S + S.T).max()), 0.0, 1e-12, "=", "S + Sᵀ")

        def not_tangent() -> Measurement:
            other = np.array([1.0, 1.0])
            return _represented(_skew_matrix(other, x), other, x)

        def other_order() -> Measurement:
            return _represented(_skew_matrix(X, x).T, X, x)

        def not_skew() -> Measurement:
            return _norm_kept(lambda y: np.array([-y[1], 1.1 * y[0]]), x)

        def continuous_at_zero() -> Measurement:
            """The rotation about e₃: S vanishes on that axis and not on the first, however near."""
            B = np.zeros((3, 3))
            B[0, 1], B[1, 0] = -1.0, 1.0
            axes = [1e-9 * np.eye(3)[k] for k in (0, 2)]
            first, third = (_skew_matrix(B @ axis, axis) for axis in axes)
            gap = float(np.abs(first - third).max())
            return Measurement(gap, 0.0, 1e-6, "=", "S(δe₁) − S(δe₃)")

        def without_square() -> Measurement:
            return _represented(_skew_matrix(X, x) * np.sqrt(square), X, x)

        return (
            Mutant("without −xXᵀ", "S = Xxᵀ/|x|² is skew", one_half_only),
            Mutant("a field that is not tangent", "xᵀX ≠ 0", not_tangent),
            Mutant("the other order", "S = (xXᵀ − Xxᵀ)/|x|²", other_order),
            Mutant("|x| in place of |x|²", "S = (Xxᵀ − xXᵀ)/|x|", without_square),
            Mutant("S at 0", "S is continuous at 0 where X is", continuous_at_zero),
            Mutant("S not skew", "entries −1 and 1.1", not_skew),
        )


def _tangent(field: SmoothField, x: FloatArray) -> FloatArray:
    """f without its radial part: x-dependent, tangent, and not of the form S(x)x by itself."""
    value = field(x)
    return np.asarray(value - (x @ value) / (x @ x) * x)


def _skew_matrix(X: FloatArray, x: FloatArray) -> FloatArray:
    return np.asarray((np.outer(X, x) - np.outer(x, X)) / (x @ x))


def _represented(S: FloatArray, X: FloatArray, x: FloatArray) -> Measurement:
    error = float(np.abs(S @ x - X).max())
    return Measurement(error, 0.0, _POINTWISE_ALLOWANCE, "=", "Sx − X")


def _norm_kept(field: Callable[[FloatArray], FloatArray], x: FloatArray) -> Measurement:
    """The flow by scipy, which knows nothing of spheres."""
    solution = solve_ivp(
        lambda _, y: field(y), (0.0, _TIME), x, method="DOP853", rtol=1e-10, atol=1e-12
    )
    after = float(np.linalg.norm(solution.y[:, -1]))
    return Measurement(after, float(np.linalg.norm(x)), _FLOW_ALLOWANCE, "=", "|φᵗ(x)|")


def _prove_in(n: int) -> tuple[ProofStep, ...]:
    x, X = (sympy.Matrix(sympy.symbols(f"{v}1:{n + 1}")) for v in ("x", "X"))
    M = sympy.Matrix(n, n, sympy.symbols(f"m0:{n * n}"))
    square = (x.T * x)[0]
    S = (X * x.T - x * X.T) / square
    return (
        prove_identity(rf"$n = {n}$: $x^T(\Lambda - \Lambda^T)x = 0$", (x.T * (M - M.T) * x)[0], 0),
        prove_identity(rf"$n = {n}$: $S = (Xx^T - xX^T)/|x|^2$ is skew", S + S.T, sympy.zeros(n)),
        prove_identity(
            rf"$n = {n}$: $Sx = X - (x^TX)x/|x|^2$, which is $X$ for tangent $X$",
            S * x,
            X - (x.T * X)[0] / square * x,
        ),
    )
