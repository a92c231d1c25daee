"""Sums that are linear in one value and in the values of branches, with exact coefficients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Generic, Protocol, TypeVar

from .backwards import Backwards, Way
from .entrywise import exact_factor
from .operations.sum import Sum

Row = list[Fraction]
_MOST_STAGES = 16
_LARGEST = 2**800  # of coefficients: far within float64


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

    u is the value of ``way.start``. ``arguments`` are the rows (αⱼ, aⱼ₁, …), ``result`` is the row
    (c₀, b₁, …): all of them exact.
    """

    way: Way
    branches: tuple[B, ...]
    arguments: tuple[Row, ...]
    result: Row


def read_stages(
    graph: Backwards, end: str, read: Callable[[str], B | None]
) -> Stages[B] | None:
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

    def between(name: str) -> Sequence[str]:
        branch = read(name)
        return (name,) if branch is None else branch.nodes

    way = graph.way(end, before, between=between)
    if way is None:
        return None
    ends = [name for name in way.nodes if read(name) is not None]
    if not 0 < len(ends) <= _MOST_STAGES:
        return None
    rows = {way.start: _unit(0, len(ends))}
    found: list[B] = []
    arguments: list[Row] = []
    for name in way.nodes:
        branch = read(name)
        if branch is not None:
            arguments.append(rows[branch.argument])
            found.append(branch)
            rows[name] = _unit(len(found), len(ends))
        elif all(given in rows for given in operations[name].node.inputs):
            rows[name] = _combined(graph, name, rows)
    stages = Stages(way, tuple(found), tuple(arguments), rows[end])
    return stages if all(map(_is_plain, (*arguments, rows[end]))) else None


def _unit(place: int, branches: int) -> Row:
    return [Fraction(i == place) for i in range(branches + 1)]


def _combined(graph: Backwards, name: str, rows: dict[str, Row]) -> Row:
    """The row of a sum or of a constant multiple."""
    operation = graph.operations[name]
    factor = exact_factor(operation)
    if factor is not None:
        coefficients = [factor]
    else:
        assert isinstance(operation, Sum)
        coefficients = [Fraction(c) for c in operation.coefficients]
    given = [rows[other] for other in operation.node.inputs]
    return [
        sum((c * row[i] for c, row in zip(coefficients, given, strict=True)), Fraction(0))
        for i in range(len(given[0]))
    ]


def _is_plain(row: Row) -> bool:
    return all(abs(x) <= _LARGEST for x in row)
