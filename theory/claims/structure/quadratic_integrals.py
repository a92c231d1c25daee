"""F6: Runge–Kutta methods with M = 0 keep quadratic integrals; the defect of all others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sympy
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ....numerics import Euler, FieldSystem, RungeKutta
from ....numerics.methods.diagonally_implicit import ImplicitMidpoint
from ....numerics.systems.system import State
from ....numerics.validation import FloatArray
from ... import strategies
from ...claim import Assumption, Claim, Measurement, Mutant, NotApplicable, Source
from ...measuring import rounding_allowance
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
from .smooth_networks import Network, arrays, networks, step_sizes


@dataclass(frozen=True)
class QuadraticStep:
    """One step on ẋ = (B(x) − B(x)ᵀ)Qx, which keeps I(x) = ½xᵀQx."""

    network: Network
    Q: FloatArray
    method: RungeKutta
    x: FloatArray
    h: float

    @property
    def system(self) -> FieldSystem:
        def rate(t: float, x: State) -> State:
            return np.asarray((self.network.skew(x) @ (x @ self.Q)[..., None])[..., 0])

        return FieldSystem(rate, len(self.x), autonomous=True)

    def change(self) -> Measurement:
        """I(x⁺) − I(x) against −½h²Σ mᵢⱼ kᵢᵀQkⱼ."""
        M = rounded_form(self.method)
        K = np.array(self.method.slopes(self.system, 0.0, self.x, self.h))
        claimed = -0.5 * self.h**2 * float(np.sum(M * (K @ self.Q @ K.T)))
        return self.against(claimed)

    def against(self, claimed: float) -> Measurement:
        after = self.method.step(self.system, 0.0, self.x, self.h)
        change = 0.5 * float(after @ self.Q @ after - self.x @ self.Q @ self.x)
        size = float(np.linalg.norm(self.Q, 2) * (self.x @ self.x + after @ after))
        return Measurement(change, claimed, rounding_allowance(size), "=", "change of the integral")


@st.composite
def _steps(draw: st.DrawFn) -> QuadraticStep:
    n = draw(st.integers(2, 4))
    half = draw(arrays(n, n))
    return QuadraticStep(
        draw(networks(n, n * n)),
        half + half.T,
        draw(runge_kutta_methods()),
        0.5 * draw(strategies.points(n)),
        draw(step_sizes(0.1)),
    )


class QuadraticIntegrals(Claim[QuadraticStep]):
    name = "F6.quadratic_integrals"
    title = "A Runge–Kutta step changes a quadratic integral by its form M, and not if M = 0"
    statement = (
        r"I(x^+) - I(x) = -\tfrac12 h^2 \sum_{i,j} m_{ij}\, k_i^T Q k_j,"
        r"\quad m_{ij} = b_i a_{ij} + b_j a_{ji} - b_i b_j"
    )
    assumptions = (
        Assumption(r"I(x) = \tfrac12 x^TQx + w^Tx,\ Q = Q^T", "a quadratic first integral"),
        Assumption(r"\nabla I(x)^Tf(x) = 0", "the field keeps I, e.g. f = (B − Bᵀ)∇I"),
        Assumption(r"A, b", "any Runge–Kutta method whose stages have been solved"),
    )
    source = Source("flowcert; Cooper's theorem for M = 0", "D")

    def prove(self) -> Proof:
        steps = [self._defect(stages) for stages in (1, 2, 3)]
        return Proof(
            (
                *steps,
                cited(
                    "the same in every dimension and for every number of stages",
                    "both sides are sums, over pairs of stages, of terms linear in each",
                ),
                cited(r"$\nabla I(Y_i)^T k_i = 0$ since $k_i = f(Y_i)$", "hypothesis"),
                prove_midpoint_form(),
                prove_gauss_form(),
                prove_shipped_gauss_forms(),
            )
        )

    def _defect(self, s: int) -> ProofStep:
        """The identity for s stages, in two dimensions, every coefficient a symbol."""
        n = 2
        h = sympy.Symbol("h")
        A = sympy.Matrix(s, s, sympy.symbols(f"a0:{s * s}"))
        b = sympy.symbols(f"b0:{s}")
        q11, q12, q22 = sympy.symbols("q11 q12 q22")
        Q = sympy.Matrix([[q11, q12], [q12, q22]])
        w, x = (sympy.Matrix(sympy.symbols(f"{name}0:{n}")) for name in "wx")
        k = [sympy.Matrix(sympy.symbols(f"k{i}_0:{n}")) for i in range(s)]

        def integral(y: sympy.Matrix) -> sympy.Expr:
            return (y.T * Q * y)[0] / 2 + (w.T * y)[0]

        stages = [x + h * sum((A[i, j] * k[j] for j in range(s)), 0 * x) for i in range(s)]
        after = x + h * sum((b[i] * k[i] for i in range(s)), 0 * x)
        tangency = sum(b[i] * ((Q * stages[i] + w).T * k[i])[0] for i in range(s))
        M = exact_form(A, b)
        pairs = sum(M[i, j] * (k[i].T * Q * k[j])[0] for i in range(s) for j in range(s))
        return prove_identity(
            rf"$s = {s}$: $I(x^+) - I(x) = h\sum_i b_i \nabla I(Y_i)^Tk_i"
            r" - \frac{h^2}{2}\sum m_{ij}k_i^TQk_j$ for arbitrary $A$, $b$, $k_i$",
            integral(after) - integral(x),
            h * tangency - h**2 * pairs / 2,
        )

    def instances(self) -> SearchStrategy[QuadraticStep]:
        return _steps()

    def measure(self, instance: QuadraticStep) -> Measurement:
        return instance.change()

    def witness(self) -> NotApplicable:
        return NotApplicable("an identity has no extreme case")

    def mutants(self) -> Sequence[Mutant]:
        # A rotation with a speed that depends on the state.
        network = Network(np.eye(2), np.zeros(2), np.array([[0, 0], [1, 1], [0, 0], [0, 0]]) * 1.0)
        x = np.array([1.0, 0.5])

        def cubic() -> Measurement:
            J = np.array([[0.0, 1.0], [-1.0, 0.0]])
            system = FieldSystem(lambda t, y: (y * y) @ J.T, 2, autonomous=True)
            after = ImplicitMidpoint.step(system, 0.0, x, 0.1)
            change = float((after**3).sum() - (x**3).sum()) / 3
            return Measurement(change, 0.0, 1e-12, "=", "change of the integral")

        def no_integral() -> Measurement:
            # ẋ = −x does not keep |x|²/2; the midpoint rule does not either.
            after = ImplicitMidpoint.step(FieldSystem(lambda t, y: -y, 2), 0.0, x, 0.1)
            return Measurement(
                0.5 * float(after @ after - x @ x), 0.0, 1e-12, "=", "change of the integral"
            )

        return (
            Mutant(
                "explicit Euler",
                "a method with M ≠ 0 keeps quadratic integrals",
                lambda: QuadraticStep(network, np.eye(2), Euler, x, 0.1).against(0.0),
            ),
            Mutant("cubic integral", "the implicit midpoint rule keeps Σxᵢ³/3", cubic),
            Mutant("not an integral of the field", "∇Iᵀf ≠ 0", no_integral),
        )
