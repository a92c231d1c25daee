"""Elementary functions over three kinds of numbers, so that one formula serves them all.

float64 arrays (NumPy); object arrays of mpmath numbers, for runs in 60 digits; balls and power
series of balls (python-flint), for rigorous enclosures.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

# A float64 array, an object array of mpmath numbers, or a ball or power series of python-flint.
Scalars = Any


def sin(x: Scalars) -> Scalars:
    """Return sin x, entry by entry.

    >>> float(sin(0.0))
    0.0
    """
    return _apply("sin", np.sin, x)


def cos(x: Scalars) -> Scalars:
    """Return cos x, entry by entry.

    >>> float(cos(0.0))
    1.0
    """
    return _apply("cos", np.cos, x)


def exp(x: Scalars) -> Scalars:
    """Return eˣ, entry by entry.

    >>> float(exp(0.0))
    1.0
    """
    return _apply("exp", np.exp, x)


def log(x: Scalars) -> Scalars:
    """Return the natural logarithm of x > 0, entry by entry.

    >>> float(log(1.0))
    0.0
    """
    return _apply("log", np.log, x)


def sqrt(x: Scalars) -> Scalars:
    """Return √x for x ≥ 0, entry by entry.

    >>> float(sqrt(4.0))
    2.0
    """
    return _apply("sqrt", np.sqrt, x)


def tanh(x: Scalars) -> Scalars:
    """Return tanh x, entry by entry.

    >>> float(tanh(0.0))
    0.0
    """
    return _apply("tanh", np.tanh, x)


def is_exact_kind(x: object) -> bool:
    """Return whether ``x`` is an object array: its entries bring their own arithmetic.

    >>> is_exact_kind(np.array([0.5])), is_exact_kind(np.array([object()]))
    (False, True)
    """
    return isinstance(x, np.ndarray) and x.dtype == object


def _apply(name: str, on_floats: Callable[[Any], Any], x: Scalars) -> Scalars:
    if isinstance(x, np.ndarray) and x.dtype == object:
        return np.frompyfunc(lambda entry: _of_entry(name, entry), 1, 1)(x)
    if isinstance(x, np.ndarray | float | int):
        return on_floats(x)
    return _of_entry(name, x)


def _of_entry(name: str, entry: Any) -> Any:
    """One mpmath number, NumPy scalar, ball or power series; a ball brings the function itself."""
    if isinstance(entry, np.number):
        return getattr(np, name)(entry)
    # By its home and not by its attributes: an mpmath number has an ``exp``, its binary exponent.
    if type(entry).__module__.startswith("flint"):
        method = getattr(entry, name, None)
        # Power series come without tanh; x appears once, so that balls stay narrow.
        return 1 - 2 / ((2 * entry).exp() + 1) if method is None else method()
    import mpmath

    return getattr(mpmath, name)(entry)
