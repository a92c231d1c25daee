"""D2: the authors' region lies in the sharp one, for every number of sub-steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import z3
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ... import strategies
from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness
from ...proof import Answer, Proof, ProofStep, cited
from ...proof.smt import SmtArithmetic, prove_by_smt
from ...step_regions import FAMILIES, Bound, StepRegion

Point = tuple[StepRegion, float, float]


class RegionInclusion(Claim[Point]):
    name = "D2.region_inclusion"
    title = "The authors' regions lie in the sharp ones"
    statement = (
        r"(1 + h_E)q_{\text{authors}}^S \le 1 \;\Rightarrow\; (1 + h_E)q_{\text{sharp}}^S \le 1,"
        r" \text{ and likewise with alternating sub-steps}"
    )
    assumptions = (
        Assumption(r"0 \le a \le 1,\ h_C, h_E \ge 0", "slope and steps"),
        Assumption(r"S \ge 1", "any number of sub-steps: a lemma chain, not a case by case check"),
    )
    source = Source("flowcert", "D")

    def prove(self) -> Proof:
        on = SmtArithmetic()
        a, h, q, k, X, Y, e = z3.Reals("a h q k X Y e")
        authors = StepRegion("whole_expansive", "authors", 1, a)
        sharp = StepRegion("whole_expansive", "sharp", 1, a)
        return Proof(
            (
                prove_by_smt(
                    r"$k = q_{\text{sharp}}^2 \le q = q_{\text{authors}}^2$ at each $t = h_C/S$",
                    name="one-substep",
                    given=[a >= 0, a <= 1, h >= 0],
                    show=z3.And(
                        sharp.formula_squared_contraction(on, h) >= 0,
                        sharp.formula_squared_contraction(on, h)
                        <= authors.formula_squared_contraction(on, h),
                    ),
                ),
                prove_by_smt(
                    r"$q \ge k \ge 0$ and $X \ge Y \ge 0$ give $qX \ge kY$",
                    name="induction-step",
                    given=[q >= k, k >= 0, X >= Y, Y >= 0],
                    show=q * X >= k * Y,
                ),
                cited(r"hence $k^S \le q^S$ for every $S$", "induction, from 1 ≤ 1"),
                prove_by_smt(
                    r"$e \ge 0$, $X \ge Y$ and $eX \le 1$ give $eY \le 1$; here"
                    r" $e = (1 + h_E)^2$ or $(1 + h_E/S)^2$",
                    name="factor",
                    given=[e >= 0, X >= Y, e * X <= 1],
                    show=e * Y <= 1,
                ),
                *(
                    _inclusion(family, StepRegion(family, "authors", 1, a), a)
                    for family in FAMILIES
                ),
            )
        )

    def instances(self) -> SearchStrategy[Point]:
        steps = st.floats(0.0, 8.0)
        regions = st.builds(
            StepRegion,
            st.sampled_from(FAMILIES),
            st.just("authors"),
            st.integers(1, 8),
            strategies.slopes(),
        )
        return st.tuples(regions, steps, steps)

    def measure(self, instance: Point) -> Measurement:
        region, h_C, h_E = instance
        sharp = float(replace(region, bound="sharp").bound_factor(h_C, h_E))
        authors = float(region.bound_factor(h_C, h_E))
        return Measurement(sharp, authors, 1e-12 * (1 + authors), what="sharp factor")

    def witness(self) -> Witness:
        region = StepRegion("whole_expansive", "authors", 2, 1.0)
        return Witness("a = 1: both regions are the same", self.measure((region, 1.0, 0.5)))

    def mutants(self) -> Sequence[Mutant]:
        a = z3.Real("a")
        region = StepRegion("whole_expansive", "sharp", 2, a)
        steeper = StepRegion("whole_expansive", "authors", 2, a)
        return (
            Mutant(
                "inclusion reversed",
                "the sharp region lies in the authors'",
                lambda: _inclusion("reversed", region, a, other="authors", expected="sat"),
            ),
            Mutant(
                "slope above one",
                "a in [1, 2]",
                lambda: _inclusion("steep", steeper, a, low=1, high=2, expected="sat"),
            ),
        )


def _inclusion(
    name: str,
    region: StepRegion,
    a: z3.ArithRef,
    *,
    other: Bound = "sharp",
    low: int = 0,
    high: int = 1,
    expected: Answer = "unsat",
) -> ProofStep:
    """The direct query for one S: it confirms the chain."""
    on = SmtArithmetic()
    h_C, h_E = z3.Reals("h_C h_E")
    outer = replace(region, bound=other)
    return prove_by_smt(
        f"directly, {region.family}, S = {region.substeps}",
        name=name,
        given=[
            a >= low,
            a <= high,
            h_C >= 0,
            h_E >= 0,
            region.formula_criterion(on, h_C, h_E) <= 1,
        ],
        show=outer.formula_criterion(on, h_C, h_E) <= 1,
        expected=expected,
    )
