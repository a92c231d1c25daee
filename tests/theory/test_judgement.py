"""Judgements on learned steps, against exact fractions that are computed here from scratch."""

import json
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flowcert.errors import DataError, DomainError
from flowcert.theory.judgement import (
    Criterion,
    Judgement,
    StepPair,
    judge_pair,
    judge_steps,
    published_pairs,
)
from flowcert.theory.published_steps import (
    BlockSteps,
    MatrixEstimates,
    NetworkSteps,
    step_file_text,
)
from flowcert.theory.step_pairs import pairs_of

FLEXIBLE = StepPair(
    network="switching-flexible",
    block=0,
    pair=0,
    family="whole_expansive",
    substeps=2,
    slope=0.5,
    expansive_slope=0.0,
    contractive_step=0.11,
    expansive_step=0.07,
    shares_matrix=True,
)
PRESCRIBED = replace(
    FLEXIBLE,
    network="switching-prescribed",
    family="alternating",
    expansive_slope=0.5,
    shares_matrix=False,
)
SINGLE = replace(
    FLEXIBLE,
    network="non-expansive",
    family=None,
    substeps=1,
    slope=0.0,
    expansive_step=0.0,
    shares_matrix=False,
)


def pair_of(start: StepPair, h_C: float, h_E: float = 0.0) -> StepPair:
    return replace(start, contractive_step=float(h_C), expansive_step=float(h_E))


@pytest.fixture(scope="module")
def judgements() -> dict[str, Judgement]:
    return {judgement.pair.title: judgement for judgement in judge_steps()}


def of_network(judgements: dict[str, Judgement], network: str) -> list[Judgement]:
    return [j for j in judgements.values() if j.pair.network == network]


# The published networks.


def test_three_of_the_six_flexible_pairs_lie_outside_everything(
    judgements: dict[str, Judgement],
) -> None:
    flexible = of_network(judgements, "switching-flexible")
    assert len(flexible) == 6
    names = ("authors_box", "authors_region", "sharp_region")
    verdicts = {j.pair.title.split(", ", 1)[1]: {j[n].inside for n in names} for j in flexible}
    assert verdicts == {
        "block 0, pair 0": {True},
        "block 0, pair 1": {True},
        "block 1, pair 0": {False},
        "block 1, pair 1": {True},
        "block 2, pair 0": {False},
        "block 2, pair 1": {False},
    }


def test_of_the_three_outside_one_is_saved_by_its_shared_matrix(
    judgements: dict[str, Judgement],
) -> None:
    flexible = of_network(judgements, "switching-flexible")
    outside = [j["same_matrix"] for j in flexible if not j["sharp_region"].inside]
    assert [criterion.inside for criterion in outside] == [False, False, True]
    factors = [criterion.factor for criterion in outside]
    assert factors == pytest.approx([1.183498, 1.633636, 0.955153], abs=1e-6)


def test_the_pair_whose_verdict_depends_on_the_criterion(judgements: dict[str, Judgement]) -> None:
    judgement = judgements["switching-flexible, block 2, pair 1"]
    assert judgement.pair.contractive_step == float(np.float32(0.11))
    assert judgement.pair.expansive_step == 0.06956993043422699
    assert judgement.pair.learned == (("u[2]", 0.10999999940395355), ("u[3]", -0.06956993043422699))
    assert judgement["authors_region"].factor == pytest.approx(1.013979, abs=1e-6)
    assert judgement["sharp_region"].factor == pytest.approx(1.011552, abs=1e-6)
    assert judgement["same_matrix"].factor == pytest.approx(0.955153, abs=1e-6)
    assert "zero-padded" in judgement["same_matrix"].assumption
    assert "1.0116" in judgement["same_matrix"].note
    assert judgement.overall == (
        "switching-flexible, block 2, pair 1: outside the box, the authors' region and the sharp "
        "region, but non-expansive if A is square and orthogonal (0.9552)."
    )


def test_its_rounded_steps_give_the_rounded_constants() -> None:
    judgement = judge_pair(pair_of(FLEXIBLE, 0.11, 0.07))
    assert judgement["same_matrix"].factor == pytest.approx(0.9555, abs=5e-5)
    assert judgement["sharp_region"].factor == pytest.approx(1.012, abs=5e-4)


