"""Study: how tight and how fast the bounds are, beside other libraries on the same kernels.

    .venv/bin/python -m benchmarks.certify

writes ``benchmarks/certify/results/certify.json``. Layers: dense matrices and zero-padded and
circular convolutions with Gaussian weights; each answer is given relative to our rigorous lower end
(below 1 it is certainly an underestimate), with the median time of several calls. Networks: our
certificate alone, since no other library brackets them. One process, all threads that NumPy and
torch take.
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
from torch import nn

from benchmarks.provenance import provenance
from flowcert.files import write_atomically
from flowcert.networks import certify
from flowcert.theory.spectral import bound_convolution, bound_dense, convolution_bounds

RESULT = Path(__file__).parent / "results" / "certify.json"
PACKAGES = ("torch", "deel-torchlip", "orthogonium", "numpy", "scipy")
POWER_ITERATIONS = 100
GRAM_ITERATIONS = 6

# (channels in, channels out, pixels, padding)
CONVOLUTIONS = (
    (3, 32, 32, "zeros"),
    (32, 32, 32, "zeros"),
    (64, 64, 32, "zeros"),
    (64, 64, 16, "zeros"),
    (128, 128, 8, "zeros"),
    (64, 64, 32, "circular"),
)
DENSE = (64, 512, 2048)


def main() -> None:
    """Measure everything, print the tables and store them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.certify", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    warnings.simplefilter("ignore")  # the libraries' own
    torch.manual_seed(given.seed)
    start = time.perf_counter()
    layers = [_dense(n, given.repeats) for n in track(DENSE, "dense")]
    layers += [_convolution(*case, given.repeats) for case in track(CONVOLUTIONS, "convolutions")]
    networks = [_network(name, given.seed) for name in track(NETWORKS, "networks")]
    result = {
        "configuration": {
            "seed": given.seed,
            "repeats": given.repeats,
            "power_iterations": POWER_ITERATIONS,
            "gram_iterations": GRAM_ITERATIONS,
            "threads": torch.get_num_threads(),
        },
        "provenance": provenance(__file__, {"total": time.perf_counter() - start}, PACKAGES),
        "layers": layers,
        "networks": networks,
    }
    _show(layers, networks)
    Console().print(f"written {write_atomically(RESULT, json.dumps(result, indent=1) + chr(10))}")


Answer = dict[str, object]


def _timed(measure: Callable[[], float], repeats: int) -> tuple[float, float]:
    """The last value and the median time; the first call, which may load things, is not counted."""
    value, seconds = measure(), []
    for _ in range(repeats):
        start = time.perf_counter()
        value = measure()
        seconds.append(time.perf_counter() - start)
    return value, statistics.median(seconds)


def _answers(
    layer: str, lower: float, peers: dict[str, Callable[[], float]], repeats: int
) -> Answer:
    answers: Answer = {"layer": layer}
    for name, measure in peers.items():
        try:
            value, seconds = _timed(measure, repeats)
        except Exception as error:  # noqa: BLE001  whatever a library raises is its answer
            answers[name] = {"refused": f"{type(error).__name__}: {error}"[:120]}
            continue
        answers[name] = {"value_over_lower_end": value / lower, "seconds": seconds}
    return answers


def _dense(n: int, repeats: int) -> Answer:
    W = torch.randn(n, n, dtype=torch.float64)
    array = W.numpy()
    lower = bound_dense(array).largest_lower
    peers = {
        "flowcert": lambda: bound_dense(array).largest,
        "torch spectral_norm": lambda: _power_iteration(W.float()),
        "LAPACK (no guarantee)": lambda: float(torch.linalg.matrix_norm(W, 2)),
    }
    return _answers(f"dense {n}", lower, peers, repeats if n < 1000 else 1)


def _convolution(inputs: int, outputs: int, pixels: int, padding: str, repeats: int) -> Answer:
    from orthogonium.layers.conv.singular_values.delattre24 import compute_delattre2023
    from orthogonium.layers.conv.singular_values.get_sv import get_conv_sv

    layer = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False, padding_mode=padding)
    with torch.no_grad():
        layer.weight.normal_(0.0, (9 * inputs) ** -0.5)
    kernel = layer.weight.detach().double().numpy()
    image, both = (pixels, pixels), ((1, 1), (1, 1))

    def ours() -> float:
        convolution_bounds._answer.cache_clear()  # each call anew: equal kernels are remembered
        return bound_convolution(kernel, image, padding=both, mode=padding).largest

    lower = bound_convolution(kernel, image, padding=both, mode=padding).largest_lower
    weight = layer.weight.detach()
    peers: dict[str, Callable[[], float]] = {
        "flowcert": ours,
        "torch spectral_norm": lambda: _power_iteration(weight.flatten(1)),
        "Gram iteration (2023)": lambda: float(
            compute_delattre2023(weight.clone(), pixels, GRAM_ITERATIONS)
        ),
        "orthogonium get_conv_sv": lambda: float(
            get_conv_sv(layer, n_iter=3, return_stab_rank=False, imsize=pixels)
        ),
        "deel-torchlip normalises to 1": lambda: _torchlip(layer, pixels) * lower,
    }
    return _answers(f"{inputs}→{outputs}, {pixels}², {padding}", lower, peers, repeats)


