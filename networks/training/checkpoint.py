"""One file that training goes on from: parameters, buffers, moments, epoch, curves.

A safetensors file whose header holds the rest as JSON, and the SHA-256 of everything: it is read
without running code, and a changed bit is told.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from ...errors import DataError
from ...files import write_atomically
from .configuration import Configuration

FORMAT = "flowcert.checkpoint/1"
Curves = dict[str, list[float]]
# What reading raises, beside safetensors' own error, on a file that is none of ours.
_FOREIGN = (ValueError, LookupError, TypeError, AttributeError, RecursionError, struct.error)


@dataclass(frozen=True)
class Checkpoint:
    """Where training stands after ``epoch`` epochs.

    ``tensors`` are those of the network (``network/…``) and of the optimiser (``optimiser/…``);
    ``curves`` hold one number an epoch. ``threads`` and ``device`` say how it was computed: with
    others the last bits differ.
    """

    configuration: Configuration
    data_sha256: str
    epoch: int
    curves: Curves
    threads: int
    device: str
    tensors: Mapping[str, Tensor]

    def to_bytes(self) -> bytes:
        """Return the file's content; the same for the same checkpoint."""
        from safetensors.torch import save

        said = {
            "format": FORMAT,
            "configuration": self.configuration.to_json(),
            "data_sha256": self.data_sha256,
            "epoch": self.epoch,
            "curves": self.curves,
            "threads": self.threads,
            "device": self.device,
        }
        text = json.dumps(said, sort_keys=True)
        tensors = {name: tensor.cpu().contiguous() for name, tensor in self.tensors.items()}
        # Two entries of a header come in an order of their own every time: one holds both.
        header = json.dumps({"said": text, "sha256": _digest(text, tensors)}, sort_keys=True)
        return save(tensors, {"flowcert": header})

    def save(self, file: str | os.PathLike[str]) -> Path:
        """Write the file whole or not at all, or raise OutputError."""
        return write_atomically(file, self.to_bytes())


def read_checkpoint(file: str | os.PathLike[str]) -> Checkpoint:
    """Return the checkpoint in a file; raise DataError for one that is cut off, changed or foreign.

    >>> read_checkpoint("nothing.safetensors")
    Traceback (most recent call last):
        ...
    flowcert.errors.DataError: got nothing.safetensors: No such file ...
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    path = Path(file)
    try:
        content = path.read_bytes()
        tensors = load(content)
        outer = json.loads(_header(content)["flowcert"])
        text, sha256 = outer["said"], outer["sha256"]
        said = json.loads(text)
    except OSError as error:
        raise _unusable(path, error.strerror or str(error)) from error
    except (
        SafetensorError,
        ValueError,
        KeyError,
        TypeError,
        RecursionError,
        struct.error,
    ) as error:
        raise _unusable(path, f"no checkpoint, or not a whole one ({error})") from error
    if not isinstance(said, dict) or said.get("format") != FORMAT:
        raise _unusable(path, "a file of another format")
    if _digest(text, tensors) != sha256:
        raise _unusable(path, "a file that was changed after it was written")
    try:
        return _checkpoint(said, tensors, str(path))
    except _FOREIGN as error:
        if isinstance(error, DataError):
            raise
        raise _unusable(path, f"entries that a checkpoint does not have ({error})") from error


def part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return the tensors under ``prefix/``, without it.

    >>> import torch
    >>> part({"network/w": torch.zeros(1), "optimiser/0/step": torch.ones(1)}, "optimiser")
    {'0/step': tensor([1.])}
    """
    return {
        name.removeprefix(f"{prefix}/"): tensor
        for name, tensor in tensors.items()
        if name.startswith(f"{prefix}/")
    }


def _checkpoint(said: dict[str, Any], tensors: Mapping[str, Tensor], where: str) -> Checkpoint:
    configuration = Configuration.from_json(said["configuration"], where)
    epoch = int(said["epoch"])
    curves = {str(name): [float(v) for v in values] for name, values in said["curves"].items()}
    if not 0 <= epoch <= configuration.epochs or any(len(c) != epoch for c in curves.values()):
        raise ValueError(f"epoch {epoch} of {configuration.epochs}")
    return Checkpoint(
        configuration,
        str(said["data_sha256"]),
        epoch,
        curves,
        int(said["threads"]),
        str(said["device"]),
        # Fresh copies are aligned as PyTorch aligns: slices of a file need not be.
        {name: tensor.clone() for name, tensor in tensors.items()},
    )


def _header(content: bytes) -> dict[str, Any]:
    """The metadata of a safetensors file that was read already."""
    [length] = struct.unpack("<Q", content[:8])
    metadata: dict[str, Any] = json.loads(content[8 : 8 + length])["__metadata__"]
    return metadata


def _digest(text: str, tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()


def _unusable(path: Path, came: str) -> DataError:
    return DataError(
        came=f"{path}: {came}",
        expected="a checkpoint as flowcert train writes it",
        remedy="Start over with --fresh, or choose another folder with --out.",
    )
