"""An import goes down only: figures -> networks -> theory -> numerics."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

FLOORS = {"numerics": 0, "theory": 1, "networks": 2, "figures": 3}
COMMANDS = {
    "flowcert.cli",
    "flowcert.__main__",
    "flowcert.tables",
    "flowcert.commands",
    "flowcert.commands.certificates",
    "flowcert.commands.train",
}
HOME = {"torch": "networks", "matplotlib": "figures", "z3": "theory"}
HEAVY = {"sympy", "mpmath", "flint", "z3", "hypothesis"}
# These modules are themselves imported lazily, so they may load what they need at once.
LOADED_LATE = {
    "flowcert.theory.strategies": {"hypothesis"},
    "flowcert.theory.proof": HEAVY,
    "flowcert.theory.claims": HEAVY,
    "flowcert.theory.step_optima": {"sympy"},
    "flowcert.theory.symbolic": {"sympy", "flint"},
    "flowcert.theory.decomposition": {"sympy", "flint"},
    "flowcert.theory.approximation": {"sympy", "flint"},
}


class Import(NamedTuple):
    line: int
    target: str  # dotted and absolute
    relative: bool
    at_load: bool  # runs when the module is imported


def _is_type_checking(test: ast.expr) -> bool:
    return getattr(test, "id", getattr(test, "attr", "")) == "TYPE_CHECKING"


def _imports(name: str, source: str, *, is_package: bool) -> Iterator[Import]:
    package = name if is_package else name.rpartition(".")[0]

    def absolute(level: int, tail: str) -> str:
        base = package.split(".")[: len(package.split(".")) - level + 1] if level else []
        return ".".join([*base, *filter(None, [tail])])

    def walk(node: ast.AST, at_load: bool) -> Iterator[Import]:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(node.lineno, alias.name, False, at_load)
        elif isinstance(node, ast.ImportFrom):
            base = absolute(node.level, node.module or "")
            for alias in node.names:
                yield Import(node.lineno, f"{base}.{alias.name}", node.level > 0, at_load)
        elif isinstance(node, ast.Call) and node.args:
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            text = getattr(node.args[0], "value", None)
            if called in {"import_module", "__import__"} and isinstance(text, str):
                tail = text.lstrip(".")
                dots = len(text) - len(tail)
                yield Import(node.lineno, absolute(dots, tail), dots > 0, at_load)
        late = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        hints = isinstance(node, ast.If) and _is_type_checking(node.test)
        for child in ast.iter_child_nodes(node):
            # the `else` of `if TYPE_CHECKING` does run
            asleep = late or (hints and child in getattr(node, "body", []))
            yield from walk(child, at_load and not asleep)

    return walk(ast.parse(source), True)


def _room(dotted: str) -> str | None:
    parts = dotted.split(".")
    return parts[1] if len(parts) > 1 and parts[0] == "flowcert" and parts[1] in FLOORS else None


def _within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def complaints(name: str, source: str, *, is_package: bool = False) -> list[str]:
    """What is wrong with the imports of one module of the package."""
    room, found = _room(name), []
    late = set().union(*(what for where, what in LOADED_LATE.items() if _within(name, where)))
    for line, target, relative, at_load in _imports(name, source, is_package=is_package):
        top = target.split(".")[0]
        floor = _room(target)
        wrong = None
        if top == "flowcert":
            inner = ".".join(target.split(".")[:2])
            if not relative:
                wrong = "inside the package an import is relative"
            elif room and floor and FLOORS[floor] > FLOORS[room]:
                wrong = f"{room} must not look up to {floor}"
            elif room and inner in COMMANDS:
                wrong = "the command line stands above every room"
            elif name == "flowcert.errors":
                wrong = "errors.py is below everything"
            elif room is None and floor and name not in {"flowcert", *COMMANDS}:
                wrong = "beside the rooms lies only what every room may use"
            elif name == "flowcert" and inner != "flowcert.errors":
                wrong = "the face of the package loads only errors.py"
            elif name in COMMANDS and floor and at_load:
                wrong = "the command line imports a room inside the function that needs it"
        elif top in FLOORS or top in {"cli", "errors"}:
            wrong = "this is found only from a checkout's root"
        elif top in HOME and room != HOME[top]:
            wrong = f"{top} lives in {HOME[top]} only"
        elif top in HEAVY - late and at_load and room in {"numerics", "theory"}:
            wrong = f"{top} is imported inside the function that needs it"
        if wrong:
            found.append(f"{name}:{line}: {target}: {wrong}")
    return found


def test_imports_go_down_only(modules: dict[str, Path]) -> None:
    found = [
        line
        for name, path in modules.items()
        for line in complaints(
            name, path.read_text(encoding="utf-8"), is_package=path.stem == "__init__"
        )
    ]
    assert not found, "\n" + "\n".join(found)


def test_tests_and_lessons_say_flowcert(root: Path) -> None:
    found = []
    outside = ("tests", "lessons", "benchmarks")
    for path in (path for top in outside for path in (root / top).rglob("*.py")):
        where = path.relative_to(root)
        for it in _imports("outside", path.read_text(encoding="utf-8"), is_package=True):
            if it.relative or it.target.split(".")[0] in {*FLOORS, "cli", "errors"}:
                found.append(f"{where}:{it.line}: {it.target}: write `from flowcert... import`")
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("name", "source", "complaint"),
    [
        ("numerics.a", "from ..theory import Claim", "must not look up to theory"),
        ("numerics.a", "from .. import theory", "must not look up to theory"),
        ("numerics.a", "def f():\n    from ..theory.claim import Claim", "must not look up"),
        ("numerics.fields.a", "from ...figures import x", "must not look up to figures"),
        ("theory.a", "import importlib\nimportlib.import_module('..networks', 'x')", "look up"),
        ("networks.a", "from ..cli import main", "above every room"),
        ("theory.a", "from flowcert.numerics import euler", "relative"),
        ("theory.a", "from numerics import euler", "only from a checkout's root"),
        ("theory.a", "import torch", "torch lives in networks"),
        ("theory.proof.a", "import torch", "torch lives in networks"),
        ("networks.a", "from matplotlib import pyplot", "matplotlib lives in figures"),
        ("networks.a", "def f():\n    import z3", "z3 lives in theory"),
        ("theory.a", "import sympy", "inside the function"),
        ("theory.a", "try:\n    import flint\nfinally:\n    pass", "inside the function"),
        ("theory.a", "class A:\n    from mpmath import mpf", "inside the function"),
        ("theory.strategies", "import z3", "inside the function"),
        ("numerics.a", "import hypothesis", "inside the function"),
        ("cli", "from .theory import bounds", "inside the function"),
        ("errors", "from .files import x", "below everything"),
        ("files", "def f():\n    from .numerics import euler", "what every room may use"),
    ],
)
def test_a_wrong_import_is_named(name: str, source: str, complaint: str) -> None:
    found = complaints(f"flowcert.{name}", source)
    assert len(found) == 1
    assert complaint in found[0]


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("theory.a", "from ..numerics import euler\nfrom ..errors import DomainError"),
        ("theory.a", "def f():\n    import sympy, z3"),
        ("theory.a", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import sympy"),
        ("theory.strategies", "import hypothesis"),
        ("theory.proof.smt", "import z3"),
        ("theory.claims.discrete.d1", "import sympy\nfrom ...bounds import x"),
        ("networks.a", "import torch\nfrom ..theory import bounds"),
        ("figures.a", "import matplotlib.pyplot as plt\nfrom .. import networks"),
        ("cli", "def f():\n    from .theory import bounds"),
        ("__main__", "from .cli import main"),
        ("files", "from .errors import OutputError"),
        ("figures.a", "from ..files import x"),
    ],
)
def test_a_right_import_passes(name: str, source: str) -> None:
    assert complaints(f"flowcert.{name}", source) == []
