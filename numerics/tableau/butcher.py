"""``ButcherTableau``: the coefficients of a Runge–Kutta method, exact, checked, frozen."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

from ...errors import DomainError, ShapeError
from .exact_numbers import Exact, exact_number, field_elements, simplified
from .rounding import ball_of, float64_of_balls, mpmath_of_balls
from .stage_algebra import StageAlgebra, of_stages
from .tableau import Coefficients, Tableau, arranged

Vector = tuple[Exact, ...]


class ButcherTableau(Tableau):
    """The method kᵢ = f(t + cᵢh, y + hΣⱼ aᵢⱼkⱼ), y⁺ = y + hΣᵢ bᵢkᵢ by its exact coefficients.

    ``A`` (s, s), ``b`` (s,), ``c`` (s,), ``b_hat`` (s,) or None (embedded weights); the entries are
    integers, fractions, texts such as "1/2" or "(3 + sqrt(3))/6", or sympy numbers that are real
    and algebraic. They are kept as Fractions where rational, as sympy numbers elsewhere, and
    never change. Two tableaux are equal when all their coefficients are. Guaranteed: c = A·1,
    Σb = 1 and Σb_hat = 1, exactly. Raises ShapeError and DomainError. Source: Butcher (1964) [D].

    >>> heun = ButcherTableau([[0, 0], [1, 0]], ["1/2", "1/2"], [0, 1])
    >>> heun.b
    (Fraction(1, 2), Fraction(1, 2))
    >>> print(heun)
    0 |
    1 | 1
    --+---------
      | 1/2  1/2
    >>> ButcherTableau([[0, 0], [1, 0]], ["1/2", "1/3"], [0, 1])
    Traceback (most recent call last):
        ...
    flowcert.errors.DomainError: got weights b with the sum 5/6; expected the sum 1, ...
    """

    A: tuple[Vector, ...]
    b: Vector
    c: Vector
    b_hat: Vector | None

    def __init__(
        self,
        A: Sequence[Sequence[object]],
        b: Sequence[object],
        c: Sequence[object],
        b_hat: Sequence[object] | None = None,
    ) -> None:
        s = _checked_stages(A, b, c, b_hat)
        entries = [x for row in A for x in row] + [*b, *c, *(b_hat if b_hat is not None else [])]
        exact = simplified([exact_number(x) for x in entries])
        values = vars(self)  # assigning an attribute is refused, see __setattr__
        values["stages"] = s
        values["A"] = tuple(exact[s * i : s * (i + 1)] for i in range(s))
        values["b"], values["c"] = exact[s * s : s * s + s], exact[s * s + s : s * s + 2 * s]
        values["b_hat"] = exact[s * s + 2 * s :] or None
        self._check_consistency()

    @classmethod
    def from_floats(cls, A: Any, b: Any, c: Any = None, b_hat: Any = None) -> ButcherTableau:
        """Return the tableau of the simplest fractions that round to these float64 numbers.

        Exact entries stay as they are; ``c`` is A·1 if it is None. Raises DomainError where a
        float is no simple fraction (an irrational number, or one that was rounded to fewer
        digits): nothing is guessed. Source: flowcert [D].

        >>> ButcherTableau.from_floats([[0.0, 0.0], [2 / 3, 0.0]], [0.25, 0.75]).A[1][0]
        Fraction(2, 3)
        """
        from .reading import from_floats

        return from_floats(A, b, c, b_hat)

    @classmethod
    def from_nodepy(cls, method: Any) -> ButcherTableau:
        """Return the tableau of a Runge–Kutta method of nodepy, which has A, b, c (and bhat).

        Raises DataError for an object without them, DomainError as ``from_floats``.
        """
        from .reading import from_nodepy

        return from_nodepy(method)

    @classmethod
    def from_scipy(cls, solver: type) -> ButcherTableau:
        """Return the tableau, with its embedded weights, of ``scipy.integrate.RK23`` or ``RK45``.

        Raises DataError for other classes; DOP853 is given in rounded decimals, not in fractions.

        >>> from scipy.integrate import RK23
        >>> ButcherTableau.from_scipy(RK23).order()
        3
        """
        from .reading import from_scipy

        return from_scipy(solver)

    @classmethod
    def read(cls, path: str | Path) -> ButcherTableau:
        """Return the tableau of a JSON file: {"A": [["0", …], …], "b": […], "c": […], …}.

        Nothing in the file is executed. Raises DataError.
        """
        from .reading import read_tableau

        return read_tableau(path).tableau

    def float64(self) -> Coefficients:
        return self._float64

    def high_precision(self, digits: int) -> Coefficients:
        if digits not in self._in_digits:
            numbers = mpmath_of_balls(lambda _: [ball_of(x) for x in self._entries], digits)
            self._in_digits[digits] = arranged(numbers, self.stages, object)
        return self._in_digits[digits]

    def algebra(self) -> StageAlgebra:
        return self._algebra

    @cached_property
    def _algebra(self) -> StageAlgebra:
        domain, elements = field_elements(self._entries)
        A, b, c, b_hat = arranged(elements, self.stages, object)
        return of_stages(domain, A, b, c, b_hat)

    @cached_property
    def _float64(self) -> Coefficients:
        try:
            if all(isinstance(x, Fraction) for x in self._entries):
                rounded = [float(x) for x in self._entries]
            else:
                rounded = float64_of_balls(lambda _: [ball_of(x) for x in self._entries])
        except OverflowError as error:
            raise _beyond_float64() from error
        # A stage that depends on itself a little must not be taken for an explicit one.
        if any(near == 0 and x != 0 for near, x in zip(rounded, self._entries, strict=True)):
            raise _beyond_float64()
        return arranged(rounded, self.stages, float)

    def _is_zero(self, i: int, j: int) -> bool:
        return bool(self.A[i][j] == 0)  # an irrational number is kept as such

    @cached_property
    def _in_digits(self) -> dict[int, Coefficients]:
        return {}

    @property
    def _entries(self) -> list[Exact]:
        flat = [x for row in self.A for x in row]
        return [*flat, *self.b, *self.c, *(self.b_hat or ())]

    def _check_consistency(self) -> None:
        for name, weights in (("b", self.b), ("b_hat", self.b_hat or (Fraction(1),))):
            total = _exact_sum(weights)
            if total != 1:
                raise DomainError(
                    came=f"weights {name} with the sum {total}",
                    expected="the sum 1, without which no method has an order",
                    remedy="Check the weights, and that rounded decimals are written as fractions.",
                )
        for i, (row, node) in enumerate(zip(self.A, self.c, strict=True)):
            total = _exact_sum(row)
            if _exact_sum((total, -node)) != 0:
                raise DomainError(
                    came=f"the node c[{i}] = {node} beside a row of A with the sum {total}",
                    expected="c = A·1: every stage is at the time that its slopes add up to",
                    remedy="Correct the row or the node.",
                )

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a tableau is frozen: build a new one instead of setting {name}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a tableau is frozen: {name} cannot be deleted")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ButcherTableau):
            return NotImplemented
        shape, other_shape = (self.stages, self.b_hat is None), (other.stages, other.b_hat is None)
        if shape != other_shape:
            return False
        return all(map(_equal, self._entries, other._entries))

    def __hash__(self) -> int:
        # Rational numbers are Fractions; one irrational number may be written in several ways.
        rational = (x if isinstance(x, Fraction) else None for x in self._entries)
        return hash((self.stages, *rational))

    def __str__(self) -> str:
        return _classical_table(self)

    def __repr__(self) -> str:
        parts = [_row_text(row) for row in self.A]
        written = f"ButcherTableau([{', '.join(parts)}], {_row_text(self.b)}, {_row_text(self.c)}"
        return written + (f", {_row_text(self.b_hat)})" if self.b_hat else ")")


def _checked_stages(A: Any, b: Any, c: Any, b_hat: Any) -> int:
    try:
        s, rows = len(b), [len(row) for row in A]
        nodes, embedded = len(c), s if b_hat is None else len(b_hat)
    except TypeError as error:
        raise ShapeError(
            came="A, b, c that are no rows of numbers",
            expected="A (s, s), b (s,), c (s,), b_hat (s,) or None, s ≥ 1",
            remedy="Write one stage as [[0]], [1], [0].",
        ) from error
    if s == 0 or rows != [s] * s or nodes != s or embedded != s:
        raise ShapeError(
            came=f"A with rows of lengths {rows}, weights b of length {s}, "
            f"nodes c of length {nodes}"
            + ("" if b_hat is None else f", b_hat of length {embedded}"),
            expected="A (s, s), b (s,), c (s,), b_hat (s,) or None, s ≥ 1",
            remedy="Fill A with zeros: all rows have s entries.",
        )
    return s


def _beyond_float64() -> DomainError:
    return DomainError(
        came="a coefficient that float64 holds as 0 or ∞",
        expected="coefficients between 5e-324 and 1.8e308 where numbers are computed with them",
        remedy="Its exact properties are there; steps need more digits, or another scale.",
    )


def _exact_sum(numbers: Vector) -> Exact:
    if all(isinstance(x, Fraction) for x in numbers):
        return sum(numbers, Fraction(0))
    domain, elements = field_elements(numbers)
    return simplified([domain.to_sympy(sum(elements, domain.zero))])[0]


def _equal(x: Exact, y: Exact) -> bool:
    if isinstance(x, Fraction) or isinstance(y, Fraction):
        return bool(x == y)  # an irrational number is kept as such, so it is no fraction
    return bool(x == y or _exact_sum((x, -y)) == 0)


def _row_text(row: Vector) -> str:
    quoted = (str(x) if isinstance(x, Fraction) and x.denominator == 1 else f'"{x}"' for x in row)
    return f"[{', '.join(quoted)}]"


def _classical_table(tableau: ButcherTableau) -> str:
    """c | A over b, as in the textbooks; zeros to the right of a row are left out if explicit."""
    s, explicit = tableau.stages, tableau.is_explicit()
    rows = [[str(x) for x in row[: i if explicit else s]] for i, row in enumerate(tableau.A)]
    below = [[str(x) for x in w] for w in (tableau.b, tableau.b_hat) if w is not None]
    nodes = [str(x) for x in tableau.c]
    widths = [max(len(row[j]) for row in rows + below if j < len(row)) for j in range(s)]
    left = max(map(len, nodes))

    def line(head: str, row: list[str]) -> str:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=False))
        return f"{head.ljust(left)} | {'  '.join(cells)}".rstrip()

    rule = "-" * (left + 1) + "+" + "-" * (sum(widths) + 2 * (s - 1) + 1)
    table = [line(node, row) for node, row in zip(nodes, rows, strict=True)]
    return "\n".join([*table, rule, *(line("", row) for row in below)])
