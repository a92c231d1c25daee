"""An import loads no more than its room needs, and is quick."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

# Asks before the import whether the name is there already: then it was not the import's doing.
PROBE = """
import json, sys, time
watched = {watched!r}
before = {{name for name in watched if name in sys.modules}}
start = time.perf_counter()
import {target}
seconds = time.perf_counter() - start
loaded = sorted(name for name in watched if name in sys.modules and name not in before)
print(json.dumps({{"seconds": seconds, "loaded": loaded}}))
"""
HEAVY = ["torch", "z3", "sympy", "mpmath", "hypothesis", "matplotlib", "flint", "typer", "rich"]


def _import(target: str, watched: list[str], where: Path) -> dict[str, Any]:
    code = PROBE.format(target=target, watched=watched)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=where, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@pytest.mark.parametrize(
    ("target", "limit", "unwanted"),
    [
        ("flowcert", 0.1, [*HEAVY, "numpy", "scipy"]),
        ("flowcert.numerics", 0.5, HEAVY),
        ("flowcert.theory", 0.5, HEAVY),
        ("flowcert.theory.bounds", 0.5, HEAVY),
    ],
)
def test_an_import_is_light(target: str, limit: float, unwanted: list[str], tmp_path: Path) -> None:
    """The best of five runs: the machine may be busy, the import is not slower for it."""
    runs = [_import(target, unwanted, tmp_path) for _ in range(5)]
    assert runs[0]["loaded"] == []
    seconds = min(run["seconds"] for run in runs)
    assert seconds < limit, f"import {target} took {seconds:.3f} s"


def test_the_probe_sees_what_is_loaded(tmp_path: Path) -> None:
    assert _import("rich", ["rich", "torch"], tmp_path)["loaded"] == ["rich"]
