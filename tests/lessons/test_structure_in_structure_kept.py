"""Structured networks keep what they should, the ordinary one does not: by independent numbers."""

import re
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from flowcert.errors import StructureError

LESSON = "structure_in_structure_kept"
KEPT = ("mass", "norm", "volume", "form")
# Each keeps its own; who keeps the form keeps the volume.
HELD = {(name, name) for name in KEPT} | {("form", "volume")}

Page = tuple[str, dict[str, Any]]


class TestThePage:
    def test_at_first_structures_are_kept_and_people_are_invented(self, at_first: Page) -> None:
        page, _ = at_first
        assert "✓ Kept to rounding, whatever the weights" in page
        assert "✗ The ordinary network invents people, and loses them" in page
        assert re.findall(r'"(danger|success)"', page) == ["success", "danger"]
        assert page.count("<svg") == 3
        assert not re.search(r"\b(nan|inf)\b", page)

    @pytest.mark.parametrize("end", ["start", "stop"])
    def test_extreme_sliders_still_keep_everything(
        self,
        lesson: ModuleType,
        run_lesson: Callable[..., Page],
        at_first: Page,
        end: str,
    ) -> None:
        sliders = {
            name: SimpleNamespace(value=getattr(at_first[1][name], end))
            for name in ("step_slider", "weight_slider")
        }
        page, defs = run_lesson(lesson, trained=at_first[1]["trained"], **sliders)
        assert "✓ Kept to rounding, whatever the weights" in page
        assert page.count("<svg") == 3
        assert defs["returned"] < 1e-12
        assert not re.search(r"\b(nan|inf)\b", page)


class TestTheDrifts:
    def test_each_keeps_its_own_and_no_more(self, at_first: Page) -> None:
        drifts = at_first[1]["drifts"]
        assert list(drifts) == ["ordinary", *KEPT]
        for name, found in drifts.items():
            for what, drift in zip(KEPT, found, strict=True):
                if (name, what) in HELD:
                    assert drift.max() < 1e-13
                else:
                    assert drift[-1] > 0.05
            assert found.shape == (4, 50)

    def test_the_drifts_of_a_layer_that_scales_are_known(self, lesson: ModuleType) -> None:
        class Scale(torch.nn.Module):
            def forward(self, x: torch.Tensor) -> torch.Tensor:
                return 2 * x

        x = lesson.cloud().numpy()
        mass, norm, volume, form = lesson.drifts_of([Scale(), Scale()])[:, -1]
        size = np.maximum(1, 4 * np.abs(x).max(axis=1))
        assert mass == pytest.approx((3 * np.abs(x.sum(axis=1)) / size).max())
        assert norm == pytest.approx((3 * np.linalg.norm(x, axis=1) / size).max())
        assert volume == pytest.approx(2 * 4 * np.log(2))
        assert form == pytest.approx((4 - 1) / (4 * 4))

    def test_the_ordinary_layer_is_what_the_text_says(self, lesson: ModuleType) -> None:
        layer = lesson.Ordinary(3, 5, 0.5).double()
        W, b, K = (
            p.detach().numpy() for p in (layer.inner.weight, layer.inner.bias, layer.outer.weight)
        )
        x = np.linspace(-1, 1, 12).reshape(4, 3)
        expected = x + 0.5 * np.tanh(x @ W.T + b) @ K.T
        assert layer(torch.from_numpy(x)).detach().numpy() == pytest.approx(expected)

    def test_a_layer_that_loses_its_structure_is_seen(self, lesson: ModuleType) -> None:
        layers = lesson.random_layers(lambda: lesson.kept.MassStep(4, 16, 0.3))
        layers[20].weights[0] = 1 + 1e-9
        assert lesson.drifts_of(layers)[0, -1] > 1e-10


