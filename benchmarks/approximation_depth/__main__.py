"""Error against depth, and where it comes from: what B5 and B6 show.

    .venv/bin/python -m benchmarks.approximation_depth

writes ``figures/results/approximation_depth.json`` (about three minutes): for every named flow and
both approximation results measured errors and proved bounds against the number of steps; for some
of them the parts of the bound with networks, against depth and against width; and what it takes to
prove an error of 1e-3. The features of the networks are drawn from one seed; nothing is timed.
"""

from __future__ import annotations

import os

# Read when the libraries load: small matrices gain nothing from a second thread.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import track

from benchmarks.provenance import provenance
from flowcert.figures.approximation_runs import (
    BUDGETS,
    CONFIGURATION,
    DEPTHS,
    NAME,
    RESULTS,
    TARGETS,
    budgets,
    depths,
    within,
)
from flowcert.figures.figure import FigureData
from flowcert.figures.stored_results import write_stored_results

PACKAGES = ("numpy", "scipy", "sympy")


def main() -> None:
    """Run every study and store what the figures need."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.approximation_depth", description=__doc__
    )
    parser.add_argument("--output", type=Path, default=None, help="another folder")
    given = parser.parse_args()
    origin = provenance(__file__, {}, PACKAGES)  # of the sources that are loaded now
    data: FigureData = {}
    seconds: dict[str, float] = {}
    for name, study in track(list(studies().items()), "constructing"):
        start = time.perf_counter()
        data |= study()
        seconds[name] = round(time.perf_counter() - start, 1)
    seconds["total"] = round(sum(seconds.values()), 1)
    path = write_stored_results(
        NAME,
        configuration=CONFIGURATION,
        provenance={**origin, "seconds": seconds},
        data=data,
        folder=given.output,
    )
    Console().print(f"written {path} in {seconds['total']:.0f} s")


def studies() -> dict[str, Callable[[], FigureData]]:
    """Return all studies by name, in the order in which they are stored."""
    pairs = [(target, result) for target in TARGETS for result in RESULTS]
    return {
        **{
            f"{target}, {result} result, {splitting}": partial(depths, target, result, splitting)
            for target, result in pairs
            for splitting in DEPTHS
        },
        **{
            f"{target}, {result} result, budget": partial(budgets, target, result)
            for target, result in BUDGETS
        },
        **{
            f"{target}, {result} result, tolerance": partial(within, target, result)
            for target, result in pairs
        },
    }


if __name__ == "__main__":
    main()
