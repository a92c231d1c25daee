"""The step sizes of the published networks: where they begin, and how the authors limit them.

The limits are those published, and do not keep what they should: in the flexible regime the
expansive u is clamped to [−1.9, 0.05] and then taken as |u|, so that the step may reach 1.9,
outside the region that the clamp was made for (E5 [D]). Certified networks have ``StepPair``.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ...theory.bounds import domain
from ..layers import Step

Limits = tuple[float, float]

NONEXPANSIVE: Limits = (0.0, 1.9)  # inferred [I]: the ends of the published values
CONTRACTIVE: Limits = (0.11, 1.89)  # the authors' box [P]
EXPANSIVE: Limits = (-1.9, 0.05)  # as published, with the absolute value behind it [P]

START_NONEXPANSIVE = 1.0  # inferred [I]: the middle of what is non-expansive
START_CONTRACTIVE = 0.3  # prescribed regime [P]; flexible: inferred from the published values [I]
START_EXPANSIVE = 0.05  # inferred [I]: the end of the box


def prescribed_expansive_step(contractive: float = START_CONTRACTIVE) -> float:
    """Return h_E = 2(1/√(1 − h_C/2 + h_C²/4) − 1), the authors' boundary at S = 2, slope ½.

    Source: paper, prescribed regime [P]; claim D1.prescribed_step.

    >>> round(prescribed_expansive_step(), 6)
    0.141151
    """
    h = contractive
    return 2.0 * (1.0 / math.sqrt(1.0 - h / 2.0 + h * h / 4.0) - 1.0)


class AbsoluteStep(Step):
    """h = |u|, u trained and clamped to ``limits`` by ``maintain_``: as published.

    Negative limits allow longer steps than the upper one says. Source: public code of
    arXiv:2210.02373 [P].

    >>> step = AbsoluteStep(0.05, limits=(-1.9, 0.05))
    >>> _ = step.u.data.fill_(-3.0)
    >>> step.maintain_()
    >>> round(step().item(), 6)
    1.9
    """

    def __init__(self, start: float, limits: Limits) -> None:
        super().__init__()
        self.limits = limits
        self.u = nn.Parameter(torch.tensor(float(domain.step(start, "start"))))

    def forward(self) -> Tensor:
        return self.u.abs()

    @torch.no_grad()
    def maintain_(self) -> None:
        """Clamp u."""
        self.u.clamp_(*self.limits)

    def extra_repr(self) -> str:
        return f"limits={self.limits}"


class ClippedShare(Step):
    """A fixed step times a trained number r, clipped to [0, 1]: the prescribed expansive step.

    Source: public code of arXiv:2210.02373 [P].

    >>> ClippedShare(0.5)().item()
    0.5
    """

    whole: Tensor

    def __init__(self, whole: float) -> None:
        super().__init__()
        self.register_buffer("whole", torch.tensor(float(domain.step(whole, "whole"))))
        self.r = nn.Parameter(torch.ones(()))

    def forward(self) -> Tensor:
        return self.whole * self.r.clamp(0.0, 1.0)
