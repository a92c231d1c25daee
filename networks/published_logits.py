"""Logits of the published networks at eight fixed inputs: whether a file was loaded as it should.

The shipped ``data/published_logits.json`` is made from the public weights by::

    python -m flowcert.networks.published_logits CHECKPOINT... --out FILE
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from os import PathLike
from typing import cast

import numpy as np
import torch

from ..errors import DataError, FlowcertError
from ..files import write_atomically
from ..numerics.validation import FloatArray
from ..theory.published_steps import Network
from .published_networks import published_module
from .published_state import read_published_state

FORMAT = "flowcert.published_logits/1"
SOURCE = (
    "The public repository of arXiv:2210.02373: three trained CIFAR-10 networks at margin 0.15, "
    "the files named below."
)
INPUTS = (
    "Input k = 0..7, channel c, row i, column j: (v - 128)/64 with v = (3k + 5c + (k + 1)i^2 + "
    "(2c + 3)ij + 7j) mod 256; no normalisation on top. Logits in float64 from the float32 weights."
)


@dataclass(frozen=True)
class PublishedLogits:
    """The logits (8 × classes) of one checkpoint at ``fixed_inputs()``, in float64."""

    network: Network
    file: str
    sha256: str
    logits: tuple[tuple[float, ...], ...]


def fixed_inputs() -> FloatArray:
    """Return eight inputs (8, 3, 32, 32), (v − 128)/64 with v an integer polynomial modulo 256.

    v = (3k + 5c + (k + 1)i² + (2c + 3)ij + 7j) mod 256 for input k, channel c, row i, column j:
    exact in every floating-point format, and the same with every random generator.

    >>> fixed_inputs()[1, 0, :2, :2]
    array([[-1.953125, -1.84375 ],
           [-1.921875, -1.765625]])
    """
    k, c, i, j = np.ogrid[:8, :3, :32, :32]
    v = (3 * k + 5 * c + (k + 1) * i**2 + (2 * c + 3) * i * j + 7 * j) % 256
    return np.asarray((v - 128) / 64)


def fixed_logits(module: torch.nn.Module) -> FloatArray:
    """Return the logits of ``module``, turned to float64, at ``fixed_inputs()``: (8, classes).

    >>> from flowcert.networks.published_networks import PublishedNetwork
    >>> fixed_logits(PublishedNetwork("non-expansive")).shape
    (8, 10)
    """
    double = copy.deepcopy(module).double().eval()
    with torch.no_grad():
        return np.asarray(double(torch.from_numpy(fixed_inputs())).numpy())


def read_published_logits() -> tuple[PublishedLogits, ...]:
    """Return the stored logits of the three published CIFAR-10 networks at margin 0.15.

    >>> [known.network for known in read_published_logits()]
    ['non-expansive', 'switching-prescribed', 'switching-flexible']
    """
    content = json.loads((files(__package__) / "data" / "published_logits.json").read_bytes())
    return tuple(
        PublishedLogits(
            cast(Network, entry["network"]),
            entry["file"],
            entry["sha256"],
            tuple(tuple(row) for row in entry["logits"]),
        )
        for entry in content["networks"]
    )


def check_published_logits(path: str | PathLike[str]) -> float:
    """Return max|logits − stored logits| of a checkpoint at the fixed inputs: 1e-11 or so.

    Raises DataError for a foreign file, and for one whose SHA-256 is none of the stored ones.

    >>> check_published_logits("no_such_file.pt")
    Traceback (most recent call last):
        ...
    flowcert.errors.DataError: got no_such_file.pt: ...
    """
    state = read_published_state(path)
    known = {entry.sha256: entry for entry in read_published_logits()}
    if state.sha256 not in known:
        raise DataError(
            came=f"{path} with SHA-256 {state.sha256[:16]}…",
            expected=f"one of {', '.join(entry.file for entry in known.values())} as published",
            remedy="For another network there are no stored logits to compare with.",
        )
    entry = known[state.sha256]
    found = fixed_logits(published_module(path, entry.network))
    return float(np.max(np.abs(found - np.array(entry.logits))))


def write_published_logits(
    checkpoints: Iterable[str | PathLike[str]], target: str | PathLike[str]
) -> None:
    """Write the logits of some checkpoints at the fixed inputs, atomically.

    Raises DataError for a bad checkpoint, OutputError where the file cannot be written.

    >>> write_published_logits(["no_such_file.pt"], "logits.json")
    Traceback (most recent call last):
        ...
    flowcert.errors.DataError: got no_such_file.pt: ...
    """
    networks = []
    for path in checkpoints:
        state = read_published_state(path)
        logits = fixed_logits(published_module(path)).tolist()
        rows = tuple(tuple(row) for row in logits)
        networks.append(asdict(PublishedLogits(state.network, state.file, state.sha256, rows)))
    content = {"format": FORMAT, "source": SOURCE, "inputs": INPUTS, "networks": networks}
    write_atomically(target, json.dumps(content, indent=1, allow_nan=False) + "\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the logits of the checkpoints that the command line names; 2 is misuse.

    >>> main(["no_such_file.pt", "--out", "logits.json"])
    2
    """
    parser = argparse.ArgumentParser(
        prog="python -m flowcert.networks.published_logits",
        description="Write the logits of published networks at eight fixed inputs.",
    )
    parser.add_argument("checkpoints", nargs="+", metavar="CHECKPOINT", help="state dicts (.pt)")
    parser.add_argument("--out", required=True, metavar="FILE", help="the file to write")
    given = parser.parse_args(arguments)
    try:
        write_published_logits(given.checkpoints, given.out)
    except FlowcertError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