def test_the_prescribed_pairs_lie_inside_and_on_the_edge_where_unscaled(
    judgements: dict[str, Judgement],
) -> None:
    prescribed = of_network(judgements, "switching-prescribed")
    assert len(prescribed) == 6
    for judgement in prescribed:
        assert judgement["authors_box"].inside is None
        assert judgement["same_matrix"].inside is None
        assert judgement["authors_region"].inside is True
        assert judgement["sharp_region"].inside is True
    factors = [judgement["authors_region"].factor for judgement in prescribed]
    edge = 0.999999991849  # the steps were rounded to float32, and luckily downward
    assert factors == pytest.approx([edge, edge, 0.964277287, 0.945160976, edge, edge], abs=1e-9)
    assert all(factor is not None and factor < 1 for factor in factors)


def test_zero_padding_pushes_the_unscaled_prescribed_pairs_out(
    judgements: dict[str, Judgement],
) -> None:
    found = [j["estimate_zero_padded"] for j in of_network(judgements, "switching-prescribed")]
    assert [criterion.inside for criterion in found] == [False, False, True, True, False, False]
    assert "but 1.0259 with its zero padding (an estimate)" in (
        judgements["switching-prescribed, block 0, pair 0"].overall
    )


def test_the_non_expansive_steps_all_keep_their_limit(judgements: dict[str, Judgement]) -> None:
    single = of_network(judgements, "non-expansive")
    assert len(single) == 12
    for judgement in single:
        assert judgement["step_limit"].inside is True
        assert judgement["step_limit"].factor == 1.0
        assert judgement["sharp_region"].inside is True
        assert judgement["estimate_zero_padded"].inside is True
        assert [judgement[name].inside for name in ("authors_box", "same_matrix")] == [None, None]
    assert max(judgement.pair.contractive_step for judgement in single) == float(np.float32(1.9))


def test_every_judgement_has_all_criteria_and_every_silence_a_reason(
    judgements: dict[str, Judgement],
) -> None:
    names = [
        "authors_box",
        "authors_region",
        "sharp_region",
        "same_matrix",
        "step_limit",
        "estimate_zero_padded",
    ]
    assert len(judgements) == 24
    for judgement in judgements.values():
        assert [criterion.name for criterion in judgement.criteria] == names
        for criterion in judgement.criteria:
            assert criterion.assumption
            assert (criterion.inside is None) <= bool(criterion.note)
            assert (criterion.inside is None) <= (criterion.factor is None)


def test_a_judgement_is_json(judgements: dict[str, Judgement]) -> None:
    for judgement in judgements.values():
        content = json.loads(json.dumps(judgement.to_json(), allow_nan=False))
        assert content["title"] == judgement.pair.title
        assert content["overall"] == judgement.overall
        assert content["pair"]["learned"] == dict(judgement.pair.learned)
        assert [c["inside"] for c in content["criteria"]] == [c.inside for c in judgement.criteria]


# From learned numbers to steps.


def test_flexible_steps_are_absolute_values_in_the_order_contract_expand() -> None:
    block = BlockSteps(32, 32, (-0.3, -0.01, 0.11, 0.02), (4.2,))
    pairs = pairs_of(NetworkSteps("switching-flexible", "", "", 3, 0.25, 0.5, (block, block)))
    assert [(p.block, p.pair) for p in pairs] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert [(p.contractive_step, p.expansive_step) for p in pairs[:2]] == [
        (0.3, 0.01),
        (0.11, 0.02),
    ]
    assert {(p.substeps, p.slope, p.expansive_slope) for p in pairs} == {(3, 0.25, 0.5)}
    assert all(p.family == "whole_expansive" and p.shares_matrix for p in pairs)
    assert pairs[0].contractive_matrix is None


