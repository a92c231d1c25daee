"""D1: the prescribed regime's expansive step lies exactly on the boundary of its region."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import sympy
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ...claim import Assumption, Claim, Measurement, Mutant, NotApplicable, Source
from ...proof import Proof
from ...proof.algebra import SYMBOLIC, prove_identity
from ...step_regions import StepRegion

REGION = StepRegion("alternating", "authors", 2)
OTHER_FAMILY = StepRegion("whole_expansive", "authors", 2)


class PrescribedStep(Claim[float]):
    name = "D1.prescribed_step"
    title = "The prescribed expansive step saturates the alternating region"
    statement = (
        r"h_E = 2\Big(\frac{1}{\sqrt{1 - h_C/2 + h_C^2/4}} - 1\Big) = h_E^*(h_C),"
        r" \quad S = 2,\ a = \tfrac12"
    )
    assumptions = (
        Assumption(r"0 \le h_C \le 2", "the paper trains with h_C = 0.3"),
        Assumption(r"S = 2,\ a = \tfrac12", "two sub-steps of each kind, alternating"),
    )
    source = Source("public code, prescribed regime", "P")

    def prove(self) -> Proof:
        h = sympy.Symbol("h_C", positive=True)
        return Proof(
            (
                prove_identity(
                    "the formula of the public code is the exact boundary",
                    _prescribed(h),
                    REGION.exact_expansive_limit(h),
                ),
                prove_identity(
                    r"at $h_C = 3/10$ the pair's factor is exactly 1",
                    REGION.formula_criterion(
                        SYMBOLIC, sympy.Rational(3, 10), _prescribed(sympy.Rational(3, 10))
                    ),
                    1,
                ),
            )
        )

    def instances(self) -> SearchStrategy[float]:
        return st.floats(0.0, 2.0)

    def measure(self, instance: float) -> Measurement:
        return _factor_at(instance, float(_prescribed(instance)))

    def witness(self) -> NotApplicable:
        return NotApplicable("an identity has no extreme case")

    def mutants(self) -> Sequence[Mutant]:
        h = Fraction(3, 10)
        return (
            Mutant(
                "families mixed",
                "the boundary q⁻² − 1 of the whole-expansive family",
                lambda: _factor_at(0.3, float(OTHER_FAMILY.exact_expansive_limit(h))),
            ),
            Mutant(
                "sub-steps forgotten",
                "h_E = 1/q − 1, half of what is needed",
                lambda: _factor_at(0.3, float(_prescribed(0.3)) / 2),
            ),
        )


def _prescribed(h: float | sympy.Expr) -> sympy.Expr:
    """The step as the public code writes it, independent of our region."""
    return 2 * (1 / sympy.sqrt(1 - h / 2 + h**2 / 4) - 1)


def _factor_at(h_C: float, h_E: float) -> Measurement:
    factor = float(REGION.bound_factor(h_C, max(h_E, 0.0)))
    return Measurement(factor, 1.0, 1e-12, "=", "factor")
