"""Stored results come back as they were, and nothing else is taken for them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flowcert.errors import DataError
from flowcert.figures import find_figures, stored_results
from flowcert.figures.stored_results import read_stored_results, write_stored_results


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
    assert next(iter(content)) == "format"


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


@pytest.mark.parametrize("name", ["N1_energy_drift", "N2_work_precision"])
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
        made_by = content["made_by"].removeprefix("python ")
        module = made_by.removeprefix("-m ").replace(".", "/")
        script = Path(made_by) if module == made_by.replace(".", "/") else Path(module)
        there = stored_results.FOLDER.parents[1] / script
        source = there if there.is_file() else there / "__main__.py"
        # A benchmark has the name of its result, or writes several and names each.
        assert script.stem == file.stem or f'"{file.stem}"' in source.read_text(encoding="utf-8")
        assert source.is_file()
        assert len(content["commit"]) == 40
        assert {"processor", "system", "python", "numpy"} <= set(content["machine"])
        assert content["seed"] is None
        assert content["seconds"]
