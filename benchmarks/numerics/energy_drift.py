"""Energy over 10⁵ steps of the pendulum, method by method: what the figure of the drift shows.

    python benchmarks/numerics/energy_drift.py        # about two minutes

writes figures/results/energy_drift.json: for blocks of steps that grow geometrically the largest
|H(yₖ) − H(y₀)| in the block, with configuration, commit and machine. There is nothing random.
"""

from __future__ import annotations

import json
import platform
import subprocess
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from flowcert.files import write_atomically
from flowcert.numerics import trajectory
from flowcert.numerics.methods import find_method
from flowcert.numerics.problems import Pendulum

METHODS = (
    "Euler",
    "RK4",
    "RadauIIA(2)",
    "StormerVerlet",
    "ImplicitMidpoint",
    "Yoshida4(StormerVerlet)",
    "GaussLegendre(2)",
    "Gonzalez",
)
STEP, STEPS, BLOCKS = 0.1, 100_000, 120
ROOT = Path(__file__).parents[2]
TARGET = ROOT / "figures" / "results" / "energy_drift.json"


def block_ends(steps: int, blocks: int) -> NDArray[np.int64]:
    """The last step of each block, from 1 to ``steps``."""
    return np.unique(np.round(np.geomspace(1, steps, blocks)).astype(np.int64))


def largest_deviations(method: str, steps: int, ends: NDArray[np.int64]) -> list[float]:
    """max |H − H₀| in each block; infinite from where the solution left the range of numbers."""
    span = (0.0, STEP * steps)
    _, states = trajectory(
        Pendulum.system, Pendulum.start, span, find_method(method), steps, progress=False
    )
    energy = np.asarray(Pendulum.invariants[0].function(states))
    deviations = np.abs(energy - energy[0])
    starts = np.concatenate([[1], ends[:-1] + 1])
    return [
        float(deviations[a : b + 1].max()) for a, b in zip(starts, ends, strict=True)
    ]


def main() -> None:
    """Run every method and store the result."""
    ends = block_ends(STEPS, BLOCKS)
    errors, seconds = {}, {}
    for method in track(METHODS, "integrating"):
        start = time.perf_counter()
        errors[method] = largest_deviations(method, STEPS, ends)
        seconds[method] = round(time.perf_counter() - start, 2)
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()
    record = {
        "made_by": "python benchmarks/numerics/energy_drift.py",
        "configuration": {
            "problem": Pendulum.name,
            "start": Pendulum.start.tolist(),
            "step": STEP,
            "steps": STEPS,
        },
        "seed": None,
        "commit": commit,
        "machine": {
            "processor": platform.machine(),
            "python": platform.python_version(),
            "numpy": version("numpy"),
        },
        "seconds": seconds,
        "block_ends": ends.tolist(),
        "largest_deviation": errors,
    }
    write_atomically(TARGET, json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
