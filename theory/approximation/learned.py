"""A field learned from one-step data: the gradient of a ridge potential, and a skew part.

The target of the paper, ẋ = sin³x + x³ in R⁴, is itself a gradient field: its true skew part is 0,
and what is learned of one is error.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import sympy
from numpy.typing import ArrayLike

from ...errors import DomainError, ShapeError
from ...numerics import (
    FieldSystem,
    Gonzalez,
    NormCorrectedHeun,
    RidgePotentialField,
    SkewGradientSystem,
    SphereField,
    tanh_mixture,
)
from ...numerics.flow import finite
from ...numerics.validation import FloatArray, finite_array, points, positive_integer
from ..symbolic import SymbolicField, symbolic_field
from .construction import true_flow
from .least_squares import least_squares, skew_matrices

_SLOPE = 1.0  # largest aᵢᵀm over the data, in standard deviations of a row
_REGULARISATION = 1e-5


@dataclass(frozen=True, eq=False)
class LearnedField:
    """f_θ = ∇U_θ + S_θ(x)x: call it on points (..., n); ``step`` is one step of length ``h``.

    A step is symmetric of order 2: half a step of the norm-corrected method of Heun for S_θ(x)x,
    one of Gonzalez's discrete gradient for ẋ = ∇U_θ(x), half a step of the former. Guaranteed up
    to rounding, whatever was learned: |x| is kept by ``turn``, U_θ does not fall in ``climb``.
    How near f_θ is to the truth is for fresh data to tell (``step_error``): nothing is proved of
    it. Source: paper, both approximation results [I]; the fit flowcert [D].

    >>> from flowcert.numerics import RidgePotentialField, SphereField
    >>> turn = SphereField([[0.0, 0.0]], [1.0], [[[0.0, -1.0], [1.0, 0.0]]])
    >>> f = LearnedField(RidgePotentialField([[1.0, 0.0]]), turn, 0.5)
    >>> f.trajectory([3.0, 4.0], steps=2).shape
    (3, 2)
    """

    gradient: RidgePotentialField
    sphere: SphereField
    h: float

    @property
    def dimension(self) -> int:
        """The number n of state variables."""
        return self.gradient.dimension

    def __call__(self, x: ArrayLike) -> FloatArray:
        """Return f_θ(x), shape (..., n)."""
        return np.asarray(self.gradient(x) + self.sphere(x))

    def jacobian(self, x: ArrayLike) -> FloatArray:
        """Return ∂f_θ/∂x, shape (..., n, n)."""
        return np.asarray(self.gradient.jacobian(x) + self.sphere.jacobian(x))

    def step(self, x: ArrayLike) -> FloatArray:
        """Return one step of length h from x, shape (..., n). Raises ConvergenceError."""
        y = points(x, self.dimension)
        return finite(self.turn(self.climb(self.turn(y, self.h / 2), self.h), self.h / 2))

    def turn(self, x: FloatArray, time: float) -> FloatArray:
        """Return one step of the norm-corrected method of Heun for ẋ = S_θ(x)x: |x| is kept."""
        system = FieldSystem(lambda _, y: self.sphere(y), self.dimension, autonomous=True)
        return np.asarray(NormCorrectedHeun.step(system, 0.0, x, time))

    def climb(self, x: FloatArray, time: float) -> FloatArray:
        """Return one step of Gonzalez's method for ẋ = ∇U_θ(x): U_θ does not fall."""
        # Newton stops at the rounding of the state. Near 0 that of the sum Σαᵢσ(…)aᵢ is larger: a
        # last coordinate, on which U does not depend, says so, and stays what it is.
        rounded = np.full((*x.shape[:-1], 1), abs(time) * self._force)
        start = np.concatenate([x, rounded], axis=-1)
        return np.asarray(Gonzalez.step(self._ascent, 0.0, start, time)[..., :-1])

    def trajectory(self, x: ArrayLike, steps: int) -> FloatArray:
        """Return the start and so many steps, shape (steps + 1, ..., n)."""
        states = [points(x, self.dimension)]
        for _ in range(positive_integer("steps", steps)):
            states.append(self.step(states[-1]))
        return np.stack(states)

    def step_error(self, x: ArrayLike, y: ArrayLike) -> float:
        """Return the largest |step(x) − y| over pairs (x, φʰ(x)): a measured error."""
        start, end = _pairs(x, y)
        return float(np.linalg.norm(self.step(start) - end, axis=-1).max())

    @cached_property
    def _ascent(self) -> SkewGradientSystem:
        """ẋ = ∇U, ċ = 0 as ż = S∇H with z = (x, c), H = −U(x) and S = −I: H falls, U rises."""
        U = self.gradient

        def slope(z: FloatArray) -> FloatArray:
            return np.concatenate([-U(z[..., :-1]), 0 * z[..., -1:]], axis=-1)

        return SkewGradientSystem(
            lambda z: -U.potential(z[..., :-1]), slope, -np.eye(self.dimension + 1)
        )

    @cached_property
    def _force(self) -> float:
        """Σ|αᵢ||aᵢ|: what is rounded in ∇U, however small its sum."""
        return float(np.abs(self.gradient.alpha) @ np.linalg.norm(self.gradient.A, axis=-1))


