"""What the house tests share: the checkout, its packaging data, and its modules as files."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOT_THE_PACKAGE = {"tests", "lessons", "benchmarks", "build", "dist"}


def _packages_on_disk() -> dict[str, Path]:
    """Every folder with an ``__init__.py``, by dotted name; the root is ``flowcert``."""
    found = {"flowcert": ROOT}
    for init in sorted(ROOT.rglob("__init__.py")):
        parts = init.parent.relative_to(ROOT).parts
        if parts and parts[0] not in NOT_THE_PACKAGE and not parts[0].startswith("."):
            found[".".join(("flowcert", *parts))] = init.parent
    return found


def _modules_on_disk() -> dict[str, Path]:
    """Every module of the package, by dotted name; a package stands for its ``__init__``."""
    found = {}
    for package, folder in _packages_on_disk().items():
        for file in sorted(folder.glob("*.py")):
            found[package if file.stem == "__init__" else f"{package}.{file.stem}"] = file
    return found


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test with an argument ``module_name`` runs once for each module of the package."""
    if "module_name" in metafunc.fixturenames:
        names = [name for name in _modules_on_disk() if not name.endswith(".__main__")]
        metafunc.parametrize("module_name", names)


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def packages() -> dict[str, Path]:
    return _packages_on_disk()


@pytest.fixture(scope="session")
def modules() -> dict[str, Path]:
    return _modules_on_disk()


@pytest.fixture(scope="session")
def project() -> dict[str, Any]:
    """``pyproject.toml``."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def pins() -> dict[str, str]:
    """``constraints.txt``: exact version by normalised name."""
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    pairs = [line.split("==") for line in text.splitlines() if line and not line.startswith("#")]
    return {re.sub(r"[-_.]+", "-", name).lower(): pin for name, pin in pairs}
