"""From k + d coordinates to k without losing mass: (x, z) ↦ x + 1(1ᵀz)/k."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from ...errors import DomainError
from ...numerics.validation import positive_integer
from .layer import Layer, check_value


class MassProjection(Layer):
    """(x, z) ↦ x + 1(1ᵀz)/k: each of the k kept coordinates gets 1/k of the dropped mass.

    (x, z): (batch, features), k = ``kept`` ≤ ``features`` = k + d; no parameters. Keeps the sum up
    to rounding, and undoes padding with zeros. Its norm is √(1 + d/k): not 1-Lipschitz. Raises
    DomainError for bad sizes and half precision, ShapeError in ``forward``. Source: paper,
    mass-preserving networks [P]; claims F1.mass_projection, E1.product.

    >>> MassProjection(4, kept=2)(torch.tensor([[1.0, 2.0, 3.0, 5.0]])).tolist()
    [[5.0, 6.0]]
    """

    claim = "E1.product"
    rule = "spectral norm"
    structures = ("F1.mass_projection",)

    def __init__(self, features: int, kept: int) -> None:
        super().__init__()
        self.features = positive_integer("features", features)
        self.kept = positive_integer("kept", kept)
        if kept > features:
            raise DomainError(
                came=f"kept = {kept} of {features} features",
                expected="at most as many as there are",
                remedy="To add coordinates, lift with zeros.",
            )

    def forward(self, x: Tensor) -> Tensor:
        check_value(x, (self.features,), exact=True)
        # One matrix: a certificate then finds its norm, and not that of a sum.
        keep = torch.eye(self.kept, dtype=x.dtype, device=x.device)
        share = torch.ones_like(keep[:, :1]).expand(-1, self.features - self.kept) / self.kept
        return functional.linear(x, torch.cat([keep, share], dim=1))

    def extra_repr(self) -> str:
        return f"features={self.features}, kept={self.kept}"
