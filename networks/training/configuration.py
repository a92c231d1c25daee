"""Everything that decides what a training run gives, down to the last bit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import Any

import torch
from torch import nn

from ...errors import DataError, DomainError, FlowcertError, UnknownNameError
from ...numerics.validation import finite_array, in_range, positive_integer
from ..architectures import KINDS, certified_dense
from ..architectures.certified_steps import read_region
from ..data import Images, digits, read_seed
from ..layers.layer import read_slope
from .losses import Loss, read_loss

DATA: dict[str, Callable[[int], Images]] = {"digits": digits}


@dataclass(frozen=True)
class Configuration:
    """A training run: data, network, loss, optimiser and seed.

    ``kind``, ``width``, ``depth``, ``slope`` and ``region`` as in ``certified_dense``; ``loss`` and
    ``margin`` as in ``read_loss``; ``noise`` the deviation of the normal noise on training pixels;
    Adam with a one-cycle rate up to ``learning_rate``. ``seed`` decides split, first weights, order
    and noise.
    Raises UnknownNameError, DomainError, ShapeError at once.

    >>> Configuration(margin=0.0)
    Traceback (most recent call last):
        ...
    flowcert.errors.DomainError: got margin = 0.0; expected one number, margin > 0. ...
    """

    data: str = "digits"
    kind: str = "boundary"
    width: int = 128
    depth: int = 8
    slope: float = 0.5
    region: str | None = "sharp_region"
    loss: str = "margin"
    margin: float | None = None  # None: the usual one of the loss
    temperature: float = 0.1
    noise: float = 0.05
    epochs: int = 150
    batch: int = 128
    learning_rate: float = 0.01
    seed: int = 0

    def __post_init__(self) -> None:
        known("data set", self.data, tuple(DATA))
        known("kind", self.kind, KINDS)
        for name in ("width", "depth", "epochs", "batch"):
            object.__setattr__(self, name, positive_integer(name, getattr(self, name)))
        read_seed(self.seed)
        read_slope(self.slope)
        read_region(self.region)
        object.__setattr__(self, "margin", self.loss_function().margin)
        in_range("noise", self.noise, 0.0, 10.0)
        if not finite_array("learning_rate", self.learning_rate) > 0.0:
            raise DomainError(
                came=f"learning_rate = {self.learning_rate}",
                expected="a number > 0",
                remedy="0.01 is the default.",
            )
        # 1 and 1.0 are one number, and give one name.
        for name in ("slope", "temperature", "noise", "learning_rate"):
            object.__setattr__(self, name, float(getattr(self, name)))

    def images(self) -> Images:
        """Return the data, split by the seed."""
        return DATA[self.data](self.seed)

    def network(self, images: Images) -> nn.Module:
        """Return the network with its first weights: the same for the same seed.

        PyTorch's own generator is left as it was.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            return self.untrained(images.shape, images.classes, images.mean)

    def untrained(self, image: tuple[int, int, int], classes: int, mean: list[float]) -> nn.Module:
        """Return a network for such images; its weights come from PyTorch's generator."""
        return certified_dense(
            self.kind,
            image,
            classes,
            width=self.width,
            depth=self.depth,
            slope=self.slope,
            region=self.region,
            mean=mean,
        )

    def loss_function(self) -> Loss:
        return read_loss(self.loss, self.margin, self.temperature)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(content: object, where: str) -> Configuration:
        """Read what ``to_json`` gave; anything else raises DataError with the place."""
        names = {field.name for field in fields(Configuration)}
        if not isinstance(content, dict) or set(content) != names:
            raise _foreign(where, "a configuration with other entries")
        try:
            return Configuration(**content)
        except (FlowcertError, TypeError) as error:
            raise _foreign(where, f"a configuration that is none ({error})") from error

    def differences(self, other: Configuration) -> str:
        """Name what two configurations differ in: "epochs 150 against 20, …"; empty if equal."""
        mine, theirs = self.to_json(), other.to_json()
        return ", ".join(
            f"{name} {mine[name]} against {theirs[name]}"
            for name in mine
            if mine[name] != theirs[name]
        )

    @property
    def name(self) -> str:
        """A folder's name, another for every other configuration: digits-boundary-0-3f9a2c01."""
        text = json.dumps(self.to_json(), sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:8]
        return f"{self.data}-{self.kind}-{self.seed}-{digest}"


def known(what: str, name: str, names: tuple[str, ...]) -> str:
    """Return a name that is among ``names``, or raise UnknownNameError.

    >>> known("kind", "boundary", ("boundary", "sorting"))
    'boundary'
    """
    if name in names:
        return name
    raise UnknownNameError(
        came=f"the {what} {name!r}", expected=f"one of {', '.join(names)}", remedy="Choose one."
    )


def _foreign(where: str, came: str) -> DataError:
    return DataError(
        came=f"{where}: {came}",
        expected="what this version of flowcert writes",
        remedy="Choose another folder with --out, or start over with --fresh.",
    )
