"""A package exports what its ``__all__`` says: sorted, existing, complete."""

import ast
import importlib
import re
from pathlib import Path
from types import ModuleType

import pytest


def _sort_key(name: str) -> tuple[object, ...]:
    """The order that ruff (RUF022) gives: constants, classes, functions; 2 before 10."""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[0].isupper() else 2
    return kind, [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def _public_bindings(tree: ast.Module) -> set[str]:
    """Public names that the file itself binds: from the package, by assignment or definition."""
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.level > 0:
            names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return {name for name in names if not name.startswith("_")}


def complaints(source: str, module: ModuleType) -> list[str]:
    """What is wrong with the exports of one package."""
    tree = ast.parse(source)
    writes = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and node.id == "__all__" and isinstance(node.ctx, ast.Store)
    ]
    if len(writes) != 1:
        return [f"__all__ is written {len(writes)} times, not once"]
    listed = list(module.__all__)
    found = []
    if listed != sorted(set(listed), key=_sort_key):
        found.append(f"__all__ is not sorted, or repeats: {sorted(set(listed), key=_sort_key)}")
    missing = [name for name in listed if not hasattr(module, name)]
    if missing:
        found.append(f"__all__ names what does not exist: {missing}")
    public = _public_bindings(tree)
    silent = {n for n in public if not isinstance(vars(module).get(n), ModuleType)} - {*listed}
    if silent:
        found.append(f"public, but not in __all__: {sorted(silent)}")
    return found


def test_every_package_exports_what_it_says(packages: dict[str, Path]) -> None:
    found = [
        f"{name}: {line}"
        for name, folder in packages.items()
        for line in complaints(
            (folder / "__init__.py").read_text(encoding="utf-8"), importlib.import_module(name)
        )
    ]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("x = 1", "0 times"),
        ("__all__ = ['x']\n__all__ += ['y']\nx = y = 1", "2 times"),
        ("__all__ = ['y', 'x']\nx = y = 1", "not sorted"),
        ("__all__ = ['x', 'x']\nx = 1", "repeats"),
        ("__all__ = ['x', 'y']\nx = 1", "does not exist"),
        ("__all__ = ['x']\nx = 1\ndef f(): ...", "not in __all__: ['f']"),
        ("__all__ = ['x']\nx = 1\nLIMIT: int = 2", "not in __all__: ['LIMIT']"),
    ],
)
def test_a_wrong_export_is_named(source: str, complaint: str) -> None:
    module = ModuleType("specimen")
    exec(source, module.__dict__)
    found = complaints(source, module)
    assert len(found) == 1
    assert complaint in found[0]
