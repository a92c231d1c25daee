"""Is a symmetric matrix certainly positive semidefinite? Cholesky, and what its factor proves."""

from __future__ import annotations

import math

import numpy as np
import scipy.linalg

from ...numerics.validation import FloatArray
from .rounding import SMALLEST, above, gamma, norm_above


def bound_negative_part(M: FloatArray) -> float:
    """Bound max(0, −λ_min(M)) of a symmetric float64 matrix from above; ∞ if Cholesky fails.

    With L = chol(M) as computed, however: LLᵀ ⪰ 0, so λ_min(M) ≥ −‖M − LLᵀ‖_F, and the residual
    is computed with its rounding, γ_n‖L‖²_F (Higham 2002, section 3.5). Only the lower triangle
    of M is read. Guaranteed under the model of ``rounding``. Source: flowcert, proofs of E [D].

    >>> bound_negative_part(np.eye(3)) < 1e-14, bound_negative_part(-np.eye(3))
    (True, inf)
    """
    n = len(M)
    try:
        L = scipy.linalg.cholesky(M, lower=True, check_finite=True)
    except (np.linalg.LinAlgError, ValueError):
        return math.inf
    residual = np.tril(L @ L.T - M)
    # An entry below the diagonal stands for two; float64's √2 is larger than √2.
    size = math.sqrt(2.0) * norm_above(residual)
    # fl(LLᵀ) errs by γ_n|L||L|ᵀ, of Frobenius norm at most γ_n‖L‖²_F, and by n underflows an
    # entry; the subtraction by u|residual|, which is one of the roundings that ``above`` allows.
    factor = norm_above(L)
    return above(size + gamma(n) * factor * factor + n * n * SMALLEST, 8)
