"""F6: fields (B(x) − B(x)ᵀ)∇I(x) keep I, and every field that keeps I has this form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sympy
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ....numerics import RK4, FieldSystem, Heun, Method
from ....numerics.systems.system import State
from ....numerics.validation import FloatArray
from ... import strategies
from ...claim import Assumption, Claim, Measurement, Mutant, NotApplicable, Source
from ...measuring import rounding_allowance
from ...proof import Proof, cited
from ...proof.algebra import prove_identity
from .random_methods import runge_kutta_methods
from .smooth_networks import Network, arrays, networks, step_sizes


@dataclass(frozen=True)
class LinearIntegralStep:
    """One step of a method on ẋ = (B(x) − B(x)ᵀ)w, which keeps I(x) = wᵀx."""

    network: Network
    w: FloatArray
    method: Method
    x: FloatArray
    h: float

    def change(self, sign: float = -1.0) -> Measurement:
        """The change of wᵀx over the step; ``sign`` = +1 is the symmetric mutant."""

        def rate(t: float, x: State) -> State:
            B = self.network.matrix(x)
            return np.asarray((B + sign * np.swapaxes(B, -1, -2)) @ self.w)

        system = FieldSystem(rate, len(self.x), autonomous=True)
        after = self.method.step(system, 0.0, self.x, self.h)
        size = float(np.abs(self.w) @ (np.abs(self.x) + np.abs(after)))
        change = float(self.w @ after - self.w @ self.x)
        return Measurement(change, 0.0, rounding_allowance(size), "=", "change of the integral")


@st.composite
def _steps(draw: st.DrawFn) -> LinearIntegralStep:
    n = draw(st.integers(1, 4))
    method = draw(runge_kutta_methods())
    return LinearIntegralStep(
        draw(networks(n, n * n)),
        draw(arrays(n)),
        method,
        draw(strategies.points(n)),
        draw(step_sizes(0.1)),
    )


class SkewGradientForm(Claim[LinearIntegralStep]):
    name = "F6.skew_gradient_form"
    title = "Fields (B − Bᵀ)∇I keep I; linear I are kept by every Runge–Kutta step"
    statement = (
        r"\dot x = (B(x) - B(x)^T)\nabla I(x) \;\Rightarrow\; \tfrac{d}{dt}I(x(t)) = 0;"
        r"\quad I(x) = w^Tx \;\Rightarrow\; I(x^+) = I(x) \text{ for every } (A, b)"
    )
    assumptions = (
        Assumption(r"B(x) \in \mathbb{R}^{n \times n}", "any matrix-valued map of the state"),
        Assumption(r"I \in C^1", "the first integral; linear for the statement about steps"),
    )
    source = Source("paper, networks with first integrals", "P")

    def prove(self) -> Proof:
        n, s = 4, 3
        g = sympy.Matrix(sympy.symbols(f"g0:{n}"))
        B = [sympy.Matrix(n, n, sympy.symbols(f"b{i}_0:{n * n}")) for i in range(s)]
        x = sympy.Matrix(sympy.symbols(f"x0:{n}"))
        weights, h = sympy.symbols(f"beta0:{s}"), sympy.Symbol("h")
        stages = [(m - m.T) * g for m in B]
        after = x + h * sum((weights[i] * stages[i] for i in range(s)), sympy.zeros(n, 1))
        f = sympy.Matrix(sympy.symbols(f"f0:{n}"))
        square = (g.T * g)[0]
        S = (f * g.T - g * f.T) / square
        return Proof(
            (
                cited(r"$\frac{d}{dt}I(x(t)) = \nabla I^T\dot x$", "chain rule"),
                prove_identity(
                    r"$\nabla I^T(B - B^T)\nabla I = 0$ for every $4 \times 4$ matrix $B$ and"
                    r" every gradient",
                    (g.T * (B[0] - B[0].T) * g)[0],
                    0,
                ),
                prove_identity(
                    r"$w^T(x + h\sum_i b_i k_i) = w^Tx$ for stages $k_i = (B_i - B_i^T)w$,"
                    " wherever they were taken",
                    (g.T * after)[0],
                    (g.T * x)[0],
                ),
                prove_identity(
                    r"conversely, $S = (f\nabla I^T - \nabla I f^T)/|\nabla I|^2$ is skew and"
                    r" $S\nabla I = f - \nabla I(\nabla I^Tf)/|\nabla I|^2$: where"
                    r" $\nabla I \ne 0$, every field with $\nabla I^Tf = 0$ has this form",
                    sympy.Matrix.vstack(S * g, (S + S.T).reshape(n * n, 1)),
                    sympy.Matrix.vstack(f - g * (g.T * f)[0] / square, sympy.zeros(n * n, 1)),
                ),
            )
        )

    def instances(self) -> SearchStrategy[LinearIntegralStep]:
        return _steps()

    def measure(self, instance: LinearIntegralStep) -> Measurement:
        return instance.change()

    def witness(self) -> NotApplicable:
        return NotApplicable("an identity has no extreme case")

    def mutants(self) -> Sequence[Mutant]:
        network = Network(np.eye(2), np.zeros(2), np.arange(8.0).reshape(4, 2))
        x, w = np.array([0.5, -0.25]), np.array([1.0, 2.0])
        step = LinearIntegralStep(network, w, RK4, x, 0.1)

        def nonlinear() -> Measurement:
            # I = Σ xᵢ³/3 is kept by the flow of J∇I, not by the steps.
            J = np.array([[0.0, 1.0], [-1.0, 0.0]])
            system = FieldSystem(lambda t, y: (y * y) @ J.T, 2, autonomous=True)
            after = Heun.step(system, 0.0, x, 0.1)
            change = float((after**3).sum() - (x**3).sum()) / 3
            return Measurement(change, 0.0, 1e-14, "=", "change of the integral")

        return (
            Mutant("symmetric", "B + Bᵀ instead of B − Bᵀ", lambda: step.change(sign=1.0)),
            Mutant("no transpose", "the field B(x)∇I", lambda: step.change(sign=0.0)),
            Mutant("nonlinear integral", "I(x) = Σxᵢ³/3 with Heun's method", nonlinear),
        )