def test_single_steps_are_absolute_values() -> None:
    block = BlockSteps(32, 32, (-0.3, 1.9, 0.0), (4.2,))
    pairs = pairs_of(NetworkSteps("non-expansive", "", "", 1, 0.0, 0.0, (block,)))
    assert [(p.pair, p.contractive_step) for p in pairs] == [(0, 0.3), (1, 1.9), (2, 0.0)]
    assert {(p.family, p.expansive_step) for p in pairs} == {(None, 0.0)}


@pytest.mark.parametrize(("rescaling", "clipped"), [(-0.5, 0.0), (0.0, 0.0), (0.75, 0.75), (3, 1)])
def test_prescribed_steps_are_rescaled_and_in_the_order_expand_contract(
    rescaling: float, clipped: float
) -> None:
    block = BlockSteps(32, 32, (-0.125, 0.3, 0.5, -0.7), (rescaling, 1.0, 4.2))
    first, second = pairs_of(NetworkSteps("switching-prescribed", "", "", 2, 0.5, 0.5, (block,)))
    assert (first.contractive_step, first.expansive_step) == (0.3, 0.125 * clipped)
    assert (second.contractive_step, second.expansive_step) == (0.7, 0.5)
    assert first.learned == (("u[0]", -0.125), ("u[1]", 0.3), ("rescalings[0]", rescaling))
    assert first.family == "alternating"
    assert not first.shares_matrix


def test_the_prescribed_product_is_exact_for_float32_numbers() -> None:
    for pair in published_pairs():
        if pair.network == "switching-prescribed":
            learned = dict(pair.learned)
            u, r = learned[f"u[{2 * pair.pair}]"], learned[f"rescalings[{pair.pair}]"]
            assert Fraction(pair.expansive_step) == Fraction(u) * Fraction(min(r, 1.0))


def test_each_step_knows_its_own_matrix() -> None:
    def matrices(network: str) -> list[tuple[str, str]]:
        names = [
            (p.contractive_matrix, p.expansive_matrix)
            for p in published_pairs()
            if p.network == network and p.block == 0
        ]
        return [(C.name if C else "", E.name if E else "") for C, E in names]

    assert matrices("switching-flexible") == [("convs.0", "convs.0"), ("convs.2", "convs.2")]
    assert matrices("switching-prescribed") == [("convs.1", "convs.0"), ("convs.3", "convs.2")]
    assert matrices("non-expansive") == [(f"convs.{i}", "") for i in range(4)]


