"""Weights of ridge networks: regularised least squares, and skew matrices of fitted entries."""

from __future__ import annotations

import math

import numpy as np

from ...numerics.validation import FloatArray


def least_squares(columns: FloatArray, wanted: FloatArray, regularisation: float) -> FloatArray:
    """Return the w that minimises |columns·w − wanted|² + N·ρ²|w|², ρ = ``regularisation``.

    ``columns`` (N, w), ``wanted`` (N,) or (N, k). Small weights are worth a little error: a proof
    of the fit pays for large ones. Source: Tikhonov; by scipy.

    >>> least_squares(np.eye(2), np.array([1.0, 2.0]), 0.0).round(12).tolist()
    [1.0, 2.0]
    """
    from scipy.linalg import lstsq

    width = columns.shape[1]
    penalty = regularisation * math.sqrt(len(columns)) * np.eye(width)
    zeros = np.zeros((width, *wanted.shape[1:]))
    solution = lstsq(np.vstack([columns, penalty]), np.concatenate([wanted, zeros]))[0]
    return np.asarray(solution)


def skew_matrices(entries: FloatArray, n: int) -> FloatArray:
    """Return the skew n × n matrices with these entries above the diagonal, row by row.

    ``entries`` (w, n(n − 1)/2), the matrices (w, n, n).

    >>> skew_matrices(np.array([[2.0]]), 2).tolist()
    [[[0.0, 2.0], [-2.0, 0.0]]]
    """
    rows, columns = np.triu_indices(n, 1)
    K = np.zeros((len(entries), n, n))
    K[:, rows, columns] = entries
    K[:, columns, rows] = -entries
    return K
