"""A trained step below a limit: 0 < h < limit whatever the optimiser does."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ...errors import DomainError
from ...theory.bounds import domain
from ..layers.layer import FixedStep, Step


class BoundedStep(Step):
    """h = limit·s(p), s the logistic function: for steps h ≤ 2/‖A‖² where ‖A‖ ≤ 1 is kept.

    ``start`` defaults to half the limit. Once sealed h ≤ limit exactly. Raises DomainError unless
    0 < start < limit. Source: paper, non-expansive layers [P]; claim D3.nonexpansive_step.

    >>> step = BoundedStep(2.0)
    >>> step().item(), step.contains(2.0), step.contains(2.001)
    (1.0, True, False)
    """

    def __init__(self, limit: float, start: float | None = None) -> None:
        super().__init__()
        self.limit = float(domain.positive("limit", limit))
        h = 0.5 * self.limit if start is None else float(domain.step(start, "start"))
        share = h / self.limit
        if not 0.0 < share < 1.0:
            raise DomainError(
                came=f"start = {h:g}",
                expected=f"a step inside (0, {self.limit:g})",
                remedy=f"Start at {0.5 * self.limit:g}; a step that stays is a FixedStep.",
            )
        self.free = nn.Parameter(torch.tensor(math.log(share) - math.log1p(-share)))

    def forward(self) -> Tensor:
        return self.limit * torch.sigmoid(self.free)

    def contains(self, step: float) -> bool:
        """Return whether 0 ≤ h ≤ limit. Raises DomainError for negative steps, NaN, infinity."""
        return float(domain.step(step)) <= self.limit

    def holds(self) -> bool:
        """Return whether the present step is at most the limit."""
        h = float(self().detach())
        return math.isfinite(h) and self.contains(h)

    def sealed(self) -> Step:
        """Return the step as it will stay, rounded down below the limit."""
        h = self().detach()
        return FixedBoundedStep(min(float(h), self.limit), self.limit, like=h)

    def extra_repr(self) -> str:
        return f"limit={self.limit:g}"


class FixedBoundedStep(FixedStep):
    """A sealed step that remembers its limit, so that membership can be asked again.

    >>> FixedBoundedStep(1.0, 2.0).holds()
    True
    """

    def __init__(self, value: float, limit: float, like: Tensor | None = None) -> None:
        super().__init__(value, like)
        self.limit = limit

    def holds(self) -> bool:
        """Return whether the stored step is finite and in [0, limit]."""
        return 0.0 <= float(self.value) <= self.limit

    def extra_repr(self) -> str:
        return f"limit={self.limit:g}"
