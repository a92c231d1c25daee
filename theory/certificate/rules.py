"""From a graph and its weights to an upper bound of its Lipschitz constant: the derivation.

Node by node, forwards: L[node] bounds the constant of x ↦ node. An operation bounds its value from
its inputs (product, sum, …: claim E1.product). Where the nodes between u and v form a step or a
chain that is understood as a whole (``segments``), factor·L[u] bounds v too; the smallest of all
wins, and all are kept.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...errors import DomainError
from ...numerics.validation import FloatArray
from ..spectral.rounding import above
from .graph import Graph
from .joint import bound_joint
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
    rounded outward; ∞ where none is known. Raises DataError for a malformed graph, DomainError for
    an empty domain. Source: paper, E1 [P]; claims E1.product, D2.general_gradient_step,
    E1.riccati.

    >>> from flowcert.theory.certificate import Node
    >>> x = Node("x", "input", (), (2,))
    >>> y = Node("y", "dense", ("x",), (1,), {}, {"weight": "W"})
    >>> 0.5 <= derive(Graph((x, y), "y"), {"W": np.array([[0.3, 0.4]])}).upper < 0.500001
    True
    """
    if not domain[0] < domain[1]:
        raise DomainError(
            came=f"the domain {domain}", expected="low < high", remedy="Or leave it out."
        )
    lines: dict[str, Line] = {}
    constants: dict[str, float] = {}
    ranges: dict[str, Range] = {}
    ending: dict[str, list[Segment]] = {}
    # What overflows or is not a number becomes ∞ in ``_certain``.
    with np.errstate(all="ignore"):
        operations = read_operations(graph, weights)
        segments = find_segments(graph, operations, multipliers)
        for segment in segments:
            ending.setdefault(segment.end, []).append(segment)
        for node in graph:
            candidates, enclosure = [Factor(1.0, "input")], domain
            if node.operation != "input":
                alone = tuple(constants[name] for name in node.inputs)
                joint = bound_joint(operations, constants, ranges, node.inputs)
                inputs = Inputs(alone, joint, tuple(ranges[name] for name in node.inputs))
                operation = operations[node.name]
                candidates = [_certain(operation.bound(inputs))]
                candidates += [_across(s, constants[s.start]) for s in ending.get(node.name, ())]
                candidates.sort(key=lambda candidate: candidate.upper)
                enclosure = _enclosure(operation.range(inputs.ranges))
            constants[node.name], ranges[node.name] = candidates[0].upper, enclosure
            lines[node.name] = Line(node.name, candidates[0].upper, enclosure, tuple(candidates))
    return Derivation(graph, operations, tuple(segments), lines)


def _across(segment: Segment, start: float) -> Factor:
    """The bound at the end of a segment from that at its start."""
    constants = {"start": segment.start, "factor": segment.factor, **segment.constants}
    # A product with 1 is exact: what is non-expansive stays so.
    upper = segment.factor * start
    upper = upper if 1.0 in (segment.factor, start) else above(upper)
    return _certain(Factor(upper, segment.rule, constants, segment.claim))


def _certain(factor: Factor) -> Factor:
    """∞ · 0 is not a number: then nothing is known."""
    return factor if factor.upper >= 0.0 else replace(factor, upper=math.inf)


def _enclosure(found: Range) -> Range:
    return found if found[0] <= found[1] else WHOLE_LINE
