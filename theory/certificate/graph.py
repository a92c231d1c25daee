"""A network as data: operations in order, each with its inputs, constants and tensors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...errors import DataError

Shape = tuple[int, ...]


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

    Raises DataError unless that is so, names differ and ``output`` is one of them.

    >>> x = Node("x", "input", (), (3,))
    >>> y = Node("y", "activation", ("x",), (3,), {"function": "relu"})
    >>> Graph((x, y), "y").users("x")
    ('y',)
    """

    nodes: tuple[Node, ...]
    output: str

    def __post_init__(self) -> None:
        known: set[str] = set()
        for index, node in enumerate(self.nodes):
            if (node.operation == "input") != (index == 0) or (index == 0 and node.inputs):
                raise _malformed(f"an input that is not the first node alone: {node.name!r}")
            if node.name in known:
                raise _malformed(f"two nodes called {node.name!r}")
            missing = [name for name in node.inputs if name not in known]
            if missing:
                raise _malformed(f"{node.name!r}, which uses {missing[0]!r} before it is there")
            if any(not isinstance(n, int) or isinstance(n, bool) or n < 1 for n in node.shape):
                raise _malformed(f"{node.name!r} of shape {node.shape}")
            known.add(node.name)
        if self.output not in known:
            raise _malformed(f"the output {self.output!r}, which is no node")

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    def __getitem__(self, name: str) -> Node:
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)

    @property
    def input(self) -> Node:
        return self.nodes[0]

    def users(self, name: str) -> tuple[str, ...]:
        """The nodes that use this one, in order."""
        return tuple(node.name for node in self.nodes if name in node.inputs)

    def to_json(self) -> dict[str, Any]:
        return {"nodes": [node.to_json() for node in self.nodes], "output": self.output}

    @staticmethod
    def from_json(content: object) -> Graph:
        """Read what ``to_json`` wrote; anything else raises DataError."""
        if not isinstance(content, dict) or set(content) != {"nodes", "output"}:
            raise _malformed("other entries than nodes and output")
        if not isinstance(content["nodes"], list) or not isinstance(content["output"], str):
            raise _malformed("nodes that are no list, or an output that is no name")
        return Graph(tuple(_node(entry) for entry in content["nodes"]), content["output"])


_KEYS = {"name", "operation", "inputs", "shape", "attributes", "tensors", "layer"}


def _node(entry: object) -> Node:
    if not isinstance(entry, dict) or set(entry) != _KEYS:
        raise _malformed(f"a node with other entries than {sorted(_KEYS)}")
    texts = (entry["name"], entry["operation"], entry["layer"])
    lists = (entry["inputs"], entry["shape"])
    tables = (entry["attributes"], entry["tensors"])
    well_formed = (
        all(isinstance(text, str) for text in texts)
        and all(isinstance(values, list) for values in lists)
        and all(isinstance(table, dict) for table in tables)
        and all(isinstance(name, str) for name in entry["inputs"])
        and all(isinstance(key, str) for key in entry["tensors"].values())
    )
    if not well_formed:
        raise _malformed(f"the node {entry['name']!r} with entries of the wrong kind")
    return Node(
        entry["name"],
        entry["operation"],
        tuple(entry["inputs"]),
        tuple(entry["shape"]),
        entry["attributes"],
        entry["tensors"],
        entry["layer"],
    )


def _malformed(came: str) -> DataError:
    return DataError(
        came=f"a graph with {came}",
        expected="operations in the order of their evaluation, from one input to one output",
        remedy="Make the certificate anew with flowcert.networks.certify.",
    )
