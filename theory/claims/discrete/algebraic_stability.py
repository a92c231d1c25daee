"""D4: algebraically stable methods are non-expansive on monotone fields, whatever the step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import z3
from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ....numerics import (
    RK4,
    FieldSystem,
    GradientField,
    RungeKutta,
    softplus_mixture,
    tanh_mixture,
)
from ....numerics.methods import (
    SDIRK3,
    BackwardEuler,
    GaussLegendre,
    ImplicitMidpoint,
    ImplicitTrapezoid,
    LobattoIIIC,
    RadauIA,
    RadauIIA,
)
from ....numerics.validation import FloatArray
from ... import strategies
from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness
from ...contraction.exact_forms import is_positive_semidefinite
from ...measuring import rounding_allowance
from ...proof import Proof, cited
from ...proof.algebra import prove_cases
from ...proof.smt import prove_by_smt
from .runge_kutta_steps import contractivity_matrices, is_solved, prove_difference_identity

STABLE = (
    BackwardEuler,
    ImplicitMidpoint,
    *(GaussLegendre(s) for s in range(1, 6)),
    *(RadauIA(s) for s in range(1, 6)),
    *(RadauIIA(s) for s in range(1, 6)),
    *(LobattoIIIC(s) for s in range(2, 6)),
)
_RUN = (BackwardEuler, ImplicitMidpoint, SDIRK3, GaussLegendre(2), RadauIA(2), RadauIIA(3))


@dataclass(frozen=True)
class MonotoneRun:
    """One step on f(t, x) = −AᵀΣ(Ax + b + t·1) + cos(t)·Sx with S skew, monotone at every t."""

    method: RungeKutta
    gradient: GradientField
    S: FloatArray
    h: float
    x: FloatArray
    y: FloatArray

    def quotient(self) -> float:
        both = np.stack([self.x, self.y])
        x, y = self.method.step(self._system(), 0.0, both, self.h)
        return float(np.linalg.norm(x - y) / np.linalg.norm(self.x - self.y))

    def allowance(self) -> float:
        size = 1 + float(np.linalg.norm(self.x) + np.linalg.norm(self.y))
        growth = 1 + self.h * float(np.linalg.norm(self.gradient.A) ** 2 + np.linalg.norm(self.S))
        distance = min(float(np.linalg.norm(self.x - self.y)), 1.0)
        return 10 * rounding_allowance(size * growth, distance)

    def _system(self) -> FieldSystem:
        A, sigma = self.gradient.A, self.gradient.activation

        def rate(t: float, x: FloatArray) -> FloatArray:
            inner = self.gradient.preactivation(x) + t
            return np.asarray(-sigma(inner) @ A + np.cos(t) * (x @ self.S.T))

        def jacobian(t: float, x: FloatArray) -> FloatArray:
            d = sigma.derivative(self.gradient.preactivation(x) + t)
            return np.asarray(-(A.T @ (d[..., None] * A)) + np.cos(t) * self.S)

        return FieldSystem(rate, A.shape[1], jacobian)


@st.composite
def _monotone_runs(draw: st.DrawFn) -> MonotoneRun:
    matrix = draw(strategies.matrices(sigma_max=draw(st.floats(0.25, 1.5))))
    kind = draw(st.sampled_from([tanh_mixture, softplus_mixture]))
    b = draw(strategies.points(len(matrix.entries)))
    field = GradientField(matrix.entries, b, kind(draw(strategies.slopes())))
    n = field.dimension
    half = draw(strategies.matrices(rows=n, columns=n)).entries / 2
    x, y = draw(strategies.point_pairs(n))
    h = draw(st.floats(1e-3, 2.0))
    run = MonotoneRun(draw(st.sampled_from(_RUN)), field, half - half.T, h, x, y)
    assume(is_solved(run.quotient))
    return run


class AlgebraicStability(Claim[MonotoneRun]):
    name = "D4.algebraic_stability"
    title = "Algebraically stable methods never expand on monotone fields"
    statement = (
        r"b \ge 0,\ M = BA + A^TB - bb^T \succeq 0 \;\Rightarrow\;"
        r" |\Psi_h(x) - \Psi_h(y)| \le |x - y| \text{ for every } h \ge 0"
    )
    assumptions = (
        Assumption(
            r"\langle f(t, x) - f(t, y), x - y\rangle \le 0",
            "−f(t, ·) monotone, no gradient needed",
        ),
        Assumption(r"h \ge 0", "any step whose stages exist"),
    )
    source = Source("paper, Runge–Kutta steps; Burrage, Butcher 1979; Crouzeix 1979", "P")

    def prove(self) -> Proof:
        h, start, m, p, p1, p2, b1, b2 = z3.Reals("h start m p p_1 p_2 b_1 b_2")
        return Proof(
            (
                *(prove_difference_identity(s) for s in (1, 2, 3)),
                prove_by_smt(
                    r"$b \ge 0$, $\langle k_i, Y_i\rangle \le 0$:"
                    r" $p = \sum b_i\langle k_i, Y_i\rangle \le 0$, term by term",
                    name="dissipation",
                    given=[b1 >= 0, b2 >= 0, p1 <= 0, p2 <= 0],
                    show=b1 * p1 + b2 * p2 <= 0,
                ),
                cited(
                    r"$M \succeq 0$ gives $m = \sum_{ij} m_{ij}\langle k_i, k_j\rangle \ge 0$",
                    "sum over the components of the k's",
                ),
                prove_by_smt(
                    r"$p \le 0$, $m \ge 0$ give $|\Delta|^2 + 2hp - h^2m \le |\Delta|^2$",
                    name="contract",
                    given=[h >= 0, p <= 0, m >= 0],
                    show=start + 2 * h * p - h**2 * m <= start,
                ),
                prove_cases(
                    r"$M \succeq 0$ and $B \succeq 0$ for Gauss, Radau IA, Radau IIA, Lobatto IIIC"
                    " up to five stages, by $LDL^T$ in fractions (basis $1, c, c^2, …$)",
                    STABLE,
                    lambda method: all(
                        is_positive_semidefinite(form)
                        for form in contractivity_matrices(method.tableau)
                    ),
                ),
                prove_cases(
                    "the code calls them, and SDIRK3, algebraically stable",
                    (*STABLE, SDIRK3),
                    lambda method: method.tableau.is_algebraically_stable(),
                ),
            )
        )

    def instances(self) -> SearchStrategy[MonotoneRun]:
        return _monotone_runs()

    def measure(self, instance: MonotoneRun) -> Measurement:
        return Measurement(instance.quotient(), 1.0, instance.allowance(), what="quotient")

    def witness(self) -> Witness:
        return Witness(
            "the implicit midpoint rule on a rotation, h = 3: an isometry",
            _on_rotation(ImplicitMidpoint, 3.0),
        )

    def mutants(self) -> Sequence[Mutant]:
        return (
            Mutant(
                "A-stable only",
                "the trapezoidal rule, ẏ = −λ(t)y with λ(0) = 5, λ(1) = 0, h = 1",
                lambda: _on_switched_decay(ImplicitTrapezoid),
            ),
            Mutant("explicit", "RK4 on a rotation, h = 3", lambda: _on_rotation(RK4, 3.0)),
            Mutant(
                "not monotone",
                "the implicit midpoint rule on ẏ = y, h = ½",
                lambda: _scalar(ImplicitMidpoint, lambda t: 1.0, 0.5),
            ),
        )


def _on_rotation(method: RungeKutta, h: float) -> Measurement:
    J = np.array([[0.0, -1.0], [1.0, 0.0]])
    system = FieldSystem(lambda t, y: y @ J.T, 2, lambda t, y: np.broadcast_to(J, (*y.shape, 2)))
    after = method.step(system, 0.0, np.array([1.0, 0.0]), h)
    return Measurement(float(np.linalg.norm(after)), 1.0, what="quotient")


def _on_switched_decay(method: RungeKutta) -> Measurement:
    return _scalar(method, lambda t: -5.0 * (1.0 - t), 1.0)


def _scalar(method: RungeKutta, rate: Callable[[float], float], h: float) -> Measurement:
    system = FieldSystem(lambda t, y: rate(t) * y, 1, lambda t, y: np.full((*y.shape, 1), rate(t)))
    after = method.step(system, 0.0, np.ones(1), h)
    return Measurement(abs(float(after[0])), 1.0, what="quotient")
