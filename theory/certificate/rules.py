"""From a graph and its weights to an upper bound of its Lipschitz constant: the derivation.

Node by node, forwards: L[node] bounds the constant of x ↦ node. An operation bounds its value from
its inputs (product, sum, …: claim E1.product). Where the nodes between u and v form a step or a chain
that is understood as a whole (``segments``), factor·L[u] bounds v too; the smallest of all wins, and
all are kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...numerics.validation import FloatArray
from ..spectral.rounding import above
from .graph import Graph
from .operations import Factor, Inputs, Operation, read_operation
from .segments import Segment, find_segments

Range = tuple[float, float]
WHOLE_LINE: Range = (float("-inf"), float("inf"))


@dataclass(frozen=True)
class Line:
    """What is derived of one node: its bound, and every rule that was tried (the first is best)."""

    name: str
    upper: float
    range: Range
    candidates: tuple[Factor, ...]


@dataclass(frozen=True)
class Derivation:
    """A graph with its operations, its segments, and a line for each node.

    ``upper`` bounds the Lipschitz constant of the whole, rounded outward.
    """

    graph: Graph
    operations: Mapping[str, Operation]
    segments: tuple[Segment, ...]
    lines: Mapping[str, Line]

    @property
    def upper(self) -> float:
        return self.lines[self.graph.output].upper


def read_operations(graph: Graph, weights: Mapping[str, FloatArray]) -> dict[str, Operation]:
    """Return the operation of every node; raises DataError for what is malformed."""
    operations: dict[str, Operation] = {}
    for node in graph:
        shapes = [operations[name].node.shape for name in node.inputs]
        operations[node.name] = read_operation(node, shapes, weights)
    return operations


def derive(
    graph: Graph,
    weights: Mapping[str, FloatArray],
    *,
    domain: Range = WHOLE_LINE,
    multipliers: Mapping[str, Sequence[Sequence[float]]] | None = None,
) -> Derivation:
    """Bound the Lipschitz constant of every node of ``graph`` on inputs with entries in ``domain``.

    ``multipliers`` are those of the Riccati recursion, by the name of a chain's last node; without
    them they are searched. Guaranteed: upper bounds in exact arithmetic on the weights as given,
    rounded outward. Source: paper, E1 [P]; claims E1.product, D2.sharp_factor, E1.riccati.
    """
    operations = read_operations(graph, weights)
    segments = find_segments(graph, operations, multipliers)
    lines: dict[str, Line] = {}
    for node in graph:
        if node.operation == "input":
            one = Factor(1.0, "input")
            lines[node.name] = Line(node.name, 1.0, domain, (one,))
            continue
        operation = operations[node.name]
        ranges = [lines[name].range for name in node.inputs]
        inputs = joint_inputs(graph, operations, lines, node.inputs)
        candidates = [operation.bound(inputs)]
        candidates += [
            Factor(above(s.factor * lines[s.start].upper), s.rule, s.constants, s.claim)
            for s in segments
            if s.end == node.name
        ]
        candidates.sort(key=lambda candidate: candidate.upper)
        lines[node.name] = Line(
            node.name, candidates[0].upper, operation.range(ranges), tuple(candidates)
        )
    return Derivation(graph, operations, tuple(segments), lines)


def joint_inputs(
    graph: Graph,
    operations: Mapping[str, Operation],
    lines: Mapping[str, Line],
    names: Sequence[str],
) -> Inputs:
    """What is known of some nodes together."""
    return Inputs.separate(
        [lines[name].upper for name in names], [lines[name].range for name in names]
    )
