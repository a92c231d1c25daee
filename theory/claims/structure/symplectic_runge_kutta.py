"""F2: the Jacobian of a Runge–Kutta step on a Hamiltonian field, and methods with M = 0."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sympy
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ....numerics import Euler, FieldSystem, HamiltonianSystem, RungeKutta, canonical_structure
from ....numerics.methods.diagonally_implicit import ImplicitMidpoint, ImplicitTrapezoid
from ....numerics.validation import FloatArray
from ... import strategies
from ...claim import Assumption, Claim, Measurement, Mutant, NotApplicable, Source
from ...proof import Proof, ProofStep, cited
from ...proof.algebra import prove_identity
from .method_form import (
    exact_form,
    prove_gauss_form,
    prove_midpoint_form,
    prove_shipped_gauss_forms,
    rounded_form,
)
from .random_methods import runge_kutta_methods
from .smooth_networks import RidgeEnergy, energies, step_sizes
from .step_jacobian import ALLOWANCE, step_jacobian, symplectic_defect


@dataclass(frozen=True)
class HamiltonianStep:
    """One step of a Runge–Kutta method on ẋ = J∇H."""

    energy: RidgeEnergy
    method: RungeKutta
    x: FloatArray
    h: float

    @property
    def system(self) -> HamiltonianSystem:
        energy = self.energy
        return HamiltonianSystem(energy.value, energy.gradient, len(self.x), energy.hessian)

    def form(self) -> FloatArray:
        """DᵀJD − J, with D by differences of steps."""
        D = step_jacobian(lambda y: self.method.step(self.system, 0.0, y, self.h), self.x)
        J = canonical_structure(len(self.x) // 2)
        return np.asarray(D.T @ J @ D - J)

    def predicted_form(self) -> FloatArray:
        """−h²Σ mᵢⱼ XᵢᵀJXⱼ with Xᵢ = ∂kᵢ/∂x, by differences of stages."""
        J = canonical_structure(len(self.x) // 2)
        M = rounded_form(self.method)
        X = [
            step_jacobian(lambda y, i=i: self._stage(y, i), self.x)  # type: ignore[misc]  # bound
            for i in range(len(M))
        ]
        total = np.zeros_like(self.x[:, None] * self.x)
        for i, left in enumerate(X):
            for j, right in enumerate(X):
                total = total - self.h**2 * M[i, j] * (left.T @ J @ right)
        return total

    def _stage(self, y: FloatArray, i: int) -> FloatArray:
        return np.asarray(self.method.slopes(self.system, 0.0, y, self.h)[i])


@st.composite
def _steps(draw: st.DrawFn) -> HamiltonianStep:
    n = 2 * draw(st.integers(1, 2))
    return HamiltonianStep(
        draw(energies(n)),
        draw(runge_kutta_methods()),
        draw(strategies.points(n)),
        draw(step_sizes(0.25)),
    )


class SymplecticRungeKutta(Claim[HamiltonianStep]):
    name = "F2.symplectic_runge_kutta"
    title = "A Runge–Kutta step changes the symplectic form by M, and not if M = 0"
    statement = (
        r"D^TJD - J = -h^2\sum_{i,j} m_{ij}\, X_i^TJX_j,\quad X_i = \partial k_i/\partial x,"
        r"\quad m_{ij} = b_i a_{ij} + b_j a_{ji} - b_i b_j"
    )
    assumptions = (
        Assumption(r"\dot x = J\nabla H(x),\ H \in C^2", "a Hamiltonian field on R^{2d}"),
        Assumption(r"D = \partial x^+/\partial x", "the Jacobian of the step"),
        Assumption(r"A, b, h", "any Runge–Kutta method whose stages are differentiable in x"),
    )
    source = Source("flowcert; Sanz-Serna's and Lasagni's theorem for M = 0", "D")

    def prove(self) -> Proof:
        J = sympy.Matrix(canonical_structure(2))
        S = sympy.Matrix(4, 4, lambda i, j: sympy.Symbol(f"s{min(i, j)}{max(i, j)}"))
        U = sympy.Matrix(4, 4, sympy.symbols("u0:16"))
        X = J * S * U
        return Proof(
            (
                cited(
                    r"$X_i = J\,\nabla^2H(Y_i)\,U_i$ with $U_i = \partial Y_i/\partial x ="
                    r" I + h\sum_j a_{ij}X_j$, and $D = I + h\sum_i b_iX_i$",
                    "chain rule",
                ),
                prove_identity(
                    r"$X^TJU + U^TJX = 0$ for $X = JSU$ with $S$ symmetric, in four dimensions",
                    X.T * J * U + U.T * J * X,
                    sympy.zeros(4, 4),
                ),
                *(_prove_defect(s) for s in (1, 2, 3)),
                cited(
                    "the same in every dimension and for every number of stages",
                    "both sides are sums, over pairs of stages, of terms linear in each",
                ),
                prove_midpoint_form(),
                prove_gauss_form(),
                prove_shipped_gauss_forms(),
            )
        )

    def instances(self) -> SearchStrategy[HamiltonianStep]:
        return _steps()

    def measure(self, instance: HamiltonianStep) -> Measurement:
        predicted = instance.predicted_form() if rounded_form(instance.method).any() else 0.0
        return _against(instance, predicted)

    def witness(self) -> NotApplicable:
        return NotApplicable("an identity has no extreme case")

    def mutants(self) -> Sequence[Mutant]:
        energy = RidgeEnergy(np.array([[1.0, 0.5], [0.0, 1.0]]), np.zeros(2), np.ones(2), 1.0)
        x = np.array([0.5, -0.75])

        def with_method(method: RungeKutta) -> Measurement:
            return _against(HamiltonianStep(energy, method, x, 0.25), 0.0)

        def not_hamiltonian() -> Measurement:
            damped = np.array([[0.0, 1.0], [-1.0, -0.1]])
            system = FieldSystem(lambda t, y: y @ damped.T, 2, autonomous=True)
            D = step_jacobian(lambda y: ImplicitMidpoint.step(system, 0.0, y, 0.25), x)
            return Measurement(symplectic_defect(D), 0.0, ALLOWANCE, "=", "defect")

        return (
            Mutant("explicit Euler", "M ≠ 0", lambda: with_method(Euler)),
            Mutant(
                "trapezoid",
                "a symmetric method with R(z)R(−z) = 1 is symplectic",
                lambda: with_method(ImplicitTrapezoid),
            ),
            Mutant(
                "a damped oscillator",
                "the midpoint rule on a field that is not Hamiltonian",
                not_hamiltonian,
            ),
        )


def _prove_defect(s: int) -> ProofStep:
    """DᵀJD − J for s stages in two dimensions: X₁, …, X_s are arbitrary matrices."""
    J = sympy.Matrix(canonical_structure(1))
    unit, h = sympy.eye(2), sympy.Symbol("h")
    A = sympy.Matrix(s, s, sympy.symbols(f"a0:{s * s}"))
    b = sympy.symbols(f"b0:{s}")
    X = [sympy.Matrix(2, 2, sympy.symbols(f"x{i}_0:4")) for i in range(s)]
    U = [unit + h * sum((A[i, j] * X[j] for j in range(s)), 0 * unit) for i in range(s)]
    D = unit + h * sum((b[i] * X[i] for i in range(s)), 0 * unit)
    M = exact_form(A, b)
    linear = sum((b[i] * (X[i].T * J * U[i] + U[i].T * J * X[i]) for i in range(s)), 0 * unit)
    pairs = [(i, j) for i in range(s) for j in range(s)]
    quadratic = sum((M[i, j] * X[i].T * J * X[j] for i, j in pairs), 0 * unit)
    return prove_identity(
        rf"$s = {s}$: $D^TJD - J = h\sum_i b_i(X_i^TJU_i + U_i^TJX_i) - h^2\sum m_{{ij}}X_i^TJX_j$"
        r" for arbitrary $A$, $b$ and $2 \times 2$ matrices $X_i$",
        D.T * J * D - J,
        h * linear - h**2 * quadratic,
    )


def _against(step: HamiltonianStep, predicted: FloatArray | float) -> Measurement:
    return _defect(step.form() - predicted)


def _defect(difference: FloatArray) -> Measurement:
    return Measurement(float(np.abs(difference).max()), 0.0, ALLOWANCE, "=", "defect")
