"""Any map as P ∘ flow ∘ L, exactly: with more dimensions the obstruction of orientation is gone."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...errors import DomainError, ShapeError
from ...numerics import RK4, FieldSystem
from ...numerics.flow import repeat
from ...numerics.validation import FloatArray, finite_array, points, positive_integer
from ..decomposition.vectorised import Vectorised
from .construction import ball_points
from .least_squares import least_squares

Map = Callable[[FloatArray], Any]

_POINTS_PER_UNIT = 12
_SLOPE = 4.0  # of the units over the ball: maps that are known by values may bend sharply
_REGULARISATION = 1e-10


@dataclass(frozen=True, eq=False)
class LiftedMap:
    """F = P ∘ φ ∘ L with Lx = (x, 0), φ(x, y) = (x, y + F(x)) and P(x, y) = y: call it on (..., m).

    φ is the time-1 flow of (ẋ, ẏ) = (0, F(x)) on R^(m + k), known in closed form and Lipschitz with
    its inverse wherever F is Lipschitz; no smoothness of F is needed. ``measured_error`` is 0
    where ``function`` is F itself; where it is a fitted network, it is the largest distance from F
    at points of the ball (a measurement, not a bound). Guaranteed: P ∘ φ ∘ L = ``function``
    without any rounding. Source: paper, B7 [D].

    >>> absolute = lifted_map(np.abs, inputs=1)
    >>> absolute([[-2.0], [3.0]]).tolist(), absolute.flow([-2.0, 1.0]).tolist()
    ([[2.0], [3.0]], [-2.0, 3.0])
    """

    function: Map
    inputs: int
    outputs: int
    measured_error: float = 0.0

    @property
    def dimension(self) -> int:
        """The number m + k of variables of the flow."""
        return self.inputs + self.outputs

    def __call__(self, x: ArrayLike) -> FloatArray:
        """Return P(φ(Lx)), shape (..., k)."""
        return self.project(self.flow(self.lift(x)))

    def lift(self, x: ArrayLike) -> FloatArray:
        """Return Lx = (x, 0), shape (..., m + k)."""
        start = points(x, self.inputs)
        return np.concatenate([start, np.zeros((*start.shape[:-1], self.outputs))], axis=-1)

    def project(self, z: ArrayLike) -> FloatArray:
        """Return P(x, y) = y, shape (..., k)."""
        return points(z, self.dimension)[..., self.inputs :]

    def field(self, z: ArrayLike) -> FloatArray:
        """Return (0, F(x)) at z = (x, y), shape (..., m + k)."""
        x = points(z, self.dimension)[..., : self.inputs]
        return np.concatenate([np.zeros_like(x), self._values(x)], axis=-1)

    def flow(self, z: ArrayLike, time: float = 1.0) -> FloatArray:
        """Return φᵗ(x, y) = (x, y + tF(x)), shape (..., m + k), for a time t of either sign."""
        return np.asarray(points(z, self.dimension) + _finite_time(time) * self.field(z))

    def inverse(self, z: ArrayLike) -> FloatArray:
        """Return φ⁻¹(x, y) = (x, y − F(x)), shape (..., m + k)."""
        return self.flow(z, -1.0)

    def integrated(self, z: ArrayLike, time: float = 1.0) -> FloatArray:
        """Return φᵗ(z) by one step of RK4: exact up to rounding, since F does not see y.

        >>> lifted_map(np.abs, inputs=1).integrated([-2.0, 1.0]).tolist()
        [-2.0, 3.0]
        """
        system = FieldSystem(lambda _, y: self.field(y), self.dimension, autonomous=True)
        start = points(z, self.dimension)
        return np.asarray(repeat(RK4, system, start, 0.0, _finite_time(time), 1, progress=False))

    def _values(self, x: FloatArray) -> FloatArray:
        return checked_map(self.function, self.inputs, self.outputs)(x)


@dataclass(frozen=True, eq=False)
class RidgeMap:
    """x ↦ Cσ(Ax + b) with σ = tanh, A of shape (w, m), b (w,), C (k, w).

    >>> RidgeMap(np.ones((1, 1)), np.zeros(1), np.ones((1, 1)))(np.zeros(1)).tolist()
    [0.0]
    """

    A: FloatArray
    b: FloatArray
    C: FloatArray

    def __call__(self, x: FloatArray) -> FloatArray:
        return np.asarray(np.tanh(x @ self.A.T + self.b) @ self.C.T)


def lifted_map(
    F: Map,
    inputs: int,
    outputs: int = 1,
    *,
    fit: int | None = None,
    radius: float | None = None,
    seed: int = 0,
) -> LiftedMap:
    """Return P ∘ φ ∘ L = F for a batched F: Rᵐ → Rᵏ, m = ``inputs``, k = ``outputs``.

    F maps points (..., m) to values (..., k), or (...) where k = 1. With ``fit``, F is replaced by
    a ridge network Cσ(Ax + b) of so many units: random A and b from ``seed``, C by regularised
    least squares (scipy) on |x| ≤ ``radius``. Then the flow's field is a network, and
    ``measured_error`` says how far it is from F at 385 points of the ball and more where it was
    not fitted. Raises StructureError for a callable that mixes or drops a batch, ShapeError for
    values of another shape, DomainError for values that are not finite, a width, a radius or
    dimensions that are not positive. Source: paper, B7 [D].

    >>> lifted_map(regression_target, inputs=1)([-1.0]).round(6).tolist()
    [1.158529]
    >>> fitted = lifted_map(np.abs, inputs=1, fit=64, radius=1.0)
    >>> bool(0 < fitted.measured_error < 0.05)
    True
    """
    m, k = positive_integer("inputs", inputs), positive_integer("outputs", outputs)
    values = checked_map(F, m, k)
    if fit is None:
        values(_probe(m, 1.0 if radius is None else _ball(radius)))
        return LiftedMap(F, m, k)
    network = _fitted(values, m, positive_integer("fit", fit), _ball(radius), seed)
    unseen = np.concatenate([ball_points(m, _ball(radius)), _probe(m, _ball(radius))])
    error = float(np.linalg.norm(network(unseen) - values(unseen), axis=-1).max())
    return LiftedMap(network, m, k, error)


def regression_target(x: ArrayLike) -> FloatArray:
    """Return |x| + sin x + x², shape as x: what the paper's networks learn on a line.

    >>> regression_target([[0.0], [1.0]]).round(6).tolist()
    [[0.0], [2.841471]]
    """
    t = finite_array("x", x)
    return np.asarray(np.abs(t) + np.sin(t) + t**2)


def checked_map(F: Map, inputs: int, outputs: int) -> Vectorised:
    """Return F with its shapes, its batches and its finiteness checked at every call.

    >>> checked_map(lambda x: x[..., 0] ** 2, inputs=2, outputs=1)(np.array([[3.0, 1.0]])).tolist()
    [[9.0]]
    """

    def values(x: FloatArray) -> FloatArray:
        with np.errstate(all="ignore"):  # what is not finite is refused by name below
            given = np.asarray(F(x))
        if outputs == 1 and given.shape == x.shape[:-1]:
            given = given[..., None]
        return finite_array("F(x)", given)

    return Vectorised(values, inputs, (outputs,), "F")


def _probe(inputs: int, radius: float) -> FloatArray:
    """Some points of the ball, of no symmetry: what a callable is tried on."""
    generator = np.random.default_rng(1)
    x = generator.normal(size=(257, inputs))
    x /= np.linalg.norm(x, axis=-1, keepdims=True)
    return np.asarray(radius * generator.uniform(size=(257, 1)) ** (1 / inputs) * x)


def _fitted(values: Vectorised, inputs: int, width: int, radius: float, seed: int) -> RidgeMap:
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(_POINTS_PER_UNIT * width, inputs))
    x /= np.linalg.norm(x, axis=-1, keepdims=True)
    x *= radius * generator.uniform(size=(len(x), 1)) ** (1 / (inputs + 1))
    A = generator.normal(size=(width, inputs)) * _SLOPE / radius
    # A unit bends where aᵀx + b = 0: at random places of the ball.
    b = -(A * x[:width]).sum(axis=-1)
    weights = least_squares(np.tanh(x @ A.T + b), values(x), _REGULARISATION)
    return RidgeMap(A, b, weights.T)


def _finite_time(time: float) -> float:
    if not math.isfinite(time):
        raise DomainError(
            came=f"time = {time!r}",
            expected="a finite time, of either sign",
            remedy="The time 1 is the one that lifts F.",
        )
    return float(time)


def _ball(radius: float | None) -> float:
    if radius is None:
        raise ShapeError(
            came="a fit without a radius",
            expected="the ball |x| ≤ radius on which F is fitted",
            remedy="Pass radius=1.0, or leave out ``fit``: the lift of F itself is exact.",
        )
    if not 0 < radius < math.inf:
        raise DomainError(
            came=f"radius = {radius!r}",
            expected="a positive finite radius",
            remedy="It is that of the ball around the origin on which F is looked at.",
        )
    return float(radius)
