"""Dense matrices: W x on the last axis, and rigorous bounds of its singular values."""

from __future__ import annotations

import math
from contextlib import nullcontext

import numpy as np
import scipy.linalg

from ...errors import ShapeError
from ...numerics.validation import FloatArray, finite_array
from .linear_map import LinearMap, Shape
from .positive_definite import bound_negative_part
from .rounding import UNIT_ROUNDOFF, above, below, gamma, norm_above, norm_below, power_of_two
from .singular_values import SingularValues
from .threads import one_thread

_FOR_ONE_THREAD = 600  # columns up to which a second thread does not pay


class Dense(LinearMap):
    """y[..., i] = Σⱼ W[i, j]·x[..., j] on the last axis of ``input_shape``.

    >>> float(Dense(np.diag([3.0, -4.0]), (2,)).singular_values().largest) < 4.00001
    True
    """

    def __init__(self, weight: FloatArray, input_shape: Shape, norm_error: float = 0.0) -> None:
        self.weight = as_matrix(weight)
        self.input_shape = tuple(input_shape)
        if not input_shape or input_shape[-1] != self.weight.shape[1]:
            raise ShapeError(
                came=f"a matrix of shape {self.weight.shape} for a value of shape {input_shape}",
                expected="as many columns as the last axis is long",
                remedy="Put the axis that the matrix acts on last.",
            )
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
    """Bound σ_min and σ_max of a matrix A from both sides, to about 10⁻⁸ of σ_max.

    λ_max(AᵀA) ≤ s + (negative part of sI − G), G = fl(AᵀA), plus the rounding of G; the lower end
    of σ_max is |Av|/|v| at a computed singular vector. Guaranteed under the model of ``rounding``;
    ``norm_error`` ≥ ‖Â − A‖ widens the bracket where entries were rounded. Raises DomainError for
    NaN and infinite entries, ShapeError if it is no matrix. Source: flowcert, proofs of E [D].

    >>> values = bound_dense(np.array([[3.0, 0.0], [0.0, 4.0]]), smallest=True)
    >>> values.smallest <= 3.0, values.largest_lower <= 4.0 <= values.largest
    (True, True)
    """
    matrix = as_matrix(matrix)
    scale = power_of_two(matrix)
    if scale == 0.0:
        return SingularValues(0.0, 0.0, norm_error, "zero matrix", "the matrix is zero")
    with one_thread() if min(matrix.shape) <= _FOR_ONE_THREAD else nullcontext():
        return _bound_scaled(matrix, scale, smallest, norm_error)


def _bound_scaled(
    matrix: FloatArray, scale: float, smallest: bool, norm_error: float
) -> SingularValues:
    wide = matrix.shape[0] < matrix.shape[1]
    A = matrix / scale  # up to 2⁻¹⁰⁷⁵ an entry, where it underflows
    if wide:
        A = A.T  # σ_max is the same, and the Gram matrix is smaller
    m, n = A.shape
    G = A.T @ A
    size = norm_above(A)
    # |fl(AᵀA) − AᵀA| ≤ γ_m|A|ᵀ|A| entrywise, whose norm is at most γ_m‖A‖²_F; and what underflows,
    # in A (2·‖A‖_F·√(mn)·2⁻¹⁰⁷⁵) and in the products (n·m·2⁻¹⁰⁷⁴).
    gram_error = above(gamma(m) * size * size + m * n * 2.0**-1070, 4)
    value, vector = estimate_eigenpair(G, n - 1)
    # The largest entry is at least ½, hence a diagonal entry at least ¼.
    top = max(value, float(np.max(np.diag(G))))
    largest = _largest_eigenvalue(G, top, gram_error)
    low, reason = 0.0, "not asked for"
    if smallest:
        low, reason = (0.0, "fewer rows than columns") if wide else _smallest(A, G, gram_error)
    return SingularValues(
        _minus(below(low * scale, 2), norm_error),
        _minus(below(_stretch(A, vector, size) * scale, 2), norm_error),
        above(above(math.sqrt(largest) * scale, 2) + norm_error),
        "shifted Cholesky of the Gram matrix",
        reason,
    )


def estimate_eigenpair(G: FloatArray, index: int) -> tuple[float, FloatArray]:
    """Estimate one eigenvalue of a Hermitian matrix, counted from the smallest, and its vector.

    >>> round(estimate_eigenpair(np.diag([3.0, 4.0]), 1)[0], 9)
    4.0
    """
    values, vectors = scipy.linalg.eigh(G, subset_by_index=[index, index])
    if values.size == 0:  # LAPACK's subset driver finds nothing in some clusters of eigenvalues
        values, vectors = scipy.linalg.eigh(G)
        return float(values[index]), vectors[:, index]
    return float(values[0]), vectors[:, 0]


