"""The operations that a certificate knows, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module

from ....errors import DataError
from ....numerics.validation import FloatArray
from ..graph import Node, Shape
from .operation import Operation

# One module an operation or family; every class in it that names an ``operation`` is one.
MODULES = (
    "activation",
    "asserted",
    "axes",
    "concatenation",
    "convolution",
    "dense",
    "diagonal",
    "extremum",
    "max_pool",
    "product",
    "rearrangement",
    "softmax",
    "sorting",
    "source",
    "standardise",
    "sum",
    "vector_norm",
)


def operation_classes() -> dict[str, type[Operation]]:
    """Every known operation by name."""
    found: dict[str, type[Operation]] = {}
    for name in MODULES:
        module = import_module(f".{name}", __package__)
        for thing in vars(module).values():
            is_operation = isinstance(thing, type) and issubclass(thing, Operation)
            if is_operation and thing.__module__ == module.__name__ and "operation" in vars(thing):
                found[thing.operation] = thing
    return found


def read_operation(
    node: Node, shapes: Sequence[Shape], weights: Mapping[str, FloatArray]
) -> Operation:
    """Return the operation of a node; an unknown one raises DataError, never a guess."""
    known = operation_classes()
    if node.operation not in known:
        raise DataError(
            came=f"the operation {node.operation!r} ({node.name!r})",
            expected=f"one of {', '.join(sorted(known))}",
            remedy="The certificate is of a newer version, or was changed by hand.",
        )
    return known[node.operation](node, shapes, weights)
