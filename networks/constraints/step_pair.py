"""A contractive and an expansive step that are trained together, inside a region of pairs."""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor, nn

from ...errors import ConvergenceError, DomainError
from ...theory.bounds import domain
from ...theory.step_regions import Family
from ..layers.layer import FixedStep, Step, rounded_down
from .step_set import MOST_EXPANSIVE, Region, StepSet

# What stays free at every border: it holds the rounding of float32, and weights whose σ_min is not
# quite 1. (The boundary is approached to this relative distance, never crossed.)
MARGIN = 2.0**-10


class StepPair:
    """Steps (h_C, h_E) that stay in a region for whatever free parameters p, q the optimiser makes.

    h_C = l + (r − l)·s(p) and h_E = h_E*(h_C)·s(q), s the logistic function (kept 2⁻¹⁰ away from
    the borders), [l, r] the region's interval, h_E* its boundary (at most 16). ``contractive`` and
    ``expansive`` are the two ``Step`` modules; p belongs to the first, q to the second, and both
    must be used in the network. The pair itself is no module: a parameter has one owner.
    ``region``, ``family``, ``substeps``, ``slope``: see ``StepSet``, also for what is raised; the
    starting values default to half way up the boundary. Once sealed, the stored numbers are proved
    to be in the region. That makes the pair of layers non-expansive if AᵀA = I, ‖B‖ ≤ 1.
    Source: paper, flexible regime, whose clamp was followed by an absolute value [P]; flowcert,
    claims D1.whole_expansive_region, D2.whole_expansive_region [D].

    >>> pair = StepPair("authors_region")
    >>> h_C, h_E = pair.contractive().item(), pair.expansive().item()
    >>> pair.contains(h_C, h_E), pair.contains(h_C, 2.1 * h_E)
    (True, False)
    """

    contractive: Step
    expansive: Step

    def __init__(
        self,
        region: Region = "sharp_region",
        family: Family = "whole_expansive",
        substeps: int = 2,
        slope: float = 0.5,
        contractive: float | None = None,
        expansive: float | None = None,
    ) -> None:
        self.steps = StepSet(region, family, substeps, slope)
        h_C = self._default_contractive() if contractive is None else contractive
        part = _part("contractive", h_C, *self.steps.contractive_interval, two_sided=True)
        limit = float(self.steps.expansive_limit(torch.tensor(h_C, dtype=torch.float64)))
        h_E = 0.5 * limit if expansive is None else expansive
        self.contractive = ContractivePart(self, part)
        self.expansive = ExpansivePart(self, _part("expansive", h_E, 0.0, limit))
        self._sealed: tuple[tuple[float, float], StepPair] | None = None

    def _default_contractive(self) -> float:
        """Half way to where the boundary is highest; the middle of the box."""
        low, high = self.steps.contractive_interval
        if self.steps.region == "authors_box":
            return 0.5 * (low + high)
        if self.steps.region == "authors_region":
            return 0.25 * high
        return self.steps.substeps / (1.0 + self.steps.slope)

    def contains(self, contractive: float, expansive: float) -> bool:
        """Return whether (h_C, h_E) is proved to be in the region; see ``StepSet.contains``."""
        return self.steps.contains(contractive, expansive)

    def values(self) -> tuple[float, float]:
        """Return the present (h_C, h_E) as the layers take them."""
        return float(self.contractive().detach()), float(self.expansive().detach())

    def holds(self) -> bool:
        """Return whether the present pair is proved to be in the region."""
        h_C, h_E = self.values()
        finite = math.isfinite(h_C) and math.isfinite(h_E)
        return finite and self.contains(h_C, h_E)

    @torch.no_grad()
    def sealed(self) -> StepPair:
        """Return the pair with fixed steps whose stored numbers ``contains`` accepts.

        Each step's ``sealed`` is the part of this one. Raises ConvergenceError if the steps' type
        holds no such numbers nearby, DomainError for NaN.
        """
        present = self.values()
        if self._sealed is None or self._sealed[0] != present:
            self._sealed = present, self._seal(*present)
        return self._sealed[1]

    def _seal(self, h_C: float, h_E: float) -> StepPair:
        fixed = copy.copy(self)
        first, second = self.contractive(), self.expansive()
        fixed.contractive = PartOfFixedPair(fixed, h_C, like=first)
        top = self.steps.bound_expansive_limit(h_C)
        h_E = min(h_E, top)  # NaN stays out: below
        eps = torch.finfo(second.dtype).eps
        for slack in (0.0, eps, 2 * eps, 4 * eps, 8 * eps, 16 * eps):
            stored = float(rounded_down(h_E * (1.0 - slack), second.dtype))
            if self.contains(h_C, stored):
                fixed.expansive = PartOfFixedPair(fixed, stored, like=second)
                fixed._sealed = (h_C, stored), fixed
                return fixed
        raise ConvergenceError(
            came=f"h_C = {h_C:.9g} and h_E = {h_E:.9g}, near which {second.dtype} holds no pair",
            expected=f"steps in {self.steps}",
            remedy="Keep the steps in float32 or float64.",
        )

    def __repr__(self) -> str:
        return f"StepPair({self.steps})"


