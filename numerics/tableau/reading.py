"""Tableaux from elsewhere: rounded coefficients, nodepy, scipy, JSON files."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...errors import DataError, DomainError, ShapeError
from .butcher import ButcherTableau
from .exact_numbers import exact_number

# The simplest fraction p/q that rounds to a given float64 has p·q of about 2⁵³ unless the float
# came from a simple fraction: below this limit chance does it once in 2000 times.
_LARGEST_PRODUCT = 2**42
_LARGEST_FILE = 1 << 20
_MOST_STAGES = 64
_KEYS = {"A", "b", "c", "b_hat", "name"}


class NamedTableau(NamedTuple):
    """A tableau with the name that its file gives, "" where it gives none."""

    name: str
    tableau: ButcherTableau


def from_floats(A: Any, b: Any, c: Any = None, b_hat: Any = None) -> ButcherTableau:
    """Return the tableau of the simplest fractions that round to these float64 numbers.

    See ``ButcherTableau.from_floats``.

    >>> from_floats([[0.0, 0.0], [1.0, 0.0]], [0.5, 0.5]).b
    (Fraction(1, 2), Fraction(1, 2))
    """
    rows = [[_recovered(x) for x in row] for row in A]
    nodes = [sum(row[1:], row[0]) for row in rows] if c is None else [_recovered(x) for x in c]
    embedded = None if b_hat is None else [_recovered(x) for x in b_hat]
    return ButcherTableau(rows, [_recovered(x) for x in b], nodes, embedded)


def simplest_fraction(x: float) -> Fraction:
    """Return the fraction with the least denominator among those that round to the float64 x.

    Raises DomainError where that is implausible: numerator times denominator above 2⁴².

    >>> simplest_fraction(0.1), simplest_fraction(-1 / 3)
    (Fraction(1, 10), Fraction(-1, 3))
    """
    if not math.isfinite(x):
        raise _no_fraction(x)
    if x <= 0:
        return -simplest_fraction(-x) if x else Fraction(0)
    below, above = math.nextafter(x, 0.0), math.nextafter(x, math.inf)
    low, high = (Fraction(x) + Fraction(below)) / 2, (Fraction(x) + Fraction(above)) / 2
    simplest = _simplest_between(low, high)
    if simplest.numerator * simplest.denominator > _LARGEST_PRODUCT:
        raise _no_fraction(x)
    return simplest


def from_nodepy(method: Any) -> ButcherTableau:
    """Return the tableau of a Runge–Kutta method of nodepy; see ``ButcherTableau.from_nodepy``.

    >>> from types import SimpleNamespace
    >>> from_nodepy(SimpleNamespace(A=[[0]], b=[1], c=[0])).order()
    1
    """
    missing = [name for name in ("A", "b", "c") if not hasattr(method, name)]
    if missing:
        raise DataError(
            came=f"{type(method).__name__} without {', '.join(missing)}",
            expected="a Runge–Kutta method of nodepy, with A, b and c",
            remedy="Take one from nodepy.rk.loadRKM().",
        )
    return from_floats(method.A, method.b, method.c, getattr(method, "bhat", None))


def from_scipy(solver: type) -> ButcherTableau:
    """Return the tableau of scipy's RK23 or RK45; see ``ButcherTableau.from_scipy``.

    Their E holds b̂ − b, with one stage more: the first of the next step, whose row of A is b.

    >>> from scipy.integrate import RK45
    >>> from_scipy(RK45).embedded_order()
    4
    """
    parts: list[Any] = [getattr(solver, name, None) for name in ("A", "B", "C", "E")]
    if not all(isinstance(part, np.ndarray) for part in parts):
        raise DataError(
            came=f"{getattr(solver, '__name__', solver)!r}",
            expected="RK23 or RK45 of scipy.integrate, with arrays A, B, C, E",
            remedy="DOP853 has other error weights, and its decimals are no fractions.",
        )
    A, B, C, E = ([_recovered(x) for x in np.ravel(part)] for part in parts)
    s, width = len(B), len(A) // len(B)
    rows = [[*A[width * i : width * (i + 1)], *[0] * (s + 1 - width)] for i in range(s)]
    b = [*B, Fraction(0)]
    return ButcherTableau([*rows, b], b, [*C, 1], [x + e for x, e in zip(b, E, strict=True)])


def read_tableau(path: str | Path) -> NamedTableau:
    """Return the tableau of a JSON file of at most 1 MiB, and its name.

    {"A": [["0", "0"], ["1/2", "0"]], "b": ["0", "1"], "c": ["0", "1/2"]} with "b_hat" and "name"
    if there are such. Numbers are integers, decimals (exact as written) or texts of integers,
    decimals, sqrt(…), + − * / and parentheses. Guaranteed: nothing in the file is executed.
    Raises DataError for a file that is missing, too large, truncated, foreign or inconsistent.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "euler.json"
    ...     _ = file.write_text('{"name": "Euler", "A": [["0"]], "b": ["1"], "c": ["0"]}')
    ...     read_tableau(file).name
    'Euler'
    """
    file = Path(path)
    try:
        if file.stat().st_size > _LARGEST_FILE:
            raise _unreadable(file, "a file above 1 MiB")
        # A decimal is kept as its text, and so stays exact.
        content = json.loads(file.read_text("utf-8"), parse_float=str, parse_constant=str)
    except OSError as error:
        raise _unreadable(file, f"{error.strerror}") from error
    except (ValueError, RecursionError) as error:
        if isinstance(error, DataError):
            raise
        raise _unreadable(file, f"no JSON ({error})") from error
    return _of_content(file, content)


def tableau_to_json(tableau: ButcherTableau, name: str = "") -> str:
    """Return the JSON text that ``read_tableau`` reads.

    >>> tableau_to_json(ButcherTableau([[0]], [1], [0]), "Euler")
    '{"name": "Euler", "A": [["0"]], "b": ["1"], "c": ["0"]}'
    """
    content: dict[str, Any] = {"name": name} if name else {}
    content["A"] = [[str(x) for x in row] for row in tableau.A]
    content |= {"b": [str(x) for x in tableau.b], "c": [str(x) for x in tableau.c]}
    if tableau.b_hat is not None:
        content["b_hat"] = [str(x) for x in tableau.b_hat]
    return json.dumps(content)


def _of_content(file: Path, content: object) -> NamedTableau:
    if not isinstance(content, dict) or not {"A", "b", "c"} <= content.keys() <= _KEYS:
        keys = sorted(content) if isinstance(content, dict) else type(content).__name__
        raise _unreadable(file, f"{str(keys)[:80]} where the keys are A, b, c (b_hat, name)")
    A, b, c, b_hat = (content.get(key) for key in ("A", "b", "c", "b_hat"))
    name = content.get("name", "")
    rows = A if isinstance(A, list) else None
    vectors = [b, c, *(rows or [None]), *([] if b_hat is None else [b_hat])]
    if not all(_is_row_of_numbers(vector) for vector in vectors) or not isinstance(name, str):
        raise _unreadable(file, "entries that are no rows of numbers")
    if len(vectors) > _MOST_STAGES + 3:
        raise _unreadable(file, f"more than {_MOST_STAGES} stages")
    try:
        return NamedTableau(name, ButcherTableau(A or [], b or [], c or [], b_hat))
    except (DomainError, ShapeError) as error:
        raise DataError(
            came=f"{file.name}: {error.came}", expected=error.expected, remedy=error.remedy
        ) from error


def _is_row_of_numbers(vector: object) -> bool:
    return isinstance(vector, list) and all(isinstance(x, int | str) for x in vector)


def _recovered(x: Any) -> Any:
    """An exact number of ``x``; a float of Python, NumPy or sympy by its simplest fraction."""
    if isinstance(x, float | np.floating) or getattr(x, "is_Float", False):
        return simplest_fraction(float(x))
    return exact_number(x)


def _simplest_between(low: Fraction, high: Fraction) -> Fraction:
    """The fraction with the least denominator in the open interval, by continued fractions."""
    whole = math.floor(low)
    if whole + 1 < high:
        return Fraction(whole + 1)
    if low == whole:
        # 1/n for the least n with whole + 1/n < high
        return whole + Fraction(1, math.floor(1 / (high - whole)) + 1)
    return whole + 1 / _simplest_between(1 / (high - whole), 1 / (low - whole))


def _no_fraction(x: float) -> DomainError:
    return DomainError(
        came=f"the float {x!r}, which is no simple fraction",
        expected="floats that are fractions rounded to float64",
        remedy='Write irrational coefficients exactly, as "sqrt(2)/2" or sympy numbers.',
    )


def _unreadable(file: Path, came: str) -> DataError:
    return DataError(
        came=f"{file.name}: {came}",
        expected='{"A": [["0", "0"], ["1/2", "0"]], "b": ["0", "1"], "c": ["0", "1/2"]}',
        remedy="Write every number as an integer, a decimal or a text such as 1/2 or sqrt(3)/6.",
    )
