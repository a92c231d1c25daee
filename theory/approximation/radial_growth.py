"""How far from the origin a trajectory can get: |x|' ≤ ρ(|x|), ρ(r) = max xᵀf(x)/|x| on |x| = r.

The same ρ serves f, its gradient part (xᵀ∇U = xᵀf) and, with 0, its sphere part: splitting a field
by Presnov lets no trajectory out farther than the field itself may.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...numerics.validation import FloatArray
from ..cells import OUTWARD, Cells, enclose, length
from ..symbolic import SymbolicField

_RINGS = 256


@dataclass(frozen=True, eq=False)
class RadialGrowth:
    """Upper bounds ``rates`` of xᵀf(x)/|x| on rings of equal width that cover the ball.

    ``after`` bounds |x(t)| by the comparison theorem. Guaranteed: upper bounds, rounded outward;
    ∞ where the ball that was looked at may be left. Source: flowcert [D].

    >>> import sympy
    >>> from flowcert.theory.cells import cover
    >>> from flowcert.theory.symbolic import symbolic_field
    >>> x = sympy.Symbol("x", real=True)
    >>> growth = RadialGrowth.of(symbolic_field([x], [x]), cover(4.0, 1, 1000))
    >>> bool(np.e < growth.after(1.0, 1.0) < 1.01 * np.e), growth.after(1.0, 2.0)
    (True, inf)
    """

    rates: FloatArray
    width: float

    @staticmethod
    def of(field: SymbolicField, cells: Cells) -> RadialGrowth:
        """Return the growth of a field on the ball that the cells cover."""
        radial = sum(x * e for x, e in zip(field.symbols, field.expressions, strict=True))
        [product] = enclose(cells, [radial], field.symbols)
        speed = length(enclose(cells, list(field.expressions), field.symbols))
        with np.errstate(divide="ignore", invalid="ignore"):
            highest = product.upper
            rate = np.where(highest > 0, highest / cells.inner, highest / cells.outer) * OUTWARD
            rate = np.where(highest > 0, rate, rate / OUTWARD**2)
        rate = np.minimum(np.where(np.isnan(rate), np.inf, rate), speed)
        width = cells.radius / _RINGS
        first = np.maximum(np.floor(cells.inner / width / OUTWARD).astype(int), 0)
        last = np.minimum(np.floor(cells.outer / width * OUTWARD).astype(int), _RINGS - 1)
        rates = np.full(_RINGS, -np.inf)
        for lag in range(int((last - first).max()) + 1):
            ring = np.minimum(first + lag, last)
            np.maximum.at(rates, ring, rate)
        return RadialGrowth(rates, width)

    def after(self, radius: float, time: float, *, shift: float = 0.0, extra: float = 0.0) -> float:
        """Bound |x(t)| from |x(0)| ≤ radius for the field f + shift·x + (anything below extra).

        >>> RadialGrowth(np.array([1.0, 1.0]), 1.0).after(0.5, 1.0) >= 1.5
        True
        """
        left, r = time, radius
        while left > 0:
            if not r < self.width * len(self.rates):
                return np.inf
            ring = min(int(r / self.width), len(self.rates) - 1)
            end = (ring + 1) * self.width
            rate = (self.rates[ring] + shift * (end if shift > 0 else r) + extra) * OUTWARD
            if rate <= 0:
                return r
            passing = (end - r) / rate / OUTWARD
            if passing >= left:
                return float((r + left * rate) * OUTWARD)
            left, r = left - passing, end * OUTWARD
        return r
