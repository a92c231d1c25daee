"""Steps and chains that are understood as a whole: residual gradient steps, dense chains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from .backwards import Backwards
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
    key: str = ""  # of its multipliers, if it has any


def find_segments(
    graph: Graph,
    operations: Mapping[str, Operation],
    multipliers: Mapping[str, Sequence[Sequence[float]]] | None = None,
) -> list[Segment]:
    """Return every segment of the graph, those that end first before the others.

    ``multipliers`` of dense chains and Runge–Kutta steps, by their ``key``: without them they are
    searched, with them nothing is, and what they do not name is left out.
    """
    # These define what they return with Segment, from here.
    from .dense_chains import dense_chains
    from .expansive_steps import expansive_steps
    from .fusion import fused_segments
    from .gradient_steps import gradient_steps
    from .gradients import read_gradient
    from .runge_kutta_steps import runge_kutta_steps

    backwards = Backwards(operations)
    gradient = cache(lambda name: read_gradient(backwards, name))
    found = [
        *fused_segments(graph, operations),
        *gradient_steps(backwards, gradient),
        *expansive_steps(backwards, gradient),
        *runge_kutta_steps(backwards, gradient, multipliers),
    ]
    found += dense_chains(graph, operations, multipliers, found)
    return sorted(found, key=lambda segment: backwards.order[segment.end])
