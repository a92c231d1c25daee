"""E2: within m/(√2 L) of x no input has another class."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import z3
from hypothesis.strategies import SearchStrategy

from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness
from ...proof import Proof, cited
from ...proof.smt import prove_by_smt
from .linear_classifiers import LinearClassifier, linear_classifiers


class CertifiedRadius(Claim[LinearClassifier]):
    name = "E2.certified_radius"
    title = "The margin over √2 times the Lipschitz constant is a certified radius"
    statement = (
        r"m = f_k(x) - \max_{j \ne k} f_j(x) > \sqrt2\,L\,|\delta| \;\Rightarrow\;"
        r" f_k(x + \delta) > f_j(x + \delta) \text{ for all } j \ne k"
    )
    assumptions = (
        Assumption(r"|f(x) - f(y)| \le L|x - y|", "Euclidean norms, all logits together"),
        Assumption(r"m > 0", "the class is ahead: ties are not certified"),
    )
    source = Source("paper, robustness", "P")

    def prove(self) -> Proof:
        p, q, D, L, radius, m, root, s = z3.Reals("p q D L radius m root s")
        return Proof(
            (
                prove_by_smt(
                    r"Cauchy–Schwarz: $(p - q)^2 \le 2(p^2 + q^2)$ for the changes $p$, $q$ of two"
                    r" logits, so $|p - q| \le \sqrt2\,D$ if $|f(x + \delta) - f(x)| \le D$",
                    name="two-logits",
                    given=[p * p + q * q <= D * D],
                    show=(p - q) * (p - q) <= 2 * D * D,
                ),
                cited("two entries of a vector are at most as long as all", "Euclidean norms"),
                prove_by_smt(
                    r"$D \le L|\delta|$ gives $s^2 \le (\sqrt2\,L|\delta|)^2$ for $s = p - q$",
                    name="by-the-constant",
                    given=[D >= 0, D <= L * radius, s * s <= 2 * D * D, root * root == 2],
                    show=s * s <= (root * L * radius) * (root * L * radius),
                ),
                prove_by_smt(
                    r"and $m > t = \sqrt2\,L|\delta|$ with $s^2 \le t^2$ leaves $m + s > 0$",
                    name="margin-left",
                    given=[radius >= 0, s * s <= radius * radius, m > radius],
                    show=m + s > 0,
                ),
            )
        )

    def instances(self) -> SearchStrategy[LinearClassifier]:
        return linear_classifiers(head=False)

    def measure(self, instance: LinearClassifier) -> Measurement:
        return instance.certified()

    def witness(self) -> Witness:
        opposite = LinearClassifier(np.array([[1.0], [-1.0]]), np.array([0.75]), head=False)
        measured = opposite.certified()
        # The bound of L = √2 is rounded outward by some 10⁻⁷.
        near = Measurement(measured.computed, measured.claimed, 1e-6, what="radius")
        return Witness("f = (x, −x) at x = ¾: L = √2, m = 2x, the class changes at 0", near)

    def mutants(self) -> Sequence[Mutant]:
        opposite = LinearClassifier(np.array([[1.0], [-1.0]]), np.array([0.75]))
        step = 0.75 * 2.0**-24
        rounded = LinearClassifier(np.array([[1.0, 0.0], [1.0, -step]]), np.array([1.0, 1.0]))

        def naive() -> Measurement:
            logits = rounded.W.astype(np.float32) @ rounded.x.astype(np.float32)
            gap = np.linalg.norm(rounded.W[0] - rounded.W[1])
            return rounded.measure(float(logits[0] - logits[1]) / float(gap))

        def tied() -> Measurement:
            _, margins = LinearClassifier(np.eye(2), np.ones(2)).margins()
            return Measurement(
                float(margins.count(Fraction(0))), 1.0, 0.0, "=", "classes that are largest"
            )

        return (
            Mutant(
                "without the root",
                "m/L, which forgets that both logits move",
                lambda: opposite.measure(1.5 / math.sqrt(2.0)),
            ),
            Mutant(
                "constants of single logits",
                "m/(√2·max|w_j|): L of each logit alone",
                lambda: opposite.measure(1.5 / math.sqrt(2.0)),
            ),
            Mutant("float32 margins as they come", "m from rounded logits, no error off it", naive),
            Mutant("a tie is certified", "m ≥ 0 suffices", tied),
        )