class ContractivePart(Step):
    """h_C of a pair: l + (r − l)·s(p), p its free parameter.

    >>> StepPair("authors_box", contractive=1.0).contractive().item()
    1.0
    """

    def __init__(self, pair: StepPair, free: float) -> None:
        super().__init__()
        self.pair = pair
        self.free = nn.Parameter(torch.tensor(free))

    def forward(self) -> Tensor:
        low, high = self.pair.steps.contractive_interval
        share = MARGIN + (1.0 - 2.0 * MARGIN) * torch.sigmoid(self.free)
        return low + (high - low) * share

    def sealed(self) -> Step:
        return self.pair.sealed().contractive

    def extra_repr(self) -> str:
        return f"{self.pair.steps}"


class ExpansivePart(Step):
    """h_E of a pair: h_E*(h_C)·s(q), q its free parameter.

    >>> round(StepPair("authors_box", expansive=0.04).expansive().item(), 6)
    0.04
    """

    def __init__(self, pair: StepPair, free: float) -> None:
        super().__init__()
        self.pair = pair
        self.free = nn.Parameter(torch.tensor(free))

    def forward(self) -> Tensor:
        limit = self.pair.steps.expansive_limit(self.pair.contractive())
        return (1.0 - MARGIN) * limit * torch.sigmoid(self.free)

    def sealed(self) -> Step:
        return self.pair.sealed().expansive

    def extra_repr(self) -> str:
        return f"{self.pair.steps}"


class PartOfFixedPair(FixedStep):
    """A step of a sealed pair, which it remembers, so that membership can be asked again.

    >>> StepPair().sealed().contractive.pair.holds()
    True
    """

    def __init__(self, pair: StepPair, value: float, like: Tensor) -> None:
        super().__init__(value, like)
        self.pair = pair

    def sealed(self) -> Step:
        return self


def _part(name: str, value: float, low: float, high: float, *, two_sided: bool = False) -> float:
    """The free parameter that gives a starting value strictly between the borders."""
    h = float(domain.step(value, f"{name}_step"))
    span = high - low
    share = (h - low) / span
    share = (share - MARGIN) / (1 - 2 * MARGIN) if two_sided else share / (1 - MARGIN)
    if not 0.0 < share < 1.0:
        raise DomainError(
            came=f"{name} = {h:g} at the start",
            expected=f"a step inside ({low:g}, {high:g}), not nearer to an end than 2⁻¹⁰ of it",
            remedy=f"Start at {low + span / 2:g}; boundaries are cut off at {MOST_EXPANSIVE:g}.",
        )
    return math.log(share) - math.log1p(-share)
