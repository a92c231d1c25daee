"""B1: f = ∇U + X_S with U(x) = ∫₀¹ xᵀf(tx) dt, and X_S is tangent to spheres."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import sympy
from hypothesis.strategies import SearchStrategy

from ....numerics.validation import FloatArray
from ...claim import Assumption, Claim, Measurement, Mutant, NotApplicable, Source
from ...proof import Proof, ProofStep, cited
from ...proof.algebra import prove_identity
from ..structure.step_jacobian import ALLOWANCE, step_jacobian
from .smooth_fields import SmoothField, fields_with_points

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(20)
# Of [0, 1]; exact for polynomials of degree 39, and the sines drawn here are of frequency 3.
GAUSS = (0.5 * (_NODES + 1), 0.5 * _WEIGHTS)
_DEGREES = range(4)


class PresnovIdentity(Claim[tuple[SmoothField, FloatArray]]):
    name = "B1.presnov_identity"
    title = "Every C¹ field is a gradient and a field tangent to spheres"
    statement = (
        r"U(x) = \int_0^1 x^Tf(tx)\,dt \;\Rightarrow\; x^T\nabla U(x) = x^Tf(x),"
        r"\quad f = \nabla U + X_S,\ x^TX_S(x) = 0"
    )
    assumptions = (
        Assumption(r"f \in C^1", "on a set that is star-shaped about 0"),
        Assumption(r"X_S = f - \nabla U", "which is the definition of the tangent part"),
    )
    source = Source("paper, approximation by gradient and sphere-preserving fields", "P")

    def prove(self) -> Proof:
        return Proof(
            (
                *(_prove_ray_identity(n) for n in (1, 2, 3)),
                cited(
                    r"$\nabla U(x) = \int_0^1 \nabla_x(x^Tf(tx))\,dt$ for $f \in C^1$",
                    "differentiation under the integral sign: the integrand is C¹ in x,"
                    " jointly continuous",
                ),
                cited(
                    r"so $x^T\nabla U(x) = \int_0^1 \partial_t(t\,g)\,dt = g(1) = x^Tf(x)$",
                    "fundamental theorem of calculus",
                ),
                _prove_tangent(),
                _prove_polynomials(),
            )
        )

    def instances(self) -> SearchStrategy[tuple[SmoothField, FloatArray]]:
        return fields_with_points(1, 4)

    def measure(self, instance: tuple[SmoothField, FloatArray]) -> Measurement:
        return radial_defect(*instance)

    def witness(self) -> NotApplicable:
        return NotApplicable("an identity has no extreme case")

    def mutants(self) -> Sequence[Mutant]:
        n = 2
        Q = np.zeros((n, n, n))
        Q[1, 0, 0] = 1.0
        none = np.zeros((n, 1))
        # f = (−y, x + x²) with x = x₁ and y = x₂.
        field = SmoothField(
            np.zeros(n), np.array([[0.0, -1.0], [1.0, 0.0]]), Q, none, none.T, np.zeros(1)
        )
        x = np.array([1.0, 0.5])
        nodes, weights = GAUSS

        def own_potential() -> Measurement:
            rest = field(x) - gradient_part(field, x)
            return Measurement(
                float(np.linalg.norm(rest)), 0.0, ALLOWANCE, "=", "size of the tangent part"
            )

        return (
            Mutant(
                "a factor t",
                r"U = ∫ t·xᵀf(tx) dt",
                lambda: radial_defect(field, x, nodes, nodes * weights),
            ),
            Mutant(
                "the midpoint in place of the integral",
                "U = xᵀf(x/2)",
                lambda: radial_defect(field, x, np.array([0.5]), np.array([1.0])),
            ),
            Mutant(
                "the end in place of the integral",
                "U = xᵀf(x)",
                lambda: radial_defect(field, x, np.array([1.0]), np.array([1.0])),
            ),
            Mutant("a potential of f itself", "f = ∇U, without a tangent part", own_potential),
        )


def radial_defect(
    field: SmoothField,
    x: FloatArray,
    nodes: FloatArray = GAUSS[0],
    weights: FloatArray = GAUSS[1],
) -> Measurement:
    """xᵀ∇U against xᵀf, with U by quadrature and its gradient by differences of U alone."""
    gradient = gradient_part(field, x, nodes, weights)
    allowance = 10 * ALLOWANCE * (1 + float(np.linalg.norm(x)))
    return Measurement(float(x @ gradient), float(x @ field(x)), allowance, "=", "xᵀ∇U")


def gradient_part(
    field: SmoothField,
    x: FloatArray,
    nodes: FloatArray = GAUSS[0],
    weights: FloatArray = GAUSS[1],
) -> FloatArray:
    """∇U by differences of U, and U by quadrature of xᵀf(tx)."""
    n = len(x)

    def potential(y: FloatArray) -> FloatArray:
        along = np.einsum("...i,...ti->...t", y, field(nodes[:, None] * y[..., None, :]))
        return np.repeat((along @ weights)[..., None], n, -1)

    return np.asarray(step_jacobian(potential, x)[0])


def _prove_ray_identity(n: int) -> ProofStep:
    """The identity behind it, for arbitrary components: sympy's chain rule does the work."""
    t, x, components = sympy.Symbol("t"), sympy.symbols(f"x1:{n + 1}"), sympy.symbols(f"f1:{n + 1}")
    along = sum(
        x[i] * sympy.Function(str(components[i]))(*(t * entry for entry in x)) for i in range(n)
    )
    return prove_identity(
        rf"$n = {n}$: $g(t, x) = x^Tf(tx)$ has $x\cdot\nabla_x g = \partial_t(t\,g)$ for"
        r" arbitrary $f$",
        sum(entry * sympy.diff(along, entry) for entry in x),
        sympy.diff(t * along, t),
    )


def _prove_tangent() -> ProofStep:
    n = 3
    x, f, gradient = (sympy.Matrix(sympy.symbols(f"{v}1:{n + 1}")) for v in ("x", "f", "g"))
    return prove_identity(
        r"so $x^TX_S = x^Tf - x^T\nabla U$ vanishes ($n = 3$)",
        (x.T * (f - gradient))[0],
        (x.T * f)[0] - (x.T * gradient)[0],
    )


def _prove_polynomials() -> ProofStep:
    """The whole chain once more, the integral done: all fields of degree 3 in the plane."""
    t = sympy.Symbol("t")
    x = sympy.symbols("x1:3")
    monomials = [x[0] ** i * x[1] ** j for i in _DEGREES for j in _DEGREES if i + j <= 3]
    field = sympy.Matrix(
        [
            sum(sympy.Symbol(f"c{row}_{k}") * m for k, m in enumerate(monomials))
            for row in range(len(x))
        ]
    )
    point = sympy.Matrix(x)
    scaled = field.subs({entry: t * entry for entry in x}, simultaneous=True)
    potential = sympy.integrate(sympy.expand((point.T * scaled)[0]), (t, 0, 1))
    gradient = sympy.Matrix([sympy.diff(potential, entry) for entry in x])
    return prove_identity(
        r"with the integral carried out: $x^T\nabla U = x^Tf$ for the polynomial field of degree 3"
        r" with arbitrary coefficients in the plane",
        (point.T * gradient)[0],
        (point.T * field)[0],
    )
