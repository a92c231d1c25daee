"""Runs of linear operations bounded as the one linear map that they are."""

from __future__ import annotations

from collections.abc import Mapping

from ..spectral.composition import compose, rearranged
from ..spectral.diagonal import Diagonal
from ..spectral.linear_map import LinearMap
from ..spectral.rearrangement import Rearrangement
from .graph import Graph
from .operations import Operation
from .operations.linear import Linear
from .segments import Segment


def fused_segments(graph: Graph, operations: Mapping[str, Operation]) -> list[Segment]:
    """Return for each node the longest run of linear operations that ends there and is one map.

    Batch normalisation after a convolution, a pixel scaling before one, dense after dense: the norm
    of the composition is at most the product of the norms, and often less.
    """
    found = (fused_segment(operations, node.name) for node in graph)
    return [segment for segment in found if segment is not None]


def fused_segment(operations: Mapping[str, Operation], end: str) -> Segment | None:
    """Return the run that ends at a node, or None if no two maps can be made one there."""
    last = _linear(operations, end)
    if last is None or isinstance(last, Rearrangement):
        return None  # a rearrangement changes no norm: the node before it has the segment
    fused, count = last, 1
    nodes, moved = [end], list[Rearrangement]()
    [start] = operations[end].node.inputs
    run, between = list(nodes), start
    while (inner := _linear(operations, between)) is not None:
        run.append(between)
        [between] = operations[between].node.inputs
        if isinstance(inner, Rearrangement):
            moved.append(inner)
            continue
        # Fused∘R∘D = Fused∘D′∘R, and R is an isometry.
        together = _compose_through(fused, moved, inner)
        if together is None:
            break
        fused, count, nodes, start = together, count + 1, list(run), between
    if count == 1:
        return None
    values = fused.singular_values()
    return Segment(
        start,
        end,
        tuple(reversed(nodes)),
        values.largest,
        "fused linear maps",
        "E1.product",
        {"spectral_norm": values.largest, "method": values.method, "maps": count},
    )


def _linear(operations: Mapping[str, Operation], name: str) -> LinearMap | None:
    operation = operations[name]
    return operation.map if isinstance(operation, Linear) else None


def _compose_through(
    outer: LinearMap, moved: list[Rearrangement], inner: LinearMap
) -> LinearMap | None:
    """Outer∘moved∘inner up to isometries on the right; ``moved`` has the outermost first."""
    if not moved:
        return compose(outer, inner)
    if not isinstance(inner, Diagonal):
        return None
    for rearrangement in reversed(moved):
        inner = rearranged(rearrangement, inner)
    return compose(outer, inner)
