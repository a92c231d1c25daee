"""D2: the factor of an expansive Euler step x + hAᵀΣ(Ax + b)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import z3
from hypothesis.strategies import SearchStrategy

from ....numerics import ExpansiveGradientField, leaky_relu
from ... import strategies
from ...bounds import bound_expansive_gradient_factor, formula_expansive_gradient_factor
from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness
from ...proof import Proof, cited
from ...proof.smt import SmtArithmetic, prove_by_smt
from ...strategies import LayerStep


class ExpansiveGradientFactor(Claim[LayerStep]):
    name = "D2.expansive_gradient_factor"
    title = "An expansive gradient step expands by 1 + h‖A‖² at most"
    statement = (
        r"\mathrm{Lip}\big(x + hA^T\Sigma(Ax + b)\big)"
        r" \le \max(|1 + ha\sigma_{\min}^2|, |1 + h\sigma_{\max}^2|)"
        r" = 1 + h\|A\|^2 \text{ for } h \ge 0"
    )
    assumptions = (
        Assumption(r"\sigma' \in [a, 1]", "slopes of the activation"),
        Assumption(r"h \in \mathbb{R}", "the step; the closed form is for h ≥ 0"),
        Assumption(r"\sigma_{\min} = 0 \text{ if } m < n", "A of shape (m, n)"),
    )
    source = Source("flowcert", "D")

    def prove(self) -> Proof:
        on = SmtArithmetic()
        a, h, low, high, eigenvalue = z3.Reals("a h sigma_min sigma_max eigenvalue")
        domain = [a >= 0, a <= 1, low >= 0, high >= low]
        factor = formula_expansive_gradient_factor(on, a, h, low, high)
        return Proof(
            (
                cited(
                    r"the difference quotient is $I + hM$ with $M$ as in D2.sharp_factor",
                    "claim D2.matrix_sandwich, spectral theorem",
                ),
                prove_by_smt(
                    r"$|1 + h\lambda| \le$ the factor on $[a\sigma_{\min}^2, \sigma_{\max}^2]$",
                    name="eigenvalue",
                    given=[*domain, eigenvalue >= a * low**2, eigenvalue <= high**2],
                    show=on.absolute(1 + h * eigenvalue) <= factor,
                ),
                prove_by_smt(
                    r"for $h \ge 0$ it is $1 + h\sigma_{\max}^2$",
                    name="closed-form",
                    given=[*domain, h >= 0],
                    show=factor == 1 + h * high**2,
                ),
            )
        )

    def instances(self) -> SearchStrategy[LayerStep]:
        return strategies.expansive_gradient_steps()

    def measure(self, instance: LayerStep) -> Measurement:
        claimed = bound_expansive_gradient_factor(
            instance.slope, instance.step, instance.matrix.sigma_min, instance.matrix.sigma_max
        )
        return Measurement(
            instance.attained_factor(),
            float(claimed),
            instance.rounding_allowance(),
            what="factor",
        )

    def witness(self) -> Witness:
        return Witness(
            "A = 2, h = ½, x > 0", _doubling(bound_expansive_gradient_factor(0.5, 0.5, 2, 2))
        )

    def mutants(self) -> Sequence[Mutant]:
        return (
            Mutant("norm not squared", "1 + h‖A‖", lambda: _doubling(np.asarray(1 + 0.5 * 2))),
            Mutant(
                "smallest slope", "1 + ha‖A‖²", lambda: _doubling(np.asarray(1 + 0.5 * 0.5 * 4))
            ),
        )


def _doubling(claimed: np.ndarray) -> Measurement:
    field = ExpansiveGradientField([[2.0]], activation=leaky_relu(0.5))
    attained = float(np.linalg.norm(np.eye(1) + 0.5 * field.jacobian([1.0]), 2))
    return Measurement(attained, float(claimed), what="factor")
