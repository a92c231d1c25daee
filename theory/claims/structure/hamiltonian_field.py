"""F2: Hamiltonian fields J∇H keep H, and their flows are symplectic; J AᵀΣ(Ax + b) is one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import sympy
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from scipy.integrate import solve_ivp

from ....numerics import HamiltonianSystem, canonical_structure
from ....numerics.validation import FloatArray
from ... import strategies
from ...claim import Assumption, Claim, Measurement, Mutant, NotApplicable, Source, tightest
from ...proof import Proof, cited
from ...proof.algebra import prove_identity
from .smooth_networks import RidgeEnergy, energies
from .step_jacobian import ALLOWANCE, step_jacobian, symplectic_defect

_TIME = 0.25
# The solver's tolerance, of states up to 8, divided by the spacing of the differences.
_FLOW_ALLOWANCE = 1e-7


@st.composite
def _fields(draw: st.DrawFn) -> tuple[RidgeEnergy, FloatArray]:
    n = 2 * draw(st.integers(1, 2))
    return draw(energies(n)), draw(strategies.points(n))


class HamiltonianField(Claim[tuple[RidgeEnergy, FloatArray]]):
    name = "F2.hamiltonian_field"
    title = "Hamiltonian fields keep their energy, and their flows are symplectic"
    statement = (
        r"\dot x = J\nabla H(x) \;\Rightarrow\; \tfrac{d}{dt}H = 0,\ D^TJD = J;"
        r"\quad JA^T\Sigma(Ax + b) = J\nabla \mathbf{1}^T\Gamma(Ax + b)"
    )
    assumptions = (
        Assumption(r"H \in C^2(\mathbb{R}^{2d})", "the energy"),
        Assumption(r"J = \begin{pmatrix} 0 & I \\ -I & 0 \end{pmatrix}", "x = (q, p)"),
        Assumption(r"D = \partial\varphi^t/\partial x", "the Jacobian of the flow"),
        Assumption(r"\Gamma' = \Sigma", "of the layer; A of any shape"),
    )
    source = Source("paper, Hamiltonian networks", "P")

    def prove(self) -> Proof:
        J = sympy.Matrix(canonical_structure(2))
        g = sympy.Matrix(sympy.symbols("g0:4"))
        S = sympy.Matrix(4, 4, lambda i, j: sympy.Symbol(f"s{min(i, j)}{max(i, j)}"))
        D = sympy.Matrix(4, 4, sympy.symbols("d0:16"))
        rate = J * S * D
        C = sympy.Matrix(4, 4, sympy.symbols("c0:16"))
        x = sympy.Matrix(sympy.symbols("x0:2"))
        A = sympy.Matrix(3, 2, sympy.symbols("a0:6"))
        b = sympy.Matrix(sympy.symbols("b0:3"))
        gamma = sympy.Function("gamma")
        u = A * x + b
        energy = sum(gamma(entry) for entry in u)
        gradient = sympy.Matrix([sympy.diff(energy, entry) for entry in x])
        activation = sympy.Matrix([gamma(entry).fdiff(1) for entry in u])
        return Proof(
            (
                prove_identity(
                    r"$\nabla H^TJ\nabla H = 0$ in four dimensions", (g.T * J * g)[0], 0
                ),
                cited(
                    r"$\dot D = J\,\nabla^2H\,D$ and $D(0) = I$ along the flow",
                    "the variational equation, Hairer, Nørsett and Wanner I, theorem I.14.3",
                ),
                prove_identity(
                    r"so $\frac{d}{dt}D^TJD = \dot D^TJD + D^TJ\dot D = 0$ for symmetric"
                    r" $\nabla^2H$ in four dimensions: $D^TJD$ stays $J$",
                    rate.T * J * D + D.T * J * rate,
                    sympy.zeros(4, 4),
                ),
                prove_identity(
                    r"conversely, $C^TJ + JC = JC - (JC)^T$: a flow is symplectic only if $JC$"
                    r" is symmetric for $C = f'(x)$, and then $-Jf$ is a gradient",
                    C.T * J + J * C,
                    J * C - (J * C).T,
                ),
                prove_identity(
                    r"$\nabla\mathbf{1}^T\Gamma(Ax + b) = A^T\Gamma'(Ax + b)$ for an arbitrary"
                    r" smooth $\gamma$ and symbolic $3 \times 2$ matrix $A$",
                    gradient,
                    A.T * activation,
                ),
            )
        )

    def instances(self) -> SearchStrategy[tuple[RidgeEnergy, FloatArray]]:
        return _fields()

    def measure(self, instance: tuple[RidgeEnergy, FloatArray]) -> Measurement:
        energy, x = instance
        J = canonical_structure(len(x) // 2)
        system = HamiltonianSystem(energy.value, energy.gradient, len(x))
        C = step_jacobian(lambda y: system(0.0, y), x)
        # The rate of the energy, by differences of H itself along the field.
        along = step_jacobian(
            lambda s: energy.value(x + s * system(0.0, x))[..., None], np.zeros(1)
        )
        return tightest(
            _infinitesimally_symplectic(C, J, float(along[0, 0])), _flow_defect(system, x)
        )

    def witness(self) -> NotApplicable:
        return NotApplicable("an identity has no extreme case")

    def mutants(self) -> Sequence[Mutant]:
        A, B = np.array([[1.0, 0.5], [0.0, 1.0]]), np.array([[1.0, 0.0], [0.5, 2.0]])
        energy = RidgeEnergy(A, np.zeros(2), np.ones(2))
        x, J = np.array([0.5, -0.25]), canonical_structure(1)

        def other_left_factor() -> Measurement:
            C = step_jacobian(lambda y: np.tanh(y @ A.T) @ B @ J.T, x)
            return _infinitesimally_symplectic(C, J, 0.0)

        def gradient_flow() -> Measurement:
            C = -energy.hessian(x)
            return _infinitesimally_symplectic(C, J, -float(np.sum(energy.gradient(x) ** 2)))

        def no_transpose() -> Measurement:
            C = step_jacobian(lambda y: np.tanh(y @ A.T) @ A.T @ J.T, x)
            return _infinitesimally_symplectic(C, J, 0.0)

        def damped() -> Measurement:
            system = HamiltonianSystem(energy.value, lambda y: energy.gradient(y) - 0.1 * y @ J, 2)
            return _flow_defect(system, x)

        return (
            Mutant("friction", "ṗ = −∂H/∂q − p/10, q̇ = ∂H/∂p − q/10", damped),
            Mutant("another left factor", "JBᵀΣ(Ax + b) with B ≠ A", other_left_factor),
            Mutant("no transpose", "JAΣ(Ax + b)", no_transpose),
            Mutant("no J", "the gradient flow −∇H", gradient_flow),
        )


def _flow_defect(system: HamiltonianSystem, x: FloatArray) -> Measurement:
    """|DᵀJD − J| of the flow of length _TIME, by scipy."""

    def flow(y: FloatArray) -> FloatArray:
        solution = solve_ivp(
            lambda t, state: system(t, state.reshape(y.shape)).ravel(),
            (0.0, _TIME),
            y.ravel(),
            method="DOP853",
            rtol=1e-11,
            atol=1e-12,
        )
        return np.asarray(solution.y[:, -1].reshape(y.shape))

    D = step_jacobian(flow, x)
    return Measurement(symplectic_defect(D), 0.0, _FLOW_ALLOWANCE, "=", "defect of the flow")


def _infinitesimally_symplectic(C: FloatArray, J: FloatArray, rate: float) -> Measurement:
    """The larger of |CᵀJ + JC| and |dH/dt|."""
    defect = max(float(np.abs(C.T @ J + J @ C).max()), abs(rate))
    return Measurement(defect, 0.0, ALLOWANCE, "=", "defect")
