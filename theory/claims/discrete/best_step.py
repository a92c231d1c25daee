"""D2: the step with the smallest sharp factor."""

from __future__ import annotations

from collections.abc import Sequence

import sympy
import z3
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ... import strategies
from ...bounds import bound_contractive_factor, formula_best_step, formula_contractive_factor
from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness
from ...proof import Proof, ProofStep
from ...proof.algebra import SYMBOLIC, prove_identity
from ...proof.smt import SmtArithmetic, prove_by_smt
from ...step_optima import exact_smallest_contraction
from ...step_regions import StepRegion


class BestStep(Claim[tuple[float, float, float, float]]):
    name = "D2.best_step"
    title = "The best contractive step is 2/(a σ_min² + σ_max²)"
    statement = (
        r"\min_h \max(|1 - ha\sigma_{\min}^2|, |1 - h\sigma_{\max}^2|)"
        r" = \frac{\sigma_{\max}^2 - a\sigma_{\min}^2}{\sigma_{\max}^2 + a\sigma_{\min}^2}"
        r"\ \text{ at } h = \frac{2}{a\sigma_{\min}^2 + \sigma_{\max}^2}"
    )
    assumptions = (
        Assumption(r"0 \le a \le 1", "smallest slope"),
        Assumption(r"0 \le \sigma_{\min} \le \sigma_{\max},\ \sigma_{\max} > 0", "singular values"),
    )
    source = Source("flowcert", "D")

    def prove(self) -> Proof:
        return Proof(
            (
                _attained(),
                _no_better_step("no-better-step"),
                prove_identity(
                    r"for $\sigma_{\min} = \sigma_{\max} = 1$ and $a = \tfrac12$ it is $1/3$ at"
                    r" $h = 4/3$",
                    sympy.Matrix(
                        [
                            formula_best_step(sympy.Rational(1, 2)),
                            formula_contractive_factor(
                                SYMBOLIC, sympy.Rational(1, 2), sympy.Rational(4, 3)
                            ),
                        ]
                    ),
                    sympy.Matrix([sympy.Rational(4, 3), sympy.Rational(1, 3)]),
                ),
                prove_identity(
                    "and it is what the step regions use as the smallest contraction",
                    exact_smallest_contraction(StepRegion("alternating", "sharp", 1, 0.5)),
                    sympy.Rational(1, 3),
                ),
            )
        )

    def instances(self) -> SearchStrategy[tuple[float, float, float, float]]:
        ends = st.tuples(st.floats(0.0, 1.0), st.floats(1.0, 4.0))
        return st.builds(lambda a, s, h: (a, *s, h), strategies.slopes(), ends, st.floats(0.0, 3.0))

    def measure(self, instance: tuple[float, float, float, float]) -> Measurement:
        a, low, high, h = instance
        best = float(bound_contractive_factor(a, formula_best_step(a, low, high), low, high))
        other = float(bound_contractive_factor(a, h, low, high))
        return Measurement(best, other, what="best factor")

    def witness(self) -> Witness:
        factor = float(bound_contractive_factor(0.5, 4 / 3))
        return Witness("a = ½, σ = 1, h = 4/3", Measurement(factor, 1 / 3, what="factor"))

    def mutants(self) -> Sequence[Mutant]:
        return (
            Mutant(
                "authors' best step",
                "h = a is best: √3/2 at a = ½, where 1/3 is possible",
                lambda: Measurement(
                    float(bound_contractive_factor(0.5, 0.5)),
                    float(bound_contractive_factor(0.5, 4 / 3)),
                    what="best factor",
                ),
            ),
            Mutant(
                "larger optimum",
                "every factor is at least one per cent above the stated optimum",
                lambda: _no_better_step("too-large", better_by=1),
            ),
        )


def _terms() -> tuple[SmtArithmetic, list[z3.BoolRef], tuple[z3.ArithRef, ...]]:
    a, h, low, high = z3.Reals("a h sigma_min sigma_max")
    return (
        SmtArithmetic(),
        [a >= 0, a <= 1, low >= 0, high >= low, high > 0],
        (a, h, low, high),
    )


def _attained() -> ProofStep:
    on, domain, (a, h, low, high) = _terms()
    total, difference = high**2 + a * low**2, high**2 - a * low**2
    return prove_by_smt(
        "the best step has the stated factor",
        name="attained",
        given=[*domain, h == formula_best_step(a, low, high)],
        show=formula_contractive_factor(on, a, h, low, high) * total == difference,
    )


def _no_better_step(name: str, better_by: int = 0) -> ProofStep:
    """No factor is below the stated one; a mutant claims a hundredth more."""
    on, domain, (a, h, low, high) = _terms()
    total, difference = high**2 + a * low**2, high**2 - a * low**2
    factor = formula_contractive_factor(on, a, h, low, high)
    return prove_by_smt(
        "no step has a smaller factor",
        name=name,
        given=domain,
        show=100 * factor * total >= (100 + better_by) * difference,
        expected="sat" if better_by else "unsat",
    )
