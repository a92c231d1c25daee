"""One flow of a composition: its pieces, its layers, and its error from those before it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np

from ...numerics.validation import positive_integer
from ..cells import OUTWARD
from ..decomposition import SymbolicDecomposition
from ..symbolic import SymbolicField
from .analysis import FieldAnalysis, proved_presnov
from .error_bound import ErrorBound, bound_error
from .layers import Layer, flow_layer, network_layer
from .network_errors import NetworkErrors, NetworkLayers
from .pieces import FieldPiece, Result, split
from .ridge_networks import RidgeNetworks, fit_ridge_networks
from .schemes import Scheme

_BALLS = (1.3, 1.7, 2.3, 3.2, 4.5, 6.5)  # balls that are looked at, in radii of the start
_ROOMS = (1.1, 1.3, 1.7)  # of the networks' ball, in radii of the stages
_MOST_PROVED = 2
_MORE = 1.01  # of the curvature that is needed, since stages then go a little farther
_ATTEMPTS = 3  # at a μ for the ball of the stages that it leads to


@dataclass(frozen=True)
class NetworkRequest:
    """Networks of so many units in the place of U and S, integrated in so many substeps.

    >>> NetworkRequest(64).substeps
    1
    """

    width: int
    substeps: int = 1
    seed: int = 0


@dataclass(frozen=True, eq=False)
class ConstructedFlow:
    """The layers of one flow, the bound with this flow added, and the networks, if any.

    >>> ConstructedFlow([], ErrorBound()).networks
    []
    """

    layers: list[Layer]
    bound: ErrorBound
    networks: list[RidgeNetworks] = field(default_factory=list)


def construct_flow(
    f: SymbolicField,
    time: float,
    start: ErrorBound,
    result: Result,
    scheme: Scheme,
    steps: int,
    request: NetworkRequest | None,
) -> ConstructedFlow:
    """Return layers for φ_f^time, and the bound that carries on what ``start`` says.

    Larger and larger balls are looked at until one holds all stages.

    >>> callable(construct_flow)
    True
    """
    if f.dimension > _MOST_PROVED:
        return _without_proof(f, time, start, result, scheme, steps, request)
    for factor in _BALLS:
        analysis, bound = _split(f, factor * start.end_radius, time, start, result, scheme, steps)
        networks: list[RidgeNetworks] = []
        if request is not None and bound.total < math.inf:
            analysis, bound, networks = _with_networks(
                analysis, scheme, time, steps, start, bound, request
            )
        if bound.total < math.inf:
            break
    if request is not None and not networks:
        networks = [_fitted(f, analysis.cells.radius, request)]
    return ConstructedFlow(
        _layers(analysis.pieces, scheme, time, steps, networks, request), bound, networks
    )


def _with_networks(
    analysis: FieldAnalysis,
    scheme: Scheme,
    time: float,
    steps: int,
    start: ErrorBound,
    flows_bound: ErrorBound,
    request: NetworkRequest,
) -> tuple[FieldAnalysis, ErrorBound, list[RidgeNetworks]]:
    """Fit on balls with more and more room for what the networks themselves add to the stages."""
    f = analysis.decomposition.field
    for room in _ROOMS:
        radius = min(room * flows_bound.stage_radius, analysis.cells.radius)
        networks = _fitted(f, radius, request)
        errors = _network_errors(networks, f)
        found, bound = _expanding(analysis, errors, scheme, time, steps, start, request.substeps)
        if bound.total < math.inf or radius == analysis.cells.radius:
            break
    return found, bound, [networks]


def _expanding(
    analysis: FieldAnalysis,
    errors: NetworkErrors,
    scheme: Scheme,
    time: float,
    steps: int,
    start: ErrorBound,
    substeps: int,
) -> tuple[FieldAnalysis, ErrorBound]:
    """The bound with networks, with μ so large that U_θ + μ|x|²/2 is convex where stages go.

    λ_min(∇²U_θ) ≥ λ_min(∇²U) − ‖D(∇U − ∇U_θ)‖.
    """
    start = replace(start, expanding_radius=0.0)
    for _ in range(_ATTEMPTS):
        layers = NetworkLayers(analysis, errors, substeps)
        bound = bound_error(analysis, scheme, time, steps, start, layers)
        shifts = [piece.shift for piece in analysis.pieces if piece.kind == "expansive"]
        if not shifts or not bound.total < math.inf:
            return analysis, bound
        reach = bound.expanding_radius
        needed = (analysis.curvature()(reach) + errors.gradient[1](reach)) * OUTWARD
        if needed <= shifts[0]:
            return analysis, bound
        f, radius = analysis.decomposition.field, analysis.cells.radius
        analysis = _shifted(f, radius, _MORE * needed)
    return analysis, start.unbounded("U_θ + μ|x|²/2 is not proved convex as far as stages may go")


def _without_proof(
    f: SymbolicField,
    time: float,
    start: ErrorBound,
    result: Result,
    scheme: Scheme,
    steps: int,
    request: NetworkRequest | None,
) -> ConstructedFlow:
    """In three and more dimensions μ is an estimate from samples, and the bound is ∞."""
    parts = proved_presnov(f)
    reach = 2 * start.end_radius
    pieces = split(parts, result, _estimate_curvature(parts, reach) if result == "second" else 0.0)
    networks = [] if request is None else [_fitted(f, reach, request)]
    bound = start.unbounded("suprema over balls are proved for n ≤ 2 only")
    return ConstructedFlow(_layers(pieces, scheme, time, steps, networks, request), bound, networks)


def _split(
    f: SymbolicField,
    radius: float,
    time: float,
    start: ErrorBound,
    result: Result,
    scheme: Scheme,
    steps: int,
) -> tuple[FieldAnalysis, ErrorBound]:
    """The pieces and the bound of their flows; ∇U + μx must expand wherever its stages go.

    A larger μ lets the stages go farther: tried a few times, this need not settle.
    """
    analysis = _analysis_of(f, radius)
    if result == "first":
        return analysis, bound_error(analysis, scheme, time, steps, start)
    start = replace(start, expanding_radius=0.0)
    curvature = analysis.curvature()
    reach = min(1.1 * analysis.growth.after(start.end_radius, time), radius)
    tried = []
    for _ in range(_ATTEMPTS):
        mu = curvature(reach)
        shifted = _shifted(f, radius, mu)
        bound = bound_error(shifted, scheme, time, steps, start)
        tried.append((shifted, bound))
        if not bound.total < math.inf:
            break
        if curvature(bound.expanding_radius) <= mu:
            return shifted, bound
        reach = min(1.05 * bound.expanding_radius, radius)
    shifted, bound = tried[0]
    if not bound.total < math.inf:
        return shifted, bound
    return shifted, start.unbounded("∇U + μx is not proved to expand as far as its stages may go")


@lru_cache(maxsize=64)
def _shifted(f: SymbolicField, radius: float, mu: float) -> FieldAnalysis:
    analysis = _analysis_of(f, radius)
    return analysis.with_pieces(split(analysis.decomposition, "second", mu))


def _layers(
    pieces: tuple[FieldPiece, ...],
    scheme: Scheme,
    time: float,
    steps: int,
    networks: list[RidgeNetworks],
    request: NetworkRequest | None,
) -> list[Layer]:
    one: list[Layer] = []
    for i, weight in scheme.stages(len(pieces)):
        span = weight * time / steps
        if request is None:
            one.append(flow_layer(pieces[i], span))
        else:
            one.append(network_layer(pieces[i], span, networks[0], request.substeps))
    return one * steps


def _estimate_curvature(parts: SymbolicDecomposition, radius: float) -> float:
    x = np.random.default_rng(0).normal(size=(4096, parts.field.dimension))
    x *= radius / np.linalg.norm(x, axis=-1, keepdims=True)
    x[::2] *= 0.5
    return float(max(0.0, -np.linalg.eigvalsh(parts.gradient.jacobian(x)).min()) * 1.1)


@lru_cache(maxsize=64)
def _analysis_of(f: SymbolicField, radius: float) -> FieldAnalysis:
    return FieldAnalysis.of(f, radius)


def _fitted(f: SymbolicField, radius: float, request: NetworkRequest) -> RidgeNetworks:
    width = positive_integer("width", request.width)
    # Few different radii, so that equal fits are found again.
    return _fitted_at(f, float(f"{radius:.2g}"), width, request.seed)


@lru_cache(maxsize=64)
def _fitted_at(f: SymbolicField, radius: float, width: int, seed: int) -> RidgeNetworks:
    return fit_ridge_networks(proved_presnov(f), radius, width, seed)


@lru_cache(maxsize=64)
def _network_errors(networks: RidgeNetworks, f: SymbolicField) -> NetworkErrors:
    return NetworkErrors.of(proved_presnov(f), networks)
