r"""The differences of two runs at the stages of one step, in exact numbers: lower ends of factors.

Per-stage data decide everything, because they can be completed: where every pair (u_j, w_j)
satisfies ⟨w_j − h a u_j, h L u_j − w_j⟩ ≥ 0, stage by stage a quadratic potential with slopes in
[a, L] yields them; and where the stages of a base run are far apart, *one* autonomous potential
does (``autonomous.py``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from ...errors import DomainError, ShapeError
from ...numerics import Tableau
from ...numerics.validation import FloatArray
from .coefficients import exact_fraction, exact_slopes, rational_coefficients
from .multipliers import search_multipliers
from .stage_forms import StageForms

Vector = tuple[Fraction, ...]

_GRID = 10**9


@dataclass(frozen=True)
class StageData:
    """The start e and the scaled slopes w₁, …, w_s of the difference of two runs, as fractions.

    ``forms`` belongs to the tableau, the step and the slopes; w_j = h·(difference of g at stage
    j). Everything is exact. Source: Dahlquist and Jeltsch (1979) [D].

    >>> euler = StageForms.of([[Fraction(0)]], [Fraction(1)], Fraction(0), Fraction(3))
    >>> data = StageData(euler, (Fraction(1),), ((Fraction(3),),))
    >>> data.is_admissible(), data.result, data.factor_squared
    (True, (Fraction(-2, 1),), Fraction(4, 1))
    """

    forms: StageForms
    start: Vector
    slopes: tuple[Vector, ...]

    def __post_init__(self) -> None:
        if any(len(w) != len(self.start) for w in self.slopes) or not any(self.start):
            raise ShapeError(
                came="a start that is zero, or slopes of another length",
                expected="vectors of one length, and two different starting points",
                remedy="Give s + 1 vectors of the same space.",
            )

    @property
    def stages(self) -> tuple[Vector, ...]:
        """The differences u_j = e − Σᵢ a_ji wᵢ."""
        return tuple(self._combined(row) for row in self.forms.stages)

    @property
    def result(self) -> Vector:
        """The difference e − Σ b_j w_j of the results."""
        return self._combined(self.forms.result)

    @property
    def factor_squared(self) -> Fraction:
        """|result|²/|e|²: no smaller factor can be proved."""
        return inner(self.result, self.result) / inner(self.start, self.start)

    def is_admissible(self) -> bool:
        """Return whether every stage satisfies ⟨w_j − h a u_j, h L u_j − w_j⟩ ≥ 0, exactly."""
        low, high = self.forms.slopes
        return all(
            inner(combination(1, w, -low, u), combination(high, u, -1, w)) >= 0
            for w, u in zip(self.slopes, self.stages, strict=True)
        )

    def _combined(self, row: Sequence[Fraction]) -> Vector:
        vectors = (self.start, *self.slopes)
        return tuple(
            sum((x * v[i] for x, v in zip(row, vectors, strict=True)), Fraction(0))
            for i in range(len(self.start))
        )


def worst_stage_data(tableau: Tableau, step: Any, slope_min: Any, slope_max: Any) -> StageData:
    """Return admissible stage data of an explicit method whose quotient is nearly the largest.

    From the dual of the search for multipliers; rounded to fractions, every w_j then drawn into
    its ball. Guaranteed: admissible, so that ``factor_squared`` bounds every true factor from
    below; it is usually within 1e-6 of the bound of ``runge_kutta_contraction``. Raises DomainError
    (implicit methods included), ConvergenceError. Source: flowcert [D].

    >>> from flowcert.numerics import RK4
    >>> data = worst_stage_data(RK4.tableau, 1.9, 0.5, 1.0)
    >>> data.is_admissible(), round(float(data.factor_squared) ** 0.5, 4)
    (True, 0.4017)
    """
    A, b = rational_coefficients(tableau)
    if not tableau.is_explicit():
        raise DomainError(
            came="an implicit method",
            expected="an explicit one, whose stages follow from earlier ones",
            remedy="Build StageData from its own e and w.",
        )
    h = exact_fraction("step", step)
    a, L = exact_slopes(slope_min, slope_max)
    forms = StageForms.of(A, b, h * a, h * L)
    candidates = [_of_gram(forms, gram) for gram in search_multipliers(forms).worst]
    return max(candidates, key=lambda data: data.factor_squared)


def _of_gram(forms: StageForms, gram: FloatArray) -> StageData:
    """Vectors with nearly this Gram matrix, admissible."""
    values, vectors = np.linalg.eigh(gram)
    factor = vectors * np.sqrt(np.maximum(values, 0.0))
    start, *slopes = (tuple(Fraction(round(float(x) * _GRID), _GRID) for x in v) for v in factor)
    return admissible_stage_data(forms, start, slopes)


def admissible_stage_data(forms: StageForms, start: Vector, slopes: Sequence[Vector]) -> StageData:
    """Return stage data of an explicit method with the wⱼ drawn into their balls where outside.

    >>> euler = StageForms.of([[Fraction(0)]], [Fraction(1)], Fraction(0), Fraction(3))
    >>> outside = (Fraction(4),)
    >>> admissible_stage_data(euler, (Fraction(1),), [outside]).slopes
    ((Fraction(3, 1),),)
    """
    low, high = forms.slopes
    drawn: list[Vector] = []
    for j, w in enumerate(slopes):
        padded = [*drawn, *(w for _ in slopes[j:])]
        u = StageData(forms, start, tuple(padded)).stages[j]
        centre = combination((low + high) / 2, u, 0, u)
        offset = combination(1, w, -1, centre)
        largest = (high - low) ** 2 / 4 * inner(u, u)
        drawn.append(combination(1, centre, _shrinking(largest, inner(offset, offset)), offset))
    return StageData(forms, start, tuple(drawn))


def _shrinking(largest: Fraction, square: Fraction) -> Fraction:
    """A number θ ≤ 1 with θ²·square ≤ largest, nearly the largest one."""
    if square <= largest:
        return Fraction(1)
    root = Fraction(math.floor(math.sqrt(largest / square) * _GRID), _GRID)
    exact = largest / square
    top, bottom = math.isqrt(exact.numerator), math.isqrt(exact.denominator)
    if Fraction(top, bottom) ** 2 == exact:
        return Fraction(top, bottom)
    return root if root**2 <= exact else root - Fraction(1, _GRID)


def inner(x: Sequence[Fraction], y: Sequence[Fraction]) -> Fraction:
    """Return ⟨x, y⟩.

    >>> inner((Fraction(1), Fraction(2)), (Fraction(3), Fraction(1)))
    Fraction(5, 1)
    """
    return sum((p * q for p, q in zip(x, y, strict=True)), Fraction(0))


def combination(s: Fraction | int, x: Vector, t: Fraction | int, y: Vector) -> Vector:
    """Return s·x + t·y.

    >>> combination(2, (Fraction(1),), -1, (Fraction(3),))
    (Fraction(-1, 1),)
    """
    return tuple(s * p + t * q for p, q in zip(x, y, strict=True))
