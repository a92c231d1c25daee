"""Sets of step pairs (h_C, h_E) for which a pair of layers is non-expansive, as a torch formula."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from ...errors import DomainError, UnknownNameError
from ...theory.bounds import domain
from ...theory.step_regions import AUTHORS_BOX, FAMILIES, Bound, Family, StepRegion

Region = Literal["sharp_region", "authors_region", "authors_box"]

# Where the boundary is higher, or infinite (a contraction that is complete), it is cut off.
MOST_EXPANSIVE = 16.0


@dataclass(frozen=True)
class StepSet:
    """The admissible (h_C, h_E) of a ``region``, for AᵀA = I and expansive fields with ‖B‖ ≤ 1.

    ``family``, ``substeps`` S and ``slope`` a in (0, 1] as in ``theory.step_regions.StepRegion``.
    Raises UnknownNameError, DomainError for a slope outside [0, 1], and for one of 0, at which no
    h_E > 0 is admissible; and for the authors' box where it is no part of the sharp region.
    Source: paper, box and authors' region [P]; sharp region, flowcert [D].

    >>> steps = StepSet("sharp_region", "whole_expansive", substeps=2, slope=0.5)
    >>> steps.contains(1.0, 0.7), steps.contains(1.0, 0.8), steps.contractive_interval
    (True, False, (0.0, 4.0))
    """

    region: Region = "sharp_region"
    family: Family = "whole_expansive"
    substeps: int = 2
    slope: float = 0.5

    def __post_init__(self) -> None:
        for name, value, known in (
            ("region", self.region, get_args(Region)),
            ("family", self.family, FAMILIES),
        ):
            if value not in known:
                raise UnknownNameError(
                    came=f"the {name} {value!r}",
                    expected=f"one of {', '.join(known)}",
                    remedy="Name it explicitly: criteria must never be mixed.",
                )
        object.__setattr__(self, "slope", float(domain.slope(self.slope)))
        region = self.criterion  # refuses bad numbers of sub-steps
        if self.slope == 0.0:
            raise DomainError(
                came="slope = 0",
                expected="a slope in (0, 1]",
                remedy="A ReLU's layer contracts nothing that an expansive step could use up.",
            )
        # Convex in h_C and growing in h_E: the upper corners decide for the whole box.
        (low, high), (_, top) = AUTHORS_BOX
        if self.region == "authors_box" and not region.contains([low, high], top).all():
            raise DomainError(
                came=f"the authors' box for {region}",
                expected="a family, S and slope in whose region the box lies",
                remedy="It was made for whole_expansive, S = 2, slope 0.5; use a region instead.",
            )

    @property
    def criterion(self) -> StepRegion:
        """The region that proves the pairs: the authors', or the sharp one."""
        bound: Bound = "authors" if self.region == "authors_region" else "sharp"
        return StepRegion(self.family, bound, self.substeps, self.slope)

    @property
    def contractive_interval(self) -> tuple[float, float]:
        """The h_C with an admissible h_E > 0: the box's, or the inside of [0, 2S], [0, 2aS].

        max(|1 − t|, |1 − at|) < 1 for 0 < t < 2, and 1 − 2at + t² < 1 for 0 < t < 2a; t = h_C/S.
        """
        if self.region == "authors_box":
            return AUTHORS_BOX[0]
        widest = 2.0 * self.slope if self.region == "authors_region" else 2.0
        return 0.0, widest * self.substeps

    def expansive_limit(self, h_C: Tensor) -> Tensor:
        """Return h_E*(h_C), differentiable, at most ``MOST_EXPANSIVE``; an estimate.

        S(1/q − 1) or q^(−S) − 1 from the gap d = 1 − q (sharp: min(at, 2 − t)) or 1 − q² (authors:
        t(2a − t)), t = h_C/S: no digits cancel. For h_C in ``contractive_interval``.
        """
        if self.region == "authors_box":
            return torch.full_like(h_C, AUTHORS_BOX[1][1])
        t, a, S = h_C / self.substeps, self.slope, self.substeps
        power = 2 if self.region == "authors_region" else 1
        gap = t * (2.0 * a - t) if power == 2 else torch.minimum(a * t, 2.0 - t)
        logarithm = -torch.log1p(-gap.clamp(max=1.0 - self._least_contraction**power)) / power
        if self.family == "alternating":
            return S * torch.expm1(logarithm)
        return torch.expm1(S * logarithm)

    @property
    def _least_contraction(self) -> float:
        """The q at which the limit reaches ``MOST_EXPANSIVE``."""
        if self.family == "alternating":
            return 1.0 / (1.0 + MOST_EXPANSIVE / self.substeps)
        return float((1.0 + MOST_EXPANSIVE) ** (-1.0 / self.substeps))

    def contains(self, contractive: float, expansive: float) -> bool:
        """Return whether the pair of these numbers is proved to be in the set (outward rounded).

        Raises DomainError for steps that are negative or not finite.
        """
        h_C = float(domain.step(contractive, "contractive_step"))
        h_E = float(domain.step(expansive, "expansive_step"))
        if self.region == "authors_box":
            (low, high), (bottom, top) = AUTHORS_BOX
            return low <= h_C <= high and bottom <= h_E <= top
        return bool(self.criterion.contains(h_C, h_E))

    def bound_expansive_limit(self, contractive: float) -> float:
        """Bound the largest admissible h_E from below; NaN where none is."""
        if self.region == "authors_box":
            return AUTHORS_BOX[1][1] if self.contains(contractive, 0.0) else float("nan")
        return float(self.criterion.bound_expansive_limit(contractive))

    def __str__(self) -> str:
        return f"{self.region}, {self.family}, S = {self.substeps}, a = {self.slope:g}"
