"""D1, D2: a pair of layers whose steps lie in a region is non-expansive; four regions.

The families ``alternating`` and ``whole_expansive``, each under the authors' and the sharp bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import z3
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ....numerics import (
    ExpansiveLayerField,
    GradientField,
    VectorField,
    leaky_relu,
    switching_euler,
)
from ....numerics.validation import FloatArray
from ... import strategies
from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness
from ...measuring import difference_quotient, rounding_allowance
from ...proof import Proof, cited
from ...proof.smt import SmtArithmetic, prove_by_smt
from ...step_regions import Bound, Family, StepRegion
from .authors_factor import orthonormal_matrices


@dataclass(frozen=True)
class StepPair:
    """Contractive and expansive Euler steps in turn, and two points to compare."""

    region: StepRegion
    h_C: float
    h_E: float
    pieces: tuple[tuple[VectorField, float], ...]
    x: FloatArray
    y: FloatArray

    def attained_factor(self) -> float:
        """The larger of the pair's difference quotient and the norm of its Jacobian at x."""
        n = len(self.x)
        jacobian, state = np.eye(n), self.x
        for field, h in self.pieces:
            jacobian = (np.eye(n) + h * field.jacobian(state)) @ jacobian
            state = switching_euler([(field, h)], state)
        quotient = difference_quotient(lambda p: switching_euler(self.pieces, p), self.x, self.y)
        return max(quotient, float(np.linalg.norm(jacobian, 2)))


@st.composite
def _pairs(draw: st.DrawFn, family: Family, bound: Bound) -> StepPair:
    region, h_C, h_E = draw(strategies.step_pairs(family, bound))
    A = draw(orthonormal_matrices())
    contractive = draw(strategies.gradient_fields(A, region.slope))
    n = contractive.dimension
    B = draw(strategies.matrices(rows=n, columns=n, sigma_max=1.0))
    expansive = ExpansiveLayerField(
        B.entries, draw(strategies.points(n)), draw(strategies.activations())
    )
    fields: dict[str, VectorField] = {"contractive": contractive, "expansive": expansive}
    kinds, sizes = _schedule(region, h_C, h_E)
    pieces = tuple((fields[kind], h) for kind, h in zip(kinds, sizes, strict=True))
    return StepPair(region, h_C, h_E, pieces, *draw(strategies.point_pairs(n)))


def extreme_pair(
    region: StepRegion,
    h_C: float,
    h_E: float,
    A: FloatArray,
    B: FloatArray,
    contractive_slope: Literal["smallest", "one"] = "smallest",
) -> StepPair:
    """A pair whose every sub-step has a bias of its own, chosen so that both points see one slope.

    The contractive sub-steps have the smallest slope a or slope 1, the expansive ones slope 1.
    """
    n = A.shape[1]
    x, y = np.zeros(n), np.eye(n)[-1]
    side = -1.0 if contractive_slope == "smallest" else 1.0
    pieces: list[tuple[VectorField, float]] = []
    for kind, h in zip(*_schedule(region, h_C, h_E), strict=True):
        far = 4.0 * (1.0 + float(np.abs(x).max()) + float(np.abs(y).max()))
        field: VectorField
        if kind == "contractive":
            field = GradientField(A, side * far * np.ones(len(A)), leaky_relu(region.slope))
        else:
            field = ExpansiveLayerField(B, far * np.linalg.norm(B, 2) * np.ones(n))
        pieces.append((field, h))
        x, y = switching_euler([(field, h)], x), switching_euler([(field, h)], y)
    return StepPair(region, h_C, h_E, tuple(pieces), np.zeros(n), np.eye(n)[-1])


def _schedule(region: StepRegion, h_C: float, h_E: float) -> tuple[list[str], list[float]]:
    """The kinds and sizes of the Euler steps of one pair, in the order of its family."""
    S = region.substeps
    if region.family == "alternating":
        return ["contractive", "expansive"] * S, [h_C / S, h_E / S] * S
    return ["contractive"] * S + ["expansive"], [h_C / S] * S + [h_E]


