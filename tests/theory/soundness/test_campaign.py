"""2000 random layers and small networks (20 of them by linear programming): no bound is false."""

from dataclasses import replace

import numpy as np
import pytest

from flowcert.theory.soundness import Bracket, Instance, run_campaign
from flowcert.theory.soundness.campaign import instance_number
from flowcert.theory.spectral.singular_values import SingularValues

PIECES = 8


@pytest.mark.parametrize("piece", range(PIECES))
def test_no_bound_is_false(piece: int) -> None:
    each = 2000 // PIECES
    found = run_campaign(each, seed=2026, first=piece * each)
    assert sum(found.families.values()) == each
    assert not found.violations, [f"{v.family} {v.seed}: {v.violation}" for v in found.violations]


def test_every_family_is_met() -> None:
    families = {instance_number(number, 2026).family for number in range(200)}
    assert {
        "dense",
        "dense, balls",
        "convolution, zeros",
        "convolution, circular",
        "convolution, reflect",
        "convolution, replicate",
        "paraunitary, zeros",
        "paraunitary, circular",
        "transposed convolution",
        "averaging",
        "batch norm",
        "network, vertices",
        "network, cells by LP",
        "gradient step",
    } <= families


def test_an_instance_depends_on_seed_and_number_alone() -> None:
    assert instance_number(5, 1) == instance_number(5, 1)
    assert instance_number(5, 1) != instance_number(5, 2)


@pytest.mark.parametrize(
    ("claimed", "said"),
    [
        (Bracket(1.1, 1.2), "lower"),
        (Bracket(0.5, 0.9), "upper"),
        (Bracket(0.5, float("nan")), "upper"),
        (Bracket(float("nan"), 1.2), "lower"),
    ],
)
def test_a_false_bound_is_a_violation(claimed: Bracket, said: str) -> None:
    instance = Instance("example", 0, claimed, Bracket(1.0, 1.0))
    assert instance.violation.startswith(said)
    assert not replace(instance, claimed=Bracket(0.5, 1.5)).violation


@pytest.mark.parametrize("field", ["largest", "largest_lower", "smallest"])
def test_the_campaign_sees_one_part_in_a_million(
    field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every bound of a dense layer moved past the truth by 1e-6 (relatively): all become false."""
    from flowcert.theory.spectral import dense

    honest = dense.bound_dense
    factor = 1 - 1e-6 if field == "largest" else 1 + 1e-6

    def false(matrix: np.ndarray, **options: object) -> SingularValues:
        values = honest(matrix, **options)  # type: ignore[arg-type]  # passed on as they came
        return replace(values, **{field: getattr(values, field) * factor})

    monkeypatch.setattr(dense, "bound_dense", false)
    found = run_campaign(110, seed=3)
    assert any(v.family.startswith("dense") for v in found.violations)
