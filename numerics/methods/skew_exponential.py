"""The exponential of skew-symmetric matrices: rotations, orthogonal up to rounding."""

from __future__ import annotations

import numpy as np

from ...errors import ShapeError, StructureError
from ..elementary import cos, is_exact_kind, sin, sqrt
from ..systems.system import State
from .difference_quotient import unit_roundoff

_ROUNDINGS = 64  # the largest |S + Sᵀ| of a skew matrix, in roundings of |S|


def rotate(skew: State, y: State) -> State:
    """Return exp(S)y for skew S of shape (..., n, n) and y of shape (..., n).

    For n = 2 a rotation, for n = 3 Rodrigues' formula y + (sin θ/θ)Sy + ½(sin(θ/2)/(θ/2))²S²y with
    θ = √(S₁₂² + S₁₃² + S₂₃²), safe at every θ, 0 included; for larger n through the eigenvectors of
    the Hermitian matrix iS, which stay unitary where scaling and squaring loses digits; object
    arrays of mpmath numbers through mpmath.expm there. Guaranteed: |exp(S)y| = |y| up to rounding.
    Raises StructureError for a matrix that is not skew. Source: Rodrigues (1840); Golub and
    Van Loan, *Matrix Computations*, section 9.1 [D].

    >>> quarter = np.array([[0.0, -1.0], [1.0, 0.0]]) * np.pi / 2
    >>> rotate(quarter, np.array([1.0, 0.0])).round(12).tolist()
    [0.0, 1.0]
    """
    require_skew(skew)
    n = skew.shape[-1]
    if n == 1:
        return y
    if n == 2:
        return _rotate_plane(skew[..., 1, 0], y)
    if n == 3:
        return _rotate_space(skew, y)
    return _by_taylor(skew, y) if is_exact_kind(skew) else _by_eigenvectors(skew, y)


def commutator(A: State, B: State) -> State:
    """Return [A, B] = AB − BA of skew matrices, exactly skew in floating-point arithmetic too.

    >>> turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    >>> commutator(turn, turn).tolist()
    [[0.0, 0.0], [0.0, 0.0]]
    """
    product = A @ B
    return np.asarray(product - np.swapaxes(product, -1, -2))  # (AB)ᵀ = BA


def require_skew(matrix: State) -> None:
    """Raise StructureError unless the matrices of shape (..., n, n) are skew up to rounding.

    >>> require_skew(np.array([[0.0, 2.0], [-2.0, 0.0]]))
    """
    if matrix.ndim < 2 or matrix.shape[-1] != matrix.shape[-2]:
        raise ShapeError(
            came=f"a skew matrix of shape {matrix.shape}",
            expected="shape (..., n, n)",
            remedy="Return one square matrix for each state.",
        )
    defect = np.abs(matrix + np.swapaxes(matrix, -1, -2)).max(axis=(-1, -2))
    size = np.abs(matrix).max(axis=(-1, -2))
    # Written so that NaN is refused, too.
    if not np.all(defect <= _ROUNDINGS * unit_roundoff(matrix) * size):
        raise StructureError(
            came=f"a matrix S with |S + Sᵀ| = {float(np.max(defect)):.1e}",
            expected="a skew-symmetric matrix: its exponential is a rotation",
            remedy="Return A − Aᵀ.",
        )


def _apply(matrix: State, y: State) -> State:
    return np.asarray((matrix @ y[..., None])[..., 0])


def _rotate_plane(angle: State, y: State) -> State:
    c, s = cos(angle), sin(angle)
    return np.stack([c * y[..., 0] - s * y[..., 1], s * y[..., 0] + c * y[..., 1]], axis=-1)


def _rotate_space(skew: State, y: State) -> State:
    a, b, c = skew[..., 0, 1, None], skew[..., 0, 2, None], skew[..., 1, 2, None]
    angle = sqrt(a * a + b * b + c * c)
    once = _apply(skew, y)
    twice = _apply(skew, once)
    half = _sinc(angle / 2)
    return np.asarray(y + _sinc(angle) * once + half * half / 2 * twice)


def _sinc(x: State) -> State:
    """sin x/x, 1 at 0: no cancellation anywhere."""
    zero = x == 0
    return np.asarray(np.where(zero, 1, sin(x) / np.where(zero, 1, x)))


def _by_eigenvectors(skew: State, y: State) -> State:
    """y + V(e^(−iλ) − 1)V*y for iS = VλV*: small rotations have small errors."""
    angles, vectors = np.linalg.eigh(1j * skew)
    # The spectrum is symmetric about 0. What rounding takes off that would, for large angles, move
    # the phases of conjugate eigenvectors apart, and part of y into the imaginary numbers.
    angles = (angles - angles[..., ::-1]) / 2
    less_one = -2 * np.sin(angles / 2) ** 2 - 1j * np.sin(angles)
    components = _apply(np.conj(np.swapaxes(vectors, -1, -2)), y)
    turned = y + _apply(vectors, less_one * components).real
    return np.asarray(turned * _sizes_ratio(y, turned))


def _sizes_ratio(y: State, turned: State) -> State:
    """|y|/|turned|, shape (..., 1), and 1 where either is 0."""
    largest = np.maximum(np.abs(y), np.abs(turned)).max(axis=-1, keepdims=True)
    largest = np.where(largest == 0, 1, largest)  # squares of the quotients do not overflow
    before, after = (np.sqrt(((x / largest) ** 2).sum(-1, keepdims=True)) for x in (y, turned))
    return np.asarray(np.where((before == 0) | (after == 0), 1, before / np.where(after, after, 1)))


def _by_taylor(skew: State, y: State) -> State:
    import mpmath

    batch, n = np.broadcast_shapes(skew.shape[:-2], y.shape[:-1]), y.shape[-1]
    matrices, states = np.broadcast_to(skew, (*batch, n, n)), np.broadcast_to(y, (*batch, n))
    result = np.empty((*batch, n), dtype=object)
    for index in np.ndindex(*batch):
        exponential = mpmath.expm(mpmath.matrix(matrices[index].tolist()), method="taylor")
        result[index] = list(exponential * mpmath.matrix(states[index].tolist()))
    return result