class _StepPairClaim(Claim[StepPair]):
    """What the four regions share; not a theorem of its own."""

    family: ClassVar[Family]
    bound: ClassVar[Bound]
    gap: ClassVar[str | None]

    @property
    def example(self) -> StepRegion:
        """The region of the witnesses and mutants: a = ½, S = 2."""
        return StepRegion(self.family, self.bound, 2, 0.5)

    def prove(self) -> Proof:
        steps = [
            cited(
                "the pair's Lipschitz constant is at most the product of its steps'",
                "composition of Lipschitz maps; factors of D1.authors_factor or D2.sharp_factor and"
                " D1.expansive_layer_factor",
            )
        ]
        on = SmtArithmetic()
        a, h_C, h_E, q = z3.Reals("a h_C h_E q")
        substep = StepRegion(self.family, self.bound, 1, a)
        root = substep.formula_contraction(on, h_C)
        steps.append(
            prove_by_smt(
                "the squared sub-step factor of the criterion is the square of that of the limit",
                name="same-substep",
                given=[a >= 0, a <= 1, h_C >= 0, *on.side_conditions],
                show=z3.And(root >= 0, root * root == substep.formula_squared_contraction(on, h_C)),
            )
        )
        for S in (1, 2, 3, 4):
            region = StepRegion(self.family, self.bound, S)
            steps.append(
                prove_by_smt(
                    rf"$S = {S}$: the squared factor is $\le 1$ exactly for $h_E \le h_E^*$",
                    name=f"boundary-S{S}",
                    given=[q > 0, h_E >= 0],
                    show=(region.formula_criterion_of(q * q, h_E) <= 1)
                    == (h_E <= region.formula_expansive_limit_of(q)),
                )
            )
        return Proof(tuple(steps))

    def instances(self) -> SearchStrategy[StepPair]:
        return _pairs(self.family, self.bound)

    def measure(self, instance: StepPair) -> Measurement:
        biases = [getattr(f, "b", getattr(f, "c", np.zeros(1))) for f, _ in instance.pieces]
        size = np.linalg.norm(instance.x) + np.linalg.norm(instance.y) + 1
        size += sum(
            abs(h) * np.linalg.norm(bias)
            for bias, (_, h) in zip(biases, instance.pieces, strict=True)
        )
        growth = (1 + instance.h_C) * (1 + instance.h_E)
        distance = min(1.0, float(np.linalg.norm(instance.x - instance.y)))
        allowance = rounding_allowance(float(size) * growth, distance)
        return Measurement(instance.attained_factor(), 1.0, allowance, what="factor of the pair")

    def witness(self) -> Witness:
        region = self.example
        # Left of the highest point the smallest slope is the worst one, right of it slope 1.
        h_E = float(region.exact_expansive_limit(1))
        left = extreme_pair(region, 1.0, h_E, np.eye(1), np.eye(1))
        measured = _attained(left)
        if self.bound == "sharp" and measured.attained:
            far = float(region.exact_expansive_limit(3.5))
            measured = _attained(extreme_pair(region, 3.5, far, np.eye(1), np.eye(1), "one"))
        return Witness(
            "a = ½, S = 2, every sub-step with its own bias: h_C = 1 and, with slope 1 instead of"
            " a, h_C = 7/2; each with h_E = h_E*(h_C)",
            measured,
            self.gap,
        )

    def mutants(self) -> Sequence[Mutant]:
        region = self.example
        one, two = np.eye(1), np.eye(2)
        h_E = float(region.exact_expansive_limit(1))
        beyond = float(StepRegion(self.family, "sharp", 2, 0.5).exact_expansive_limit(1)) * 1.01
        return (
            Mutant(
                "columns not orthonormal",
                "A_C = diag(1, 0.1): unit norm, but σ_min = 0.1",
                lambda: _attained(extreme_pair(region, 1.0, h_E, np.diag([1.0, 0.1]), two)),
            ),
            Mutant(
                "expansive matrix too large",
                "‖B‖ = 4 instead of at most 1",
                lambda: _attained(extreme_pair(region, 1.0, h_E, one, 4 * one)),
            ),
            Mutant(
                "beyond the sharp boundary",
                "h_E one per cent larger than what any bound can allow",
                lambda: _attained(extreme_pair(region, 1.0, beyond, one, one)),
            ),
        )