def as_matrix(matrix: FloatArray) -> FloatArray:
    """Return a finite, non-empty matrix as float64: float32 products would err by 2⁻²⁴.

    >>> as_matrix(np.eye(2, dtype=np.float32)).dtype
    dtype('float64')
    """
    checked = finite_array("matrix", matrix)
    if checked.ndim != 2 or 0 in checked.shape:
        raise ShapeError(
            came=f"an array of shape {checked.shape}",
            expected="a matrix with at least one row and one column",
            remedy="Flatten the weight to (outputs, inputs).",
        )
    return checked


def _minus(value: float, error: float) -> float:
    """Value − error from below, for norms: never negative."""
    return value if error == 0.0 else below(max(value - error, 0.0), 2)


def _margins(n: int) -> list[float]:
    """Relative shifts to try: the first is some times the backward error of Cholesky, n²u."""
    first = 8.0 * (n + 8) ** 2 * UNIT_ROUNDOFF
    return [first * 16.0**k for k in range(8)]


def _stretch(A: FloatArray, v: FloatArray, size: float) -> float:
    """|Av|/|v| from below, ``size`` ≥ ‖A‖_F: a lower bound of σ_max whatever v is."""
    m, n = A.shape
    if not np.all(np.isfinite(v)):
        return 0.0
    # |fl(Av) − Av| ≤ γ_n|A||v|, of norm at most γ_n‖A‖_F|v|; √m·n underflows; A itself (2⁻¹⁰⁷⁵).
    length = norm_above(v)
    lost = above(gamma(n) * size * length + m * n * 2.0**-1070, 4)
    return below(max(norm_below(A @ v) - lost, 0.0) / length, 2) if length > 0.0 else 0.0


def _largest_eigenvalue(G: FloatArray, estimate: float, gram_error: float) -> float:
    """λ_max of the exact Gram matrix from above: G + gram_error, through a shift that succeeds."""
    for margin in _margins(len(G)):
        s = estimate * (1.0 + margin)
        negative = _bound_shifted(-G, s)
        if math.isfinite(negative):
            return above(s + negative + gram_error, 3)
    # λ_max ≤ trace: always true, never sharp. |trace(G) − ‖A‖²_F| ≤ gram_error.
    return above(float(np.trace(G)) + gram_error, len(G) + 2)


def _bound_shifted(M: FloatArray, shift: float) -> float:
    """The negative part of M + shift·I from above; M is overwritten."""
    diagonal = np.diag_indices_from(M)
    # One rounding of each diagonal entry, at most u(|Mᵢᵢ| + |shift|).
    rounding = 2.0 * UNIT_ROUNDOFF * above(float(np.max(np.abs(M[diagonal]))) + abs(shift))
    M[diagonal] += shift
    return above(bound_negative_part(M) + rounding, 2)


def _smallest(A: FloatArray, G: FloatArray, gram_error: float) -> tuple[float, str]:
    """σ_min(A) from below, and why it is 0 if it is."""
    estimate, _ = estimate_eigenpair(G, 0)
    top = float(np.max(np.diag(G)))
    for margin in _margins(len(G)):
        s = estimate - margin * top
        if s <= 0.5 * estimate:
            break  # the Gram matrix has lost it
        lost = above(_bound_shifted(G.copy(), -s) + gram_error)
        if lost < s:
            return below(math.sqrt(below(s - lost, 1)), 1), ""
    return _by_left_inverse(A)


def _by_left_inverse(A: FloatArray) -> tuple[float, str]:
    """σ_min(A) ≥ (1 − ‖XA − I‖)/‖X‖ for any X: X(Av) = v + (XA − I)v.

    Reaches condition numbers of about 10¹², where the Gram matrix stops at 10⁷.
    """
    m, n = A.shape
    unknown = (0.0, "too small to be told from 0 in float64")
    try:
        Q, R = scipy.linalg.qr(A, mode="economic")
        if np.min(np.abs(np.diag(R))) < 2.0**-60:
            return unknown
        X = scipy.linalg.solve_triangular(R, Q.T)
    except np.linalg.LinAlgError:
        return unknown
    if norm_above(X) > 2.0**60:
        return unknown  # the rounding of XA would exceed 1
    residual = X @ A
    residual[np.diag_indices(n)] -= 1.0  # one rounding, of what is left
    # γ_m|X||A|, the products that underflow, and A itself (2⁻¹⁰⁷⁵ an entry, times ‖X‖ ≤ 2⁶⁰).
    rounding = gamma(m) * norm_above(X) * norm_above(A) + n * m * 2.0**-1000
    lost = above(norm_above(residual) + rounding, 8)
    if lost >= 1.0:
        return unknown
    return below(below(1.0 - lost) / bound_dense(X).largest), ""
