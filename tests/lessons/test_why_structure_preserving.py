"""In every section the baseline fails and the structured method holds, by independent numbers."""

import re
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

LESSON = "why_structure_preserving"
SECTIONS = ("swing", "circuit", "tumble", "epidemic", "descent", "network")


class TestThePage:
    @pytest.mark.parametrize("section", SECTIONS)
    def test_at_first_the_baseline_fails_and_the_structured_method_holds(
        self, at_first: tuple[str, dict[str, Any]], section: str
    ) -> None:
        baseline, structured = at_first[1][f"{section}_verdicts"]
        assert (baseline.kept, structured.kept) == (False, True)
        assert f"✗ {baseline.head}" in at_first[0]
        assert f"✓ {structured.head}" in at_first[0]

    def test_at_first_red_and_green_boxes_alternate_above_six_pictures(
        self, at_first: tuple[str, dict[str, Any]]
    ) -> None:
        page, _ = at_first
        assert re.findall(r'"(danger|success)"', page) == ["danger", "success"] * 6
        assert re.findall("[✗✓]", page) == ["✗", "✓"] * 6
        assert page.count("<svg") == 6

    @pytest.mark.parametrize("end", ["lowest", "highest"])
    def test_extreme_sliders_still_draw(
        self,
        lesson: ModuleType,
        run_lesson: Callable[..., tuple[str, dict[str, Any]]],
        at_first: tuple[str, dict[str, Any]],
        end: str,
    ) -> None:
        names = {
            "swing_h": "swing",
            "circuit_h": "circuit",
            "amplitude": "amplitude",
            "tumble_h": "tumble",
            "epidemic_h": "epidemic",
            "descent_h": "descent",
            "layer_h": "layer",
            "weight_size": "weight",
        }
        sliders = {name: at_first[1][f"{stem}_slider"] for name, stem in names.items()}
        ends = {name: s.start if end == "lowest" else s.stop for name, s in sliders.items()}
        page, defs = run_lesson(lesson, **ends)
        assert page.count("<svg") == 6
        assert not re.search(r"\b(nan|inf)\b", page)
        kept = {name: tuple(v.kept for v in defs[f"{name}_verdicts"]) for name in SECTIONS}
        expected = dict.fromkeys(SECTIONS, (False, True))
        if end == "lowest":
            expected["descent"] = (True, True)  # short enough for RK4
        else:
            expected["swing"] = (False, False)  # too long for Störmer–Verlet
        assert kept == expected

    def test_the_answers_to_the_exercises_are_numbers_of_this_page(
        self, at_first: tuple[str, dict[str, Any]]
    ) -> None:
        page, defs = at_first
        assert defs["accurate"].largest < defs["symplectic"].largest
        assert 2e4 < defs["overtaken"] < 3e4
        assert f"{defs['overtaken']:.0f}" in page
        assert defs["both_kept"].largest < 1e-13
        assert np.ptp(defs["lengths"]) < 1e-13
        assert defs["mended"].largest < 1e-14
        assert defs["mended"].states.min() == 0.0

    def test_sums_of_symplectic_steps_are_not_symplectic(
        self, at_first: tuple[str, dict[str, Any]]
    ) -> None:
        def verlet(y: NDArray[np.float64]) -> NDArray[np.float64]:
            half = y[1] - 0.5 * np.sin(y[0])
            q = y[0] + half
            return np.array([q, half - 0.5 * np.sin(q)])

        width = 1e-5
        at = np.array([0.0, 1.0])
        columns = [
            (verlet(at + width * e) - verlet(at - width * e)) / (2 * width) for e in np.eye(2)
        ]
        J = np.stack(columns, axis=-1)
        assert np.linalg.det(J) == pytest.approx(1, abs=1e-8)
        oracle = [np.linalg.det(np.eye(2) + J), np.linalg.det((np.eye(2) + J) / 2)]
        assert at_first[1]["skipped"] == pytest.approx(oracle, abs=1e-8)
        assert min(abs(x - 1) for x in oracle) > 0.05
        assert at_first[1]["turn"] == pytest.approx(verlet(at))


