"""Scaling of each entry: y = s∘x, where s may be known only up to rounding."""

from __future__ import annotations

import numpy as np

from ...errors import ShapeError
from ...numerics.validation import FloatArray
from ..arithmetic import Number
from ..interval import Interval
from .linear_map import LinearMap, Shape
from .singular_values import SingularValues


class Diagonal(LinearMap):
    """y = s∘x with ``scale`` s, a float array or an enclosure, broadcast to ``input_shape``.

    γ/√(v + ε) and 1/d are no float64 numbers: they come as an ``Interval`` around the true s.
    Norms are exact but for the ends of the enclosure.

    >>> Diagonal(np.array([[3.0], [-4.0]]), (2, 5)).singular_values().largest
    4.0
    """

    terms = 1

    def __init__(self, scale: Number, input_shape: Shape) -> None:
        enclosure = Interval.of(scale)
        self.input_shape = self.output_shape = tuple(input_shape)
        try:
            fits = np.broadcast_shapes(enclosure.lower.shape, input_shape) == self.input_shape
        except ValueError:
            fits = False
        if not fits:
            raise ShapeError(
                came=f"a scale of shape {enclosure.lower.shape} for {self.input_shape}",
                expected="a scale that broadcasts to the value's own shape",
                remedy="Insert axes of length 1 where the scale does not depend on the index.",
            )
        self.enclosure = enclosure
        low, high = enclosure.lower, enclosure.upper
        if np.array_equal(low, high):
            self.scale, self.norm_error = low, 0.0
            return
        # An infinite end leaves the other one, and an infinite error.
        with np.errstate(all="ignore"):
            middle = low + 0.5 * (high - low)
        self.scale = np.where(np.isfinite(middle), middle, 0.0)
        to_ends = (enclosure - self.scale).absolute()
        self.norm_error = float(np.max(to_ends.upper, initial=0.0))

    def apply(self, x: FloatArray) -> FloatArray:
        return np.asarray(x * self.scale)

    def adjoint(self, y: FloatArray) -> FloatArray:
        return np.asarray(y * self.scale)

    def absolute(self) -> Diagonal:
        return Diagonal(self.enclosure.absolute(), self.input_shape)

    def singular_values(self, *, smallest: bool = False) -> SingularValues:
        size = self.enclosure.absolute()
        low = float(np.min(size.lower))
        return SingularValues(
            low,
            float(np.max(size.lower)),
            float(np.max(size.upper)),
            "largest entry of a diagonal matrix",
            "" if low > 0.0 else "an entry of the diagonal may be zero",
        )
