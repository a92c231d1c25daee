"""The authors' state dicts, read safely: no code runs, and what is foreign is refused by name."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import torch

from ..errors import DataError
from ..theory.published_steps import REGIMES, Network
from .state_dicts import load_state_dict

# The paper's CIFAR networks: three blocks of four 3×3 convolutions on 32×32 images.
CHANNELS = (32, 64, 128)
PIXELS = (32, 16, 8)
CONVOLUTIONS = 4
FEATURES = 2048

_REMEDY = "Use a state dict of the paper's CIFAR networks as published, downloaded whole."


@dataclass(frozen=True)
class PublishedState:
    """A state dict of the expected names, shapes and finite float32 values, and its regime.

    ``file`` and ``sha256`` name the checkpoint.
    """

    network: Network
    tensors: Mapping[str, torch.Tensor]
    file: str
    sha256: str

    @property
    def classes(self) -> int:
        return len(self.tensors["FC.1.bias"])

    def numbers(self, name: str) -> tuple[float, ...]:
        """The entries of a vector, each float32 as the double of the same value."""
        return _numbers(self.tensors, name)


def read_published_state(
    path: str | PathLike[str], network: Network | None = None
) -> PublishedState:
    """Read one of the authors' state dicts, without running its pickled code.

    ``network`` names the regime; without it the file is recognised (see ``recognised_network``).
    Raises DataError for a missing, truncated or foreign file, or a regime that does not fit.

    >>> read_published_state("no_such_file.pt")
    Traceback (most recent call last):
        ...
    flowcert.errors.DataError: got no_such_file.pt: ...
    """
    file = Path(path)
    state = load_state_dict(file, _REMEDY)
    _check_architecture(file, state)
    found = recognised_network(
        [(_numbers(state, f"seq.{b}.u"), _numbers(state, f"seq.{b}.rescalings")) for b in range(3)]
    )
    network = network or found
    if network not in REGIMES or REGIMES[network].shares_matrix != REGIMES[found].shares_matrix:
        raise DataError(
            came=f"{file}: a {found} network, asked for as {network!r}",
            expected=f"one of {list(REGIMES)} that fits its number of rescalings",
            remedy="Leave the regime out: it is recognised.",
        )
    return PublishedState(network, state, file.name, hashlib.sha256(file.read_bytes()).hexdigest())


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


def _expected_shapes(rescalings: int, classes: int) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    for b, c in enumerate(CHANNELS):
        shapes[f"seq.{b}.u"] = (CONVOLUTIONS,)
        shapes[f"seq.{b}.rescalings"] = (rescalings,)
        shapes[f"seq.{b}.conv1.0.weight"] = (c, (3, *CHANNELS)[b], 3, 3)
        for i in range(CONVOLUTIONS):
            shapes[f"seq.{b}.convs.{i}.weight"] = (c, c, 3, 3)
            shapes[f"seq.{b}.convs.{i}.bias"] = (c,)
    return {**shapes, "FC.1.weight": (classes, FEATURES), "FC.1.bias": (classes,)}


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


def _numbers(state: Mapping[str, torch.Tensor], name: str) -> tuple[float, ...]:
    return tuple(float(value) for value in state[name].tolist())
