"""Extreme singular values of a symbol over the frequencies of a torus, rounded outward.

Gram matrices of the smaller side, one shift s for all, and Cholesky factors L of sI − G: whatever
they are, LLᴴ ⪰ 0. Complex products, computed as four real ones, err like real sums of twice the
length: |fl(XY) − XY| ≤ √2·γ_{2n}|X||Y| entrywise for inner length n.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.linalg

from ...numerics.validation import FloatArray
from .padding import IndexArray
from .rounding import SMALLEST, UNIT_ROUNDOFF, above, below, gamma, norm_above, norm_below
from .symbol import ComplexArray, Symbol, half_grid

_CHUNK = 2**19  # complex entries that are treated at a time
_MARGIN = 1e-7  # s = λ(1 + margin)
_ROOT_TWO = 1.4142135623730952  # rounded up


@dataclass(frozen=True)
class GridMaximum:
    """``lower`` ≤ ‖Ŝ(f)‖ at the frequency and group named, and ‖Ŝ‖ ≤ ``upper`` on the grid.

    ``vector`` is a unit right-singular vector there, as computed.
    """

    upper: float
    lower: float
    frequency: IndexArray
    group: int
    vector: ComplexArray


def grid_maximum(symbol: Symbol, sizes: Sequence[int]) -> GridMaximum:
    """Bracket max over frequencies and groups of ‖Ŝ(f)‖ on the torus of ``sizes`` points.

    Guaranteed under the models of ``rounding`` and ``symbol``; ∞ only if everything else fails.
    """
    rows, columns = symbol.shape
    narrow = symbol if rows <= columns else symbol.transposed()
    inner = max(rows, columns)
    frequencies = half_grid(sizes)
    upper, top, best = 0.0, 0.0, (0, 0)
    for start, S in _chunks(narrow, frequencies, sizes):
        G = S @ S.conj().swapaxes(-1, -2)
        bound, estimate, index = _largest_eigenvalue(G, inner, top)
        upper = max(upper, bound)
        if estimate > top:
            top, best = estimate, divmod(start + index, symbol.groups)
    frequency = frequencies[best[0]]
    lower, vector = _singular_vector(symbol.at(frequency[None], sizes)[0, best[1]])
    error = symbol.error
    return GridMaximum(
        above(math.sqrt(upper) + error, 2),
        below(max(lower - error, 0.0)),
        frequency,
        best[1],
        vector,
    )


def grid_minimum(symbol: Symbol, sizes: Sequence[int]) -> tuple[float, str]:
    """Bound min over frequencies and groups of σ_min(Ŝ(f)) from below, and say why if it is 0.

    σ_min is that of |Ŝx| ≥ σ_min|x|: 0 for symbols with fewer rows than columns.
    """
    rows, columns = symbol.shape
    if rows < columns:
        return 0.0, "the symbol has fewer rows than columns"
    smallest = math.inf
    for _, S in _chunks(symbol, half_grid(sizes), sizes):
        G = S.conj().swapaxes(-1, -2) @ S
        smallest = min(smallest, _smallest_eigenvalue(G, rows))
        if smallest == 0.0:
            break
    low = below(math.sqrt(smallest)) - symbol.error
    if low <= 0.0:
        return 0.0, "too small to be told from 0 in float64"
    return below(low), ""


def grid_work(rows: int, columns: int, groups: int, sizes: Sequence[int]) -> float:
    """Estimate the operations of ``grid_maximum``; small matrices run slower than they count."""
    small, large = sorted((rows, columns))
    each = 8.0 * small * (small + 32.0) * (large + 1.4 * small) + 2e4
    return (math.prod(sizes) / 2.0 + 0.5) * groups * each


def _chunks(
    symbol: Symbol, frequencies: IndexArray, sizes: Sequence[int]
) -> Iterator[tuple[int, ComplexArray]]:
    """Blocks of symbols, shape (block, rows, columns), frequencies first, then groups."""
    entries = symbol.groups * math.prod(symbol.shape)
    step = max(1, _CHUNK // entries)
    for start in range(0, len(frequencies), step):
        values = symbol.at(frequencies[start : start + step], sizes)
        yield start * symbol.groups, values.reshape(-1, *symbol.shape)


def _largest_eigenvalue(G: ComplexArray, inner: int, top: float) -> tuple[float, float, int]:
    """Bound λ_max of the exact Gram matrices; with the largest estimate and where it is."""
    n = G.shape[-1]
    diagonal = np.einsum("fii->fi", G).real
    size = above(float(np.max(np.sum(diagonal, axis=1))), n + 2 * inner + 2)  # ‖S‖_F²
    gram_error = _gram_error(n, inner, size)
    if n == 1:
        index = int(np.argmax(diagonal))
        largest = float(diagonal[index, 0])
        return above(largest + gram_error, 2), largest, index
    estimate, index = _estimate_largest(G)
    margin = _MARGIN
    for attempt in range(6):
        s = max(estimate, top) * (1.0 + margin)
        negative = _negative_part(-G, s)
        if math.isfinite(negative):
            return above(s + negative + gram_error, 3), estimate, index
        if attempt == 0:  # the power iteration missed the largest
            values = np.linalg.eigvalsh(G)[:, -1]
            index = int(np.argmax(values))
            estimate = float(values[index])
        else:
            margin *= 16.0
    return above(size + gram_error, 2), estimate, index  # λ_max ≤ trace


def _smallest_eigenvalue(G: ComplexArray, inner: int) -> float:
    """Bound λ_min of the exact Gram matrices from below; 0 if it cannot be told from 0."""
    n = G.shape[-1]
    diagonal = np.einsum("fii->fi", G).real
    size = above(float(np.max(np.sum(diagonal, axis=1))), n + 2 * inner + 2)
    gram_error = _gram_error(n, inner, size)
    if n == 1:
        return below(max(float(np.min(diagonal)) - gram_error, 0.0))
    estimate = float(np.min(np.linalg.eigvalsh(G)[:, 0]))
    for shrink in (1e-7, 1e-4, 1e-2, 0.5):
        s = estimate * (1.0 - shrink)
        if s <= 0.0:
            break
        lost = above(_negative_part(G, -s) + gram_error, 2)
        if lost < s:
            return below(s - lost)
    return 0.0


def _gram_error(n: int, inner: int, size: float) -> float:
    """Bound ‖fl(SSᴴ) − SSᴴ‖ for ‖S‖_F² ≤ ``size``."""
    return above(_ROOT_TWO * gamma(2 * inner + 2) * size + n * n * 4 * inner * SMALLEST, 4)


def _negative_part(M: ComplexArray, shift: float) -> float:
    """Bound max(0, −λ_min(M + shift·I)) over a stack; ∞ if a Cholesky factor fails.

    The lower triangles stand for Hermitian matrices. ‖M + shift·I − LLᴴ‖_F is computed with its
    rounding, √2·γ_{2n+2}‖L‖_F².
    """
    n = M.shape[-1]
    M = M.copy()
    i = np.arange(n)
    before = float(np.max(np.abs(M[:, i, i].real)))
    M[:, i, i] = M[:, i, i].real + shift
    try:
        L = np.asarray(np.linalg.cholesky(M), dtype=np.complex128)
    except np.linalg.LinAlgError:
        return math.inf
    R = np.asarray(np.tril(L @ L.conj().swapaxes(-1, -2) - M), dtype=np.complex128)
    residual = above(math.sqrt(_largest_square(R)), 2 * n * n + 4) * _ROOT_TWO
    factor = above(_largest_square(L), 2 * n * n + 4)
    if not math.isfinite(residual + factor):
        return math.inf
    # A rounding of each entry of the difference, and one of each shifted diagonal entry.
    rounding = (
        _ROOT_TWO * gamma(2 * n + 2) * factor
        + 2.0 * UNIT_ROUNDOFF * residual
        + 2.0 * UNIT_ROUNDOFF * (before + abs(shift))
    )
    return above(residual + rounding + n * n * 4 * n * SMALLEST, 6)


def _largest_square(M: ComplexArray) -> float:
    """max ‖M_f‖_F², as computed."""
    flat = M.reshape(len(M), -1).view(np.float64)
    return float(np.max(np.einsum("fi,fi->f", flat, flat)))


def _estimate_largest(G: ComplexArray) -> tuple[float, int]:
    """Estimate the largest eigenvalue of a stack, and where it is: power steps, then exactly."""
    start = np.random.default_rng(0).standard_normal((1, G.shape[-1], 1))
    x = np.broadcast_to(start.astype(np.complex128), (len(G), G.shape[-1], 1))
    candidates = np.arange(len(G))
    for keep in (16, 4):
        chosen = G[candidates] if len(candidates) < len(G) else G
        for _ in range(6):
            y = chosen @ x
            length = np.maximum(np.linalg.norm(y, axis=1, keepdims=True), 1e-300)
            x = np.asarray(y / length, dtype=np.complex128)
        quotients = np.einsum("fik,fik->f", x.conj(), chosen @ x).real
        order = np.argsort(-quotients)[:keep]
        candidates, x = candidates[order], x[order]
    values = np.linalg.eigvalsh(G[candidates])[:, -1]
    return float(np.max(values)), int(candidates[np.argmax(values)])


def _singular_vector(S: ComplexArray) -> tuple[float, ComplexArray]:
    """A right-singular vector of a matrix, as computed, and |Sv|/|v| from below."""
    m, n = S.shape
    gram = S.conj().T @ S if n <= m else S @ S.conj().T
    k = len(gram)
    _, vectors = scipy.linalg.eigh(gram, subset_by_index=[k - 1, k - 1])
    if vectors.shape[1] == 0:  # LAPACK finds none where all eigenvalues are nearly equal
        _, vectors = scipy.linalg.eigh(gram)
    v = vectors[:, -1] if n <= m else S.conj().T @ vectors[:, -1]
    length = norm_above(_real(v))
    if length == 0.0:
        v = np.zeros(n, dtype=np.complex128)
        v[0] = length = 1.0
    error = above(_ROOT_TWO * gamma(2 * n + 2) * norm_above(_real(S)) * length, 4)
    image = max(norm_below(_real(S @ v)) - error - 4 * n * m * SMALLEST, 0.0)
    return below(image / length, 2), np.asarray(v / length)


def _real(x: ComplexArray) -> FloatArray:
    """Real and imaginary parts side by side: the same Euclidean norm."""
    return np.ascontiguousarray(x).view(np.float64)
