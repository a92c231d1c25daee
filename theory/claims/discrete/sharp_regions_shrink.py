"""D5: left of their corner the sharp regions shrink as sub-steps are added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import sympy
import z3
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness
from ...proof import Proof, cited
from ...proof.algebra import prove_cases, prove_derivative, prove_identity
from ...proof.smt import SmtArithmetic, prove_by_smt
from ...step_regions import FAMILIES, Family, StepRegion

Case = tuple[StepRegion, float]


class SharpRegionsShrink(Claim[Case]):
    name = "D5.sharp_regions_shrink"
    title = "The sharp regions shrink with S, left of their corner"
    statement = (
        r"h_C \le \frac{2S}{1 + a} \;\Rightarrow\; h_{E,S+1}^*(h_C) \le h_{E,S}^*(h_C)"
        r" \text{ in both families}"
    )
    assumptions = (
        Assumption(r"0 \le a < 1", "slope"),
        Assumption(r"0 \le h_C \le 2S/(1 + a)", "right of the corner the regions grow instead"),
    )
    source = Source("flowcert", "D")

    def prove(self) -> Proof:
        y, u, c = sympy.symbols("y u c", positive=True)
        on = SmtArithmetic()
        a, t = z3.Reals("a t")
        sharp = StepRegion("alternating", "sharp", 1, a)
        psi = (y - 1) / y - sympy.log(y)
        return Proof(
            (
                prove_by_smt(
                    r"there the sub-step factor is $q = 1 - at > 0$, also with more sub-steps",
                    name="left-of-the-corner",
                    given=[a >= 0, a < 1, t >= 0, t * (1 + a) <= 2],
                    show=z3.And(sharp.formula_contraction(on, t) == 1 - a * t, 1 - a * t > 0),
                ),
                prove_derivative(
                    r"$q^S = e^{g(u)}$, $u = 1/S$, $g = \ln(1 - cu)/u$, $c = ah_C$:"
                    r" $g' = \psi(1 - cu)/u^2$, $\psi(y) = 1 - 1/y - \ln y$",
                    sympy.log(1 - c * u) / u,
                    u,
                    psi.subs(y, 1 - c * u) / u**2,
                ),
                prove_derivative(
                    r"$\psi' = (1 - y)/y^2 \ge 0$ on $(0, 1]$", psi, y, (1 - y) / y**2
                ),
                prove_identity(
                    r"$\psi(1) = 0$, so $\psi \le 0$ and $g$ falls with $u$", psi.subs(y, 1), 0
                ),
                cited(
                    "so q^S grows and the whole-expansive h_E* falls as S grows",
                    "mean value theorem",
                ),
                prove_identity(
                    r"alternating: $S(1/q - 1) = c/(1 - c/S)$, which falls with $S$",
                    (1 / (1 - c * u) - 1) / u,
                    c / (1 - c * u),
                ),
                prove_cases(
                    r"at $a = \tfrac12$, $h_C = 1$: 1, 7/9, 91/125 (whole) and 1, 2/3, 3/5",
                    FAMILIES,
                    _values_are,
                ),
            )
        )

    def instances(self) -> SearchStrategy[Case]:
        regions = st.builds(
            StepRegion,
            st.sampled_from(FAMILIES),
            st.just("sharp"),
            st.integers(1, 12),
            st.floats(0.0, 0.95),
        )
        return st.tuples(regions, st.floats(0.0, 1.0))

    def measure(self, instance: Case) -> Measurement:
        region, fraction = instance
        return _one_more(region, fraction * 2 * region.substeps / (1 + region.slope))

    def witness(self) -> Witness:
        plain = _one_more(StepRegion("alternating", "sharp", 1), 1e-6)
        return Witness(
            "h_C → 0: both boundaries start with the tangent a·h_C",
            Measurement(plain.ratio, 1.0, 1e-4, what="ratio of the boundaries"),
        )

    def mutants(self) -> Sequence[Mutant]:
        return (
            Mutant(
                "right of the corner",
                "h_C = 2 at a = ½: 0 for S = 1, but 3 for S = 2",
                lambda: _one_more(StepRegion("whole_expansive", "sharp", 1), 2.0),
            ),
            Mutant(
                "authors' bound",
                "the authors' regions shrink",
                lambda: _one_more(StepRegion("whole_expansive", "authors", 1), 0.5),
            ),
        )


def _one_more(region: StepRegion, h_C: float) -> Measurement:
    """h_E* with S + 1 sub-steps against that with S."""
    claimed = float(region.estimate_expansive_limit(h_C))
    more = replace(region, substeps=region.substeps + 1)
    computed = float(more.estimate_expansive_limit(h_C))
    return Measurement(computed, claimed, 1e-11 * (1 + abs(claimed)) * more.substeps, what="h_E*")


def _values_are(family: Family) -> bool:
    values = ("1", "2/3", "3/5") if family == "alternating" else ("1", "7/9", "91/125")
    return all(_exactly(family, S) == sympy.Rational(values[S - 1]) for S in (1, 2, 3))


def _exactly(family: Family, S: int) -> sympy.Expr:
    return StepRegion(family, "sharp", S, Fraction(1, 2)).exact_expansive_limit(1)
