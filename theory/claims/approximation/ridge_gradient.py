"""B4: the gradient of a ridge network is Aᵀdiag(α)Σ(Ax + b), in this order of the factors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import sympy
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ....numerics import RidgePotentialField
from ....numerics.validation import FloatArray
from ...claim import Assumption, Claim, Measurement, Mutant, NotApplicable, Source, tightest
from ...proof import Proof, cited
from ...proof.algebra import prove_identity
from ..structure.smooth_networks import RidgeEnergy, arrays
from ..structure.step_jacobian import ALLOWANCE, step_jacobian


@dataclass(frozen=True)
class RidgeNetwork:
    """A, b, α of a network with tanh, and a point."""

    A: FloatArray
    b: FloatArray
    alpha: FloatArray
    x: FloatArray

    @property
    def field(self) -> RidgePotentialField:
        """Aᵀdiag(α)Σ(Ay + b)."""
        return RidgePotentialField(self.A, self.b, self.alpha)

    def appendix_field(self, y: FloatArray) -> FloatArray:
        """diag(α)AᵀΣ(Ay + b): what the authors' appendix code computes; A is square there."""
        hidden = np.tanh(y @ self.A.T + self.b)
        return np.asarray(hidden @ self.A @ np.diag(self.alpha))


@st.composite
def _networks(draw: st.DrawFn) -> RidgeNetwork:
    m, n = draw(st.integers(1, 5)), draw(st.integers(1, 4))
    return RidgeNetwork(
        draw(arrays(m, n)), draw(arrays(m)), draw(arrays(m, size=2.0)), draw(arrays(n))
    )


class RidgeGradient(Claim[RidgeNetwork]):
    name = "B4.ridge_gradient"
    title = "The gradient of a ridge network is Aᵀdiag(α)Σ(Ax + b)"
    statement = (
        r"\nabla \sum_i \alpha_i\gamma(a_i^Tx + b_i) = A^T\mathrm{diag}(\alpha)\Sigma(Ax + b),"
        r"\quad D = A^T\mathrm{diag}(\alpha)\Sigma'(Ax + b)A = D^T"
    )
    assumptions = (
        Assumption(r"\gamma' = \sigma", "applied componentwise as Γ and Σ"),
        Assumption(r"A \in \mathbb{R}^{m\times n},\ \alpha, b \in \mathbb{R}^m", "of any sign"),
    )
    source = Source("paper, gradient fields as ridge networks", "P")

    def prove(self) -> Proof:
        A = sympy.Matrix(3, 2, sympy.symbols("a0:6"))
        b, alpha = (sympy.Matrix(sympy.symbols(f"{v}0:3")) for v in ("b", "alpha"))
        x = sympy.Matrix(sympy.symbols("x0:2"))
        gamma = sympy.Function("gamma")
        u = A * x + b
        energy = sum(weight * gamma(entry) for weight, entry in zip(alpha, u, strict=True))
        field = A.T * sympy.diag(*alpha) * sympy.Matrix([gamma(entry).fdiff(1) for entry in u])
        return Proof(
            (
                prove_identity(
                    r"the gradient for an arbitrary smooth $\gamma$, symbolic $3 \times 2$ matrix"
                    r" $A$ and weights $\alpha$",
                    sympy.Matrix([sympy.diff(energy, entry) for entry in x]),
                    field,
                ),
                prove_identity(
                    r"its Jacobian is symmetric", field.jacobian(x), field.jacobian(x).T
                ),
                cited("the same for every $m$ and $n$", "the gradient of a sum, term by term"),
            )
        )

    def instances(self) -> SearchStrategy[RidgeNetwork]:
        return _networks()

    def measure(self, instance: RidgeNetwork) -> Measurement:
        n = len(instance.x)
        energy = RidgeEnergy(instance.A, instance.b, instance.alpha)
        gradient = step_jacobian(
            lambda y: np.repeat(energy.value(y)[..., None], n, -1), instance.x
        )[0]
        field = instance.field
        error = float(np.abs(gradient - field(instance.x)).max())
        own = float(np.abs(energy.hessian(instance.x) - field.jacobian(instance.x)).max())
        return tightest(
            Measurement(error, 0.0, 100 * ALLOWANCE, "=", "error of ∇U"),
            Measurement(own, 0.0, 100 * ALLOWANCE, "=", "error of ∇²U"),
            _asymmetry(field, instance.x),
        )

    def witness(self) -> NotApplicable:
        return NotApplicable("an identity has no extreme case")

    def mutants(self) -> Sequence[Mutant]:
        A = np.array([[1.0, 0.5], [-0.5, 2.0]])
        network = RidgeNetwork(A, np.zeros(2), np.array([1.0, 3.0]), np.array([0.5, -0.25]))

        def no_transpose() -> Measurement:
            return _asymmetry(lambda y: np.tanh(y @ A.T) @ np.diag(network.alpha) @ A.T, network.x)

        def other_slopes() -> Measurement:
            energy = RidgeEnergy(A, network.b, np.abs(network.alpha) ** 2)
            gap = float(np.abs(energy.gradient(network.x) - network.field(network.x)).max())
            return Measurement(gap, 0.0, 100 * ALLOWANCE, "=", "error of ∇U")

        return (
            Mutant(
                "the factors of the appendix code",
                "diag(α)AᵀΣ(Ax + b) is a gradient",
                lambda: _asymmetry(network.appendix_field, network.x),
            ),
            Mutant("no transpose", "A diag(α)Σ(Ax + b)", no_transpose),
            Mutant("squared weights", "diag(α)² for diag(α)", other_slopes),
        )


def _asymmetry(field: Callable[[FloatArray], FloatArray], x: FloatArray) -> Measurement:
    D = step_jacobian(field, x)
    return Measurement(float(np.abs(D - D.T).max()), 0.0, 100 * ALLOWANCE, "=", "|D − Dᵀ|")
