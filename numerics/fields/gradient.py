"""The contractive family: f(x) = −AᵀΣ(Ax + b) = −∇V(x), V(x) = 1ᵀΓ(Ax + b)."""

from __future__ import annotations

from .ridge import RidgeField


class GradientField(RidgeField):
    """The field f(x) = −AᵀΣ(Ax + b), A of shape (m, n), b of shape (m,) (default 0).

    Non-expansive; with slopes σ' ≥ a > 0 its flow contracts at rate a·σ_min(A)² (claim
    ``C2.gradient_rate``). ``potential`` returns U = −V. Raises DomainError on NaN or infinity,
    ShapeError on shapes that do not fit. Source: paper, contractive layers [P].

    >>> f = GradientField([[1.0, 0.0], [0.0, 2.0]])
    >>> f([1.0, -1.0]).tolist()
    [-1.0, 2.0]
    """

    sign = -1.0
