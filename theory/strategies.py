"""Hypothesis strategies for your own property tests: matrices, activations, fields, steps.

>>> from hypothesis import given
>>> from flowcert.theory import bounds, strategies
>>> @given(strategies.gradient_steps())
... def test_sharp_factor_bounds_every_step(layer):
...     bound = bounds.bound_contractive_factor(
...         layer.slope, layer.step, layer.matrix.sigma_min, layer.matrix.sigma_max)
...     assert layer.attained_factor() <= bound + layer.rounding_allowance()
>>> test_sharp_factor_bounds_every_step()
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ..errors import DomainError
from ..numerics import (
    Activation,
    ExpansiveGradientField,
    ExpansiveLayerField,
    GradientField,
    VectorField,
    euler_step,
    leaky_relu,
    piecewise_linear,
    softplus_mixture,
    tanh_mixture,
)
from ..numerics.validation import FloatArray
from .measuring import rounding_allowance
from .step_regions import Bound, Family, StepRegion

_LARGEST_ENTRY = 4.0


@dataclass(frozen=True)
class PrescribedMatrix:
    """A matrix with its extreme singular values; σ_min = 0 if it has fewer rows than columns.

    >>> PrescribedMatrix(np.eye(2), 1.0, 1.0).entries.shape
    (2, 2)
    """

    entries: FloatArray
    sigma_min: float
    sigma_max: float

    def __repr__(self) -> str:
        return f"{self.entries.tolist()} with σ in [{self.sigma_min:g}, {self.sigma_max:g}]"


@dataclass(frozen=True)
class LayerStep:
    """One Euler step x + h·f(x) with two points to compare, and what is known of its field.

    >>> from flowcert.numerics import LinearField
    >>> matrix = PrescribedMatrix(np.eye(1), 1.0, 1.0)
    >>> layer = LayerStep(LinearField([[1.0]]), 0.5, 1.0, matrix, np.zeros(1), np.ones(1))
    >>> float(layer.attained_factor())
    1.5
    """

    field: VectorField
    step: float
    slope: float
    matrix: PrescribedMatrix
    x: FloatArray
    y: FloatArray

    def __call__(self, x: FloatArray) -> FloatArray:
        """Return x + h·f(x)."""
        return euler_step(self.field, x, self.step)

    def attained_factor(self) -> float:
        """Return the larger of the quotient of x and y and the norms of the Jacobians at both.

        A lower bound of the Lipschitz constant, up to ``rounding_allowance``.
        """
        moved = np.linalg.norm(self(self.x) - self(self.y)) / np.linalg.norm(self.x - self.y)
        unit = np.eye(self.field.dimension)
        jacobians = (unit + self.step * self.field.jacobian(p) for p in (self.x, self.y))
        return float(max(moved, *(np.linalg.norm(J, 2) for J in jacobians)))

    def rounding_allowance(self) -> float:
        """Return how much rounding may move ``attained_factor``."""
        size = 1 + np.linalg.norm(self.x) + np.linalg.norm(self.y)
        growth = 1 + abs(self.step) * max(1.0, self.matrix.sigma_max) ** 2
        offset = np.linalg.norm(np.asarray(getattr(self.field, "b", getattr(self.field, "c", 0.0))))
        distance = float(np.linalg.norm(self.x - self.y))
        return rounding_allowance(float((size + offset) * growth), min(distance, 1.0))


def slopes() -> SearchStrategy[float]:
    """Smallest slopes a in [0, 1] of activations; 0, ½ and 1 come often.

    >>> 0 <= slopes().example() <= 1
    True
    """
    return st.one_of(st.sampled_from([0.0, 0.1, 0.5, 1.0]), _reals(0.0, 1.0))


@st.composite
def activations(draw: st.DrawFn, slope: float | None = None) -> Activation:
    """Activations with slope interval [a, 1]: LeakyReLU, tanh, softplus and piecewise-linear kinds.

    ``slope`` fixes a; by default it is drawn from ``slopes()``.

    >>> activations(0.5).example().slope_max
    1.0
    """
    a = draw(slopes()) if slope is None else slope
    kind = draw(st.sampled_from(["leaky_relu", "tanh", "softplus", "piecewise_linear"]))
    if kind == "leaky_relu":
        return leaky_relu(a)
    if kind == "tanh":
        return tanh_mixture(a)
    if kind == "softplus":
        return softplus_mixture(a)
    gaps = draw(st.lists(_reals(0.25, 2.0), min_size=1, max_size=3))
    inner = draw(st.lists(_reals(a, 1.0), min_size=len(gaps) - 1, max_size=len(gaps) - 1))
    ends = draw(st.permutations([a, 1.0]))
    return piecewise_linear(np.cumsum(gaps) - 2.0, [ends[0], *inner, ends[1]])


@st.composite
def orthogonal_matrices(draw: st.DrawFn, size: int) -> FloatArray:
    """Orthogonal matrices, products of plane rotations and one reflection; shrink to the identity.

    >>> Q = orthogonal_matrices(3).example()
    >>> bool(np.allclose(Q.T @ Q, np.eye(3)))
    True
    """
    Q = np.eye(size)
    for i in range(size):
        for j in range(i + 1, size):
            angle = draw(_reals(-math.pi, math.pi))
            rotation = np.eye(size)
            rotation[[i, j], [i, j]] = math.cos(angle)
            rotation[i, j], rotation[j, i] = -math.sin(angle), math.sin(angle)
            Q = Q @ rotation
    if draw(st.booleans()):
        Q[:, 0] = -Q[:, 0]
    return Q


@st.composite
def matrices(
    draw: st.DrawFn,
    rows: int | None = None,
    columns: int | None = None,
    sigma_min: float | None = None,
    sigma_max: float | None = None,
) -> PrescribedMatrix:
    """Matrices U·diag(s)·Vᵀ with prescribed extreme singular values.

    Sizes (1 to 4) and extremes are drawn where not given: σ_max in [0, 4], σ_min in [0, σ_max],
    rank-deficient and tiny (1e-8) ones included. With rows < columns σ_min is 0; with one column
    both are equal. Raises DomainError if the prescription is impossible.

    >>> M = matrices(rows=3, columns=2, sigma_min=1.0, sigma_max=2.0).example()
    >>> np.linalg.svd(M.entries)[1].round(9).tolist()
    [2.0, 1.0]
    """
    m = draw(st.integers(1, 4)) if rows is None else rows
    n = draw(st.integers(1, 4)) if columns is None else columns
    low, high = _extremes(draw, m, n, sigma_min, sigma_max)
    k = min(m, n)
    s = [high, *draw(st.lists(_reals(low, high), min_size=max(k - 2, 0), max_size=max(k - 2, 0)))]
    if k > 1:
        # A wide matrix has its zero singular values beyond the diagonal.
        s.append(draw(_reals(0.0, high)) if m < n else low)
    diagonal = np.zeros((m, n))
    diagonal[range(k), range(k)] = s
    U, V = draw(orthogonal_matrices(m)), draw(orthogonal_matrices(n))
    return PrescribedMatrix(U @ diagonal @ V.T, low, high)


def _extremes(
    draw: st.DrawFn, m: int, n: int, sigma_min: float | None, sigma_max: float | None
) -> tuple[float, float]:
    """The prescribed singular values, drawn where not given, or DomainError."""
    impossible = (m < n and bool(sigma_min)) or (
        sigma_min is not None
        and sigma_max is not None
        and (sigma_min > sigma_max or (n == 1 and sigma_min != sigma_max))
    )
    if impossible or (sigma_min or 0) < 0 or m < 1 or n < 1:
        raise DomainError(
            came=f"a {m} × {n} matrix with σ_min = {sigma_min}, σ_max = {sigma_max}",
            expected="0 ≤ σ_min ≤ σ_max, σ_min = 0 if rows < columns, equal for one column",
            remedy="Leave one of them out to have it drawn.",
        )
    if sigma_max is None:
        lowest = sigma_min or 0.0
        special = [x for x in (1e-8, 1.0, _LARGEST_ENTRY) if x >= lowest]
        high = draw(st.one_of(st.sampled_from(special), _reals(lowest, _LARGEST_ENTRY)))
    else:
        high = sigma_max
    if m < n:
        return 0.0, high
    if n == 1:
        return (high if sigma_min is None else sigma_min), high if sigma_min is None else sigma_min
    if sigma_min is None:
        return draw(st.one_of(st.just(0.0), st.just(min(1e-8, high)), _reals(0.0, high))), high
    return sigma_min, high


@st.composite
def points(draw: st.DrawFn, dimension: int) -> FloatArray:
    """Points of Rⁿ with entries in [−4, 4].

    >>> points(3).example().shape
    (3,)
    """
    entry = _reals(-_LARGEST_ENTRY, _LARGEST_ENTRY)
    return np.array(draw(st.lists(entry, min_size=dimension, max_size=dimension)))


@st.composite
def point_pairs(draw: st.DrawFn, dimension: int) -> tuple[FloatArray, FloatArray]:
    """Two points at a distance of at least 0.01.

    >>> x, y = point_pairs(2).example()
    >>> bool(np.linalg.norm(x - y) >= 0.0099)
    True
    """
    x = draw(points(dimension))
    direction = draw(points(dimension))
    if np.linalg.norm(direction) < 0.01:
        direction = np.eye(dimension)[0]
    return x, x + direction


@st.composite
def gradient_fields(
    draw: st.DrawFn, matrix: PrescribedMatrix | None = None, slope: float | None = None
) -> GradientField:
    """Fields −AᵀΣ(Ax + b) with drawn biases; A and the slope a are drawn where not given.

    >>> gradient_fields().example().dimension >= 1
    True
    """
    A = draw(matrices()) if matrix is None else matrix
    return GradientField(A.entries, draw(points(len(A.entries))), draw(activations(slope)))


@st.composite
def contractive_step_sizes(draw: st.DrawFn, sigma_max: float) -> float:
    """Steps in [0, 2.5/σ_max²], often on or next to the limit 2/σ_max² and the middle 1/σ_max².

    >>> contractive_step_sizes(1.0).example() <= 2.5
    True
    """
    unit = 1.0 / max(sigma_max, 0.25) ** 2
    near = st.sampled_from([0.0, 0.5, 1.0, 4 / 3, 2.0, 2.0 * (1 - 1e-9), 2.0 * (1 + 1e-9)])
    return unit * draw(st.one_of(near, _reals(0.0, 2.5)))


@st.composite
def gradient_steps(
    draw: st.DrawFn,
    matrix: SearchStrategy[PrescribedMatrix] | None = None,
    slope: float | None = None,
    step: SearchStrategy[float] | None = None,
) -> LayerStep:
    """Steps x − hAᵀΣ(Ax + b) with two points; everything is drawn where not given.

    >>> gradient_steps().example().attained_factor() >= 0
    True
    """
    A = draw(matrices() if matrix is None else matrix)
    a = draw(slopes()) if slope is None else slope
    field = draw(gradient_fields(A, a))
    h = draw(contractive_step_sizes(A.sigma_max) if step is None else step)
    return LayerStep(field, h, a, A, *draw(point_pairs(field.dimension)))


@st.composite
def expansive_gradient_steps(draw: st.DrawFn) -> LayerStep:
    """Steps x + hAᵀΣ(Ax + b), h in [0, 2], with two points.

    >>> expansive_gradient_steps().example().step >= 0
    True
    """
    A, a = draw(matrices()), draw(slopes())
    field = ExpansiveGradientField(A.entries, draw(points(len(A.entries))), draw(activations(a)))
    return LayerStep(field, draw(_reals(0.0, 2.0)), a, A, *draw(point_pairs(field.dimension)))


@st.composite
def expansive_layer_steps(draw: st.DrawFn) -> LayerStep:
    """Steps x + hΣ(Bx + c), B square, h in [0, 2], with two points.

    >>> expansive_layer_steps().example().step >= 0
    True
    """
    n, a = draw(st.integers(1, 4)), draw(slopes())
    B = draw(matrices(rows=n, columns=n))
    field = ExpansiveLayerField(B.entries, draw(points(n)), draw(activations(a)))
    return LayerStep(field, draw(_reals(0.0, 2.0)), a, B, *draw(point_pairs(n)))


@st.composite
def step_pairs(draw: st.DrawFn, family: Family, bound: Bound) -> tuple[StepRegion, float, float]:
    """A region (S from 1 to 4, any slope) and a pair (h_C, h_E) in it, often on its boundary.

    >>> region, h_C, h_E = step_pairs("alternating", "sharp").example()
    >>> bool(region.bound_factor(h_C, h_E) <= 1 + 1e-12)
    True
    """
    region = StepRegion(family, bound, draw(st.integers(1, 4)), draw(slopes()))
    extent = 2 * region.slope if bound == "authors" else 2.0
    h_C = region.substeps * draw(_reals(0.0, extent))
    limit = float(region.bound_expansive_limit(h_C))
    # NaN: rounding put h_C next to the end of the region, where only h_E = 0 is left.
    ceiling = min(limit, 50.0) if limit == limit else 0.0
    return region, h_C, ceiling * draw(st.one_of(st.just(1.0), _reals(0.0, 1.0)))


def _reals(lowest: float, highest: float) -> SearchStrategy[float]:
    return st.floats(lowest, highest, allow_nan=False, allow_subnormal=False)
