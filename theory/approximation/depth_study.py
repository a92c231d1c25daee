"""Error against depth: measured and proved, with observed orders."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import StructureError
from .construction import Construction, approximate_flow
from .pieces import Result
from .targets import Target

DEPTHS = (16, 32, 64, 128, 256)


@dataclass(frozen=True, eq=False)
class DepthStudy:
    """Constructions of one target with more and more steps.

    >>> from flowcert.theory.approximation.targets import find_target
    >>> study = depth_study(find_target("NonNormal"), depths=(8, 16, 32))
    >>> [round(order) for order in study.measured_orders], study.holds
    ([2, 2], True)
    """

    constructions: tuple[Construction, ...]

    @property
    def measured_orders(self) -> tuple[float, ...]:
        """log(e_N/e_M)/log(M/N) between neighbours: the observed orders of the error."""
        return self._orders([made.measured for made in self.constructions])

    def bound_orders(self, part: str = "total") -> tuple[float, ...]:
        """Return the same of the bound or one of its parts; NaN where it is 0 or ∞."""
        return self._orders([getattr(made.bound, part) for made in self.constructions])

    @property
    def holds(self) -> bool:
        """Whether every measured error is below its bound."""
        return all(made.holds for made in self.constructions)

    @property
    def looseness(self) -> tuple[float, ...]:
        """Proved over measured error at each depth."""
        return tuple(made.looseness for made in self.constructions)

    def _orders(self, errors: Sequence[float]) -> tuple[float, ...]:
        steps = [made.steps for made in self.constructions]
        pairs = zip(errors, errors[1:], steps, steps[1:], strict=False)
        return tuple(
            math.log(e / f) / math.log(m / n) if 0 < f < math.inf and 0 < e < math.inf else math.nan
            for e, f, n, m in pairs
        )


def depth_study(
    target: Target,
    *,
    result: Result = "first",
    splitting: str = "Strang",
    depths: Sequence[int] = DEPTHS,
    width: int | None = None,
    substeps: int = 2,
    seed: int = 0,
) -> DepthStudy:
    """Return constructions of a target with these numbers of steps; see ``approximate_flow``.

    >>> from flowcert.theory.approximation.targets import find_target
    >>> len(depth_study(find_target("Pendulum"), depths=(4,)).constructions)
    1
    """
    if not isinstance(target, Target):
        raise StructureError(
            came=f"{target!r} as a target",
            expected="a Target",
            remedy='Write find_target("Pendulum"), or Target(name, title, field, time, radius).',
        )
    return DepthStudy(
        tuple(
            approximate_flow(
                target.field, target.time, target.radius, result=result, splitting=splitting,
                steps=steps, width=width, substeps=substeps, seed=seed,
            )
            for steps in depths
        )
    )  # fmt: skip
