r"""One Runge–Kutta step as quadratic forms in the differences of two runs, exactly.

Let e be the difference of the two starting points and w_j = h·(difference of g at stage j), where
the field is −g. Then u_j = e − Σᵢ a_ji wᵢ is the difference of the stages and e − Σ b_j w_j that of
the results. Where the slopes of g lie in [a, L] every stage satisfies

    ⟨w_j − h a u_j, h L u_j − w_j⟩ ≥ 0.

All of these are quadratic forms in the s + 1 vectors (e, w₁, …, w_s), the same for each component.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from ...errors import ConvergenceError

Row = list[Fraction]
Form = list[Row]


@dataclass(frozen=True)
class StageForms:
    """The forms of one step: |e|², |result|², and the non-negative one of each stage.

    ``stages`` holds, as rows over (e, w₁, …, w_s), the differences u_j of the stages, ``result``
    that of the results; ``slopes`` is (h·a, h·L). Source: Lessard, Recht and Packard (2016) [D].

    >>> euler = StageForms.of([[Fraction(0)]], [Fraction(1)], Fraction(1), Fraction(2))
    >>> euler.result
    [Fraction(1, 1), Fraction(-1, 1)]
    >>> euler.multiplier(0)  # (w − u)(2u − w) with u = e
    [[Fraction(-2, 1), Fraction(3, 2)], [Fraction(3, 2), Fraction(-1, 1)]]
    """

    stages: list[Row]
    result: Row
    slopes: tuple[Fraction, Fraction]

    @staticmethod
    def of(
        A: Sequence[Sequence[Fraction]],
        b: Sequence[Fraction],
        scaled_min: Fraction,
        scaled_max: Fraction,
    ) -> StageForms:
        """Return the forms of the tableau A (s, s), b (s,) with slopes h·a and h·L."""
        one = Fraction(1)
        stages = [[one, *(-entry for entry in row)] for row in A]
        return StageForms(stages, [one, *(-weight for weight in b)], (scaled_min, scaled_max))

    def multiplier(self, j: int) -> Form:
        """Return the form ⟨w_j − h a u_j, h L u_j − w_j⟩, which is ≥ 0."""
        low, high = self.slopes
        u = self.stages[j]
        w = [Fraction(i == j + 1) for i in range(len(u))]
        above = [x - low * y for x, y in zip(w, u, strict=True)]
        below = [high * y - x for x, y in zip(w, u, strict=True)]
        return _symmetric_product(above, below)

    def lacking(self, multipliers: Sequence[Fraction]) -> Form:
        """Return −|result|² − Σ d_j·multiplier_j: with φ²|e|² added it must be ⪰ 0."""
        total = _symmetric_product(self.result, [-x for x in self.result])
        for j, d in enumerate(multipliers):
            form = self.multiplier(j)
            total = [
                [x - d * y for x, y in zip(row, other, strict=True)]
                for row, other in zip(total, form, strict=True)
            ]
        return total

    def is_linear(self) -> bool:
        """Return whether only one slope is left, so that w_j = h a u_j."""
        return self.slopes[0] == self.slopes[1]

    def linear_stages(self) -> Row:
        """Return u_j for e = 1 where w_j = h a u_j at every stage.

        Raises ConvergenceError where the stages have no or many solutions.
        """
        return [row[0] for row in self.shifted_stages(self.slopes[0])]

    def shifted_stages(self, slope: Fraction) -> Form:
        """Return the u_j as rows over (e, v₁, …, v_s), where w_j = slope·u_j + v_j.

        Raises ConvergenceError where the stages have no or many solutions.
        """
        # u = e·1 + S·w with S the last s columns of the stages: (I − slope·S)u = e·1 + S·v.
        rows = [
            [Fraction(i == j) - slope * x for i, x in enumerate(row[1:])] + row
            for j, row in enumerate(self.stages)
        ]
        return _solved(rows)

    def linear_factor(self) -> Fraction:
        """Return R(−h a), the quotient of result and e where w_j = h a u_j at every stage."""
        slopes = [self.slopes[0] * x for x in self.linear_stages()]
        return self.result[0] + sum(
            (x * y for x, y in zip(self.result[1:], slopes, strict=True)), Fraction(0)
        )


def _solved(rows: Form) -> Form:
    """The solutions of a linear system; its right-hand sides stand behind the square matrix."""
    size = len(rows)
    for k in range(size):
        pivot = next((i for i in range(k, size) if rows[i][k] != 0), None)
        if pivot is None:
            raise ConvergenceError(
                came="stages that a linear field does not determine",
                expected="a step that is no pole of the stability function",
                remedy="Take another step.",
            )
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows[k] = [x / rows[k][k] for x in rows[k]]
        for i in range(size):
            if i != k and rows[i][k] != 0:
                rows[i] = [x - rows[i][k] * y for x, y in zip(rows[i], rows[k], strict=True)]
    return [row[size:] for row in rows]


def _symmetric_product(x: Row, y: Row) -> Form:
    """The symmetric matrix of ⟨x, ·⟩⟨y, ·⟩."""
    return [[(x[i] * y[k] + x[k] * y[i]) / 2 for k in range(len(x))] for i in range(len(x))]
