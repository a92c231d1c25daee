"""Where a stored result comes from: commit, machine and versions."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = (
    "numerics",
    "theory",
    "networks",
    "figures/*.py",
    "benchmarks/*.py",
)  # git's patterns: folders below as well


def provenance(
    script: str, seconds: dict[str, float], packages: Sequence[str] = ("numpy",)
) -> dict[str, object]:
    """Say by what, from which state of the sources, on what and in what time a result was made."""
    return {
        "made_by": f"python -m {_module(script)}",
        "commit": _git("rev-parse", "HEAD"),
        "uncommitted_changes": bool(_git("status", "--porcelain", *SOURCES)),
        "machine": {
            "processor": _processor(),
            "cores": os.cpu_count(),
            "system": platform.system(),
            "python": platform.python_version(),
            **{name: _version(name) for name in packages},
        },
        "seconds": {name: round(value, 1) for name, value in seconds.items()},
    }


def _module(script: str) -> str:
    """benchmarks/soundness/__main__.py is run as benchmarks.soundness."""
    parts = Path(script).resolve().relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__main__")


def _git(*arguments: str) -> str:
    run = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return run.stdout.strip()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()
