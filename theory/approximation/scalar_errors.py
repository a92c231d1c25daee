"""How far a ridge network is from a smooth function on a ball, with derivatives: proved by Taylor.

Let g = u − u_θ. Around the centre c of a cell of circumradius d,
‖Dᵐg(x)‖ ≤ Σ_{i<K−m} ‖D^{m+i}g(c)‖dⁱ/i! + sup‖D^K g‖ d^{K−m}/(K−m)!.
All D^j g(c) are small if the fit is good; only the last term is estimated crudely, by
sup‖D^K u‖ over the cell and Σ|αₖ||aₖ|^K sup|σ^(…)|, and there d^K pays for it. So thousands of
cells suffice where bounding g itself cell by cell would take billions.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from math import comb, factorial
from typing import Any

import numpy as np
from numpy.polynomial import Polynomial

from ...numerics.validation import FloatArray
from ..ball_arrays import BallArray
from ..cells import OUTWARD, Cells, Profile
from ..symbolic import ball_array_function

ORDER = 7  # K
_ROUNDING = 2.0**-50


def scalar_error_profiles(
    u: Any,
    symbols: Sequence[Any],
    features: tuple[FloatArray, FloatArray, FloatArray],
    cells: Cells,
    *,
    lowest: int,
    highest: int,
    offset: int,
) -> list[Profile]:
    """Bound ‖Dᵐ(u − u_θ)‖ over balls for m = lowest, …, highest.

    ``features`` are A (w, n), b (w,), α (w,); Dᵐu_θ = Σαₖ tanh^(m + offset)(aₖᵀx + bₖ) aₖ^⊗m, so
    ``offset`` is 0 for sums of tanh and −1 for their potentials (then lowest ≥ 1). Norms are
    Frobenius norms of tensors, n ≤ 2. Guaranteed: upper bounds, rounded outward. Source: flowcert
    [D].

    >>> import sympy
    >>> from flowcert.theory.cells import cover
    >>> x = sympy.Symbol("x", real=True)
    >>> one = (np.ones((1, 1)), np.zeros(1), np.ones(1))
    >>> [error] = scalar_error_profiles(
    ...     sympy.tanh(x), [x], one, cover(1.0, 1, 64), lowest=0, highest=0, offset=0)
    >>> error(1.0) < 1e-9
    True
    """
    d = cells.half * np.sqrt(len(symbols)) * OUTWARD
    network = _NetworkDerivatives(features, cells, offset)
    tensors = {m: _at_centres(u, symbols, m, cells, network) for m in range(lowest, ORDER)}
    top = (_over_cells(u, symbols, cells) + network.bound(ORDER)) * OUTWARD
    return [Profile.over(cells, _taylor(tensors, top, m, d)) for m in range(lowest, highest + 1)]


def _taylor(tensors: dict[int, FloatArray], top: FloatArray, m: int, d: float) -> FloatArray:
    parts = (tensors[j] * d ** (j - m) / factorial(j - m) for j in range(m, ORDER))
    return np.asarray((sum(parts) + top * d ** (ORDER - m) / factorial(ORDER - m)) * OUTWARD)


def _words(dimension: int, m: int) -> list[tuple[int, ...]]:
    """Exponents of the derivatives of order m."""
    return [(m,)] if dimension == 1 else [(m - j, j) for j in range(m + 1)]


def _derivatives(u: Any, symbols: Sequence[Any], m: int) -> list[Any]:
    found = []
    for word in _words(len(symbols), m):
        e = u
        for symbol, times in zip(symbols, word, strict=True):
            e = e.diff(symbol, times) if times else e
        found.append(e)
    return found


def _at_centres(
    u: Any, symbols: Sequence[Any], m: int, cells: Cells, network: _NetworkDerivatives
) -> FloatArray:
    centre = [BallArray(column, np.zeros(len(column))) for column in cells.centres.T]
    exact = ball_array_function(_derivatives(u, symbols, m), symbols)(*centre)
    fitted, allowance = network.at_centres(m)
    square = np.zeros(len(cells.centres))
    for j, ball in enumerate(exact):
        size = np.abs(ball.mid - fitted[:, j]) + ball.rad + allowance
        square = square + comb(m, j) * size**2
    return np.asarray(np.sqrt(square) * OUTWARD)


def _over_cells(u: Any, symbols: Sequence[Any], cells: Cells) -> FloatArray:
    balls = ball_array_function(_derivatives(u, symbols, ORDER), symbols)(*cells.balls())
    square = sum(comb(ORDER, j) * ball.magnitude**2 for j, ball in enumerate(balls))
    return np.asarray(np.sqrt(np.broadcast_to(square, len(cells.centres))) * OUTWARD)


class _NetworkDerivatives:
    """Dᵐu_θ at the centres in float64, with an allowance for all roundings."""

    def __init__(
        self, features: tuple[FloatArray, FloatArray, FloatArray], cells: Cells, offset: int
    ) -> None:
        self.A, self.b, self.alpha = features
        self.offset = offset
        self.tanh = np.tanh(cells.centres @ self.A.T + self.b)
        self.lengths = np.linalg.norm(self.A, axis=-1) * OUTWARD
        self.reach = self.lengths * cells.outer.max() + np.abs(self.b)

    def at_centres(self, m: int) -> tuple[FloatArray, float]:
        slopes = _tanh_derivative(m + self.offset)(self.tanh)
        weights = [
            self.alpha * np.prod([self.A[:, i] ** e for i, e in enumerate(word)], axis=0)
            for word in _words(self.A.shape[1], m)
        ]
        return slopes @ np.stack(weights, axis=-1), self._allowance(m)

    def bound(self, m: int) -> float:
        """Σ|αₖ||aₖ|ᵐ sup|tanh^(m + offset)| bounds the Frobenius norm of Dᵐu_θ everywhere."""
        sizes = np.abs(self.alpha) * self.lengths**m
        return float(sizes.sum() * _largest(m + self.offset) * OUTWARD)

    def _allowance(self, m: int) -> float:
        """Sums of w terms; tanh of a rounded argument; the polynomial's own roundings."""
        order = m + self.offset
        sizes = np.abs(self.alpha) * self.lengths**m
        coefficients = float(np.abs(_tanh_derivative(order).coef).sum())
        each = coefficients * (len(self.b) + 8 * m + 16) + _largest(order + 1) * (
            1 + self.reach * (self.A.shape[1] + 2)
        )
        return float((sizes * each).sum() * _ROUNDING)


@cache
def _tanh_derivative(order: int) -> Polynomial:
    """P with tanh^(order) = P(tanh): P₀ = τ, P_{j+1} = P_j'(1 − τ²); integer coefficients."""
    P = Polynomial([0.0, 1.0])
    for _ in range(order):
        P = P.deriv() * Polynomial([1.0, 0.0, -1.0])
    return P


@cache
def _largest(order: int) -> float:
    """An upper bound of |tanh^(order)|: balls over [−1, 1], of which tanh takes every value."""
    count = 4096
    middle = (2 * np.arange(count) - count + 1) / count
    tau = BallArray(middle, np.full(count, OUTWARD / count))
    total = BallArray.of(0.0)
    for coefficient in _tanh_derivative(order).coef[::-1]:
        total = total * tau + float(coefficient)
    return float(total.magnitude.max())
