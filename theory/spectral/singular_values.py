"""What is known for certain of a linear map's singular values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SingularValues:
    """Rigorous: ``smallest`` ≤ σ_min and ``largest_lower`` ≤ σ_max = ‖A‖ ≤ ``largest``.

    σ_min is that of |Ax| ≥ σ_min|x|: it is 0 if A has fewer rows than columns. ``reason`` says why
    ``smallest`` is 0 where no better bound is known; ``method`` how ``largest`` was bounded.

    >>> SingularValues(0.0, 0.9, 1.0, "an example", "not asked for").width
    0.09999999999999998
    """

    smallest: float
    largest_lower: float
    largest: float
    method: str
    reason: str = ""

    @property
    def width(self) -> float:
        """(largest − largest_lower)/largest: how much of the bracket is not known; 0 for A = 0."""
        if self.largest == 0.0:
            return 0.0
        if self.largest == float("inf"):
            return 1.0  # nothing is known
        return (self.largest - self.largest_lower) / self.largest
