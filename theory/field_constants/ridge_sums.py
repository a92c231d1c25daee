"""Jacobians of the form C + Σ_k w_k d_k g_k a_kᵀ, slopes d_k in intervals: their worst case.

Write d_k = c_k + e_k with |e_k| ≤ r_k. For every s_k > 0, ±(g_k a_kᵀ + a_k g_kᵀ) ⪯
s_k⁻¹ g_k g_kᵀ + s_k a_k a_kᵀ, so that with X = C + Σ w_k c_k g_k a_kᵀ,
P = Σ |w_k|r_k s_k⁻¹ g_k g_kᵀ and Q = Σ |w_k|r_k s_k a_k a_kᵀ

    λ_max(sym J) ≤ ½ λ_max(X + Xᵀ + P + Q),    ‖J‖ ≤ λ_max([[P, X], [Xᵀ, Q]]).

For gradients (g_k = a_k, s_k = 1) both are attained by slopes at the ends of their intervals.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...numerics.validation import FloatArray
from ..interval import Interval
from ..spectral.rounding import SMALLEST, above, gamma, norm_above
from .eigenvalues import bound_largest_eigenvalue, raised


@dataclass(frozen=True)
class JacobianBounds:
    """‖J‖ ≤ ``norm`` and λ_max(sym J) ≤ ``logarithmic_norm`` for every Jacobian on the ball.

    >>> JacobianBounds(2.0, 3.0).consistent().logarithmic_norm
    2.0
    """

    norm: float
    logarithmic_norm: float

    def consistent(self) -> JacobianBounds:
        """Return the same with λ_max(sym J) ≤ ‖J‖ made use of."""
        return JacobianBounds(self.norm, min(self.norm, self.logarithmic_norm))

    def plus(self, other: JacobianBounds) -> JacobianBounds:
        """Return bounds of a sum: norms and logarithmic norms are subadditive."""
        return JacobianBounds(
            raised(self.norm + other.norm, self.norm + other.norm),
            raised(
                self.logarithmic_norm + other.logarithmic_norm,
                abs(self.logarithmic_norm) + abs(other.logarithmic_norm),
            ),
        )


def bound_ridge_sum(
    left: FloatArray,
    right: FloatArray,
    weights: FloatArray,
    slopes: Interval,
    constant: FloatArray | None = None,
) -> JacobianBounds:
    """Bound J = C + Σ_k w_k d_k g_k a_kᵀ over all slopes d_k in their intervals.

    ``left`` (m, n) the g_k, ``right`` (m, n) the a_k, ``weights`` (m,) of any sign, ``constant``
    C (default 0) (n, n). The better of the scalings s_k = |g_k|/|a_k| and s = ‖G‖_F/‖A‖_F.
    Guaranteed under the model of ``spectral.rounding``. Source: flowcert [D].

    >>> unit, slopes = np.eye(2), Interval(np.zeros(2), np.ones(2))
    >>> bounds = bound_ridge_sum(unit, unit, np.array([1.0, -2.0]), slopes)
    >>> bool(2.0 <= bounds.norm < 2.0001), bool(1.0 <= bounds.logarithmic_norm < 1.0001)
    (True, True)
    """
    present = np.any(left != 0.0, axis=1) & np.any(right != 0.0, axis=1) & (weights != 0.0)
    C = np.zeros((left.shape[1], left.shape[1])) if constant is None else constant
    left, right, weights = left[present], right[present], weights[present]
    slopes = Interval(slopes.lower[present], slopes.upper[present])
    g, a = _lengths(left), _lengths(right)
    with np.errstate(all="ignore"):  # whatever positive numbers these are, the bound holds
        ratio, uniform = g / a, np.full(len(g), np.linalg.norm(g) / np.linalg.norm(a))
    scalings = [np.where(np.isfinite(s) & (s > 0.0), s, 1.0) for s in (ratio, uniform)]
    found = [_bound_scaled(C, left, right, weights, slopes, s) for s in scalings]
    return JacobianBounds(
        min(bounds.norm for bounds in found), min(bounds.logarithmic_norm for bounds in found)
    ).consistent()


def _bound_scaled(
    C: FloatArray,
    G: FloatArray,
    A: FloatArray,
    w: FloatArray,
    slopes: Interval,
    s: FloatArray,
) -> JacobianBounds:
    centre, radius = middle(slopes)
    spread = np.abs(w) * radius
    with np.errstate(over="ignore", invalid="ignore"):
        X, x = _weighted(G, w * centre, A)
        X, x = X + C, above(x + gamma(1) * (norm_above(X) + norm_above(C)), 4)
        P, p = _weighted(G, spread / s, G)
        Q, q = _weighted(A, spread * s, A)
        symmetric = 0.5 * (X + X.T + P + Q)
        block = np.block([[P, X], [X.T, Q]])
        symmetric, block = 0.5 * (symmetric + symmetric.T), 0.5 * (block + block.T)
    # At most five roundings of each entry of these sums, of at most the size of their terms.
    size = above(2.0 * norm_above(X) + norm_above(P) + norm_above(Q), 4)
    error = above(2.0 * x + p + q + gamma(5) * size, 6)
    logarithmic = bound_largest_eigenvalue(symmetric)
    norm = bound_largest_eigenvalue(block)
    return JacobianBounds(
        raised(norm + error, abs(norm) + error),
        raised(logarithmic + error, abs(logarithmic) + error),
    )


def _lengths(rows: FloatArray) -> FloatArray:
    """The norms of non-zero rows, roughly, without underflow."""
    peak = np.max(np.abs(rows), axis=1)
    return np.asarray(peak * np.linalg.norm(rows / peak[:, None], axis=1))


def middle(interval: Interval) -> tuple[FloatArray, FloatArray]:
    """Return floats c and r with [lower, upper] ⊆ [c − r, c + r].

    >>> [float(end[0]) for end in middle(Interval(np.zeros(1), np.ones(1)))]
    [0.5, 0.5]
    """
    c = 0.5 * interval.lower + 0.5 * interval.upper
    r = np.maximum((Interval.of(c) - interval.lower).upper, (interval.upper - Interval.of(c)).upper)
    return np.asarray(c), np.asarray(r)


def _weighted(G: FloatArray, w: FloatArray, A: FloatArray) -> tuple[FloatArray, float]:
    """Gᵀdiag(w)A and a bound of its error in norm, ``w`` itself being up to three roundings off."""
    m, n = A.shape
    terms = np.abs(G).T @ (np.abs(w)[:, None] * np.abs(A))
    size = above(norm_above(terms), m + n * n + 8)
    # Products that underflow: w, w·a and g·(w·a), each off by the smallest number.
    scale = 1.0 + norm_above(G) + norm_above(A) + above(norm_above(G) * norm_above(A))
    return G.T @ (w[:, None] * A), above(gamma(m + 8) * size + 8 * m * n * n * SMALLEST * scale, 8)
