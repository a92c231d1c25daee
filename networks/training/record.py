"""What a finished run leaves behind, and the network of it."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ...errors import DataError
from ..constraints import seal
from ..loading import read_state
from .configuration import Configuration
from .evaluation import Evaluation

FORMAT = "flowcert.run/1"
_PACKAGES = ("flowcert", "torch", "numpy", "scikit-learn", "foolbox")


@dataclass(frozen=True)
class Record:
    """A finished run: what was asked, what came out, on what and in what time.

    ``lower`` and ``upper`` are the bracket of the network's Lipschitz constant; ``mean``, ``image``
    and ``classes`` those of the data, from which the network is built anew; ``seconds`` those of
    the session that finished, which went on from epoch ``resumed_at``.
    """

    configuration: Configuration
    evaluation: Evaluation
    lower: float
    upper: float
    model_sha256: str
    data_sha256: str
    image: tuple[int, int, int]
    classes: int
    mean: list[float]
    threads: int
    device: str
    seconds: dict[str, float]
    resumed_at: int

    @property
    def holds(self) -> bool:
        """Whether no attack broke an image within its certified radius."""
        return not self.evaluation.violations

    def to_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "configuration": self.configuration.to_json(),
            "results": self.evaluation.to_json(),
            "lipschitz": [self.lower, self.upper],
            "model_sha256": self.model_sha256,
            "data_sha256": self.data_sha256,
            "image": list(self.image),
            "classes": self.classes,
            "mean": self.mean,
            "threads": self.threads,
            "device": self.device,
            "seconds": self.seconds,
            "resumed_at": self.resumed_at,
            "versions": {name: _version(name) for name in _PACKAGES},
            "machine": {
                "processor": platform.processor() or platform.machine(),
                "cores": os.cpu_count(),
                "system": platform.system(),
                "python": platform.python_version(),
            },
        }


def read_record(file: Path) -> Record:
    """Return the record in a file; raise DataError for one that is cut off or foreign.

    >>> read_record(Path("nothing/record.json"))
    Traceback (most recent call last):
        ...
    flowcert.errors.DataError: got nothing/record.json: No such file ...
    """
    try:
        content = json.loads(file.read_bytes())
        if content["format"] != FORMAT:
            raise ValueError(f"format {content['format']!r}")
        channels, height, width = map(int, content["image"])
        lower, upper = map(float, content["lipschitz"])
        return Record(
            Configuration.from_json(content["configuration"], str(file)),
            Evaluation.from_json(content["results"]),
            lower,
            upper,
            str(content["model_sha256"]),
            str(content["data_sha256"]),
            (channels, height, width),
            int(content["classes"]),
            [float(mean) for mean in content["mean"]],
            int(content["threads"]),
            str(content["device"]),
            {str(name): float(value) for name, value in content["seconds"].items()},
            int(content["resumed_at"]),
        )
    except OSError as error:
        raise unusable(file, error.strerror or str(error)) from error
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        if isinstance(error, DataError):
            raise
        raise unusable(file, f"no record of a run, or not a whole one ({error})") from error


def load_run(folder: str | os.PathLike[str]) -> nn.Module:
    """Return the sealed network of a finished run, as it was certified.

    Built from the configuration in ``record.json``, filled from ``model.safetensors``, whose hash
    must be the one recorded. No code from the folder runs. Raises DataError.

    >>> load_run("nothing")
    Traceback (most recent call last):
        ...
    flowcert.errors.DataError: got nothing/record.json: No such file ...
    """
    record = read_record(Path(folder) / "record.json")
    file = Path(folder) / "model.safetensors"
    state = read_state(file)
    if hashlib.sha256(file.read_bytes()).hexdigest() != record.model_sha256:
        raise unusable(file, "other weights than those recorded")
    with torch.random.fork_rng(devices=[]):
        network = record.configuration.untrained(record.image, record.classes, record.mean)
    sealed = seal(network)
    try:
        sealed.load_state_dict(state)
    except RuntimeError as error:
        raise unusable(file, "weights of another network") from error
    return sealed


def unusable(file: Path, came: str) -> DataError:
    """The error of a file in a run's folder that cannot be used.

    >>> unusable(Path("run/record.json"), "half a file").came
    'run/record.json: half a file'
    """
    return DataError(
        came=f"{file}: {came}",
        expected="what a finished run of this version of flowcert train leaves behind",
        remedy="Train again: flowcert train --fresh starts over in the same folder.",
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