def test_areas_are_those_of_determinants(lesson: ModuleType, at_first: Page) -> None:
    """The mean of |det D| over a disc is the quotient of the areas."""
    discs = at_first[1]["discs"]
    assert discs["structured"][1] == pytest.approx(1, abs=1e-5)
    assert abs(discs["ordinary"][1] - 1) > 0.2
    layers = lesson.random_layers(lambda: lesson.Ordinary(2, 16, 0.3), 1.0, 10)
    network = torch.nn.Sequential(*layers)
    side = torch.linspace(-1, 1, 141, dtype=torch.float64)
    grid = torch.cartesian_prod(side, side)
    grid = grid[grid.norm(dim=1) < 1]
    D = torch.func.vmap(torch.func.jacrev(lambda row: network(row[None])[0]))(grid)
    assert float(torch.linalg.det(D).abs().mean()) == pytest.approx(discs["ordinary"][1], rel=0.02)


class TestTheEpidemic:
    def test_the_truth_is_that_of_another_solver(self, at_first: Page) -> None:
        truth = at_first[1]["truth"]
        rate = lambda t, u: [-u[0] * u[1], u[0] * u[1] - u[1], u[1]]  # noqa: E731  # three terms
        found = solve_ivp(rate, (0, 30), truth[0], t_eval=[0.5, 30], rtol=1e-10, atol=1e-12)
        assert truth[[1, -1]] == pytest.approx(found.y.T, abs=1e-6)
        assert np.abs(truth.sum(axis=1) - 2.5).max() < 1e-13

    def test_only_the_structured_network_keeps_the_people(self, at_first: Page) -> None:
        defs = at_first[1]
        sums = {name: states.sum(axis=1) for name, states in defs["rolled"].items()}
        assert np.abs(sums["structured"] - 2.5).max() < 1e-12
        for name in ("ordinary", "penalised"):
            assert np.abs(sums[name] - 2.5).max() > 0.02
            assert defs["masses"][name] == pytest.approx(np.abs(sums[name] - 2.5), abs=1e-12)
        # On 200 new examples too: each error of a structured prediction sums to zero.
        assert float(defs["missed"]["structured"].sum(-1).abs().max()) < 1e-13
        invented = defs["missed"]["ordinary"].sum(-1)
        assert float(invented.min()) < -0.01 < 0.01 < float(invented.max())

    def test_both_have_learned_the_interval(self, at_first: Page) -> None:
        errors, missed = at_first[1]["errors"], at_first[1]["missed"]
        assert max(errors.values()) < 0.15  # of counts up to 2.5
        assert errors["structured"] < 2 * errors["ordinary"]
        for name, error in missed.items():
            assert errors[name] == pytest.approx(np.sqrt(np.mean(error.numpy() ** 2)))

    def test_before_training_it_keeps_them_too(
        self, lesson: ModuleType, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(lesson, "TRAINING", 1)
        states = lesson.roll_out(lesson.train(True))
        assert np.abs(states.sum(axis=1) - 2.5).max() < 1e-12


class TestWhatIsNotPromised:
    def test_the_certificates(self, at_first: Page) -> None:
        page, defs = at_first
        assert 1 < defs["whole"].lower <= defs["whole"].upper < 1e3
        assert defs["projection"].upper == pytest.approx(np.sqrt(2), rel=1e-6)
        assert f"certified {defs['projection'].upper:.6f}" in page

    def test_the_average_keeps_the_mass_and_loses_norm(self, at_first: Page) -> None:
        assert at_first[1]["mass_average"] < 1e-13
        assert at_first[1]["norm_average"] > 0.1

    def test_certify_refuses_a_sphere_step_in_these_words(
        self, lesson: ModuleType, at_first: Page
    ) -> None:
        reason = lesson.kept.SphereStep.refused
        assert reason in at_first[0]
        with pytest.raises(StructureError, match=re.escape(reason)):
            lesson.certify(lesson.kept.SphereStep(4, 3, 0.1).eval(), (4,))
