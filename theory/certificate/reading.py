"""JSON from strangers, read strictly: within limits, and every complaint names its place."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from ...errors import DataError

LARGEST_FILE = 2**27  # bytes: 128 MiB
DEEPEST = 32  # lists and objects within each other
LARGEST_INTEGER = 2**53  # in absolute value: what every JSON reader takes exactly
LONGEST_TEXT = 10_000
_TOLERANCE = 1e-6  # of recorded constants, which are shown but on which nothing rests

_REMEDY = "Make the certificate anew with flowcert.networks.certify."


def read_bounded(path: str | os.PathLike[str], largest: int, expected: str) -> bytes:
    """Return the content of a file of at most ``largest`` bytes, or raise DataError."""
    try:
        with Path(path).open("rb") as stream:
            content = stream.read(largest + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the name
        reason = getattr(error, "strerror", None) or error
        raise DataError(
            came=f"{path}: {reason}", expected=expected, remedy="Check the path."
        ) from error
    if len(content) > largest:
        raise DataError(
            came=f"{path}: more than {largest} bytes", expected=expected, remedy="Is it that file?"
        )
    return content


def parse_json(content: bytes | str, name: str) -> Entry:
    """Parse one JSON value: no NaN or infinity, no key twice, not nested beyond ``DEEPEST``."""

    def refuse(text: str) -> NoReturn:
        raise ValueError(f"the number {text[:40]}, which is not finite")

    def finite(text: str) -> float:
        number = float(text)
        return number if math.isfinite(number) else refuse(text)

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        table = dict(pairs)
        if len(table) != len(pairs):
            raise ValueError(f"an object with a key twice: {[key for key, _ in pairs][:8]}")
        return table

    try:
        text = content.decode("utf-8-sig") if isinstance(content, bytes) else content
        value = json.loads(
            text, parse_constant=refuse, parse_float=finite, object_pairs_hook=unique
        )
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise DataError(
            came=f"{name}: {reason}", expected="a complete JSON file", remedy=_REMEDY
        ) from error
    _check_limits(value, name)
    return Entry(name, value)


def _check_limits(value: Any, name: str) -> None:
    """Depth, size of integers and texts; level by level, so that no recursion can be provoked."""
    level = [value]
    for _ in range(DEEPEST + 1):
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                below += item
                below += item.values()
            elif isinstance(item, list):
                below += item
            elif isinstance(item, str):
                _check_text(item, name)
            elif isinstance(item, int) and abs(item) > LARGEST_INTEGER:
                raise Entry(name, "").wrong(f"integers of at most {LARGEST_INTEGER}", "a larger")
        if not below:
            return
        level = below
    raise Entry(name, "").wrong(f"at most {DEEPEST} levels", "values nested more deeply")


def _check_text(text: str, name: str) -> None:
    if len(text) > LONGEST_TEXT:
        raise Entry(name, "").wrong(f"texts of at most {LONGEST_TEXT} characters", "a longer one")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise Entry(name, "").wrong("texts of Unicode", f"the text {ascii(text)[:40]}") from error


@dataclass(frozen=True)
class Entry:
    """A value of a JSON document and the way to it.

    >>> Entry("file", {"a": 1}).fields("a")["a"].count()
    1
    """

    way: str
    value: Any

    def wrong(self, expected: str, came: str | None = None) -> DataError:
        shown = came or repr(self.value)
        shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
        return DataError(came=f"{self.way}: {shown}", expected=expected, remedy=_REMEDY)

    def fields(self, *names: str) -> dict[str, Entry]:
        """The entries of an object that has exactly these keys."""
        table = self.table()
        missing, foreign = sorted({*names} - {*table}), sorted({*table} - {*names})
        if missing:
            raise self.wrong(f"the key {missing[0]!r}", f"an object without {missing[0]!r}")
        if foreign:
            raise self.wrong(f"the keys {sorted(names)}", f"an object with {foreign[0]!r}")
        return table

    def table(self) -> dict[str, Entry]:
        if not isinstance(self.value, dict):
            raise self.wrong("an object")
        return {key: Entry(f"{self.way}.{key}", value) for key, value in self.value.items()}

    def items(self, length: int | None = None) -> list[Entry]:
        if not isinstance(self.value, list) or length not in (None, len(self.value)):
            raise self.wrong("a list" if length is None else f"a list of {length}")
        return [Entry(f"{self.way}[{i}]", value) for i, value in enumerate(self.value)]

    def text(self) -> str:
        if not isinstance(self.value, str):
            raise self.wrong("a text")
        return self.value

    def texts(self) -> tuple[str, ...]:
        return tuple(item.text() for item in self.items())

    def number(self) -> float:
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            raise self.wrong("a finite number")
        return float(self.value)

    def numbers(self) -> tuple[float, ...]:
        return tuple(item.number() for item in self.items())

    def constant(self) -> float:
        """A bound: a number ≥ 0, or null where none is known (∞)."""
        number = math.inf if self.value is None else self.number()
        if number < 0.0:
            raise self.wrong("a number of at least 0, or null")
        return number

    def count(self) -> int:
        if isinstance(self.value, bool) or not isinstance(self.value, int) or self.value < 1:
            raise self.wrong("an integer of at least 1")
        return self.value


def plain(value: Any) -> Any:
    """Return ``value`` as JSON holds it: tuples as lists, infinite and NaN numbers as null.

    >>> plain({"slopes": (0, float("inf"))})
    {'slopes': [0, None]}
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, str | bool) or value is None:
        return value
    if hasattr(value, "tolist"):  # NumPy's numbers and arrays
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int):
        return value
    return str(value)


def agree(one: Any, other: Any) -> bool:
    """Whether two JSON values agree, numbers up to what another BLAS may change.

    >>> agree({"norm": 1.0}, {"norm": 1.0 + 1e-9}), agree([1, 2], [1, 3])
    (True, False)
    """
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(agree(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(agree, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=_TOLERANCE)
    return type(one) is type(other) and bool(one == other)