def test_a_file_of_ones_own_is_judged(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("mine") / "mine.json"
    block = BlockSteps(8, 8, (1.0, -0.5), (1.0,))
    network = NetworkSteps("switching-flexible", "mine.pt", "", 1, 0.5, 0.0, (block,))
    path.write_text(step_file_text([network], source="mine", note=""), encoding="utf-8")
    [judgement] = judge_steps(path)
    assert judgement["authors_box"].inside is None
    assert judgement["authors_region"].inside is False
    assert judgement["sharp_region"].factor == 0.75
    assert judgement["estimate_zero_padded"].inside is None
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(DataError, match=r"mine\.json"):
        judge_steps(path)


# The criteria, one by one.


def _next32(value: float, towards: float) -> float:
    return float(np.nextafter(np.float32(value), np.float32(towards)))


@pytest.mark.parametrize(
    ("h_C", "h_E", "inside"),
    [
        (float(np.float32(0.11)), 0.0, True),  # below 0.11 as a double, and yet the edge itself
        (0.11, 0.0, True),
        (_next32(0.11, 0), 0.0, False),
        (float(np.float32(1.89)), 0.0, True),
        (1.89, 0.0, True),
        (_next32(1.89, 2), 0.0, False),
        (1.0, float(np.float32(0.05)), True),  # above 0.05 as a double
        (1.0, 0.05, True),
        (1.0, _next32(0.05, 1), False),
        (0.0, 0.0, False),
        (1e40, 0.0, False),
    ],
)
def test_the_box_has_float32_edges(h_C: float, h_E: float, inside: bool) -> None:
    criterion = judge_pair(pair_of(FLEXIBLE, h_C, h_E))["authors_box"]
    assert criterion.inside is inside
    assert criterion.factor is None


@pytest.mark.parametrize(
    "other", [replace(FLEXIBLE, substeps=1), replace(FLEXIBLE, slope=0.25), PRESCRIBED, SINGLE]
)
def test_the_box_is_for_its_own_pairs_only(other: StepPair) -> None:
    assert judge_pair(other)["authors_box"].inside is None


STEPS = st.floats(0, 3)
SLOPES = st.sampled_from([0.0, 0.25, 0.5, 0.9, 1.0])
SUBSTEPS = st.integers(1, 4)


def _fraction_factors(pair: StepPair) -> tuple[Fraction, Fraction]:
    """The squares of the authors' and of the sharp factor of a pair, exactly."""
    a, S = Fraction(pair.slope), pair.substeps
    t, h_E = Fraction(pair.contractive_step) / S, Fraction(pair.expansive_step)
    parts, count = (h_E / S, S) if pair.family == "alternating" else (h_E, 1)
    growth = (1 + parts) ** (2 * count)
    authors = 1 - 2 * a * t + t * t
    sharp = max(abs(1 - t), abs(1 - a * t)) ** 2
    return growth * authors**S, growth * sharp**S


def _square_bounds(criterion: Criterion, square: Fraction) -> None:
    assert criterion.inside is (square <= 1)
    assert criterion.factor is not None
    factor = Fraction(criterion.factor)
    assert factor**2 >= square, "not an upper bound"
    # Intervals lose where large terms cancel, so the width is measured against 1 as well.
    least = max(factor - (1 + factor) / 10**12, Fraction(0))
    assert least**2 <= square, "too wide"


@given(STEPS, STEPS, SLOPES, SUBSTEPS, st.sampled_from([FLEXIBLE, PRESCRIBED]))
@example(2.0, 0.0, 0.5, 1, FLEXIBLE)  # on the boundary
@example(1.0, 1.0, 0.5, 1, PRESCRIBED)
@example(1.0, 0.0, 0.5, 2, FLEXIBLE)
@example(2.0, 0.0, 0.5, 2, FLEXIBLE)
def test_regions_against_fractions(
    h_C: float, h_E: float, slope: float, substeps: int, start: StepPair
) -> None:
    pair = replace(pair_of(start, h_C, h_E), slope=slope, substeps=substeps)
    judgement = judge_pair(pair)
    authors, sharp = _fraction_factors(pair)
    _square_bounds(judgement["authors_region"], authors)
    _square_bounds(judgement["sharp_region"], sharp)


@given(STEPS, STEPS, SLOPES, SLOPES, SUBSTEPS)
@example(1.0, 1.0, 0.5, 0.0, 1)  # slopes 0 and 1/2: h_E drops out
def test_same_matrix_against_fractions(
    h_C: float, h_E: float, slope: float, expansive_slope: float, substeps: int
) -> None:
    pair = replace(
        pair_of(FLEXIBLE, h_C, h_E),
        slope=slope,
        expansive_slope=expansive_slope,
        substeps=substeps,
    )
    slopes = []
    for y in (Fraction(1), Fraction(-1)):
        for _ in range(substeps):
            y -= Fraction(h_C) / substeps * (y if y > 0 else Fraction(slope) * y)
        y += Fraction(h_E) * (y if y > 0 else Fraction(expansive_slope) * y)
        slopes.append(abs(y))
    _square_bounds(judge_pair(pair)["same_matrix"], max(slopes) ** 2)
    assert max(slopes) ** 2 <= _fraction_factors(pair)[1], "one matrix is never worse than two"


def test_same_matrix_needs_one_matrix_and_a_whole_step() -> None:
    different = judge_pair(replace(FLEXIBLE, shares_matrix=False))["same_matrix"]
    assert (different.inside, different.note) == (None, "the two steps have different matrices")
    alternating = judge_pair(replace(PRESCRIBED, shares_matrix=True))["same_matrix"]
    assert (alternating.inside, alternating.factor) == (None, None)


@pytest.mark.parametrize(
    ("h", "substeps", "inside", "factor"),
    [
        (2.0, 1, True, 1.0),
        (float(np.nextafter(2.0, 3.0)), 1, False, 1.0),
        (3.0, 1, False, 2.0),
        (3.0, 2, True, 1.0),
        (0.0, 1, True, 1.0),
    ],
)
def test_the_step_limit_is_two(h: float, substeps: int, inside: bool, factor: float) -> None:
    criterion = judge_pair(replace(pair_of(SINGLE, h), substeps=substeps))["step_limit"]
    assert criterion.inside is inside
    assert criterion.factor == pytest.approx(factor, abs=1e-15)
    assert criterion.factor is not None
    assert (criterion.factor <= 1) is inside


def test_the_step_limit_asks_nothing_of_the_smallest_singular_value() -> None:
    judgement = judge_pair(replace(pair_of(SINGLE, 1.0), slope=0.5))
    assert judgement["step_limit"].factor == 1.0
    assert judgement["sharp_region"].factor == 0.5


def test_the_step_limit_and_the_authors_region_exclude_each_other() -> None:
    for start in (FLEXIBLE, PRESCRIBED, SINGLE):
        judgement = judge_pair(start)
        assert (judgement["step_limit"].inside is None) != (
            judgement["authors_region"].inside is None
        )


def test_the_zero_padded_estimate_is_the_general_factor() -> None:
    A = MatrixEstimates("convs.0", 9.0, 9.0, 0.5, 1.5)
    B = MatrixEstimates("convs.1", 9.0, 9.0, 0.25, 2.0)

    def factor(start: StepPair) -> float | None:
        pair = replace(pair_of(start, 0.5, 0.25), contractive_matrix=A, expansive_matrix=B)
        return judge_pair(pair)["estimate_zero_padded"].factor

    # t = ¼: |1 − t·a·σ_min²| = 1 − 1/32 against |1 − t·σ_max²| = 1 − 9/16
    assert factor(FLEXIBLE) == pytest.approx((31 / 32) ** 2 * (1 + 0.25 * 4), rel=1e-14)
    assert factor(PRESCRIBED) == pytest.approx((31 / 32 * (1 + 0.125 * 2)) ** 2, rel=1e-14)
    single = replace(pair_of(SINGLE, 1.0), contractive_matrix=A)
    assert judge_pair(single)["estimate_zero_padded"].factor == pytest.approx(1.25, rel=1e-14)


def test_half_of_the_estimates_is_not_enough() -> None:
    A = MatrixEstimates("convs.0", 1.0, 1.0, 1.0, 1.0)
    assert (
        judge_pair(replace(FLEXIBLE, contractive_matrix=A))["estimate_zero_padded"].inside is None
    )
    assert judge_pair(replace(FLEXIBLE, expansive_matrix=A))["estimate_zero_padded"].inside is None


@pytest.mark.parametrize("start", [FLEXIBLE, PRESCRIBED, SINGLE])
def test_without_estimates_nothing_is_estimated(start: StepPair) -> None:
    criterion = judge_pair(start)["estimate_zero_padded"]
    assert (criterion.inside, criterion.factor) == (None, None)
    assert "no bound" in criterion.assumption


@pytest.mark.parametrize(
    "wrong",
    [
        pair_of(FLEXIBLE, -0.1, 0.0),
        pair_of(FLEXIBLE, 0.1, -0.1),
        pair_of(FLEXIBLE, float("nan"), 0.0),
        pair_of(FLEXIBLE, 0.1, float("inf")),
        replace(FLEXIBLE, slope=1.5),
        replace(FLEXIBLE, expansive_slope=-0.5),
        replace(FLEXIBLE, substeps=0),
        pair_of(SINGLE, -1.0),
    ],
)
def test_nonsense_is_refused(wrong: StepPair) -> None:
    with pytest.raises(DomainError):
        judge_pair(wrong)


def test_an_unknown_criterion_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        judge_pair(FLEXIBLE)["box"]  # type: ignore[index]


def test_how_criteria_read() -> None:
    assert str(Criterion("authors_box", True, None, "")) == "inside"
    assert str(Criterion("authors_box", None, None, "", "why")) == "not applicable"


def test_the_import_is_light() -> None:
    code = (
        "import sys, flowcert.theory.judgement; print(*{'torch', 'sympy', 'z3'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.strip()) == (0, "")
