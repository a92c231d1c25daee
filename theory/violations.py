"""What an assertion about a map raises: the counterexample, as numbers and readable."""

from __future__ import annotations

import numpy as np

from ..numerics.validation import FloatArray
from .searched_map import row_norms, shown


class LipschitzViolation(AssertionError):
    """Two points that a map moves apart by more than its bound allows.

    ``x``, ``y``, ``fx``, ``fy``: the points and their images; ``quotient`` = |f(x) − f(y)|/|x − y|;
    ``bound``: what was asserted.

    >>> print(LipschitzViolation(np.array([1.0]), np.array([0.0]), np.array([1.5]), np.zeros(1), 1))
    |f(x) − f(y)| = 1.5 > 1·|x − y| = 1: the quotient is 1.5
      x    = [1.0]
      y    = [0.0]
      f(x) = [1.5]
      f(y) = [0.0]
    """

    def __init__(
        self,
        x: FloatArray,
        y: FloatArray,
        fx: FloatArray,
        fy: FloatArray,
        bound: float,
        name: str = "f",
    ) -> None:
        self.x, self.y, self.fx, self.fy, self.bound, self.name = x, y, fx, fy, float(bound), name
        self.distance = float(row_norms((x - y).reshape(1, -1))[0])
        self.moved = float(row_norms((fx - fy).reshape(1, -1))[0])
        self.quotient = self.moved / self.distance
        super().__init__(self._text())

    def _text(self) -> str:
        allowed = self.bound * self.distance
        moved = f"|{self.name}(x) − {self.name}(y)| = {self.moved:.9g}"
        limit = f"{self.bound:.9g}·|x − y| = {allowed:.9g}"
        lines = [
            f"{moved} > {limit}: the quotient is {self.quotient:.9g}",
            f"  x    = {shown(self.x)}",
            f"  y    = {shown(self.y)}",
        ]
        # Long points that differ in a few entries are read best by these.
        if self.x.size > 24 and np.any(self.x) and np.any(self.x == self.y):
            lines.append(f"  y−x  = {shown(self.y - self.x)}")
        lines += [f"  {self.name}(x) = {shown(self.fx)}", f"  {self.name}(y) = {shown(self.fy)}"]
        return "\n".join(lines)

    def __reduce__(self) -> tuple[object, ...]:
        """Several arguments need help to cross a process boundary."""
        return type(self), (self.x, self.y, self.fx, self.fy, self.bound, self.name)


class ConservationViolation(AssertionError):
    """A point at which a map changes a quantity that it was asserted to keep.

    ``x``, ``fx``: the point and its image; ``before`` = q(x), ``after`` = q(f(x)); ``allowed`` =
    tolerance·scale.

    >>> print(ConservationViolation(np.ones(2), np.array([1.0, 2.0]), 2.0, 3.0, 1e-9))
    q(f(x)) = 3.0, but q(x) = 2.0: changed by 1, allowed 1e-09
      x    = [1.0, 1.0]
      f(x) = [1.0, 2.0]
    """

    def __init__(
        self,
        x: FloatArray,
        fx: FloatArray,
        before: FloatArray | float,
        after: FloatArray | float,
        allowed: float,
    ) -> None:
        self.x, self.fx, self.allowed = x, fx, allowed
        self.before, self.after = np.asarray(before), np.asarray(after)
        self.change = float(np.linalg.norm((self.after - self.before).ravel()))
        super().__init__(
            f"q(f(x)) = {self.after.tolist()}, but q(x) = {self.before.tolist()}: changed by "
            f"{self.change:.3g}, allowed {allowed:.3g}\n"
            f"  x    = {shown(x)}\n  f(x) = {shown(fx)}"
        )

    def __reduce__(self) -> tuple[object, ...]:
        """Several arguments need help to cross a process boundary."""
        return type(self), (self.x, self.fx, self.before, self.after, self.allowed)
