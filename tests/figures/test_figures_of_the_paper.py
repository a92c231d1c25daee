"""Each check of the paper's figures goes red when the data are wrong; the data never change."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from flowcert.figures import FigureCheck, FigureData, all_figures, find_figures

REGIONS, TWO, STEPS = "G1_regions", "G1_authors_and_sharp", "G4_step_alternation"
Failures = Callable[..., list[str]]


def test_all_checks_hold(computed: dict[str, FigureData]) -> None:
    for figure in all_figures():
        failed = [check for check in figure.check(computed[figure.name]) if not check.passes]
        assert not failed


def test_the_data_are_the_same_at_every_call(computed: dict[str, FigureData]) -> None:
    for figure in all_figures():
        again = figure.compute()
        assert list(again) == list(computed[figure.name])
        for key, array in again.items():
            before = computed[figure.name][key]
            assert array.dtype == before.dtype
            assert not array.dtype.hasobject
            assert array.tobytes() == before.tobytes()


def test_checks_and_pictures_leave_the_data_alone(computed: dict[str, FigureData]) -> None:
    for figure in all_figures():
        frozen = {key: array.copy() for key, array in computed[figure.name].items()}
        for array in frozen.values():
            array.setflags(write=False)
        figure.check(frozen)
        figure.draw(frozen)


@pytest.mark.parametrize("grid", ["alternating_1", "alternating_2", "whole_expansive_2"])
@pytest.mark.parametrize(
    ("part", "what"),
    [(lambda bits: np.roll(bits, 40, axis=0), "membership"), (lambda bits: bits * 0, "area")],
)
def test_wrong_members_of_a_region(
    failures_of: Failures, grid: str, part: Callable[[Any], Any], what: str
) -> None:
    assert any(what in failure for failure in failures_of(REGIONS, f"{grid}_inside", part))


def _one_point_more(bits: Any) -> None:
    """Flips the first point outside in one column (bits are packed, the highest first)."""
    row = np.unpackbits(bits[700])
    row[row.argmin()] = 1
    bits[700] = np.packbits(row)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        (REGIONS, "alternating_1_inside"),
        (REGIONS, "alternating_2_inside"),
        (REGIONS, "whole_expansive_2_inside"),
        (TWO, "whole_expansive_authors_inside"),
        (TWO, "whole_expansive_sharp_inside"),
        (TWO, "alternating_authors_inside"),
        (TWO, "alternating_sharp_inside"),
    ],
)
def test_one_wrong_point_among_four_million(failures_of: Failures, name: str, key: str) -> None:
    [failure] = failures_of(name, key, _one_point_more)
    assert "membership" in failure


@pytest.mark.parametrize(
    "box",
    [
        [(0.11, 1.89), (0, 0.06)],
        [(0.05, 1.89), (0, 0.05)],
        [(0.11, 1.99), (0, 0.05)],
        [(0.2, 1.8), (0, 0.05)],  # inside as well, but not the authors'
    ],
)
def test_another_box(failures_of: Failures, box: Any) -> None:
    assert failures_of(REGIONS, "box", lambda _: np.array(box)) == [
        "the authors' box lies inside the region"
    ]


@pytest.mark.parametrize("bound", ["authors", "sharp"])
def test_another_largest_box(failures_of: Failures, bound: str) -> None:
    [failure] = failures_of(TWO, f"largest_box_{bound}", lambda box: box * [1, 1, 0.99])
    assert "the largest box" in failure


def test_an_authors_region_outside_the_sharp_one(
    failures_of: Failures, computed: dict[str, FigureData]
) -> None:
    sharp = computed[TWO]["whole_expansive_sharp_inside"]
    failed = failures_of(TWO, "whole_expansive_authors_inside", lambda _: np.roll(sharp, 9, axis=0))
    assert "whole expansive: the authors' region lies in the sharp one" in failed


@pytest.mark.parametrize("family", ["whole_expansive", "alternating"])
def test_a_wrong_verdict_on_a_pair(failures_of: Failures, family: str) -> None:
    def flip(inside: Any) -> None:
        inside[2, 1] ^= True

    words = family.replace("_", " ")
    failed = failures_of(TWO, f"{family}_pairs_inside", flip)
    assert f"{words}: the learned pairs lie where exact arithmetic puts them" in failed


@pytest.mark.parametrize("family", ["whole_expansive", "alternating"])
def test_a_pair_that_is_not_the_published_one(failures_of: Failures, family: str) -> None:
    def nudge(steps: Any) -> None:
        steps[0, 0] = np.nextafter(steps[0, 0], 0)  # no verdict changes

    [failed] = failures_of(TWO, f"{family}_pair_steps", nudge)
    assert "the learned pairs" in failed


def test_another_number_of_pairs_outside(failures_of: Failures) -> None:
    failed = failures_of(TWO, "whole_expansive_pairs_inside", np.ones_like)
    assert "flexible network: 3 of 6 pairs lie outside box, authors' and sharp region" in failed


@pytest.mark.parametrize("network", ["non-expansive", "switching-prescribed", "switching-flexible"])
def test_wrong_steps_and_times(failures_of: Failures, network: str) -> None:
    def nudge(array: Any) -> None:
        array[5] *= 1 + 1e-9

    for key, change in (("steps", nudge), ("steps", np.negative), ("expansive", np.logical_not)):
        failed = failures_of(STEPS, f"{network}/{key}", change)
        assert any("judged pairs" in what for what in failed)
    for time in ("time", "contractive_time"):
        [failure] = failures_of(STEPS, f"{network}/{time}", nudge)
        assert "cumulative times" in failure


def test_a_prescribed_step_one_float32_off(failures_of: Failures) -> None:
    def nudge(u: Any) -> None:
        u[1, 2] = np.nextafter(np.float32(u[1, 2]), np.float32(1))

    [failure] = failures_of(STEPS, "switching-prescribed/u", nudge)
    assert "in float32" in failure


def test_what_the_networks_are_said_to_do(computed: dict[str, FigureData]) -> None:
    """The totals that the picture shows, and the odd sign of the authors' own sum."""
    data = computed[STEPS]
    for name, contractive, expansive in (
        ("non-expansive", 7.525, 0.0),
        ("switching-prescribed", 1.800, 0.749),
        ("switching-flexible", 1.040, 1.261),
    ):
        assert data[f"{name}/contractive_time"][-1] == pytest.approx(contractive, abs=5e-4)
        assert data[f"{name}/expansive_time"][-1] == pytest.approx(expansive, abs=5e-4)
    signs = np.sign(data["switching-flexible/u"])
    assert signs[:, ::2].min() == 1
    assert signs[:, 1::2].max() == -1


def test_reports_never_fail(computed: dict[str, FigureData]) -> None:
    checks = [check for figure in find_figures() for check in figure.check(computed[figure.name])]
    reports = [check for check in checks if check.kind == "report"]
    assert any(not check.holds for check in reports)  # more expansive than contractive time
    assert all(check.passes for check in reports)
    assert not FigureCheck("x", False, "y").passes


def test_every_panel_names_both_axes(computed: dict[str, FigureData]) -> None:
    """h₁ and h₂ as the authors call them, h_C and h_E as we do."""
    for figure in find_figures(["G1"]):
        picture = figure.draw(computed[figure.name])
        across = {ax.get_xlabel() for ax in picture.axes} - {""}
        up = {ax.get_ylabel() for ax in picture.axes} - {""}
        assert across == {r"contractive step $h_1 = h_{\mathrm{C}}$"}
        assert up == {r"expansive step $h_2 = h_{\mathrm{E}}$"}
