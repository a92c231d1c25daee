"""A certificate: lower ≤ Lipschitz constant ≤ upper, with everything that a checker needs.

What it says: the map that ``graph`` and the weights of this hash define, on inputs with entries in
``domain`` (None: everywhere), in exact arithmetic, has a Lipschitz constant (Euclidean norms) in
[lower, upper].
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from ... import __version__
from ...errors import DataError
from ...files import write_atomically
from ...numerics.validation import FloatArray
from .graph import Graph, Shape
from .reading import LARGEST_FILE, Entry, parse_json, plain, read_bounded
from .weights import read_weights, weights_as_bytes

FORMAT = "flowcert.certificate/1"
ARITHMETIC = (
    "float64, every bound rounded outward: an operation errs by at most 2^-53 relatively, "
    "a sum of n products by at most gamma_n times the sum of their sizes, plus underflow"
)
ASSUMPTIONS = (
    "The weights are the numbers that the file of this hash holds.",
    "NumPy's sums of products obey the standard model of rounding (no TF32, Strassen, emulation).",
    "The bracket is that of the function in exact arithmetic, not of its floating-point execution.",
)
TRUSTED = (
    "That the graph is what the module computes: it was traced by torch.export, and the checker "
    "reads graph and weights alone."
)
Point = tuple[float, ...]
T = TypeVar("T")
# Lists of numbers and flat objects go on one line. Line breaks are never inside a JSON string.
_INNERMOST = re.compile(r"\[\n[^\[\]{}]*\n *\]|\{\n[^\[\]{}]*\n *\}")


@dataclass(frozen=True)
class Candidate:
    """One rule's bound of a node: the certificate's copy of a ``Factor``."""

    rule: str
    upper: float
    claim: str
    constants: Mapping[str, Any]


_ISOMETRIES = ("reshape", "permute")  # they change no bound


@dataclass(frozen=True)
class Line:
    """What is claimed of one node: input ↦ node has a constant ≤ ``upper``; the best rule first."""

    name: str
    layer: str
    operation: str
    candidates: tuple[Candidate, ...]

    @property
    def upper(self) -> float:
        return self.candidates[0].upper

    @property
    def rule(self) -> str:
        return self.candidates[0].rule

    @property
    def claim(self) -> str:
        return self.candidates[0].claim

    @property
    def constants(self) -> Mapping[str, Any]:
        return self.candidates[0].constants


@dataclass(frozen=True)
class Certificate:
    """``lower`` ≤ Lipschitz constant ≤ ``upper``, for the graph and the weights of this hash.

    ``lines`` hold the bound of every node with all rules that were tried, ``multipliers`` those of
    dense chains by their last node, ``witness`` two flattened inputs whose difference quotient is
    at least ``lower``, ``user_asserted`` the nodes whose bound the user has asserted. ``weights``
    are there where the certificate was made, or loaded with its folder; they are no part of it.
    """

    graph: Graph
    weights_sha256: str
    domain: tuple[float, float] | None
    lower: float
    upper: float
    lines: tuple[Line, ...]
    multipliers: Mapping[str, Sequence[Sequence[float]]]
    witness: tuple[Point, Point] | None
    user_asserted: tuple[str, ...]
    assumptions: tuple[str, ...] = ASSUMPTIONS
    arithmetic: str = ARITHMETIC
    trusted: str = TRUSTED
    version: str = __version__
    created_by: str = "flowcert.networks.certify"
    weights: Mapping[str, FloatArray] | None = field(default=None, repr=False, compare=False)

    @property
    def input_shape(self) -> Shape:
        return self.graph.input.shape

    def line(self, name: str) -> Line:
        """The line of a node."""
        for line in self.lines:
            if line.name == name:
                return line
        raise KeyError(name)

    def support(self) -> frozenset[str]:
        """The nodes that the bound of the output was derived from: no other bound matters to it."""
        lines = {line.name: line for line in self.lines}
        needed = {self.graph.output}
        for node in reversed(self.graph.nodes):
            if node.name in needed and node.name in lines:
                start = lines[node.name].constants.get("start")
                needed.update(node.inputs if start is None else [start])
        return frozenset(needed)

    def __str__(self) -> str:
        where = "everywhere" if self.domain is None else "on [{:g}, {:g}]".format(*self.domain)
        rows = [
            f"{self.lower:.10g} ≤ Lipschitz constant ≤ {self.upper:.10g}",
            f"  of inputs of shape {self.input_shape}, {where}",
            f"  weights SHA-256 {self.weights_sha256}",
            "  what the upper end rests on: layer, rule, bound from the input to there:",
        ]
        support = self.support()
        rows += [
            f"  {line.layer or line.name}: {line.operation}, {line.rule}: {line.upper:.10g}"
            for line in self.lines
            if line.name in support and line.operation not in _ISOMETRIES
        ]
        for name in self.user_asserted:
            node = self.graph[name]
            rule = node.attributes.get("rule", "")
            rows.append(f"  user-asserted: {node.layer or name}, by the rule {rule!r}")
        return "\n".join(rows)

    def to_json(self) -> dict[str, Any]:
        """Return what ``certificate.json`` holds; exact: ``from_json`` gives it back."""
        return {
            "format": FORMAT,
            "lower": self.lower,
            "upper": plain(self.upper),
            "domain": plain(self.domain),
            "weights_sha256": self.weights_sha256,
            "user_asserted": list(self.user_asserted),
            "assumptions": list(self.assumptions),
            "arithmetic": self.arithmetic,
            "trusted": self.trusted,
            "flowcert": self.version,
            "created_by": self.created_by,
            "lines": [
                {
                    "name": line.name,
                    "layer": line.layer,
                    "operation": line.operation,
                    "candidates": [
                        {
                            "rule": candidate.rule,
                            "upper": plain(candidate.upper),
                            "claim": candidate.claim,
                            "constants": plain(candidate.constants),
                        }
                        for candidate in line.candidates
                    ],
                }
                for line in self.lines
            ],
            "graph": self.graph.to_json(),
            "multipliers": plain(self.multipliers),
            "witness": plain(self.witness),
        }

    @staticmethod
    def from_json(content: object) -> Certificate:
        """Read what ``to_json`` wrote; anything else raises DataError with the place."""
        return _certificate(
            content if isinstance(content, Entry) else Entry("certificate", content)
        )

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write certificate.json and weights.safetensors to ``folder``; return the folder.

        Each is written whole or not at all, the weights first. Raises OutputError, or DataError if
        the certificate is here without its weights.
        """
        if self.weights is None:
            raise DataError(
                came="a certificate without its weights",
                expected="one that was just made, or loaded from a folder with both files",
                remedy="Load it with Certificate.load(folder).",
            )
        write_atomically(Path(folder) / "weights.safetensors", weights_as_bytes(self.weights))
        write_atomically(Path(folder) / "certificate.json", _text(self.to_json()))
        return Path(folder)

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Certificate:
        """Read a certificate.json, or the folder of it and its weights (which are read too).

        Nothing is checked but the form: that is ``check_certificate``. Raises DataError.

        >>> Certificate.load("no_such_file.json")
        Traceback (most recent call last):
            ...
        flowcert.errors.DataError: got no_such_file.json: No such file ...
        """
        file, weights = Path(path), None
        if file.is_dir():
            file, weights = file / "certificate.json", file / "weights.safetensors"
        content = read_bounded(file, LARGEST_FILE, "a certificate.json")
        certificate = _certificate(parse_json(content, str(file)))
        if weights is None:
            return certificate
        tensors = read_weights(weights, certificate.graph.tensor_keys)
        return replace(certificate, weights=tensors)


