"""The attributes of a node, checked as they are read."""

from __future__ import annotations

from .operation import Operation

_LARGEST = 1e300


def finite_number(name: str, value: object) -> float:
    """Return a JSON number as a float; raises ValueError for anything else, infinity included.

    >>> finite_number("slope", 1)
    1.0
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} = {value!r} is no number")
    if not -_LARGEST <= value <= _LARGEST:
        raise ValueError(f"{name} = {value!r} is not of a size that networks have")
    return float(value)


def read_number(operation: Operation, name: str) -> float:
    """Return the attribute ``name``, a finite number."""
    try:
        return finite_number(name, operation.node.attributes[name])
    except ValueError as error:
        raise operation.malformed(str(error)) from error


def read_axis(operation: Operation, rank: int) -> int:
    """Return the attribute ``axis``, one of 0, …, rank − 1 (the batch does not count)."""
    axis = operation.node.attributes["axis"]
    if type(axis) is not int or not 0 <= axis < rank:
        raise operation.malformed(f"the axis {axis!r}")
    return axis


def read_axes(operation: Operation, rank: int) -> tuple[int, ...]:
    """Return the attribute ``axes``, some of 0, …, rank − 1, each once."""
    axes = operation.node.attributes["axes"]
    if not isinstance(axes, list | tuple) or not axes:
        raise operation.malformed(f"the axes {axes!r}")
    if any(type(axis) is not int or not 0 <= axis < rank for axis in axes):
        raise operation.malformed(f"the axes {axes!r}")
    if len(set(axes)) < len(axes):
        raise operation.malformed(f"the axes {axes!r}, one of them twice")
    return tuple(axes)