class TestThePendulum:
    def test_the_runs_are_those_of_the_methods(self, lesson: ModuleType) -> None:
        h = 0.25
        euler, _, verlet, midpoint = lesson.run_pendulum(h)
        y = z = np.array([1.5, 0.0])
        for k in range(1, 200):
            y = y + h * np.array([y[1], -np.sin(y[0])])
            p = z[1] - h / 2 * np.sin(z[0])
            q = z[0] + h * p
            z = np.array([q, p - h / 2 * np.sin(q)])
            assert euler.states[k] == pytest.approx(y, abs=1e-9)
            assert verlet.states[k] == pytest.approx(z, abs=1e-9)
        energy = 0.5 * y[1] ** 2 + np.cos(1.5) - np.cos(y[0])
        assert euler.error[199] == pytest.approx(energy, abs=1e-8)
        x, x_new = midpoint.states[100:102]
        m = (x + x_new) / 2
        assert x_new - x == pytest.approx(h * np.array([m[1], -np.sin(m[0])]), abs=1e-13)

    @pytest.mark.parametrize("h", [0.1, 0.2, 0.5])
    def test_baselines_grow_in_time_and_symplectic_methods_do_not(
        self, lesson: ModuleType, h: float
    ) -> None:
        euler, rk4, *symplectic = lesson.run_pendulum(h)
        for run in (euler, rk4):
            assert run.largest_until(75) > 1.5 * run.largest_until(37.5)
            assert run.largest > 1.3 * run.largest_until(75)
        for run in symplectic:
            assert run.largest < 1.01 * run.largest_until(37.5)

    def test_small_steps_make_small_errors_of_the_right_order(self, lesson: ModuleType) -> None:
        long, short = (lesson.run_pendulum(h) for h in (0.2, 0.1))
        ratios = [
            x.largest_until(10) / y.largest_until(10) for x, y in zip(long, short, strict=True)
        ]
        assert ratios[0] > 1.5  # Euler: smaller, though it still grows
        assert ratios[2:] == pytest.approx([4, 4], rel=0.05)

    def test_stormer_verlet_keeps_the_modified_energy_two_orders_better(
        self, lesson: ModuleType
    ) -> None:
        spans = []
        for h in (0.2, 0.1):
            verlet = lesson.run_pendulum(h)[2]
            spans.append(np.ptp(lesson.modified_energy(verlet.states, h)))
        assert spans[0] / spans[1] == pytest.approx(16, rel=0.05)
        assert spans[1] < verlet.largest / 100

    def test_the_defect_in_the_box_is_that_of_euler(self, lesson: ModuleType) -> None:
        # det J − 1 = h² cos q, at the bottom h².
        baseline, structured = lesson.judge_pendulum(lesson.run_pendulum(0.5), 0.5)
        assert "| Euler | 0.25 |" in baseline.words
        [defect] = re.findall(r"StormerVerlet \| \$[\d.]+ \\cdot 10\^\{(-\d+)\}", structured.words)
        assert int(defect) < -30

    @pytest.mark.parametrize(
        ("h", "kept", "head", "fate"),
        [
            (1.0, True, "Symplectic", "RK4 takes energy out"),
            (1.5, True, "Symplectic", "RK4 brings it to rest"),
            (1.6, False, "Symplectic, and astray", "RK4 brings it to rest"),
        ],
    )
    def test_a_step_that_is_too_long_is_not_saved_by_structure(
        self, lesson: ModuleType, h: float, kept: bool, head: str, fate: str
    ) -> None:
        baseline, structured = lesson.judge_pendulum(lesson.run_pendulum(h), h)
        assert (structured.kept, structured.head) == (kept, head)
        assert fate in baseline.words
        assert not baseline.kept


