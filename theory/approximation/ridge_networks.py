"""U and S as ridge networks: random features, and least squares for their weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...errors import DomainError
from ...numerics import RidgePotentialField, SphereField, tanh_mixture
from ...numerics.validation import FloatArray, positive_integer
from ..decomposition import SymbolicDecomposition
from ..symbolic import numeric_function
from .least_squares import least_squares, skew_matrices

_SLOPE = 1.0  # largest aᵢᵀx over the ball, in standard deviations of a row
_POINTS_PER_UNIT = 12
_REGULARISATION = 1e-9


@dataclass(frozen=True, eq=False)
class RidgeNetworks:
    """``gradient`` ≈ ∇U and ``sphere`` ≈ S(x)x on |x| ≤ ``radius``, σ = tanh.

    ∇U_θ = Aᵀdiag(α)σ(Ax + b) is a gradient and S_θ(x) = Σσ(aₖᵀx + bₖ)Kₖ is skew whatever the
    fit is worth. Source: paper, ridge networks [P].

    >>> RidgeNetworks.__name__
    'RidgeNetworks'
    """

    gradient: RidgePotentialField
    sphere: SphereField
    radius: float


def fit_ridge_networks(
    parts: SymbolicDecomposition, radius: float, width: int, seed: int = 0
) -> RidgeNetworks:
    """Fit both networks of ``width`` units on |x| ≤ radius by regularised least squares.

    Rows aᵢ and biases bᵢ are drawn once from ``seed``; the outer weights are the solution of a
    linear least squares problem (scipy) at random points of the ball. Nothing is guaranteed of the
    fit: ``FieldErrors`` proves how good it is. Raises DomainError. Source: flowcert [D].

    >>> import sympy
    >>> from flowcert.theory.decomposition import presnov
    >>> from flowcert.theory.symbolic import symbolic_field
    >>> x, y = sympy.symbols("x y", real=True)
    >>> turn = presnov(symbolic_field([-y - x, x - y], [x, y]))
    >>> networks = fit_ridge_networks(turn, radius=1.0, width=32)
    >>> bool(np.abs(networks.gradient([0.5, 0.5]) + 0.5).max() < 1e-3)
    True
    """
    width = positive_integer("width", width)
    if not 0 < radius < np.inf:
        raise DomainError(
            came=f"radius = {radius!r}",
            expected="a positive finite radius",
            remedy="Networks are fitted on a ball around the origin.",
        )
    generator = np.random.default_rng(seed)
    x = _points(generator, parts.field.dimension, radius, _POINTS_PER_UNIT * width)
    A, b = _features(generator, parts.field.dimension, radius, width)
    gradient = _fit_gradient(parts, x, A, b)
    A, b = _features(generator, parts.field.dimension, radius, width)
    return RidgeNetworks(gradient, _fit_sphere(parts, x, A, b), radius)


def _points(generator: np.random.Generator, n: int, radius: float, count: int) -> FloatArray:
    """Points of the ball, the more the nearer to its border, where fits are worst."""
    direction = generator.normal(size=(count, n))
    direction /= np.linalg.norm(direction, axis=-1, keepdims=True)
    share = generator.uniform(size=(count, 1)) ** (1 / (n + 1))
    return np.asarray(radius * share * direction)


def _features(
    generator: np.random.Generator, n: int, radius: float, width: int
) -> tuple[FloatArray, FloatArray]:
    A = generator.normal(size=(width, n)) * _SLOPE / radius
    return A, generator.uniform(-1.0, 1.0, size=width) * _SLOPE


def _fit_gradient(
    parts: SymbolicDecomposition, x: FloatArray, A: FloatArray, b: FloatArray
) -> RidgePotentialField:
    values = np.tanh(x @ A.T + b)
    columns = np.moveaxis(values[..., None] * A, -1, 1)  # (points, n, width)
    alpha = least_squares(
        columns.reshape(-1, len(b)), parts.gradient(x).reshape(-1, 1), _REGULARISATION
    )
    return RidgePotentialField(A, b, alpha[:, 0], tanh_mixture(0.0))


def _fit_sphere(
    parts: SymbolicDecomposition, x: FloatArray, A: FloatArray, b: FloatArray
) -> SphereField:
    n = parts.field.dimension
    weights = np.zeros((len(b), n * (n - 1) // 2))
    if n > 1:
        entries = [parts.skew[i, j] for i in range(n) for j in range(i + 1, n)]
        wanted = numeric_function(entries, parts.field.symbols)(x)
        weights = least_squares(np.tanh(x @ A.T + b), wanted, _REGULARISATION)
    return SphereField(A, b, skew_matrices(weights, n), tanh_mixture(0.0))
