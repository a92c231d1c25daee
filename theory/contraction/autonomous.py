r"""One autonomous convex potential on which the stages of two runs are as given.

Stage data with admissible pairs (u_j, w_j) describe a field that may change from stage to stage.
Yet the same differences occur on *one* autonomous gradient field: let a base run take place in a
direction of its own, on the quadratic potential of slope μ in (a, L), with stages so far apart
that the perturbed run beside it, stage by stage, does not notice the other stages. Whether the 2s
points, gradients and values belong to a potential with slopes in [a, L] is a finite question:
(Taylor, Hendrickx and Glineur 2017) they do exactly if for all pairs

    F_i ≥ F_j + ⟨G_j, x_i − x_j⟩ + |G_i − G_j|²/(2(L − a)),

with F and G the value and the gradient less those of a|x|²/2. (Everything times h here.)
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from ...errors import DomainError
from .stage_data import StageData, Vector, combination, inner
from .stage_forms import StageForms

_LARGEST_SCALE = 2**60


@dataclass(frozen=True)
class PotentialPoint:
    """A point, and h times the gradient and the value of the potential there.

    >>> PotentialPoint((Fraction(1),), (Fraction(1),), Fraction(1, 2)).value
    Fraction(1, 2)
    """

    point: Vector
    gradient: Vector
    value: Fraction


@dataclass(frozen=True)
class AutonomousStep:
    """Two runs of one step on one autonomous potential: ``base``, ``moved``, the 2s ``points``.

    ``points`` holds the stages of the base run, then those of the moved run, each with h times
    gradient and value. Exact. Source: flowcert, by Taylor, Hendrickx and Glineur (2017) [D].
    """

    data: StageData
    base: Vector
    moved: Vector
    points: tuple[PotentialPoint, ...]

    def is_interpolable(self) -> bool:
        """Return whether a potential with slopes in [a, L] has all these points: exact."""
        low, high = self.data.forms.slopes
        shifted = [_less_quadratic(p, low) for p in self.points]
        return all(_above(p, q, high - low) for p in shifted for q in shifted)

    def is_a_step(self) -> bool:
        """Return whether the points are the stages of the two runs: exact."""
        forms, half = self.data.forms, len(self.data.slopes)
        runs = ((self.base, self.points[:half]), (self.moved, self.points[half:]))
        return all(
            StageData(forms, start, tuple(p.gradient for p in run)).stages
            == tuple(p.point for p in run)
            for start, run in runs
        )

    @property
    def factor_squared(self) -> Fraction:
        """The squared quotient of the two results and the two starts."""
        return self.data.factor_squared


def autonomous_step(data: StageData) -> AutonomousStep:
    """Return two runs on one autonomous potential whose differences are the given stage data.

    Needs h > 0, slopes 0 ≤ a < L and admissible data, and stages that a linear field tells apart
    (irreducible methods). Guaranteed: ``is_interpolable`` and ``is_a_step`` hold, exactly. Raises
    DomainError. Source: flowcert [D].

    >>> from flowcert.numerics import RK4
    >>> from flowcert.theory.contraction import worst_stage_data
    >>> step = autonomous_step(worst_stage_data(RK4.tableau, 1.9, 0.5, 1.0))
    >>> step.is_interpolable() and step.is_a_step(), round(float(step.factor_squared) ** 0.5, 4)
    (True, 0.4017)
    """
    low, high = data.forms.slopes
    if not (0 <= low < high and data.is_admissible()):
        raise DomainError(
            came="stage data that are not admissible, or slopes beyond 0 ≤ a < L",
            expected="h > 0, 0 ≤ a < L and ⟨w − h a u, h L u − w⟩ ≥ 0 at every stage",
            remedy="Use admissible_stage_data.",
        )
    # A slope inside of the interval, away from the zeros of the differences of the stages.
    mu = low + (high - low) * Fraction(3, 7)
    heights = _linear_stages(data.forms, mu)
    scale = 1
    while scale < _LARGEST_SCALE:
        step = _with_scale(data, mu, heights, Fraction(scale))
        if step.is_interpolable():
            return step
        scale *= 4
    raise DomainError(
        came="stages that a linear field does not tell apart",
        expected="an irreducible method: no two stages are always equal",
        remedy="Use tableau.reduced().",
    )


def _with_scale(
    data: StageData, mu: Fraction, heights: list[Fraction], scale: Fraction
) -> AutonomousStep:
    """The base run starts at ``scale`` in a coordinate of its own, the last one."""
    zeros = (Fraction(0),) * len(data.start)
    base, moved = [], []
    for height, u, w in zip(heights, data.stages, data.slopes, strict=True):
        place = scale * height
        value = mu * place**2 / 2
        base.append(PotentialPoint((*zeros, place), (*zeros, mu * place), value))
        # Half of ⟨w, u⟩ lies in the middle of what the two inequalities of this pair allow, up to
        # the quadratic a|x|²/2, which is added here and taken off again there.
        moved.append(PotentialPoint((*u, place), (*w, mu * place), value + inner(w, u) / 2))
    return AutonomousStep(data, (*zeros, scale), (*data.start, scale), (*base, *moved))


def _linear_stages(forms: StageForms, mu: Fraction) -> list[Fraction]:
    """The stages of a run from 1 on the scalar field with h·slope μ."""
    return StageForms(forms.stages, forms.result, (mu, mu)).linear_stages()


def _less_quadratic(p: PotentialPoint, low: Fraction) -> PotentialPoint:
    """The point without the part a|x|²/2 of the potential."""
    return PotentialPoint(
        p.point,
        combination(1, p.gradient, -low, p.point),
        p.value - low / 2 * inner(p.point, p.point),
    )


def _above(p: PotentialPoint, q: PotentialPoint, width: Fraction) -> bool:
    """F_p ≥ F_q + ⟨G_q, p − q⟩ + |G_p − G_q|²/(2·width)."""
    way = combination(1, p.point, -1, q.point)
    change = combination(1, p.gradient, -1, q.gradient)
    return p.value >= q.value + inner(q.gradient, way) + inner(change, change) / (2 * width)