def cubic_field(dimension: int = 4) -> SymbolicField:
    """Return f(x) = sin³x + x³, componentwise: the field that the paper learns in R⁴.

    f = ∇U with U(x) = Σ(cos³xᵢ/3 − cos xᵢ + xᵢ⁴/4): a gradient field, whose skew part is 0.
    Raises DomainError. Source: paper, appendix [P].

    >>> cubic_field(1).expressions
    Matrix([[x1**3 + sin(x1)**3]])
    """
    n = positive_integer("dimension", dimension)
    x = [sympy.Symbol(f"x{i + 1}", real=True) for i in range(n)]
    return symbolic_field([sympy.sin(e) ** 3 + e**3 for e in x], x)


def one_step_data(
    f: SymbolicField, h: float, radius: float, count: int, seed: int = 0
) -> tuple[FloatArray, FloatArray]:
    """Return ``count`` states, uniform on |x| ≤ radius, and their φ_f^h, both of shape (count, n).

    φ_f^h is known to some 1e-12. Raises DomainError, ConvergenceError. Source: flowcert [D].

    >>> x, y = one_step_data(cubic_field(), 0.05, 1.0, 3)
    >>> bool(np.abs((y - x) / 0.05 - cubic_field()((x + y) / 2)).max() < 1e-2)
    True
    """
    h, n = _step_length(h), f.dimension
    if not 0 < radius < math.inf:
        raise DomainError(
            came=f"radius = {radius!r}",
            expected="a positive finite radius",
            remedy="States are drawn from a ball around the origin.",
        )
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(positive_integer("count", count), n))
    x /= np.linalg.norm(x, axis=-1, keepdims=True)
    x *= radius * generator.uniform(size=(len(x), 1)) ** (1 / n)
    return x, true_flow([(f, h)], x)