def _power_iteration(matrix: torch.Tensor) -> float:
    """What torch's spectral_norm divides by: power iteration on the flattened weight."""
    v = torch.ones(matrix.shape[1]) / matrix.shape[1] ** 0.5
    for _ in range(POWER_ITERATIONS):
        u = nn.functional.normalize(matrix @ v, dim=0)
        v = nn.functional.normalize(matrix.T @ u, dim=0)
    return float(u @ matrix @ v)


def _torchlip(layer: nn.Conv2d, pixels: int) -> float:
    """1/‖T‖ of deel-torchlip's layer made of this kernel: its claim of 1 over the truth."""
    from deel import torchlip

    module = torchlip.SpectralConv2d(
        layer.in_channels,
        layer.out_channels,
        3,
        padding=1,
        bias=False,
        padding_mode=layer.padding_mode,
    )
    with torch.no_grad():
        module.parametrizations.weight.original.copy_(layer.weight)
    module.train()
    module(torch.zeros(1, layer.in_channels, pixels, pixels))
    kernel = module.eval().weight.detach().double().numpy()
    both = ((1, 1), (1, 1))
    found = bound_convolution(kernel, (pixels, pixels), padding=both, mode=layer.padding_mode)
    return 1.0 / found.largest_lower


class GradientStep(nn.Module):
    """x − Aᵀ relu(Ax + b)·h, as people write it."""

    def __init__(self, width: int, step: float) -> None:
        super().__init__()
        self.linear = nn.Linear(width, width)
        nn.init.orthogonal_(self.linear.weight)
        self.step = step

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x - self.step * (torch.relu(self.linear(x)) @ self.linear.weight)


def _digits_network() -> tuple[nn.Module, tuple[int, ...]]:
    layers: list[nn.Module] = [nn.Flatten(), nn.Linear(64, 64)]
    layers += [GradientStep(64, 1.0) for _ in range(8)]
    return nn.Sequential(*layers, nn.Linear(64, 10)), (1, 8, 8)


def _dense_network() -> tuple[nn.Module, tuple[int, ...]]:
    layers: list[nn.Module] = []
    for _ in range(9):
        layers += [nn.Linear(64, 64), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(64, 10)), (64,)


def _convolutional_network() -> tuple[nn.Module, tuple[int, ...]]:
    layers: list[nn.Module] = []
    for inputs, outputs in ((3, 32), (32, 64), (64, 128)):
        layers += [
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(2048, 10)), (3, 32, 32)


NETWORKS: dict[str, Callable[[], tuple[nn.Module, tuple[int, ...]]]] = {
    "ten layers, digits, gradient steps": _digits_network,
    "ten layers, dense ReLU": _dense_network,
    "seven layers, CIFAR size, batch norm": _convolutional_network,
}


def _network(name: str, seed: int) -> Answer:
    module, shape = NETWORKS[name]()
    certify(nn.Linear(2, 2).eval(), (2,), effort="quick")  # loads what the first call loads
    start = time.perf_counter()
    certificate = certify(module.eval(), shape, seed=seed)
    return {
        "network": name,
        "lower": certificate.lower,
        "upper": certificate.upper,
        "seconds": time.perf_counter() - start,
    }


def _show(layers: list[Answer], networks: list[Answer]) -> None:
    names = list(dict.fromkeys(key for row in layers for key in row if key != "layer"))
    table = Table(title="answer over our rigorous lower end (seconds)")
    for column in ("layer", *names):
        table.add_column(column)
    for row in layers:
        table.add_row(str(row["layer"]), *(_cell(row.get(name)) for name in names))
    console = Console(width=180)
    console.print(table)
    table = Table(title="networks")
    for column in ("network", "lower", "upper", "seconds"):
        table.add_column(column)
    for row in networks:
        bracket = (f"{row['lower']:.6g}", f"{row['upper']:.6g}", f"{row['seconds']:.2f}")
        table.add_row(str(row["network"]), *bracket)
    console.print(table)


def _cell(answer: object) -> str:
    if not isinstance(answer, dict):
        return ""
    if "refused" in answer:
        return "refused"
    return f"{answer['value_over_lower_end']:.7f} ({answer['seconds']:.3f})"


if __name__ == "__main__":
    main()
