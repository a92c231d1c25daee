"""From a field to a network: what the page says, by scipy, finite differences and enumeration."""

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import quad, solve_ivp

LESSON = "from_field_to_approximator"
PICTURES = 8
# What does not depend on the field that is chosen.
FIXED = ("radii", "spans", "jacobians", "works", "careful", "fourth", "tame")
BALL = ("analysis", "ball", "both", "nu", "stretched", "times", "wide")

Floats = NDArray[np.float64]
Page = tuple[str, dict[str, Any]]
Run = Callable[..., Page]


def van_der_pol(x: Floats) -> Floats:
    return np.array([x[1], (1 - x[0] ** 2) * x[1] - x[0]])


def climb(x: Floats) -> Floats:
    """∇U for U = p²(2 − q²)/4."""
    return np.array([-x[0] * x[1] ** 2 / 2, x[1] * (2 - x[0] ** 2) / 2])


def turn(x: Floats) -> Floats:
    return (1 + x[0] * x[1] / 2) * np.array([x[1], -x[0]])


def flow(f: Callable[[Floats], Floats], x: Floats, time: float) -> Floats:
    found = solve_ivp(lambda _, y: f(y), (0, time), x, method="DOP853", rtol=1e-11, atol=1e-12)
    return np.asarray(found.y[:, -1])


def slopes(f: Callable[[Floats], Floats], x: Floats, width: float = 1e-6) -> Floats:
    columns = [(f(x + width * e) - f(x - width * e)) / (2 * width) for e in np.eye(len(x))]
    return np.stack(columns, axis=-1)


POINTS = np.random.default_rng(0).uniform(-0.7, 0.7, (6, 2))


class TestThePage:
    def test_at_first_all_is_proved_and_only_the_line_resists(self, at_first: Page) -> None:
        page, _ = at_first
        assert "✓ Proved for this field, on the spot" in page
        assert "✓ The error is below its bound" in page
        assert "✓ A network with a proved error" in page
        assert "✗ Every increasing map is at least 0.5 away" in page
        assert "✓ The lift errs by 0e+00" in page
        assert re.findall(r'"(danger|success|warn)"', page) == ["success"] * 3 + [
            "danger",
            "success",
        ]
        assert page.count("<svg") == PICTURES
        assert not re.search(r"\b(nan|inf)\b", page)

    def test_another_field_an_increasing_map_and_one_long_step(
        self, lesson: ModuleType, run_lesson: Run, at_first: Page
    ) -> None:
        fixed = {name: at_first[1][name] for name in FIXED}
        chosen = {
            "target_choice": "NonNormal", "steps_slider": 1, "scheme_choice": "Strang",
            "width_slider": 48, "substeps_slider": 2, "map_choice": "x³", "time_slider": 0.0,
        }  # fmt: skip
        controls = {name: SimpleNamespace(value=value) for name, value in chosen.items()}
        page, defs = run_lesson(lesson, **fixed, **controls)
        assert "✓ Increasing on the grid: no obstruction was found" in page
        assert defs["obstruction"] is None
        assert not re.search(r'"(danger|warn)"', page)
        assert not re.search(r"\b(nan|inf)\b", page)
        # B = [[−1, 2], [0, −½]]: three flows in closed form.
        assert len(defs["made"].layers) == 3
        assert defs["analysis"].one_sided((0, 1))(1.0) == pytest.approx(
            np.linalg.eigvalsh([[-1, 1], [1, -0.5]])[-1], rel=1e-3
        )

    def test_bounds_that_are_false_or_infinite_are_admitted(
        self, lesson: ModuleType, run_lesson: Run, at_first: Page
    ) -> None:
        _, defs = at_first
        kept = (*FIXED, *BALL, "splittings", "both_results", "needed")
        given = {name: defs[name] for name in kept}
        false = {
            width: replace(
                one, bound=replace(one.bound, field=0.0, integration=0.0, splitting=1e-9)
            )
            for width, one in defs["budgets"].items()
        }
        page, _ = run_lesson(lesson, **given, budgets=false)
        assert "✗ The error is above its bound" in page
        widest = {
            width: replace(one, bound=one.bound.unbounded("Why.")) for width, one in false.items()
        }
        page, _ = run_lesson(lesson, **given, budgets=widest)
        assert "The bound is ∞: these networks are too coarse for it" in page
        assert "proved ∞. Why." in page


