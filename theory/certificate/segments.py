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
    """Return every segment of the graph."""
    return []
