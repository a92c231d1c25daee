"""The coefficients A, b, c of a Runge–Kutta method, exact, and their roundings."""

from __future__ import annotations

from abc import ABC, abstractmethod
from fractions import Fraction
from functools import cache, cached_property
from typing import Any, NamedTuple

import numpy as np

from ..elementary import is_exact_kind


class Coefficients(NamedTuple):
    """A (s, s), b (s,), c (s,) and the embedded weights b_hat (s,) or None, all of one kind."""

    A: Any
    b: Any
    c: Any
    b_hat: Any


class Tableau(ABC):
    """A Runge–Kutta method by its coefficients."""

    stages: int

    @abstractmethod
    def float64(self) -> Coefficients:
        """Return the coefficients, each correctly rounded to float64."""

    @abstractmethod
    def high_precision(self, digits: int) -> Coefficients:
        """Return the coefficients as object arrays of mpmath numbers, right to ``digits``."""

    def coefficients(self, like: Any) -> Coefficients:
        """Return the coefficients in the arithmetic of the state ``like``."""
        if not is_exact_kind(like):
            return self.float64()
        import mpmath

        return self.high_precision(mpmath.mp.dps)


class ButcherTableau(Tableau):
    """A tableau with exact entries: integers, fractions, strings such as "1/2", sympy numbers."""

    def __init__(self, A: Any, b: Any, c: Any, b_hat: Any = None) -> None:
        self.A = tuple(tuple(Fraction(x) for x in row) for row in A)
        self.b = tuple(Fraction(x) for x in b)
        self.c = tuple(Fraction(x) for x in c)
        self.b_hat = None if b_hat is None else tuple(Fraction(x) for x in b_hat)
        self.stages = len(self.b)

    @cached_property
    def _rounded(self) -> Coefficients:
        return Coefficients(*(None if x is None else np.array(x, dtype=float) for x in self._all()))

    def _all(self) -> tuple[Any, ...]:
        return (self.A, self.b, self.c, self.b_hat)

    def float64(self) -> Coefficients:
        return self._rounded

    def high_precision(self, digits: int) -> Coefficients:
        return _high_precision(self, digits)


@cache
def _high_precision(tableau: ButcherTableau, digits: int) -> Coefficients:
    import mpmath

    def convert(x: Any) -> Any:
        if x is None:
            return None
        with mpmath.workdps(digits + 5):
            return np.vectorize(lambda q: mpmath.mpf(q.numerator) / q.denominator, otypes=[object])(
                np.array(x, dtype=object)
            )

    return Coefficients(*map(convert, tableau._all()))
