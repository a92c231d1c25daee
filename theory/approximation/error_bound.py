"""The proved error of a construction, step by step, and its parts."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from ..cells import OUTWARD
from .analysis import MARGINS, FieldAnalysis
from .local_errors import (
    growth,
    holomorphic_error,
    lie_trotter_error,
    mean_growth,
    strang_error,
)
from .pieces import FieldPiece
from .schemes import Scheme


@dataclass(frozen=True)
class ErrorBound:
    """Upper bounds of the parts of the error over the ball; ``total`` is their sum.

    ``subdivision`` is what cutting a flow into short ones costs: nothing, φ^T = (φ^h)^N.
    ``splitting`` is due to the pieces' flows that take turns, ``field`` to networks in their place,
    ``integration`` to layers in place of the networks' flows. ``reason`` says why a bound is
    infinite. ``end_radius`` bounds |x| at the end of the flow, ``stage_radius`` that of every stage
    and ``expanding_radius`` that of the last flow's expansive pieces. Source: flowcert [D].

    >>> ErrorBound(splitting=0.5, field=0.25).total >= 0.75
    True
    """

    subdivision: float = 0.0
    splitting: float = 0.0
    field: float = 0.0
    integration: float = 0.0
    end_radius: float = 0.0
    layers_radius: float = 0.0
    stage_radius: float = 0.0
    expanding_radius: float = 0.0
    reason: str = ""

    @property
    def total(self) -> float:
        parts = self.subdivision + self.splitting + self.field + self.integration
        return parts * OUTWARD

    def unbounded(self, reason: str) -> ErrorBound:
        return replace(self, splitting=math.inf, reason=reason)


class Replacement(Protocol):
    """What is proved of the networks that replace the pieces, on |x| ≤ ``radius``; ∞ beyond.

    >>> Replacement.__name__
    'Replacement'
    """

    @property
    def radius(self) -> float: ...

    def field_error(self, index: int, radius: float) -> float:
        """Bound |f_i − its network| over |x| ≤ radius."""
        ...

    def integration_error(self, index: int, time: float, radius: float) -> float:
        """Bound what the layer of this piece errs by against its network's flow."""
        ...


def bound_error(
    analysis: FieldAnalysis,
    scheme: Scheme,
    time: float,
    steps: int,
    start: ErrorBound,
    replacement: Replacement | None = None,
) -> ErrorBound:
    """Bound |Ψ^N(x) − φ^T(x)| from errors and radii at the start of this flow.

    Each step carries the error on by e^{νh} and adds its local errors: of the splitting
    (``local_errors``), and, stage by stage, of the networks by Grönwall and of the layers. ν and
    all else are suprema over the ball that holds the step. Guaranteed: an upper bound, rounded
    outward; ∞ where a stage may leave the ball that was looked at. Source: flowcert [D], claims
    B5.lie_trotter_error, B5.strang_error, B5.gronwall_field_error.

    >>> import sympy
    >>> from flowcert.theory.approximation.schemes import scheme_of
    >>> from flowcert.theory.symbolic import symbolic_field
    >>> x, y = sympy.symbols("x y", real=True)
    >>> f = FieldAnalysis.of(symbolic_field([-x + 2 * y, -y / 2], [x, y]), 2.0)
    >>> start = ErrorBound(end_radius=1.0, layers_radius=1.0)
    >>> 0.001 < bound_error(f, scheme_of("Strang"), 1.0, 16, start).total < 0.01
    True
    """
    h = time / steps * OUTWARD
    bound = start
    for _ in range(steps):
        bound = _one_step(analysis, scheme, h, bound, replacement)
        if not bound.total < math.inf:
            return bound
    return bound


def _one_step(
    analysis: FieldAnalysis,
    scheme: Scheme,
    h: float,
    bound: ErrorBound,
    replacement: Replacement | None,
) -> ErrorBound:
    if not bound.total < math.inf:
        return bound  # of an earlier flow, with its reason
    begin = min(bound.layers_radius, (bound.end_radius + bound.total) * OUTWARD)
    ball, expanding, layers_end = _stages_ball(analysis, scheme, h, begin, replacement)
    flow_end = analysis.growth.after(bound.end_radius, h)
    ball = max(ball, flow_end)
    if not ball <= analysis.cells.radius:
        if replacement is not None and scheme.runs_backward:
            return bound.unbounded(f"no radius is known of {scheme.name}'s backward network stages")
        return bound.unbounded(
            f"a stage of step size {h:.3g} from |x| ≤ {begin:.3g} may blow up, or leave the ball"
            f" of radius {analysis.cells.radius:.3g} that was looked at"
        )
    nu = analysis.one_sided(tuple(range(len(analysis.pieces))))(ball)
    with np.errstate(over="ignore"):
        # h was rounded up: for a contraction that is the wrong side.
        carried = float(np.exp(nu * (h if nu > 0 else h / OUTWARD**2)) * OUTWARD)
    local = _splitting_error(analysis, scheme, h, ball)
    field, integration = _network_errors(analysis, scheme, h, ball, replacement)
    return replace(
        bound,
        splitting=_carry(carried, bound.splitting, local),
        field=_carry(carried, bound.field, field),
        integration=_carry(carried, bound.integration, integration),
        end_radius=flow_end,
        layers_radius=layers_end,
        stage_radius=max(bound.stage_radius, ball),
        expanding_radius=max(bound.expanding_radius, expanding),
        reason=_reason(h, local, field, integration),
    )


def _carry(factor: float, before: float, own: float) -> float:
    # Of no error nothing is carried on, whatever the factor: ∞·0 is 0 here.
    return ((factor * before if before > 0 else 0.0) + own) * OUTWARD


