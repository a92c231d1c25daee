"""Judging learned step pairs: which criterion holds a pair to be non-expansive, and which not.

A judgement is about somebody's numbers, not about mathematics: it is no claim, and nothing here
changes what ``flowcert check`` says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from os import PathLike
from typing import Any, Literal

import numpy as np

from .bounds import (
    bound_expansive_gradient_factor,
    bound_expansive_layer_factor,
    bound_same_matrix_factor,
    exact_same_matrix_factor,
    formula_contractive_factor,
)
from .interval import INTERVALS, Interval
from .published_steps import MatrixEstimates
from .step_pairs import StepPair, published_pairs
from .step_regions import AUTHORS_BOX, Bound, Family, StepRegion

__all__ = [
    "Criterion",
    "CriterionName",
    "Judgement",
    "StepPair",
    "judge_pair",
    "judge_steps",
    "published_pairs",
]

CriterionName = Literal[
    "authors_box",
    "authors_region",
    "sharp_region",
    "same_matrix",
    "step_limit",
    "estimate_zero_padded",
]


@dataclass(frozen=True)
class Criterion:
    """What one criterion says of a pair.

    ``inside`` is None where it is not applicable, and ``note`` then says why. ``factor`` is a
    rigorous upper bound of the Lipschitz constant under ``assumption`` (of an ``estimate_…``
    criterion: no more than an estimate), None where the criterion has none.

    >>> str(Criterion("sharp_region", False, 1.0116, "AᵀA = I"))
    'outside, 1.0116'
    """

    name: CriterionName
    inside: bool | None
    factor: float | None
    assumption: str
    note: str = ""

    def __str__(self) -> str:
        if self.inside is None:
            return "not applicable"
        verdict = "inside" if self.inside else "outside"
        return verdict if self.factor is None else f"{verdict}, {self.factor:.4f}"


@dataclass(frozen=True)
class Judgement:
    """All criteria on one pair, always the same six in the same order.

    >>> judgement = judge_pair(published_pairs()[-1])
    >>> [str(judgement[name]) for name in ("authors_box", "sharp_region", "same_matrix")]
    ['outside', 'outside, 1.0116', 'inside, 0.9552']
    """

    pair: StepPair
    criteria: tuple[Criterion, ...]

    def __getitem__(self, name: CriterionName) -> Criterion:
        for criterion in self.criteria:
            if criterion.name == name:
                return criterion
        raise KeyError(name)

    @property
    def overall(self) -> str:
        """What the criteria say together, in one sentence."""
        where = {
            "the box": self["authors_box"].inside,
            "the authors' region": self["authors_region"].inside,
            "the sharp region": self["sharp_region"].inside,
            "the step limit": self["step_limit"].inside,
        }
        inside = [name for name, verdict in where.items() if verdict]
        outside = [name for name, verdict in where.items() if verdict is False]
        parts = [f"inside {_listed(inside)}"] if inside else []
        parts += [f"outside {_listed(outside)}"] if outside else []
        same = self["same_matrix"]
        if outside and same.inside is not None:
            verdict = "but non-expansive" if same.inside else "and expansive even"
            parts.append(f"{verdict} if A is square and orthogonal ({same.factor:.4f})")
        padded = self["estimate_zero_padded"]
        if inside and padded.inside is False:
            parts.append(f"but {padded.factor:.4f} with its zero padding (an estimate)")
        return f"{self.pair.title}: {', '.join(parts)}."

    def to_json(self) -> dict[str, Any]:
        """Return the judgement as a JSON object."""
        return {
            "title": self.pair.title,
            "pair": {**asdict(self.pair), "learned": dict(self.pair.learned)},
            "criteria": [asdict(criterion) for criterion in self.criteria],
            "overall": self.overall,
        }


def _listed(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def judge_pair(pair: StepPair) -> Judgement:
    """Judge one step pair by every criterion, each under its own assumption.

    Exact verdicts of the regions, the step limit and the same-matrix criterion at the exact value
    of the floats; the box in float32, as its edges are; factors rounded outward. Raises DomainError
    for steps and slopes outside their domain. Source: box and authors' region: paper [P]; the
    others: flowcert, claims of groups D2, D3, D6 [D].

    >>> judge_pair(published_pairs()[0]).overall
    'non-expansive, block 0, step 0: inside the sharp region and the step limit.'
    """
    judges: tuple[Callable[[StepPair], Criterion], ...] = (
        _authors_box,
        _authors_region,
        _sharp_region,
        _same_matrix,
        _step_limit,
        _estimate_zero_padded,
    )
    return Judgement(pair, tuple(judge(pair) for judge in judges))


def judge_steps(path: str | PathLike[str] | None = None) -> tuple[Judgement, ...]:
    """Judge every pair of a step file; without a path those of the published networks.

    Raises DataError. Source: flowcert.

    >>> flexible = [j for j in judge_steps() if j.pair.network == "switching-flexible"]
    >>> [j["sharp_region"].inside for j in flexible]
    [True, True, False, True, False, False]
    """
    return tuple(judge_pair(pair) for pair in published_pairs(path))


def _authors_box(pair: StepPair) -> Criterion:
    assumption = "AᵀA = I, S = 2, slope ½, one whole expansive step; edges as float32 numbers"
    if (pair.family, pair.substeps, pair.slope) != ("whole_expansive", 2, 0.5):
        return Criterion("authors_box", None, None, assumption, "the box was made for other pairs")
    # The weights are float32, and so is an edge at which training clipped them.
    (left, right), (low, high) = np.asarray(AUTHORS_BOX, dtype=np.float32)
    with np.errstate(over="ignore"):
        h_C, h_E = np.float32(pair.contractive_step), np.float32(pair.expansive_step)
    inside = bool(left <= h_C <= right and low <= h_E <= high)
    return Criterion("authors_box", inside, None, assumption)


def _authors_region(pair: StepPair) -> Criterion:
    if pair.family is None:
        why = "a single step has no companion: see the step limit"
        return Criterion("authors_region", None, None, "AᵀA = I", why)
    return _region("authors_region", pair, pair.family, "authors")


def _sharp_region(pair: StepPair) -> Criterion:
    # Without an expansive step both families are the same.
    return _region("sharp_region", pair, pair.family or "whole_expansive", "sharp")


def _region(name: CriterionName, pair: StepPair, family: Family, bound: Bound) -> Criterion:
    region = StepRegion(family, bound, pair.substeps, pair.slope)
    steps = pair.contractive_step, pair.expansive_step
    factor = float(region.bound_factor(*steps))
    assumption = "AᵀA = I, expansive field of Lipschitz constant ≤ 1"
    return Criterion(name, region.exact_contains(*steps), factor, assumption)


def _same_matrix(pair: StepPair) -> Criterion:
    assumption = "all steps share one square orthogonal A; a zero-padded convolution is none"
    why = None
    if pair.family != "whole_expansive":
        why = "it is known for whole-expansive pairs only"
    elif not pair.shares_matrix:
        why = "the two steps have different matrices"
    if why is not None:
        return Criterion("same_matrix", None, None, assumption, why)
    numbers = pair.slope, pair.contractive_step, pair.expansive_step
    rest = pair.substeps, pair.expansive_slope
    factor = float(bound_same_matrix_factor(*numbers, *rest))
    inside = bool(exact_same_matrix_factor(*numbers, *rest) <= 1)
    note = f"product bound, which needs no shared A: {_sharp_region(pair).factor:.4f}"
    return Criterion("same_matrix", inside, factor, assumption, note)


def _step_limit(pair: StepPair) -> Criterion:
    assumption = "σ_max(A) ≤ 1: then a sub-step of at most 2 is non-expansive"
    if pair.family is not None:
        why = "it speaks of contractive steps alone"
        return Criterion("step_limit", None, None, assumption, why)
    inside = pair.contractive_step <= 2 * pair.substeps
    factor = float(_contraction(pair, 0.0, 1.0).upper)
    return Criterion("step_limit", inside, factor, assumption)


def _contraction(pair: StepPair, sigma_min: float, sigma_max: float) -> Interval:
    """The sharp factor of all contractive sub-steps."""
    step = Interval.of(pair.contractive_step) / pair.substeps
    numbers = Interval.of(pair.slope), step, Interval.of(sigma_min), Interval.of(sigma_max)
    factor: Interval = formula_contractive_factor(INTERVALS, *numbers)
    return factor**pair.substeps


def _estimate_zero_padded(pair: StepPair) -> Criterion:
    assumption = "σ_min, σ_max of the zero-padded operators: an estimate, no bound"
    A, B = pair.contractive_matrix, pair.expansive_matrix
    if A is None or (B is None and pair.family is not None):
        why = "the file holds no estimates of these matrices"
        return Criterion("estimate_zero_padded", None, None, assumption, why)
    low, high = A.estimate_sigma_min_zero_padded, A.estimate_sigma_max_zero_padded
    factor = float(_contraction(pair, low, high).upper)
    if B is not None:
        factor *= _estimate_expansion(pair, B)
    return Criterion("estimate_zero_padded", factor <= 1, factor, assumption)


def _estimate_expansion(pair: StepPair, B: MatrixEstimates) -> float:
    low, high = B.estimate_sigma_min_zero_padded, B.estimate_sigma_max_zero_padded
    if pair.family == "alternating":
        part = float(bound_expansive_layer_factor(pair.expansive_step / pair.substeps, high))
        return part**pair.substeps
    slope = pair.expansive_slope
    return float(bound_expansive_gradient_factor(slope, pair.expansive_step, low, high))
