"""One formula, many arithmetics.

Every closed form of this package is written once, over an ``Arithmetic``. Handed intervals it is a
rigorous bound, handed sympy expressions it is the theorem's formula, handed z3 terms it is what
the SMT solver reasons about, handed balls it is an enclosure. What is proved is what is computed.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

# The numbers of one arithmetic: float arrays, intervals, sympy expressions, z3 terms, balls. They
# share + − * / and integer powers, but no common base class that a type checker could name.
Number = Any


class Arithmetic(Protocol):
    """What a formula may use beyond + − * / and integer powers.

    >>> FLOATS.maximum(FLOATS.number(2), FLOATS.absolute(-3))
    np.int64(3)
    """

    def number(self, value: Number) -> Number:
        """Return ``value`` in this arithmetic, exactly (or as an enclosure)."""
        ...

    def maximum(self, x: Number, y: Number) -> Number: ...

    def absolute(self, x: Number) -> Number: ...

    def square_root(self, x: Number) -> Number: ...

    def exponential(self, x: Number) -> Number: ...


class FloatArithmetic:
    """float64 rounded to nearest: for pictures and searches, not for bounds."""

    def number(self, value: Number) -> Number:
        return value

    def maximum(self, x: Number, y: Number) -> Number:
        return np.maximum(x, y)

    def absolute(self, x: Number) -> Number:
        return np.abs(x)

    def square_root(self, x: Number) -> Number:
        return np.sqrt(x)

    def exponential(self, x: Number) -> Number:
        return np.exp(x)


FLOATS = FloatArithmetic()


def minimum(on: Arithmetic, x: Number, y: Number) -> Number:
    """Return min(x, y) = −max(−x, −y).

    >>> int(minimum(FLOATS, 2, 3))
    2
    """
    return -on.maximum(-x, -y)
