"""Dense matrices: W x on the last axis, and rigorous bounds of its singular values."""

from __future__ import annotations

import math

import numpy as np
import scipy.linalg

from ...numerics.validation import FloatArray
from .linear_map import LinearMap, Shape
from .positive_definite import bound_negative_part
from .rounding import UNIT_ROUNDOFF, above, below, gamma, norm_above, norm_below, power_of_two
from .singular_values import SingularValues

_MARGIN = 4e-7  # s = λ(1 + margin): wide enough for Cholesky to succeed at n = 4096


class Dense(LinearMap):
    """y[..., i] = Σⱼ W[i, j]·x[..., j] on the last axis of ``input_shape``.

    >>> float(Dense(np.diag([3.0, -4.0]), (2,)).singular_values().largest) < 4.00001
    True
    """

    def __init__(self, weight: FloatArray, input_shape: Shape, norm_error: float = 0.0) -> None:
        self.weight = np.asarray(weight, dtype=np.float64)
        self.input_shape = tuple(input_shape)
        self.output_shape = (*self.input_shape[:-1], len(self.weight))
        self.terms = self.weight.shape[1]
        self.norm_error = norm_error

    def apply(self, x: FloatArray) -> FloatArray:
        return np.asarray(x @ self.weight.T)

    def adjoint(self, y: FloatArray) -> FloatArray:
        return np.asarray(y @ self.weight)

    def absolute(self) -> Dense:
        return Dense(np.abs(self.weight), self.input_shape)

    def singular_values(self, *, smallest: bool = False) -> SingularValues:
        return bound_dense(self.weight, smallest=smallest, norm_error=self.norm_error)


def bound_dense(
    matrix: FloatArray, *, smallest: bool = False, norm_error: float = 0.0
) -> SingularValues:
    """Bound σ_min and σ_max of a float64 matrix A from both sides.

    λ_max(AᵀA) ≤ s + (negative part of sI − G), G = fl(AᵀA), plus the rounding of G; the lower end
    of σ_max is |Av|/|v| at a computed singular vector. Guaranteed under the model of ``rounding``;
    ``norm_error`` ≥ ‖Â − A‖ widens the bracket where entries were rounded. Source: flowcert,
    proofs of E [D].

    >>> values = bound_dense(np.array([[3.0, 0.0], [0.0, 4.0]]), smallest=True)
    >>> values.smallest <= 3.0, values.largest_lower <= 4.0 <= values.largest
    (True, True)
    """
    scale = power_of_two(matrix)
    wide = matrix.shape[0] < matrix.shape[1]
    if scale == 0.0:
        return SingularValues(0.0, 0.0, norm_error, "zero matrix", "the matrix is zero")
    A = matrix / scale
    if wide:
        A = A.T  # σ_max is the same, and the Gram matrix is smaller
    m, n = A.shape
    G = A.T @ A
    size = norm_above(A)
    # |fl(AᵀA) − AᵀA| ≤ γ_m |A|ᵀ|A| entrywise, and what underflows.
    gram_error = above(gamma(m) * size * size + m * n * 2.0**-1070, 4)
    values, vectors = scipy.linalg.eigh(G, subset_by_index=[n - 1, n - 1])
    top = max(float(values[-1]), float(np.max(np.diag(G))))
    largest = _largest_eigenvalue(G, top, gram_error)
    v = vectors[:, -1]
    image = norm_below(A @ v) - above(gamma(n) * size * norm_above(v), 4)
    lower = below(max(image, 0.0) / norm_above(v), 4)
    low, reason = 0.0, "not asked for"
    if smallest:
        low, reason = (0.0, "fewer rows than columns") if wide else _smallest(G, gram_error)
    return SingularValues(
        _minus(below(math.sqrt(low) * scale, 3), norm_error),
        _minus(below(lower * scale, 3), norm_error),
        above(math.sqrt(largest) * scale + norm_error, 4),
        "shifted Cholesky of the Gram matrix",
        reason,
    )


def _minus(value: float, error: float) -> float:
    """Value − error from below, for norms: never negative."""
    return value if error == 0.0 else below(max(value - error, 0.0), 2)


def _largest_eigenvalue(G: FloatArray, estimate: float, gram_error: float) -> float:
    """λ_max of the exact Gram matrix from above: G + gram_error, through a shift that succeeds."""
    margin = _MARGIN
    for _ in range(8):
        s = estimate * (1.0 + margin)
        M = -G
        M[np.diag_indices_from(M)] += s
        # One rounding of each diagonal entry.
        shift_error = 2.0 * UNIT_ROUNDOFF * above(s + float(np.max(np.abs(np.diag(G)))), 2)
        negative = bound_negative_part(M)
        if math.isfinite(negative):
            return above(s + negative + shift_error + gram_error, 6)
        margin *= 16.0
    # λ_max ≤ trace: always true, never sharp.
    return above(float(np.trace(G)) + gram_error, len(G) + 2)


def _smallest(G: FloatArray, gram_error: float) -> tuple[float, str]:
    """λ_min of the exact Gram matrix from below, and why it is 0 if it is."""
    estimate = float(scipy.linalg.eigh(G, eigvals_only=True, subset_by_index=[0, 0])[0])
    for shrink in (1e-7, 1e-4, 1e-2, 0.5):
        s = estimate * (1.0 - shrink)
        if s <= 0.0:
            break
        M = G.copy()
        M[np.diag_indices_from(M)] -= s
        shift_error = 2.0 * UNIT_ROUNDOFF * above(s + float(np.max(np.abs(np.diag(G)))), 2)
        lost = bound_negative_part(M) + shift_error + gram_error
        if lost < s:
            return below(s - above(lost, 4), 2), ""
    return 0.0, "too small to be told from 0 in float64"