def _attained(pair: StepPair) -> Measurement:
    return Measurement(pair.attained_factor(), 1.0, 1e-9, what="factor of the pair")


_ASSUMPTIONS = (
    Assumption(r"A_C^T A_C = I,\ \|B\| \le 1", "matrices of the two kinds of step"),
    Assumption(r"\sigma_E' \in [0, 1]", "slopes of the expansive activation"),
    Assumption(r"\sigma' \in [a, 1],\ 0 \le a \le 1", "slopes of the contractive activation"),
    Assumption(r"h_C, h_E \ge 0,\ 1 \le S \le 4", "steps and number of sub-steps"),
)
_CONVERSE = Assumption(
    r"(A_i, b_i)",
    "the witness attains the boundary with one for each sub-step; shared ones: group D6",
)
_LOOSE = "the authors' factor of the contractive step is not attained by gradient fields"


class AuthorsAlternating(_StepPairClaim):
    name = "D1.alternating_region"
    title = "The authors' region, alternating sub-steps"
    statement = (
        r"h_E \le S\Big(\frac1q - 1\Big),\ q = \sqrt{1 - 2a\tfrac{h_C}{S} + \tfrac{h_C^2}{S^2}}"
        r" \;\Rightarrow\; \text{the pair is non-expansive}"
    )
    assumptions = _ASSUMPTIONS
    source = Source("paper, figure of the regions, first and second panel", "P")
    family: ClassVar[Family] = "alternating"
    bound: ClassVar[Bound] = "authors"
    gap = _LOOSE


class AuthorsWholeExpansive(_StepPairClaim):
    name = "D1.whole_expansive_region"
    title = "The authors' region, one whole expansive step"
    statement = (
        r"h_E \le q^{-S} - 1,\ q = \sqrt{1 - 2a\tfrac{h_C}{S} + \tfrac{h_C^2}{S^2}}"
        r" \;\Rightarrow\; \text{the pair is non-expansive}"
    )
    assumptions = _ASSUMPTIONS
    source = Source("paper, figure of the regions, third and fourth panel", "P")
    family: ClassVar[Family] = "whole_expansive"
    bound: ClassVar[Bound] = "authors"
    gap = _LOOSE


class SharpAlternating(_StepPairClaim):
    name = "D2.alternating_region"
    title = "The sharp region, alternating sub-steps"
    statement = (
        r"h_E \le S\Big(\frac1q - 1\Big),\ q = \max\big(|1 - \tfrac{h_C}{S}|,"
        r" |1 - a\tfrac{h_C}{S}|\big) \;\Rightarrow\;"
        r" \text{the pair is non-expansive}"
    )
    assumptions = (*_ASSUMPTIONS, _CONVERSE)
    source = Source("flowcert", "D")
    family: ClassVar[Family] = "alternating"
    bound: ClassVar[Bound] = "sharp"
    gap = None


class SharpWholeExpansive(_StepPairClaim):
    name = "D2.whole_expansive_region"
    title = "The sharp region, one whole expansive step"
    statement = (
        r"h_E \le q^{-S} - 1,\ q = \max\big(|1 - \tfrac{h_C}{S}|,"
        r" |1 - a\tfrac{h_C}{S}|\big) \;\Rightarrow\;"
        r" \text{the pair is non-expansive}"
    )
    assumptions = (*_ASSUMPTIONS, _CONVERSE)
    source = Source("flowcert", "D")
    family: ClassVar[Family] = "whole_expansive"
    bound: ClassVar[Bound] = "sharp"
    gap = None
