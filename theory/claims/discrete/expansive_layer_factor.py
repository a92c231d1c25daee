"""D1: an expansive Euler step x + hΣ(Bx + c) has factor 1 + h‖B‖."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import z3
from hypothesis.strategies import SearchStrategy

from ....numerics import ExpansiveLayerField, leaky_relu
from ... import strategies
from ...bounds import bound_expansive_layer_factor, formula_expansive_layer_factor
from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness
from ...proof import Proof, cited
from ...proof.smt import prove_by_smt
from ...strategies import LayerStep


class ExpansiveLayerFactor(Claim[LayerStep]):
    name = "D1.expansive_layer_factor"
    title = "An expansive Euler step expands by 1 + h‖B‖ at most"
    statement = r"|\Psi(x) - \Psi(y)| \le (1 + h\|B\|)|x - y|, \quad \Psi(x) = x + h\Sigma(Bx + c)"
    assumptions = (
        Assumption(r"\sigma' \in [0, 1]", "slopes of the activation"),
        Assumption(r"h \ge 0", "the step"),
    )
    source = Source("paper, expansive layers", "P")

    def prove(self) -> Proof:
        h, beta, moved, v, fv = z3.Reals("h beta moved v fv")
        return Proof(
            (
                cited(
                    r"$|\Delta f| = |DB\Delta| \le \|B\||\Delta|$", "slopes in [0, 1], so ‖D‖ ≤ 1"
                ),
                prove_by_smt(
                    r"$|\Delta + h\Delta f| \le |\Delta| + h|\Delta f| \le (1 + h\|B\|)|\Delta|$",
                    name="triangle",
                    given=[h >= 0, beta >= 0, v >= 0, fv <= beta * v, moved <= v + h * fv],
                    show=moved <= formula_expansive_layer_factor(h, beta) * v,
                ),
            )
        )

    def instances(self) -> SearchStrategy[LayerStep]:
        return strategies.expansive_layer_steps()

    def measure(self, instance: LayerStep) -> Measurement:
        claimed = float(bound_expansive_layer_factor(instance.step, instance.matrix.sigma_max))
        return Measurement(
            instance.attained_factor(), claimed, instance.rounding_allowance(), what="factor"
        )

    def witness(self) -> Witness:
        claimed = float(bound_expansive_layer_factor(0.5, 2.0))
        attained = _factor(2 * np.eye(2), 0.5, 1.0)
        return Witness("B = 2I, h = ½, positive coordinates", Measurement(attained, claimed))

    def mutants(self) -> Sequence[Mutant]:
        return (
            Mutant(
                "orthogonal increment",
                "√(1 + h²‖B‖²), as if Δf were orthogonal to Δ",
                lambda: Measurement(_factor(np.eye(1), 1.0, 1.0), float(np.sqrt(2))),
            ),
            Mutant(
                "negative step",
                "1 + h‖B‖ with h = −½ and B = −I",
                lambda: Measurement(_factor(-np.eye(1), -0.5, -1.0), 0.5),
            ),
            Mutant(
                "steeper activation",
                "slope 2 instead of at most 1: the same as B twice as large",
                lambda: Measurement(_factor(2 * np.eye(1), 1.0, 1.0), 2.0),
            ),
        )


def _factor(B: np.ndarray, h: float, at: float) -> float:
    field = ExpansiveLayerField(B, activation=leaky_relu(0.5))
    return float(np.linalg.norm(np.eye(len(B)) + h * field.jacobian(at * np.ones(len(B))), 2))
