"""What other libraries say of the norm of a convolution, beside the norm that it has.

The same random layers for all; the truth is the largest singular value of the operator, written out
as a matrix by PyTorch itself in float64 (channels 1 to 6, images of 4 to 7 pixels, kernels 1 to 4).
A claim below the truth by more than a relative 1e-6 (float32) is an underestimate; layers
that are made to be 1-Lipschitz claim 1.
"""

from __future__ import annotations

import json
import math
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import nn

from benchmarks.provenance import provenance
from flowcert.files import write_atomically
from flowcert.networks import certify

_ALLOWANCE = 1e-6
PACKAGES = ("torch", "deel-torchlip", "orthogonium", "numpy")


@dataclass(frozen=True)
class Layer:
    """A convolution with its image, and the case of the table that it belongs to."""

    case: str
    convolution: nn.Conv2d
    pixels: int


Peer = Callable[[Layer], tuple[float, float]]  # what it claims, what is true of what it claims it


def compare_peers(instances: int, seed: int, target: Path) -> None:
    """Ask every library about the same layers; print and store the table."""
    warnings.simplefilter("ignore")  # the libraries' own
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    start = time.perf_counter()
    ratios: dict[str, dict[str, list[float]]] = {peer: {} for peer in PEERS}
    for number in track(range(instances), "asking"):
        layer = _layer(rng, CASES[number % len(CASES)])
        for name, peer in PEERS.items():
            ratios[name].setdefault(layer.case, []).append(_ratio(peer, layer))
    rows = {
        name: {case: _summary(values) for case, values in cases.items()}
        for name, cases in ratios.items()
    }
    result = {
        "configuration": {"instances": instances, "seed": seed, "allowance": _ALLOWANCE},
        "provenance": provenance(__file__, {"total": time.perf_counter() - start}, PACKAGES),
        "claimed_over_true": rows,
    }
    write_atomically(target, json.dumps(result, indent=1) + "\n")
    table = Table(title="underestimates of all (smallest claimed/true)")
    table.add_column("library")
    for case in CASES:
        table.add_column(case)
    for name, cases in rows.items():
        cells = [cases[case] for case in CASES]
        table.add_row(name, *(_cell(cell) for cell in cells))
    Console(width=180).print(table)


def _cell(cell: dict[str, float | int | None]) -> str:
    if cell["answers"] == 0:
        return "no answer"
    return f"{cell['underestimates']}/{cell['answers']} ({cell['smallest']:.3g})"


def _summary(values: list[float]) -> dict[str, float | int | None]:
    known = sorted(v for v in values if not math.isnan(v))
    return {
        "asked": len(values),
        "answers": len(known),
        "underestimates": sum(v < 1 - _ALLOWANCE for v in known),
        "smallest": known[0] if known else None,
        "median": known[len(known) // 2] if known else None,
        "largest": known[-1] if known else None,
    }


def _ratio(peer: Peer, layer: Layer) -> float:
    """Claimed/true; NaN for a refusal, an exception or no number."""
    try:
        claimed, true = peer(layer)
    except Exception:  # noqa: BLE001  whatever a library raises is a refusal
        return math.nan
    return claimed / true if true > 0 else math.nan


CASES = ("zero padding", "circular", "reflect", "stride 2", "groups", "dilation", "even", "tiny")


def _layer(rng: np.random.Generator, case: str) -> Layer:
    groups = 2 if case == "groups" else 1
    inputs, outputs = (groups * int(n) for n in rng.integers(1, 6 // groups + 1, size=2))
    k = int(rng.choice([2, 4])) if case == "even" else int(rng.choice([1, 3, 3]))
    if case in ("circular", "reflect", "dilation"):
        k = 3
    dilation = 2 if case == "dilation" else 1
    convolution = nn.Conv2d(
        inputs,
        outputs,
        k,
        stride=2 if case == "stride 2" else 1,
        padding=dilation * (k // 2),
        dilation=dilation,
        groups=groups,
        bias=False,
        padding_mode={"circular": "circular", "reflect": "reflect"}.get(case, "zeros"),
    )
    scale = 1e-20 if case == "tiny" else 10.0 ** rng.uniform(-2, 2)
    with torch.no_grad():
        convolution.weight.copy_(
            torch.from_numpy(scale * rng.standard_normal(convolution.weight.shape))
        )
    return Layer(case, convolution.eval(), int(rng.integers(4, 8)))


def _true_norm(module: nn.Module, inputs: int, pixels: int, scale: float) -> float:
    """‖T‖ with T written out in float64; ``scale`` keeps tiny weights from underflowing."""
    unit = torch.eye(inputs * pixels * pixels, dtype=torch.float64)
    images = (unit / scale).reshape(-1, inputs, pixels, pixels)
    T = module.double()(images).reshape(len(unit), -1)
    return float(torch.linalg.matrix_norm(T, 2)) * scale


def _norm_of(layer: Layer) -> float:
    from copy import deepcopy

    scale = float(layer.convolution.weight.abs().max())
    module = deepcopy(layer.convolution)
    return _true_norm(module, layer.convolution.in_channels, layer.pixels, scale)


def _flowcert(layer: Layer) -> tuple[float, float]:
    shape = (layer.convolution.in_channels, layer.pixels, layer.pixels)
    return certify(layer.convolution, shape, effort="quick").upper, _norm_of(layer)


def _pytorch(layer: Layer) -> tuple[float, float]:
    """Torch's spectral_norm: after 100 power iterations it claims to have norm 1."""
    from copy import deepcopy

    module = nn.utils.parametrizations.spectral_norm(
        deepcopy(layer.convolution), n_power_iterations=100
    )
    module.train()
    module(torch.zeros(1, layer.convolution.in_channels, layer.pixels, layer.pixels))
    module.eval()
    return 1.0, _true_norm(module, layer.convolution.in_channels, layer.pixels, 1.0)


def _gram_iteration(layer: Layer) -> tuple[float, float]:
    from orthogonium.layers.conv.singular_values.delattre24 import compute_delattre2023

    claimed = compute_delattre2023(layer.convolution.weight.detach(), layer.pixels, 7)
    return float(claimed), _norm_of(layer)


def _orthogonium(layer: Layer) -> tuple[float, float]:
    from orthogonium.layers.conv.singular_values.get_sv import get_conv_sv

    claimed = get_conv_sv(layer.convolution, n_iter=4, return_stab_rank=False, imsize=layer.pixels)
    return float(claimed), _norm_of(layer)


def _torchlip(layer: Layer) -> tuple[float, float]:
    """deel-torchlip's SpectralConv2d, made of the same kernel: it claims to be 1-Lipschitz."""
    from deel import torchlip

    given = layer.convolution
    module = torchlip.SpectralConv2d(
        given.in_channels,
        given.out_channels,
        given.kernel_size,
        stride=given.stride,
        padding=given.padding,
        dilation=given.dilation,
        groups=given.groups,
        bias=False,
        padding_mode=given.padding_mode,
    )
    with torch.no_grad():
        module.parametrizations.weight.original.copy_(given.weight)
    module.train()
    module(torch.zeros(1, given.in_channels, layer.pixels, layer.pixels))
    module.eval()
    return 1.0, _true_norm(module, given.in_channels, layer.pixels, 1.0)


PEERS: dict[str, Peer] = {
    "flowcert": _flowcert,
    "torch spectral_norm": _pytorch,
    "Gram iteration (2023)": _gram_iteration,
    "orthogonium get_conv_sv": _orthogonium,
    "deel-torchlip SpectralConv2d": _torchlip,
}
