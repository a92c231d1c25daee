"""What random instances of splittings are made of: affine pieces, whose flows are exponentials."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from hypothesis import strategies as st
from scipy.linalg import expm

from ....numerics.validation import FloatArray
from ...measuring import logarithmic_norm
from ..structure.smooth_networks import arrays

_ROUNDING = 1e-14


@dataclass(frozen=True)
class Affine:
    """The field Ax + a."""

    A: FloatArray
    a: FloatArray

    def __add__(self, other: Affine) -> Affine:
        return Affine(self.A + other.A, self.a + other.a)

    @property
    def rate(self) -> float:
        """The one-sided constant."""
        return logarithmic_norm(self.A)

    @property
    def abscissa(self) -> float:
        return float(np.linalg.eigvals(self.A).real.max())

    def flow(self, t: float) -> FloatArray:
        """The flow on (x, 1), a matrix."""
        n = len(self.a)
        big = np.zeros((n + 1, n + 1))
        big[:n, :n], big[:n, n] = self.A, self.a
        return np.asarray(expm(t * big))

    def largest(self, radius: float) -> float:
        """An upper bound of |Ax + a| on |x| ≤ radius."""
        return float(np.linalg.norm(self.A, 2) * radius + np.linalg.norm(self.a))


Bracket = Callable[[Affine, Affine], Affine]


def commutator(A: Affine, B: Affine) -> Affine:
    """DB·A − DA·B."""
    return Affine(B.A @ A.A - A.A @ B.A, B.A @ A.a - A.A @ B.a)


@dataclass(frozen=True)
class AffinePieces:
    """Affine fields in the order in which they act for the time h, from |x| ≤ 1."""

    fields: tuple[Affine, ...]
    h: float

    @property
    def rates(self) -> list[float]:
        return [f.rate for f in self.fields]

    @property
    def whole(self) -> Affine:
        return reduce(Affine.__add__, self.fields)

    @property
    def reach(self) -> float:
        """Radius of a ball that holds all stages, forward ones, and the flow of every sum."""
        radius = 1.0
        for f in self.fields:
            shift = float(np.linalg.norm(f.a)) * self.h
            radius = (radius + shift) * float(np.exp(max(f.rate, 0.0) * self.h))
        return radius

    def error(self, stages: Sequence[tuple[int, float]]) -> float:
        """|Π φᵢ^{wᵢh}(x) − φ^h(x)| at the two points x that the linear part moves most."""
        n = len(self.fields[0].a)
        made = np.eye(n + 1)
        for i, weight in stages:
            made = self.fields[i].flow(weight * self.h) @ made
        difference = (made - self.whole.flow(self.h))[:n]
        x = np.linalg.svd(difference[:, :n])[2][0]
        moved = [difference[:, :n] @ (sign * x) + difference[:, n] for sign in (-1.0, 1.0)]
        return float(max(np.linalg.norm(e) for e in moved))

    @property
    def allowance(self) -> float:
        """For the rounding of exponentials."""
        return _ROUNDING * float(np.exp(sum(f.largest(1.0) for f in self.fields) * self.h))


@st.composite
def affine_pieces(draw: st.DrawFn, lowest: int, highest: int) -> AffinePieces:
    """Between so many pieces with entries in [−1, 1], in one to three dimensions."""
    n = draw(st.integers(1, 3))
    count = draw(st.integers(lowest, highest))
    h = draw(st.floats(1e-3, 1.0))
    return AffinePieces(tuple(Affine(draw(arrays(n, n)), draw(arrays(n))) for _ in range(count)), h)


def planar(A: Sequence[Sequence[float]], a: Sequence[float] = (0.0, 0.0)) -> Affine:
    """A field of the plane."""
    return Affine(np.array(A, dtype=np.float64), np.array(a, dtype=np.float64))
