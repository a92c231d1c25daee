"""Sums that are linear in one value and in the values of branches, with exact coefficients."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Generic, Protocol, TypeVar

from .backwards import Backwards
from .entrywise import exact_factor
from .operations import Operation
from .operations.sum import Sum

Row = list[Fraction]
_MOST_STAGES = 16
_LARGEST = 2**400  # of coefficients: their products are far within float64


class Branch(Protocol):
    """A map of the value of ``argument`` that ends somewhere; ``nodes`` are all that it needs."""

    @property
    def argument(self) -> str: ...

    @property
    def nodes(self) -> tuple[str, ...]: ...


B = TypeVar("B", bound=Branch)


@dataclass(frozen=True)
class Stages(Generic[B]):
    """Branches gⱼ of yⱼ = αⱼu + Σᵢ aⱼᵢgᵢ(yᵢ), and the value c₀u + Σⱼ bⱼgⱼ(yⱼ), up to constants.

    u is the value of ``start``, ``nodes`` are all after it. ``arguments`` are the rows
    (αⱼ, aⱼ₁, …), ``result`` is the row (c₀, b₁, …): all of them exact.
    """

    start: str
    nodes: tuple[str, ...]
    branches: tuple[B, ...]
    arguments: tuple[Row, ...]
    result: Row


def read_stages(graph: Backwards, end: str, read: Callable[[str], B | None]) -> Stages[B] | None:
    """Read the value of ``end`` from the nearest value that it is made of; None if it is no such.

    Sums and constant factors are linear, shifts and reshapings change nothing, ``read`` knows the
    branches by their last node.
    """
    operations = graph.operations

    def before(name: str) -> Sequence[str] | None:
        branch = read(name)
        if branch is not None:
            return (branch.argument,)
        linear = isinstance(operations[name], Sum) or exact_factor(operations[name]) is not None
        return operations[name].node.inputs if linear else None

    way = graph.way(end, before)
    if way is None:
        return None
    branches = {name: branch for name in way.nodes if (branch := read(name)) is not None}
    count = len(branches)
    if not 0 < count <= _MOST_STAGES:
        return None
    rows = {way.start: _unit(0, count)}
    arguments: list[Row] = []
    for name in way.nodes:
        if name in branches:
            arguments.append(rows[branches[name].argument])
            rows[name] = _unit(len(arguments), count)
        else:
            rows[name] = _combined(operations[name], rows)
    if not all(abs(x) <= _LARGEST for row in (*arguments, rows[end]) for x in row):
        return None
    nodes = {*way.nodes, *(name for branch in branches.values() for name in branch.nodes)}
    return Stages(
        way.start, graph.sorted(nodes), tuple(branches.values()), tuple(arguments), rows[end]
    )


def _unit(place: int, branches: int) -> Row:
    return [Fraction(i == place) for i in range(branches + 1)]


def _combined(operation: Operation, rows: Mapping[str, Row]) -> Row:
    """The row of a sum or of a constant multiple."""
    given = [rows[name] for name in operation.node.inputs]
    if isinstance(operation, Sum):
        coefficients = [Fraction(c) for c in operation.coefficients]
    else:
        coefficients = [exact_factor(operation) or Fraction(0)]
    terms = list(zip(coefficients, given, strict=True))
    return [sum((c * row[i] for c, row in terms), Fraction(0)) for i in range(len(given[0]))]
