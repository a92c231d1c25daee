"""E2: with a dense last layer, min_j (f_k − f_j)/(L_features·|w_k − w_j|) is a certified radius."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import sympy
import z3
from hypothesis.strategies import SearchStrategy

from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness
from ...proof import Proof, cited
from ...proof.algebra import prove_identity
from ...proof.smt import prove_by_smt
from .linear_classifiers import LinearClassifier, linear_classifiers


class PairwiseRadius(Claim[LinearClassifier]):
    name = "E2.pairwise_radius"
    title = "Each pair of classes has its own radius"
    statement = (
        r"f = W\varphi + b,\quad |\delta| < \min_{j \ne k}"
        r" \frac{f_k(x) - f_j(x)}{L_\varphi\,|w_k - w_j|} \;\Rightarrow\;"
        r" f_k(x + \delta) > f_j(x + \delta) \text{ for all } j \ne k"
    )
    assumptions = (
        Assumption(r"|\varphi(x) - \varphi(y)| \le L_\varphi|x - y|", "the features"),
        Assumption(r"w_j", "the rows of the last layer; where w_k = w_j the quotient is infinite"),
    )
    source = Source("flowcert", "D")

    def prove(self) -> Proof:
        features, moved = (sympy.Matrix(sympy.symbols(f"{name}0:3")) for name in ("u", "v"))
        w_k, w_j = (sympy.Matrix(sympy.symbols(f"{name}0:3")) for name in ("p", "q"))
        b_k, b_j = sympy.symbols("b_k b_j")
        a, d = w_k - w_j, moved - features

        def gap(phi: sympy.Matrix) -> sympy.Expr:
            return (w_k.T * phi)[0] + b_k - (w_j.T * phi)[0] - b_j

        s, t, m = z3.Reals("s t m")
        bound, size, D, L, radius = z3.Reals("bound size D L radius")
        return Proof(
            (
                prove_identity(
                    r"$(f_k - f_j)(x + \delta) - (f_k - f_j)(x) = (w_k - w_j)^T"
                    r"(\varphi(x + \delta) - \varphi(x))$, whatever the biases are",
                    gap(moved) - gap(features),
                    (a.T * d)[0],
                ),
                prove_identity(
                    r"Cauchy–Schwarz by Lagrange's identity: $|a|^2|d|^2 - (a^Td)^2$ is a sum of"
                    r" squares (three features)",
                    a.dot(a) * d.dot(d) - a.dot(d) ** 2,
                    sum((a[i] * d[j] - a[j] * d[i]) ** 2 for i in range(3) for j in range(i)),
                ),
                cited("and so for every number of features", "Lagrange's identity"),
                prove_by_smt(
                    r"$|a|\,|d| \le |w_k - w_j|\,L_\varphi|\delta|$",
                    name="by-the-constant",
                    given=[size >= 0, D <= L * radius, bound == size * D],
                    show=bound <= size * (L * radius),
                ),
                prove_by_smt(
                    r"$m > t$ and $s^2 \le t^2$ leave $m + s > 0$",
                    name="margin-left",
                    given=[t >= 0, s * s <= t * t, m > t],
                    show=m + s > 0,
                ),
            )
        )

    def instances(self) -> SearchStrategy[LinearClassifier]:
        return linear_classifiers(head=True)

    def measure(self, instance: LinearClassifier) -> Measurement:
        return instance.certified()

    def witness(self) -> Witness:
        three = LinearClassifier(
            np.array([[1.0, 0.0], [0.0, 1.0], [-3.0, 0.5]]), np.array([2.0, 1.0])
        )
        return Witness("three rows in the plane, at (2, 1)", three.certified())

    def mutants(self) -> Sequence[Mutant]:
        opposite = LinearClassifier(np.array([[1.0], [-1.0]]), np.array([0.75]))
        # Margins 1 and 2 with rows at distances 1 and 10.
        second = LinearClassifier(
            np.array([[0.0, 1.0], [0.0, 0.0], [10.0, 0.0]]), np.array([-0.1, 1.0])
        )
        tripled = LinearClassifier(np.array([[3.0], [-3.0]]), np.array([0.75]))
        return (
            Mutant(
                "row for difference",
                "|w_k| in the place of |w_k − w_j|",
                lambda: opposite.measure(1.5 / 1.0),
            ),
            Mutant(
                "the runner-up alone",
                "the quotient of the second largest logit, not the smallest quotient",
                lambda: second.measure(1.0),
            ),
            Mutant(
                "features left out",
                "L_φ = 1 for the features φ(x) = 3x under the rows 1 and −1",
                lambda: tripled.measure(4.5 / 2.0),
            ),
        )
