"""Each claim of the figures on integrators goes red when data, or what makes them, are wrong."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flowcert.errors import DataError
from flowcert.figures import (
    FigureData,
    contractivity_discs,
    energy_drift,
    find_figures,
    stability_discs,
    stored_results,
    work_precision,
)
from flowcert.figures.stored_results import read_stored_results, write_stored_results
from flowcert.figures.styling import spread
from flowcert.numerics import find_method

DRIFT, WORK, DISCS, SIR = (
    "N1_energy_drift",
    "N2_work_precision",
    "N3_contractivity_discs",
    "G5_sir_reference",
)
Change = Callable[[Any], Any]
Case = tuple[str, str, Change, str]
ALL = slice(None)


def _scaled(factor: float, part: Any = ALL) -> Change:
    def change(values: Any) -> None:
        values[part] = values[part] * factor

    return change


def _moved(by: float, part: Any = ALL) -> Change:
    def change(values: Any) -> None:
        values[part] = values[part] + by

    return change


def _flipped(values: Any) -> Any:
    return values[::-1].copy()


def _drift_cases() -> Iterator[Case]:
    yield DRIFT, "block_ends", _moved(1, -2), "the blocks end"
    for method in energy_drift.METHODS:
        yield DRIFT, f"{method}/largest", _moved(2e-12, 5), f"{method}: 200 steps taken anew"
    yield DRIFT, "Euler/largest", lambda v: np.minimum(v, 1.0), "Euler: the pendulum turns over"
    yield DRIFT, "Euler/largest", _scaled(0.5, -1), "Euler: the pendulum turns over"
    for method in ("RK4", "RadauIIA(2)"):
        yield DRIFT, f"{method}/largest", _scaled(0.9, -3), f"{method}: loses energy steadily"
        yield DRIFT, f"{method}/largest", lambda v: np.minimum(v, v[30]), f"{method}: loses"
        yield DRIFT, f"{method}/mean", np.negative, f"{method}: loses energy steadily"
    for method in energy_drift.SYMPLECTIC:
        yield DRIFT, f"{method}/largest", _scaled(1.06, -1), f"{method}: the second half's"
        yield DRIFT, f"{method}/mean", _line(method), f"{method}: no trend"
    for method in ("StormerVerlet", "ImplicitMidpoint"):
        yield DRIFT, f"{method}/largest", _scaled(1.03, 60), f"{method}: the error is that of"
    yield DRIFT, "Gonzalez/largest", _moved(1.1e-12, 70), "Gonzalez: the energy is kept"
    yield DRIFT, "Gonzalez/mean", _line("Gonzalez"), "Gonzalez: no trend"


def _line(method: str) -> Change:
    """A steady gain that is far below the method's own oscillation, or a few roundings a step."""
    amount = {
        "StormerVerlet": 4e-5,
        "ImplicitMidpoint": 1e-5,
        "Yoshida4(StormerVerlet)": 2e-7,
        "GaussLegendre(2)": 4e-9,
        "Gonzalez": 8e-13,
    }[method]
    return lambda means: means + np.linspace(0, amount, len(means))


def _work_cases() -> Iterator[Case]:
    yield WORK, "Kepler/RK4/steps", _moved(1, 2), "every ladder has the step counts"
    for problem in work_precision.SPANS:
        first = f"{problem}: runs of up to 23 steps taken anew"
        yield WORK, f"{problem}/RK4/error", _scaled(1.001, 3), first
        yield WORK, f"{problem}/GaussLegendre(2)/evaluations", _scaled(1.2, 3), first
        for method in work_precision.METHODS:
            tilt: Change = lambda v: v * (1 + 0.12 * np.arange(len(v)))[::-1]
            yield WORK, f"{problem}/{method}/error", tilt, f"{problem}: {method}'s error falls"
        counts = f"{problem}: every method evaluates the field"
        yield WORK, f"{problem}/Yoshida6(StormerVerlet)/evaluations", _moved(1, -1), counts
        yield WORK, f"{problem}/GaussLegendre(3)/evaluations", _scaled(0.3), counts
        winners = f"{problem}: for an error of 1e-08 the higher order wins"
        yield WORK, f"{problem}/DormandPrince/evaluations", _scaled(5), winners
        yield WORK, f"{problem}/GaussLegendre(3)/error", _moved(2e-8), winners