def learn_field(
    x: ArrayLike, y: ArrayLike, h: float, *, width: int = 128, seed: int = 0
) -> LearnedField:
    """Learn f from pairs (xᵢ, yᵢ = φ_f^h(xᵢ)), x and y of shape (N, n), h > 0.

    With m = (x + y)/2 the data say (y − x)/h = f(m) + O(h²). Rows and biases of both ridge
    networks are random, from ``seed``, every other row along an axis; the outer weights α of
    U_θ = Σαᵢγ(aᵢᵀx + bᵢ) and K_k of S_θ = Σσ(a_kᵀx + b_k)K_k, with σ = tanh, are linear in f_θ:
    one regularised least squares problem (scipy) for all of them. Presnov's decomposition is
    unique, so that the data tell ∇U from S(x)x. It needs N·n ≥ width·(1 + n(n − 1)/2) numbers.
    Nothing is guaranteed of the fit: measure it by ``step_error`` on fresh data. Raises
    DomainError, ShapeError. Source: paper, B5 [I]; the fit flowcert [D].

    >>> x = np.random.default_rng(0).uniform(-1, 1, size=(200, 2))
    >>> f = learn_field(x, np.exp(-0.01) * x, h=0.01, width=32)
    >>> bool(np.abs(f(x) + x).max() < 1e-3)
    True
    """
    start, end = _pairs(x, y)
    h, width = _step_length(h), positive_integer("width", width)
    middle = (start + end) / 2
    n = middle.shape[1]
    _require_enough(middle, width * (1 + n * (n - 1) // 2), width)
    radius = float(np.linalg.norm(middle, axis=-1).max())
    generator = np.random.default_rng(seed)
    U, S = (_features(generator, n, radius, width) for _ in range(2))
    columns = np.concatenate([_gradient_columns(middle, *U), _skew_columns(middle, *S)], axis=-1)
    weights = least_squares(
        columns.reshape(middle.size, -1), ((end - start) / h).ravel(), _REGULARISATION
    )
    alpha, entries = weights[:width], weights[width:].reshape(width, -1)
    sigma = tanh_mixture(0.0)
    gradient = RidgePotentialField(*U, alpha, sigma)
    return LearnedField(gradient, SphereField(*S, skew_matrices(entries, n), sigma), h)


def _gradient_columns(m: FloatArray, A: FloatArray, b: FloatArray) -> FloatArray:
    """∂(∇U)/∂αᵢ = σ(aᵢᵀm + bᵢ)aᵢ, shape (N, n, w)."""
    return np.moveaxis(np.tanh(m @ A.T + b)[..., None] * A, -1, 1)


def _skew_columns(m: FloatArray, A: FloatArray, b: FloatArray) -> FloatArray:
    """σ(a_kᵀm + b_k)(eᵢeⱼᵀ − eⱼeᵢᵀ)m for all k and i < j, shape (N, n, w·n(n − 1)/2)."""
    n = m.shape[1]
    rows, columns = np.triu_indices(n, 1)
    turned = np.zeros((len(m), n, len(rows)))
    pair = np.arange(len(rows))
    turned[:, rows, pair] = m[:, columns]
    turned[:, columns, pair] = -m[:, rows]
    values = np.tanh(m @ A.T + b)
    return (values[:, None, :, None] * turned[:, :, None, :]).reshape(len(m), n, -1)


def _features(
    generator: np.random.Generator, n: int, radius: float, width: int
) -> tuple[FloatArray, FloatArray]:
    A = generator.normal(size=(width, n)) * _SLOPE / radius
    b = generator.uniform(-1.0, 1.0, size=width) * _SLOPE
    # Every other unit looks along an axis, and bends at places that divide it evenly: separable
    # potentials, which are frequent, need no others.
    rows = np.arange(0, width, 2)
    axis, number = rows // 2 % n, rows // 2 // n
    lengths = np.linalg.norm(A[rows], axis=-1)
    A[rows] = lengths[:, None] * np.eye(n)[axis]
    b[rows] = lengths * radius * ((2 * number + 1) / (number.max() + 1) - 1)
    return A, b


def _pairs(x: ArrayLike, y: ArrayLike) -> tuple[FloatArray, FloatArray]:
    start, end = finite_array("x", x), finite_array("y", y)
    if start.ndim != 2 or 0 in start.shape or start.shape != end.shape:
        raise ShapeError(
            came=f"x of shape {start.shape} and y of shape {end.shape}",
            expected="both of shape (N, n): N states, and where each is a step later",
            remedy="Cut a trajectory z of shape (N + 1, n) into x = z[:-1] and y = z[1:].",
        )
    return start, end


def _step_length(h: float) -> float:
    if not 0 < h < math.inf:
        raise DomainError(
            came=f"h = {h!r}",
            expected="a positive finite step",
            remedy="It is the time between x and y; for data that run backwards exchange them.",
        )
    return float(h)


def _require_enough(m: FloatArray, unknowns: int, width: int) -> None:
    if not np.any(m):
        raise DomainError(
            came="data at the origin only",
            expected="states that fill the region on which the field is wanted",
            remedy="Sample starts from a ball around the origin.",
        )
    if m.size < unknowns:
        raise DomainError(
            came=f"{len(m)} pairs, {m.size} numbers, for {unknowns} weights",
            expected="at least as many numbers as weights",
            remedy=f"Take a width below {width}, or more pairs.",
        )
