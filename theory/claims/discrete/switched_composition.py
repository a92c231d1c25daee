"""A3: composing the flows of the pieces is the flow of the switching system."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sympy
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from ....numerics import ExpansiveGradientField, LinearField, VectorField, tanh_mixture
from ....numerics.methods.collocation import GaussLegendre
from ....numerics.switching import SwitchingSystem, switching_flow_map
from ....numerics.validation import FloatArray
from ... import strategies
from ...claim import Assumption, Claim, Measurement, Mutant, NotApplicable, Source
from ...measuring import scipy_flow
from ...proof import Proof, ProofStep, cited
from ...proof.algebra import prove_identity

_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Switched:
    """ẋ = fᵢ(x) for tᵢ₋₁ ≤ t < tᵢ, with the pieces (fᵢ, tᵢ − tᵢ₋₁)."""

    pieces: tuple[tuple[VectorField, float], ...]
    x: FloatArray

    def composed(self) -> FloatArray:
        """φ_k(… φ₁(x)), linear pieces by the matrix exponential."""
        state = self.x
        for field, h in self.pieces:
            if isinstance(field, LinearField):
                state = expm(h * field.B) @ state
            else:
                state = scipy_flow(field, state, h)
        return state

    def solved_whole(self) -> FloatArray:
        """scipy's solution of the non-autonomous system, which knows nothing of the pieces."""
        system = SwitchingSystem.of_durations(self.pieces)
        durations = [h for _, h in self.pieces]
        solution = solve_ivp(
            system,
            (0.0, sum(durations)),
            self.x,
            rtol=_TOLERANCE,
            atol=_TOLERANCE,
            # From a state at rest a longer step could leap over a whole piece and never see it.
            max_step=min(durations) / 4,
        )
        return np.asarray(solution.y[:, -1])

    def stepped(self) -> FloatArray:
        """A Gauss method whose steps end at the switches."""
        return switching_flow_map(self.pieces, self.x, GaussLegendre(4), 4)


@st.composite
def _systems(draw: st.DrawFn) -> Switched:
    n = draw(st.integers(1, 3))
    pieces = st.tuples(_fields(n), st.floats(0.05, 0.75))
    return Switched(
        tuple(draw(st.lists(pieces, min_size=1, max_size=3))), draw(strategies.points(n))
    )


@st.composite
def _fields(draw: st.DrawFn, n: int) -> VectorField:
    """Smooth or linear fields, so that the oracle keeps its accuracy between the switches."""
    square = draw(strategies.matrices(rows=n, columns=n, sigma_max=1.0)).entries
    if draw(st.booleans()):
        return LinearField(square)
    return ExpansiveGradientField(square, draw(strategies.points(n)), tanh_mixture(0.0))


