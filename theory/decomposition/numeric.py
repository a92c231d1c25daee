"""Presnov's decomposition of any field by quadrature along rays: values with error estimates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...errors import DomainError, ShapeError
from ...numerics.validation import FloatArray, points, positive_integer
from .vectorised import Vectorised

_MORE_NODES = 8  # of the rule that the first one is compared with
_STEP = 1e-3  # of differences of fourth order: truncation and rounding about 1e-13


@dataclass(frozen=True, eq=False)
class NumericParts:
    """U, ∇U, S(x) and S(x)x at points, with estimates of their errors.

    Shapes (...), (..., n), (..., n, n), (..., n), and (...) of ``estimated_error``: at each point
    the largest estimate among all entries of the four. No guarantee.

    >>> parts = numeric_presnov(lambda x: np.stack([-x[..., 1], x[..., 0]], -1), 2).at([3.0, 4.0])
    >>> np.round(parts.sphere, 9).tolist(), bool(parts.estimated_error < 1e-9)
    ([-4.0, 3.0], True)
    """

    potential: FloatArray
    gradient: FloatArray
    skew_part: FloatArray
    sphere: FloatArray
    estimated_error: FloatArray


@dataclass(frozen=True, eq=False)
class NumericDecomposition:
    """f = ∇U + S(x)x by Gauss's rule on each ray; a ``DecomposedField``. See ``numeric_presnov``.

    >>> from flowcert.numerics import DecomposedField
    >>> isinstance(numeric_presnov(np.sin, 1), DecomposedField)
    True
    """

    field: Vectorised
    slopes: Vectorised | None
    dimension: int
    nodes: int

    def __call__(self, x: ArrayLike) -> FloatArray:
        """Return f(x), shape (..., n)."""
        return self.field(points(x, self.dimension))

    def jacobian(self, x: ArrayLike) -> FloatArray:
        """Return ∂fᵢ/∂xⱼ, shape (..., n, n): the field's own, else by differences."""
        return self._jacobian(points(x, self.dimension))[0]

    def potential(self, x: ArrayLike) -> FloatArray:
        """Return U(x) = ∫₀¹ xᵀf(tx) dt, shape (...)."""
        p = points(x, self.dimension)
        t, w = _rule(self.nodes + _MORE_NODES)
        return _potential(p, w, self.field(_along(t, p)))

    def gradient(self, x: ArrayLike) -> FloatArray:
        """Return ∇U(x) = ∫₀¹ f(tx) + t Df(tx)ᵀx dt, shape (..., n)."""
        return self.at(x).gradient

    def skew_part(self, x: ArrayLike) -> FloatArray:
        """Return S(x) = ∫₀¹ t(Df − Dfᵀ)(tx) dt, shape (..., n, n), smooth also at 0."""
        return self.at(x).skew_part

    def sphere(self, x: ArrayLike) -> FloatArray:
        """Return X(x) = S(x)x = f(x) − ∇U(x), shape (..., n), tangent to spheres."""
        return self.at(x).sphere

    def skew_part_by_division(self, x: ArrayLike) -> FloatArray:
        """Return the paper's S = (Xxᵀ − xXᵀ)/|x|², shape (..., n, n), undefined at 0.

        The two S differ for n ≥ 3, by a matrix that maps x to 0. Raises DomainError at 0.
        """
        p = points(x, self.dimension)
        # Not the norm: squares of small numbers are 0.
        length = np.hypot.reduce(p, axis=-1)[..., None, None]
        if np.any(length == 0):
            raise DomainError(
                came="x = 0",
                expected="points away from 0, where the paper divides by |x|²",
                remedy="Use skew_part, which is smooth there.",
            )
        product = (self.sphere(p)[..., :, None] / length) * (p[..., None, :] / length)
        return np.asarray(product - np.swapaxes(product, -1, -2))

    def at(self, x: ArrayLike) -> NumericParts:
        """Return all parts at the points (..., n), with error estimates."""
        p = points(x, self.dimension)
        coarse = self._parts(p, self.nodes)
        fine = self._parts(p, self.nodes + _MORE_NODES)
        changes = [
            _largest(one - other, p.ndim - 1)
            for one, other in zip(coarse[:4], fine[:4], strict=True)
        ]
        potential, gradient, skew, sphere, differences = fine
        error = np.maximum.reduce(changes) + differences
        return NumericParts(potential, gradient, skew, sphere, error)

    def _parts(self, p: FloatArray, nodes: int) -> tuple[FloatArray, ...]:
        """U, ∇U, S, Sx by one rule, and what differences may err by."""
        t, w = _rule(nodes)
        rays = _along(t, p)
        f = self.field(rays)
        D, slope_error = self._jacobian(rays)
        turned = np.einsum("t,t...ij,...i->...j", w * t, D, p)
        gradient = np.tensordot(w, f, axes=1) + turned
        skew = np.tensordot(w * t, D - np.swapaxes(D, -1, -2), axes=1)
        sphere = np.einsum("...ij,...j->...i", skew, p)
        reach = 2 * np.abs(p).sum(-1) + 2
        differences = np.tensordot(w, _largest(slope_error, p.ndim), axes=1) * reach
        return _potential(p, w, f), gradient, skew, sphere, differences

    def _jacobian(self, p: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Df and an estimate of its error: 0 for the field's own."""
        if self.slopes is not None:
            D = self.slopes(p)
            return D, np.zeros_like(D)
        return _by_differences(self.field, p)


def numeric_presnov(
    field: Callable[[FloatArray], Any], dimension: int | None = None, nodes: int = 16
) -> NumericDecomposition:
    """Return f = ∇U + S(x)x for any batched callable, by Gauss's rule in t on the rays tx.

    U(x) = ∫₀¹ xᵀf(tx) dt, ∇U(x) = ∫₀¹ f(tx) + t Df(tx)ᵀx dt and S(x) = ∫₀¹ t(Df − Dfᵀ)(tx) dt; then
    S(x)x = f(x) − ∇U(x) and xᵀ∇U = xᵀf up to the rule's error. ``field`` maps (..., n) to (..., n);
    Df is its ``jacobian`` if it has one, else central differences of fourth order. ``.at(x)`` holds
    all parts and an ``estimated_error``: the difference between the rules of ``nodes`` and of eight
    more nodes (the values are those of the latter), and that between two steps of the differences.
    No guarantee. Raises DomainError for values that are not finite, ShapeError for a wrong
    dimension, StructureError for a callable that mixes or drops a batch. Source: Presnov, as the
    paper uses it [P]; this S flowcert [D]; claim B1.presnov_identity.

    >>> from flowcert.numerics import LinearField
    >>> parts = numeric_presnov(LinearField([[-1.0, 2.0], [0.0, -0.5]]))
    >>> x = np.array([1.0, 2.0])
    >>> round(float(parts.potential(x)), 9), np.round(parts.gradient(x), 9).tolist()
    (0.5, [1.0, 0.0])
    """
    n = _dimension_of(field, dimension)
    count = positive_integer("nodes", nodes)
    jacobian = getattr(field, "jacobian", None)
    slopes = Vectorised(jacobian, n, (n, n), "the field's jacobian") if jacobian else None
    return NumericDecomposition(Vectorised(field, n, (n,), "the field"), slopes, n, count)


def _dimension_of(field: Any, dimension: int | None) -> int:
    own = getattr(field, "dimension", None)
    given = own if dimension is None else dimension
    if given is None:
        raise ShapeError(
            came="a callable without a dimension",
            expected="the number n of state variables",
            remedy="Pass it: numeric_presnov(field, dimension=2).",
        )
    if own is not None and dimension is not None and own != dimension:
        raise ShapeError(
            came=f"dimension = {dimension} for a field of dimension {own}",
            expected="the field's own dimension",
            remedy="Leave it out.",
        )
    return positive_integer("dimension", given)


def _rule(nodes: int) -> tuple[FloatArray, FloatArray]:
    """Gauss's nodes and weights on [0, 1]."""
    t, w = np.polynomial.legendre.leggauss(nodes)
    return (t + 1) / 2, w / 2


def _along(t: FloatArray, p: FloatArray) -> FloatArray:
    """The points tx, shape (nodes, ..., n)."""
    return np.multiply.outer(t, p)


def _potential(p: FloatArray, w: FloatArray, f: FloatArray) -> FloatArray:
    return np.asarray((np.tensordot(w, f, axes=1) * p).sum(-1))


def _largest(values: FloatArray, axes: int) -> FloatArray:
    """The largest magnitude over all but the first axes."""
    return np.asarray(np.abs(values).max(axis=tuple(range(axes, values.ndim)), initial=0.0))


def _by_differences(field: Vectorised, p: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(8(f(x + h) − f(x − h)) − (f(x + 2h) − f(x − 2h)))/12h with h and 2h in each direction."""
    n = p.shape[-1]
    h = _STEP * np.maximum(1.0, np.abs(p).max(axis=-1, keepdims=True, initial=0.0))
    moves = np.eye(n).reshape(n, *[1] * (p.ndim - 1), n) * h

    def central(multiple: int) -> FloatArray:
        return field(p + multiple * moves) - field(p - multiple * moves)

    one, two, four = central(1), central(2), central(4)
    near, far = (8 * one - two) / (12 * h), (8 * two - four) / (24 * h)
    return np.moveaxis(near, 0, -1), np.moveaxis(near - far, 0, -1)
