"""Study: what each layer costs beside a plain one of equal multiplications, and beside its peers.

    .venv/bin/python -m benchmarks.layers

writes ``benchmarks/layers/results/layers.json``: seconds for forward and backward in training mode
(gradients of the input and of all parameters), and the ratio to the plain layer. All layers of a
kind take turns; a ratio is the median of the ratios within the rounds, so that what disturbs the
machine disturbs both. Peers that are not installed are left out. Run it on a machine with nothing
else to do.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.layers.peers import peers
from benchmarks.provenance import provenance
from flowcert.files import write_atomically
from flowcert.networks.layers import (
    AlmostOrthogonal,
    BoundaryStep,
    CollapsedPair,
    ExpansiveGradientStep,
    ExpansiveStep,
    GradientStep,
    GroupSort,
    MaxMin,
    RungeKuttaStep,
    ScaledBoundaryStep,
    convolution,
    dense,
)

RESULT = Path(__file__).parent / "results" / "layers.json"
PACKAGES = ("torch", "deel-torchlip", "orthogonium")
ALLOWED = 1.3  # of the boundary step over the plain step with the same padding

Makers = dict[str, Callable[[], nn.Module]]
Row = dict[str, object]


class PlainStep(nn.Module):
    """x + outer(ReLU(inner(x))): two free maps, as in a residual network."""

    def __init__(self, inner: nn.Module, outer: nn.Module) -> None:
        super().__init__()
        self.inner, self.outer = inner, outer

    def forward(self, x: Tensor) -> Tensor:
        value: Tensor = x + self.outer(functional.relu(self.inner(x)))
        return value


def main() -> None:
    """Measure everything, print the tables and store them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.layers", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--channels", type=int, default=64)
    parser.add_argument("--pixels", type=int, default=16)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--output", type=Path, default=RESULT)
    given = parser.parse_args()
    warnings.simplefilter("ignore")  # the libraries' own
    start, rows = time.perf_counter(), list[Row]()
    cases = [(threads, kind) for threads in given.threads for kind in KINDS]
    for threads, kind in track(cases, "layers"):
        torch.set_num_threads(threads)
        torch.manual_seed(given.seed)
        rows += _kind(kind, threads, given)
    keys = ("seed", "rounds", "threads", "batch", "channels", "pixels", "width", "device")
    result = {
        "configuration": {key: getattr(given, key) for key in keys},
        "provenance": provenance(__file__, {"total": time.perf_counter() - start}, PACKAGES),
        "layers": rows,
    }
    _show(rows)
    written = write_atomically(given.output, json.dumps(result, indent=1) + "\n")
    Console().print(f"written {written}")


def _convolution_steps(given: argparse.Namespace) -> tuple[Makers, Makers]:
    """The plain layer first; ours after it."""
    n, image = given.channels, (given.channels, given.pixels, given.pixels)

    def plain(mode: str) -> nn.Module:
        inner = nn.Conv2d(n, n, 3, padding=1, padding_mode=mode)
        return PlainStep(inner, nn.Conv2d(n, n, 3, padding=1, padding_mode=mode, bias=False))

    ours: Makers = {
        "boundary step": lambda: BoundaryStep(convolution(image, n)),
        "boundary step (zeros)": lambda: BoundaryStep(convolution(image, n, mode="zeros")),
        "gradient step": lambda: GradientStep(convolution(image, n), 0.1, 0.5),
        "expansive gradient step": lambda: ExpansiveGradientStep(convolution(image, n), 0.1),
        "collapsed pair": lambda: CollapsedPair(convolution(image, n), 0.3, 0.1),
        "scaled boundary step": lambda: ScaledBoundaryStep(convolution(image, n)),
    }
    plains: Makers = {
        "plain step (zeros)": lambda: plain("zeros"),
        "plain step (circular)": lambda: plain("circular"),
    }
    return plains, ours


def _convolutions(given: argparse.Namespace) -> tuple[Makers, Makers]:
    n, image = given.channels, (given.channels, given.pixels, given.pixels)
    plains: Makers = {
        "plain convolution (zeros)": lambda: nn.Conv2d(n, n, 3, padding=1),
        "plain convolution (circular)": lambda: nn.Conv2d(
            n, n, 3, padding=1, padding_mode="circular"
        ),
    }
    ours: Makers = {
        "affine": lambda: convolution(image, n),
        "almost orthogonal": lambda: AlmostOrthogonal(convolution(image, n).operator),
        "expansive step": lambda: ExpansiveStep(convolution(image, n), 0.1),
    }
    return plains, ours


