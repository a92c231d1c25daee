"""C3: AᵀΣ(Ax + b) expands at rate ‖A‖² at most."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import z3
from hypothesis.strategies import SearchStrategy

from ....numerics import ExpansiveGradientField
from ... import strategies
from ...bounds import bound_expansive_gradient_rate, formula_expansive_gradient_rate
from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness
from ...measuring import logarithmic_norm, one_sided_quotient
from ...proof import Proof, cited
from ...proof.smt import prove_by_smt
from ...strategies import LayerStep


class ExpansiveGradient(Claim[LayerStep]):
    name = "C3.expansive_gradient"
    title = "Expansive gradient fields expand at rate ‖A‖² at most"
    statement = (
        r"\langle f(x) - f(y), x - y\rangle \le \|A\|^2 |x - y|^2, \quad f(x) = A^T\Sigma(Ax + b)"
    )
    assumptions = (
        Assumption(r"\sigma' \in [0, 1]", "slopes of the activation"),
        Assumption(r"\|A\|", "the spectral norm, any shape"),
    )
    source = Source("paper, expansive layers", "P")

    def prove(self) -> Proof:
        d, w, p, q, r, s = z3.Reals("d w p q r s")
        return Proof(
            (
                cited(
                    r"$\langle f(x) - f(y), v\rangle = \sum_i d_i (Av)_i^2$, $v = x - y$",
                    "slopes d of the activation; the identity of C2.gradient_rate",
                ),
                prove_by_smt(
                    r"each term: $d_i w^2 \le w^2$",
                    name="term-by-term",
                    given=[d >= 0, d <= 1],
                    show=d * w * w <= w * w,
                ),
                prove_by_smt(
                    r"$p \le |Av|^2 \le \|A\|^2|v|^2$",
                    name="rate",
                    given=[p <= q, q <= s * s * r, r >= 0, s >= 0],
                    show=p <= formula_expansive_gradient_rate(s) * r,
                ),
            )
        )

    def instances(self) -> SearchStrategy[LayerStep]:
        return strategies.expansive_gradient_steps()

    def measure(self, instance: LayerStep) -> Measurement:
        computed = max(
            one_sided_quotient(instance.field, instance.x, instance.y),
            logarithmic_norm(instance.field.jacobian(instance.x)),
        )
        claimed = float(bound_expansive_gradient_rate(instance.matrix.sigma_max))
        return Measurement(computed, claimed, instance.rounding_allowance(), what="rate")

    def witness(self) -> Witness:
        claimed = float(bound_expansive_gradient_rate(2.0))
        return Witness("A = 2 on positive numbers", Measurement(_rate_of_doubling(), claimed))

    def mutants(self) -> Sequence[Mutant]:
        return (
            Mutant(
                "norm not squared",
                "ν = ‖A‖ instead of ‖A‖²",
                lambda: Measurement(_rate_of_doubling(), 2.0),
            ),
        )


def _rate_of_doubling() -> float:
    field = ExpansiveGradientField(2 * np.eye(1))
    return one_sided_quotient(field, np.array([2.0]), np.array([1.0]))
