"""Which settings are the default: compared on validation images, never on test images."""

from __future__ import annotations

import dataclasses
import json
import statistics
import time
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.provenance import provenance
from flowcert.files import write_atomically
from flowcert.networks import certified_accuracy
from flowcert.networks.constraints import seal
from flowcert.networks.training import Configuration, Training

RADII = (0.1, 0.25, 0.5)
# One change at a time.
CHANGES: tuple[dict[str, Any], ...] = (
    {},
    {"margin": 0.7},
    {"margin": 1.2},
    {"temperature": 0.05},
    {"temperature": 0.2},
    {"noise": 0.0},
    {"noise": 0.1},
    {"noise": 0.2},
    {"depth": 4},
    {"depth": 12},
    {"width": 64},
    {"width": 256},
    {"epochs": 75},
    {"epochs": 250},
    {"learning_rate": 0.005},
    {"learning_rate": 0.02},
    {"loss": "hinge", "margin": 0.5},
    {"loss": "hinge", "margin": 0.7},
    {"loss": "hinge", "margin": 1.0},
    {"kind": "scaled-boundary"},
    {"kind": "sorting"},
    {"kind": "non-expansive"},
)


def select(seeds: int, threads: int, target: Path) -> int:
    """Train with each change on each seed, show and store clean and certified accuracy."""
    torch.set_num_threads(threads)
    start = time.perf_counter()
    rows = []
    for change in track(CHANGES, "comparing"):
        # The margin of the default's loss is none of another loss.
        base = Configuration(**change)
        found = [_validated(dataclasses.replace(base, seed=seed)) for seed in range(seeds)]
        means = [statistics.fmean(values) for values in zip(*found, strict=True)]
        names = ("clean", *(f"certified at {radius:g}" for radius in RADII), "seconds")
        rows.append({"change": change, **dict(zip(names, means, strict=True))})
    result = {
        "configuration": {"default": Configuration().to_json(), "seeds": seeds, "threads": threads},
        "provenance": provenance(
            __file__, {"total": time.perf_counter() - start}, ("torch", "numpy", "scikit-learn")
        ),
        "validation_images": "a fifth of each class of the training images",
        "rows": rows,
    }
    _show(rows)
    Console().print(f"written {write_atomically(target, json.dumps(result, indent=1) + chr(10))}")
    return 0


def _validated(configuration: Configuration) -> list[float]:
    """Clean and certified accuracy on validation images, and the seconds of training."""
    images = configuration.images().validation(configuration.seed)
    start = time.perf_counter()
    training = Training(configuration, images)
    while not training.finished:
        training.run_epoch_()
    seconds = time.perf_counter() - start
    found = certified_accuracy(seal(training.network), images.test, images.test_labels, RADII)
    return [found.clean, *found.certified, seconds]


def _show(rows: list[dict[str, Any]]) -> None:
    table = Table(title="on validation images, mean in %")
    columns = [name for name in rows[0] if name != "change"]
    table.add_column("change")
    for name in columns:
        table.add_column(name, justify="right")
    for row in rows:
        said = ", ".join(f"{name} {value}" for name, value in row["change"].items())
        scales = [1.0 if name == "seconds" else 100.0 for name in columns]
        cells = [f"{s * row[name]:.1f}" for s, name in zip(scales, columns, strict=True)]
        table.add_row(said or "the default", *cells)
    Console(width=120).print(table)
