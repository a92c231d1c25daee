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
    bound_contractive_factor,
    bound_expansive_gradient_factor,
    bound_expansive_layer_factor,
    bound_nonexpansive_step,
    bound_same_matrix_factor,
    exact_same_matrix_factor,
)
from .published_steps import (
    REGIMES,
    BlockSteps,
    MatrixEstimates,
    Network,
    NetworkSteps,
    read_published_steps_file,
)
from .step_regions import AUTHORS_BOX, Bound, Family, StepRegion

CriterionName = Literal[
    "authors_box",
    "authors_region",
    "sharp_region",
    "same_matrix",
    "step_limit",
    "estimate_zero_padded",
]


@dataclass(frozen=True)
class StepPair:
    """One contractive and one expansive step of a network, as its layers take them.

    ``block`` and ``pair`` count from 0, as the state dict does. ``family`` None: a single
    contractive step, ``expansive_step`` 0. ``learned``: the stored numbers that the steps come
    from. The matrices are estimates of the two steps' convolutions, None where unknown.

    >>> StepPair("switching-flexible", 2, 1, "whole_expansive", 2, 0.5, 0.0, 0.11, 0.07, True).title
    'switching-flexible, block 2, pair 1'
    """

    network: Network
    block: int
    pair: int
    family: Family | None
    substeps: int
    slope: float
    expansive_slope: float
    contractive_step: float
    expansive_step: float
    shares_matrix: bool
    learned: tuple[tuple[str, float], ...] = ()
    contractive_matrix: MatrixEstimates | None = None
    expansive_matrix: MatrixEstimates | None = None

    @property
    def title(self) -> str:
        kind = "step" if self.family is None else "pair"
        return f"{self.network}, block {self.block}, {kind} {self.pair}"


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

    >>> pair = StepPair("switching-flexible", 2, 1, "whole_expansive", 2, 0.5, 0.0, 0.11, 0.07, True)
    >>> judgement = judge_pair(pair)
    >>> [str(judgement[name]) for name in ("authors_box", "sharp_region", "same_matrix")]
    ['outside', 'outside, 1.0120', 'inside, 0.9555']
    """

    pair: StepPair
    criteria: tuple[Criterion, ...]

    def __getitem__(self, name: CriterionName) -> Criterion:
        return next(criterion for criterion in self.criteria if criterion.name == name)

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


def published_pairs(path: str | PathLike[str] | None = None) -> tuple[StepPair, ...]:
    """Return the step pairs of a step file; without a path those of the published networks.

    Steps are |u|, exactly. Prescribed: h_E = |u_{2i}|·clip(r_i, 0, 1), the exact product, then
    h_C = |u_{2i+1}|. Flexible: h_C = |u_{2i}|, then h_E = |u_{2i+1}|. Non-expansive: single steps.
    Raises DataError. Source: the public code of arXiv:2210.02373 [P].

    >>> pair = published_pairs()[-1]
    >>> pair.title, pair.contractive_step, pair.expansive_step
    ('switching-flexible, block 2, pair 1', 0.10999999940395355, 0.06956993043422699)
    """
    networks = read_published_steps_file(path)
    return tuple(pair for network in networks for pair in pairs_of(network))


def pairs_of(network: NetworkSteps) -> tuple[StepPair, ...]:
    """Return the step pairs of one network, block by block; see ``published_pairs``.

    >>> block = BlockSteps(32, 32, (0.3, -0.01), (4.2,))
    >>> network = NetworkSteps("switching-flexible", "mine.pt", "", 2, 0.5, 0.0, (block,))
    >>> [(pair.contractive_step, pair.expansive_step) for pair in pairs_of(network)]
    [(0.3, 0.01)]
    """
    rule = {
        "non-expansive": _single_steps,
        "switching-prescribed": _prescribed_steps,
        "switching-flexible": _flexible_steps,
    }[network.network]
    regime = REGIMES[network.network]
    return tuple(
        StepPair(
            network=network.network,
            block=b,
            pair=i,
            family=regime.family,
            substeps=network.substeps,
            slope=network.slope,
            expansive_slope=network.expansive_slope,
            contractive_step=steps.contractive,
            expansive_step=steps.expansive,
            shares_matrix=regime.shares_matrix,
            learned=steps.learned,
            contractive_matrix=block.matrix(steps.contractive_matrix),
            expansive_matrix=block.matrix(steps.expansive_matrix),
        )
        for b, block in enumerate(network.blocks)
        for i, steps in enumerate(rule(block))
    )


@dataclass(frozen=True)
class _Steps:
    contractive: float
    expansive: float
    learned: tuple[tuple[str, float], ...]
    contractive_matrix: str
    expansive_matrix: str


def _single_steps(block: BlockSteps) -> list[_Steps]:
    return [_Steps(abs(u), 0.0, ((f"u[{i}]", u),), f"convs.{i}", "") for i, u in enumerate(block.u)]


def _prescribed_steps(block: BlockSteps) -> list[_Steps]:
    found = []
    for i in range(0, len(block.u), 2):
        u_E, u_C, r = block.u[i], block.u[i + 1], block.rescalings[i // 2]
        learned = ((f"u[{i}]", u_E), (f"u[{i + 1}]", u_C), (f"rescalings[{i // 2}]", r))
        h_E = abs(u_E) * min(max(r, 0.0), 1.0)  # exact: 24 + 24 bits fit into a double
        found.append(_Steps(abs(u_C), h_E, learned, f"convs.{i + 1}", f"convs.{i}"))
    return found


def _flexible_steps(block: BlockSteps) -> list[_Steps]:
    found = []
    for i in range(0, len(block.u), 2):
        u_C, u_E = block.u[i], block.u[i + 1]
        learned = ((f"u[{i}]", u_C), (f"u[{i + 1}]", u_E))
        found.append(_Steps(abs(u_C), abs(u_E), learned, f"convs.{i}", f"convs.{i}"))
    return found


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
    (left, right), (low, high) = np.float32(AUTHORS_BOX)
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
    return Criterion(name, region.exact_contains(*steps), factor, "AᵀA = I and ‖B‖ ≤ 1")


def _same_matrix(pair: StepPair) -> Criterion:
    assumption = "all steps share one square orthogonal A; a zero-padded convolution is none"
    if not pair.shares_matrix or pair.family != "whole_expansive":
        why = "a single step" if pair.family is None else "the two steps have different matrices"
        return Criterion("same_matrix", None, None, assumption, why)
    numbers = pair.slope, pair.contractive_step, pair.expansive_step
    rest = pair.substeps, pair.expansive_slope
    factor = float(bound_same_matrix_factor(*numbers, *rest))
    inside = bool(exact_same_matrix_factor(*numbers, *rest) <= 1)
    product = _sharp_region(pair).factor
    note = f"the product bound, for any matrices with AᵀA = I, is {product:.4f}"
    return Criterion("same_matrix", inside, factor, assumption, note)


def _step_limit(pair: StepPair) -> Criterion:
    assumption = "σ_max(A) ≤ 1; each sub-step is at most 2"
    if pair.family is not None:
        why = "it speaks of contractive steps alone"
        return Criterion("step_limit", None, None, assumption, why)
    step = pair.contractive_step / pair.substeps
    inside = bool(step <= bound_nonexpansive_step(1.0))
    factor = float(bound_contractive_factor(pair.slope, step, 0.0, 1.0)) ** pair.substeps
    return Criterion("step_limit", inside, factor, assumption)


def _estimate_zero_padded(pair: StepPair) -> Criterion:
    assumption = "σ_min, σ_max of the zero-padded operators: an estimate, no bound"
    A = pair.contractive_matrix
    B = pair.expansive_matrix if pair.family is not None else A
    if A is None or B is None:
        why = "the file holds no estimates of these matrices"
        return Criterion("estimate_zero_padded", None, None, assumption, why)
    low, high = A.estimate_sigma_min_zero_padded, A.estimate_sigma_max_zero_padded
    step = pair.contractive_step / pair.substeps
    factor = float(bound_contractive_factor(pair.slope, step, low, high)) ** pair.substeps
    factor *= _estimate_expansive(pair, B)
    return Criterion("estimate_zero_padded", factor <= 1, factor, assumption)


def _estimate_expansive(pair: StepPair, B: MatrixEstimates) -> float:
    low, high = B.estimate_sigma_min_zero_padded, B.estimate_sigma_max_zero_padded
    if pair.family == "alternating":
        part = float(bound_expansive_layer_factor(pair.expansive_step / pair.substeps, high))
        return part**pair.substeps
    slope = pair.expansive_slope
    return float(bound_expansive_gradient_factor(slope, pair.expansive_step, low, high))
