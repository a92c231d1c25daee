"""The authors' published networks: their state dicts, read safely, and the steps they learned.

The shipped ``theory/data/published_steps.json`` is made from the public weights by::

    python -m flowcert.networks.published CHECKPOINT... --out FILE
"""

from __future__ import annotations

import argparse
import hashlib
import math
import pickle
import struct
import sys
import warnings
from collections.abc import Iterable, Sequence
from os import PathLike
from pathlib import Path

import torch

from ..errors import DataError, FlowcertError, OutputError
from ..files import output_folder, write_atomically
from ..theory.published_steps import (
    REGIMES,
    BlockSteps,
    MatrixEstimates,
    Network,
    NetworkSteps,
    step_file_text,
)
from .convolution_spectra import estimate_circular, estimate_zero_padded

__all__ = ["main", "read_published_steps", "write_step_data"]

PUBLIC_SOURCE = (
    "The public repository of arXiv:2210.02373: three trained CIFAR-10 networks at margin 0.15, "
    "the files named below."
)
NOTE = (
    "u: the steps, used as |u|; rescalings: the last one scales the lift, in the prescribed regime "
    "those before it, clipped to [0, 1], scale the expansive steps. Each number is the double that "
    "equals the float32 of the checkpoint. matrices: estimates without guarantee of the extreme "
    "singular values of the convolutions in use, rounded to 5 decimals: circular from NumPy's SVD "
    "of the symbol on the pixel grid; zero-padded (what the network does) from Lanczos on the "
    "operator, good to about 1e-5."
)

_CHANNELS = (32, 64, 128)
_PIXELS = (32, 16, 8)
_CONVOLUTIONS = 4
_FEATURES = 2048
_DECIMALS = 5
_REMEDY = "Use a state dict of the paper's CIFAR networks as published, downloaded whole."
# What torch.load raises on a file that is no state dict, is cut off, or wants to run code.
_LOAD_ERRORS = (
    pickle.UnpicklingError,
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    MemoryError,
    struct.error,
)


def read_published_steps(
    path: str | PathLike[str], network: Network | None = None, *, estimate_matrices: bool = False
) -> NetworkSteps:
    """Read the learned steps of one of the authors' state dicts, without running its pickled code.

    ``network`` names the regime; without it the file is recognised (see ``recognised_network``).
    ``estimate_matrices`` adds the extreme singular values of the convolutions in use (minutes).
    Exact: every float32 becomes the double of the same value. Raises DataError for a missing,
    truncated or foreign file. Source: the public repository of arXiv:2210.02373.

    >>> read_published_steps("no_such_file.pt")
    Traceback (most recent call last):
        ...
    flowcert.errors.DataError: got no_such_file.pt: ...
    """
    file = Path(path)
    state = _loaded(file)
    _check_architecture(file, state)
    raw = [
        (_numbers(state, f"seq.{b}.u"), _numbers(state, f"seq.{b}.rescalings")) for b in range(3)
    ]
    found = recognised_network(raw)
    network = network or found
    if network not in REGIMES or REGIMES[network].shares_matrix != REGIMES[found].shares_matrix:
        raise DataError(
            came=f"{file}: a {found} network, asked for as {network!r}",
            expected=f"one of {list(REGIMES)} that fits its number of rescalings",
            remedy="Leave the regime out: it is recognised.",
        )
    blocks = []
    for b, (u, rescalings) in enumerate(raw):
        matrices = _matrices(state, b, network) if estimate_matrices else ()
        blocks.append(BlockSteps(_CHANNELS[b], _PIXELS[b], u, rescalings, matrices))
    regime = REGIMES[network]
    return NetworkSteps(
        network=network,
        file=file.name,
        sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
        substeps=regime.substeps,
        slope=regime.slope,
        expansive_slope=regime.expansive_slope,
        blocks=tuple(blocks),
    )


def recognised_network(blocks: Sequence[tuple[Sequence[float], Sequence[float]]]) -> Network:
    """Return the regime that left these (u, rescalings) in a state dict's blocks.

    Flexible networks have one rescaling a block, that of the lift. Of the others, with three,
    prescribed networks hold the steps that were never trained: (h_E, h_C, h_E, h_C) in every block,
    h_C = 0.3 and h_E = 2(1/√(1 − h_C/2 + h_C²/4) − 1); the rest is non-expansive.

    >>> recognised_network([((0.3, -0.01, 0.11, -0.02), (4.2,))])
    'switching-flexible'
    """
    if all(len(rescalings) == 1 for _, rescalings in blocks):
        return "switching-flexible"
    h_C = 0.3
    h_E = 2 * (1 / math.sqrt(1 - h_C / 2 + h_C**2 / 4) - 1)
    untrained = (h_E, h_C, h_E, h_C)
    if all(math.dist(u, untrained) < 1e-6 for u, _ in blocks):
        return "switching-prescribed"
    return "non-expansive"


