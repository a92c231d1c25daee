"""D2: the authors' factor follows from the sharp one."""

from __future__ import annotations

from collections.abc import Sequence

import z3
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ... import strategies
from ...bounds import (
    bound_contractive_factor,
    exact_authors_contractive_factor,
    exact_contractive_factor,
    formula_contractive_factor,
    formula_squared_monotone_lipschitz_factor,
)
from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness
from ...proof import Proof, ProofStep
from ...proof.smt import SmtArithmetic, prove_by_smt


class SharpImpliesAuthors(Claim[tuple[float, float]]):
    name = "D2.sharp_implies_authors"
    title = "The sharp factor is never larger than the authors'"
    statement = r"\max(|1 - ah|, |1 - h|) \le \sqrt{1 - 2ah + h^2}"
    assumptions = (
        Assumption(r"0 \le a \le 1", "smallest slope"),
        Assumption(r"h \ge 0", "the step"),
    )
    source = Source("flowcert", "D")

    def prove(self) -> Proof:
        return Proof((_query("sharp-implies-authors", negative_steps=False),))

    def instances(self) -> SearchStrategy[tuple[float, float]]:
        return st.tuples(strategies.slopes(), st.floats(0.0, 100.0))

    def measure(self, instance: tuple[float, float]) -> Measurement:
        a, h = instance
        sharp = float(bound_contractive_factor(a, h))
        # 50 exact digits, rounded once: independent of the interval arithmetic.
        authors = float(exact_authors_contractive_factor(a, h).evalf(50))
        return Measurement(sharp, authors, 1e-14 * (1 + authors), what="sharp factor")

    def witness(self) -> Witness:
        sharp = float(exact_contractive_factor(1, 3))
        authors = float(exact_authors_contractive_factor(1, 3))
        return Witness("a = 1, h = 3: both are 2", Measurement(sharp, authors))

    def mutants(self) -> Sequence[Mutant]:
        return (
            Mutant(
                "negative step",
                "h of any sign",
                lambda: _query("any-sign", negative_steps=True),
            ),
            Mutant(
                "strictly smaller",
                "the sharp factor is strictly smaller everywhere: false for a = 1",
                lambda: _query("strict", negative_steps=False, strict=True),
            ),
        )


def _query(name: str, *, negative_steps: bool, strict: bool = False) -> ProofStep:
    on = SmtArithmetic()
    a, h = z3.Reals("a h")
    sharp = formula_contractive_factor(on, a, h) ** 2
    authors = formula_squared_monotone_lipschitz_factor(a, 1, h)
    steps = [] if negative_steps else [h >= 0]
    return prove_by_smt(
        r"$\max(|1 - ah|, |1 - h|)^2 \le 1 - 2ah + h^2$",
        name=name,
        given=[a >= 0, a <= 1, *steps],
        show=sharp < authors if strict else sharp <= authors,
        expected="sat" if negative_steps or strict else "unsat",
    )
