"""Residual layers c₀u + s·CΣ(Bu + c) that are no gradients, bounded around their middle slope."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from ..interval import Interval, upper
from ..spectral.composition import compose, middle_and_radius
from ..spectral.convolution import Convolution
from ..spectral.dense import Dense
from ..spectral.linear_map import LinearMap
from ..spectral.perturbed import Perturbed
from ..spectral.rounding import above, norm_above
from .backwards import Backwards
from .entrywise import exact_factor, read_entrywise
from .gradient_steps import pair
from .gradients import MAPS, Gradient, relative_slopes, scaled_rows
from .operations.linear import Linear
from .operations.sum import Sum
from .segments import Segment
from .stages import read_stages

RULE, CLAIM = "expansive step", "D2.general_expansive_step"


@dataclass(frozen=True)
class Layer:
    """``argument`` ↦ C∘D∘B + const, D diagonal, its entries in ``slopes``; C None: the identity."""

    argument: str
    nodes: tuple[str, ...]
    inner: Linear
    outer: Linear | None
    slopes: Interval


def expansive_steps(graph: Backwards, gradient: Callable[[str], Gradient | None]) -> list[Segment]:
    """Return the sums v = c₀u + s·CΣ(Bu + c) where c₀I + CB is a map of a known kind.

    Dense B and C, or convolutions B without C. ``gradient`` knows the gradients by their last node:
    they have a better bound. Claim D2.general_expansive_step.
    """

    @cache
    def read(name: str) -> Layer | None:
        return None if gradient(name) is not None else read_layer(graph, name)

    found = (expansive_step(graph, name, read) for name in graph.operations)
    return [segment for segment in found if segment is not None]


def expansive_step(
    graph: Backwards, end: str, read: Callable[[str], Layer | None]
) -> Segment | None:
    """Return the step that ends at a sum, or None."""
    stages = read_stages(graph, end, read) if isinstance(graph.operations[end], Sum) else None
    if stages is None or len(stages.branches) != 1:
        return None
    [layer], [argument] = stages.branches, stages.arguments
    kept, step = Interval.of(stages.result[0]), Interval.of(stages.result[1] * argument[0])
    bound = bound_expansive_step(layer, kept, step)
    if bound is None or not math.isfinite(bound[0]):
        return None
    return Segment(stages.start, end, stages.nodes, bound[0], RULE, CLAIM, bound[1])


def read_layer(graph: Backwards, end: str) -> Layer | None:
    """Read CΣ(Bu + c) or Σ(Bu + c) at its last node; None if it is no such."""
    operation = graph.operations[end]
    outer = operation if isinstance(operation, Linear) and _is_dense(operation) else None
    middle = end if outer is None else outer.node.inputs[0]
    # What multiplies all entries alike belongs to the sum, so that the layer is read but once.
    if outer is None and (isinstance(operation, Sum) or exact_factor(operation) is not None):
        return None
    between = read_entrywise(graph, middle, furthest=True)
    inner = None if between is None else graph.operations[between.way.start]
    if between is None or not isinstance(inner, Linear) or inner.node.operation not in MAPS:
        return None
    [argument] = inner.node.inputs
    nodes = (inner.node.name, *between.way.nodes, *(() if outer is None else (end,)))
    return Layer(argument, nodes, inner, outer, between.slopes)


def _is_dense(operation: Linear) -> bool:
    return operation.node.operation == "dense"


def bound_expansive_step(
    layer: Layer, kept: Interval, step: Interval
) -> tuple[float, dict[str, Any]] | None:
    """Bound ‖c₀I + s·CDB‖ ≤ ‖c₀I + sm·CEB‖ + |s|ρ‖C‖‖EB‖, D = E·D′, |D′ − m| ≤ ρ.

    None where c₀I + sm·CEB is no map of a known kind.
    """
    low, high = layer.slopes.lower, layer.slopes.upper
    sizes = np.maximum(np.abs(low), np.abs(high))
    if np.all(sizes == sizes.ravel()[0]):
        inner: LinearMap | None = layer.inner.map
        slopes = Interval(np.asarray(np.min(low)), np.asarray(np.max(high)))
    else:
        inner = scaled_rows(layer.inner.map, sizes, root=False)
        slopes = relative_slopes(layer.slopes, sizes)
    if inner is None:
        return None
    whole = inner if layer.outer is None else compose(layer.outer.map, inner)
    middle = float(slopes.lower + slopes.upper) / 2.0
    centre = None if whole is None else shifted_identity(whole, kept, step * middle)
    if centre is None:
        return None
    radius = float(upper((slopes - middle).absolute()))
    around = above(inner.singular_values().largest * radius * float(upper(step.absolute())), 2)
    if layer.outer is not None:
        around = above(around * layer.outer.spectral_norm)
    centred = centre.singular_values().largest
    constants = {
        "slopes": pair(slopes),
        "kept": pair(kept),
        "step": pair(step),
        "centred": centred,
        "around": around,
    }
    return above(centred + around), constants


def shifted_identity(map_: LinearMap, kept: Interval, step: Interval) -> LinearMap | None:
    """Return c₀I + s·M as one map, rounding accounted for; None where it is none of a known kind.

    A dense M, or a convolution with a tap that reads the pixel at its own place.
    """
    if map_.input_shape != map_.output_shape:
        return None
    stored, inherited = map_, 0.0
    if isinstance(map_, Perturbed):
        stored, inherited = map_.stored, map_.norm_error
    inherited = above(inherited * float(upper(step.absolute())))
    if isinstance(stored, Dense):
        entries = _with_identity(stored.weight, kept, step, np.diag_indices(len(stored.weight)))
        middle, radius = middle_and_radius(entries)
        own = stored.norm_error * float(upper(step.absolute()))
        error = above(own + inherited + norm_above(radius), 4)
        finite = np.all(np.isfinite(middle)) and math.isfinite(error)
        return Dense(middle, stored.input_shape, error) if finite else None
    place = _own_place(stored) if isinstance(stored, Convolution) else None
    if place is None or not isinstance(stored, Convolution):
        return None
    channels = np.arange(len(stored.weight))
    seen = channels % stored.weight.shape[1]  # its own channel, in the group of each output
    entries = _with_identity(stored.weight, kept, step, (channels, seen, *place))
    middle, radius = middle_and_radius(entries)
    if not (np.all(np.isfinite(middle)) and np.all(np.isfinite(radius))):
        return None
    error = stored.with_weight(radius).bound_absolute_norm()
    return Perturbed(stored.with_weight(middle), above(error + inherited))


def _with_identity(
    weight: np.ndarray, kept: Interval, step: Interval, places: tuple[Any, ...]
) -> Interval:
    """The entries of s·M with c₀ added at the places of the identity."""
    entries = Interval.of(weight) * step
    low, high = entries.lower.copy(), entries.upper.copy()
    own = Interval(low[places], high[places]) + kept
    low[places], high[places] = own.lower, own.upper
    return Interval(low, high)


def _own_place(convolution: Convolution) -> tuple[int, ...] | None:
    """The tap of each axis that reads pixel p for row p, if there is one."""
    places = []
    for axis in convolution.axes:
        if axis.stride != 1 or axis.low % axis.dilation or axis.low // axis.dilation >= axis.taps:
            return None
        places.append(axis.low // axis.dilation)
    return tuple(places)
