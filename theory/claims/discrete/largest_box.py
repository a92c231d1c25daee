"""D2: the box of step pairs of largest area inside a region."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import sympy
import z3
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness
from ...proof import Proof, ProofStep, cited
from ...proof.algebra import prove_identity
from ...proof.smt import SmtArithmetic, prove_by_smt
from ...step_optima import exact_largest_box, exact_smallest_contraction, exact_widest_interval
from ...step_regions import BOUNDS, FAMILIES, StepRegion

AUTHORS = StepRegion("whole_expansive", "authors", 2)
SHARP = StepRegion("whole_expansive", "sharp", 2)

Case = tuple[StepRegion, float]


class LargestBox(Claim[Case]):
    name = "D2.largest_box"
    title = "The box of largest area in a region"
    statement = (
        r"3q^3 + 3q = 2:\ [4(1 - q), 2(1 + q)] \times [0, q^{-2} - 1],\ \text{area } 3.0224"
        r" \text{ (sharp)};\quad K^2 + K = \tfrac32:\ \big[1 \pm \sqrt{4K - 3}\big] \times"
        r" [0, K^{-1} - 1],\ \text{area } 0.2324 \text{ (authors)}"
    )
    assumptions = (
        Assumption(r"a = \tfrac12,\ S = 2", "the flexible regime, one whole expansive step"),
    )
    source = Source("flowcert", "D")

    def prove(self) -> Proof:
        x = sympy.Symbol("x")
        q = sympy.CRootOf(3 * x**3 + 3 * x - 2, 0)
        box, authors = exact_largest_box(SHARP), exact_largest_box(AUTHORS)
        return Proof(
            (
                cited(
                    "a box lies in the region exactly if its two upper corners do",
                    "at each height the region is an interval (claim D2.widest_interval), and"
                    " lower heights have wider ones",
                ),
                _sharp_optimum("sharp-optimum"),
                _authors_optimum(),
                prove_identity(
                    "the closed form returns the sharp box",
                    sympy.Matrix([box.contractive_min, box.contractive_max, box.expansive_max]),
                    sympy.Matrix([4 * (1 - q), 2 * (1 + q), q**-2 - 1]),
                ),
                prove_identity(
                    "and the authors' one: $K = 1/(1 + h_E)$ has the stated minimal polynomial",
                    sympy.minimal_polynomial(1 / (authors.expansive_max + 1), x),
                    2 * x**2 + 2 * x - 3,
                ),
                prove_identity(
                    r"for $S = 1$ the sharp area is $4 - 2\sqrt3$",
                    exact_largest_box(StepRegion("whole_expansive", "sharp", 1)).area,
                    4 - 2 * sympy.sqrt(3),
                ),
            )
        )

    def instances(self) -> SearchStrategy[Case]:
        regions = st.builds(
            StepRegion, st.sampled_from(FAMILIES), st.sampled_from(BOUNDS), st.integers(1, 2)
        )
        return st.tuples(regions, st.floats(0.01, 0.99))

    def measure(self, instance: Case) -> Measurement:
        """The widest box of another height has no larger area."""
        region, fraction = instance
        least = float(exact_smallest_contraction(region))
        k = least + fraction * (1 - least)
        S = region.substeps
        h_E = S * (1 / k - 1) if region.family == "alternating" else k**-S - 1
        left, right = (float(sympy.re(e.evalf(20))) for e in exact_widest_interval(region, h_E))
        best = float(exact_largest_box(region).area.evalf(30))
        return Measurement((right - left) * h_E, best, 1e-9, what="area")

    def witness(self) -> Witness:
        box = exact_largest_box(SHARP)
        corner = SHARP.bound_factor(float(box.contractive_max), float(box.expansive_max))
        return Witness(
            "the upper right corner of the sharp box lies on the boundary",
            Measurement(float(corner), 1.0, what="factor"),
        )

    def mutants(self) -> Sequence[Mutant]:
        box = exact_largest_box(SHARP)
        return (
            Mutant(
                "other optimum",
                "the best box belongs to q = 1/2",
                lambda: _sharp_optimum("other-optimum", best=Fraction(1, 2)),
            ),
            Mutant(
                "higher box",
                "the same interval, one per cent higher",
                lambda: Measurement(
                    float(
                        SHARP.bound_factor(
                            float(box.contractive_max), 1.01 * float(box.expansive_max)
                        )
                    ),
                    1.0,
                    what="factor",
                ),
            ),
        )


def _sharp_optimum(name: str, best: Fraction | None = None) -> ProofStep:
    """(6k − 2)(k⁻² − 1) is largest at k = q, the root; a mutant claims another ``best``."""
    k, q = z3.Reals("k q")
    defined = [3 * q**3 + 3 * q == 2, q > 0, q < 1]
    if best is not None:
        defined = [q == SmtArithmetic().number(best)]
    return prove_by_smt(
        r"sharp: $(6k - 2)(k^{-2} - 1)$, the area under the height of $k$, is largest at $k = q$",
        name=name,
        given=[*defined, 3 * k >= 1, k <= 1],
        # Multiplied by k²q²: no division.
        show=(6 * k - 2) * (1 - k**2) * q**2 <= (6 * q - 2) * (1 - q**2) * k**2,
        expected="unsat" if best is None else "sat",
    )


def _authors_optimum() -> ProofStep:
    k, K = z3.Reals("k K")
    return prove_by_smt(
        r"authors: the squared area $16(k - \tfrac34)(k^{-1} - 1)^2$ is largest at $k = K$",
        name="authors-optimum",
        given=[K**2 + K == z3.Q(3, 2), K > 0, 4 * k >= 3, k <= 1],
        show=(4 * k - 3) * (1 - k) ** 2 * K**2 <= (4 * K - 3) * (1 - K) ** 2 * k**2,
    )
