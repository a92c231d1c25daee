"""Gradients y ↦ MᵀΣ(My + b), recognised where they provably are that, and their slopes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...numerics.validation import FloatArray
from ..interval import Interval
from ..spectral.composition import compose
from ..spectral.diagonal import Diagonal
from ..spectral.linear_map import LinearMap
from .adjoint import are_adjoint
from .backwards import Backwards
from .entrywise import EntrywiseMap, read_entrywise
from .operations.linear import Linear

_LARGEST_FOR_SMALLEST = {"dense": 2048, "circular": 1 << 20, "other": 1024}  # columns
MAPS = ("dense", "convolution", "transposed_convolution")


@dataclass(frozen=True)
class Form:
    """MᵀDM with D diagonal, its entries in the one interval ``slopes``."""

    map: LinearMap
    slopes: Interval
    affords_smallest: bool
    known: float | None = None  # ‖M‖, if the operation has it already

    @cached_property
    def largest(self) -> float:
        """‖M‖ from above."""
        return self.map.singular_values().largest if self.known is None else self.known

    @cached_property
    def smallest(self) -> float:
        """σ_min(M) from below, 0 where it is too dear."""
        values = self.map.singular_values(smallest=True) if self.affords_smallest else None
        return 0.0 if values is None else values.smallest

    def eigenvalues(self, *, smallest: bool = False) -> Interval:
        """Enclose the eigenvalues of MᵀDM: those of aMᵀM and LMᵀM are below and above them."""
        squares = (
            Interval.of(self.smallest if smallest else 0.0) ** 2,
            (Interval.of(self.largest) ** 2),
        )
        a, L = self.slopes.lower, self.slopes.upper
        low = Interval.of(a) * squares[float(a) < 0.0]
        high = Interval.of(L) * squares[float(L) > 0.0]
        return Interval(low.lower, high.upper)


@dataclass(frozen=True)
class Gradient:
    """``argument`` ↦ MᵀD(My) + const, M of ``operation``, D diagonal, its entries in ``slopes``."""

    argument: str
    nodes: tuple[str, ...]
    operation: Linear
    slopes: Interval

    @cached_property
    def forms(self) -> tuple[Form, ...]:
        """The gradient with one interval for all entries, and with M scaled where that is known.

        D = √E·D′·√E with E ≥ 0 diagonal, so that MᵀDM = (√E·M)ᵀD′(√E·M): E are the largest sizes
        of the slopes, entry by entry, and D′ what is left, between −1 and 1.
        """
        low, high = self.slopes.lower, self.slopes.upper
        hull = Interval(np.asarray(np.min(low)), np.asarray(np.max(high)))
        affords = _affords_smallest(self.operation)
        plain = Form(self.operation.map, hull, affords, self.operation.spectral_norm)
        sizes = np.maximum(np.abs(low), np.abs(high))
        if np.all(sizes == sizes.ravel()[0]):
            return (plain,)
        scaled = scaled_rows(self.operation.map, sizes)
        if scaled is None:
            return (plain,)
        return (Form(scaled, relative_slopes(self.slopes, sizes), affords), plain)


def scaled_rows(map_: LinearMap, sizes: FloatArray, *, root: bool = True) -> LinearMap | None:
    """Return √E·M (or E·M) for E = diag(``sizes``) ≥ 0, rounding accounted for; None if unknown."""
    factors = Interval.of(_constant_axes_made_one(sizes))
    scaling = Diagonal(factors.square_root() if root else factors, map_.output_shape)
    return compose(scaling, map_)


def relative_slopes(slopes: Interval, sizes: FloatArray) -> Interval:
    """Enclose d/E over all entries with E > 0: where E = 0 the slope is 0, whatever is put there.

    >>> halves = Interval.of(np.array([1.0, 2.0]))
    >>> relative_slopes(halves, np.array([2.0, 4.0])).upper.item()
    0.5
    """
    some = sizes > 0.0
    quotients = slopes / Interval.of(np.where(some, sizes, 1.0))
    low, high = np.min(quotients.lower[some]), np.max(quotients.upper[some])
    return Interval(np.asarray(low), np.asarray(high))


def read_gradient(graph: Backwards, end: str) -> Gradient | None:
    """Read the gradient that ends at a linear operation; None if it provably is none.

    Before it stands what acts on each entry alone, and before that the adjoint of it, bit by bit.
    """
    outer = graph.operations[end]
    if outer.node.operation not in MAPS or not isinstance(outer, Linear):
        return None
    [middle] = outer.node.inputs
    between = _between(graph, middle)
    inner = graph.operations[middle if between is None else between.way.start]
    if inner.node.operation not in MAPS or not are_adjoint(inner, outer):
        return None
    assert isinstance(inner, Linear)
    [argument] = inner.node.inputs
    nodes = () if between is None else between.way.nodes
    slopes = Interval.of(1.0) if between is None else between.slopes
    return Gradient(argument, (inner.node.name, *nodes, end), inner, slopes)


def _between(graph: Backwards, middle: str) -> EntrywiseMap | None:
    if graph.operations[middle].node.operation in MAPS:
        return None
    return read_entrywise(graph, middle, furthest=True)


def _constant_axes_made_one(sizes: FloatArray) -> FloatArray:
    """The same numbers, with length 1 along each axis along which they do not change."""
    for axis in range(sizes.ndim):
        first = np.take(sizes, [0], axis=axis)
        if np.array_equal(sizes, np.broadcast_to(first, sizes.shape)):
            sizes = first
    return sizes


def _affords_smallest(operation: Linear) -> bool:
    if operation.map.rows < operation.map.columns:
        return False
    kind = operation.node.operation
    if operation.node.attributes.get("mode") == "circular":
        kind = "circular"
    return operation.map.columns <= _LARGEST_FOR_SMALLEST.get(kind, _LARGEST_FOR_SMALLEST["other"])