def _disc_cases() -> Iterator[Case]:
    for group, radii in contractivity_discs.GROUPS.items():
        title = contractivity_discs.TITLES[group]
        yield DISCS, f"{group}/boundary", _scaled(1 + 1e-9), f"{title}: |R| = 1 on the boundary"
        shorter: Change = lambda v: np.array(min(v, 9.0) * 0.99)
        yield DISCS, f"{group}/interval", shorter, f"{title}: |R| = 1 on the boundary"
        for name in radii:
            yield DISCS, f"{group}/interval", shorter, f"{name}: the step 2r lies"
            other: Change = lambda v: np.array(min(v * 1.000001, 9.0))
            yield DISCS, f"{name}/radius", other, f"{name}: the radius is"
        if group != "implicit":
            for factor in (0.99, 1.01):
                wrong: Change = lambda v, factor=factor: v * factor
                yield DISCS, f"{group}/largest_disc", wrong, f"{title}: the largest disc"
            yield DISCS, f"{next(iter(radii))}/radius", lambda v: v + 1, "the step 2r lies"
            for name in radii:
                yield DISCS, f"{name}/radius", lambda v: v + 1, f"{name}: |R| ≤ 1 all round"


def _sir_cases() -> Iterator[Case]:
    for method in ("Euler", "RK4", "GaussLegendre(2)"):
        yield SIR, f"mass/{method}", _moved(2e-13, 50), f"{method}: the mass is kept"
    yield SIR, "mass/RK4", lambda v: v[:-1], "RK4: the mass is kept"
    yield SIR, "states", _moved(1e-12, (40, 1)), "the mass that is drawn"
    yield SIR, "reference", _moved(2e-14, (3, 2)), "the reference keeps"
    yield SIR, "states", _moved(2e-5, (30, 0)), "RK4 agrees with the reference"
    yield SIR, "times", _moved(1e-3), "RK4 agrees with the reference"
    yield SIR, "states", _moved(0.2, (33, 0)), "x falls, z rises"
    yield SIR, "states", _scaled(-1, (100, 1)), "x falls, z rises"
    yield SIR, "states", _moved(0.1, (25, 1)), "infections are at their peak"
    yield SIR, "starts", _flipped, "the arrows start"
    yield SIR, "images", _moved(2e-5, (7, 1)), "the images are the reference flow's"
    yield SIR, "images", _moved(2e-13, (7, 1)), "the images are the reference flow's"
    yield SIR, "unstructured/1", lambda v: v * 2.5 / v.sum(axis=1, keepdims=True), "the unstr"
    yield SIR, "unstructured/1", _scaled(-1, (100, 0)), "the unstructured scheme keeps the signs"
    yield SIR, "unstructured/2", _moved(0.01, (-1, 2)), "the unstructured scheme's mass errs"


CASES = [*_drift_cases(), *_work_cases(), *_disc_cases(), *_sir_cases()]


@pytest.mark.parametrize(
    ("figure", "key", "change", "expected"),
    CASES,
    ids=[f"{figure[:2]} {expected[:40]} {number}" for number, (figure, *_, expected) in
         enumerate(CASES)],
)  # fmt: skip
def test_wrong_data(
    failures_of: Callable[..., list[str]], figure: str, key: str, change: Change, expected: str
) -> None:
    assert any(expected in failure for failure in failures_of(figure, key, change))


def _failures(name: str, data: FigureData) -> list[str]:
    [figure] = find_figures([name])
    return [check.what for check in figure.check(data) if not check.passes]


