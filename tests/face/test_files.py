"""Files are written whole or not at all."""

import os
from pathlib import Path

import pytest

from flowcert import OutputError
from flowcert.files import output_folder, write_atomically


def test_content_replaces_the_old_one(tmp_path):
    target = tmp_path / "deep" / "result.txt"
    write_atomically(target, "old")
    write_atomically(target, b"new \xff")
    assert target.read_bytes() == b"new \xff"
    assert [p.name for p in target.parent.iterdir()] == ["result.txt"]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    target = write_atomically(tmp_path / "result.txt", "old")

    def no_room(self, other):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", no_room)
    with pytest.raises(OutputError, match="No space left"):
        write_atomically(target, "new")
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["result.txt"]


def test_an_interruption_leaves_nothing_behind(tmp_path, monkeypatch):
    def interrupted(handle):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "result.txt", "new")
    assert not list(tmp_path.iterdir())


def test_results_are_as_readable_as_other_files(tmp_path):
    (tmp_path / "plain").write_text("")
    target = write_atomically(tmp_path / "result", "x")
    assert target.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_places_that_cannot_be_written_are_named(tmp_path):
    (tmp_path / "file").write_text("")
    for call in (output_folder, lambda place: write_atomically(place / "x", "")):
        with pytest.raises(OutputError, match="file"):
            call(tmp_path / "file")
    with pytest.raises(OutputError):
        write_atomically(tmp_path, "a folder is no file")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
