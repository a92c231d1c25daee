"""A map whose stored entries are known to be off by a little."""

from __future__ import annotations

from ...numerics.validation import FloatArray
from .linear_map import LinearMap
from .rounding import above, below
from .singular_values import SingularValues


class Perturbed(LinearMap):
    """The map A with ‖Â − A‖ ≤ ``norm_error``, where Â = ``stored`` is a map of another kind.

    >>> from .rearrangement import Reshape
    >>> Perturbed(Reshape((2, 2), (4,)), 0.25).singular_values().largest >= 1.25
    True
    """

    def __init__(self, stored: LinearMap, norm_error: float) -> None:
        self.stored = stored
        self.input_shape, self.output_shape = stored.input_shape, stored.output_shape
        self.terms = stored.terms
        self.norm_error = above(norm_error + stored.norm_error)

    def apply(self, x: FloatArray) -> FloatArray:
        return self.stored.apply(x)

    def adjoint(self, y: FloatArray) -> FloatArray:
        return self.stored.adjoint(y)

    def absolute(self) -> LinearMap:
        return self.stored.absolute()

    def singular_values(self, *, smallest: bool = False) -> SingularValues:
        """Weyl: no singular value moves by more than ‖Â − A‖."""
        values = self.stored.singular_values(smallest=smallest)
        return SingularValues(
            below(max(values.smallest - self.norm_error, 0.0)),
            below(max(values.largest_lower - self.norm_error, 0.0)),
            above(values.largest + self.norm_error),
            values.method,
            values.reason,
        )