class TestTheParts:
    def test_they_are_those_of_the_integral(self, at_first: Page) -> None:
        parts = at_first[1]["parts"]
        for x in POINTS:
            U = quad(lambda t, x=x: float(x @ van_der_pol(t * x)), 0, 1)[0]
            assert U == pytest.approx(x[1] ** 2 * (2 - x[0] ** 2) / 4, abs=1e-12)
            assert parts.gradient(x) == pytest.approx(climb(x), abs=1e-12)
            assert parts.sphere(x) == pytest.approx(turn(x), abs=1e-12)
            assert climb(x) + turn(x) == pytest.approx(van_der_pol(x))

    def test_the_commutator_is_that_of_differences(
        self, lesson: ModuleType, at_first: Page
    ) -> None:
        C = lesson.commutator(at_first[1]["analysis"])
        for x in POINTS:
            oracle = slopes(turn, x) @ climb(x) - slopes(climb, x) @ turn(x)
            assert C(x) == pytest.approx(oracle, abs=1e-7)
            # What one Lie–Trotter step errs by, to first approximation.
            h = 1e-3
            error = flow(turn, flow(climb, x, h), h) - flow(van_der_pol, x, h)
            assert error * 2 / h**2 == pytest.approx(oracle, abs=2e-2)


class TestTakingTurns:
    def test_the_layers_are_flows_that_take_turns(self, at_first: Page) -> None:
        made = at_first[1]["made"]
        assert [layer.kind for layer in made.layers] == ["gradient", "sphere"] * 3
        for x in POINTS:
            y = x
            for _ in range(3):
                y = flow(turn, flow(climb, y, 1 / 3), 1 / 3)
            assert made(x) == pytest.approx(y, abs=1e-8)
            gap = np.linalg.norm(y - flow(van_der_pol, x, 1.0))
            assert gap <= made.measured <= made.bound.total

    def test_the_way_of_a_point_leads_through_all_layers(
        self, lesson: ModuleType, at_first: Page
    ) -> None:
        made, x = at_first[1]["made"], np.array([0.6, 0.8])
        ways = lesson.path(made.layers, x)
        assert ways[0][1][0] == pytest.approx(x)
        assert ways[-1][1][-1] == pytest.approx(made(x), abs=1e-9)
        for (_, before), (_, after) in pairwise(ways):
            assert before[-1] == pytest.approx(after[0], abs=1e-12)
        for kind, points in ways:
            assert (np.ptp(np.linalg.norm(points, axis=-1)) < 1e-9) == (kind == "sphere")

    def test_orders_and_bounds(self, at_first: Page) -> None:
        _, defs = at_first
        for name, order in (("LieTrotter", 1), ("Strang", 2)):
            study = defs["splittings"][name]
            assert study.measured_orders[-1] == pytest.approx(order, abs=0.15)
        for study in (*defs["splittings"].values(), *defs["both_results"].values()):
            assert all(one.measured <= one.bound.total for one in study.constructions)
        assert np.isinf(defs["both_results"]["second"].constructions[0].bound.total)
        assert defs["needed"]["first"] < defs["needed"]["second"]


class TestTheConstants:
    def test_those_of_the_wide_ball(self, at_first: Page) -> None:
        page, defs = at_first
        side = np.linspace(-2.5, 2.5, 301)
        q, p = (x.ravel() for x in np.meshgrid(side, side))
        q, p = q[q**2 + p**2 <= 6.25], p[q**2 + p**2 <= 6.25]
        J = np.stack([0 * q, 0 * q + 1, -2 * q * p - 1, 1 - q**2], -1).reshape(-1, 2, 2)
        nu = np.linalg.eigvalsh((J + J.swapaxes(1, 2)) / 2).max()
        assert defs["wide"]["seen"] == pytest.approx(nu, abs=1e-2)
        assert defs["wide"]["seen"] <= defs["wide"]["nu"] < 1.1 * nu
        assert defs["wide"]["both"] == pytest.approx(np.linalg.norm(J, 2, (1, 2)).max(), abs=2e-2)
        assert f"{np.exp(defs['wide']['both']):.0f}" in page

    def test_neighbours_part_as_scipy_says_and_less_than_proved(
        self, lesson: ModuleType, at_first: Page
    ) -> None:
        _, defs = at_first
        oracle = [
            np.linalg.norm(slopes(lambda y: flow(van_der_pol, y, 1.0), x, 1e-4), 2)
            for x in lesson.ball_points(2, 1.0)[::16]
        ]
        assert max(oracle) <= defs["stretched"][-1] * (1 + 1e-6)
        assert defs["stretched"][-1] < 1.1 * max(oracle)
        assert np.all(defs["stretched"] <= np.exp(defs["nu"] * defs["times"]) * (1 + 1e-9))
        assert defs["nu"] < defs["both"] / 2

    def test_the_gradient_part_of_duffing_ends_and_no_start_is_worse(
        self, lesson: ModuleType, at_first: Page
    ) -> None:
        def gradient(x: Floats) -> Floats:
            return np.array([-0.75 * x[1] * x[0] ** 2, -0.25 * x[0] ** 3])

        angles = np.linspace(0, 2 * np.pi, 60, endpoint=False)
        for t in (0.5, 1.2):
            circle = np.stack([np.cos(angles), np.sin(angles)], -1)
            ends = [np.linalg.norm(flow(gradient, x, t)) for x in circle]
            assert max(ends) == pytest.approx(float(lesson.blow_up(np.array([t]))[0]), rel=1e-6)
        assert np.isinf(lesson.blow_up(np.array([1.54])))[0]
        assert np.isfinite(lesson.blow_up(np.array([1.53])))[0]
        radii = at_first[1]["radii"]
        assert np.all(radii["gradient"] <= radii["proved"] * (1 + 1e-9))
        assert radii["whole"].max() < 1.5

    def test_the_valley_is_a_difference_of_convex_functions(self, at_first: Page) -> None:
        valley = at_first[1]["valley"]
        bends = {name: np.diff(valley[name], 2) for name in ("U", "U + μ|x|²/2", "−μ|x|²/2")}
        assert bends["U"].min() < 0 < valley["mu"]
        assert bends["U + μ|x|²/2"].min() > -1e-12
        assert bends["−μ|x|²/2"].max() < 0
        assert valley["U + μ|x|²/2"] + valley["−μ|x|²/2"] == pytest.approx(valley["U"])


