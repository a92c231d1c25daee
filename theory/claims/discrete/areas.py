"""D2: the areas of the step regions, in closed form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

import flint
import sympy
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from scipy.integrate import quad

from ...claim import Assumption, Claim, Measurement, Mutant, NotApplicable, Source
from ...proof import Proof, ProofStep
from ...proof.algebra import prove_identity
from ...proof.balls import BALLS, prove_integral
from ...step_optima import exact_area
from ...step_regions import BOUNDS, FAMILIES, StepRegion

_DIGITS = 50


class Areas(Claim[StepRegion]):
    name = "D2.areas"
    title = "The areas of the regions and their ratio"
    statement = (
        r"\int h_E^*\,dh_C = \ln 3 - 1,\ \tfrac{4\sqrt3\pi}{9} - 2,\ 1,\ \tfrac{16\sqrt3\pi}{27}"
        r" - \tfrac43 \text{ (authors)};\quad 3\ln 3 - 2,\ 8,\ 30,\ 96 \text{ (sharp)};"
        r"\quad S^2(\ln 3 - 1),\ S^2(3\ln 3 - 2) \text{ (alternating)}"
    )
    assumptions = (
        Assumption(
            r"a = \tfrac12", "the values stated; enclosed at a = ½ and ¼, measured elsewhere"
        ),
        Assumption(r"S = 1, 2, 3, 4", "both families"),
    )
    source = Source("flowcert", "D")

    def prove(self) -> Proof:
        enclosed = [
            _enclosed(StepRegion(family, bound, S, a))
            for family in FAMILIES
            for bound in BOUNDS
            for S in (1, 2, 3, 4)
            for a in (0.5, 0.25)
        ]
        log3 = sympy.log(3)
        stated = {
            ("authors", 1): log3 - 1,
            ("authors", 2): 4 * sympy.sqrt(3) * sympy.pi / 9 - 2,
            ("authors", 3): sympy.Integer(1),
            ("authors", 4): 16 * sympy.sqrt(3) * sympy.pi / 27 - sympy.Rational(4, 3),
            ("sharp", 1): 3 * log3 - 2,
            ("sharp", 2): sympy.Integer(8),
            ("sharp", 3): sympy.Integer(30),
            ("sharp", 4): sympy.Integer(96),
        }
        closed = [
            prove_identity(
                f"the closed form of {bound}, S = {S}, is the stated number",
                exact_area(_whole(bound, S)),
                value,
            )
            for (bound, S), value in stated.items()
        ]
        ratio = prove_identity(
            r"at $S = 2$ the sharp region is $36/(2\sqrt3\pi - 9) \approx 19.1$ times as large",
            exact_area(_whole("sharp", 2)) / exact_area(_whole("authors", 2)),
            36 / (2 * sympy.sqrt(3) * sympy.pi - 9),
        )
        return Proof((*enclosed, *closed, ratio))

    def instances(self) -> SearchStrategy[StepRegion]:
        return st.builds(
            StepRegion,
            st.sampled_from(FAMILIES),
            st.sampled_from(BOUNDS),
            st.integers(1, 4),
            st.floats(0.1, 0.8),
        )

    def measure(self, instance: StepRegion) -> Measurement:
        return _against(instance, float(exact_area(instance).evalf(_DIGITS)))

    def witness(self) -> NotApplicable:
        return NotApplicable("an equality has no extreme case")

    def mutants(self) -> Sequence[Mutant]:
        region = StepRegion("alternating", "authors", 2)
        single = float(exact_area(StepRegion("alternating", "authors", 1)))
        return (
            Mutant(
                "scaled once",
                "the alternating area grows with S instead of S²",
                lambda: _against(region, 2 * single),
            ),
            Mutant(
                "families mixed",
                "the alternating area for the whole-expansive family",
                lambda: _against(_whole("authors", 2), float(exact_area(region))),
            ),
        )


def _whole(bound: str, S: int) -> StepRegion:
    return StepRegion("whole_expansive", "authors" if bound == "authors" else "sharp", S, 0.5)


def _pieces(region: StepRegion) -> list[tuple[float, float]]:
    """Where the boundary is smooth: the sharp one has a corner at its highest point."""
    a, S = region.slope, region.substeps
    if region.bound == "authors":
        return [(0.0, 2 * a * S)]
    corner = 2 * S / (1 + a)
    return [(0.0, corner), (corner, 2.0 * S)]


def _against(region: StepRegion, claimed: float) -> Measurement:
    """The area by scipy's adaptive quadrature, an independent oracle."""

    def boundary(h_C: float) -> float:
        return float(region.estimate_expansive_limit(min(h_C, _pieces(region)[-1][1])))

    found = sum(quad(boundary, *piece, epsabs=1e-11, epsrel=1e-11)[0] for piece in _pieces(region))
    return Measurement(float(found), claimed, 1e-7 * (1 + abs(claimed)), "=", "area")


def _enclosed(region: StepRegion) -> ProofStep:
    """The area as a ball integral of the boundary, written for complex arguments."""
    a, S = Fraction(region.slope), region.substeps
    if region.bound == "authors":
        pieces = [(Fraction(0), 2 * a)]
        factors: list[Callable[[flint.acb, bool], flint.acb]] = [
            lambda t, analytic: (1 - 2 * BALLS.number(a) * t + t * t).sqrt(analytic=analytic)
        ]
    else:
        corner = 2 / (1 + a)
        pieces = [(Fraction(0), corner), (corner, Fraction(2))]
        factors = [lambda t, _: 1 - BALLS.number(a) * t, lambda t, _: t - 1]

    def integrand(
        q: Callable[[flint.acb, bool], flint.acb],
    ) -> Callable[[flint.acb, bool], flint.acb]:
        # In t = h_C/S the area gains a factor S.
        if region.family == "alternating":
            return lambda t, analytic: S * S * (1 / q(t, analytic) - 1)
        return lambda t, analytic: S * ((1 / q(t, analytic)) ** S - 1)

    return prove_integral(
        f"the closed form is the integral of the boundary ({region})",
        [(integrand(q), *piece) for q, piece in zip(factors, pieces, strict=True)],
        lambda: flint.arb(str(exact_area(region).evalf(_DIGITS)), 10.0 ** (8 - _DIGITS)),
    )
