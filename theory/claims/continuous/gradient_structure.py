"""C2: −AᵀΣ(Ax + b) is minus the gradient of V(x) = 1ᵀΓ(Ax + b), Γ' = Σ."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import sympy
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ....numerics import GradientField, tanh_mixture
from ....numerics.validation import FloatArray
from ... import strategies
from ...claim import Assumption, Claim, Measurement, Mutant, NotApplicable, Source
from ...proof import Proof
from ...proof.algebra import prove_identity

_DIFFERENCE = 1e-4


@st.composite
def _smooth_fields(draw: st.DrawFn) -> tuple[GradientField, FloatArray]:
    """Smooth activations only: the oracle is a difference quotient."""
    A = draw(strategies.matrices())
    field = GradientField(
        A.entries, draw(strategies.points(len(A.entries))), tanh_mixture(draw(strategies.slopes()))
    )
    return field, draw(strategies.points(field.dimension))


class GradientStructure(Claim[tuple[GradientField, FloatArray]]):
    name = "C2.gradient_structure"
    title = "The contractive field is a gradient"
    statement = r"-A^T \Sigma(Ax + b) = -\nabla V(x), \quad V(x) = \mathbf{1}^T \Gamma(Ax + b)"
    assumptions = (
        Assumption(r"\Gamma' = \Sigma", "Γ is the componentwise antiderivative of the activation"),
        Assumption(r"A \in \mathbb{R}^{m \times n}", "any shape"),
    )
    source = Source("paper, gradient vector fields", "P")

    def prove(self) -> Proof:
        x = sympy.Matrix(sympy.symbols("x0:2", real=True))
        A = sympy.Matrix(3, 2, sympy.symbols("a0:6", real=True))
        b = sympy.Matrix(sympy.symbols("b0:3", real=True))
        gamma = sympy.Function("gamma")
        u = A * x + b
        V = sum(gamma(entry) for entry in u)
        activation = sympy.Matrix([gamma(entry).fdiff(1) for entry in u])
        d = sympy.diag(*sympy.symbols("d0:3"))
        jacobian = A.T * d * A
        return Proof(
            (
                prove_identity(
                    r"$\nabla \mathbf{1}^T\Gamma(Ax + b) = A^T\Gamma'(Ax + b)$ for an arbitrary"
                    r" smooth $\gamma$ and symbolic $3 \times 2$ matrix $A$",
                    sympy.Matrix([sympy.diff(V, entry) for entry in x]),
                    A.T * activation,
                ),
                prove_identity("its Jacobian $A^T D A$ is symmetric", jacobian, jacobian.T),
            )
        )

    def instances(self) -> SearchStrategy[tuple[GradientField, FloatArray]]:
        return _smooth_fields()

    def measure(self, instance: tuple[GradientField, FloatArray]) -> Measurement:
        field, x = instance
        size = (1 + float(np.linalg.norm(field.A, 2))) ** 4
        error = float(np.linalg.norm(_numerical_gradient(field, x) - field(x)))
        return Measurement(error, 0.0, 1e-6 * size, "=", "difference to the gradient")

    def witness(self) -> NotApplicable:
        return NotApplicable("an identity has no extreme case")

    def mutants(self) -> Sequence[Mutant]:
        field = GradientField(np.array([[1.0, 0.5], [0.0, 1.0]]), activation=tanh_mixture(0.5))
        x = np.array([1.0, -0.5])

        def other_left_factor() -> Measurement:
            slope = field.activation.derivative(field.preactivation(x))
            jacobian = np.array([[1.0, 2.0], [3.0, 4.0]]) @ (slope[:, None] * field.A)
            asymmetry = float(np.abs(jacobian - jacobian.T).max())
            return Measurement(asymmetry, 0.0, 1e-12, "=", "asymmetry of the Jacobian")

        def other_sign() -> Measurement:
            error = float(np.linalg.norm(_numerical_gradient(field, x) + field(x)))
            return Measurement(error, 0.0, 1e-6, "=", "difference to the gradient")

        return (
            Mutant(
                "another left factor", "BᵀΣ(Ax + b) with B ≠ A is no gradient", other_left_factor
            ),
            Mutant("other sign", "the field is +∇V", other_sign),
        )


def _numerical_gradient(field: GradientField, x: FloatArray) -> FloatArray:
    """The gradient of the potential U = −V by central differences."""
    shifts = _DIFFERENCE * np.eye(len(x))
    return np.asarray(
        (field.potential(x + shifts) - field.potential(x - shifts)) / (2 * _DIFFERENCE)
    )
