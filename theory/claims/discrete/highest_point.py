"""D2: the largest expansive step that each region admits, as an algebraic number."""

from __future__ import annotations

from collections.abc import Sequence

import sympy
import z3
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness, tightest
from ...proof import Answer, Proof, ProofStep
from ...proof.algebra import prove_cases, prove_identity
from ...proof.smt import SmtArithmetic, prove_by_smt
from ...step_optima import exact_highest_point
from ...step_regions import BOUNDS, FAMILIES, Bound, Family, StepRegion

Point = tuple[StepRegion, float]
_HALF = sympy.Rational(1, 2)


class HighestPoint(Claim[Point]):
    name = "D2.highest_point"
    title = "The largest companion step of each region"
    statement = (
        r"\max_{h_C} h_E^* = q_*^{-S} - 1 \text{ or } S(1/q_* - 1),\quad"
        r" q_* = \sqrt{1 - a^2} \text{ at } h_C = aS \text{ (authors)},\quad"
        r" q_* = \tfrac{1-a}{1+a} \text{ at } h_C = \tfrac{2S}{1+a} \text{ (sharp)}"
    )
    assumptions = (
        Assumption(r"0 \le a < 1", "slope"),
        Assumption(r"S \le 4", "number of sub-steps; that it is attained: proved at a = ½"),
    )
    source = Source("flowcert", "D")

    def prove(self) -> Proof:
        a = sympy.Symbol("a", positive=True)
        return Proof(
            (
                _least_contraction("authors"),
                _least_contraction("sharp"),
                *(
                    prove_identity(
                        f"the maximum is attained where stated ({bound}, {family}, S = {S})",
                        _at_highest(family, bound, S),
                        exact_highest_point(StepRegion(family, bound, S, _HALF)).expansive_step,
                    )
                    for family in FAMILIES
                    for bound in BOUNDS
                    for S in (1, 2, 3, 4)
                ),
                prove_identity(
                    r"for general $a$, authors, $S = 2$: $h_E^*(2a) = a^2/(1 - a^2)$",
                    exact_highest_point(
                        StepRegion("whole_expansive", "authors", 2, a)
                    ).expansive_step,
                    a**2 / (1 - a**2),
                ),
                prove_cases(
                    r"at $a = \tfrac12$ the sharp maxima are 2, 8, 26, 80 (whole) and 2, 4, 6, 8"
                    " (alternating)",
                    FAMILIES,
                    _sharp_maxima_are,
                ),
            )
        )

    def instances(self) -> SearchStrategy[Point]:
        regions = st.builds(
            StepRegion,
            st.sampled_from(FAMILIES),
            st.sampled_from(BOUNDS),
            st.integers(1, 4),
            st.floats(0.05, 0.9),
        )
        return st.tuples(regions, st.floats(0.0, 1.0))

    def measure(self, instance: Point) -> Measurement:
        region, fraction = instance
        extent = 2 * region.slope if region.bound == "authors" else 2.0
        h_E = float(region.estimate_expansive_limit(fraction * extent * region.substeps))
        point = exact_highest_point(region)
        highest = float(point.expansive_step)
        there = float(region.exact_expansive_limit(point.contractive_step))
        allowance = 1e-9 * (1 + highest)
        return tightest(
            Measurement(there, highest, allowance, "=", "h_E* at the stated place"),
            Measurement(h_E, highest, allowance, what="h_E*"),
        )

    def witness(self) -> Witness:
        region = StepRegion("whole_expansive", "sharp", 1)
        point = exact_highest_point(region)
        h_E = float(region.exact_expansive_limit(point.contractive_step))
        return Witness("a = ½, S = 1, sharp: h_E* = 2 at h_C = 4/3", Measurement(h_E, 2.0))

    def mutants(self) -> Sequence[Mutant]:
        authors = float(exact_highest_point(StepRegion("alternating", "authors", 1)).expansive_step)
        sharp = StepRegion("alternating", "sharp", 1)
        return (
            Mutant(
                "authors' maximum for the sharp region",
                "h_E* ≤ 2/√3 − 1 = 0.1547 for every bound",
                lambda: Measurement(float(sharp.exact_expansive_limit(1)), authors, what="h_E*"),
            ),
            Mutant(
                "smaller contraction",
                "some step contracts by more than √(1 − a²) under the authors' bound",
                lambda: _least_contraction("authors", scale=2, expected="sat"),
            ),
        )


def _at_highest(family: Family, bound: Bound, S: int) -> sympy.Expr:
    """The boundary, evaluated at the place that is claimed to be highest."""
    region = StepRegion(family, bound, S, _HALF)
    return region.exact_expansive_limit(exact_highest_point(region).contractive_step)


def _sharp_maxima_are(family: Family) -> bool:
    values = (2, 4, 6, 8) if family == "alternating" else (2, 8, 26, 80)
    return all(
        exact_highest_point(StepRegion(family, "sharp", S, _HALF)).expansive_step == values[S - 1]
        for S in (1, 2, 3, 4)
    )


def _least_contraction(bound: Bound, scale: int = 1, expected: Answer = "unsat") -> ProofStep:
    """No t = h_C/S has a smaller squared sub-step factor than claimed; h_E* falls as q grows."""
    on = SmtArithmetic()
    a, t = z3.Reals("a t")
    region = StepRegion("alternating", bound, 1, a)
    least = 1 - a**2 if bound == "authors" else ((1 - a) / (1 + a)) ** 2
    return prove_by_smt(
        f"no sub-step factor is smaller than q* ({bound})",
        name=f"least-contraction-{bound}-{scale}",
        given=[a >= 0, a < 1, t >= 0],
        show=region.formula_squared_contraction(on, t) >= scale * least,
        expected=expected,
    )
