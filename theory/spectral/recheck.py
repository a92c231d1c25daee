"""Bounds of singular values decided again in exact integers: no rounding, no LAPACK to trust."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import scipy.linalg

from ...errors import DomainError
from ...numerics.validation import FloatArray
from .dense import as_matrix

LARGEST_DECIDED = 96  # rows of a Gram matrix whose characteristic polynomial is affordable

Integers = Sequence[Sequence[int]]


def recheck_dense(matrix: FloatArray, upper: float, *, lower: float = 0.0) -> bool:
    """Whether ``lower`` ≤ σ_min(A) and σ_max(A) ≤ ``upper`` are proved in exact integers.

    upper²I − AᵀA ⪰ 0, and AᵀA − lower²I ⪰ 0: either a float64 Cholesky factor L leaves an exact
    residual that a small multiple of I outweighs, or (up to 96 rows or columns) the signs of the
    characteristic polynomial decide. Up to 96, False means that a bound is wrong; beyond, that
    it was not proved. n = 64: 0.1 s, n = 512: some seconds. Raises as ``bound_dense``, and
    DomainError for NaN bounds. Source: flowcert, proofs of E [D].

    >>> recheck_dense(np.array([[3.0, 0.0], [0.0, 4.0]]), 4.0, lower=3.0)
    True
    >>> recheck_dense(np.array([[3.0, 0.0], [0.0, 4.0]]), 3.9999999)
    False
    """
    A = as_matrix(matrix)
    if math.isnan(upper) or math.isnan(lower):
        raise DomainError(came="a bound that is NaN", expected="a number", remedy="Look upstream.")
    return (upper == math.inf or _below(A, upper)) and (lower <= 0.0 or _above(A, lower))


def _below(A: FloatArray, upper: float) -> bool:
    """Whether upper²I − AᵀA ⪰ 0."""
    if upper < 0.0:
        return False
    thin = A if A.shape[0] >= A.shape[1] else A.T
    return _semidefinite(_shifted_gram(thin, upper, sign=-1))


def _above(A: FloatArray, lower: float) -> bool:
    """Whether AᵀA − lower²I ⪰ 0."""
    return lower < math.inf and _semidefinite(_shifted_gram(A, lower, sign=1))


def _shifted_gram(A: FloatArray, bound: float, *, sign: int) -> Integers:
    """Return sign·(AᵀA − bound²I), times a power of four that makes it whole."""
    import flint

    exponent = min(_last_bit(A), _last_bit(np.asarray([bound])))
    integers = flint.fmpz_mat([[_integer(a, exponent) for a in row] for row in A.tolist()])
    gram = integers.transpose() * integers
    shift = _integer(bound, exponent) ** 2
    M = [[sign * int(entry) for entry in row] for row in gram.tolist()]
    for i in range(len(M)):
        M[i][i] -= sign * shift
    return M


def _last_bit(x: FloatArray) -> int:
    """The largest e with all of x in 2ᵉℤ (or less: 53 bits below the leading one)."""
    present = np.abs(x[x != 0.0])
    if present.size == 0:
        return 0
    return int(np.min(np.frexp(present)[1])) - 53


def _integer(value: float, exponent: int) -> int:
    """value/2ᵉ, which is an integer."""
    numerator, denominator = value.as_integer_ratio()
    shift = -exponent - (denominator.bit_length() - 1)
    return numerator << shift if shift >= 0 else numerator >> -shift


def _semidefinite(M: Integers) -> bool:
    """Whether M ⪰ 0 for certain."""
    if _outweighs(M):
        return True
    return len(M) <= LARGEST_DECIDED and _alternates(M)


def _outweighs(M: Integers) -> bool:
    """Whether M − δI = LLᵀ + R with ‖R‖_F ≤ δ for some float64 matrix L: then M ⪰ LLᵀ ⪰ 0."""
    import flint

    n = len(M)
    bits = max(max(abs(entry).bit_length() for entry in row) for row in M)
    if bits == 0:
        return True
    scaled = np.array([[float(Fraction(entry, 2**bits)) for entry in row] for row in M])
    trust = 4.0 * n * (n + 4) * 2.0**-53 * float(np.max(np.abs(scaled)))
    try:
        L = scipy.linalg.cholesky(scaled - 2.0 * trust * np.eye(n), lower=True)
    except np.linalg.LinAlgError:
        return False
    # L = F·2⁻⁶⁰ with integers F, rounded: any F will do.
    factor = flint.fmpz_mat([[round(math.ldexp(entry, 60)) for entry in row] for row in L.tolist()])
    # R = M − δI − FFᵀ·2^(bits − 120), times a power of two that makes it whole.
    lift = max(0, 120 - bits)
    product = flint.fmpz_mat(M) * (1 << lift)
    product -= factor * factor.transpose() * (1 << (bits + lift - 120))
    delta = int(Fraction(trust) * 2 * (1 << (bits + lift)))
    squares = 0
    for i, row in enumerate(product.tolist()):
        squares += sum((int(entry) - (delta if i == j else 0)) ** 2 for j, entry in enumerate(row))
    return squares <= delta * delta


def _alternates(M: Integers) -> bool:
    """Exactly whether M ⪰ 0: det(λI − M) has real roots, none negative iff its signs alternate."""
    import flint

    coefficients = flint.fmpz_mat(M).charpoly().coeffs()
    n = len(M)
    return all(int(c) * (-1) ** (n - k) >= 0 for k, c in enumerate(coefficients))
