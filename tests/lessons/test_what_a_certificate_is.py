"""The estimates lie, the certificates do not: by singular values, fractions and PyTorch itself."""

import re
from collections.abc import Callable
from fractions import Fraction
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

LESSON = "what_a_certificate_is"
SLIDERS = ("px", "py", "iterations", "smooth", "bump", "margin", "s", "h", "slope")
HEADINGS = (
    "✗ Divided by the estimate, the layer expands",
    "✗ What PyTorch has normalised is 1-Lipschitz: refuted",
    "✗ The samples missed it",
    "float32 radii are too large",
    "✗ With zero padding the smallest gain is no bound",
    "✓ This step is 1-Lipschitz: proved",
)


def _same_convolution(kernel: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """The matrix of a 3 × 3 kernel with one pixel of zeros around, written out entry by entry."""
    matrix = np.zeros((size, size, size, size))
    for (i, j), weight in np.ndenumerate(kernel):
        for row in range(size):
            for column in range(size):
                y, x = row + i - 1, column + j - 1
                if 0 <= y < size and 0 <= x < size:
                    matrix[row, column, y, x] = weight
    return matrix.reshape(size**2, size**2)


class TestThePage:
    def test_at_first_every_estimate_fails_and_the_step_is_proved(
        self, at_first: tuple[str, dict[str, Any]]
    ) -> None:
        page, _ = at_first
        for heading in HEADINGS:
            assert heading in page
        assert page.count("<svg") == 8
        assert page.count("<h2") == 12
        assert not re.search(r"\b(nan|inf)\b", page)

    @pytest.mark.parametrize("end", ["start", "stop"])
    def test_extreme_sliders_still_draw(
        self,
        lesson: ModuleType,
        run_lesson: Callable[..., tuple[str, dict[str, Any]]],
        at_first: tuple[str, dict[str, Any]],
        end: str,
    ) -> None:
        names = [f"{name}_slider" for name in SLIDERS]
        ends = {name: SimpleNamespace(value=getattr(at_first[1][name], end)) for name in names}
        page, defs = run_lesson(lesson, **ends)
        assert page.count("<svg") == 8
        assert not re.search(r"\b(nan|inf)\b", page)
        assert len(defs["power"]["estimates"]) == (1 if end == "start" else 60)
        refuted = "✗ This step is 1-Lipschitz: refuted" in page  # h = 3
        assert refuted == (end == "stop")

    def test_the_discs_are_as_large_as_geometry_allows(
        self, lesson: ModuleType, at_first: tuple[str, dict[str, Any]]
    ) -> None:
        _, defs = at_first
        logits = lesson.WEIGHTS @ defs["point"]
        winner = int(np.argmax(logits))
        others = [j for j in range(3) if j != winner]
        apart = np.linalg.norm(lesson.WEIGHTS[others] - lesson.WEIGHTS[winner], axis=1)
        distance = np.min((logits[winner] - logits[others]) / apart)
        assert defs["plain_radius"] < 0.5 * distance
        assert distance * (1 - 1e-9) < defs["pairwise_radius"] <= distance

    def test_the_answers_are_numbers_of_this_page(
        self, at_first: tuple[str, dict[str, Any]]
    ) -> None:
        page, defs = at_first
        # ‖tridiagonal ones‖ = 1 + 2 cos(π/17), squared for two axes, over 3.
        mean = (1 + 2 * np.cos(np.pi / 17)) ** 2 / 3
        assert defs["mean"].largest_lower <= mean <= defs["mean"].largest < mean + 1e-6
        assert 1 - 1e-8 < defs["limit"].lower <= 1 < defs["limit"].upper < 1 + 1e-8
        assert 1 < defs["beyond"].lower <= 1.01 <= defs["beyond"].upper
        assert defs["tiny"].upper == pytest.approx(1e-4 * defs["full"].upper, rel=1e-6)
        assert f"{defs['tiny'].upper:.10g}" in page

    def test_what_is_assumed_and_asserted_is_on_the_page(
        self, at_first: tuple[str, dict[str, Any]]
    ) -> None:
        page, defs = at_first
        small = defs["small"]
        for line in (*small.assumptions, small.trusted, defs["asserted"].verdict):
            assert line in page
        assert defs["asserted"].holds
        assert defs["forged"].upper < defs["small"].lower  # what was asserted is false
        assert len(defs["asserted"].asserted) == 3


class TestEstimates:
    @pytest.mark.parametrize("iterations", [1, 5, 60])
    def test_power_iteration_stays_below_the_norm(
        self, lesson: ModuleType, iterations: int
    ) -> None:
        power = lesson.power_iteration(iterations)
        norm = np.linalg.norm(power["W"], 2)
        assert np.all(np.diff(power["estimates"]) > 0)
        assert power["estimates"][-1] < norm
        assert power["lower"] <= norm * (1 + 1e-14)
        assert norm * (1 - 1e-14) <= power["upper"] < power["lower"] * (1 + 1e-6)
        too_large = norm / power["estimates"][-1]
        assert 1 < power["divided"] <= too_large * (1 + 1e-14)
        assert power["growth"] == pytest.approx(too_large**lesson.GROWTH, rel=1e-9)

    @pytest.mark.parametrize(("smooth", "least"), [(0.0, 1.0), (0.7, 2.0), (1.0, 2.9)])
    def test_the_layer_is_larger_than_its_flattened_kernel(
        self, lesson: ModuleType, smooth: float, least: float
    ) -> None:
        found = lesson.flattened_kernel(smooth)
        norm = np.linalg.norm(_same_convolution(found["kernel"], lesson.PIXELS), 2)
        certificate = found["certificate"]
        assert certificate.lower <= norm * (1 + 1e-12)
        assert norm <= certificate.upper * (1 + 1e-12)
        assert least < certificate.lower
        assert found["flat"] == pytest.approx(1.0, abs=1e-6)
        # Parseval: the mean square of the gains is the sum of squares of the kernel.
        assert np.sqrt(np.mean(found["gains"] ** 2)) == pytest.approx(found["flat"], abs=1e-12)
        assert np.max(found["gains"]) <= found["torus"] * (1 + 1e-14)
        assert found["torus"] == pytest.approx(np.max(found["gains"]), rel=1e-9)

    @pytest.mark.parametrize(("width", "hit"), [(1e-6, False), (1e-4, False), (0.1, True)])
    def test_samples_miss_a_narrow_bump_and_the_upper_end_does_not(
        self, lesson: ModuleType, width: float, hit: bool
    ) -> None:
        bump = lesson.sample_bump(width)
        slopes = np.diff(bump["magnified"])
        assert slopes[7] == pytest.approx(8.5, rel=1e-6)
        assert slopes[8] == pytest.approx(-7.5, rel=1e-6)
        assert np.delete(slopes, [7, 8]) == pytest.approx(0.5, rel=1e-6)
        assert bump["near"][-1] == pytest.approx(8.5 if hit else 0.5, rel=1e-6)
        assert bump["far"][-1] == pytest.approx(8.5 if hit else 0.5, rel=2e-3)
        # Near pairs need one point on the slope, far ones two: they find it later.
        assert (np.argmax(bump["near"] > 8.4) < np.argmax(bump["far"] > 8.4)) == hit
        assert bump["certificate"].lower <= 8.5 <= bump["certificate"].upper < 20

    @pytest.mark.parametrize("margin", [1e-6, 1e-3, 1.0])
    def test_float32_radii_are_wrong_for_a_good_part_and_certified_ones_never(
        self, lesson: ModuleType, margin: float
    ) -> None:
        found = lesson.float32_radii(margin)
        assert np.sum(found["naive"] > 0) > 0.2 * lesson.CLASSIFIERS
        assert np.all(found["certified"] <= 0)
        assert np.all(found["certified"] > -1e-6)
        at_x, there, spare = found["worst"]
        assert at_x * there < 0
        assert spare >= 0

    def test_the_attack_succeeds_exactly_where_the_radius_is_too_large(
        self, lesson: ModuleType
    ) -> None:
        # 3-4-5: at the origin the distance is exactly 7/5.
        w, x, b = np.array([3.0, 4.0]), np.zeros(2), 7.0
        for r, beyond in ((1.399, False), (1.4 + 2**-40, True), (1.4 - 2**-40, False)):
            error, at_x, there, spare = lesson.attack(w, x, b, r)
            assert (error > 0) == (there < 0) == beyond
            assert error == pytest.approx(float(Fraction(r) / Fraction(7, 5) - 1), rel=1e-6)
            assert at_x == 7
            assert 0 <= spare < 1e-14

    @pytest.mark.parametrize("s", [0.0, 0.5, 1.2])
    def test_the_smallest_stretch_at_the_border(self, lesson: ModuleType, s: float) -> None:
        image = np.random.default_rng(0).normal(size=lesson.PIXELS)
        smallest = {mode: lesson.smallest_stretch(s, mode) for mode in ("zeros", "circular")}
        assert smallest["circular"] == pytest.approx(abs(1 - s), abs=1e-12)
        around = np.linalg.norm(s * image + np.roll(image, 1))
        assert around >= smallest["circular"] * np.linalg.norm(image)
        last = np.eye(lesson.PIXELS)[-1]  # falls over the edge: only s times itself is left
        assert smallest["zeros"] <= s * np.linalg.norm(last) + 1e-12
        assert (smallest["zeros"] < abs(1 - s)) == (s < 1)


class TestCertificates:
    @pytest.mark.parametrize("h", [0.0, 0.7, 1.9, 2.0, 2.01, 3.0])
    def test_the_step_by_its_formula(self, lesson: ModuleType, h: float) -> None:
        certificate = lesson.certify(lesson.Step(h).eval(), (2,), effort="quick")
        factor = max(abs(1 - 0.5 * 0.36 * h), abs(1 - h))
        assert certificate.upper == pytest.approx(factor, rel=1e-7)
        assert factor <= certificate.upper * (1 + 1e-12)
        assert 0.99 * factor < certificate.lower <= factor * (1 + 1e-12)
        [plain] = [c for c in certificate.lines[-1].candidates if c.rule == "sum"]
        assert plain.upper == pytest.approx(1 + h, rel=1e-7)
        kind, heading = lesson.judge(certificate, "It is")
        proved, refuted = certificate.upper <= 1, certificate.lower > 1
        assert (kind, heading[4]) == (
            ("success", "✓") if proved else ("danger", "✗") if refuted else ("warn", "?")
        )
        assert proved == (h < 2)
        assert refuted == (h > 2)

    def test_the_riccati_recursion_is_between_what_is_seen_and_the_product(
        self, lesson: ModuleType, at_first: tuple[str, dict[str, Any]]
    ) -> None:
        _, defs = at_first
        slope = defs["slope_slider"].value
        for depth, certificate, product in zip(
            lesson.DEPTHS, defs["chains"], defs["products"], strict=True
        ):
            network = lesson.chain(depth, slope)
            norms = [np.linalg.norm(w, 2) for n, w in network.state_dict().items() if "weight" in n]
            assert product == pytest.approx(np.prod(norms), rel=1e-6)
            assert certificate.lines[-1].rule == "Riccati recursion"
            assert certificate.lower <= certificate.upper < 0.9 * product
            points = 3 * torch.randn(50, lesson.WIDTH, dtype=torch.float64)
            jacobians = torch.func.vmap(torch.func.jacrev(network))(points)
            assert torch.linalg.matrix_norm(jacobians, 2).max() <= certificate.upper

    def test_the_file_is_checked_where_there_is_no_torch(
        self, lesson: ModuleType, at_first: tuple[str, dict[str, Any]]
    ) -> None:
        _, defs = at_first
        lines = defs["elsewhere"].splitlines()
        assert [line.split()[0] for line in lines] == ["holds"] * 3 + ["assumed"] * 3 + ["the"]
        assert defs["small"].weights_sha256 in lines[0]
        theirs = lesson.chain(2, 0.1).state_dict()
        assert defs["small"].weights.keys() == theirs.keys()
        for name, weight in defs["small"].weights.items():
            assert np.array_equal(weight, theirs[name])

    @pytest.mark.parametrize(("factor", "harmless"), [(0.9, False), (0.999, False), (1.1, True)])
    def test_tampering_is_refused_unless_it_is_true(
        self,
        lesson: ModuleType,
        at_first: tuple[str, dict[str, Any]],
        factor: float,
        harmless: bool,
    ) -> None:
        results = lesson.tamper(at_first[1]["small"], factor)
        held = [name for name, result in results.items() if result.holds]
        larger = [f"upper end times {factor:.3f}, in all places"] if harmless else []
        assert held == ["none", *larger]
        assert len(results) == 7

    def test_the_execution_is_not_the_function(self, lesson: ModuleType) -> None:
        found = lesson.execute()
        assert 1 - 1e-8 < found["certificate"].lower <= found["certificate"].upper == 1.0
        x, y, fx, fy = found["pair"]
        assert y == np.nextafter(x, np.float32(1))
        assert (fx, fy) == tuple(
            (np.float32(z) + np.float32(1000)) - np.float32(1000) for z in (x, y)
        )
        assert found["quotient"] == 2.0**24
        exact, double, single = (np.array(found[name]) for name in ("exact", "float64", "float32"))
        assert np.all(single <= double)
        assert np.all(double <= exact)
        margins = np.array(found["margins"])
        assert np.all(single[margins < 1e-6] == 0)
        assert np.all(single[margins > 1e-3] > 0.9 * exact[margins > 1e-3])
