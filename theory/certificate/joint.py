"""What several nodes can do together: halves of one value move no further than the whole.

If Δ is the change of a common ancestor, each node changes by |Δᵢ|² ≤ gᵢ²·Σⱼ wᵢⱼΔⱼ², where wᵢⱼ
counts how often it copies entry j and gᵢ is the constant of what else is done on the way. All of
them together: at most maxⱼ Σᵢ gᵢ²wᵢⱼ times |Δ|². Disjoint slices have Σᵢ wᵢⱼ ≤ 1: nothing is lost.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...numerics.validation import FloatArray
from ..spectral.axes import Axes
from ..spectral.rearrangement import Rearrangement
from ..spectral.rounding import above
from .operations import Inputs, Operation
from .operations.linear import Linear, scaled

Range = tuple[float, float]


def bound_joint(
    operations: Mapping[str, Operation],
    constants: Mapping[str, float],
    ranges: Mapping[str, Range],
    names: Sequence[str],
) -> float:
    """Bound the Lipschitz constant of the nodes ``names``, stacked; a name may come twice.

    ``constants`` and ``ranges`` are those of these nodes and all before them. The maximum and the
    minimum of the same two values are their sorting, which is 1-Lipschitz: jointly they move no
    further than the two. Guaranteed, rounded outward. Source: flowcert [D].
    """
    if len(names) == 1:
        return constants[names[0]]
    known = _Known(operations, constants, ranges)
    best = _grouped(known, names)
    unsorted = _before_sorting(operations, names)
    return best if unsorted is None else min(best, _grouped(known, unsorted))


@dataclass(frozen=True)
class _Known:
    operations: Mapping[str, Operation]
    constants: Mapping[str, float]
    ranges: Mapping[str, Range]


@dataclass(frozen=True)
class _Reach:
    """|Δ|² ≤ ``gain``²·Σⱼ ``copies``ⱼ·Δⱼ² for the change Δⱼ of the entries of ``ancestor``."""

    ancestor: str
    gain: float
    copies: FloatArray


def _reaches(known: _Known, name: str) -> Iterator[_Reach]:
    """Every ancestor through operations of one input, the node itself first."""
    reach = _Reach(name, 1.0, np.ones(known.operations[name].node.shape))
    yield reach
    while len(inputs := known.operations[reach.ancestor].node.inputs) == 1:
        reach = _one_back(known, reach, inputs[0])
        yield reach


def _one_back(known: _Known, reach: _Reach, parent: str) -> _Reach:
    operation = known.operations[reach.ancestor]
    if isinstance(operation, Linear):
        moves = operation.map
        if isinstance(moves, Rearrangement) or (isinstance(moves, Axes) and moves.selects):
            # The adjoint of a selection adds up whole numbers: exact.
            return _Reach(parent, reach.gain, moves.adjoint(reach.copies))
    step = operation.bound(Inputs((1.0,), 1.0, (known.ranges[parent],))).upper
    most = float(np.max(reach.copies))
    gain = reach.gain if step == most == 1.0 else above(reach.gain * step * math.sqrt(most), 3)
    return _Reach(parent, gain, np.ones(known.operations[parent].node.shape))


def _grouped(known: _Known, names: Sequence[str]) -> float:
    """Those that go back to the same node are bounded together, the groups in quadrature."""
    groups: dict[str, list[dict[str, _Reach]]] = {}
    for name in names:
        reaches = {reach.ancestor: reach for reach in _reaches(known, name)}
        groups.setdefault(next(reversed(reaches)), []).append(reaches)
    bounds = [_together(known, members) for members in groups.values()]
    return bounds[0] if len(bounds) == 1 else above(math.hypot(*bounds), 4 * len(bounds))


def _together(known: _Known, members: list[dict[str, _Reach]]) -> float:
    separate = [known.constants[next(iter(reaches))] for reaches in members]
    if len(members) == 1:
        return separate[0]
    bounds = [above(math.hypot(*separate), 4 * len(separate))]
    for ancestor in members[0]:
        if all(ancestor in reaches for reaches in members):
            factor = _stacked([reaches[ancestor] for reaches in members])
            bounds.append(scaled(factor, known.constants[ancestor]))
    return min(bounds)


def _stacked(reaches: Sequence[_Reach]) -> float:
    """√maxⱼ Σᵢ gᵢ²wᵢⱼ, exact where all gains are 1 and no entry is copied twice."""
    reaches = [reach for reach in reaches if np.any(reach.copies)]
    if not reaches:
        return 0.0
    if all(reach.gain == 1.0 for reach in reaches):
        most = float(np.max(sum(reach.copies for reach in reaches)))
        return 1.0 if most == 1.0 else above(math.sqrt(most))
    largest = max(reach.gain for reach in reaches)
    if not 0.0 < largest < math.inf:
        return largest
    # Relative to the largest gain: no square overflows, and what is lost is far below the sum ≥ 1.
    squares = sum((reach.gain / largest) ** 2 * reach.copies for reach in reaches)
    return above(largest * math.sqrt(float(np.max(squares))), 2 * len(reaches) + 8)


def _before_sorting(operations: Mapping[str, Operation], names: Sequence[str]) -> list[str] | None:
    """The names with each pair max(a, b), min(a, b) replaced by a, b; None if there is no pair.

    Moved entries count as well as those in their places: rearrangements are isometries.
    """
    names = [_unmoved(operations, name) for name in names]
    left, found = list(names), False
    for name in names:
        partner = _partner(operations, name, left) if name in left else None
        if partner is not None:
            left.remove(name)
            left.remove(partner)
            left.extend(operations[name].node.inputs)
            found = True
    return left if found else None


def _unmoved(operations: Mapping[str, Operation], name: str) -> str:
    operation = operations[name]
    while isinstance(operation, Linear) and isinstance(operation.map, Rearrangement):
        [name] = operation.node.inputs
        operation = operations[name]
    return name


def _partner(operations: Mapping[str, Operation], name: str, names: Sequence[str]) -> str | None:
    node = operations[name].node
    if node.operation != "extremum":
        return None
    for name_of_other in names:
        other = operations[name_of_other].node
        same = sorted(other.inputs) == sorted(node.inputs)
        kinds = {other.attributes.get("kind"), node.attributes.get("kind")}
        opposite = other.operation == "extremum" and kinds == {"maximum", "minimum"}
        if same and opposite:
            return name_of_other
    return None
