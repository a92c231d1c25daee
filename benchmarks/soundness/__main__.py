"""Study: are the bounds ever false? Random layers and small networks against exact oracles.

    .venv/bin/python -m benchmarks.soundness --instances 100000

tries lower ≤ truth ≤ upper on so many instances (``theory.soundness``), on all cores, and writes
``benchmarks/soundness/results/soundness.json``. Interrupted, it goes on where it stopped: finished
pieces are kept in ``--work`` until the result is written.

    .venv/bin/python -m benchmarks.soundness --peers 2000

asks other libraries for the norm of the same layers: who underestimates what (``peers.json``).
"""

from __future__ import annotations

import os

# Read when the libraries load: one thread in each process.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.provenance import provenance
from flowcert.files import write_atomically
from flowcert.theory.soundness import run_campaign

RESULTS = Path(__file__).parent / "results"
PIECE = 500  # instances in one piece of work


def main() -> int:
    """Run the campaign, or the comparison; exit with 1 if a bound was false."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soundness", description=__doc__)
    parser.add_argument("--instances", type=int, default=0, help="how many to try")
    parser.add_argument("--peers", type=int, default=0, help="layers to ask other libraries about")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument(
        "--work",
        type=Path,
        default=Path(tempfile.gettempdir()) / "flowcert-soundness",
        help="where finished pieces are kept until all are there",
    )
    given = parser.parse_args()
    if given.peers:
        from benchmarks.soundness.peers import compare_peers

        compare_peers(given.peers, given.seed, RESULTS / "peers.json")
    if not given.instances:
        return 0
    return _campaign(given.instances, given.seed, given.workers, given.work)


def _campaign(instances: int, seed: int, workers: int, work: Path) -> int:
    start = time.perf_counter()
    folder = work / f"{provenance(__file__, {})['commit']}-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    pieces = range(0, instances, PIECE)
    pending = [first for first in pieces if not (folder / f"{first}.json").exists()]
    with ProcessPoolExecutor(workers) as pool:
        sizes = {first: min(PIECE, instances - first) for first in pending}
        jobs = [pool.submit(_piece, folder, first, sizes[first], seed) for first in pending]
        for job in track(as_completed(jobs), "trying", total=len(jobs)):
            job.result()
    families: Counter[str] = Counter()
    loosest: dict[str, float] = {}
    violations = []
    for first in pieces:
        piece = json.loads((folder / f"{first}.json").read_text())
        families.update(piece["families"])
        violations += piece["violations"]
        for family, value in piece["loosest"].items():
            loosest[family] = max(value, loosest.get(family, 1.0))
    result = {
        "configuration": {"instances": instances, "seed": seed},
        "provenance": provenance(
            __file__, {"total": time.perf_counter() - start}, ("numpy", "scipy", "python-flint")
        ),
        "instances": sum(families.values()),
        "violations": violations,
        "families": dict(sorted(families.items())),
        "loosest_upper_over_truth": dict(sorted(loosest.items())),
    }
    target = write_atomically(RESULTS / "soundness.json", json.dumps(result, indent=1) + "\n")
    for first in pieces:
        (folder / f"{first}.json").unlink()
    _show(families, loosest, violations)
    Console().print(f"written {target}")
    return 1 if violations else 0


def _piece(folder: Path, first: int, instances: int, seed: int) -> None:
    found = run_campaign(instances, seed=seed, first=first)
    write_atomically(folder / f"{first}.json", json.dumps(asdict(found)))


def _show(families: Counter[str], loosest: dict[str, float], violations: list[object]) -> None:
    table = Table(title=f"{sum(families.values())} instances, {len(violations)} violations")
    for column in ("family", "instances", "loosest upper/truth"):
        table.add_column(column)
    for family, count in sorted(families.items()):
        table.add_row(family, str(count), f"{loosest[family]:.6g}")
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
