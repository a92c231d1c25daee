"""Linear programs over matrix inequalities, small and dense, by a logarithmic barrier.

A search only: nothing that it returns is trusted before it has been verified exactly.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...numerics.validation import FloatArray

_GROWTH = 8.0
_NEWTON_STEPS = 60
_SHORTEST = 1e-10


def minimise(
    cost: FloatArray,
    constant: FloatArray,
    terms: Sequence[FloatArray],
    start: FloatArray,
    gap: float = 1e-11,
) -> tuple[FloatArray, list[FloatArray]]:
    """Return x, which nearly minimises cost·x under F(x) = F₀ + Σ xᵢFᵢ ⪰ 0, and dual matrices.

    ``constant`` is F₀ and ``terms`` are the Fᵢ, symmetric (m, m); ``start`` (k,) makes F positive
    definite. Every iterate does, up to rounding. The duals Z = F⁻¹/t ⪰ 0 along the central path
    satisfy tr(FᵢZ) ≈ costᵢ; later ones are nearer to the optimum, and rounding hurts them more.
    Source: Boyd and Vandenberghe, *Convex Optimization*, section 11.6 [D].

    >>> one = np.eye(1)
    >>> x, duals = minimise(np.ones(1), -2 * one, [one], np.array([5.0]))
    >>> bool(abs(x[0] - 2) < 1e-9), bool(abs(duals[-1][0, 0] - 1) < 1e-6)
    (True, True)
    """
    stacked = np.stack(terms)
    x, t = start, 1.0
    duals: list[FloatArray] = []
    while len(constant) / t > gap / _GROWTH:
        x = _centre(t * cost, constant, stacked, x)
        try:
            duals.append(np.asarray(np.linalg.inv(constant + np.tensordot(x, stacked, 1)) / t))
        except np.linalg.LinAlgError:
            break  # float64 carries no further; what was reached is good enough to be tried
        t *= _GROWTH
    return x, duals


def _centre(cost: FloatArray, constant: FloatArray, terms: FloatArray, x: FloatArray) -> FloatArray:
    """Newton's method on cost·x − log det F(x), as far as rounding lets it go."""
    value = _barrier(cost, constant, terms, x)
    for _ in range(_NEWTON_STEPS):
        try:
            inverse = np.linalg.inv(constant + np.tensordot(x, terms, 1))
        except np.linalg.LinAlgError:
            return x
        scaled = inverse @ terms
        gradient = cost - np.trace(scaled, axis1=1, axis2=2)
        hessian = np.einsum("iab,jba->ij", scaled, scaled)
        direction = -np.linalg.lstsq(hessian, gradient, rcond=None)[0]
        decrement = -float(gradient @ direction)
        if not decrement > 1e-9:
            return x
        length = 1.0
        while True:
            trial = x + length * direction
            reached = _barrier(cost, constant, terms, trial)
            if reached <= value - 0.1 * length * decrement:
                break
            length /= 2
            if length < _SHORTEST:
                return x
        x, value = trial, reached
    return x


def _barrier(cost: FloatArray, constant: FloatArray, terms: FloatArray, x: FloatArray) -> float:
    try:
        factor = np.linalg.cholesky(constant + np.tensordot(x, terms, 1))
    except np.linalg.LinAlgError:
        return np.inf
    return float(cost @ x - 2 * np.sum(np.log(np.diag(factor))))
