"""Products of exponentials, expanded in the free associative algebra up to a given weight."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Letter = int
Word = tuple[Letter, ...]


def words_of_weight(weight: int, letters: Sequence[Letter]) -> list[Word]:
    """Return the words over ``letters`` of the given weight, a letter k > 0 having the weight k.

    >>> words_of_weight(4, [1, 3])
    [(1, 1, 1, 1), (1, 3), (3, 1)]
    """
    if weight == 0:
        return [()]
    return [
        (letter, *rest)
        for letter in letters
        if letter <= weight
        for rest in words_of_weight(weight - letter, letters)
    ]


def expand_product(
    words: Iterable[Word], exponents: Iterable[Mapping[Letter, Any]]
) -> dict[Word, Any]:
    """Return the coefficients of ``words`` in Π exp(Σ c_X X), one mapping X ↦ c_X for each factor.

    The last j letters of a word come from one factor with weight c_X⋯c_Z/j!, the others from those
    before it. ``words`` must be closed under taking prefixes (the empty word need not be named).
    Any arithmetic: fractions, mpmath numbers, balls, power series.

    >>> from fractions import Fraction as F
    >>> expand_product([(0,), (0, 1)], [{0: F(1)}, {1: F(1, 2)}])
    {(0, 1): Fraction(1, 2), (0,): Fraction(1, 1), (): 1}
    """
    # Longest first: a word is updated from shorter ones that still are those of the factors before.
    coefficients: dict[Word, Any] = dict.fromkeys(sorted(words, key=len, reverse=True), 0)
    coefficients[()] = 1
    for exponent in exponents:
        for word in coefficients:
            term = 1
            for j in range(1, len(word) + 1):
                factor = exponent.get(word[-j])
                if factor is None:
                    break
                term = term * factor / j
                coefficients[word] = coefficients[word] + coefficients[word[:-j]] * term
    return coefficients
