"""Real coefficients known to any number of digits: roundings for float64, more for long numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cached_property
from typing import Any

from ...errors import DomainError
from ..elementary import is_exact_kind

_DIGITS_FOR_FLOATS = 30
_GUARD_DIGITS = 10

Formula = Callable[[], Sequence[Any]]


class Weights:
    """A finite sequence of real numbers w₁, …, w_m.

    ``numbers`` are exact: integers, fractions, strings such as "7/24", floats at their exact value;
    or a function without arguments that computes them with mpmath to the digits that are asked
    for (√19, cube roots, roots of order conditions). Raises DomainError for anything else.
    Source: flowcert [D].

    >>> Weights([1, "7/24"]).exact
    (Fraction(1, 1), Fraction(7, 24))
    >>> import mpmath
    >>> Weights(lambda: [mpmath.sqrt(2)]).floats
    (1.4142135623730951,)
    """

    def __init__(self, numbers: Sequence[Any] | Formula) -> None:
        self.exact: tuple[Fraction, ...] | None = None
        self._formula: Formula | None = None
        self._computed: dict[int, tuple[Any, ...]] = {}
        if callable(numbers):
            self._formula = numbers
        else:
            self.exact = tuple(_fraction(x) for x in numbers)

    @cached_property
    def floats(self) -> tuple[float, ...]:
        """Return the weights, each rounded to float64."""
        exact = self.exact
        return tuple(
            float(x) for x in (self.high_precision(_DIGITS_FOR_FLOATS) if exact is None else exact)
        )

    def high_precision(self, digits: int) -> tuple[Any, ...]:
        """Return the weights as mpmath numbers, right to ``digits`` digits."""
        if digits not in self._computed:
            import mpmath

            with mpmath.workdps(digits + _GUARD_DIGITS):
                self._computed[digits] = tuple(
                    self._formula()
                    if self._formula is not None
                    else (mpmath.mpf(x.numerator) / x.denominator for x in self.exact or ())
                )
        return self._computed[digits]

    def like(self, y: object) -> tuple[Any, ...]:
        """Return the weights in the arithmetic of the state ``y``."""
        if not is_exact_kind(y):
            return self.floats
        import mpmath

        return self.high_precision(mpmath.mp.dps)

    def is_palindrome(self) -> bool:
        """Return whether the weights read the same backwards."""
        numbers = self.floats if self.exact is None else self.exact
        return numbers == numbers[::-1]


def _fraction(x: Any) -> Fraction:
    try:
        return Fraction(x)
    except (TypeError, ValueError, OverflowError, ZeroDivisionError) as error:
        raise DomainError(
            came=f"the coefficient {x!r}",
            expected="an exact finite number: integer, Fraction, float, or text such as '7/24'",
            remedy="For irrational ones pass a function that computes all of them with mpmath.",
        ) from error
