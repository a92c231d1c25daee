"""The steps that published networks have learned: the data file, its reader and its text.

The file holds the raw numbers of the checkpoints (each float32 as the double of the same value, so
that every JSON reader gets it exactly), and what the architecture makes of them: the regime.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from importlib.resources import files
from os import PathLike
from pathlib import Path
from typing import Any, Literal, cast

from ..errors import DataError
from .step_regions import Family

Network = Literal["non-expansive", "switching-prescribed", "switching-flexible"]

FORMAT = "flowcert.published_steps/1"
# Lists of numbers and flat objects go on one line. Line breaks are never inside a JSON string.
_INNERMOST = re.compile(r"\[\n[^\[\]{}]*\n *\]|\{\n[^\[\]{}]*\n *\}")
_MOST_SUBSTEPS = 1000  # exact verdicts take so many steps in rational numbers
_REMEDY = "Write it anew with `python -m flowcert.networks.published CHECKPOINT... --out FILE`."


@dataclass(frozen=True)
class Regime:
    """What an architecture does with its steps: S, both slopes, and who shares a matrix.

    ``family`` is None where all steps are contractive and stand alone.

    >>> REGIMES["switching-flexible"].shares_matrix
    True
    """

    family: Family | None
    substeps: int
    slope: float
    expansive_slope: float
    shares_matrix: bool


REGIMES: dict[Network, Regime] = {
    "non-expansive": Regime(None, 1, 0.0, 0.0, shares_matrix=False),
    "switching-prescribed": Regime("alternating", 2, 0.5, 0.5, shares_matrix=False),
    "switching-flexible": Regime("whole_expansive", 2, 0.5, 0.0, shares_matrix=True),
}


@dataclass(frozen=True)
class MatrixEstimates:
    """Extreme singular values of one convolution, circular and as the network pads it: with zeros.

    All four are estimates, without guarantee. ``name`` is the layer's in the state dict.

    >>> MatrixEstimates("convs.0", 0.999, 1.001, 0.7, 1.001).name
    'convs.0'
    """

    name: str
    estimate_sigma_min_circular: float
    estimate_sigma_max_circular: float
    estimate_sigma_min_zero_padded: float
    estimate_sigma_max_zero_padded: float


@dataclass(frozen=True)
class BlockSteps:
    """The learned numbers of one block, as stored: ``u`` (used as |u|) and ``rescalings``.

    The last rescaling scales the block's lift; in the prescribed regime those before scale the
    expansive steps, one a pair.

    >>> BlockSteps(32, 32, (0.3, -0.01), (4.2,)).matrices
    ()
    """

    channels: int
    pixels: int
    u: tuple[float, ...]
    rescalings: tuple[float, ...]
    matrices: tuple[MatrixEstimates, ...] = ()

    def matrix(self, name: str) -> MatrixEstimates | None:
        """Return the estimates of one layer, None where the file holds none."""
        return next((matrix for matrix in self.matrices if matrix.name == name), None)


@dataclass(frozen=True)
class NetworkSteps:
    """The learned numbers of one network; ``file`` and ``sha256`` name the checkpoint.

    >>> network = NetworkSteps("switching-flexible", "mine.pt", "", 2, 0.5, 0.0, ())
    >>> network.blocks
    ()
    """

    network: Network
    file: str
    sha256: str
    substeps: int
    slope: float
    expansive_slope: float
    blocks: tuple[BlockSteps, ...]


def read_published_steps_file(path: str | PathLike[str] | None = None) -> tuple[NetworkSteps, ...]:
    """Read a step file; without a path the one that is shipped.

    Raises DataError, which names the file and the place in it, for a missing, truncated, foreign or
    inconsistent one. Source: the shipped file holds the CIFAR-10 networks at margin 0.15 of the
    public repository of arXiv:2210.02373.

    >>> [network.network for network in read_published_steps_file()]
    ['non-expansive', 'switching-prescribed', 'switching-flexible']
    """
    if path is None:
        resource = files(__package__) / "data" / "published_steps.json"
        return _networks(_parsed(str(resource), resource.read_bytes()))
    try:
        content = Path(path).read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the name
        raise DataError(
            came=f"{path}: {error}",
            expected="a readable step file",
            remedy="Check the path; without one the shipped steps are taken.",
        ) from error
    return _networks(_parsed(str(path), content))


def step_file_text(networks: Iterable[NetworkSteps], *, source: str, note: str) -> str:
    """Return the text of a step file; ``read_published_steps_file`` gives the networks back.

    Exact: floats are written so that they read back as the same doubles.

    >>> step_file_text([], source="nowhere", note="empty").splitlines()[1]
    ' "format": "flowcert.published_steps/1",'
    """
    content = {
        "format": FORMAT,
        "paper": "arXiv:2210.02373",
        "source": source,
        "note": note,
        "networks": [asdict(network) for network in networks],
    }
    text = json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    return _INNERMOST.sub(lambda match: re.sub(r"\n *", " ", match[0]), text)


@dataclass(frozen=True)
class _Place:
    """A value in the file and the way to it, so that a complaint can name the place."""

    file: str
    way: str
    value: Any

    def wrong(self, expected: str, came: str | None = None) -> DataError:
        shown = came or repr(self.value)
        shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
        return DataError(came=f"{self.file}: {self.way} {shown}", expected=expected, remedy=_REMEDY)

    def field(self, key: str) -> _Place:
        if not isinstance(self.value, dict):
            raise self.wrong("an object")
        if key not in self.value:
            raise self.wrong(f"the key {key!r}", f"without {key!r}")
        return _Place(self.file, f"{self.way}.{key}", self.value[key])

    def items(self, at_least: int = 0) -> list[_Place]:
        if not isinstance(self.value, list) or len(self.value) < at_least:
            raise self.wrong(f"a list of at least {at_least}")
        return [_Place(self.file, f"{self.way}[{i}]", v) for i, v in enumerate(self.value)]

    def text(self) -> str:
        if not isinstance(self.value, str):
            raise self.wrong("a text")
        return self.value

    def number(self, lowest: float = -math.inf, highest: float = math.inf) -> float:
        wanted = f"a finite number in [{lowest:g}, {highest:g}]"
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            raise self.wrong(wanted)
        try:
            number = float(self.value)
        except OverflowError as error:
            raise self.wrong(wanted, "too large") from error
        if not math.isfinite(number) or not lowest <= number <= highest:
            raise self.wrong(wanted)
        return number

    def count(self, highest: int = 10**6) -> int:
        number = self.value
        if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= highest:
            raise self.wrong(f"an integer in [1, {highest}]")
        return number


def _parsed(file: str, content: bytes) -> _Place:
    try:
        value = json.loads(content.decode("utf-8-sig"))  # some editors put a mark in front
    except (ValueError, RecursionError) as error:
        start = "a PyTorch file" if content[:2] == b"PK" else str(error) or "nested too deeply"
        expected = "a complete JSON file of learned steps"
        raise DataError(came=f"{file}: {start}", expected=expected, remedy=_REMEDY) from error
    return _Place(file, "top level", value)


def _networks(top: _Place) -> tuple[NetworkSteps, ...]:
    form = top.field("format")
    if form.value != FORMAT:
        raise form.wrong(f"the format {FORMAT!r}")
    return tuple(_network(place) for place in top.field("networks").items(at_least=1))


def _network(place: _Place) -> NetworkSteps:
    name = place.field("network")
    if name.text() not in REGIMES:
        raise name.wrong(f"one of {list(REGIMES)}")
    network = cast(Network, name.text())
    blocks = place.field("blocks").items(at_least=1)
    return NetworkSteps(
        network=network,
        file=place.field("file").text(),
        sha256=place.field("sha256").text(),
        substeps=place.field("substeps").count(_MOST_SUBSTEPS),
        slope=place.field("slope").number(0, 1),
        expansive_slope=place.field("expansive_slope").number(0, 1),
        blocks=tuple(_block(block, network) for block in blocks),
    )


def _block(place: _Place, network: Network) -> BlockSteps:
    u = place.field("u")
    rescalings = place.field("rescalings")
    steps = tuple(step.number() for step in u.items(at_least=1))
    scales = tuple(scale.number() for scale in rescalings.items(at_least=1))
    if REGIMES[network].family is not None and len(steps) % 2:
        raise u.wrong("an even number of steps: they come in pairs")
    if network == "switching-prescribed" and len(scales) != len(steps) // 2 + 1:
        raise rescalings.wrong(f"{len(steps) // 2 + 1} rescalings: one a pair and the lift's")
    return BlockSteps(
        channels=place.field("channels").count(),
        pixels=place.field("pixels").count(),
        u=steps,
        rescalings=scales,
        matrices=tuple(_matrix(item) for item in place.field("matrices").items()),
    )


def _matrix(place: _Place) -> MatrixEstimates:
    values = {}
    for padding in ("circular", "zero_padded"):
        low, high = (f"estimate_sigma_{end}_{padding}" for end in ("min", "max"))
        values[low] = place.field(low).number(0)
        values[high] = place.field(high).number(values[low])
    return MatrixEstimates(place.field("name").text(), **values)
