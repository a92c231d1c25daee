"""A wheel built from a clean copy, under a name with a space, holds everything and runs."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-qq"]


def _run(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, **options)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done


def _source_files(root: Path) -> list[str]:
    """What a clone has, and what the next commit would add."""
    if not (root / ".git").exists():
        pytest.skip("not a git checkout: what a clone has is not known")
    kept = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = _run(kept, cwd=root).stdout.split("\0")
    return [name for name in names if name and (root / name).is_file()]


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("build")
    clone = folder / "some clone"
    for name in _source_files(root):
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / name, clone / name)
    _run([*PIP, "wheel", "--no-deps", "--no-build-isolation", "-w", str(folder), str(clone)])
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("installed")
    _run([*PIP, "install", "--no-deps", "--target", str(target), str(wheel)])
    return target


def test_the_wheel_holds_the_package_and_nothing_else(
    wheel: Path, root: Path, modules: dict[str, Path], packages: dict[str, Path]
) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    rooms = {name.split(".")[1] for name in packages if name != "flowcert"}
    data = {
        root / name
        for name in _source_files(root)
        if name.split("/")[0] in rooms and not name.endswith(".py")
    }
    expected = {*modules.values(), *data, root / "py.typed"}
    assert names == {f"flowcert/{path.relative_to(root).as_posix()}" for path in expected}


def test_the_wheel_carries_licence_and_version(wheel: Path, project: dict[str, Any]) -> None:
    assert wheel.name == f"flowcert-{project['project']['version']}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        assert any(name.endswith("licenses/LICENSE") for name in archive.namelist())


def test_the_installed_package_runs_from_another_folder(
    installed: Path, project: dict[str, Any], tmp_path: Path
) -> None:
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    ask = "import flowcert; print(flowcert.__file__); print(flowcert.__version__)"
    said = _run([sys.executable, "-c", ask], cwd=tmp_path, env=environment).stdout.splitlines()
    assert Path(said[0]).is_relative_to(installed)
    assert said[1] == project["project"]["version"]
    command = [sys.executable, "-m", "flowcert", "--help"]
    assert "check" in _run(command, cwd=tmp_path, env=environment).stdout


def test_the_console_script_runs_from_another_folder(installed: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    script = [str(installed / "bin" / "flowcert"), "--help"]
    assert "check" in _run(script, cwd=tmp_path, env=environment).stdout
