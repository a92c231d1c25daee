"""C4: a contractive flow makes room for an expansive one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sympy
import z3
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ....numerics import ExpansiveGradientField, GradientField, leaky_relu
from ....numerics.validation import FloatArray
from ... import strategies
from ...bounds import bound_switched_flow_growth, formula_switched_rate
from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness
from ...measuring import difference_quotient, scipy_flow
from ...proof import Proof, cited
from ...proof.algebra import SYMBOLIC, prove_identity
from ...proof.smt import prove_by_smt


@dataclass(frozen=True)
class SwitchedFlow:
    """The flow of a contractive field for h_C, then of an expansive gradient field for h_E."""

    contractive: GradientField
    expansive: ExpansiveGradientField
    h_C: float
    h_E: float
    x: FloatArray
    y: FloatArray

    def growth(self) -> float:
        def flow(p: FloatArray) -> FloatArray:
            return scipy_flow(self.expansive, scipy_flow(self.contractive, p, self.h_C), self.h_E)

        return difference_quotient(flow, self.x, self.y)


@st.composite
def _switched_flows(draw: st.DrawFn) -> SwitchedFlow:
    n = draw(st.integers(1, 3))
    A_C = draw(strategies.matrices(rows=draw(st.integers(1, 3)), columns=n, sigma_max=1.0))
    A_E = draw(strategies.matrices(rows=n, columns=n, sigma_max=1.0))
    return SwitchedFlow(
        draw(strategies.gradient_fields(A_C)),
        ExpansiveGradientField(A_E.entries, draw(strategies.points(n))),
        draw(st.floats(0.0, 2.0)),
        draw(st.floats(0.0, 1.0)),
        *draw(strategies.point_pairs(n)),
    )


def _straight(A_C: FloatArray, h_C: float, h_E: float) -> SwitchedFlow:
    """All preactivations negative in the contractive field (slope ½), positive in the other."""
    n = len(A_C)
    contractive = GradientField(A_C, -10.0 * np.ones(n), leaky_relu(0.5))
    expansive = ExpansiveGradientField(np.eye(n), 100.0 * np.ones(n))
    last = np.eye(n)[-1]
    return SwitchedFlow(contractive, expansive, h_C, h_E, last, 0.0 * last)


class SwitchedFlowClaim(Claim[SwitchedFlow]):
    name = "C4.switched_flow"
    title = "A switched flow is non-expansive if its rates sum to at most zero"
    statement = (
        r"|\Delta^+| \le \exp\big(h_E \|A_E\|^2 - a\,\sigma_{\min}(A_C)^2 h_C\big)|\Delta|,"
        r" \quad\text{so } h_E\|A_E\|^2 \le a\,\sigma_{\min}(A_C)^2 h_C \text{ suffices}"
    )
    assumptions = (
        Assumption(r"h_C, h_E \ge 0", "times of the contractive and the expansive flow"),
        Assumption(r"\sigma_C' \in [a, 1],\ \sigma_E' \in [0, 1]", "slopes of the two activations"),
        Assumption(
            r"\sigma_{\min}(A_C),\ \|A_E\|",
            "σ_min = 0 if A_C has fewer rows than columns; h_E ≤ a·h_C if both are orthogonal",
        ),
    )
    source = Source("paper, switching systems", "P")

    def prove(self) -> Proof:
        n1, n2, t1, t2 = sympy.symbols("nu_1 nu_2 t_1 t_2", real=True)
        a, h_C, s, h_E, beta = z3.Reals("a h_C sigma_min h_E norm_E")
        domain = [a >= 0, h_C >= 0, s >= 0, h_E >= 0]
        exponent = SYMBOLIC.exponential
        return Proof(
            (
                cited(
                    r"each flow grows by $e^{\nu_i h_i}$ at most, $\nu_C = -a\sigma_{\min}^2$,"
                    r" $\nu_E = \|A_E\|^2$",
                    "claims C1.one_sided_growth, C2.gradient_rate, C3.expansive_gradient",
                ),
                prove_identity(
                    r"$e^{\nu_1 h_1} e^{\nu_2 h_2} = e^{\nu_1 h_1 + \nu_2 h_2}$",
                    exponent(n1 * t1) * exponent(n2 * t2),
                    exponent(n1 * t1 + n2 * t2),
                ),
                prove_by_smt(
                    r"$h_E\|A_E\|^2 \le a\sigma_{\min}^2 h_C$ makes the exponent $\le 0$",
                    name="exponent",
                    given=[*domain, h_E * beta**2 <= a * s**2 * h_C],
                    show=formula_switched_rate(a, h_C, s, h_E, beta**2) <= 0,
                ),
            )
        )

    def instances(self) -> SearchStrategy[SwitchedFlow]:
        return _switched_flows()

    def measure(self, instance: SwitchedFlow) -> Measurement:
        A = instance.contractive.A
        values = np.linalg.svd(A, compute_uv=False)
        sigma_min = float(values[-1]) if A.shape[0] >= A.shape[1] else 0.0
        return _against(instance, sigma_min)

    def witness(self) -> Witness:
        flow = _straight(np.eye(1), 1.0, 0.5)
        return Witness("A_C = A_E = 1, a = ½, h_C = 1, h_E = ½", self.measure(flow))

    def mutants(self) -> Sequence[Mutant]:
        return (
            Mutant(
                "unit norms",
                "‖A_C‖ = 1 instead of σ_min(A_C) = 1: A_C = diag(1, 0.1), h_C = 1, h_E = ½",
                lambda: _against(_straight(np.diag([1.0, 0.1]), 1.0, 0.5), 1.0),
            ),
            Mutant(
                "slope forgotten",
                "h_E ≤ h_C instead of h_E ≤ a·h_C",
                lambda: Measurement(_straight(np.eye(1), 1.0, 1.0).growth(), 1.0, what="growth"),
            ),
        )


def _against(flow: SwitchedFlow, sigma_min: float) -> Measurement:
    rate = float(np.linalg.norm(flow.expansive.A, 2)) ** 2
    a = flow.contractive.activation.slope_min
    claimed = float(bound_switched_flow_growth(a, flow.h_C, sigma_min, flow.h_E, rate))
    # The oracle integrates to a relative tolerance of 1e-11 per step, over up to a few hundred.
    return Measurement(flow.growth(), claimed, 1e-7 * (1 + claimed), what="growth")
