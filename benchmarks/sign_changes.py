"""Study: one sign changed in a closed form of ``theory.bounds`` turns the checks red.

Each + or − in a ``formula_…`` function is turned, one at a time, in a copy of the package; then
``flowcert check`` must exit with 1 and the tests of theory must fail. Run from the root:

    .venv/bin/python -m benchmarks.sign_changes

writes ``benchmarks/results/sign_changes.json`` (about a minute for each change on two cores).
"""

from __future__ import annotations

import ast
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from rich.progress import track

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "benchmarks" / "results" / "sign_changes.json"
TURNED = {ast.Add: ast.Sub, ast.Sub: ast.Add}


class Turn(ast.NodeTransformer):
    """Turns the sign with the given number in a function, counting from 0."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.seen = -1

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if type(node.op) in TURNED:
            self.seen += 1
            if self.seen == self.number:
                return ast.BinOp(node.left, TURNED[type(node.op)](), node.right)
        return node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, ast.USub):
            self.seen += 1
            if self.seen == self.number:
                return node.operand
        return node


def changes() -> Iterator[tuple[Path, str, str, str, str]]:
    """Yield (file, function, line before, line after, whole changed source)."""
    for path in sorted((ROOT / "theory" / "bounds").glob("*.py")):
        source = path.read_text(encoding="utf-8")
        tree = ast.parse(source)
        for index, node in enumerate(tree.body):
            if not (isinstance(node, ast.FunctionDef) and node.name.startswith("formula_")):
                continue
            number = 0
            while True:
                turn = Turn(number)
                changed = ast.parse(source)
                function = changed.body[index]
                before = ast.unparse(function).splitlines()
                ast.fix_missing_locations(turn.visit(function))
                if turn.seen < number:
                    break
                after = ast.unparse(function).splitlines()
                (old, new), *_ = [
                    pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]
                ]
                yield path, node.name, old.strip(), new.strip(), ast.unparse(changed)
                number += 1


def run_red(place: Path, arguments: list[str]) -> tuple[bool, str]:
    """Run a command in the changed copy; red is an exit code of 1."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(place.parent),
        "OMP_NUM_THREADS": "1",
        "COLUMNS": "200",
    }
    run = subprocess.run(
        [sys.executable, *arguments],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    told = [line for line in run.stdout.splitlines() if line.strip()]
    return run.returncode == 1, told[-1] if told else run.stderr[-200:]


def tried(snapshot: Path, case: tuple[Path, str, str, str, str]) -> dict[str, object]:
    """Apply one change to a copy of the snapshot and say what went red."""
    path, function, old, new, source = case
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "flowcert"
        shutil.copytree(snapshot, place)
        (place / path.relative_to(ROOT)).write_text(source, encoding="utf-8")
        start = time.perf_counter()
        check = run_red(place, ["-m", "flowcert", "check", "--instances", "50"])
        tests = run_red(place, ["-m", "pytest", "-x", "-q", "tests/theory"])
    return {
        "function": function,
        "before": old,
        "after": new,
        "check_red": check[0],
        "check_says": check[1],
        "tests_red": tests[0],
        "tests_say": tests[1],
        "seconds": round(time.perf_counter() - start, 1),
    }


def git(*arguments: str) -> str:
    """Return what git says."""
    run = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return run.stdout.strip()


def main() -> None:
    """Try every change and write the record."""
    cases = list(changes())
    with tempfile.TemporaryDirectory() as folder:
        # One snapshot for all: the sources may be edited while this runs.
        snapshot = Path(folder) / "snapshot"
        ignored = shutil.ignore_patterns(".*", "__pycache__", "build", "benchmarks")
        shutil.copytree(ROOT, snapshot, ignore=ignored)
        commit, changed = git("rev-parse", "HEAD"), git("status", "--porcelain", "theory", "tests")
        results = [tried(snapshot, case) for case in track(cases, description="changing signs")]
    record = {
        "what": "one sign changed in theory/bounds; does flowcert check, do the tests go red?",
        "commit": commit,
        "uncommitted_changes": bool(changed),
        "machine": {"system": platform.platform(), "cores": os.cpu_count()},
        "python": platform.python_version(),
        "instances": 50,
        "seed": 0,
        "all_red": all(r["check_red"] and r["tests_red"] for r in results),
        "changes": results,
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
