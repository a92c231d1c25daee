r"""Exact differences of two runs that grow in one step, just beyond the limit of a method.

With orthonormal v, u₁, …, u_s, a direction ω and a small η take w_j = ω_j v + ηu_j (h times the
difference of the gradients at stage j) and

    e = Σ_j u_j(|w_j|²/z + Σᵢ a_ji⟨wᵢ, w_j⟩)/η,    z = hL.

Then ⟨w_j, u_j⟩ = |w_j|²/z at every stage: the pairs belong to convex L-smooth potentials. And
|result|² − |e|² = −(ωᵀQω + η² tr Q), Q = M + (2/z)B, which is positive for small η if ωᵀQω < 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from ....numerics import Tableau
from ....numerics.tableau.contractivity_witness import contractivity_witness
from ...contraction import StageData, StageForms
from ...contraction.coefficients import rational_coefficients
from ...contraction.stage_data import inner

_GRID = 10**4


@dataclass(frozen=True)
class ExpandingStep:
    """Stage data, exact."""

    data: StageData

    @property
    def excess(self) -> Fraction:
        """|result|²/|e|² − 1."""
        return self.data.factor_squared - 1

    def growth(self) -> float:
        """|result|/|e|, rounded."""
        return math.sqrt(self.data.factor_squared)


def expanding_data(tableau: Tableau, scaled_step: Fraction) -> ExpandingStep:
    """The construction for hL = ``scaled_step``, with the better of two directions.

    That of the smallest eigenvalue grows most, but it is rounded; that of ``contractivity_witness``
    is exact wherever there is one, but may grow by next to nothing.
    """
    A, b = rational_coefficients(tableau)
    Q = limit_form(A, b, scaled_step)
    directions = [_smallest_direction(A, b, scaled_step)]
    witness = contractivity_witness(tableau, scaled_step)
    if witness is not None and any(witness.direction):
        directions.append([Fraction(int(x.p), int(x.q)) for x in witness.direction])
    omega = min(directions, key=lambda v: _value(Q, v) / inner(v, v))
    trace = sum((Q[i][i] for i in range(len(b))), Fraction(0))
    # η²·tr Q must not outweigh the growth −ωᵀQω; where tr Q is next to 0, |ω| is large enough.
    size = inner(omega, omega)
    room = min(size, abs(_value(Q, omega) / trace) / 2) if trace else size
    eta = Fraction(max(1, math.floor(math.sqrt(room) * _GRID)), _GRID)
    start, slopes = construction(A, b, scaled_step, omega, eta)
    forms = StageForms.of(A, b, Fraction(0), scaled_step)
    return ExpandingStep(StageData(forms, start, slopes))


def construction(
    A: Sequence[Sequence[Any]], b: Sequence[Any], z: Any, omega: Sequence[Any], eta: Any
) -> tuple[tuple[Any, ...], tuple[tuple[Any, ...], ...]]:
    """e and w₁, …, w_s in the basis v, u₁, …, u_s, over fractions or symbols."""
    s = len(b)
    w = [(omega[j], *(eta if i == j else 0 * eta for i in range(s))) for j in range(s)]

    def product(i: int, j: int) -> Any:
        return sum(x * y for x, y in zip(w[i], w[j], strict=True))

    heights = [
        (product(j, j) / z + sum(A[j][i] * product(i, j) for i in range(s))) / eta for j in range(s)
    ]
    return (0 * eta, *heights), tuple(w)


def limit_form(A: Sequence[Sequence[Any]], b: Sequence[Any], z: Any) -> list[list[Any]]:
    """Q = BA + AᵀB − bbᵀ + (2/z)B, over fractions or symbols."""
    s = range(len(b))
    return [
        [b[i] * A[i][j] + b[j] * A[j][i] - b[i] * b[j] + (2 * b[i] / z if i == j else 0) for j in s]
        for i in s
    ]


def _value(Q: list[list[Any]], omega: Sequence[Fraction]) -> Fraction:
    """ωᵀQω."""
    return inner([inner(row, omega) for row in Q], omega)


def _smallest_direction(A: Any, b: Any, z: Fraction) -> list[Fraction]:
    Q = np.array([[float(x) for x in row] for row in limit_form(A, b, z)])
    return [Fraction(float(x)).limit_denominator(_GRID) for x in np.linalg.eigh(Q)[1][:, 0]]
