"""D1: the authors' box of learned steps lies in their region, and hardly can be larger."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import sympy
import z3
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness
from ...proof import Answer, Proof, ProofStep
from ...proof.algebra import prove_identity
from ...proof.smt import SmtArithmetic, prove_by_smt
from ...step_regions import AUTHORS_BOX, StepRegion

REGION = StepRegion("whole_expansive", "authors", 2)
# The edges as decimal fractions, which is what the paper prints.
(LEFT, RIGHT), (_, TOP) = ((Fraction(str(low)), Fraction(str(high))) for low, high in AUTHORS_BOX)
HIGHEST = sympy.Rational(2079, 37921)


class AuthorsBox(Claim[tuple[float, float]]):
    name = "D1.authors_box"
    title = "The authors' box lies in their region"
    statement = r"[0.11, 1.89] \times [0, 0.05] \subset \{(1 + h_E)(1 - ah_C + h_C^2/4) \le 1\}"
    assumptions = (
        Assumption(r"a = \tfrac12,\ S = 2", "the flexible regime, one whole expansive step"),
    )
    source = Source("paper, figure of the regions, fourth panel", "P")

    def prove(self) -> Proof:
        return Proof(
            (
                _box("box", LEFT, RIGHT, TOP, "$[0.11, 1.89] \\times [0, 0.05]$ in the region"),
                prove_identity(
                    r"the box could be $h_E \le 2079/37921 \approx 0.0548$ high",
                    REGION.exact_expansive_limit(LEFT),
                    HIGHEST,
                ),
                prove_identity(
                    "its left and right edge are equally high",
                    REGION.exact_expansive_limit(LEFT),
                    REGION.exact_expansive_limit(RIGHT),
                ),
            )
        )

    def instances(self) -> SearchStrategy[tuple[float, float]]:
        (left, right), (bottom, top) = AUTHORS_BOX
        return st.tuples(st.floats(left, right), st.floats(bottom, top))

    def measure(self, instance: tuple[float, float]) -> Measurement:
        return Measurement(float(REGION.bound_factor(*instance)), 1.0, 0.0, what="factor bound")

    def witness(self) -> Witness:
        factor = REGION.bound_factor(float(LEFT), float(TOP))
        return Witness(
            "the corner (0.11, 0.05)",
            Measurement(float(factor), 1.0, 1e-12, what="factor bound"),
            gap="the box may be 0.0548 high, and at height 0.05 as wide as"
            " 1 ± √(17/21) = [0.1003, 1.8997]",
        )

    def mutants(self) -> Sequence[Mutant]:
        return (
            Mutant(
                "wider box",
                "[0.10, 1.90] × [0, 0.05]",
                lambda: _box(
                    "wider-box", Fraction(1, 10), Fraction(19, 10), TOP, "wider box", "sat"
                ),
            ),
            Mutant(
                "higher box",
                "[0.11, 1.89] × [0, 0.055]",
                lambda: _box("higher-box", LEFT, RIGHT, Fraction(55, 1000), "higher box", "sat"),
            ),
        )


def _box(
    name: str,
    left: Fraction,
    right: Fraction,
    top: Fraction,
    statement: str,
    expected: Answer = "unsat",
) -> ProofStep:
    on = SmtArithmetic()
    h_C, h_E = z3.Reals("h_C h_E")
    return prove_by_smt(
        statement,
        name=name,
        given=[h_C >= on.number(left), h_C <= on.number(right), h_E >= 0, h_E <= on.number(top)],
        show=REGION.formula_criterion(on, h_C, h_E) <= 1,
        expected=expected,
    )
