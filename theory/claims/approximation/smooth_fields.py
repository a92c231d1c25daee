"""What random instances are made of: smooth fields and points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ....numerics.validation import FloatArray
from ..structure.smooth_networks import arrays

_WAVES = 2


@dataclass(frozen=True)
class SmoothField:
    """f(x) = c + Bx + Σⱼ Qⱼ(x, x)eⱼ + V sin(Wx + b): a polynomial and a trigonometric part."""

    c: FloatArray
    B: FloatArray
    Q: FloatArray
    V: FloatArray
    W: FloatArray
    b: FloatArray

    @property
    def dimension(self) -> int:
        return len(self.c)

    def __call__(self, x: FloatArray) -> FloatArray:
        quadratic = np.einsum("...i,jik,...k->...j", x, self.Q, x)
        return np.asarray(
            self.c + x @ self.B.T + quadratic + np.sin(x @ self.W.T + self.b) @ self.V.T
        )


@st.composite
def smooth_fields(draw: st.DrawFn, dimension: int) -> SmoothField:
    """Fields with coefficients in [−1, 1]."""
    n = dimension
    shapes = ((n,), (n, n), (n, n, n), (n, _WAVES), (_WAVES, n), (_WAVES,))
    return SmoothField(*(draw(arrays(*shape)) for shape in shapes))


def fields_with_points(lowest: int, highest: int) -> SearchStrategy[tuple[SmoothField, FloatArray]]:
    """Fields in ``lowest`` to ``highest`` dimensions, each with a point of [−1, 1]ⁿ."""
    return st.integers(lowest, highest).flatmap(lambda n: st.tuples(smooth_fields(n), arrays(n)))
