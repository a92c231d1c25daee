"""D5: the authors' regions grow with the number of sub-steps, within stated ranges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import sqrt
from typing import ClassVar

import sympy
import z3
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness
from ...proof import Proof, ProofStep, cited
from ...proof.algebra import prove_derivative, prove_identity
from ...proof.smt import SmtArithmetic, prove_by_smt
from ...step_regions import Bound, Family, StepRegion

Case = tuple[StepRegion, float]


class _Grows(Claim[Case]):
    family: ClassVar[Family]
    largest_slope: ClassVar[float]

    def instances(self) -> SearchStrategy[Case]:
        regions = st.builds(
            StepRegion,
            st.just(self.family),
            st.just("authors"),
            st.integers(1, 12),
            st.floats(0.0, self.largest_slope),
        )
        return st.tuples(regions, st.floats(0.0, 1.0))

    def measure(self, instance: Case) -> Measurement:
        region, fraction = instance
        return _one_more(region, fraction * 2 * region.slope * region.substeps)

    def witness(self) -> Witness:
        return Witness(
            "h_C → 0: both boundaries start with the tangent a·h_C",
            _ratio(StepRegion(self.family, "authors", 1), 1e-6),
        )


class WholeExpansiveGrows(_Grows):
    name = "D5.authors_whole_expansive_grows"
    title = "The authors' whole-expansive region grows with S"
    statement = (
        r"a^2 \le \tfrac12,\ h_C \le 2aS \;\Rightarrow\; h_{E,S}^*(h_C) \le h_{E,S+1}^*(h_C)"
    )
    assumptions = (
        Assumption(r"0 \le a \le 1/\sqrt2", "slope: beyond it the statement can fail"),
        Assumption(r"0 \le h_C \le 2aS", "where the smaller region lives"),
    )
    source = Source("flowcert", "D")
    family: ClassVar[Family] = "whole_expansive"
    largest_slope = sqrt(0.5)

    def prove(self) -> Proof:
        t, a, h, u = sympy.symbols("t a h u", positive=True)
        p = 1 - 2 * a * t + t**2
        phi = t * sympy.diff(p, t) / p - sympy.log(p)
        exponent = sympy.log(p.subs(t, h * u)) / (2 * u)
        slope, size = z3.Reals("a t")
        return Proof(
            (
                prove_derivative(
                    r"$q^S = e^{g(u)}$ with $u = 1/S$, $g = \ln p(hu)/(2u)$:"
                    r" $g' = \phi(hu)/(2u^2)$,"
                    r" $\phi = tp'/p - \ln p$",
                    exponent,
                    u,
                    phi.subs(t, h * u) / (2 * u**2),
                ),
                prove_derivative(
                    r"$\phi' = 2t\,(1 - a^2 - (t - a)^2)/p^2$",
                    phi,
                    t,
                    2 * t * (1 - a**2 - (t - a) ** 2) / p**2,
                ),
                prove_identity(r"$\phi(0) = 0$", phi.subs(t, 0), 0),
                prove_by_smt(
                    r"$1 - a^2 - (t - a)^2 \ge 0$ for $0 \le t \le 2a$, $a^2 \le \tfrac12$",
                    name="sign",
                    given=[slope >= 0, 2 * slope**2 <= 1, size >= 0, size <= 2 * slope],
                    show=1 - slope**2 - (size - slope) ** 2 >= 0,
                ),
                cited(
                    "so φ ≥ 0, g grows with u = 1/S, q^S falls and h_E* = q^(−S) − 1 grows with S",
                    "mean value theorem; every real S ≥ h_C/(2a)",
                ),
                _directly(self.family, "authors", 1, 2, limit=2),
                _directly(self.family, "authors", 2, 3, limit=2),
            )
        )

    def mutants(self) -> Sequence[Mutant]:
        return (
            Mutant(
                "steeper activation",
                "a² ≤ 1 instead of a² ≤ ½",
                lambda: _directly(self.family, "authors", 1, 2, limit=1),
            ),
            Mutant(
                "sharp bound",
                "the sharp regions grow with S",
                lambda: _directly(self.family, "sharp", 1, 2, limit=2),
            ),
            Mutant(
                "sharp boundary at h_C = 1",
                "1, 7/9, … grows",
                lambda: _one_more(StepRegion(self.family, "sharp", 1), 1.0),
            ),
        )


class AlternatingGrows(_Grows):
    name = "D5.authors_alternating_grows"
    title = "The authors' alternating region grows with S"
    statement = (
        r"a^2 \le \tfrac13,\ h_C \le 2aS \;\Rightarrow\; h_{E,S}^*(h_C) \le h_{E,S+1}^*(h_C)"
    )
    assumptions = (
        Assumption(r"0 \le a \le 1/\sqrt3", "slope: beyond it the statement can fail"),
        Assumption(r"0 \le h_C \le 2aS", "where the smaller region lives"),
    )
    source = Source("flowcert", "D")
    family: ClassVar[Family] = "alternating"
    largest_slope = sqrt(1 / 3)

    def prove(self) -> Proof:
        t, a = sympy.symbols("t a", positive=True)
        p = 1 - 2 * a * t + t**2
        q = sympy.sqrt(p)
        slope, size = z3.Reals("a t")
        domain = [slope >= 0, 3 * slope**2 <= 1, size >= 0, size <= 2 * slope]
        cubed = (1 - 2 * slope * size + size**2) ** 3
        linear = 1 - 3 * slope * size + 2 * size**2
        return Proof(
            (
                prove_derivative(
                    r"$h_E^* = h_C\,k(t)$, $k = (1/q - 1)/t$, $t = h_C/S$:"
                    r" $k' = (q^3 - (1 - 3at + 2t^2))/(t^2 q^3)$",
                    (1 / q - 1) / t,
                    t,
                    (q**3 - (1 - 3 * a * t + 2 * t**2)) / (t**2 * q**3),
                ),
                prove_by_smt(
                    r"$(q^2)^3 \le (1 - 3at + 2t^2)^2$ and $1 - 3at + 2t^2 \ge 0$, so $k' \le 0$",
                    name="sign",
                    given=domain,
                    show=z3.And(linear >= 0, cubed <= linear**2),
                ),
                cited("so h_E* grows as t = h_C/S falls", "mean value theorem"),
                _directly(self.family, "authors", 1, 2, limit=3),
            )
        )

    def mutants(self) -> Sequence[Mutant]:
        return (
            Mutant(
                "steeper activation",
                "a² ≤ ½ instead of a² ≤ ⅓",
                lambda: _directly(self.family, "authors", 1, 2, limit=2),
            ),
            Mutant(
                "sharp boundary at h_C = 1",
                "1, 2/3, … grows",
                lambda: _one_more(StepRegion(self.family, "sharp", 1), 1.0),
            ),
        )


def _one_more(region: StepRegion, h_C: float) -> Measurement:
    """h_E* with S sub-steps against that with S + 1."""
    fewer = float(region.estimate_expansive_limit(h_C))
    more = replace(region, substeps=region.substeps + 1)
    claimed = float(more.estimate_expansive_limit(h_C))
    return Measurement(fewer, claimed, 1e-12 * region.substeps * (1 + claimed), what="h_E*")


def _ratio(region: StepRegion, h_C: float) -> Measurement:
    """The same, divided: both tend to 0."""
    plain = _one_more(region, h_C)
    return Measurement(plain.ratio, 1.0, 1e-4, what="ratio of the boundaries")


def _directly(family: Family, bound: Bound, S: int, more: int, limit: int) -> ProofStep:
    """The inclusion of two consecutive regions for limit·a² ≤ 1, as one query."""
    on = SmtArithmetic()
    a, h_C, h_E = z3.Reals("a h_C h_E")
    smaller = StepRegion(family, bound, S, a)
    larger = StepRegion(family, bound, more, a)
    mutant = bound == "sharp" or (family, limit) not in {("whole_expansive", 2), ("alternating", 3)}
    return prove_by_smt(
        f"directly: $S = {S}$ lies in $S = {more}$",
        name=f"{bound}-S{S}-in-S{more}-limit{limit}",
        given=[
            a >= 0,
            limit * a**2 <= 1,
            h_C >= 0,
            h_C <= 2 * a * S,
            h_E >= 0,
            smaller.formula_criterion(on, h_C, h_E) <= 1,
        ],
        show=larger.formula_criterion(on, h_C, h_E) <= 1,
        expected="sat" if mutant else "unsat",
    )
