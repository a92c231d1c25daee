"""Error against evaluations of the field, method by method: what N2_work_precision shows.

    .venv/bin/python -m benchmarks.numerics.work_precision

writes ``figures/results/work_precision.json`` (about a minute): for ladders of step counts the
error at the end of the span and how often the method asked for the field and for its Jacobian.
There is nothing random in it, and nothing is timed.
"""

from __future__ import annotations

import os

# Read when the libraries load: small matrices gain nothing from a second thread.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import time

from rich.progress import track

from benchmarks.provenance import provenance
from flowcert.figures.figure import FigureData
from flowcert.figures.stored_results import write_stored_results
from flowcert.figures.work_ladders import CONFIGURATION, METHODS, NAME, SPANS, ladder


def main() -> None:
    """Climb every ladder and store what the figure needs."""
    data: FigureData = {}
    seconds: dict[str, float] = {}
    pairs = [(problem, method) for problem in SPANS for method in METHODS]
    for problem, method in track(pairs, "integrating"):
        start = time.perf_counter()
        data |= ladder(problem, method)
        seconds[f"{problem} by {method}"] = time.perf_counter() - start
    write_stored_results(
        NAME, configuration=CONFIGURATION, provenance=provenance(__file__, seconds), data=data
    )


if __name__ == "__main__":
    main()
