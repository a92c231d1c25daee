"""A ridge potential as a difference of convex ones, by the signs of its weights."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ...errors import DomainError
from ...numerics.fields import Activation, RidgePotentialField


def split_by_signs(
    A: ArrayLike,
    b: ArrayLike | None = None,
    alpha: ArrayLike | None = None,
    activation: Activation | None = None,
) -> tuple[RidgePotentialField, RidgePotentialField]:
    """Return the fields ∇U₊ and ∇U₋ with U₊ − U₋ = U = Σᵢ αᵢγ(aᵢᵀx + bᵢ), U₊ and U₋ convex.

    U± = Σᵢ max(±αᵢ, 0)γ(aᵢᵀx + bᵢ): σ = γ' does not decrease, so γ is convex. The field ∇U₊ is
    expansive, −∇U₋ contractive, everywhere. A (m, n), b and α (m,), as of ``RidgePotentialField``.
    Guaranteed: exact, no entry is rounded. Raises DomainError for an activation whose slope may be
    negative, and what the field raises. Source: flowcert [D], claim B6.convex_difference.

    >>> plus, minus = split_by_signs([[1.0, 0.0], [0.0, 2.0]], alpha=[3.0, -1.0])
    >>> plus.alpha.tolist(), minus.alpha.tolist()
    ([3.0, 0.0], [0.0, 1.0])
    """
    whole = RidgePotentialField(A, b, alpha, activation)
    if not whole.activation.slope_min >= 0:
        raise DomainError(
            came=f"an activation of slope at least {whole.activation.slope_min:g}",
            expected="a non-decreasing activation, slope_min ≥ 0",
            remedy="Its γ is not convex: shift by μ|x|²/2 instead (quadratic_shift).",
        )
    positive, negative = np.maximum(whole.alpha, 0.0), np.maximum(-whole.alpha, 0.0)
    return (
        RidgePotentialField(whole.A, whole.b, positive, whole.activation),
        RidgePotentialField(whole.A, whole.b, negative, whole.activation),
    )
