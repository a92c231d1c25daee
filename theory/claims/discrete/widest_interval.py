"""D2: the widest interval of contractive steps beside the expansive step h_E = 0.05."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import sympy
import z3
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness
from ...proof import Proof
from ...proof.algebra import prove_identity
from ...proof.smt import SmtArithmetic, prove_by_smt
from ...step_optima import exact_highest_point, exact_widest_interval
from ...step_regions import BOUNDS, FAMILIES, StepRegion

AUTHORS = StepRegion("whole_expansive", "authors", 2)
SHARP = StepRegion("whole_expansive", "sharp", 2)
HEIGHT = Fraction(1, 20)

Case = tuple[StepRegion, float]


class WidestInterval(Claim[Case]):
    name = "D2.widest_interval"
    title = "The widest interval of h_C for one h_E"
    statement = (
        r"h_E = 0.05:\quad h_C \in \Big[1 \pm \sqrt{17/21}\Big] \text{ (authors)},\quad"
        r" h_C \in \Big[4(1 - \sqrt{20/21}),\ 2(1 + \sqrt{20/21})\Big] \text{ (sharp)}"
    )
    assumptions = (
        Assumption(r"a = \tfrac12,\ S = 2", "the flexible regime, one whole expansive step"),
    )
    source = Source("flowcert", "D")

    def prove(self) -> Proof:
        on = SmtArithmetic()
        h, s = z3.Reals("h_C s")
        e = on.number(HEIGHT)
        root = sympy.sqrt(sympy.Rational(20, 21))
        half = sympy.sqrt(sympy.Rational(17, 21))
        return Proof(
            (
                prove_by_smt(
                    r"authors: in the region exactly for $(h_C - 1)^2 \le 17/21$",
                    name="authors",
                    given=[h >= 0],
                    show=(AUTHORS.formula_criterion(on, h, e) <= 1) == (21 * (h - 1) ** 2 <= 17),
                ),
                prove_by_smt(
                    r"sharp: exactly for $4(1 - s) \le h_C \le 2(1 + s)$, $s^2 = 20/21$",
                    name="sharp",
                    given=[h >= 0, s >= 0, 21 * s * s == 20],
                    show=(SHARP.formula_criterion(on, h, e) <= 1)
                    == z3.And(h >= 4 * (1 - s), h <= 2 * (1 + s)),
                ),
                prove_identity(
                    "the closed forms give these ends",
                    sympy.Matrix(
                        [
                            *exact_widest_interval(AUTHORS, HEIGHT),
                            *exact_widest_interval(SHARP, HEIGHT),
                        ]
                    ),
                    sympy.Matrix([1 - half, 1 + half, 4 * (1 - root), 2 * (1 + root)]),
                ),
            )
        )

    def instances(self) -> SearchStrategy[Case]:
        regions = st.builds(
            StepRegion,
            st.sampled_from(FAMILIES),
            st.sampled_from(BOUNDS),
            st.integers(1, 3),
            st.floats(0.1, 0.9),
        )
        # A subnormal fraction has a denominator that no algebra should be asked to factor.
        return st.tuples(regions, st.one_of(st.just(0.0), st.floats(1e-6, 1.0)))

    def measure(self, instance: Case) -> Measurement:
        """The factor must be exactly 1 at both ends, at a fraction of the highest h_E."""
        region, fraction = instance
        h_E = 0.99 * fraction * float(exact_highest_point(region).expansive_step)
        ends = [float(sympy.re(end.evalf(30))) for end in exact_widest_interval(region, h_E)]
        worst = max((float(region.bound_factor(max(end, 0.0), h_E)) for end in ends), key=_off_one)
        return Measurement(worst, 1.0, 1e-8 * (1 + h_E), "=", "factor at the end")

    def witness(self) -> Witness:
        left, _ = exact_widest_interval(SHARP, HEIGHT)
        factor = float(SHARP.bound_factor(float(left), 0.05))
        return Witness(
            "the left end of the sharp interval", Measurement(factor, 1.0, what="factor")
        )

    def mutants(self) -> Sequence[Mutant]:
        on = SmtArithmetic()
        h = z3.Real("h_C")
        e = on.number(HEIGHT)
        return (
            Mutant(
                "wider",
                "the authors' interval 1 ± √(18/21)",
                lambda: prove_by_smt(
                    "wider interval",
                    name="wider",
                    given=[21 * (h - 1) ** 2 <= 18],
                    show=AUTHORS.formula_criterion(on, h, e) <= 1,
                    expected="sat",
                ),
            ),
            Mutant(
                "bounds mixed",
                "the sharp interval under the authors' bound",
                lambda: Measurement(
                    float(
                        AUTHORS.bound_factor(float(exact_widest_interval(SHARP, HEIGHT)[1]), 0.05)
                    ),
                    1.0,
                    what="factor bound",
                ),
            ),
        )


def _off_one(factor: float) -> float:
    return abs(factor - 1.0)