class TestDuffing:
    @pytest.mark.parametrize(("h", "amplitude"), [(0.1, 0.25), (0.6, 0.25), (0.6, 2.0)])
    def test_gonzalez_keeps_the_quartic_and_the_midpoint_rule_does_not(
        self, lesson: ModuleType, h: float, amplitude: float
    ) -> None:
        midpoint, gonzalez = lesson.run_duffing(h, amplitude)
        energy = amplitude**2 / 2 + amplitude**4 / 4
        q, p = gonzalez.states.T
        assert np.abs(p**2 / 2 + q**2 / 2 + q**4 / 4 - energy).max() < 2e-14 * energy
        assert midpoint.largest > 1e-6 * energy
        assert np.ptp(q) > 1.9 * amplitude  # it goes round

    def test_the_midpoint_error_is_of_second_order(self, lesson: ModuleType) -> None:
        long, short = (lesson.run_duffing(h, 1.0)[0].largest for h in (0.2, 0.1))
        assert long / short == pytest.approx(4, rel=0.05)

    def test_the_price_is_in_the_box(self, lesson: ModuleType) -> None:
        midpoint, gonzalez = lesson.judge_duffing(lesson.run_duffing(0.5, 1.5), 0.5)
        assert re.search(
            r"\| ImplicitMidpoint \| 0\.\d+ \| \$[\d.]+ \\cdot 10\^\{-4\d\}", midpoint.words
        )
        assert re.search(
            r"\| Gonzalez \| \$[\d.]+ \\cdot 10\^\{-1[456]\}\$ \| 0\.001", gonzalez.words
        )