def _text(content: dict[str, Any]) -> str:
    text = json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    return _INNERMOST.sub(lambda match: re.sub(r"\n *", " ", match[0]), text)


def _certificate(entry: Entry) -> Certificate:
    form = entry.table().get("format")
    if form is None or form.value != FORMAT:
        raise (form or entry).wrong(f"the format {FORMAT!r}", None if form else "no certificate")
    fields = entry.fields(
        "format",
        "lower",
        "upper",
        "domain",
        "weights_sha256",
        "user_asserted",
        "assumptions",
        "arithmetic",
        "trusted",
        "flowcert",
        "created_by",
        "lines",
        "graph",
        "multipliers",
        "witness",
    )
    return Certificate(
        graph=Graph.from_json(fields["graph"]),
        weights_sha256=fields["weights_sha256"].text(),
        domain=_pair(fields["domain"], Entry.number),
        lower=_finite(fields["lower"]),
        upper=fields["upper"].constant(),
        lines=tuple(_line(item) for item in fields["lines"].items()),
        multipliers={
            name: tuple(row.numbers() for row in item.items())
            for name, item in fields["multipliers"].table().items()
        },
        witness=_pair(fields["witness"], Entry.numbers),
        user_asserted=fields["user_asserted"].texts(),
        assumptions=fields["assumptions"].texts(),
        arithmetic=fields["arithmetic"].text(),
        trusted=fields["trusted"].text(),
        version=fields["flowcert"].text(),
        created_by=fields["created_by"].text(),
    )


def _line(entry: Entry) -> Line:
    fields = entry.fields("name", "layer", "operation", "candidates")
    candidates = tuple(_candidate(item) for item in fields["candidates"].items())
    if not candidates:
        raise fields["candidates"].wrong("at least one rule")
    return Line(
        fields["name"].text(), fields["layer"].text(), fields["operation"].text(), candidates
    )


def _candidate(entry: Entry) -> Candidate:
    fields = entry.fields("rule", "upper", "claim", "constants")
    constants = {key: item.value for key, item in fields["constants"].table().items()}
    return Candidate(
        fields["rule"].text(), fields["upper"].constant(), fields["claim"].text(), constants
    )


def _finite(entry: Entry) -> float:
    number = entry.constant()
    if number == math.inf:
        raise entry.wrong("a finite number of at least 0")
    return number


def _pair(entry: Entry, read: Callable[[Entry], T]) -> tuple[T, T] | None:
    if entry.value is None:
        return None
    first, second = entry.items(length=2)
    return read(first), read(second)
