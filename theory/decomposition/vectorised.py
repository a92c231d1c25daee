"""A callable that must treat every point of a batch alike: checked where it is used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import DomainError, FlowcertError, ShapeError, StructureError
from ...numerics.validation import FloatArray

_ROUNDING = 1e-9  # relative: matrix products of a batch round in another order
_REMEDY = "Index the last axis only, f = lambda x: np.stack([x[..., 1], -x[..., 0]], axis=-1)."


@dataclass(frozen=True, eq=False)
class Vectorised:
    """A function from points (..., n) to values (..., *``shape``), checked at each call.

    n is ``dimension``. Raises StructureError where a batch is mixed or dropped (each call compares
    the batch with one of its points alone), ShapeError for values of another shape, DomainError
    for values that are not finite real numbers.

    >>> Vectorised(lambda x: x - x.mean(axis=0), 1, (1,), "f")(np.array([[0.0], [1.0]]))
    Traceback (most recent call last):
        ...
    flowcert.errors.StructureError: got f of a point in a batch, unlike f of it alone; expected ...
    """

    function: Callable[[FloatArray], Any]
    dimension: int
    shape: tuple[int, ...]
    name: str

    def __call__(self, p: FloatArray) -> FloatArray:
        values = self._values(p)
        batch = p.shape[:-1]
        if not batch or values.size == 0:
            return values
        # Neither the largest, nor the smallest, nor the middle one: normalising by any of these
        # would leave it alone.
        sizes = np.abs(p).max(axis=-1).ravel()
        index = np.unravel_index(int(np.argsort(sizes)[sizes.size // 3]), batch)
        alone = self._values(p[index])
        tolerance = _ROUNDING * max(1.0, float(np.abs(values).max()))
        if np.abs(values[index] - alone).max() > tolerance:
            raise StructureError(
                came=f"{self.name} of a point in a batch, unlike {self.name} of it alone",
                expected="a vectorised callable, which does not mix the points of a batch",
                remedy=_REMEDY,
            )
        return values

    def _values(self, p: FloatArray) -> FloatArray:
        expected = (*p.shape[:-1], *self.shape)
        try:
            # A copy: a callable that writes into its argument must not change our points.
            given = np.asarray(self.function(p.copy()))
        except FlowcertError:
            raise
        except (TypeError, ValueError, IndexError) as error:
            raise StructureError(
                came=f"{self.name}, which fails on points of shape {p.shape}: {error}",
                expected=f"values of shape {expected}",
                remedy=_REMEDY,
            ) from error
        if given.shape != expected:
            raise self._misshapen(given, p, expected)
        if given.dtype.kind not in "biuf" or not np.all(np.isfinite(given)):
            raise DomainError(
                came=f"values of {self.name} that are not finite real numbers",
                expected="finite real values on the whole segment from 0 to each point",
                remedy="Presnov's integrals run along that segment: it must lie in the domain.",
            )
        return np.asarray(given, dtype=np.float64)

    def _misshapen(
        self, given: FloatArray, p: FloatArray, expected: tuple[int, ...]
    ) -> FlowcertError:
        came = f"{self.name} with values of shape {given.shape} for points of shape {p.shape}"
        if given.ndim == len(expected) and given.shape[: p.ndim - 1] == p.shape[:-1]:
            return ShapeError(
                came=came,
                expected=f"shape {expected}",
                remedy=f"{self.name} must map Rⁿ, n = {self.dimension}, to {self.shape}.",
            )
        return StructureError(came=came, expected=f"shape {expected}", remedy=_REMEDY)
