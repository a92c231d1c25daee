"""The forms of a step in coordinates in which float64 does well: for the search only."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ...numerics.validation import FloatArray
from .stage_forms import StageForms


@dataclass(frozen=True)
class CentredForms:
    """The stages, the result and the multipliers over e and scaled deviations of the slopes.

    With the middle m and half the width ρ of the interval of slopes, w_j = m u_j + v_j, the
    multiplier of a stage is ρ²|u_j|² − |v_j|². In units σ_j of u_j and ρσ_j of v_j, powers of 2
    about as large as these can become, it is |u_j|² − |v_j|² with coefficients of about 1, however
    narrow the interval and however long the step. ``stages`` (s, s+1) and ``result`` (s+1,) are
    rows, the result divided by its size; ``basis`` (s+1, s+1) leads back to (e, w₁, …, w_s), and
    d_j = ``units``[j]·(multiplier in these coordinates). Source: flowcert [D].

    >>> euler = StageForms.of([[Fraction(0)]], [Fraction(1)], Fraction(1, 2), Fraction(3, 2))
    >>> CentredForms.of(euler).multiplier(0)  # u = e, and w = u + v with |v| ≤ |u|/2
    array([[ 1.,  0.],
           [ 0., -1.]])
    """

    stages: FloatArray
    result: FloatArray
    basis: FloatArray
    units: tuple[Fraction, ...]

    @staticmethod
    def of(forms: StageForms) -> CentredForms:
        """Return the forms of a step with h·a ≠ h·L; everything is scaled before it is rounded.

        Raises ConvergenceError where the slope in the middle leaves the stages undetermined.
        """
        low, high = forms.slopes
        middle, radius = (low + high) / 2, abs(high - low) / 2
        u = forms.shifted_stages(middle)
        stages = range(len(u))
        w = [[middle * x + (i == j + 1) for i, x in enumerate(u[j])] for j in stages]
        result = [
            sum((r * row[i] for r, row in zip(forms.result[1:], w, strict=True)), Fraction(0))
            for i in range(len(u) + 1)
        ]
        result[0] += forms.result[0]
        sizes: list[Fraction] = []
        for row in u:
            reach = (abs(x) * radius * size for x, size in zip(row[1:], sizes, strict=False))
            sizes.append(_power_of_two(sum(reach, abs(row[0]))))
        scales = [Fraction(1), *(radius * size for size in sizes)]
        whole = _power_of_two(
            sum((abs(x) * scale for x, scale in zip(result, scales, strict=True)), Fraction(0))
        )
        unit_row = [Fraction(1), *(Fraction(0) for _ in stages)]
        return CentredForms(
            stages=np.array([_floats(u[j], scales, sizes[j]) for j in stages]),
            result=_floats(result, scales, whole),
            basis=np.array([_floats(row, scales, Fraction(1)) for row in (unit_row, *w)]),
            units=tuple((whole / (radius * size)) ** 2 for size in sizes),
        )

    def multiplier(self, j: int) -> FloatArray:
        """Return |u_j|² − |v_j|² in these coordinates, (s+1, s+1)."""
        form = np.outer(self.stages[j], self.stages[j])
        form[j + 1, j + 1] -= 1.0
        return form


def _power_of_two(x: Fraction) -> Fraction:
    """A power of 2 within a factor 2 of x > 0, and 1 for 0."""
    if x == 0:
        return Fraction(1)
    return Fraction(2) ** (x.numerator.bit_length() - x.denominator.bit_length())


def _floats(row: list[Fraction], scales: list[Fraction], unit: Fraction) -> FloatArray:
    return np.array([float(x * scale / unit) for x, scale in zip(row, scales, strict=True)])