# Claims that look at no data: they go red when what they decide on is another method.
OTHER_METHODS = {
    "two stages, order 2: one stability function": ("Ralston", "SSP33"),
    "three stages, order 3: one stability function": ("Kutta3", "RK4"),
    "four stages, order 4: one stability function": ("ThreeEighths", "SSP33"),
    "implicit, order 2: one stability function": ("ImplicitTrapezoid", "BackwardEuler"),
    "implicit, order 2: the largest disc": ("ImplicitMidpoint", "RK4"),
    "ImplicitMidpoint: contracts for every step": ("ImplicitMidpoint", "ImplicitTrapezoid"),
    "ImplicitMidpoint: |R| ≤ 1": ("ImplicitMidpoint", "RK4"),
    "ImplicitTrapezoid: |R| ≤ 1": ("ImplicitTrapezoid", "Heun"),
    "Heun: contracts in its disc": ("Heun", "Ralston"),
    "Ralston: contracts in its disc": ("Ralston", "Heun"),
    "SSP33: contracts in its disc": ("SSP33", "BogackiShampine"),
    "BogackiShampine: contracts in its disc": ("BogackiShampine", "SSP33"),
    "Kutta3: contracts in its disc": ("Kutta3", "SSP33"),
    "RK4: contracts in its disc": ("RK4", "ThreeEighths"),
    "ThreeEighths: contracts in its disc": ("ThreeEighths", "RK4"),
    "ImplicitTrapezoid: contracts in its disc": ("ImplicitTrapezoid", "ImplicitMidpoint"),
    "only that of Heun leaves": ("Heun", "SSP33"),
}


@pytest.fixture
def forget() -> Iterator[Callable[[], None]]:
    """Results that are kept from check to check are of the right methods, before and after."""
    kept = (
        stability_discs.is_stable_in_disc,
        stability_discs.contracts_in_disc,
        energy_drift._first_maxima,
        work_precision._first_rungs,
    )

    def clear() -> None:
        for function in kept:
            function.cache_clear()

    clear()
    yield clear
    clear()


@pytest.mark.parametrize("expected", OTHER_METHODS)
def test_another_method_s_discs(
    computed: dict[str, FigureData],
    monkeypatch: pytest.MonkeyPatch,
    forget: Callable[[], None],
    expected: str,
) -> None:
    name, other = OTHER_METHODS[expected]
    exchanged = lambda asked: find_method(other if asked == name else asked)
    monkeypatch.setattr(stability_discs, "find_method", exchanged)
    assert any(expected in failure for failure in _failures(DISCS, computed[DISCS]))


def test_every_claim_has_been_seen_red(computed: dict[str, FigureData]) -> None:
    seen = [(figure, expected) for figure, *_, expected in CASES]
    seen += [(DISCS, expected) for expected in OTHER_METHODS]
    for name in (DRIFT, WORK, DISCS, SIR):
        [figure] = find_figures([name])
        for check in figure.check(computed[name]):
            known = any(name == of and expected in check.what for of, expected in seen)
            assert known or check.kind == "report", check.what


@pytest.mark.parametrize(
    ("method", "other"), [("GaussLegendre(2)", "LobattoIIIA(3)"), ("Gonzalez", "ItohAbe")]
)
def test_another_method_in_the_first_steps(
    computed: dict[str, FigureData],
    monkeypatch: pytest.MonkeyPatch,
    forget: Callable[[], None],
    method: str,
    other: str,
) -> None:
    """The discrete gradients keep the energy alike, to rounding: they pass for one another."""
    exchanged = lambda asked: find_method(other if asked == method else asked)
    monkeypatch.setattr(energy_drift, "find_method", exchanged)
    expected = [] if method == "Gonzalez" else [f"{method}: 200 steps taken anew agree"]
    failed = _failures(DRIFT, computed[DRIFT])
    assert [what.partition(" with")[0] for what in failed] == expected


def test_the_stored_run_is_what_the_script_summarises() -> None:
    deviations = np.linspace(0, -1, energy_drift.STEPS + 1)
    kept = energy_drift.summary("RK4", deviations)
    ends = energy_drift.block_ends()
    assert kept["RK4/largest"] == pytest.approx(ends / energy_drift.STEPS)
    middles = (np.arange(energy_drift.PARTS) + 0.5) / energy_drift.PARTS
    assert kept["RK4/mean"] == pytest.approx(-middles, abs=1e-5)
    assert {1, 200, 50_000, 100_000} <= set(ends.tolist())


def _written(folder: Path) -> dict[str, Any]:
    write_stored_results(
        "sums",
        configuration={"n": 2},
        provenance={"made_by": "a test"},
        data={"x": np.array([0.1, 1 / 3]), "k": np.array([[1, 2]])},
        folder=folder,
    )
    content: dict[str, Any] = json.loads((folder / "sums.json").read_text(encoding="utf-8"))
    return content


