"""Steps and chains that are understood as a whole: residual gradient steps, dense chains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .graph import Graph
from .operations import Operation


@dataclass(frozen=True)
class Segment:
    """The map from the value of ``start`` to that of ``end`` has a constant ≤ ``factor``.

    ``nodes`` are those between, ``end`` included: they depend on ``start`` and constants alone.
    """

    start: str
    end: str
    nodes: tuple[str, ...]
    factor: float
    rule: str
    claim: str
    constants: Mapping[str, Any] = field(default_factory=dict)


def find_segments(
    graph: Graph,
    operations: Mapping[str, Operation],
    multipliers: Mapping[str, Sequence[Sequence[float]]] | None = None,
) -> list[Segment]:
    """Return every segment of the graph, those that end first before the others.

    ``multipliers`` of the dense chains, by the name of their last node: without them they are
    searched, with them nothing is, and chains that they do not name are left out.
    """
    # These three define what they return with Segment, from here.
    from .dense_chains import dense_chains
    from .fusion import fused_segments
    from .gradient_steps import gradient_steps

    found = [
        *fused_segments(graph, operations),
        *gradient_steps(graph, operations),
        *dense_chains(graph, operations, multipliers),
    ]
    order = {node.name: index for index, node in enumerate(graph)}
    return sorted(found, key=lambda segment: order[segment.end])
