"""Chains of dense layers in a graph, bounded as a whole by the Riccati recursion."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..interval import Interval
from ..spectral.chain_layers import ChainLayer
from ..spectral.composition import compose, scale_along
from ..spectral.dense import Dense
from ..spectral.diagonal import Diagonal
from ..spectral.linear_map import LinearMap
from ..spectral.multiplier_search import affordable_passes, estimate_multipliers
from ..spectral.riccati import bound_chain
from .entrywise import constant_factor
from .graph import Graph
from .operations import Operation
from .operations.activation import Activation
from .operations.diagonal import Diagonal as DiagonalNode
from .operations.linear import Linear
from .operations.rearrangement import Reshape
from .operations.sum import Sum
from .prospects import can_gain
from .segments import Segment

Multipliers = Mapping[str, Sequence[Sequence[float]]]

_WIDEST = 1024  # entries of a value inside a chain
_CHEAP = 60  # passes that a search can afford where a second one is made, for the last features


@dataclass(frozen=True)
class Link:
    """The value of ``nodes[-1]`` as a layer of that of ``start``; ``layer`` None passes it on.

    ``scalar``: all entries are multiplied by the same number, which the slopes enclose.
    """

    start: str
    nodes: tuple[str, ...]
    layer: ChainLayer | None
    scalar: bool = False


def dense_chains(
    graph: Graph,
    operations: Mapping[str, Operation],
    multipliers: Multipliers | None = None,
    others: Sequence[Segment] = (),
) -> list[Segment]:
    """Return the longest chains of dense layers and, before a last matrix, the chain up to it.

    Links are dense maps, scalings, activations and residual additions x + Cσ(Ax + b), on the last
    axis. ``multipliers``, by the last node, are used where given; without any they are searched,
    unless the ``others`` (segments) bound the chain as well as any multipliers can.
    Raises DataError for multipliers that do not fit their chain.
    """
    found: list[Segment] = []
    inside: set[str] = set()
    for node in reversed(graph.nodes):
        if node.name in inside:
            continue
        links = _longest(operations, node.name)
        inside.update(name for link in links for name in link.nodes)
        inside.update(link.start for link in links[1:])
        for piece in _pieces(links):
            found += _segments(piece, _Known(graph, operations, multipliers, others))
    # Two heads on the same features find the chain to those twice.
    return list({(segment.start, segment.end): segment for segment in found}.values())


def _pieces(links: list[Link]) -> list[list[Link]]:
    """The chain, or the longest parts of it for which multipliers can be searched, last first."""
    pieces: list[list[Link]] = []
    rest = _trimmed(links)
    while rest:
        first = 0
        while first < len(rest) - 1 and not affordable_passes(_layers(rest[first:])):
            first += 1
        pieces.append(_trimmed(rest[first:]))
        rest = _trimmed(rest[:first])
    return pieces


@dataclass(frozen=True)
class _Known:
    graph: Graph
    operations: Mapping[str, Operation]
    multipliers: Multipliers | None
    others: Sequence[Segment]

    def leaves_room(self, layers: Sequence[ChainLayer], start: str, nodes: Sequence[str]) -> bool:
        """Whether a chain could be bounded better, and its last node is no inner one of a step."""
        steps = (s for s in self.others if isinstance(self.operations[s.end], Sum))
        end, users = nodes[-1], set(self.graph.users(nodes[-1]))
        if any(end in step.nodes[:-1] and users <= set(step.nodes) for step in steps):
            return False
        return can_gain(layers, self.operations, start, nodes, self.others)


def _segments(links: list[Link], known: _Known) -> list[Segment]:
    whole = _segment(links, known)
    # The last features have a bound of their own, for pairwise radii.
    ends = bool(links) and links[-1].layer is not None and links[-1].layer.is_linear
    cheap = known.multipliers is not None or affordable_passes(_layers(links)) >= _CHEAP
    features = _segment(_trimmed(links[:-1]), known) if ends and cheap else None
    return [segment for segment in (features, whole) if segment is not None]


def _segment(links: list[Link], known: _Known) -> Segment | None:
    """Bound a chain, if there is anything to gain by that."""
    if not links:
        return None
    layers = _layers(links)
    matrices = sum((layer.A is not None) + (layer.C is not None) for layer in layers)
    residual = any(layer.skip != 0.0 for layer in layers)
    nonlinear = any(layer.slopes[0] < layer.slopes[1] for layer in layers)
    if not nonlinear or matrices + residual < 2:
        return None
    start, end = links[0].start, links[-1].nodes[-1]
    nodes = tuple(name for link in links for name in link.nodes)
    weights: Sequence[Sequence[float]] | None = None
    if known.multipliers is not None:
        weights = known.multipliers.get(end)
    elif affordable_passes(layers) and known.leaves_room(layers, start, nodes):
        weights = estimate_multipliers(layers)
    if weights is None:
        return None
    factor = bound_chain(layers, weights)
    if not math.isfinite(factor):
        return None
    constants = {"multipliers": [list(row) for row in weights], "layers": len(layers)}
    return Segment(start, end, nodes, factor, "Riccati recursion", "E1.riccati", constants, key=end)


def _layers(links: Sequence[Link]) -> list[ChainLayer]:
    return [link.layer for link in links if link.layer is not None]


def _longest(operations: Mapping[str, Operation], end: str) -> list[Link]:
    """All links that lead to a node, first to last."""
    links: list[Link] = []
    name = end
    while (link := _link(operations, name)) is not None:
        links.append(link)
        name = link.start
    return links[::-1]


def _trimmed(links: list[Link]) -> list[Link]:
    """Without activations at either end: they are bounded by their slopes as well as here."""
    matters = [
        index
        for index, link in enumerate(links)
        if link.layer is not None and (link.layer.A is not None or link.layer.C is not None)
    ]
    return links[matters[0] : matters[-1] + 1] if matters else []


def _link(operations: Mapping[str, Operation], name: str) -> Link | None:
    """Read the link that ends at a node."""
    operation = operations[name]
    if isinstance(operation, Sum) and len(operation.coefficients) == 2:
        return _residual(operations, operation)
    if isinstance(operation, Linear) and not isinstance(operation, Reshape):
        return _linear(operations, name)
    return _pointwise(operation)


def _pointwise(operation: Operation) -> Link | None:
    """A link that acts on each entry alone, and no matrix."""
    name, shape = operation.node.name, operation.node.shape
    if len(operation.node.inputs) != 1 or not shape or shape[-1] > _WIDEST:
        return None
    [start] = operation.node.inputs
    if isinstance(operation, Reshape):
        [before] = operation.shapes
        return Link(start, (name,), None) if before and before[-1] == shape[-1] else None
    if isinstance(operation, Activation) and all(math.isfinite(s) for s in operation.slopes):
        return Link(start, (name,), ChainLayer(None, None, operation.slopes))
    factor = constant_factor(operation) if isinstance(operation, Sum | DiagonalNode) else None
    if factor is None or not math.isfinite(float(factor.upper - factor.lower)):
        return None
    ends = (float(factor.lower), float(factor.upper))
    return Link(start, (name,), ChainLayer(None, None, ends), scalar=True)


def _linear(operations: Mapping[str, Operation], end: str, stop: str = "") -> Link | None:
    """A run of dense maps and scalings, made one matrix; within a branch, without its factors."""
    nodes: list[str] = []
    whole: LinearMap | None = None
    name = end
    while name != stop:
        operation = operations[name]
        if not isinstance(operation, Linear) or not isinstance(operation.map, Dense | Diagonal):
            break
        if stop and constant_factor(operation) is not None:
            break
        together = operation.map if whole is None else compose(whole, operation.map)
        if together is None:
            break
        whole = together
        nodes.append(name)
        [name] = operation.node.inputs
    layer = None if whole is None else _as_layer(whole)
    return None if layer is None else Link(name, tuple(reversed(nodes)), layer)


def _as_layer(whole: LinearMap) -> ChainLayer | None:
    if whole.output_shape[-1:] > (_WIDEST,):
        return None
    if isinstance(whole, Dense):
        return ChainLayer.linear(whole.weight, whole.norm_error)
    if not isinstance(whole, Diagonal) or not whole.input_shape:
        return None
    if scale_along(whole, len(whole.input_shape) - 1) is None:
        return None
    entries = np.broadcast_to(np.ravel(whole.scale), whole.input_shape[-1:])
    return ChainLayer.linear(np.diag(entries), whole.norm_error)


def _residual(operations: Mapping[str, Operation], operation: Sum) -> Link | None:
    """c₀u + cCσ(Au + b), either term first."""
    order = {name: index for index, name in enumerate(operations)}  # they stand in the graph's
    shape = operation.node.shape
    if not shape or shape[-1] > _WIDEST:
        return None
    (first, second), (c, d) = operation.node.inputs, operation.coefficients
    start, skip, end, factor = (first, c, second, d)
    if order[first] > order[second]:
        start, skip, end, factor = (second, d, first, c)
    branch = None if start == end else _branch(operations, start, end)
    if branch is None:
        return None
    nodes, step = branch
    slopes = _interval(step.slopes) * factor
    ends = (float(slopes.lower), float(slopes.upper))
    if not all(math.isfinite(slope) for slope in ends):
        return None
    return Link(start, (*nodes, operation.node.name), replace(step, slopes=ends, skip=skip))


def _branch(
    operations: Mapping[str, Operation], start: str, end: str
) -> tuple[tuple[str, ...], ChainLayer] | None:
    """The nodes from ``start`` to ``end`` and Cσ(Au + b) as a layer; None if it is no such."""
    links: list[Link] = []
    name = end
    while name != start:
        link = _pointwise(operations[name]) or _linear(operations, name, start)
        if link is None:
            return None
        links.append(link)
        name = link.start
    links.reverse()
    step = _joined(links)
    return None if step is None else (tuple(n for link in links for n in link.nodes), step)


def _joined(links: Sequence[Link]) -> ChainLayer | None:
    """The links as one Cσ(Ax + b): at most a matrix, activations, and a matrix.

    A scalar commutes with the matrices: it joins the slopes wherever it stands.
    """
    step, activated = ChainLayer(None, None, (1.0, 1.0)), False
    for link in links:
        layer = link.layer
        if layer is None:
            continue
        if layer.A is None:
            if step.C is not None and not link.scalar:
                return None
            slopes = _interval(step.slopes) * _interval(layer.slopes)
            step = replace(step, slopes=(float(slopes.lower), float(slopes.upper)))
            activated = activated or not link.scalar
        elif step.A is None and not activated:
            step = replace(step, A=layer.A, error_A=layer.error_A)
        elif step.C is None:
            step = replace(step, C=layer.A, error_C=layer.error_A)
        else:
            return None
    return step


def _interval(ends: tuple[float, float]) -> Interval:
    return Interval(np.asarray(ends[0]), np.asarray(ends[1]))