def _reason(h: float, splitting: float, field: float, integration: float) -> str:
    if not splitting < math.inf:
        return f"the step {h:.3g} is too long for the bound"
    if not field < math.inf:
        return "stages may leave the ball on which the networks were fitted"
    if not integration < math.inf:
        return f"the layers' substeps are too long in a step {h:.3g}"
    return ""


def _stages_ball(
    analysis: FieldAnalysis,
    scheme: Scheme,
    h: float,
    radius: float,
    replacement: Replacement | None,
) -> tuple[float, float, float]:
    """Radii: of a ball for all stages and flows of sums, of what expands, and of the end."""
    stages = scheme.stages(len(analysis.pieces))
    if scheme.runs_backward:
        # The growth of backward flows is not looked at: nothing is known of such stages, and the
        # layers' radius comes from the error. (The holomorphic bound asks for the start only.)
        # Nor is it known where they go, and whether pieces are expansive there.
        highest = math.inf if replacement is not None else analysis.growth.after(radius, h)
        expands = any(piece.kind == "expansive" for piece in analysis.pieces)
        return highest, math.inf if expands else 0.0, math.inf
    expanding, highest, r = 0.0, radius, radius
    for i, weight in stages:
        extra = 0.0 if replacement is None else replacement.field_error(i, replacement.radius)
        r = radius_after(analysis, analysis.pieces[i], r, weight * h, extra)
        if replacement is not None and not analysis.pieces[i].keeps_radius:
            r = _with_integration(replacement, i, weight * h, r)
        highest = max(highest, r)
        if analysis.pieces[i].kind == "expansive":
            expanding = max(expanding, r)
    # Flows of sums, against which inner splittings are compared, grow by f and the largest shift.
    shift = max(piece.shift for piece in analysis.pieces)
    highest = max(highest, analysis.growth.after(radius, h, shift=shift))
    return highest, expanding, r


def _with_integration(replacement: Replacement, index: int, time: float, r: float) -> float:
    """The layer's radius, where its network's flow stays within r.

    As long as the layer's substeps stay within r + 2e they err by at most e' ≤ 2e: so they stay.
    """
    e = replacement.integration_error(index, time, r)
    wider = replacement.integration_error(index, time, (r + 2 * e) * OUTWARD)
    return (r + wider) * OUTWARD if wider <= 2 * e < math.inf else math.inf


def radius_after(
    analysis: FieldAnalysis, piece: FieldPiece, radius: float, time: float, extra: float = 0.0
) -> float:
    """Bound |x| after a piece's flow (or its network's, off by ``extra``) for this time.

    >>> callable(radius_after)
    True
    """
    if piece.kind == "contractive":
        return float(radius * np.exp(piece.shift * time / OUTWARD) * OUTWARD)
    if piece.keeps_radius:
        return radius
    return analysis.growth.after(radius, time, shift=piece.shift, extra=extra)


def _splitting_error(analysis: FieldAnalysis, scheme: Scheme, h: float, ball: float) -> float:
    if scheme.order == 1:
        return _lie_trotter(analysis, h, ball)
    if scheme.order == 2:
        return _strang(analysis, h, ball)
    return _holomorphic(analysis, scheme, h, ball)


def _lie_trotter(analysis: FieldAnalysis, h: float, ball: float) -> float:
    count = len(analysis.pieces)
    nus = [analysis.one_sided((i,))(ball) for i in range(count)]
    brackets = [analysis.commutator(((j,), tuple(range(j))))(ball) for j in range(1, count)]
    return lie_trotter_error(h, analysis.one_sided(tuple(range(count)))(ball), nus, brackets)


def _strang(analysis: FieldAnalysis, h: float, ball: float) -> float:
    """The pieces from the inside out: each is split off the sum of those that follow."""
    error = 0.0
    count = len(analysis.pieces)
    for i in range(count - 2, -1, -1):
        one, rest = (i,), tuple(range(i + 1, count))
        outer = analysis.one_sided(one)(ball)
        error = growth(outer, h / 2) * error + strang_error(
            h,
            analysis.one_sided((i, *rest))(ball),
            outer,
            analysis.one_sided(rest)(ball),
            analysis.commutator((one, one, rest))(ball),
            analysis.commutator((rest, one, rest))(ball),
        )
    return error * OUTWARD


def _holomorphic(analysis: FieldAnalysis, scheme: Scheme, h: float, ball: float) -> float:
    stages = scheme.stages(len(analysis.pieces))
    best = math.inf
    for margin, share in enumerate(MARGINS):
        path = sum(abs(w) * analysis.complex_speed(i, margin)(ball) for i, w in stages) * OUTWARD
        speed = analysis.complex_speed(None, margin)(ball)
        width = share * analysis.cells.radius
        best = min(best, holomorphic_error(h, scheme.order, path, speed, width))
    return best


def _network_errors(
    analysis: FieldAnalysis,
    scheme: Scheme,
    h: float,
    ball: float,
    replacement: Replacement | None,
) -> tuple[float, float]:
    """Within a step every stage carries on the errors of those before and adds its own."""
    if replacement is None:
        return 0.0, 0.0
    field = integration = 0.0
    for i, weight in scheme.stages(len(analysis.pieces)):
        time = abs(weight) * h
        # Backward flows may stretch where forward ones contract: the two-sided constant serves.
        nu = analysis.one_sided((i,))(ball) if weight > 0 else analysis.lipschitz(i)(ball)
        own = replacement.field_error(i, ball) * time * mean_growth(nu, time)
        field = (growth(nu, time) * field + own) * OUTWARD
        layer = replacement.integration_error(i, time, ball)
        integration = (growth(nu, time) * integration + layer) * OUTWARD
    return field, integration
