"""The Jacobian of a map that is a black box, by differences of eighth order."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ....numerics import canonical_structure
from ....numerics.validation import FloatArray

_SPACING = 0.004
# f'(0) ≈ Σ wₖ(f(kδ) − f(−kδ))/δ, exact for polynomials of degree 8.
_WEIGHTS = (4 / 5, -1 / 5, 4 / 105, -1 / 280)
# Truncation δ⁸f⁽⁹⁾/630 and rounding 2⁻⁵³/δ stay below it for the fields drawn here.
ALLOWANCE = 1e-9


def step_jacobian(mapping: Callable[[FloatArray], FloatArray], x: FloatArray) -> FloatArray:
    """Return ∂Ψ/∂x at x of shape (n,), from the values of the batched map Ψ alone."""
    total = np.zeros((len(x), len(x)))
    unit = np.eye(len(x))
    for k, weight in enumerate(_WEIGHTS, start=1):
        shift = k * _SPACING * unit
        # Row j is the difference in direction eⱼ: the transpose of the Jacobian.
        total += weight * (mapping(x + shift) - mapping(x - shift)).T / _SPACING
    return total


def symplectic_defect(D: FloatArray) -> float:
    """Return the largest entry of |DᵀJD − J| for y = (q, p)."""
    J = canonical_structure(len(D) // 2)
    return float(np.abs(D.T @ J @ D - J).max())
