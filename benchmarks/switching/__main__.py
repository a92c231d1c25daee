"""Study: do expansive layers help certified accuracy at an equal budget.

    .venv/bin/python -m benchmarks.switching

trains dense networks on the digits, every variant with the same width, depth, epochs, loss and
noise and with five seeds, and writes ``figures/results/switching.json``, from which the figure
``I1_switching`` is drawn. The variants of the flexible regime have four pairs of a contractive and
an expansive step, each pair on one orthogonal matrix and collapsed to the cost of one step; they
differ in where their steps may go. Each variant is trained with every learning rate of the list;
the one with the better certified accuracy at 0.25, averaged over the seeds, is reported: chosen on
the test images, which flatters all variants alike. Every network is sealed, the upper end of its
certificate is at most 1, radii are those of ``certified_accuracy`` in float64.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from torch import nn

from benchmarks.provenance import provenance
from flowcert.figures.stored_results import write_stored_results
from flowcert.figures.switching_study import SWITCHING
from flowcert.networks import certified_accuracy, certify
from flowcert.networks.constraints import seal
from flowcert.networks.layers import AlternatingPair, SharedPair
from flowcert.networks.training import Configuration, Training

PACKAGES = ("torch", "numpy", "scikit-learn")
RADII: Sequence[float] = SWITCHING["radii"]
RATES: Sequence[float] = SWITCHING["learning_rates"]
VARIANTS: Mapping[str, Mapping[str, Any]] = SWITCHING["variants"]
SHOWN = (0.1, 0.25, 0.5)

Run = dict[str, Any]


def main() -> None:
    """Train everything, show the table and store it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.switching", description=__doc__)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--output", type=Path, default=None, help="another folder")
    given = parser.parse_args()
    start = time.perf_counter()
    origin = provenance(__file__, {}, PACKAGES)  # of the sources that are loaded now
    jobs = [(name, r, s) for name in VARIANTS for r in RATES for s in SWITCHING["seeds"]]
    runs: dict[tuple[str, float, int], Run] = {}
    with Progress() as bar, ProcessPoolExecutor(given.processes) as pool:
        task = bar.add_task("training", total=len(jobs))
        futures = {pool.submit(train_one, *job): job for job in jobs}
        for future in as_completed(futures):
            runs[futures[future]] = future.result()
            bar.advance(task)
    data = stacked(runs)
    show(data)
    seconds = {"total": round(time.perf_counter() - start, 1)}
    path = write_stored_results(
        "switching",
        configuration=SWITCHING,
        provenance={**origin, "seconds": seconds},
        data=data,
        folder=given.output,
    )
    Console().print(f"written {path}")


def stacked(runs: Mapping[tuple[str, float, int], Run]) -> dict[str, NDArray[Any]]:
    """The runs as arrays (rates, seeds, ...), by variant and what was measured."""
    data = {}
    for name in VARIANTS:
        table = [[runs[name, rate, seed] for seed in SWITCHING["seeds"]] for rate in RATES]
        for what in table[0][0]:
            array = np.array([[run[what] for run in row] for row in table])
            if array.size:  # networks without pairs of steps
                data[f"{name}/{what}"] = array
    return data


def train_one(name: str, rate: float, seed: int) -> Run:
    """Train one network of a variant and certify it, on one thread."""
    torch.set_num_threads(1)
    choice = {**SWITCHING["budget"], **VARIANTS[name]}
    configuration = replace(Configuration(), learning_rate=rate, seed=seed, **choice)
    images = configuration.images()
    training = Training(configuration, images)
    start = time.perf_counter()
    while not training.finished:
        training.run_epoch_()
    seconds = time.perf_counter() - start
    network = seal(training.network)
    certificate = certify(network, images.shape, effort="none")
    found = certified_accuracy(network, images.test, images.test_labels, RADII)
    return {
        "clean": found.clean,
        "certified": list(found.certified),
        "upper": certificate.upper,
        "parameters": sum(p.numel() for p in training.network.parameters()),
        "seconds": round(seconds, 2),
        "steps": steps_of(network),
    }


def steps_of(network: nn.Module) -> list[list[float]]:
    """(h_C, h_E) of each pair, as sealed."""
    return [
        [float(module.contractive_step()), float(module.expansive_step())]
        for module in network.modules()
        if isinstance(module, SharedPair | AlternatingPair)
    ]


def show(data: Mapping[str, NDArray[Any]]) -> None:
    """Print means and deviations in per cent, of the better learning rate."""
    table = Table(box=None, title="digits: mean ± deviation over the seeds, in %")
    for column in ("variant", "rate", "clean", *(f"certified {r:g}" for r in SHOWN), "seconds"):
        table.add_column(column, no_wrap=True)
    for name in VARIANTS:
        certified = data[f"{name}/certified"]
        best = int(np.argmax(certified[..., RADII.index(0.25)].mean(axis=1)))
        columns = [data[f"{name}/clean"][best]]
        columns += [certified[best, :, RADII.index(r)] for r in SHOWN]
        seconds = statistics.mean(data[f"{name}/seconds"][best])
        table.add_row(name, f"{RATES[best]:g}", *map(_spread, columns), f"{seconds:.1f}")
    Console().print(table)


def _spread(values: NDArray[Any]) -> str:
    return f"{100 * values.mean():.1f} ± {100 * values.std(ddof=1):.1f}"


if __name__ == "__main__":
    main()
