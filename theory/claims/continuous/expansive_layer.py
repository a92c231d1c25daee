"""C3: Σ(Bx + c) expands at rate ‖B‖ at most."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import z3
from hypothesis.strategies import SearchStrategy

from ....numerics import ExpansiveLayerField, leaky_relu
from ... import strategies
from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness
from ...measuring import logarithmic_norm, one_sided_quotient
from ...proof import Proof, cited
from ...proof.smt import prove_by_smt
from ...strategies import LayerStep


class ExpansiveLayer(Claim[LayerStep]):
    name = "C3.expansive_layer"
    title = "Expansive layers expand at rate ‖B‖ at most"
    statement = (
        r"\langle f(x) - f(y), x - y\rangle \le \|B\|\,|x - y|^2, \quad f(x) = \Sigma(Bx + c)"
    )
    assumptions = (
        Assumption(r"\sigma' \in [0, 1]", "slopes of the activation"),
        Assumption(r"\|B\|", "the spectral norm of a square matrix"),
    )
    source = Source("paper, expansive layers", "P")

    def prove(self) -> Proof:
        d, w, p, n, v, beta = z3.Reals("d w p n v beta")
        return Proof(
            (
                cited(
                    r"$f(x) - f(y) = DB(x - y)$ with $D$ diagonal in $[0, 1]$",
                    "definition of the slope interval",
                ),
                prove_by_smt(
                    r"$|Dw| \le |w|$, term by term",
                    name="slopes-shrink",
                    given=[d >= 0, d <= 1],
                    show=(d * w) ** 2 <= w**2,
                ),
                cited(r"$\langle DBv, v\rangle \le |DBv|\,|v|$", "Cauchy and Schwarz"),
                prove_by_smt(
                    r"$p \le n|v|$ and $n \le \|B\||v|$ give $p \le \|B\||v|^2$",
                    name="rate",
                    given=[v >= 0, beta >= 0, p <= n * v, n <= beta * v],
                    show=p <= beta * v**2,
                ),
            )
        )

    def instances(self) -> SearchStrategy[LayerStep]:
        return strategies.expansive_layer_steps()

    def measure(self, instance: LayerStep) -> Measurement:
        computed = max(
            one_sided_quotient(instance.field, instance.x, instance.y),
            logarithmic_norm(instance.field.jacobian(instance.x)),
        )
        allowance = instance.rounding_allowance()
        return Measurement(computed, instance.matrix.sigma_max, allowance, what="rate")

    def witness(self) -> Witness:
        field = ExpansiveLayerField(2 * np.eye(2))
        quotient = one_sided_quotient(field, np.array([2.0, 2.0]), np.array([1.0, 1.0]))
        return Witness("B = 2I on positive coordinates", Measurement(quotient, 2.0))

    def mutants(self) -> Sequence[Mutant]:
        rotation = ExpansiveLayerField([[0.0, -1.0], [1.0, 0.0]], activation=leaky_relu(0.5))
        at = np.array([1.0, -1.0])  # Bx = (1, 1): both slopes are 1 there; at −at both are ½
        mixed = np.array([1.0, 1.0])  # Bx = (−1, 1): slopes ½ and 1
        return (
            Mutant(
                "logarithmic norm of B",
                "ν = λ_max(sym B), as if the activation were linear",
                lambda: Measurement(
                    logarithmic_norm(rotation.jacobian(mixed)),
                    logarithmic_norm(rotation.jacobian(at)),
                ),
            ),
            Mutant(
                "spectral radius of B",
                "ν = ρ(B), which is 0 for a nilpotent matrix",
                lambda: Measurement(
                    one_sided_quotient(
                        ExpansiveLayerField([[0.0, 4.0], [0.0, 0.0]]), np.ones(2), np.zeros(2)
                    ),
                    0.0,
                ),
            ),
        )
