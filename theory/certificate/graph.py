"""A network as data: operations in order, each with its inputs, constants and tensors."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ...errors import DataError
from .reading import Entry

Shape = tuple[int, ...]

# A graph may come from a stranger's file: these bound what its evaluation can ask for.
MOST_NODES = 2**15
LARGEST_VALUE = 2**26  # entries of one node's value
LARGEST_GRAPH = 2**29  # entries of all values together


@dataclass(frozen=True)
class Node:
    """One operation: ``name`` = ``operation``(``inputs``), a value of ``shape`` (without batch).

    ``attributes`` are constants of the operation as JSON holds them (numbers, texts, lists);
    ``tensors`` says under which key of the weights each of its arrays is kept; ``layer`` is where
    in the user's module it stands, for people to read.

    >>> Node("y", "activation", ("x",), (3,), {"function": "relu"}).operation
    'activation'
    """

    name: str
    operation: str
    inputs: tuple[str, ...]
    shape: Shape
    attributes: Mapping[str, Any] = field(default_factory=dict)
    tensors: Mapping[str, str] = field(default_factory=dict)
    layer: str = ""

    @property
    def entries(self) -> int:
        """How many numbers the value has."""
        return math.prod(self.shape)

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "operation": self.operation,
            "inputs": list(self.inputs),
            "shape": list(self.shape),
            "attributes": dict(self.attributes),
            "tensors": dict(self.tensors),
            "layer": self.layer,
        }


@dataclass(frozen=True)
class Graph:
    """Nodes in an order in which each uses only earlier ones; the first is the input.

    Raises DataError unless that is so, names differ, ``output`` is one of them and all values
    together have at most ``LARGEST_GRAPH`` entries.

    >>> x = Node("x", "input", (), (3,))
    >>> y = Node("y", "activation", ("x",), (3,), {"function": "relu"})
    >>> Graph((x, y), "y").users("x")
    ('y',)
    """

    nodes: tuple[Node, ...]
    output: str

    def __post_init__(self) -> None:
        if not 1 <= len(self.nodes) <= MOST_NODES:
            raise _malformed(f"{len(self.nodes)} nodes", f"between 1 and {MOST_NODES}")
        known: set[str] = set()
        for index, node in enumerate(self.nodes):
            self._check(node, known, first=index == 0)
            known.add(node.name)
        if self.output not in known:
            raise _malformed(f"the output {self.output!r}, which is no node")
        total = sum(node.entries for node in self.nodes)
        if total > LARGEST_GRAPH:
            raise _malformed(f"values of {total} entries", f"at most {LARGEST_GRAPH} together")

    @staticmethod
    def _check(node: Node, known: set[str], *, first: bool) -> None:
        if (node.operation == "input") != first:
            raise _malformed(
                f"the first node {node.name!r} of operation {node.operation!r}"
                if first
                else f"a second input {node.name!r}"
            )
        if first and (node.inputs or node.attributes or node.tensors):
            raise _malformed(f"an input {node.name!r} that depends on something")
        if node.name in known:
            raise _malformed(f"two nodes called {node.name!r}")
        missing = [name for name in node.inputs if name not in known]
        if missing:
            raise _malformed(f"{node.name!r}, which uses {missing[0]!r} before it is there")
        if any(not isinstance(n, int) or isinstance(n, bool) or n < 1 for n in node.shape):
            raise _malformed(f"{node.name!r} of shape {node.shape}")
        if node.entries > LARGEST_VALUE:
            raise _malformed(
                f"{node.name!r} of shape {node.shape}", f"at most {LARGEST_VALUE} entries"
            )

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    def __getitem__(self, name: str) -> Node:
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> dict[str, Node]:
        return {node.name: node for node in self.nodes}

    @cached_property
    def _users(self) -> dict[str, tuple[str, ...]]:
        users: dict[str, list[str]] = {node.name: [] for node in self.nodes}
        for node in self.nodes:
            for name in dict.fromkeys(node.inputs):
                users[name].append(node.name)
        return {name: tuple(found) for name, found in users.items()}

    @property
    def input(self) -> Node:
        return self.nodes[0]

    @property
    def tensor_keys(self) -> tuple[str, ...]:
        """The keys of all weights that the graph names, sorted."""
        return tuple(sorted({key for node in self.nodes for key in node.tensors.values()}))

    def users(self, name: str) -> tuple[str, ...]:
        """The nodes that use this one, in order."""
        return self._users.get(name, ())

    def to_json(self) -> dict[str, Any]:
        return {"nodes": [node.to_json() for node in self.nodes], "output": self.output}

    @staticmethod
    def from_json(content: object) -> Graph:
        """Read what ``to_json`` wrote; anything else raises DataError with the place.

        >>> Graph.from_json({"nodes": []})
        Traceback (most recent call last):
            ...
        flowcert.errors.DataError: got graph: an object without 'output'; expected ...
        """
        entry = content if isinstance(content, Entry) else Entry("graph", content)
        fields = entry.fields("nodes", "output")
        nodes = tuple(_node(item) for item in fields["nodes"].items())
        return Graph(nodes, fields["output"].text())


def _node(entry: Entry) -> Node:
    fields = entry.fields("name", "operation", "inputs", "shape", "attributes", "tensors", "layer")
    return Node(
        name=fields["name"].text(),
        operation=fields["operation"].text(),
        inputs=fields["inputs"].texts(),
        shape=tuple(size.count() for size in fields["shape"].items()),
        attributes={key: item.value for key, item in fields["attributes"].table().items()},
        tensors={role: item.text() for role, item in fields["tensors"].table().items()},
        layer=fields["layer"].text(),
    )


def _malformed(
    came: str, expected: str = "operations in the order of their evaluation, from one input"
) -> DataError:
    return DataError(
        came=f"a graph with {came}",
        expected=expected,
        remedy="Make the certificate anew with flowcert.networks.certify.",
    )
