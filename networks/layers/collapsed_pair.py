"""Contractive and expansive steps on one orthogonal matrix, as the one layer that they are."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from .affine import Affine
from .expansive_step import require_one_space
from .gradient_step import activated
from .layer import Step
from .shared_pair import SharedPair


class CollapsedPair(SharedPair):
    r"""x ↦ Aᵀ(φ(Ax + b) − b), φ(s) = p·s for s ≥ 0 and n·s for s < 0, with A square.

    φ is S = ``substeps`` times s ← s − (h_C/S)·max(s, a·s), then s ← s + h_E·max(s, a_E·s), where
    a = ``slope`` and a_E = ``expansive_slope``. For AᵀA = I, and only then, that is the
    ``SharedPair`` of the same arguments, at the cost of one step: constrain the weight with
    ``Orthogonal``. Bound for every A: max(|p|, |n|)·‖A‖²; for AᵀA = I the exact constant
    max(|p|, |n|). Raises ShapeError for an A that is not square, DomainError for bad
    steps and slopes. Source: flowcert [D], claims D6.collapse and D6.same_matrix_factor.

    >>> from flowcert.networks.layers import dense
    >>> pair = CollapsedPair(dense(2, 2), 0.11, 0.07)
    >>> [round(float(slope), 4) for slope in pair.slopes()]
    [0.9555, 0.9458]
    """

    claim = "D2.general_gradient_step"
    rule = "gradient step"

    def __init__(
        self,
        affine: Affine,
        contractive_step: float | Step,
        expansive_step: float | Step,
        slope: float = 0.5,
        expansive_slope: float = 0.0,
        substeps: int = 2,
    ) -> None:
        require_one_space(affine, "Aᵀ(φ(Ax + b) − b)")
        super().__init__(affine, contractive_step, expansive_step, slope, expansive_slope, substeps)
        self.fixed: FixedSlopes | None = None

    def slopes(self) -> tuple[Tensor, Tensor]:
        """Return p and n: φ is positively homogeneous, so they are φ(1) and −φ(−1)."""
        if self.fixed is not None:
            n, change = self.fixed.values
            return n + change, n
        return self._slopes(self.contractive_step(), self.expansive_step())

    def _slopes(self, h_C: Tensor, h_E: Tensor) -> tuple[Tensor, Tensor]:
        t, one = h_C / self.substeps, torch.ones_like(h_C)
        s = torch.stack([one, -one])
        for _ in range(self.substeps):
            s = s - t * activated(s, self.slope)
        s = s + h_E * activated(s, self.expansive_slope)
        return s[0], -s[1]

    def forward(self, x: Tensor) -> Tensor:
        if self.fixed is None:
            p, n = self.slopes()
            change = p - n
        else:
            n, change = self.fixed.values
        y = self.affine(x)
        y = n * y + change * functional.relu(y)
        b = self.affine.bias
        return self.affine.adjoint(y if b is None else y - self.affine.per_unit(b))

    def seal_(self) -> None:
        """Store the slopes: the sealed layer and its float64 copy are then one function."""
        h_C, h_E = self.contractive_step(), self.expansive_step()
        p, n = self._slopes(h_C.detach().double(), h_E.detach().double())
        self.fixed = FixedSlopes(torch.stack([n, p - n]).to(h_C.dtype)).eval()


class FixedSlopes(nn.Module):
    """n and p − n of a sealed pair, as numbers that stay.

    >>> FixedSlopes(torch.ones(2)).values.tolist()
    [1.0, 1.0]
    """

    values: Tensor

    def __init__(self, values: Tensor) -> None:
        super().__init__()
        self.register_buffer("values", values)

    def forward(self) -> Tensor:
        """Return both."""
        return self.values
