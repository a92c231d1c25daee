"""The errors that flowcert raises on misuse: what came, what was expected, what to do."""

from __future__ import annotations

__all__ = [
    "ConvergenceError",
    "DataError",
    "DomainError",
    "FlowcertError",
    "OutputError",
    "ShapeError",
    "StructureError",
    "UnknownNameError",
]


class FlowcertError(Exception):
    """Base of every error that flowcert raises on purpose.

    A violated claim is *not* an error: it is a verdict with a counterexample. An error means that
    the question itself could not be asked, and its message says how to ask it properly.

    >>> raise DomainError(came="slope = 1.5", expected="a slope in [0, 1]", remedy="Divide by 1.5.")
    Traceback (most recent call last):
        ...
    flowcert.errors.DomainError: got slope = 1.5; expected a slope in [0, 1]. Divide by 1.5.
    """

    def __init__(self, *, came: str, expected: str, remedy: str) -> None:
        super().__init__(f"got {came}; expected {expected}. {remedy}")
        self.came = came
        self.expected = expected
        self.remedy = remedy

    def __reduce__(self) -> tuple[object, ...]:
        """Keyword-only arguments need help to cross a process boundary."""
        return _rebuild, (type(self), self.came, self.expected, self.remedy)


def _rebuild(kind: type[FlowcertError], came: str, expected: str, remedy: str) -> FlowcertError:
    return kind(came=came, expected=expected, remedy=remedy)


class DomainError(FlowcertError, ValueError):
    """A number outside the range in which the mathematics holds (NaN and infinity included)."""


class ShapeError(FlowcertError, ValueError):
    """An array whose shape does not fit the other arguments."""


class UnknownNameError(FlowcertError, LookupError):
    """A claim, figure, regime or group that does not exist."""


class DataError(FlowcertError, ValueError):
    """A file that is truncated, foreign or inconsistent."""


class OutputError(FlowcertError, OSError):
    """A place that cannot be written."""


class StructureError(FlowcertError, TypeError):
    """A method that was handed a system without the structure which the method needs."""


class ConvergenceError(FlowcertError, ArithmeticError):
    """An iteration that did not reach its stopping rule: the step, as asked for, has no result."""