def write_step_data(
    checkpoints: Iterable[str | PathLike[str]],
    target: str | PathLike[str],
    *,
    source: str = PUBLIC_SOURCE,
) -> None:
    """Write the step file of some checkpoints, with estimates, atomically (whole or not at all).

    Takes minutes. Raises DataError for a bad checkpoint, OutputError where the file cannot be
    written. Source: flowcert.

    >>> write_step_data(["no_such_file.pt"], "steps.json")
    Traceback (most recent call last):
        ...
    flowcert.errors.DataError: got no_such_file.pt: ...
    """
    target, checkpoints = Path(target), list(checkpoints)
    for path in checkpoints:  # a bad file is told at once, not after minutes
        read_published_steps(path)
    output_folder(target.parent)
    if target.is_dir():
        raise OutputError(
            came=f"the folder {target}",
            expected="the name of a file",
            remedy="Add a name for the step file.",
        )
    networks = [read_published_steps(path, estimate_matrices=True) for path in checkpoints]
    write_atomically(target, step_file_text(networks, source=source, note=NOTE))


def _loaded(file: Path) -> dict[str, torch.Tensor]:
    """The state dict; ``weights_only`` makes torch refuse every pickle that would run code."""
    expected = "a PyTorch state dict (names and tensors, nothing else)"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on foreign files torch guesses aloud
            state = torch.load(file, weights_only=True, map_location="cpu")
    except FileNotFoundError as error:
        remedy = "Check the path."
        raise DataError(came=f"{file}: no such file", expected=expected, remedy=remedy) from error
    except _LOAD_ERRORS as error:
        reason = str(error).strip().split("\n")[0][:200] or type(error).__name__
        raise DataError(came=f"{file}: {reason}", expected=expected, remedy=_REMEDY) from error
    if not isinstance(state, dict) or not all(
        isinstance(key, str) and isinstance(value, torch.Tensor) for key, value in state.items()
    ):
        came = f"{file}: a {type(state).__name__} that holds other things than tensors"
        raise DataError(came=came, expected=expected, remedy=_REMEDY)
    return state


def _expected_shapes(rescalings: int, classes: int) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    for b, c in enumerate(_CHANNELS):
        shapes[f"seq.{b}.u"] = (_CONVOLUTIONS,)
        shapes[f"seq.{b}.rescalings"] = (rescalings,)
        shapes[f"seq.{b}.conv1.0.weight"] = (c, (3, *_CHANNELS)[b], 3, 3)
        for i in range(_CONVOLUTIONS):
            shapes[f"seq.{b}.convs.{i}.weight"] = (c, c, 3, 3)
            shapes[f"seq.{b}.convs.{i}.bias"] = (c,)
    return {**shapes, "FC.1.weight": (classes, _FEATURES), "FC.1.bias": (classes,)}


def _check_architecture(file: Path, state: dict[str, torch.Tensor]) -> None:
    """Raise DataError unless names, shapes, types and values are those of the paper's networks."""

    def wrong(came: str, expected: str) -> DataError:
        return DataError(came=f"{file}: {came}", expected=expected, remedy=_REMEDY)

    def length(name: str, possible: tuple[int, ...]) -> int:
        tensor = state.get(name)
        found = tensor.shape[0] if tensor is not None and tensor.ndim else None
        return found if found in possible else possible[0]

    shapes = _expected_shapes(length("seq.0.rescalings", (3, 1)), length("FC.1.bias", (10, 100)))
    for name in sorted({*shapes} ^ {*state}):
        came = f"without {name!r}" if name in shapes else f"with {name!r}"
        raise wrong(came, "the layers of the paper's CIFAR networks and no others")
    for name, shape in shapes.items():
        tensor = state[name]
        if tuple(tensor.shape) != shape:
            raise wrong(f"{name} of shape {tuple(tensor.shape)}", f"shape {shape}")
        kind = (tensor.dtype, tensor.layout, tensor.device.type)
        if kind != (torch.float32, torch.strided, "cpu"):
            came = f"{name} as {tensor.dtype}, {tensor.layout} on {tensor.device}"
            raise wrong(came, "a dense float32 tensor")
        if not bool(torch.isfinite(tensor).all()):
            raise wrong(f"{name} with NaN or infinite entries", "finite numbers")


def _numbers(state: dict[str, torch.Tensor], name: str) -> tuple[float, ...]:
    return tuple(float(value) for value in state[name].tolist())


def _matrices(
    state: dict[str, torch.Tensor], block: int, network: Network
) -> tuple[MatrixEstimates, ...]:
    # Where a pair shares its matrix, it is the first of its two convolutions; the other is unused.
    stride = 2 if REGIMES[network].shares_matrix else 1
    found = []
    for i in range(0, _CONVOLUTIONS, stride):
        kernel = state[f"seq.{block}.convs.{i}.weight"]
        circular = estimate_circular(kernel, _PIXELS[block])
        zero_padded = estimate_zero_padded(kernel, _PIXELS[block])
        values = (circular.smallest, circular.largest, zero_padded.smallest, zero_padded.largest)
        found.append(MatrixEstimates(f"convs.{i}", *(round(v, _DECIMALS) for v in values)))
    return tuple(found)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the step file of the checkpoints that the command line names; 2 is misuse.

    >>> main(["no_such_file.pt", "--out", "steps.json"])
    2
    """
    parser = argparse.ArgumentParser(
        prog="python -m flowcert.networks.published",
        description="Write the learned steps of published networks into a small data file.",
    )
    parser.add_argument("checkpoints", nargs="+", metavar="CHECKPOINT", help="state dicts (.pt)")
    parser.add_argument("--out", required=True, metavar="FILE", help="the step file to write")
    parser.add_argument("--source", default=PUBLIC_SOURCE, help="where they are from: a sentence")
    given = parser.parse_args(arguments)
    try:
        write_step_data(given.checkpoints, given.out, source=given.source)
    except FlowcertError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
