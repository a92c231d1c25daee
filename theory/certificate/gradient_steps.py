"""Residual gradient steps, recognised where they provably are that: v = c₀u + s·MᵀΣ(Mu + b)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..interval import Interval, upper
from .backwards import Backwards
from .entrywise import read_entrywise
from .gradients import Form, Gradient
from .operations.sum import Sum
from .segments import Segment
from .stages import read_stages

CLAIM = "D2.general_gradient_step"


def gradient_steps(graph: Backwards, read: Callable[[str], Gradient | None]) -> list[Segment]:
    """Return the values v = c₀u + s·MᵀΣ(Mu + b), each from u to v; claim D2.general_gradient_step.

    ``read`` knows the gradients by their last node: two linear operations of which one is the
    adjoint of the other, bit by bit, with activations and scalings of the entries between them.
    Constant factors, biases and reshapings may stand anywhere; c₀ may be 0. Without M, these are
    sums of maps of one value that act on each entry alone.
    """
    found = (
        gradient_step(graph, name, read) or entrywise_sum(graph, name) for name in graph.operations
    )
    return [segment for segment in found if segment is not None]


def gradient_step(
    graph: Backwards, end: str, read: Callable[[str], Gradient | None]
) -> Segment | None:
    """Return the gradient step that ends at a sum or at the gradient itself, or None."""
    if read(end) is None and not isinstance(graph.operations[end], Sum):
        return None
    stages = read_stages(graph, end, read)
    if stages is None or len(stages.branches) != 1:
        return None
    [gradient], [argument] = stages.branches, stages.arguments
    kept, step = Interval.of(stages.result[0]), Interval.of(stages.result[1] * argument[0])
    bounds = [bound_gradient_step(form, kept, step) for form in gradient.forms]
    factor, constants = min(bounds, key=lambda bound: bound[0])
    if not math.isfinite(factor):
        return None
    return Segment(stages.start, end, stages.nodes, factor, "gradient step", CLAIM, constants)


def bound_gradient_step(form: Form, kept: Interval, step: Interval) -> tuple[float, dict[str, Any]]:
    """Bound ‖c₀I + s·MᵀDM‖ over all D in the slopes; also return the constants that were used.

    The eigenvalues of MᵀDM lie between a·σ² and L·σ'² with σ, σ' ∈ {σ_min, σ_max} as the signs
    demand, so that the norm is max|c₀ + sλ| over both ends; σ_min is asked for only where it can
    lower that maximum.
    """
    low, high = _ends(kept, step, form.eigenvalues())
    # σ_min moves the end next to 0, if 0 is no end itself: only where that one is the worse.
    rising, falling = float(form.slopes.lower) > 0.0, float(form.slopes.upper) < 0.0
    helps = (rising and low > high) or (falling and high > low)
    factor = max(_ends(kept, step, form.eigenvalues(smallest=helps)))
    constants = {
        "slopes": pair(form.slopes),
        "kept": pair(kept),
        "step": pair(step),
        "largest": form.largest,
        "smallest": form.smallest if helps else 0.0,
    }
    return factor, constants


def _ends(kept: Interval, step: Interval, eigenvalues: Interval) -> tuple[float, float]:
    """|c₀ + sλ| from above at both ends of the eigenvalues λ of MᵀDM."""
    ends = (
        float(upper((kept + step * end).absolute()))
        for end in (eigenvalues.lower, eigenvalues.upper)
    )
    at_low, at_high = (math.inf if math.isnan(end) else end for end in ends)
    return at_low, at_high


def entrywise_sum(graph: Backwards, end: str) -> Segment | None:
    """Return the sum of maps of one value that act on each entry alone: M is the identity."""
    operation = graph.operations[end]
    if not isinstance(operation, Sum) or len(operation.coefficients) < 2:
        return None
    found = read_entrywise(graph, end)
    if found is None:
        return None
    ends = np.min(found.slopes.lower), np.max(found.slopes.upper)
    hull = Interval(*map(np.asarray, ends))
    factor = float(upper(hull.absolute()))
    constants = {"slopes": pair(hull)}
    return Segment(
        found.way.start, end, found.way.nodes, factor, "entrywise slopes", CLAIM, constants
    )


def pair(interval: Interval) -> list[float]:
    """Return the ends of an interval as a certificate records them."""
    return [float(interval.lower), float(interval.upper)]
