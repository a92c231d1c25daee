"""Study: the default job on five splits of the digits, as a user runs it.

    .venv/bin/python -m benchmarks.digits

runs ``flowcert train --seed S`` for five seeds, checks each certificate with the checker that knows
no PyTorch, and writes ``benchmarks/digits/results/digits.json``. Exits with 1 if what the README
promises is missed: in the mean clean ≥ 97 %, certified ≥ 90 % at 0.25 and ≥ 70 % at 0.5, accuracy
under attack ≥ 84 % at 0.5; in each run at most 60 s, a Lipschitz constant proved ≤ 1, and no image
broken within its certified radius.

    .venv/bin/python -m benchmarks.digits --select

compares settings on validation images, a part of the training images (``selection.json``).
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.provenance import provenance
from flowcert.files import write_atomically
from flowcert.networks.training import Configuration, Record, read_record

RESULTS = Path(__file__).parent / "results"
PROMISED = {
    "clean": 0.97,
    "certified at 0.25": 0.90,
    "certified at 0.5": 0.70,
    "attacked at 0.5": 0.84,
}
LONGEST = 60.0  # seconds of the whole command
PACKAGES = ("torch", "numpy", "scikit-learn", "foolbox")


def main() -> int:
    """Run the default job, or the selection; exit with 1 if a promise is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.digits", description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--select", action="store_true", help="compare settings instead")
    given = parser.parse_args()
    if given.select:
        from benchmarks.digits.selection import select

        return select(given.seeds, given.threads, RESULTS / "selection.json")
    start = time.perf_counter()
    runs = [_run(seed, given.threads) for seed in range(given.seeds)]
    measured = {name: [run["measured"][name] for run in runs] for name in runs[0]["measured"]}
    missed = _missed(runs, measured)
    result = {
        "configuration": {
            **Configuration().to_json(),
            "seed": list(range(given.seeds)),
            "threads": given.threads,
        },
        "provenance": provenance(__file__, {"total": time.perf_counter() - start}, PACKAGES),
        "mean": {name: statistics.fmean(values) for name, values in measured.items()},
        "spread": {name: _spread(values) for name, values in measured.items()},
        "missed": missed,
        "runs": runs,
    }
    target = write_atomically(RESULTS / "digits.json", json.dumps(result, indent=1) + "\n")
    _show(measured)
    each = ", ".join(f"{run['seconds']['command']:.1f}" for run in runs)
    Console().print(f"seconds of each command, {given.threads} threads: {each}")
    Console().print(f"{'; '.join(missed) or 'everything promised is kept'}; written {target}")
    return 1 if missed else 0


def _run(seed: int, threads: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as work:
        command = [sys.executable, "-m", "flowcert", "train", "--seed", str(seed)]
        command += ["--device", "cpu", "--threads", str(threads), "--out", work]
        start = time.perf_counter()
        trained = subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - start
        check = [sys.executable, "-m", "flowcert", "certificate", "check", f"{work}/certificate"]
        checked = subprocess.run(check, check=False, stdout=subprocess.DEVNULL)
        record = read_record(Path(work) / "record.json")
    return {
        "seed": seed,
        "measured": _measured(record),
        "lipschitz": [record.lower, record.upper],
        "certificate_checked": checked.returncode == 0,
        "exit_code": trained.returncode,
        "violations": list(record.evaluation.violations),
        "execution": record.evaluation.execution,
        "model_sha256": record.model_sha256,
        "seconds": {"command": round(seconds, 2), **record.seconds},
    }


def _measured(record: Record) -> dict[str, float]:
    results = record.evaluation
    measured = {"clean": results.clean}
    for name in ("certified", "attacked", "attacked_weakly"):
        for epsilon, value in zip(results.epsilons, getattr(results, name), strict=True):
            measured[f"{name.replace('_', ' ')} at {epsilon:g}"] = value
    return measured


def _missed(runs: list[dict[str, Any]], measured: dict[str, list[float]]) -> list[str]:
    missed = [
        f"{name}: {100 * statistics.fmean(measured[name]):.1f} % < {100 * least:g} %"
        for name, least in PROMISED.items()
        if statistics.fmean(measured[name]) < least
    ]
    for run in runs:
        seed = run["seed"]
        if run["lipschitz"][1] > 1.0:
            missed.append(f"seed {seed}: upper {run['lipschitz'][1]}")
        if run["violations"] or run["exit_code"]:
            missed.append(f"seed {seed}: images {run['violations']} broken within their radius")
        if not run["certificate_checked"]:
            missed.append(f"seed {seed}: the certificate does not hold")
        if run["seconds"]["command"] > LONGEST:
            missed.append(f"seed {seed}: {run['seconds']['command']} s")
    return missed


def _spread(values: list[float]) -> dict[str, float]:
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return {"deviation": deviation, "least": min(values), "most": max(values)}


def _show(measured: dict[str, list[float]]) -> None:
    table = Table(title="the default job on the digits, in %")
    for column in ("", "mean", "deviation", "each"):
        table.add_column(column, justify="right")
    for name, values in measured.items():
        each = "  ".join(f"{100 * value:.1f}" for value in values)
        spread = f"{100 * _spread(values)['deviation']:.1f}"
        table.add_row(name, f"{100 * statistics.fmean(values):.1f}", spread, each)
    Console(width=120).print(table)


if __name__ == "__main__":
    sys.exit(main())
