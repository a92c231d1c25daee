"""A space of exact vectors that grows vector by vector, in reduced echelon form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class Echelon:
    """The span of exact vectors, lists of numbers of a sympy field.

    Every row has a pivot, an entry 1 that is 0 in all other rows: the first entry that is not
    zero, or the last one with ``from_the_right``. Source: Gauss and Jordan [D].

    >>> from sympy import QQ
    >>> plane = Echelon(QQ)
    >>> plane.add([QQ(2), QQ(2), QQ(0)]), plane.add([QQ(1), QQ(1), QQ(0)])
    (True, False)
    """

    def __init__(self, domain: Any, *, from_the_right: bool = False) -> None:
        self._domain = domain
        self._from_the_right = from_the_right
        self._rows: dict[int, list[Any]] = {}

    def add(self, vector: Sequence[Any]) -> bool:
        """Add a vector; return whether it was not in the span before."""
        rest = self.remainder(vector)
        places = [i for i, x in enumerate(rest) if x]
        if not places:
            return False
        pivot = places[-1] if self._from_the_right else places[0]
        new = [x / rest[pivot] for x in rest]
        for i, row in self._rows.items():
            if row[pivot]:
                self._rows[i] = _minus(row, row[pivot], new)
        self._rows[pivot] = new
        return True

    def remainder(self, vector: Sequence[Any]) -> list[Any]:
        """Return the vector minus the element of the span that agrees with it at the pivots."""
        rest = list(vector)
        for pivot, row in self._rows.items():
            if rest[pivot]:
                rest = _minus(rest, rest[pivot], row)
        return rest

    def pivots(self) -> set[int]:
        return set(self._rows)

    def reduced_rows(self) -> list[list[Any]]:
        """Return the rows in the order of their pivots."""
        return [self._rows[pivot] for pivot in sorted(self._rows)]


def _minus(row: Sequence[Any], factor: Any, other: Sequence[Any]) -> list[Any]:
    return [x - factor * y for x, y in zip(row, other, strict=True)]
