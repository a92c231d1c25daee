"""What instances of the two results are: flows of small fields, split, and measured at points."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import sympy
from hypothesis import strategies as st

from ....numerics.validation import FloatArray
from ...approximation.analysis import FieldAnalysis
from ...approximation.error_bound import ErrorBound, bound_error
from ...approximation.pieces import FieldPiece, Result, split
from ...approximation.radial_growth import RadialGrowth
from ...approximation.schemes import scheme_of
from ...cells import cover
from ...claim import Measurement
from ...decomposition import presnov
from ...symbolic import SymbolicField, symbolic_field

REACH = 2.0  # radius of the ball that is looked at
_CELLS, _GROWTH_CELLS = 40, 160
_REFERENCE_STEP = 0.03
_ROUNDING = 1e-8  # and of RK4
FIELDS = ("rotating spring", "pendulum", "non-normal", "logistic")


@cache
def field_named(name: str) -> SymbolicField:
    """A small field; the last four are those of witnesses and mutants."""
    q, p = sympy.symbols("q p", real=True)
    if name == "logistic":
        return symbolic_field([q / 2 - q**2 / 4], [q])
    components = {
        "rotating spring": [-q / 2 - p + q**2 / 4, q - p / 4],
        "pendulum": [p, -sympy.sin(q)],
        "non-normal": [-q + 2 * p, -p / 2],
        "van der Pol": [p / 2, (1 - q**2) * p / 2 - q / 2],
        "slow turn": [1 - p / 10**4, q / 10**4],
        "growing turn": [q + 1 - p / 10, p + q / 10],
        "widening": [1 - q**2 * p, q**3],
    }
    return symbolic_field(components[name], [q, p])


@dataclass(frozen=True)
class SplitFlow:
    """The flow of a named field for a time, in so many steps, from |x| ≤ radius."""

    name: str
    splitting: str
    steps: int
    time: float
    radius: float

    def analysis(self, result: Result) -> FieldAnalysis:
        return _analysed(self.name, result)

    def bound(self, analysis: FieldAnalysis) -> ErrorBound:
        start = ErrorBound(end_radius=self.radius, layers_radius=self.radius)
        return bound_error(analysis, scheme_of(self.splitting), self.time, self.steps, start)

    def measured(self, pieces: tuple[FieldPiece, ...]) -> tuple[float, FloatArray]:
        """The largest error at some points, by RK4 in small steps, and all points on the way."""
        f = field_named(self.name)
        x = start = _start_points(f.dimension, self.radius)
        visited = [x]
        for _ in range(self.steps):
            for i, weight in scheme_of(self.splitting).stages(len(pieces)):
                x = _flow(pieces[i].field, x, weight * self.time / self.steps)
                visited.append(x)
        error = np.linalg.norm(x - _flow(f, start, self.time), axis=-1).max()
        return float(error), np.concatenate(visited)

    def measure(
        self, result: Result, alter: Callable[[FieldAnalysis], FieldAnalysis] = lambda a: a
    ) -> Measurement:
        analysis = self.analysis(result)
        claimed = self.bound(alter(analysis)).total
        error, _ = self.measured(analysis.pieces)
        return Measurement(error, claimed, _ROUNDING, what="error")


@st.composite
def split_flows(draw: st.DrawFn) -> SplitFlow:
    """Flows whose bounds are finite: the times are short, and the fields are slow."""
    return SplitFlow(
        draw(st.sampled_from(FIELDS)),
        draw(st.sampled_from(("LieTrotter", "Strang"))),
        draw(st.integers(2, 12)),
        draw(st.floats(0.05, 0.4)),
        draw(st.floats(0.05, 1.0)),
    )


def with_scaled_commutators(analysis: FieldAnalysis, factor: float) -> FieldAnalysis:
    """For mutants: an analysis that claims commutators of another size."""
    return _replaced(analysis, "commutator", lambda profile: lambda r: factor * profile(r))


def without_growth(analysis: FieldAnalysis) -> FieldAnalysis:
    """For mutants: an analysis that takes every field for non-expansive."""
    return _replaced(analysis, "one_sided", lambda _: lambda r: 0.0)


def at_the_start(analysis: FieldAnalysis, radius: float) -> FieldAnalysis:
    """For mutants: commutators on the ball of the start, not where the stages go."""
    return _replaced(analysis, "commutator", lambda profile: lambda r: profile(radius))


def _replaced(
    analysis: FieldAnalysis,
    method: str,
    change: Callable[[Callable[[float], float]], Callable[[float], float]],
) -> FieldAnalysis:
    made = replace(analysis)
    setattr(made, method, lambda words: change(getattr(analysis, method)(words)))
    return made


def _start_points(dimension: int, radius: float) -> FloatArray:
    if dimension == 1:
        return radius * np.linspace(-1, 1, 9)[:, None]
    angle = 2 * np.pi * np.arange(12) / 12
    return radius * np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def _flow(f: SymbolicField, x: FloatArray, time: float) -> FloatArray:
    count = max(1, int(np.ceil(time / _REFERENCE_STEP)))
    h = time / count
    for _ in range(count):
        k1 = f(x)
        k2 = f(x + h / 2 * k1)
        k3 = f(x + h / 2 * k2)
        k4 = f(x + h * k3)
        x = x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return x


@cache
def _first(name: str) -> FieldAnalysis:
    f = field_named(name)
    parts = presnov(f)
    growth = RadialGrowth.of(f, cover(REACH, f.dimension, _GROWTH_CELLS))
    cells = cover(REACH, f.dimension, _CELLS)
    return FieldAnalysis(parts, cells, growth, split(parts, "first"))


def _analysed(name: str, result: Result) -> FieldAnalysis:
    return _first(name) if result == "first" else _second(name)


@cache
def _second(name: str) -> FieldAnalysis:
    analysis = _first(name)
    mu = analysis.curvature()(REACH)
    return analysis.with_pieces(split(analysis.decomposition, "second", mu))
