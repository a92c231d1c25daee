"""‖A‖ ≤ c: a weight divided by its spectral norm where that is larger."""

from __future__ import annotations

import torch
from torch import Tensor

from ...errors import ConvergenceError
from ...theory.bounds import domain
from ..layers.spectral_estimate import SpectralEstimate
from ..operators import Operator, read_operator
from .constraint import Constraint


class BoundedSpectralNorm(Constraint):
    """W = V·min(1, c/‖V‖), c = ``bound`` > 0, for the weight of an ``operator``.

    ``forward`` takes ‖V‖ from a power iteration that ``maintain_`` renews: an estimate, good enough
    to train with; ``contains`` and ``sealed`` use the rigorous norm. With ``project`` every weight
    after ``maintain_`` is in the set. Raises DomainError unless c > 0, and for weights with NaN or
    infinite entries. Source: flowcert [D], E.

    >>> from flowcert.networks.operators import DenseOperator
    >>> set_ = BoundedSpectralNorm(DenseOperator(2, 2), 1.0)
    >>> set_.contains(3 * torch.eye(2)), set_.contains(set_.sealed(3 * torch.eye(2)))
    (False, True)
    """

    def __init__(self, operator: Operator, bound: float = 1.0) -> None:
        super().__init__()
        self.operator = read_operator(operator)
        self.bound = float(domain.positive("bound", bound))
        self.estimate = SpectralEstimate(operator, torch.zeros(operator.weight_shape), start=0)

    def forward(self, V: Tensor) -> Tensor:
        # A quotient by at least 1: no division by a norm of 0, here or in the gradient.
        excess: Tensor = self.estimate(V) / self.bound
        return V / excess.clamp(min=1.0)

    def prepare_(self, V: Tensor) -> None:
        self.estimate.improve_(V, steps=30)

    def maintain_(self, V: Tensor) -> None:
        self.estimate.improve_(V)

    def contains(self, weight: Tensor) -> bool:
        return self.operator.bound_spectral_norm(weight) <= self.bound

    def sealed(self, weight: Tensor) -> Tensor:
        """Divide by the rigorous norm, twice if rounding asks for it."""
        return within_norm(self.operator, weight, self.bound)

    def extra_repr(self) -> str:
        return f"bound={self.bound:g}"


def within_norm(operator: Operator, weight: Tensor, bound: float) -> Tensor:
    """Return the weight if ‖A‖ ≤ ``bound`` rigorously, else a multiple of it for which that holds.

    Raises ConvergenceError where the norm overflows or the weight's type is too coarse.

    >>> from flowcert.networks.operators import DenseOperator
    >>> within_norm(DenseOperator(1, 1), torch.tensor([[0.5]]), 1.0).tolist()
    [[0.5]]
    """
    for _ in range(8):
        norm = operator.bound_spectral_norm(weight)
        if norm <= bound:
            return weight
        # A little more than needed: the quotient is rounded into the weight's own type, and the
        # bound in a certificate to ten digits.
        slack = 1.0 + 4.0 * torch.finfo(weight.dtype).eps + 2.0**-36
        weight = (weight.double() * (bound / norm / slack)).to(weight.dtype)
    raise ConvergenceError(
        came=f"a weight of {weight.dtype} with ‖A‖ ≤ {norm:g} at best, after eight divisions",
        expected=f"a norm of at most {bound:g}",
        remedy="Keep the weight in float32 or float64, and its entries far from overflow.",
    )
