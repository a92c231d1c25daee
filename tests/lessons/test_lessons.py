"""Every lesson runs without a browser, and says what is true."""

import math
import re
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowcert import theory

LESSON = "when_does_a_layer_contract"  # what all but the first class are about
LESSONS = sorted((Path(__file__).parents[2] / "lessons").glob("*.py"))
EXPANDS, HOLDS = "✗", "✓"

Run = Callable[..., tuple[str, dict[str, Any]]]


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
class TestEveryLesson:
    def test_it_runs(
        self, path: Path, load_lesson: Callable[[str], ModuleType], run_lesson: Run
    ) -> None:
        page, _ = run_lesson(load_lesson(path.stem))
        assert "<h1" in page

    def test_marimo_finds_nothing_to_mend(self, path: Path) -> None:
        command = [sys.executable, "-m", "marimo", "check", "--strict", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr

    def test_it_is_at_home_anywhere(self, path: Path) -> None:
        text = path.read_text(encoding="utf-8")
        paths = r"""(?:["'`\s=(]/|~/|[A-Za-z]:\\)(?:home|work|tmp|root|Users|usr|mnt|opt|var)\b"""
        assert not re.findall(paths, text)
        assert "__file__" not in text

    def test_the_claims_it_names_exist(self, path: Path) -> None:
        named = set(re.findall(r"\b[A-Z]\d\.[a-z_]+\b", path.read_text(encoding="utf-8")))
        assert named <= {claim.name for claim in theory.all_claims()}
        assert named


class TestTheLayer:
    def test_at_first_it_contracts_and_the_authors_bound_gives_up(
        self, at_first: tuple[str, dict[str, Any]]
    ) -> None:
        page, defs = at_first
        verdict = defs["layer_verdict"]
        assert 2 * defs["a"] < defs["h"] < 2
        assert verdict.sharp < 1 < verdict.authors
        assert (verdict.expands, verdict.authors_admit) == (False, False)
        assert f"{HOLDS} This layer contracts" in page
        assert "The authors' bound gives up here" in page
        assert EXPANDS not in page

    @pytest.mark.parametrize(
        ("h", "kind", "heading", "gives_up"),
        [
            (0.0, "success", "✓ This layer does not expand", False),
            (1.0, "success", "✓ This layer contracts", False),
            (1.01, "success", "✓ This layer contracts", True),
            (2.0, "success", "✓ This layer does not expand", True),
            (2.01, "danger", "✗ This layer expands", False),
        ],
    )
    def test_the_box_changes_at_2a_and_at_2(
        self,
        lesson: ModuleType,
        run_lesson: Run,
        h: float,
        kind: str,
        heading: str,
        gives_up: bool,
    ) -> None:
        page, defs = run_lesson(lesson, h=h, a=0.5, sigma_min=1.0, sigma_max=1.0)
        assert heading in page
        box = lesson.box(defs["layer_verdict"], "").text
        assert f"&quot;{kind}&quot;" in box
        assert ("The authors' bound gives up here" in page) == gives_up

    @settings(deadline=None)  # the first example loads the computer algebra
    @given(
        h=st.integers(0, 260).map(lambda k: k / 100),
        a=st.integers(0, 100).map(lambda k: k / 100),
        sigma_min=st.integers(0, 100).map(lambda k: k / 100),
        sigma_max=st.integers(100, 150).map(lambda k: k / 100),
    )
    def test_the_verdict_is_the_truth(
        self, lesson: ModuleType, h: float, a: float, sigma_min: float, sigma_max: float
    ) -> None:
        verdict = lesson.judge_layer(h, a, sigma_min, sigma_max)
        beyond = Fraction(h) * Fraction(sigma_max) ** 2 > 2
        assert verdict.expands == beyond

        apart = lesson.distances(lesson.two_trajectories(h, a, sigma_min, sigma_max))
        layers = np.arange(len(apart))
        assert np.allclose(apart, verdict.sharp**layers, rtol=1e-6, atol=1e-9)
        assert np.all(apart <= verdict.authors**layers * (1 + 1e-9) + 1e-9)
        if verdict.sharp > 1 + 1e-9:
            assert np.all(np.diff(apart) > 0)

    @pytest.mark.parametrize("sigma_max", [1.0, 1.25, 1.4])
    def test_the_limit_is_met_to_the_last_bit(self, lesson: ModuleType, sigma_max: float) -> None:
        h = 2 / sigma_max**2
        for step in (math.nextafter(h, 0), h, math.nextafter(h, 3)):
            beyond = Fraction(step) * Fraction(sigma_max) ** 2 > 2
            assert lesson.judge_layer(step, 0.5, 0.7, sigma_max).expands == beyond
        limit = lesson.judge_layer(h, 0.5, 0.7, sigma_max).sharp_limit
        assert Fraction(limit) * Fraction(sigma_max) ** 2 <= 2
        assert limit == pytest.approx(h, rel=1e-15)

    def test_the_matrix_has_the_singular_values_it_was_asked_for(self, lesson: ModuleType) -> None:
        found = np.linalg.svd(lesson.rows(1.3, 0.4), compute_uv=False)
        assert np.allclose(found, [1.3, 0.4], atol=1e-12)


class TestThePair:
    def test_at_first_only_the_sharp_region_holds_it(
        self, at_first: tuple[str, dict[str, Any]]
    ) -> None:
        page, defs = at_first
        verdict = defs["pair_verdict"]
        assert (verdict.expands, verdict.authors_admit) == (False, False)
        assert f"{HOLDS} This pair does not expand" in page

    @pytest.mark.parametrize(
        ("h_E", "heading"), [(0.77, "✓ This pair does not expand"), (0.78, "✗ This pair expands")]
    )
    def test_the_box_changes_at_the_boundary(
        self, lesson: ModuleType, run_lesson: Run, h_E: float, heading: str
    ) -> None:
        # S = 2, a = ½, h_C = 1: the boundary is h_E* = 7/9.
        page, defs = run_lesson(lesson, S=2, family="whole_expansive", h_C=1.0, h_E=h_E)
        assert heading in page
        assert defs["pair_verdict"].sharp_limit == pytest.approx(7 / 9)

    @settings(deadline=None)  # the first example loads the computer algebra
    @given(
        family=st.sampled_from(["whole_expansive", "alternating"]),
        S=st.integers(1, 4),
        a=st.integers(0, 100).map(lambda k: k / 100),
        h_C=st.integers(0, 450).map(lambda k: k / 100),
        h_E=st.integers(0, 250).map(lambda k: k / 100),
    )
    def test_the_two_points_attain_the_sharp_factor(
        self, lesson: ModuleType, family: str, S: int, a: float, h_C: float, h_E: float
    ) -> None:
        verdict = lesson.judge_pair(family, S, a, h_C, h_E)
        apart, kinds = lesson.distances_through_pairs(family, S, a, h_C, h_E)
        assert kinds.count("contractive") == S * lesson.PAIRS
        after = apart[:: len(kinds) // lesson.PAIRS]
        powers = verdict.sharp ** np.arange(lesson.PAIRS + 1)
        assert np.allclose(after, powers, rtol=1e-6, atol=1e-6)
        if abs(verdict.sharp - 1) > 1e-9:
            assert verdict.expands == (verdict.sharp > 1)
            assert verdict.expands == (after[-1] > 1)
        if verdict.authors_admit:
            assert not verdict.expands


@pytest.mark.parametrize(
    ("layer", "pair"),
    [
        ((0.0, 0.0, 0.0, 1.0), (1, "whole_expansive", 0.0, 0.0)),
        ((2.6, 0.0, 1.0, 1.5), (4, "alternating", 4.5, 2.5)),
        ((1.0, 1.0, 1.0, 1.0), (1, "whole_expansive", 1.0, 2.5)),  # complete contraction
        ((2.6, 1.0, 0.0, 1.5), (1, "alternating", 4.5, 2.5)),
    ],
)
def test_extreme_sliders_still_draw(
    lesson: ModuleType,
    run_lesson: Run,
    layer: tuple[float, float, float, float],
    pair: tuple[int, str, float, float],
) -> None:
    values = dict(zip(("h", "a", "sigma_min", "sigma_max"), layer, strict=True))
    pairs = dict(zip(("S", "family", "h_C", "h_E"), pair, strict=True))
    page, _ = run_lesson(lesson, **values, **pairs)
    assert page.count("<svg") == 2
    assert not re.search(r"\b(nan|inf)\b", page)
