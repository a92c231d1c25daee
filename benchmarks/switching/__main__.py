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
import json
import os
import statistics
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from torch import nn

from benchmarks.provenance import provenance
from flowcert.files import write_atomically
from flowcert.networks import certified_accuracy, certify
from flowcert.networks.constraints import seal
from flowcert.networks.layers import AlternatingPair, CollapsedPair
from flowcert.networks.training import Configuration, Training

RESULT = Path(__file__).parents[2] / "figures" / "results" / "switching.json"
PACKAGES = ("torch", "numpy", "scikit-learn")
RADII = tuple(round(0.05 * i, 2) for i in range(21))
SHOWN = (0.1, 0.25, 0.5)
LEARNING_RATES = (0.003, 0.01)
BUDGET = Configuration(width=128, depth=4, epochs=80)

FLEXIBLE: Mapping[str, Any] = {"kind": "switching-flexible"}
PRESCRIBED: Mapping[str, Any] = {"kind": "switching-prescribed"}
VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "flexible, authors' box": {**FLEXIBLE, "region": "authors_box"},
    "flexible, authors' region": {**FLEXIBLE, "region": "authors_region"},
    "flexible, sharp region": {**FLEXIBLE, "region": "sharp_region"},
    "flexible, sharp region, a = 0.1": {**FLEXIBLE, "region": "sharp_region", "slope": 0.1},
    "flexible, no expansion": {**FLEXIBLE, "region": None},
    "prescribed, sharp region": {**PRESCRIBED, "region": "sharp_region"},
    "prescribed, no expansion": {**PRESCRIBED, "region": None},
    "non-expansive": {"kind": "non-expansive"},
    "boundary step": {"kind": "boundary"},
    "SLL": {"kind": "scaled-boundary"},
    "MaxMin": {"kind": "sorting"},
}
EXPANSIVE = tuple(name for name, choice in VARIANTS.items() if choice.get("region") is not None)

Run = dict[str, Any]


def main() -> None:
    """Train everything, show the table and store it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.switching", description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=BUDGET.epochs)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--output", type=Path, default=RESULT)
    given = parser.parse_args()
    start = time.perf_counter()
    jobs = [
        (name, rate, seed, given.epochs)
        for name in VARIANTS
        for rate in LEARNING_RATES
        for seed in range(given.seeds)
    ]
    runs: list[Run] = []
    with Progress() as bar, ProcessPoolExecutor(given.processes) as pool:
        task = bar.add_task("training", total=len(jobs))
        for future in as_completed([pool.submit(train_one, *job) for job in jobs]):
            runs.append(future.result())
            bar.advance(task)
    runs.sort(key=lambda run: (list(VARIANTS).index(run["variant"]), run["rate"], run["seed"]))
    result = {
        "configuration": {
            "budget": replace(BUDGET, epochs=given.epochs).to_json(),
            "variants": {name: dict(choice) for name, choice in VARIANTS.items()},
            "learning_rates": list(LEARNING_RATES),
            "seeds": list(range(given.seeds)),
            "radii": list(RADII),
            "threads_a_run": 1,
        },
        "provenance": provenance(__file__, {"total": time.perf_counter() - start}, PACKAGES),
        "runs": runs,
    }
    show(runs)
    text = json.dumps(result, ensure_ascii=False) + "\n"
    Console().print(f"written {write_atomically(given.output, text)}")


def train_one(name: str, rate: float, seed: int, epochs: int) -> Run:
    """Train one network of a variant and certify it."""
    torch.set_num_threads(1)
    configuration = replace(
        BUDGET, epochs=epochs, learning_rate=rate, seed=seed, **dict(VARIANTS[name])
    )
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
        "variant": name,
        "rate": rate,
        "seed": seed,
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
        if isinstance(module, CollapsedPair | AlternatingPair)
    ]


def chosen_runs(runs: Sequence[Run], name: str) -> list[Run]:
    """The runs of a variant with the learning rate that did better at 0.25."""
    mine = [run for run in runs if run["variant"] == name]
    rates = sorted({run["rate"] for run in mine})
    place = RADII.index(0.25)

    def mean(rate: float) -> float:
        return statistics.mean(run["certified"][place] for run in mine if run["rate"] == rate)

    best = max(rates, key=mean)
    return [run for run in mine if run["rate"] == best]


def show(runs: Sequence[Run]) -> None:
    """Print means and deviations in per cent."""
    table = Table(box=None, title="digits: mean ± deviation over the seeds, in %")
    for column in ("variant", "rate", "clean", *(f"certified {r:g}" for r in SHOWN), "seconds"):
        table.add_column(column)
    for name in VARIANTS:
        mine = chosen_runs(runs, name)
        columns = [[run["clean"] for run in mine]]
        columns += [[run["certified"][RADII.index(r)] for run in mine] for r in SHOWN]
        seconds = statistics.mean(run["seconds"] for run in mine)
        cells = [_spread(column) for column in columns]
        table.add_row(name, f"{mine[0]['rate']:g}", *cells, f"{seconds:.1f}")
    Console().print(table)


def _spread(values: Sequence[float]) -> str:
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{100 * statistics.mean(values):.1f} ± {100 * deviation:.1f}"


if __name__ == "__main__":
    main()
