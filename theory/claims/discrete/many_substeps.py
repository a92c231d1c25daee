"""D5: what the regions tend to as the number of sub-steps grows."""

from __future__ import annotations

from collections.abc import Sequence

import sympy
import z3
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ...claim import Assumption, Claim, Measurement, Mutant, NotApplicable, Source
from ...proof import Proof, ProofStep
from ...proof.algebra import prove_identity, prove_limit
from ...proof.smt import SmtArithmetic, prove_by_smt
from ...step_regions import BOUNDS, FAMILIES, Bound, Family, StepRegion

Case = tuple[StepRegion, float]
_MANY = 10**6


class ManySubsteps(Claim[Case]):
    name = "D5.many_substeps"
    title = "The limits of many sub-steps; only alternating ones tend to the flow's condition"
    statement = (
        r"\lim_{S \to \infty} h_E^*(h_C) = a h_C \text{ (alternating)},\quad"
        r" e^{a h_C} - 1 \text{ (whole expansive)}, \text{ under both bounds}"
    )
    assumptions = (Assumption(r"0 \le a \le 1,\ h_C \ge 0", "slope and step, fixed while S grows"),)
    source = Source("flowcert", "D")

    def prove(self) -> Proof:
        on = SmtArithmetic()
        slope, t = z3.Reals("a t")
        sharp = StepRegion("alternating", "sharp", 1, slope)
        eventually = prove_by_smt(
            r"for $t = h_C/S \le 2/(1 + a)$ the sharp sub-step factor is $1 - at$",
            name="small-substeps",
            given=[slope >= 0, slope <= 1, t >= 0, t * (1 + slope) <= 2],
            show=sharp.formula_contraction(on, t) == 1 - slope * t,
        )
        limits = [_limit(family, bound) for family in FAMILIES for bound in BOUNDS]
        same = [_same_formula(family, bound) for family in FAMILIES for bound in BOUNDS]
        return Proof((eventually, *same, *limits))

    def instances(self) -> SearchStrategy[Case]:
        regions = st.builds(
            StepRegion,
            st.sampled_from(FAMILIES),
            st.sampled_from(BOUNDS),
            st.just(_MANY),
            st.floats(0.0, 1.0),
        )
        return st.tuples(regions, st.floats(0.0, 3.0))

    def measure(self, instance: Case) -> Measurement:
        region, h_C = instance
        return _near_limit(region, h_C, float(region.exact_limit_of_many_substeps(h_C)))

    def witness(self) -> NotApplicable:
        return NotApplicable("an equality has no extreme case")

    def mutants(self) -> Sequence[Mutant]:
        whole = StepRegion("whole_expansive", "sharp", _MANY)
        alternating = StepRegion("alternating", "sharp", _MANY)
        return (
            Mutant(
                "flow condition for whole steps",
                "the whole-expansive family tends to h_E ≤ a·h_C",
                lambda: _near_limit(whole, 1.0, 0.5),
            ),
            Mutant(
                "exponential for alternating steps",
                "the alternating family tends to h_E ≤ e^{a·h_C} − 1",
                lambda: _near_limit(
                    alternating, 1.0, float(whole.exact_limit_of_many_substeps(1.0))
                ),
            ),
        )


def _near_limit(region: StepRegion, h_C: float, limit: float) -> Measurement:
    """At S = 10⁶ the distance is below (1 + h_C)²e^{h_C}/S, far below 1e-3."""
    found = float(region.estimate_expansive_limit(h_C))
    return Measurement(found, limit, 1e-3, "=", "h_E* at a million sub-steps")


def _boundary(family: Family, bound: Bound, S: sympy.Expr) -> sympy.Expr:
    """h_E*(h_C) for a symbolic number of sub-steps, large enough for the sharp corner."""
    a, h = sympy.symbols("a h_C", positive=True)
    t = h / S
    q = sympy.sqrt(1 - 2 * a * t + t**2) if bound == "authors" else 1 - a * t
    return S * (1 / q - 1) if family == "alternating" else q ** (-S) - 1


def _same_formula(family: Family, bound: Bound) -> ProofStep:
    """The symbolic boundary is that of StepRegion, at S = 7 and a point before the corner."""
    a, h = sympy.symbols("a h_C", positive=True)
    point = {a: sympy.Rational(1, 3), h: sympy.Rational(5, 2)}
    region = StepRegion(family, bound, 7, point[a])
    return prove_identity(
        f"the expression whose limit is taken is the boundary ({family}, {bound}; S = 7)",
        _boundary(family, bound, sympy.Integer(7)).subs(point),
        region.exact_expansive_limit(point[h]),
    )


def _limit(family: Family, bound: Bound) -> ProofStep:
    a, h, S = sympy.symbols("a h_C S", positive=True)
    region = StepRegion(family, bound, 1, a)
    return prove_limit(
        f"the limit as $S \\to \\infty$ ({family}, {bound})",
        _boundary(family, bound, S),
        S,
        sympy.oo,
        region.exact_limit_of_many_substeps(h),
    )
