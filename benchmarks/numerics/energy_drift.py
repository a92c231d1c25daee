"""Energy over 10⁵ steps of the pendulum, method by method: what figure N1_energy_drift shows.

    .venv/bin/python -m benchmarks.numerics.energy_drift

writes ``figures/results/energy_drift.json`` (about three minutes, most of them for the discrete
gradient): the largest |H(yₖ) − H(y₀)| in blocks of steps that grow geometrically, and the mean of
H(yₖ) − H(y₀) in equal parts of the run, and the state at step 200. There is nothing random in it.
"""

from __future__ import annotations

import os

# Read when the libraries load: small matrices gain nothing from a second thread.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import time

from rich.progress import track

from benchmarks.provenance import provenance
from flowcert.figures.energy_drift import (
    CONFIGURATION,
    METHODS,
    NAME,
    STEPS,
    block_ends,
    run,
    summary,
)
from flowcert.figures.figure import FigureData
from flowcert.figures.stored_results import write_stored_results


def main() -> None:
    """Run every method and store what the figure needs."""
    data: FigureData = {"block_ends": block_ends()}
    seconds: dict[str, float] = {}
    for method in track(METHODS, "integrating"):
        start = time.perf_counter()
        data |= summary(method, run(method, STEPS))
        seconds[method] = time.perf_counter() - start
    write_stored_results(
        NAME, configuration=CONFIGURATION, provenance=provenance(__file__, seconds), data=data
    )


if __name__ == "__main__":
    main()
