"""One instance: what is claimed, and what is true by an independent computation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Bracket:
    """lower ≤ constant ≤ upper.

    >>> Bracket(0.9, 1.0).lower
    0.9
    """

    lower: float
    upper: float


@dataclass(frozen=True)
class Instance:
    """``claimed`` by the bounds, ``truth`` by the oracle (an interval, as wide as its rounding).

    >>> Instance("dense", 7, Bracket(0.9, 1.1), Bracket(1.0, 1.0)).violation
    ''
    >>> Instance("dense", 7, Bracket(0.9, 0.95), Bracket(1.0, 1.0)).violation
    'upper 0.95 < truth 1.0'
    """

    family: str
    seed: int
    claimed: Bracket
    truth: Bracket

    @property
    def violation(self) -> str:
        """What is wrong, or nothing. NaN is wrong."""
        if not self.claimed.lower <= self.truth.upper:
            return f"lower {self.claimed.lower!r} > truth {self.truth.upper!r}"
        if not self.claimed.upper >= self.truth.lower:
            return f"upper {self.claimed.upper!r} < truth {self.truth.lower!r}"
        return ""

    @property
    def looseness(self) -> float:
        """Upper end over truth; 1 where the truth may be 0, and a ratio says nothing."""
        return self.claimed.upper / self.truth.lower if self.truth.lower > 0.0 else 1.0
