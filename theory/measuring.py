"""How computed values are compared with claimed ones: quotients and rounding allowances."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..numerics import VectorField
from ..numerics.validation import FloatArray

_UNIT_ROUNDOFF = 2.0**-53
# A few dozen operations of dimension at most 16 each; generous, and far below any claimed margin.
_ROUNDINGS = 1000


def rounding_allowance(size: float, distance: float = 1.0) -> float:
    """Return an allowance for the rounding of a quotient |Ψx − Ψy|/|x − y|.

    ``size`` bounds the numbers that occur while Ψ is evaluated, ``distance`` is |x − y| > 0: a
    thousand roundings of relative size 2⁻⁵³.

    >>> rounding_allowance(1.0) < 3e-13
    True
    """
    return _ROUNDINGS * _UNIT_ROUNDOFF * (1.0 + size) / distance


def difference_quotient(
    mapping: Callable[[FloatArray], FloatArray], x: FloatArray, y: FloatArray
) -> float:
    """Return |Ψ(x) − Ψ(y)|/|x − y| for two different points of shape (n,).

    >>> difference_quotient(lambda x: 2 * x, np.zeros(2), np.ones(2))
    2.0
    """
    return float(np.linalg.norm(mapping(x) - mapping(y)) / np.linalg.norm(x - y))


def one_sided_quotient(field: VectorField, x: FloatArray, y: FloatArray) -> float:
    """Return ⟨f(x) − f(y), x − y⟩/|x − y|² for two different points of shape (n,).

    >>> from flowcert.numerics import LinearField
    >>> one_sided_quotient(LinearField(-np.eye(2)), np.zeros(2), np.ones(2))
    -1.0
    """
    d = x - y
    return float((field(x) - field(y)) @ d / (d @ d))


def logarithmic_norm(matrix: FloatArray) -> float:
    """Return μ₂(M) = λ_max((M + Mᵀ)/2), up to rounding.

    >>> logarithmic_norm(np.array([[0.0, 1.0], [-1.0, 0.0]]))
    0.0
    """
    return float(np.linalg.eigvalsh(0.5 * (matrix + matrix.T))[-1])


def scipy_flow(field: VectorField, x: FloatArray, t: float) -> FloatArray:
    """Return φᵗ(x) by scipy's DOP853 at relative tolerance 1e-11: an independent oracle.

    >>> from flowcert.numerics import LinearField
    >>> bool(abs(scipy_flow(LinearField([[1.0]]), np.ones(1), 1.0)[0] - np.e) < 1e-9)
    True
    """
    from scipy.integrate import solve_ivp

    if t == 0:
        return x
    solution = solve_ivp(
        lambda _, state: field(state), (0.0, t), x, method="DOP853", rtol=1e-11, atol=1e-13
    )
    return np.asarray(solution.y[:, -1])
