"""From a figure to its files: pictures, data and a record of how they were made."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import shlex
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__
from ..errors import OutputError
from ..files import output_folder, write_atomically
from .figure import Figure, FigureCheck, FigureData
from .styling import FORMATS, render, styled


@dataclass(frozen=True)
class FigureReport:
    """What generating one figure gave: its files, and its checks (``None`` if not asked for).

    >>> failed = FigureCheck("2 + 2 = 5", holds=False, detail="4")
    >>> FigureReport("X1_sum", "A sum", (), (failed,), seconds=0.1).holds
    False
    """

    name: str
    title: str
    files: tuple[Path, ...]
    checks: tuple[FigureCheck, ...] | None
    seconds: float

    @property
    def failures(self) -> tuple[FigureCheck, ...]:
        """The claims of the figure that do not hold."""
        return tuple(check for check in self.checks or () if not check.passes)

    @property
    def holds(self) -> bool:
        """Whether nothing that was checked failed (true as well if nothing was checked)."""
        return not self.failures


def generate(figure: Figure, folder: str | Path, *, check: bool = False) -> FigureReport:
    """Compute and draw a figure, and check it if asked, into NAME.png, .pdf, .svg, .npz and .json.

    ``folder`` is made if need be. The .npz holds the data that are drawn; the .json says what is
    seen, which checks held, by which command and versions it was made, and the other files' hashes.
    The bytes depend on nothing but these versions and ``folder``'s name. Nothing is written before
    all is drawn; each file appears whole or not at all, the record last. A failed check does not
    prevent the files; the report says so. Raises OutputError, before anything is computed, if
    ``folder`` cannot be written.

    >>> import tempfile
    >>> from flowcert.figures import find_figures
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     report = generate(find_figures(["G4"])[0], folder, check=True)
    >>> report.holds, [path.suffix for path in report.files]
    (True, ['.png', '.pdf', '.svg', '.npz', '.json'])
    """
    place = output_folder(folder)
    targets = {suffix: place / f"{figure.name}.{suffix}" for suffix in (*FORMATS, "npz", "json")}
    _require_files(targets.values())
    start = time.perf_counter()
    data = figure.compute()
    checks = figure.check(data) if check else None
    with styled():
        picture = figure.draw(data)
        contents = {suffix: render(picture, suffix) for suffix in FORMATS}
    contents["npz"] = _as_npz(data)
    hashes = {targets[key].name: hashlib.sha256(raw).hexdigest() for key, raw in contents.items()}
    contents["json"] = _as_json(_record(figure, checks, _command(figure, folder, check), hashes))
    for suffix, content in contents.items():
        write_atomically(targets[suffix], content)
    seconds = time.perf_counter() - start
    return FigureReport(figure.name, figure.title, tuple(targets.values()), checks, seconds)


def _record(
    figure: Figure,
    checks: tuple[FigureCheck, ...] | None,
    command: str,
    hashes: Mapping[str, str],
) -> dict[str, Any]:
    return {
        "name": figure.name,
        "title": figure.title,
        "statement": figure.statement,
        "checks": None if checks is None else [asdict(check) for check in checks],
        "holds": None if checks is None else all(check.passes for check in checks),
        "made_by": command,
        "versions": {
            "flowcert": __version__,
            "python": platform.python_version(),
            "numpy": version("numpy"),
            "matplotlib": version("matplotlib"),
        },
        "sha256": dict(hashes),
    }


def _command(figure: Figure, folder: str | Path, check: bool) -> str:
    words = ["flowcert", "figures", figure.name, "--out", str(folder)]
    return shlex.join([*words, "--check"] if check else words)


def _as_json(record: Mapping[str, Any]) -> bytes:
    return (json.dumps(record, indent=2, ensure_ascii=False) + "\n").encode()


def _as_npz(data: FigureData) -> bytes:
    target = io.BytesIO()
    arrays: dict[str, Any] = dict(data)
    np.savez_compressed(target, **arrays)
    return target.getvalue()


def _require_files(targets: Iterable[Path]) -> None:
    """Raise OutputError if a folder stands where a file shall go."""
    for target in targets:
        if target.is_dir():
            raise OutputError(
                came=f"the output file {str(target)!r}, which is a folder",
                expected="a file that can be written",
                remedy="Choose another folder, or move that one away.",
            )
