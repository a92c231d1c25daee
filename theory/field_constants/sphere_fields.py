"""The Jacobian of S(x)x on a ball: S(x) + Σ_k d_k (K_k x)a_kᵀ, with σ_k and d_k in intervals."""

from __future__ import annotations

import math

import numpy as np

from ...numerics import SphereField
from ...numerics.validation import FloatArray
from ..spectral.dense import bound_dense
from ..spectral.rounding import SMALLEST, above, gamma, norm_above
from .cells import Ball
from .ridge_sums import JacobianBounds, bound_ridge_sum, middle
from .slopes import bound_slopes, bound_values, preactivations


def bound_sphere_field(field: SphereField, ball: Ball) -> JacobianBounds:
    """Bound the Jacobians of S(x)x on the ball |x − c| ≤ ρ.

    With x = c + e they are S(x) + Σ d_k (K_k c)a_kᵀ + Σ d_k (K_k e)a_kᵀ. S is skew and adds nothing
    to λ_max(sym Df). With u_k ≥ d_k the last sum is at most ½ρ Σ u_k(‖K_k‖|a_k| + |K_kᵀa_k|) in
    λ_max(sym ·), ρ Σ u_k ‖K_k‖|a_k| in norm, and in both, by Cauchy's inequality,
    ρ√(‖Σ u_k w_k a_ka_kᵀ‖·‖Σ (u_k/w_k) K_kK_kᵀ‖) for every w_k > 0. Guaranteed under the
    assumptions of ``slopes`` and ``spectral.rounding``. Source: flowcert [D].

    >>> f = SphereField([[1.0, 0.0]], None, [[[0.0, -1.0], [1.0, 0.0]]])
    >>> bounds = bound_sphere_field(f, Ball(np.zeros(2), 2.0))
    >>> bool(2.0 <= bounds.logarithmic_norm < 2.0001)
    True
    """
    low, high = preactivations(field.A, field.b, ball)
    if not (np.all(np.isfinite(low)) and np.all(np.isfinite(high))):
        return JacobianBounds(math.inf, math.inf)
    slopes = bound_slopes(field.activation, low, high)
    steepest = np.maximum(np.abs(slopes.lower), np.abs(slopes.upper))
    turns = np.array([bound_dense(K).largest for K in field.skew])
    lengths = np.array([norm_above(row) for row in field.A])
    rotation, spread = _rotation(field, low, high, turns)
    with np.errstate(over="ignore", invalid="ignore"):
        turned = field.skew @ ball.centre
    if not (np.all(np.isfinite(rotation)) and np.all(np.isfinite(turned))):
        return JacobianBounds(math.inf, math.inf)
    at_centre = bound_ridge_sum(turned, field.A, np.ones(len(turned)), slopes, rotation)
    lost = _turning_error(field, ball.centre, steepest, lengths)
    around = _around(field, steepest, turns, lengths)
    rest = JacobianBounds(
        above(ball.radius * around.norm + spread + lost, 4),
        above(ball.radius * around.logarithmic_norm + lost, 3),
    )
    return at_centre.plus(rest).consistent()


def _turning_error(
    field: SphereField, centre: FloatArray, steepest: FloatArray, lengths: FloatArray
) -> float:
    """Σ u_k|fl(K_k c) − K_k c||a_k|, at most γ_n Σ u_k ||K_k||c|| |a_k|; 0 for c = 0."""
    if not np.any(centre):
        return 0.0
    n = len(centre)
    sizes = np.array([norm_above(K) for K in np.abs(field.skew) @ np.abs(centre)])
    errors = (gamma(n + 2) * sizes + n * SMALLEST) * lengths * steepest
    return above(float(errors.sum()), 2 * n + len(lengths) + 8)


def _around(
    field: SphereField, steepest: FloatArray, turns: FloatArray, lengths: FloatArray
) -> JacobianBounds:
    """The bounds of Σ d_k (K_k e)a_kᵀ over all |e| ≤ 1 and |d_k| ≤ u_k."""
    with np.errstate(over="ignore", invalid="ignore"):
        pairs = steepest * turns * lengths
        along = np.array([_product_norm(K, a) for K, a in zip(field.skew, field.A, strict=True)])
        halves = 0.5 * (pairs + steepest * along)
    joint, terms = _joint(field, steepest, turns, lengths), len(lengths) + 6
    norm = min(above(float(pairs.sum()), terms), joint)
    return JacobianBounds(norm, above(float(halves.sum()), terms)).consistent()


def _rotation(
    field: SphereField, low: FloatArray, high: FloatArray, turns: FloatArray
) -> tuple[FloatArray, float]:
    """A skew matrix C and a bound of ‖S(x) − C‖: Σ c_k K_k and Σ r_k‖K_k‖ for σ_k in c_k ± r_k."""
    centre, spread = middle(bound_values(field.activation, low, high))
    with np.errstate(over="ignore", invalid="ignore"):
        combined = np.tensordot(centre, field.skew, axes=1)
        terms = np.tensordot(np.abs(centre), np.abs(field.skew), axes=1)
    m = len(centre)
    error = above(gamma(m + 2) * norm_above(terms) + m * combined.size * SMALLEST, m + 4)
    # Rounding could spoil the skew symmetry only up to the error that is counted.
    skew = np.tril(combined, -1)
    return skew - skew.T, above(error + float(spread @ turns), m + 4)


def _joint(
    field: SphereField, steepest: FloatArray, turns: FloatArray, lengths: FloatArray
) -> float:
    """√(‖Σ u_k w_k a_ka_kᵀ‖·‖Σ (u_k/w_k) K_kK_kᵀ‖) with w_k = ‖K_k‖/|a_k|."""
    present = (turns > 0.0) & (lengths > 0.0) & (steepest > 0.0)
    if not np.any(present):
        return math.inf  # the sums over k know better
    with np.errstate(all="ignore"):
        w = turns[present] / lengths[present]
        by_rows = np.sqrt(steepest[present] * w)[:, None] * field.A[present]
        by_turns = np.sqrt(steepest[present] / w)[:, None, None] * field.skew[present]
    wide = by_turns.transpose(1, 0, 2).reshape(field.dimension, -1)
    if not (np.all(np.isfinite(by_rows)) and np.all(np.isfinite(wide))):
        return math.inf
    # Three roundings of every entry, and underflow.
    return above(_rounded_norm(by_rows) * _rounded_norm(wide), 2)


def _rounded_norm(M: FloatArray) -> float:
    """‖M‖ where every entry was computed by at most four roundings."""
    return above(bound_dense(M).largest + gamma(5) * norm_above(M) + M.size * 2.0**-500, 4)


def _product_norm(K: FloatArray, a: FloatArray) -> float:
    """|Kᵀa| from above."""
    error = above(gamma(len(a) + 1) * norm_above(np.abs(K).T @ np.abs(a)), len(a) + 2)
    return above(norm_above(K.T @ a) + error + len(a) ** 2 * SMALLEST)