def test_stored_results_come_back_bit_by_bit(tmp_path: Path) -> None:
    content = _written(tmp_path)
    data = read_stored_results("sums", {"n": 2}, folder=tmp_path)
    assert data["x"].tolist() == [0.1, 1 / 3]
    assert data["k"].tolist() == [[1, 2]]
    assert [array.dtype for array in data.values()] == [np.float64, np.int64]
    assert content["made_by"] == "a test"
    assert list(content)[0] == "format"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"format": "flowcert.other/1"}, "another format"),
        ({"configuration": {"n": 3}}, "another configuration"),
        ({"data": {}}, "no data"),
        ({"data": [1.0]}, "no data"),
        ({"data": {"x": []}}, "without numbers"),
        ({"data": {"x": 1.0}}, "without numbers"),
        ({"data": {"x": ["1"]}}, "without numbers"),
        ({"data": {"x": [None]}}, "without numbers"),
        ({"data": {"x": [True]}}, "without numbers"),
        ({"data": {"x": [[1.0], [1.0, 2.0]]}}, "of no shape"),
        ({"data": {"x": [float("nan")]}}, "infinite or undefined"),
        ({"data": {"x": [1e999]}}, "infinite or undefined"),
    ],
)
def test_foreign_results_are_refused(
    tmp_path: Path, change: dict[str, Any], complaint: str
) -> None:
    text = json.dumps(_written(tmp_path) | change)
    (tmp_path / "sums.json").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=complaint) as caught:
        read_stored_results("sums", {"n": 2}, folder=tmp_path)
    assert "sums.json" in str(caught.value)


@pytest.mark.parametrize("text", [b"", b"[1, 2]", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_stored_result_is_refused(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "sums.json").write_bytes(text)
    with pytest.raises(DataError, match=r"sums\.json"):
        read_stored_results("sums", {"n": 2}, folder=tmp_path)


@pytest.mark.parametrize("name", [DRIFT, WORK])
@pytest.mark.parametrize("damage", ["missing", "truncated", "array", "key", "longer"])
def test_a_damaged_file_stops_the_figure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, damage: str
) -> None:
    [figure] = find_figures([name])
    file = name.partition("_")[2] + ".json"
    text = (stored_results.FOLDER / file).read_text(encoding="utf-8")
    content = json.loads(text)
    key = list(content["data"])[-1]
    if damage == "truncated":
        text = text[: len(text) // 2]
    elif damage == "array":
        content["data"][key].pop()
        text = json.dumps(content)
    elif damage == "key":
        del content["data"][key]
        text = json.dumps(content)
    elif damage == "longer":
        content["data"]["more"] = [1.0]
        text = json.dumps(content)
    if damage != "missing":
        (tmp_path / file).write_text(text, encoding="utf-8")
    monkeypatch.setattr(stored_results, "FOLDER", tmp_path)
    with pytest.raises(DataError, match=r"Make it anew from a checkout"):
        figure.compute()


def test_stored_results_say_where_they_come_from() -> None:
    for file in sorted(stored_results.FOLDER.glob("*.json")):
        content = json.loads(file.read_text(encoding="utf-8"))
        script = Path(content["made_by"].removeprefix("python "))
        assert script.name == f"{file.stem}.py"
        assert (stored_results.FOLDER.parents[1] / script).is_file()
        assert len(content["commit"]) == 40
        assert {"processor", "system", "python", "numpy"} <= set(content["machine"])
        assert content["seed"] is None
        assert content["seconds"]


def test_a_labels_neighbours_make_room() -> None:
    assert spread([3.0, 1.0, 2.0], gap=0.5) == [3.0, 1.0, 2.0]
    assert spread([0.0, 0.0, 0.0], gap=1.0) == [-1.0, 0.0, 1.0]
    rng = np.random.default_rng(0)
    for _ in range(50):
        wanted = rng.uniform(0, 4, 6)
        got = np.array(spread(wanted.tolist(), gap=0.5))
        assert np.diff(np.sort(got)).min() >= 0.5 - 1e-9
        assert np.array_equal(np.argsort(got), np.argsort(wanted))
