"""The expansive gradient family: f(x) = AᵀΣ(Ax + b)."""

from __future__ import annotations

from .ridge import RidgeField


class ExpansiveGradientField(RidgeField):
    """The field f(x) = AᵀΣ(Ax + b), A of shape (m, n), b of shape (m,) (default 0).

    With slopes σ' ≤ 1 its flow expands at rate at most ‖A‖² (claim ``C3.expansive_gradient``).
    Raises DomainError on NaN or infinity, ShapeError on shapes that do not fit. Source: paper,
    expansive layers, the flexible regime [P].

    >>> f = ExpansiveGradientField([[1.0, 0.0], [0.0, 2.0]])
    >>> f([1.0, -1.0]).tolist()
    [1.0, -2.0]
    """

    sign = 1.0
