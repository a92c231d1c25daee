"""What pyproject.toml says is what lies on the disk."""

import re
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

VAGUE = {"util", "utils", "helper", "helpers", "misc", "common"}
LONGEST = 350  # lines


def test_the_listed_packages_are_the_folders(
    project: dict[str, Any], packages: dict[str, Path]
) -> None:
    listed = project["tool"]["setuptools"]["packages"]
    assert sorted(listed) == sorted(packages), "see [tool.setuptools] packages in pyproject.toml"


def test_package_data_is_what_is_not_python(
    project: dict[str, Any], packages: dict[str, Path]
) -> None:
    globs = project["tool"]["setuptools"]["package-data"]
    shipped = set()
    for package, patterns in globs.items():
        for pattern in patterns:
            matches = set(packages[package].glob(pattern)) if package in packages else set()
            assert matches, f"package-data: {pattern!r} of {package} matches no file"
            shipped |= matches
    data = {
        path
        for room in packages.values()
        if room != packages["flowcert"]
        for path in room.rglob("*")
        if path.is_file() and path.suffix not in {".py", ".pyc"} and not path.name.startswith(".")
    }
    assert data <= shipped, f"not in package-data: {sorted(map(str, data - shipped))}"


def test_no_python_file_lies_outside_a_package(root: Path, packages: dict[str, Path]) -> None:
    rooms = {p.parts[0] for p in (f.relative_to(root) for f in packages.values()) if p.parts}
    lost = [
        str(file.relative_to(root))
        for room in rooms
        for file in (root / room).rglob("*.py")
        if file.parent not in packages.values()
    ]
    assert not lost, f"no __init__.py beside: {lost}"


def test_nothing_else_would_ship_from_the_root(root: Path) -> None:
    allowed = {"__init__.py", "__main__.py", "cli.py", "errors.py", "files.py", "tables.py"}
    assert {path.name for path in root.glob("*.py")} == allowed, "every *.py in the root ships"


def test_file_names_say_what_is_inside(root: Path, modules: dict[str, Path]) -> None:
    tests = {str(path): path for path in (root / "tests").rglob("*.py")}
    vague = [
        str(path.relative_to(root))
        for path in {**modules, **tests}.values()
        if VAGUE & set(re.split(r"[_.]", path.stem))
        or VAGUE & set(path.parent.relative_to(root).parts)
    ]
    assert not vague


def test_files_stay_short(root: Path, modules: dict[str, Path]) -> None:
    # A lesson is one notebook, prose and pictures included: it is not held to this.
    lengths = {
        str(path.relative_to(root)): len(path.read_text(encoding="utf-8").splitlines())
        for path in modules.values()
    }
    assert not {name: n for name, n in lengths.items() if n > LONGEST}


def test_every_requirement_is_pinned_within_its_range(
    project: dict[str, Any], pins: dict[str, str]
) -> None:
    extras = project["project"]["optional-dependencies"]
    needed = [*project["project"]["dependencies"], *(r for extra in extras.values() for r in extra)]
    for requirement in map(Requirement, needed):
        pin = pins.get(canonicalize_name(requirement.name))
        assert pin is not None, f"constraints.txt does not pin {requirement.name}"
        assert "+" not in pin, f"{requirement.name}: a local version is not on every index"
        assert requirement.specifier.contains(pin), f"{requirement} against =={pin}"


def test_the_citation_has_the_version(root: Path, project: dict[str, Any]) -> None:
    citation = (root / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {project['project']['version']}\n" in citation
