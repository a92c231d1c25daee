"""Study: the search of the lower end on a GPU, beside the same search on the CPU.

    python -m benchmarks.gpu.lower_end

writes ``benchmarks/gpu/results/lower_end.json``: for each network of ``benchmarks.certify`` the
bracket, what the search saw and the seconds it took on either device (thorough search, one run
after a first one that loads things). The upper end does not depend on the device. Refuses to run
without a GPU.
"""

from __future__ import annotations

import copy
import json
import sys
import time
from pathlib import Path

import torch
from rich.console import Console

from benchmarks.certify.__main__ import NETWORKS
from benchmarks.provenance import provenance
from flowcert.files import write_atomically
from flowcert.networks import certify

RESULT = Path(__file__).parent / "results" / "lower_end.json"
EFFORT = "thorough"


def main() -> int:
    """Certify every network on both devices; 2 where there is no GPU."""
    console = Console()
    if not torch.cuda.is_available():
        console.print("no GPU here: nothing is measured")
        return 2
    start, rows = time.perf_counter(), []
    for name, make in NETWORKS.items():
        torch.manual_seed(0)
        module, shape = make()
        for device in ("cpu", "cuda"):
            placed = copy.deepcopy(module).eval().to(device)
            certify(placed, shape, effort="quick")
            begin = time.perf_counter()
            found = certify(placed, shape, effort=EFFORT)
            seconds = time.perf_counter() - begin
            row = {"network": name, "device": device, "seconds": seconds}
            rows.append({**row, "lower": found.lower, "upper": found.upper})
            console.print(rows[-1])
    result = {
        "configuration": {"effort": EFFORT, "seed": 0},
        "gpu": torch.cuda.get_device_name(),
        "provenance": provenance(__file__, {"total": time.perf_counter() - start}, ("torch",)),
        "networks": rows,
    }
    console.print(f"written {write_atomically(RESULT, json.dumps(result, indent=1) + chr(10))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