class SwitchedComposition(Claim[Switched]):
    name = "A3.switched_composition"
    title = "Composing the flows of the pieces is the flow of the switching system"
    statement = (
        r"\dot x = f_i(x) \text{ for } t_{i-1} \le t < t_i \;\Rightarrow\;"
        r" x(t_k) = \varphi_{f_k}^{h_k} \circ \dots \circ \varphi_{f_1}^{h_1}(x(0))"
    )
    assumptions = (
        Assumption(r"f_i \text{ locally Lipschitz}", "so that solutions are unique"),
        Assumption(r"h_i = t_i - t_{i-1} > 0", "finitely many switches"),
        Assumption(
            r"x \text{ continuous}, \dot x = f_i(x) \text{ off the switches}",
            "what a solution is; it exists up to the last switch",
        ),
    )
    source = Source("flowcert", "D")

    def prove(self) -> Proof:
        t, t1, x = sympy.symbols("t t_1 x", positive=True)
        phi1, phi2 = sympy.Function("phi1"), sympy.Function("phi2")
        later = phi2(t - t1, phi1(t1, x))
        logistic = x * sympy.exp(t) / (1 + x * (sympy.exp(t) - 1))
        decaying = x / (1 + t * x)
        composed = decaying.subs({t: t - t1, x: logistic.subs(t, t1)}, simultaneous=True)
        return Proof(
            (
                prove_identity(
                    r"for $t > t_1$, $y(t) = \varphi_2^{t - t_1}(\varphi_1^{t_1}(x))$ has"
                    r" $\dot y = \partial_s\varphi_2^s$ at $s = t - t_1$: that is $f_2(y)$, by what"
                    r" a flow is",
                    sympy.diff(later, t),
                    later.fdiff(1),
                ),
                cited(
                    r"$y$ is continuous at $t_1$ since $\varphi_2^0$ is the identity; so it solves"
                    " the switching system",
                    "definition of a flow",
                ),
                cited(
                    "and is the only solution; by induction for any number of switches",
                    "Picard–Lindelöf on each piece (Carathéodory: at the switches as well)",
                ),
                *_prove_matrix_exponential(),
                prove_identity(
                    r"an example that is not linear, $\dot x = x(1 - x)$ before $t_1$ and"
                    r" $\dot x = -x^2$ after: the composition of the two closed flows satisfies the"
                    " second equation",
                    sympy.diff(composed, t),
                    -(composed**2),
                ),
                prove_identity(
                    "and is continuous at the switch",
                    composed.subs(t, t1),
                    logistic.subs(t, t1),
                ),
            )
        )

    def instances(self) -> SearchStrategy[Switched]:
        return _systems()

    def measure(self, instance: Switched) -> Measurement:
        composed = instance.composed()
        return max(
            _distance(composed, instance.solved_whole()),
            _distance(composed, instance.stepped()),
            key=lambda measurement: measurement.computed - measurement.allowance,
        )

    def witness(self) -> NotApplicable:
        return NotApplicable("an identity has no extreme case")

    def mutants(self) -> Sequence[Mutant]:
        drift = LinearField(np.array([[0.0, 1.0], [0.0, 0.0]]))
        kick = LinearField(np.array([[0.0, 0.0], [-1.0, 0.0]]))
        x = np.array([1.0, 0.5])
        system = Switched(((drift, 0.5), (kick, 0.5)), x)
        reverse = Switched(((kick, 0.5), (drift, 0.5)), x)

        def flow_of_the_sum() -> Measurement:
            whole = expm(0.5 * (drift.B + kick.B)) @ x
            return _distance(whole, system.solved_whole())

        def commuting() -> ProofStep:
            a, b = sympy.symbols("a b")
            first, second = sympy.Matrix([[1, a], [0, 1]]), sympy.Matrix([[1, 0], [b, 1]])
            return prove_identity("shears commute", first * second, second * first)

        return (
            Mutant(
                "order reversed",
                "the first piece is composed last: a drift and a kick",
                lambda: _distance(reverse.composed(), system.solved_whole()),
            ),
            Mutant("flows commute", "$e^{B_1}e^{B_2} = e^{B_2}e^{B_1}$", commuting),
            Mutant("flow of the sum", "the pieces act at once", flow_of_the_sum),
        )


def _prove_matrix_exponential() -> tuple[ProofStep, ...]:
    """Closed flows of all linear pieces in the plane: e^{tB} with B = τI + N, N² = δ²I."""
    s, t, tau, delta, alpha, beta = sympy.symbols("s t tau delta alpha beta", nonzero=True)
    # Every 2 × 2 matrix with an entry β ≠ 0 above the diagonal, by trace and discriminant.
    N = sympy.Matrix([[alpha, beta], [(delta**2 - alpha**2) / beta, -alpha]])
    unit = sympy.eye(2)

    def exponential(time: sympy.Expr) -> sympy.Matrix:
        plus, minus = sympy.exp((tau + delta) * time), sympy.exp((tau - delta) * time)
        return (plus + minus) / 2 * unit + (plus - minus) / (2 * delta) * N

    return (
        prove_identity(
            r"linear pieces: $E(t) = e^{\tau t}(\cosh\delta t\,I + \frac{\sinh\delta t}{\delta}N)$"
            r" satisfies $\dot E = BE$ for $B = \tau I + N$, $N^2 = \delta^2I$ (any $2 \times 2$"
            r" matrix with $b_{12} \ne 0$; $\delta$ may be imaginary)",
            sympy.diff(exponential(t), t),
            (tau * unit + N) * exponential(t),
        ),
        prove_identity("$E(0) = I$", exponential(sympy.Integer(0)), unit),
        prove_identity(
            r"$E(s)E(t) = E(s + t)$: cutting a piece in two changes nothing",
            exponential(s) * exponential(t),
            exponential(s + t),
        ),
    )


def _distance(composed: FloatArray, solved: FloatArray) -> Measurement:
    error = float(np.abs(composed - solved).max())
    size = 1 + float(np.abs(solved).max())
    # The solver keeps its tolerance at each of some hundred steps, those over a switch included.
    return Measurement(error, 0.0, 1e3 * _TOLERANCE * size, "=", "distance to the solver")
