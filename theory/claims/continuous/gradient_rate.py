"""C2: the flow of −AᵀΣ(Ax + b) contracts at rate a·σ_min(A)²."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import sympy
import z3
from hypothesis.strategies import SearchStrategy

from ....numerics import GradientField, VectorField, leaky_relu, relu
from ... import strategies
from ...bounds import bound_gradient_rate, formula_gradient_rate
from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness
from ...measuring import logarithmic_norm, one_sided_quotient
from ...proof import Proof, cited
from ...proof.algebra import prove_identity
from ...proof.smt import prove_by_smt
from ...strategies import LayerStep

# Where LeakyReLU has its small slope.
NEGATIVE = -np.ones(2)


class GradientRate(Claim[LayerStep]):
    name = "C2.gradient_rate"
    title = "Contractive fields contract at rate a σ_min²"
    statement = (
        r"\langle f(x) - f(y), x - y\rangle \le -a\,\sigma_{\min}(A)^2 |x - y|^2,"
        r" \quad f(x) = -A^T\Sigma(Ax + b)"
    )
    assumptions = (
        Assumption(r"\sigma' \in [a, 1],\ 0 \le a \le 1", "slopes of the activation"),
        Assumption(
            r"\sigma_{\min}(A)", "smallest singular value; 0 if A has fewer rows than columns"
        ),
    )
    source = Source("paper, contractive layers", "P")

    def prove(self) -> Proof:
        A = sympy.Matrix(3, 2, sympy.symbols("a0:6"))
        D = sympy.diag(*sympy.symbols("d0:3"))
        v = sympy.Matrix(sympy.symbols("v0:2"))
        w = A * v
        a, d, z, p, q, r, s = z3.Reals("a d z p q r s")
        return Proof(
            (
                cited(
                    r"$\Sigma(Ax + b) - \Sigma(Ay + b) = D A(x - y)$ with $D$ diagonal in $[a, 1]$",
                    "definition of the slope interval",
                ),
                prove_identity(
                    r"$v^T A^T D A v = \sum_i d_i (Av)_i^2$",
                    (v.T * A.T * D * A * v)[0],
                    sum(D[i, i] * w[i] ** 2 for i in range(3)),
                ),
                prove_by_smt(
                    r"each term: $d_i z^2 \ge a z^2$",
                    name="term-by-term",
                    given=[a >= 0, d >= a, d <= 1],
                    show=d * z * z >= a * z * z,
                ),
                prove_by_smt(
                    r"$p \ge a|Av|^2$ and $|Av|^2 \ge \sigma_{\min}^2|v|^2$ give"
                    r" $-p \le -a\sigma_{\min}^2|v|^2$",
                    name="rate",
                    given=[a >= 0, p >= a * q, q >= s * s * r, r >= 0, s >= 0],
                    show=-p <= formula_gradient_rate(a, s) * r,
                ),
            )
        )

    def instances(self) -> SearchStrategy[LayerStep]:
        return strategies.gradient_steps()

    def measure(self, instance: LayerStep) -> Measurement:
        computed = max(
            one_sided_quotient(instance.field, instance.x, instance.y),
            logarithmic_norm(instance.field.jacobian(instance.x)),
        )
        claimed = float(bound_gradient_rate(instance.slope, instance.matrix.sigma_min))
        return Measurement(computed, claimed, instance.rounding_allowance(), what="rate")

    def witness(self) -> Witness:
        field = GradientField(np.diag([2.0, 1.0]), activation=leaky_relu(0.5))
        return Witness(
            "A = diag(2, 1), a = ½, x and y negative, x − y along the second axis",
            _against(field, bound_gradient_rate(0.5, 1.0)),
        )

    def mutants(self) -> Sequence[Mutant]:
        wide = GradientField(np.array([[1.0, 0.0]]), activation=leaky_relu(0.5))
        return (
            Mutant(
                "slope forgotten",
                "rate σ_min² instead of a·σ_min²",
                lambda: _against(GradientField(np.eye(2)), bound_gradient_rate(1.0, 1.0)),
            ),
            Mutant(
                "non-zero singular value of a wide A",
                "σ_min = 1 for A = (1, 0), which has fewer rows than columns",
                lambda: _against(wide, bound_gradient_rate(0.5, 1.0)),
            ),
            Mutant(
                "slope zero",
                "ReLU with the rate of a = ½",
                lambda: _against(
                    GradientField(np.eye(2), activation=relu()), bound_gradient_rate(0.5, 1.0)
                ),
            ),
        )


def _against(field: VectorField, claimed: np.ndarray) -> Measurement:
    quotient = one_sided_quotient(field, NEGATIVE, NEGATIVE - np.array([0.0, 1.0]))
    return Measurement(quotient, float(claimed), what="rate")
