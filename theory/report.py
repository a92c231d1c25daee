"""The outcome of a run of ``flowcert check`` as files: JSON, and the SMT queries one by one."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ..files import output_folder, write_atomically
from .verdict import Verdict

_PACKAGES = ("flowcert", "numpy", "scipy", "sympy", "z3-solver", "python-flint", "hypothesis")


def report(verdicts: Sequence[Verdict], *, instances: int, seed: int) -> dict[str, Any]:
    """Return a JSON object: the verdicts under ``claims``, with configuration and machine.

    >>> report([], instances=5, seed=0)["holds"]
    False
    """
    return {
        "format": "flowcert check 1",
        # No claim checked is not a pass.
        "holds": bool(verdicts) and all(verdict.holds for verdict in verdicts),
        "configuration": {"instances": instances, "seed": seed},
        "machine": {
            "python": platform.python_version(),
            "system": platform.platform(),
            "processor": platform.machine(),
            "cores": os.cpu_count(),
        },
        "packages": {name: _version(name) for name in _PACKAGES},
        "seconds": round(sum(verdict.seconds for verdict in verdicts), 3),
        "claims": [verdict.to_json() for verdict in verdicts],
    }


def write_report(
    target: str | os.PathLike[str], verdicts: Sequence[Verdict], *, instances: int, seed: int
) -> Path:
    """Write ``report`` as JSON, atomically. Raises OutputError."""
    content = report(verdicts, instances=instances, seed=seed)
    return write_atomically(target, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def write_queries(folder: str | os.PathLike[str], verdicts: Sequence[Verdict]) -> list[Path]:
    """Write every SMT query as CLAIM.QUERY.smt2, with its expected status; return the paths.

    Any SMT-LIB2 solver can re-check them. An ``index.json`` beside them lists file, claim and
    expected answer. Raises OutputError.
    """
    place = output_folder(folder)
    written, index = [], []
    for verdict in verdicts:
        for query in verdict.queries:
            name = f"{verdict.name}.{query.name}.smt2"
            written.append(write_atomically(place / name, query.text))
            index.append({"file": name, "claim": verdict.name, "expected": query.expected})
    write_atomically(place / "index.json", json.dumps(index, indent=1) + "\n")
    return written


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
