"""What a search for multipliers could gain at most: where that is nothing, none is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..spectral.chain_layers import ChainLayer, chain_widths
from ..spectral.dense import estimate_eigenpair
from ..spectral.threads import one_thread
from .operations import Inputs, Operation
from .segments import Segment

_WHOLE_LINE = (float("-inf"), float("inf"))
_WORTH = 1.0 - 1e-6


def can_gain(
    layers: Sequence[ChainLayer],
    operations: Mapping[str, Operation],
    start: str,
    nodes: Sequence[str],
    others: Sequence[Segment],
) -> bool:
    """Whether the Riccati recursion can give less than what is known of the chain without it.

    It holds for every slope in its intervals, and so is at least the norm of the chain with all
    slopes low, or all high. For steps with a slope 0, x is one of these chains: no recursion shows
    that they contract. An estimate: it decides about a search only, never about a bound.
    """
    known = _known(operations, start, nodes, others)
    with one_thread():
        return not any(_norm(layers, end) >= _WORTH * known for end in (0, 1))


def _known(
    operations: Mapping[str, Operation],
    start: str,
    nodes: Sequence[str],
    others: Sequence[Segment],
) -> float:
    """The bound of the last node by the rules of operations and the other segments."""
    bounds = {start: 1.0}
    for name in nodes:
        operation = operations[name]
        given = [bounds[other] for other in operation.node.inputs]
        found = [operation.bound(Inputs.separate(given, [_WHOLE_LINE] * len(given))).upper]
        found += [
            segment.factor * bounds[segment.start]
            for segment in others
            if segment.end == name and segment.start in bounds
        ]
        bounds[name] = min(found)
    return bounds[nodes[-1]]


def _norm(layers: Sequence[ChainLayer], end: int) -> float:
    """The norm of the chain with all slopes at one end of their intervals, estimated."""
    whole = np.eye(chain_widths(layers)[0])
    with np.errstate(all="ignore"):
        for layer in layers:
            moved = whole
            for matrix in (layer.A, layer.C):
                moved = moved if matrix is None else matrix @ moved
            whole = layer.slopes[end] * moved + (layer.skip * whole if layer.skip else 0.0)
        gram = whole @ whole.T if len(whole) < whole.shape[1] else whole.T @ whole
    if not np.all(np.isfinite(gram)):
        return 0.0
    largest, _ = estimate_eigenpair(gram, len(gram) - 1)
    return float(np.sqrt(max(largest, 0.0)))
