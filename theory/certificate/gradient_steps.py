"""Residual gradient steps, recognised where they provably are that: v = c₀u + s·MᵀΣ(Mu + b)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..interval import Interval, upper
from .adjoint import are_adjoint
from .graph import Graph
from .operations import Operation
from .operations.activation import Activation
from .operations.diagonal import Diagonal, Entrywise
from .operations.linear import Linear
from .operations.rearrangement import Reshape
from .operations.sum import Sum
from .segments import Segment

_ONE = Interval.of(1.0)
_LARGEST_FOR_SMALLEST = {"dense": 2048, "circular": 1 << 20, "other": 1024}  # columns


@dataclass(frozen=True)
class Branch:
    """u ↦ scale·MᵀD(Mu) + const, D diagonal with entries in ``slopes``; M is the identity if None.

    ``nodes`` are those after u, in their order.
    """

    nodes: tuple[str, ...]
    map: Linear | None
    slopes: Interval
    scale: Interval


def gradient_steps(graph: Graph, operations: Mapping[str, Operation]) -> list[Segment]:
    """Return the sums v = c₀u + s·MᵀΣ(Mu + b), each from u to v; claim D2.general_gradient_step.

    Recognised are two linear operations of which one is the adjoint of the other, bit by bit, with
    activations and scalings of the entries between them, constant factors outside, biases and
    reshapings anywhere. All else is left to the bound of a sum.
    """
    found = (gradient_step(operations, node.name) for node in graph)
    return [segment for segment in found if segment is not None]


def gradient_step(operations: Mapping[str, Operation], end: str) -> Segment | None:
    """Return the gradient step that ends at a node, or None."""
    operation = operations[end]
    if not isinstance(operation, Sum):
        return None
    terms = list(zip(operation.node.inputs, operation.coefficients, strict=True))
    for start in dict.fromkeys(operation.node.inputs):
        others = [(name, c) for name, c in terms if name != start]
        branch = _read_branch(operations, others[0][0], start) if len(others) == 1 else None
        if branch is None:
            continue
        kept = Interval.of(0.0)
        for name, c in terms:
            kept = kept + c if name == start else kept
        step = branch.scale * others[0][1]
        factor, constants = bound_gradient_step(branch, kept, step)
        if not math.isfinite(factor):
            return None
        nodes = (*branch.nodes, end)
        return Segment(
            start, end, nodes, factor, "gradient step", "D2.general_gradient_step", constants
        )
    return None


def bound_gradient_step(
    branch: Branch, kept: Interval, step: Interval
) -> tuple[float, dict[str, Any]]:
    """Bound ‖c₀I + s·MᵀDM‖ over all D in the slopes; also return the constants that were used.

    The eigenvalues of MᵀDM lie between a·σ² and L·σ'² with σ, σ' ∈ {σ_min, σ_max} as the signs
    demand, so that the norm is max|c₀ + sλ| over both ends; σ_min is asked for only where it can
    lower that maximum.
    """
    weights = step * branch.slopes
    largest, smallest = 1.0, 1.0
    if branch.map is not None:
        largest, smallest = branch.map.spectral_norm, 0.0
        low, high = _ends(kept, weights, smallest, largest)
        # σ_min moves the end next to 0, if 0 is no end itself: only where that one is the worse.
        rising, falling = float(weights.lower) > 0.0, float(weights.upper) < 0.0
        helps = (rising and low > high) or (falling and high > low)
        if helps and _affords_smallest(branch.map):
            smallest = branch.map.map.singular_values(smallest=True).smallest
    factor = max(_ends(kept, weights, smallest, largest))
    constants = {
        "slopes": _pair(branch.slopes),
        "kept": _pair(kept),
        "step": _pair(step),
        "largest": largest,
        "smallest": smallest,
    }
    return factor, constants


def _ends(
    kept: Interval, weights: Interval, smallest: float, largest: float
) -> tuple[float, float]:
    """|c₀ + λ| from above at both ends of the eigenvalues λ of MᵀDM, D in ``weights``."""
    squares = Interval.of(smallest) ** 2, Interval.of(largest) ** 2
    low = Interval.of(weights.lower) * squares[float(weights.lower) < 0.0]
    high = Interval.of(weights.upper) * squares[float(weights.upper) > 0.0]
    ends = (float(upper((kept + end).absolute())) for end in (low, high))
    at_low, at_high = (math.inf if math.isnan(end) else end for end in ends)
    return at_low, at_high


def _affords_smallest(operation: Linear) -> bool:
    if operation.map.rows < operation.map.columns:
        return False
    kind = operation.node.operation
    if operation.node.attributes.get("mode") == "circular":
        kind = "circular"
    return operation.map.columns <= _LARGEST_FOR_SMALLEST.get(kind, _LARGEST_FOR_SMALLEST["other"])


def _pair(interval: Interval) -> list[float]:
    return [float(interval.lower), float(interval.upper)]


def _read_branch(operations: Mapping[str, Operation], end: str, start: str) -> Branch | None:
    """Read the branch from ``start`` to ``end``; None if it is no MᵀD(Mu) times a constant."""
    path: list[Operation] = []
    name = end
    while name != start:
        path.append(operations[name])
        if len(path[-1].node.inputs) != 1:
            return None
        [name] = path[-1].node.inputs
    path.reverse()
    maps = [index for index, operation in enumerate(path) if _is_map(operation)]
    if len(maps) not in (0, 2):
        return None
    first, last = maps or (-1, len(path))
    if maps and not are_adjoint(path[first], path[last]):
        return None
    slopes, scale = _ONE, _ONE
    for index, operation in enumerate(path):
        if index in maps:
            continue
        inside = first < index < last
        factor = _entries(operation) if inside else constant_factor(operation)
        if factor is None:
            return None
        if isinstance(operation, Activation | Entrywise) and inside:
            slopes = slopes * factor
        else:
            scale = scale * factor
    nodes = tuple(operation.node.name for operation in path)
    inner = path[first] if maps else None
    return Branch(nodes, inner if isinstance(inner, Linear) else None, slopes, scale)


def _is_map(operation: Operation) -> bool:
    return operation.node.operation in ("dense", "convolution", "transposed_convolution")


def _entries(operation: Operation) -> Interval | None:
    """What multiplies differences of single entries, enclosed; None if they do not stay alone."""
    if isinstance(operation, Activation):
        low, high = operation.slopes
        return Interval(np.asarray(low), np.asarray(high))
    if isinstance(operation, Entrywise):
        ends = operation.map.enclosure
        return Interval(np.asarray(np.min(ends.lower)), np.asarray(np.max(ends.upper)))
    return constant_factor(operation)


def constant_factor(operation: Operation) -> Interval | None:
    """Return the one number that multiplies all differences, enclosed; None if there is none."""
    if isinstance(operation, Reshape):
        return _ONE
    if isinstance(operation, Sum) and len(operation.coefficients) == 1:
        return Interval.of(operation.coefficients[0])
    if not isinstance(operation, Diagonal):
        return None
    # Equal ends of enclosures prove nothing: the numbers themselves must be equal.
    scale, divisor = operation.scale.ravel(), operation.divisor.ravel()
    if np.any(scale != scale[0]) or np.any(divisor != divisor[0]):
        return None
    return Interval.of(scale[0]) / Interval.of(divisor[0])
