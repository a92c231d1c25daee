"""The largest eigenvalue of a symmetric matrix, rigorously from above, of either sign."""

from __future__ import annotations

import math

import numpy as np

from ...numerics.validation import FloatArray
from ..spectral.positive_definite import bound_negative_part
from ..spectral.rounding import SMALLEST, UNIT_ROUNDOFF, norm_above

_TRIALS = 10  # shifts, each 16 times farther than the one before


def bound_largest_eigenvalue(M: FloatArray) -> float:
    """Bound λ_max(M) of a symmetric float64 matrix from above, to about 1e-13·‖M‖ for small ones.

    λ_max(M) ≤ s + (negative part of sI − M) for every s; the first s is an estimate, a little
    raised. ∞ if an entry is not finite. Guaranteed under the model of ``spectral.rounding``.
    Source: flowcert [D].

    >>> -1.0 <= bound_largest_eigenvalue(np.diag([-1.0, -2.0])) < -1.0 + 1e-12
    True
    """
    if not np.all(np.isfinite(M)):
        return math.inf
    size = norm_above(M)
    if size == 0.0 or not math.isfinite(size):
        return size
    estimate = float(np.linalg.eigvalsh(M)[-1])
    margin = 8.0 * (len(M) + 8) ** 2 * UNIT_ROUNDOFF * size
    for k in range(_TRIALS):
        s = estimate + margin * 16.0**k
        shifted = s * np.eye(len(M)) - M
        # One rounding of each diagonal entry of sI − M.
        rounding = 2.0 * UNIT_ROUNDOFF * (abs(s) + size) + SMALLEST
        negative = bound_negative_part(shifted)
        if math.isfinite(negative):
            return raised(s + negative + rounding, abs(s) + negative + rounding)
    return size


def raised(value: float, size: float, roundings: int = 4) -> float:
    """Bound from above a sum computed as ``value``, of terms of absolute sum at most ``size``.

    >>> raised(1.0, 3.0) > 1.0
    True
    """
    safe = value + 2 * (roundings + 2) * UNIT_ROUNDOFF * size + roundings * SMALLEST
    return math.inf if math.isnan(safe) else float(safe)