class TestTheSlip:
    def test_it_does_work_around_a_loop(self, lesson: ModuleType, at_first: Page) -> None:
        works, jacobians = at_first[1]["works"], at_first[1]["jacobians"]
        M, alpha = np.array([[1.0, 0.5], [-0.5, 2.0]]), np.diag([1.0, 3.0])
        fields = {
            "honest": lambda x: M.T @ alpha @ np.tanh(M @ x),
            "slipped": lambda x: alpha @ M.T @ np.tanh(M @ x),
        }
        for name, f in fields.items():

            def power(s: float, f: Callable[[Floats], Floats] = f) -> float:
                return float(f(np.array([np.cos(s), np.sin(s)])) @ [-np.sin(s), np.cos(s)])

            assert works[name][-1] == pytest.approx(quad(power, 0, 2 * np.pi)[0], abs=1e-7)
            assert jacobians[name] == pytest.approx(slopes(f, np.array([0.5, -0.25])), abs=1e-8)
        assert abs(works["slipped"][-1]) > 0.5 > 1e-10 > abs(works["honest"][-1])
        asymmetry = {name: abs(J[0, 1] - J[1, 0]) for name, J in jacobians.items()}
        assert asymmetry["honest"] < 1e-14 < 0.1 < asymmetry["slipped"]


class TestTheLine:
    @pytest.mark.parametrize("name", ["|x|", "|x| + sin x + x²", "x³", "sin 3x"])
    def test_the_obstruction_is_that_of_all_pairs(self, lesson: ModuleType, name: str) -> None:
        F, x = lesson.MAPS[name], np.linspace(-1, 1, 513)
        values = F(x)
        drops = values[:, None] - values[None, :]
        oracle = max(0.0, drops[np.triu_indices(len(x))].max() / 2)
        found = lesson.orientation_obstruction(F, 1.0)
        assert (0.0 if found is None else found.distance) == pytest.approx(oracle, abs=1e-4)
        nearest = lesson.nearest_increasing(F, x)
        assert np.all(np.diff(nearest) >= -1e-15)
        assert np.abs(nearest - values).max() == pytest.approx(oracle, abs=1e-12)

    def test_one_half_exactly_and_one_more_dimension(self, at_first: Page) -> None:
        _, defs = at_first
        assert defs["obstruction"].distance == 0.5
        assert defs["missed"] == 0.0
        end = flow(lambda z: np.array([0.0, abs(z[0])]), np.array([-0.6, 0.3]), 1.0)
        assert defs["lifted"].flow([-0.6, 0.3]) == pytest.approx(end)


def test_the_answers_are_numbers_of_this_page(at_first: Page) -> None:
    _, defs = at_first
    assert defs["tame"].measured < 1e-12
    assert defs["tame"].bound.total == 0.0
    assert defs["fourth"].measured_orders[-1] == pytest.approx(4, abs=0.15)
    once, four_times = defs["careful"]
    assert 2 * once < four_times < np.inf
