"""The step that keeps a mass wᵀx: Euler on ẋ = (M(x) − M(x)ᵀ)w."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ...errors import DomainError, ShapeError
from ...numerics.validation import finite_array
from .layer import Layer, Step, as_step, check_value
from .skew_matrix import SkewMatrix


class MassStep(Layer):
    """x⁺ = x + h(M(x) − M(x)ᵀ)w with M(x) = the n² numbers V·tanh(Wx + b) as a matrix.

    x: (batch, features); ``hidden`` units, ``step`` h ≥ 0 a number or a ``Step``; ``weights`` w of
    the mass wᵀx, all 1 by default. What leaves one coordinate enters others: wᵀx⁺ = wᵀx up to
    rounding, for all weights and steps. M is linear in the hidden units: the layer is
    x + hK·tanh(Wx + b) with wᵀK = 0, and as cheap. Bound: at most
    1 + h‖K‖‖W‖, claim E1.riccati. Raises
    DomainError for a bad size, step or w and for half precision, ShapeError. Source: paper,
    mass-preserving networks [P]; claims F1.mass_field, F6.skew_gradient_form.

    >>> x = torch.tensor([[1.0, 2.0, 3.0]])
    >>> y = MassStep(3, hidden=5, step=0.5)(x)
    >>> bool((y.sum() - 6).abs() < 1e-5), bool((y - x).norm() > 1e-3)
    (True, True)
    """

    claim = "E1.riccati"
    rule = "Riccati recursion"
    structures = ("F1.mass_field", "F6.skew_gradient_form")
    weights: Tensor

    def __init__(
        self,
        features: int,
        hidden: int,
        step: float | Step,
        weights: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        self.skew = SkewMatrix(features, hidden)
        self.step = as_step(step)
        self.register_buffer("weights", _read_weights(weights, features))

    def forward(self, x: Tensor) -> Tensor:
        check_value(x, self.weights.shape, exact=True)
        n = self.skew.features
        M = self.skew.outer.weight.reshape(n, n, -1)
        K = torch.einsum("ijk,j->ik", M - M.transpose(0, 1), self.weights)
        moved: Tensor = self.step() * (torch.tanh(self.skew.inner(x)) @ K.T)
        return x + moved


def _read_weights(weights: Sequence[float] | None, features: int) -> Tensor:
    if weights is None:
        return torch.ones(features)
    w = finite_array("weights", weights)
    if w.shape != (features,):
        raise ShapeError(
            came=f"weights of shape {w.shape}",
            expected=f"one weight for each of {features} features",
            remedy="Leave them out for the plain sum.",
        )
    if not np.any(w):
        raise DomainError(
            came="weights that are all 0",
            expected="at least one that is not: else nothing moves, and nothing is kept",
            remedy="Leave them out for the plain sum.",
        )
    return torch.tensor(w, dtype=torch.get_default_dtype())
