"""The authors' published networks: their state dicts, read safely, and the steps they learned.

The shipped ``theory/data/published_steps.json`` is made from the public weights by::

    python -m flowcert.networks.published CHECKPOINT... --out FILE
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from os import PathLike
from pathlib import Path

from ..errors import FlowcertError, OutputError
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
from .published_state import CHANNELS, CONVOLUTIONS, PIXELS, PublishedState, read_published_state

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

_DECIMALS = 5


def read_published_steps(
    path: str | PathLike[str], network: Network | None = None, *, estimate_matrices: bool = False
) -> NetworkSteps:
    """Read the learned steps of one of the authors' state dicts, without running its pickled code.

    ``network`` names the regime; without it the file is recognised (see
    ``published_state.recognised_network``).
    ``estimate_matrices`` adds the extreme singular values of the convolutions in use (minutes).
    Exact: every float32 becomes the double of the same value. Raises DataError for a missing,
    truncated or foreign file. Source: the public repository of arXiv:2210.02373.

    >>> read_published_steps("no_such_file.pt")
    Traceback (most recent call last):
        ...
    flowcert.errors.DataError: got no_such_file.pt: ...
    """
    state = read_published_state(path, network)
    blocks = []
    for b in range(3):
        u, rescalings = state.numbers(f"seq.{b}.u"), state.numbers(f"seq.{b}.rescalings")
        matrices = _matrices(state, b) if estimate_matrices else ()
        blocks.append(BlockSteps(CHANNELS[b], PIXELS[b], u, rescalings, matrices))
    regime = REGIMES[state.network]
    return NetworkSteps(
        network=state.network,
        file=state.file,
        sha256=state.sha256,
        substeps=regime.substeps,
        slope=regime.slope,
        expansive_slope=regime.expansive_slope,
        blocks=tuple(blocks),
    )


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


def _matrices(state: PublishedState, block: int) -> tuple[MatrixEstimates, ...]:
    # Where a pair shares its matrix, it is the first of its two convolutions; the other is unused.
    stride = 2 if REGIMES[state.network].shares_matrix else 1
    found = []
    for i in range(0, CONVOLUTIONS, stride):
        kernel = state.tensors[f"seq.{block}.convs.{i}.weight"]
        circular = estimate_circular(kernel, PIXELS[block])
        zero_padded = estimate_zero_padded(kernel, PIXELS[block])
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
