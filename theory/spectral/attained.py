"""‖A‖ from below: |Av|/|v| at a vector that Lanczos steps have found, rounded downward."""

from __future__ import annotations

import math

import numpy as np
import scipy.linalg

from ...numerics.validation import FloatArray
from .linear_map import LinearMap
from .rounding import SMALLEST, above, below, gamma, norm_above, norm_below


def bound_norm_at(A: LinearMap, v: FloatArray, absolute_norm: float) -> float:
    """Bound ‖A‖ from below by |Av|/|v|; ``absolute_norm`` bounds the norm of the map of |aᵢⱼ|.

    fl(Av) errs by at most γ_n·‖|A|‖·|v|, n the terms of an entry. Guaranteed under the model of
    ``rounding``, whatever v is.

    >>> from .dense import Dense
    >>> 4.99999 < bound_norm_at(Dense(np.diag([3.0, 5.0]), (2,)), np.array([0.0, 1.0]), 5.0) <= 5.0
    True
    """
    length = norm_above(v)
    if length == 0.0:
        return 0.0
    image = A.apply(v)
    error = gamma(A.terms + 2) * absolute_norm * length + A.norm_error * length
    underflow = 2 * A.rows * (A.terms + 2) * SMALLEST * max(1.0, length)
    return below(max(norm_below(image) - above(error + underflow, 6), 0.0) / length, 3)


def lanczos_vector(A: LinearMap, start: FloatArray, steps: int) -> FloatArray:
    """Return the vector of largest |Av|/|v| that ``steps`` Lanczos steps of AᵀA find.

    All basis vectors are kept orthogonal. Without guarantee: ``bound_norm_at`` gives one.
    """
    length = float(np.linalg.norm(start))
    if length == 0.0 or steps < 1:
        return start
    basis = [start.ravel() / length]
    diagonal: list[float] = []
    beside: list[float] = []
    for _ in range(steps):
        w = A.adjoint(A.apply(basis[-1].reshape(A.input_shape))).ravel()
        diagonal.append(float(w @ basis[-1]))
        stacked = np.stack(basis)
        for _ in range(2):  # twice is enough
            w = w - (stacked @ w) @ stacked
        size = float(np.linalg.norm(w))
        if size <= 1e-10 * max(diagonal) or not math.isfinite(size):
            break
        beside.append(size)
        basis.append(w / size)
    k = len(diagonal)
    _, vectors = scipy.linalg.eigh_tridiagonal(
        np.array(diagonal), np.array(beside[: k - 1]), select="i", select_range=(k - 1, k - 1)
    )
    return np.asarray(vectors[:, 0] @ np.stack(basis[:k])).reshape(A.input_shape)