def _dense_steps(given: argparse.Namespace) -> tuple[Makers, Makers]:
    n = given.width
    ours: Makers = {
        "boundary step": lambda: BoundaryStep(dense(n, n)),
        "gradient step": lambda: GradientStep(dense(n, n), 0.1, 0.5),
        "expansive gradient step": lambda: ExpansiveGradientStep(dense(n, n), 0.1),
        "collapsed pair": lambda: CollapsedPair(dense(n, n), 0.3, 0.1),
        "scaled boundary step": lambda: ScaledBoundaryStep(dense(n, n)),
    }
    return {"plain step": lambda: PlainStep(nn.Linear(n, n), nn.Linear(n, n, bias=False))}, ours


def _matrices(given: argparse.Namespace) -> tuple[Makers, Makers]:
    n = given.width
    ours: Makers = {
        "affine": lambda: dense(n, n),
        "almost orthogonal": lambda: AlmostOrthogonal(dense(n, n).operator),
        "expansive step": lambda: ExpansiveStep(dense(n, n), 0.1),
    }
    return {"plain linear": lambda: nn.Linear(n, n)}, ours


def _four_stages(given: argparse.Namespace) -> tuple[Makers, Makers]:
    n = given.width

    def plain() -> nn.Module:
        steps = (PlainStep(nn.Linear(n, n), nn.Linear(n, n, bias=False)) for _ in range(4))
        return nn.Sequential(*steps)

    ours: Makers = {
        "RK4 step": lambda: RungeKuttaStep(dense(n, n), 0.1),
        "gradient step, four sub-steps": lambda: GradientStep(dense(n, n), 0.4, 0.0, 4),
    }
    return {"four plain steps": plain}, ours


def _activations(given: argparse.Namespace) -> tuple[Makers, Makers]:
    return {"ReLU": nn.ReLU}, {"MaxMin": MaxMin, "GroupSort(2)": lambda: GroupSort(2)}


KINDS = {
    "convolution step": _convolution_steps,
    "convolution": _convolutions,
    "dense step": _dense_steps,
    "matrix": _matrices,
    "four dense stages": _four_stages,
    "activation": _activations,
}
ON_VECTORS = ("dense step", "matrix", "four dense stages")


def _kind(kind: str, threads: int, given: argparse.Namespace) -> list[Row]:
    """All layers of a kind in turns, on the same values."""
    plains, ours = KINDS[kind](given)
    width = given.width if kind in ON_VECTORS else given.channels
    image = (given.channels, given.pixels, given.pixels)
    shape = (given.batch, given.width) if kind in ON_VECTORS else (given.batch, *image)
    x = torch.randn(shape, device=given.device)
    makers = plains | ours | peers(kind, width)
    passes = {name: _pass(make().to(given.device).train(), x) for name, make in makers.items()}
    seconds: dict[str, list[float]] = {name: [] for name in makers}
    for round_ in range(given.rounds + 1):
        for name, run in passes.items():
            begin = time.perf_counter()
            run()
            if round_ > 0:  # the first one loads things
                seconds[name].append(time.perf_counter() - begin)
    plain = next(iter(plains))
    return [
        {
            "kind": kind,
            "threads": threads,
            "layer": name,
            "seconds": statistics.median(times),
            "ratio": statistics.median(t / p for t, p in zip(times, seconds[plain], strict=True)),
            "to": plain,
        }
        for name, times in seconds.items()
    ]


def _pass(layer: nn.Module, x: Tensor) -> Callable[[], None]:
    """Forward and backward once, to the input's gradient as well."""
    cotangent = torch.randn_like(x)

    def run() -> None:
        layer.zero_grad()
        start = x.detach().requires_grad_()
        value: Tensor = layer(start)
        value.backward(cotangent)
        if x.is_cuda:
            torch.cuda.synchronize()

    return run


def _show(rows: list[Row]) -> None:
    table = Table(title="forward + backward")
    for column in ("kind", "threads", "layer", "milliseconds", "ratio", "to"):
        table.add_column(column)
    for row in rows:
        milliseconds, ratio = f"{1e3 * float(str(row['seconds'])):.2f}", f"{row['ratio']:.2f}"
        cells = (str(row[key]) for key in ("kind", "threads", "layer"))
        table.add_row(*cells, milliseconds, ratio, str(row["to"]))
    console = Console(width=120)
    console.print(table)
    ratios = {
        (row["threads"], row["layer"]): float(str(row["ratio"]))
        for row in rows
        if row["kind"] == "convolution step"
    }
    for threads in dict.fromkeys(count for count, _ in ratios):
        for padding, layer in (("zeros", "boundary step (zeros)"), ("circular", "boundary step")):
            plain = ratios[threads, f"plain step ({padding})"]
            ratio = ratios[threads, layer] / plain
            verdict = "kept" if ratio <= ALLOWED else "missed"
            told = f"{ratio:.2f} of a plain step with the same padding"
            console.print(f"{threads} threads, {padding}: {told}; ≤ {ALLOWED} {verdict}")


if __name__ == "__main__":
    main()
