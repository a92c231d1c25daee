"""F5: a discrete gradient method keeps the energy for skew S, and never raises it for S ⪯ 0."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import sympy
import z3
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ....numerics import Method, SkewGradientSystem
from ....numerics.methods.diagonally_implicit import ImplicitMidpoint
from ....numerics.methods.discrete_gradient import (
    AverageVectorField,
    Gonzalez,
    ItohAbe,
    SymmetrisedItohAbe,
)
from ....numerics.validation import FloatArray
from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness
from ...measuring import rounding_allowance
from ...proof import Proof, cited
from ...proof.algebra import prove_identity
from ...proof.smt import prove_by_smt
from .smooth_networks import QuarticEnergy, arrays, quartic_energies


@dataclass(frozen=True)
class EnergyStep:
    """One step on ẏ = (K − Kᵀ − LLᵀ)∇H(y); L = 0 for the conservative case."""

    energy: QuarticEnergy
    K: FloatArray
    L: FloatArray
    method: Method
    x: FloatArray
    h: float

    @property
    def structure(self) -> FloatArray:
        return np.asarray(self.K - self.K.T - self.L @ self.L.T)

    def measure(self) -> Measurement:
        """H(y⁺) − H(y) against 0: equal for L = 0, at most for h > 0."""
        change, allowance = self.change(self.structure)
        relation = "<=" if self.L.any() else "="
        return Measurement(change, 0.0, allowance, relation, "change of the energy")  # type: ignore[arg-type]  # one of two

    def change(self, structure: FloatArray) -> tuple[float, float]:
        energy = self.energy
        system = SkewGradientSystem(energy.value, energy.gradient, structure, energy.hessian)
        after = self.method.step(system, 0.0, self.x, self.h)
        change = float(energy.value(after) - energy.value(self.x))
        steepness = float(np.linalg.norm(energy.gradient(self.x)) * np.linalg.norm(self.x))
        return change, rounding_allowance(abs(float(energy.value(self.x))) + steepness)


@st.composite
def _steps(draw: st.DrawFn) -> EnergyStep:
    n = draw(st.integers(2, 4))
    methods = [Gonzalez, ItohAbe, SymmetrisedItohAbe, AverageVectorField(2)]
    energy, x, K = draw(quartic_energies(n)), draw(arrays(n)), draw(arrays(n, n))
    L = draw(st.one_of(st.just(np.zeros((n, n))), arrays(n, n)))
    method = draw(st.sampled_from(methods))
    step = EnergyStep(energy, K, L, method, x, 0.0)
    # The step exists, and Newton's iteration finds it, while h times the field's slope is small.
    slope = float(np.linalg.norm(step.structure, 2)) * energy.curvature_bound(x, np.abs(x) + 1)
    return replace(step, h=draw(st.floats(0.01, 0.5)) / (1 + slope))


class DiscreteGradientEnergy(Claim[EnergyStep]):
    name = "F5.discrete_gradient_energy"
    title = "Discrete gradient methods keep the energy, or let it decay, at every step size"
    statement = (
        r"y^+ = y + hS\bar\nabla H(y, y^+) \;\Rightarrow\;"
        r" H(y^+) - H(y) = h\,\bar\nabla H^TS\,\bar\nabla H"
        r" \begin{cases} = 0 & S^T = -S \\ \le 0 & S + S^T \preceq 0 \end{cases}"
    )
    assumptions = (
        Assumption(r"\bar\nabla H(x, y)^T(y - x) = H(y) - H(x)", "a discrete gradient"),
        Assumption(r"S", "skew, taken anywhere; or with S + Sᵀ ⪯ 0"),
        Assumption(r"h \ge 0", "any step; of either sign where S is skew"),
    )
    source = Source("paper, energy-preserving and dissipative networks", "P")

    def prove(self) -> Proof:
        n = 4
        g = sympy.Matrix(sympy.symbols(f"g0:{n}"))
        K = sympy.Matrix(n, n, sympy.symbols(f"k0:{n * n}"))
        L = sympy.Matrix(n, n, sympy.symbols(f"l0:{n * n}"))
        h = sympy.Symbol("h")
        S = K - K.T - L * L.T
        lost = L.T * g
        step, *squares = z3.Reals("h v_0 v_1 v_2 v_3")
        return Proof(
            (
                cited(
                    r"$H(y^+) - H(y) = \bar\nabla H^T(y^+ - y)$",
                    "claims F5.gonzalez_gradient, F5.itoh_abe_gradient, F5.average_gradient",
                ),
                prove_identity(
                    r"with $y^+ - y = hSg$ that is $h\,g^TSg = -h|L^Tg|^2$ for"
                    r" $S = K - K^T - LL^T$, arbitrary $4 \times 4$ matrices $K$ and $L$",
                    (g.T * (h * S * g))[0],
                    -h * (lost.T * lost)[0],
                ),
                cited(
                    r"every $S$ with $S + S^T \preceq 0$ is $K - K^T - LL^T$; $L = 0$ if skew",
                    "square root of a positive semi-definite matrix",
                ),
                prove_by_smt(
                    r"$-h|L^Tg|^2 \le 0$ for $h \ge 0$",
                    name="decay",
                    given=[step >= 0],
                    show=-step * sum(v * v for v in squares) <= 0,
                ),
            )
        )

    def instances(self) -> SearchStrategy[EnergyStep]:
        return _steps()

    def measure(self, instance: EnergyStep) -> Measurement:
        return instance.measure()

    def witness(self) -> Witness:
        return Witness("S skew: nothing is lost", self.measure(_example(Gonzalez)))

    def mutants(self) -> Sequence[Mutant]:
        conservative = _example(Gonzalez)

        def not_skew() -> Measurement:
            change, allowance = conservative.change(conservative.structure + 0.1 * np.eye(2))
            return Measurement(change, 0.0, allowance, what="change of the energy")

        def backwards() -> Measurement:
            step = EnergyStep(
                conservative.energy, conservative.K, np.eye(2), Gonzalez, conservative.x, -0.1
            )
            return step.measure()

        return (
            Mutant("S not skew", "S = K − Kᵀ + I/10", not_skew),
            Mutant(
                "no correction",
                "the implicit midpoint rule keeps a quartic energy",
                lambda: _example(ImplicitMidpoint).measure(),
            ),
            Mutant(
                "too few nodes",
                "the average of one node keeps a quartic energy",
                lambda: _example(AverageVectorField(1)).measure(),
            ),
            Mutant("backwards in time", "decay for h < 0", backwards),
        )


def _example(method: Method) -> EnergyStep:
    quartic = QuarticEnergy(np.array([[1.0, 0.5], [0.0, 1.0]]), np.zeros(2), np.ones(2))
    K = np.array([[0.0, 1.0], [0.0, 0.0]])
    return EnergyStep(quartic, K, np.zeros((2, 2)), method, np.array([1.0, -0.5]), 0.1)
