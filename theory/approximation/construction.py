"""The two approximation results as constructions: a flow becomes a composition of simpler ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import sympy

from ...errors import (
    ConvergenceError,
    DomainError,
    FlowcertError,
    ShapeError,
    StructureError,
)
from ...numerics.validation import FloatArray, points, positive_integer
from ..symbolic import SymbolicField, require_field
from .error_bound import ErrorBound
from .layers import FlowLayer, Layer, hinted
from .one_flow import NetworkRequest, construct_flow
from .pieces import RESULTS, Result
from .ridge_networks import RidgeNetworks
from .schemes import Scheme, scheme_of

Flow = tuple[SymbolicField, float]

_KINKED = (
    sympy.Abs, sympy.sign, sympy.Max, sympy.Min, sympy.Heaviside, sympy.Piecewise, sympy.floor,
    sympy.ceiling,
)  # fmt: skip
_ROUNDING = 1e-9  # of layers and reference together, see ``rounding_allowance``


@dataclass(frozen=True, eq=False)
class Construction:
    """A map on |x| ≤ ``radius`` as a composition of ``layers``: call it on points (..., n).

    ``result``, "first" or "second", says of which fields the layers are flows; ``bound`` is the
    proved error in parts, of the layers in exact arithmetic (and exact flows where there are no
    networks); ``measured`` is the largest error at 385 points of the ball, as executed.

    >>> Construction.__name__
    'Construction'
    """

    flows: tuple[Flow, ...]
    result: Result
    scheme: Scheme
    steps: int
    radius: float
    layers: tuple[Layer, ...]
    bound: ErrorBound
    networks: tuple[RidgeNetworks, ...] = field(default=(), repr=False)

    def __repr__(self) -> str:
        return (
            f"<Construction of {len(self.flows)} flow(s), {self.result} result: "
            f"{self.scheme.name}, {self.steps} steps, {len(self.layers)} layers, "
            f"proved error {self.bound.total:.3g} on |x| ≤ {self.radius:g}>"
        )

    def __call__(self, x: Any) -> FloatArray:
        """Return the composition of all layers at x, shape (..., n)."""
        y = points(x, self.flows[0][0].dimension)
        for layer in self.layers:
            y = layer(y)
        return y

    @cached_property
    def measured(self) -> float:
        """The largest |layers(x) − flow(x)| at points of the ball: a lower bound of the error.

        ∞ where a layer blows up.
        """
        x = ball_points(self.flows[0][0].dimension, self.radius)
        end = _remembered_flow(self.flows, self.radius)
        try:
            return float(np.linalg.norm(self(x) - end, axis=-1).max())
        except FlowcertError:
            return math.inf

    @property
    def looseness(self) -> float:
        """Proved over measured error: 1 is tight."""
        return self.bound.total / self.measured if self.measured > 0 else math.inf

    @property
    def holds(self) -> bool:
        """Whether the measured error is below the proved one, up to rounding.

        Always true of a bound of ∞, which claims nothing: look at ``bound.reason``.
        """
        return self.measured <= self.bound.total + rounding_allowance(self.bound)


def rounding_allowance(bound: ErrorBound) -> float:
    """Return what float64 and the reference flow may add to a measured error: 1e-9 of the states.

    >>> rounding_allowance(ErrorBound(end_radius=1.0))
    1e-09
    """
    return _ROUNDING * (bound.end_radius if math.isfinite(bound.end_radius) else 1.0)


def approximate_flow(
    f: SymbolicField,
    time: float,
    radius: float,
    *,
    result: Result = "first",
    splitting: str = "Strang",
    steps: int = 16,
    width: int | None = None,
    substeps: int = 1,
    seed: int = 0,
) -> Construction:
    """Approximate the flow φ_f^time on |x| ≤ radius by ``steps`` steps of a splitting.

    ``result`` "first": flows of a gradient and a sphere-preserving field, f = ∇U + S(x)x by
    Presnov. "second": of expansive, contractive and sphere-preserving fields,
    U = (U + μ|x|²/2) − μ|x|²/2 with a proved μ. ``splitting`` is "LieTrotter", "Strang" or
    "Yoshida4". With a ``width``, U and S are replaced by ridge networks of so many units and the
    flows by layers of so many ``substeps``; without, layers are the flows themselves. Guaranteed:
    ``bound`` for n ≤ 2 (∞ with its reason where a piece may blow up, and for n ≥ 3), for fields of
    + − *, sines and cosines of affine arguments, and whatever else sympy integrates into these.
    Some seconds; larger balls and stiffer fields take longer. Raises
    DomainError, ShapeError, StructureError, UnknownNameError. Source: paper, both approximation
    results [I]; the bounds flowcert [D].

    >>> import sympy
    >>> from flowcert.theory.symbolic import symbolic_field
    >>> x, y = sympy.symbols("x y", real=True)
    >>> f = symbolic_field([-x + 2 * y, -y / 2], [x, y])
    >>> made = approximate_flow(f, 1.0, 1.0, steps=8)
    >>> made.holds, 1 < made.looseness < 10
    (True, True)
    """
    return approximate_flows(
        [(f, time)], radius, result=result, splitting=splitting, steps=steps, width=width,
        substeps=substeps, seed=seed,
    )  # fmt: skip


def approximate_flows(
    flows: Sequence[Flow],
    radius: float,
    *,
    result: Result = "first",
    splitting: str = "Strang",
    steps: int = 16,
    width: int | None = None,
    substeps: int = 1,
    seed: int = 0,
) -> Construction:
    """Approximate a composition of flows, the first one first, each in ``steps`` steps.

    See ``approximate_flow``, whose arguments and guarantees these are: a map given as a composition
    of flows is what both approximation results start from.

    >>> import sympy
    >>> from flowcert.theory.symbolic import symbolic_field
    >>> x = sympy.Symbol("x", real=True)
    >>> approximate_flows([(symbolic_field([x], [x]), 0.5)] * 2, 1.0, steps=2).measured < 1e-9
    True
    """
    radius = _real("radius", radius)
    checked, scheme = _checked(flows, radius, result), scheme_of(splitting)
    steps = positive_integer("steps", steps)
    request = None if width is None else _request(width, substeps, seed)
    bound = ErrorBound(end_radius=radius, layers_radius=radius)
    layers: list[Layer] = []
    networks: list[RidgeNetworks] = []
    for f, time in checked:
        made = construct_flow(f, time, bound, result, scheme, steps, request)
        bound = made.bound
        layers += made.layers
        networks += made.networks
    x = ball_points(checked[0][0].dimension, radius)
    return Construction(
        checked, result, scheme, steps, radius, hinted(layers, x), bound, tuple(networks)
    )


def true_flow(flows: Sequence[Flow], x: FloatArray) -> FloatArray:
    """Return the composition of the flows at x, to some 1e-12. Raises ConvergenceError if it ends.

    >>> import sympy
    >>> from flowcert.theory.symbolic import symbolic_field
    >>> x = sympy.Symbol("x", real=True)
    >>> true_flow([(symbolic_field([x], [x]), 1.0)], np.ones((1, 1))).round(9).tolist()
    [[2.718281828]]
    """
    for f, time in flows:
        try:
            x = FlowLayer("gradient", f, time)(x)
        except ConvergenceError as error:
            raise ConvergenceError(
                came=f"the flow of {list(f.expressions)}, unsettled at time {time:g}",
                expected="a flow that exists for this time from all of the ball",
                remedy="It may blow up, or be too fast for its steps: take a shorter time or a "
                "smaller ball.",
            ) from error
    return x


@lru_cache(maxsize=64)
def _remembered_flow(flows: tuple[Flow, ...], radius: float) -> FloatArray:
    return true_flow(flows, ball_points(flows[0][0].dimension, radius))


def ball_points(dimension: int, radius: float) -> FloatArray:
    """Return points of |x| ≤ radius, most of them on its border: where errors are looked for.

    >>> ball_points(2, 1.0).shape
    (385, 2)
    """
    if dimension == 1:
        return radius * np.linspace(-1, 1, 385)[:, None]
    if dimension == 2:
        angle = 2 * np.pi * np.arange(128) / 128
        sphere = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    else:
        sphere = np.random.default_rng(0).normal(size=(128, dimension))
        sphere /= np.linalg.norm(sphere, axis=-1, keepdims=True)
    inner = [share * sphere[::2] for share in (0.25, 0.5, 0.7, 0.85)]
    return radius * np.concatenate([np.zeros((1, dimension)), *inner, sphere])


def _checked(flows: Sequence[Flow], radius: float, result: Result) -> tuple[Flow, ...]:
    if not 0 < radius < math.inf:
        raise DomainError(
            came=f"a ball of radius {radius!r}",
            expected="a positive finite radius",
            remedy="The approximation holds on a ball around the origin: give its radius.",
        )
    if result not in RESULTS:
        raise StructureError(
            came=f"the result {result!r}",
            expected='"first" or "second"',
            remedy="See ``approximate_flow``: of which fields the layers are flows.",
        )
    if not isinstance(flows, Sequence) or not flows:
        raise ShapeError(
            came="no list of flows",
            expected="at least one flow (field, time)",
            remedy="A map that is no flow has the lift: see ``lifted_map``.",
        )
    for flow in flows:
        if not isinstance(flow, tuple | list) or len(flow) != 2:
            raise ShapeError(
                came=f"{flow!r} as a flow",
                expected="pairs (field, time)",
                remedy="Write approximate_flows([(f, 1.0), (g, 0.5)], radius).",
            )
    for f, time in flows:
        _check_flow(f, time)
        _check_dimension(f, flows[0][0].dimension)
    return tuple((f, float(time)) for f, time in flows)


def _request(width: int, substeps: int, seed: int) -> NetworkRequest:
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise DomainError(
            came=f"seed = {seed!r}",
            expected="an integer, at least 0",
            remedy="It starts the random features.",
        )
    wide, fine = positive_integer("width", width), positive_integer("substeps", substeps)
    return NetworkRequest(wide, fine, int(seed))


def _real(name: str, value: object) -> float:
    try:
        return float(value)  # type: ignore[arg-type]  # whatever a caller without types passes
    except (TypeError, ValueError) as error:
        raise DomainError(
            came=f"{name} = {value!r}",
            expected="a number",
            remedy="Times and radii are real numbers.",
        ) from error


def _check_flow(f: object, time: float) -> None:
    _require_smooth(require_field(f))
    if not 0 <= _real("time", time) < math.inf:
        raise DomainError(
            came=f"time = {time!r}",
            expected="a finite time, at least 0",
            remedy="The flow of f for the time −t is that of −f for the time t.",
        )


def _check_dimension(f: SymbolicField, dimension: int) -> None:
    if f.dimension != dimension:
        raise ShapeError(
            came=f"fields in dimensions {dimension} and {f.dimension}",
            expected="flows on one space",
            remedy="A composition needs fields with equally many variables.",
        )


def _require_smooth(f: SymbolicField) -> None:
    """Refuse functions with kinks or jumps: Presnov's ∇U and S may jump where f has a kink."""
    kinked = sorted({str(e) for e in f.expressions.atoms(*_KINKED)})
    if kinked:
        raise StructureError(
            came=f"a field with {', '.join(kinked)}, which need not be C¹",
            expected="a C¹ field: the lifted |x|, for one, the field (0, |x|), has Presnov's "
            "U = y|x|/2, which is not C¹: ∇U jumps, has no flow to split off, and the splitting "
            "constructions do not apply",
            remedy="Use lifted_map(F, inputs): the flow of (0, F(x)) is known, for any F.",
        )
