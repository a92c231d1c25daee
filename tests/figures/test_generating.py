"""A figure reaches the disk whole or not at all, the same at every time."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest

from flowcert.errors import OutputError
from flowcert.figures import all_figures, find_figures, generate
from flowcert.figures.styling import styled

SUFFIXES = [".png", ".pdf", ".svg", ".npz", ".json"]


def _hashes(files: Iterable[Path]) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_all_files_are_there(diagonal: Any, tmp_path: Path) -> None:
    report = generate(diagonal, tmp_path / "new" / "folder", check=True)
    assert [path.suffix for path in report.files] == SUFFIXES
    assert sorted(report.files) == sorted((tmp_path / "new" / "folder").iterdir())
    starts = {path.suffix: path.read_bytes()[:5] for path in report.files}
    assert starts[".png"] == b"\x89PNG\r"
    assert starts[".pdf"] == b"%PDF-"
    assert starts[".svg"] == b"<?xml"
    assert (report.name, report.title) == ("X1_diagonal", "A diagonal")


def test_the_data_are_stored_without_objects(diagonal: Any, tmp_path: Path) -> None:
    generate(diagonal, tmp_path)
    with np.load(tmp_path / "X1_diagonal.npz", allow_pickle=False) as stored:
        assert stored["x"].tolist() == diagonal.compute()["x"].tolist()


def test_the_record_says_how_it_was_made(diagonal: Any, tmp_path: Path) -> None:
    folder = tmp_path / "a folder"
    report = generate(diagonal, folder, check=True)
    record = json.loads(report.files[-1].read_text(encoding="utf-8"))
    assert record["made_by"] == f"flowcert figures X1_diagonal --out '{folder}' --check"
    assert record["statement"] == diagonal.statement
    assert set(record["versions"]) == {"flowcert", "python", "numpy", "matplotlib"}
    assert [check["what"] for check in record["checks"]] == ["x rises", "x is large"]
    assert record["holds"] is True
    hashes = _hashes(report.files)
    del hashes["X1_diagonal.json"]
    assert record["sha256"] == hashes


def test_what_was_not_checked_is_not_called_checked(diagonal: Any, tmp_path: Path) -> None:
    report = generate(diagonal, tmp_path)
    record = json.loads(report.files[-1].read_text(encoding="utf-8"))
    assert report.checks is None
    assert report.holds
    assert record["checks"] is record["holds"] is None
    assert record["made_by"].endswith(str(tmp_path))


def test_a_failed_claim_is_told_and_a_report_is_not(diagonal: Any, tmp_path: Path) -> None:
    diagonal.compute = lambda: {"x": np.zeros(5)}
    report = generate(diagonal, tmp_path, check=True)
    assert not report.holds
    assert [check.what for check in report.failures] == ["x rises"]
    assert json.loads(report.files[-1].read_text(encoding="utf-8"))["holds"] is False


@pytest.mark.parametrize("part", ["compute", "check", "draw"])
def test_a_failure_leaves_nothing_behind(diagonal: Any, tmp_path: Path, part: str) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError(part)

    setattr(diagonal, part, fail)
    with pytest.raises(RuntimeError, match=part):
        generate(diagonal, tmp_path, check=True)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_keeps_the_old_files(diagonal: Any, tmp_path: Path) -> None:
    before = _hashes(generate(diagonal, tmp_path).files)
    diagonal.draw = lambda data: data["missing"]
    with pytest.raises(KeyError):
        generate(diagonal, tmp_path)
    assert _hashes(tmp_path.iterdir()) == before


def test_an_unwritable_folder_is_refused_before_computing(diagonal: Any, tmp_path: Path) -> None:
    diagonal.compute = lambda: pytest.fail("computed in vain")
    file = tmp_path / "file"
    file.write_text("mine")
    for folder in (file, file / "below"):
        with pytest.raises(OutputError, match="a folder that can be written"):
            generate(diagonal, folder)
    assert file.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [file]


def test_a_folder_in_a_file_s_place_is_refused(diagonal: Any, tmp_path: Path) -> None:
    diagonal.compute = lambda: pytest.fail("computed in vain")
    (tmp_path / "X1_diagonal.svg").mkdir()
    with pytest.raises(OutputError, match=r"X1_diagonal\.svg"):
        generate(diagonal, tmp_path)


GENERATE_G4 = """
import sys
from flowcert.figures import find_figures, generate
generate(find_figures(["G4"])[0], ".", check=True)
assert "matplotlib.pyplot" not in sys.modules
"""


def test_another_process_gives_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    there.mkdir()
    path = os.pathsep.join(entry for entry in sys.path if entry)
    done = subprocess.run(
        [sys.executable, "-c", GENERATE_G4],
        cwd=there,
        env={**os.environ, "PYTHONHASHSEED": "1", "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    here.mkdir()
    monkeypatch.chdir(here)
    generate(find_figures(["G4"])[0], ".", check=True)
    assert len(list(here.iterdir())) == len(SUFFIXES)
    assert _hashes(here.iterdir()) == _hashes(there.iterdir())


def test_the_user_s_settings_neither_matter_nor_change(diagonal: Any, tmp_path: Path) -> None:
    plain = _hashes(generate(diagonal, tmp_path).files)
    with matplotlib.rc_context({"font.size": 31, "lines.linewidth": 9}):
        mine = dict(matplotlib.rcParams)
        assert _hashes(generate(diagonal, tmp_path).files) == plain
        assert dict(matplotlib.rcParams) == mine


def test_threads_do_not_disturb_each_other(diagonal: Any, tmp_path: Path) -> None:
    alone = _hashes(generate(diagonal, tmp_path).files)
    before = dict(matplotlib.rcParams)
    with ThreadPoolExecutor(4) as pool:
        reports = pool.map(lambda _: generate(diagonal, tmp_path), range(12))
        assert all(report.holds for report in reports)
    assert _hashes(tmp_path.iterdir()) == alone
    assert dict(matplotlib.rcParams) == before


def test_the_style_is_undone_after_a_failure() -> None:
    before = dict(matplotlib.rcParams)
    with suppress(RuntimeError), styled():
        assert matplotlib.rcParams["svg.hashsalt"] == "flowcert"
        raise RuntimeError
    assert dict(matplotlib.rcParams) == before


def test_every_figure_holds_and_is_small(tmp_path: Path) -> None:
    for figure in all_figures():
        report = generate(figure, tmp_path, check=True)
        assert report.holds, report.failures
        assert len(report.checks or ()) > 5
        sizes = {path.suffix: path.stat().st_size for path in report.files}
        assert sizes[".npz"] < 1_000_000
        assert sizes[".pdf"] < 200_000  # vectors, no pixels
        assert b"/Subtype /Image" not in report.files[1].read_bytes()
