"""How computed values are compared with claimed ones: quotients and rounding allowances."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

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