class TestTheSphere:
    @pytest.mark.parametrize("h", [0.05, 0.6, 0.9])
    def test_heun_spirals_outwards_by_the_formula_of_the_text(
        self, lesson: ModuleType, h: float
    ) -> None:
        heun, *structured = lesson.run_rigid_body(h)

        def rate(y: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.cross(y, y * np.array([0.5, 1.0, 1.5]))

        for y, y_new in zip(heun.states, heun.states[1:], strict=False):
            k1 = rate(y)
            k2 = rate(y + h * k1)
            gain = h**2 / 4 * np.sum((k1 - k2) ** 2)
            assert y_new @ y_new - y @ y == pytest.approx(gain, rel=1e-6, abs=1e-14)
        assert np.all(np.diff(heun.error) > 0)
        for run in structured:
            assert np.abs(np.linalg.norm(run.states, axis=1) - np.sqrt(1.81)).max() < 1e-14

    def test_the_sphere_is_seen_from_outside_without_distortion(self, lesson: ModuleType) -> None:
        assert lesson.VIEW @ lesson.VIEW.T == pytest.approx(np.eye(2))
        assert lesson.VIEW @ np.array([0.48, 0.64, 0.6]) == pytest.approx(np.zeros(2))


class TestTheEpidemic:
    @pytest.mark.parametrize("h", [0.05, 0.5, 2.0])
    def test_patankar_stays_positive_and_loses_the_mass(self, lesson: ModuleType, h: float) -> None:
        patankar, euler, rk4 = lesson.run_epidemic(h)
        assert patankar.states.min() >= 0
        assert patankar.largest > 0.05
        # The change of the mass is h·(what leaves x explicitly − implicitly, and the same for y).
        (x, y, _), (x_new, y_new, _) = patankar.states[:2]
        assert patankar.error[1] == pytest.approx(h * y * (x - x_new) + h * (y - y_new))
        for run in (euler, rk4):
            assert np.abs(run.states.sum(axis=1) - 2.5).max() < 1e-14

    @pytest.mark.parametrize(("h", "warned"), [(1.0, False), (1.1, True)])
    def test_negative_numbers_are_admitted(
        self, lesson: ModuleType, h: float, warned: bool
    ) -> None:
        # Euler's first step takes x = 2 to 2 − h, the next ones reach 0 beyond h = 1.
        _, structured = lesson.judge_epidemic(lesson.run_epidemic(h))
        assert structured.kept
        assert ("Negative numbers of people" in structured.words) == warned


class TestTheValley:
    @pytest.mark.parametrize(
        ("h", "kept", "head"),
        [
            (2.0, True, "It does not expand"),
            (2.05, False, "It may expand"),
            (2.75, False, "It may expand"),
            (2.85, False, "It expands"),
        ],
    )
    def test_the_box_of_rk4_changes_at_2_and_at_the_end_of_its_stability_interval(
        self, lesson: ModuleType, h: float, kept: bool, head: str
    ) -> None:
        rk4, midpoint = lesson.judge_descent(h)
        assert (rk4.kept, rk4.head) == (kept, head)
        assert midpoint.kept
        assert "| RK4 | 2.00 |" in rk4.words
        assert "| ImplicitMidpoint | ∞ |" in midpoint.words

    def test_the_factors_in_the_box(self, lesson: ModuleType) -> None:
        # Far beyond, linear fields are the worst: R(−7/2) = 2.73177 in fractions.
        rk4, midpoint = lesson.judge_descent(3.5)
        here, worst = map(float, re.findall(r"\d\.\d{4}", rk4.words))
        assert 2.6 < here < 2.7318
        assert worst == pytest.approx(2.73177, abs=2e-4)
        assert worst <= 2.73178
        here, worst = map(float, re.findall(r"\d\.\d{4}", midpoint.words))
        assert here < worst == 1.0

    def test_the_valley_is_convex_with_largest_curvature_one(self, lesson: ModuleType) -> None:
        points = np.random.default_rng(0).uniform(-3, 3, (500, 2))
        curvatures = np.linalg.eigvalsh(-lesson.valley().jacobian(np.vstack([points, [0, 0]])))
        assert curvatures.min() > 0
        assert curvatures.max() == curvatures[-1].max() == pytest.approx(1.0)

    @pytest.mark.parametrize("h", [0.1, 1.0, 2.0, 2.75, 3.0, 4.0])
    def test_the_two_points_part_by_rk4_and_meet_by_the_midpoint_rule(
        self, lesson: ModuleType, h: float
    ) -> None:
        apart = [
            np.linalg.norm(run.states[:, 0] - run.states[:, 1], axis=-1)
            for run in lesson.run_descent(h)
        ]
        assert len(apart[0]) == lesson.DESCENT + 1
        assert np.all(np.diff(apart[1]) < 1e-15)
        if h > 2.8:
            assert apart[0][-1] > 1.5 * apart[0][0]
        else:
            assert np.all(np.diff(apart[0]) < 0)


class TestTheNetworks:
    @pytest.mark.parametrize(("h", "size"), [(0.05, 0.25), (0.3, 1.0), (1.0, 2.0)])
    def test_structure_does_not_depend_on_the_weights(
        self, lesson: ModuleType, h: float, size: float
    ) -> None:
        features = lesson.run_networks(h, size)
        assert {states.shape for states in features.values()} == {(41, 12, 6)}
        norms = {kind: np.sqrt((x**2).sum(axis=-1)) for kind, x in features.items()}
        masses = {kind: x.sum(axis=-1) for kind, x in features.items()}
        scale = {kind: np.abs(x).max() for kind, x in features.items()}

        def change(values: NDArray[np.float64]) -> float:
            return float(np.abs(values - values[0]).max())

        assert change(norms["norm"]) < 1e-13 * scale["norm"]
        assert change(masses["mass"]) < 1e-13 * scale["mass"]
        # Neither keeps the other's structure, and the residual network keeps none.
        for values in (norms["residual"], masses["residual"], norms["mass"], masses["norm"]):
            assert change(values) > 0.01
        for states in features.values():
            assert np.abs(np.diff(states, axis=0)).max() > 0.01  # every network does something

    def test_the_residual_layer_is_what_the_text_says(self, lesson: ModuleType) -> None:
        W, b = np.random.default_rng(3), np.random.default_rng(3)
        layer = lesson.random_layer(W, 1.5)
        method, field = layer["residual"]
        matrices = 1.5 * b.standard_normal((3, 12, 6, 6)) / np.sqrt(6)
        bias = b.standard_normal((12, 6))
        x = np.arange(72.0).reshape(12, 6) / 72
        gates = np.tanh(np.einsum("kij,kj->ki", matrices[2], x) + bias)
        assert method.step(field, 0.0, x, 0.5) == pytest.approx(x + 0.5 * gates)
        M = np.einsum("kij,kj,klj->kil", matrices[0], gates, matrices[1])
        S = M - M.transpose(0, 2, 1)
        assert layer["mass"][1](0.0, x) == pytest.approx(S.sum(axis=2))
        assert layer["norm"][1](0.0, x) == pytest.approx(np.einsum("kij,kj->ki", S, x))

    def test_a_network_that_loses_its_structure_is_seen(self, lesson: ModuleType) -> None:
        features = lesson.run_networks(0.3, 1.0)
        features["mass"][20, 3, 1] += 1e-9
        _, structured = lesson.judge_networks(features)
        assert not structured.kept
