"""F1: the field (M(x) − M(x)ᵀ)1 keeps the mass Σxᵢ, and so does every Runge–Kutta step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import sympy
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ....numerics import RK4, FieldSystem, Method
from ....numerics.validation import FloatArray
from ... import strategies
from ...claim import Assumption, Claim, Measurement, Mutant, NotApplicable, Source
from ...measuring import rounding_allowance
from ...proof import Proof, cited
from ...proof.algebra import prove_identity
from .random_methods import runge_kutta_methods
from .smooth_networks import Network, networks, step_sizes


@dataclass(frozen=True)
class MassStep:
    """One step of a method on ẋ = (M(x) − M(x)ᵀ)1."""

    network: Network
    method: Method
    x: FloatArray
    h: float

    @property
    def system(self) -> FieldSystem:
        return mass_system(self.network)

    def step(self) -> FloatArray:
        return self.method.step(self.system, 0.0, self.x, self.h)


def mass_system(network: Network) -> FieldSystem:
    """ẋ = (M(x) − M(x)ᵀ)1 for a network M with n² outputs."""
    return FieldSystem(
        lambda t, x: network.skew(x).sum(axis=-1), network.W.shape[1], autonomous=True
    )


@st.composite
def _steps(draw: st.DrawFn) -> MassStep:
    n = draw(st.integers(1, 4))
    method = draw(runge_kutta_methods())
    # Short enough for Newton's iteration of the implicit ones.
    h = draw(step_sizes(0.1))
    return MassStep(draw(networks(n, n * n)), method, draw(strategies.points(n)), h)


class MassField(Claim[MassStep]):
    name = "F1.mass_field"
    title = "Fields (M − Mᵀ)1 keep the mass, and so does every Runge–Kutta step"
    statement = (
        r"\dot x = (M(x) - M(x)^T)\mathbf{1} \;\Rightarrow\; \mathbf{1}^T\dot x = 0"
        r" \text{ and } \mathbf{1}^T x^+ = \mathbf{1}^T x \text{ for every } (A, b)"
    )
    assumptions = (
        Assumption(r"M(x) \in \mathbb{R}^{n \times n}", "any matrix-valued map of the state"),
        Assumption(r"A, b", "any Runge–Kutta method, explicit or implicit, and any step h"),
    )
    source = Source("paper, mass-preserving networks", "P")

    def prove(self) -> Proof:
        n, s = 4, 3
        M = [sympy.Matrix(n, n, sympy.symbols(f"m{i}_0:{n * n}")) for i in range(s)]
        one = sympy.ones(n, 1)
        x = sympy.Matrix(sympy.symbols(f"x0:{n}"))
        b, h = sympy.symbols(f"b0:{s}"), sympy.Symbol("h")
        stages = [(m - m.T) * one for m in M]
        after = x + h * sum((b[i] * stages[i] for i in range(s)), sympy.zeros(n, 1))
        f = sympy.Matrix(sympy.symbols(f"f0:{n}"))
        G = f * one.T / n
        return Proof(
            (
                prove_identity(
                    r"$\mathbf{1}^T(M - M^T)\mathbf{1} = 0$ for every $4 \times 4$ matrix",
                    (one.T * (M[0] - M[0].T) * one)[0],
                    0,
                ),
                prove_identity(
                    r"$\mathbf{1}^T(x + h\sum_i b_i k_i) = \mathbf{1}^Tx$ for stages"
                    r" $k_i = (M_i - M_i^T)\mathbf{1}$ with arbitrary matrices $M_i$: it does not"
                    r" matter where the stages were taken, nor what $A$, $b$ and $h$ are",
                    (one.T * after)[0],
                    (one.T * x)[0],
                ),
                prove_identity(
                    r"conversely, $M = f\mathbf{1}^T/n$ gives $(M - M^T)\mathbf{1} ="
                    r" f - \mathbf{1}(\mathbf{1}^Tf)/n$: every field with $\mathbf{1}^Tf = 0$"
                    " has this form",
                    (G - G.T) * one,
                    f - one * (one.T * f)[0] / n,
                ),
                cited("the same for every $n$ and number of stages", "linearity in each term"),
            )
        )

    def instances(self) -> SearchStrategy[MassStep]:
        return _steps()

    def measure(self, instance: MassStep) -> Measurement:
        return mass_kept(instance.x, instance.step())

    def witness(self) -> NotApplicable:
        return NotApplicable("an identity has no extreme case")

    def mutants(self) -> Sequence[Mutant]:
        network = Network(np.eye(2), np.zeros(2), np.arange(8.0).reshape(4, 2))
        x = np.array([0.5, -0.25])

        def with_field(field: Callable[[FloatArray], FloatArray]) -> Measurement:
            system = FieldSystem(lambda t, y: field(y), 2, autonomous=True)
            return mass_kept(x, RK4.step(system, 0.0, x, 0.1))

        def clipped() -> Measurement:
            after = MassStep(network, RK4, x, 0.1).step()
            return mass_kept(x, np.maximum(after, 0.0))

        def weights_by_component() -> Measurement:
            system = mass_system(network)
            slopes = [system(0.0, x), system(0.0, x + 0.1 * system(0.0, x))]
            weights = np.array([[0.5, 0.25], [0.5, 0.75]])
            return mass_kept(x, x + 0.1 * (weights * np.array(slopes)).sum(axis=0))

        return (
            Mutant(
                "no transpose",
                "the field M(x)1",
                lambda: with_field(lambda y: network.matrix(y).sum(-1)),
            ),
            Mutant(
                "the other sign",
                "the field (M(x) + M(x)ᵀ)1",
                lambda: with_field(lambda y: network.matrix(y).sum(-1) + network.matrix(y).sum(-2)),
            ),
            Mutant("clipping", "the state is clipped at 0 after the step", clipped),
            Mutant(
                "weights by component",
                "bᵢ differs from component to component: no Runge–Kutta method",
                weights_by_component,
            ),
        )


def mass_kept(before: FloatArray, after: FloatArray) -> Measurement:
    """The change of Σxᵢ against 0."""
    size = float(np.abs(before).sum() + np.abs(after).sum())
    change = float(after.sum() - before.sum())
    return Measurement(change, 0.0, rounding_allowance(size), "=", "change of mass")
