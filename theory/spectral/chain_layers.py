"""Layers of dense chains, x ↦ skip·x + Cσ(Ax + b), as data and scaled by powers of two."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import DataError
from ...numerics.validation import FloatArray
from .rounding import above, power_of_two


@dataclass(frozen=True, eq=False)
class ChainLayer:
    """x ↦ skip·x + Cσ(Ax + b) with slopes of σ in [low, high]; None stands for the identity.

    ``error_A`` ≥ ‖Â − A‖ and ``error_C`` ≥ ‖Ĉ − C‖ where the entries given are rounded.

    >>> ChainLayer.linear(np.eye(2)).slopes
    (1.0, 1.0)
    """

    A: FloatArray | None
    C: FloatArray | None
    slopes: tuple[float, float]
    skip: float = 0.0
    error_A: float = 0.0
    error_C: float = 0.0

    @staticmethod
    def linear(W: FloatArray, error: float = 0.0) -> ChainLayer:
        """x ↦ Wx + b."""
        return ChainLayer(W, None, (1.0, 1.0), error_A=error)

    @property
    def is_linear(self) -> bool:
        """Whether it is x ↦ const·Ax + b."""
        constant = self.slopes[0] == self.slopes[1]
        return constant and self.skip == 0.0 and self.A is not None and self.C is None


@dataclass(frozen=True, eq=False)
class ScaledLayer:
    """2^−exponent times a layer, with entries of A and C below 1 and slopes in c ± ρ."""

    A: FloatArray | None
    C: FloatArray | None
    c: float
    rho: float
    skip: float
    exponent: int
    error_A: float = 0.0
    error_C: float = 0.0

    def hidden(self, outputs: int) -> int:
        """How many activations it has, and multipliers needs; 0 if ρ = 0."""
        if self.rho == 0.0:
            return 0
        widths = [len(self.A)] if self.A is not None else []
        widths += [self.C.shape[1]] if self.C is not None else []
        return int([*widths, outputs][0])


def scale_layer(layer: ChainLayer) -> ScaledLayer:
    """Take powers of two out of a layer: exact, and the same on every machine.

    >>> scale_layer(ChainLayer.linear(np.array([[12.0]]))).exponent
    5
    """
    A, power_A = _scaled(layer.A)
    C, power_C = _scaled(layer.C)
    power = power_A + power_C
    if layer.skip == 0.0:
        steepest = max(abs(slope) for slope in layer.slopes)
        taken = math.frexp(steepest)[1] if 0.0 < steepest < math.inf else 0
        low, high = _times_power(layer.slopes, -taken)
        exponent = power + taken
    else:
        low, high = _times_power(layer.slopes, power)
        exponent = 0
    c = 0.5 * low + 0.5 * high
    rho = 0.0 if low == high == c else above(max(high - c, c - low), 1)
    error_A = above_power(layer.error_A, -power_A) if layer.error_A else 0.0
    error_C = above_power(layer.error_C, -power_C) if layer.error_C else 0.0
    return ScaledLayer(A, C, c, rho, layer.skip, exponent, error_A, error_C)


def chain_widths(layers: Sequence[ChainLayer]) -> list[int]:
    """Return the dimensions of the values along a chain, input first.

    >>> chain_widths([ChainLayer.linear(np.zeros((2, 3)))])
    [3, 2]
    """
    known = [width for layer in layers for width in _ends(layer)]
    if not known:
        raise DataError(
            came="a chain without a matrix",
            expected="layers of which one tells the dimension",
            remedy="Bound it by its slopes.",
        )
    widths = [known[0]]
    for layer in layers:
        matrix = layer.C if layer.C is not None else layer.A
        widths.append(widths[-1] if matrix is None or layer.skip else len(matrix))
    return widths


def _ends(layer: ChainLayer) -> list[int]:
    if layer.A is not None:
        return [layer.A.shape[1]]
    return [] if layer.C is None else [layer.C.shape[1]]


def _scaled(matrix: FloatArray | None) -> tuple[FloatArray | None, int]:
    """(M/2ᵉ, e) with entries below 1; what underflows there is covered by ``_UNDERFLOW``."""
    scale = 0.0 if matrix is None else power_of_two(matrix)
    if matrix is None or scale == 0.0:
        return matrix, 0
    return matrix / scale, math.frexp(scale)[1] - 1


def _times_power(slopes: tuple[float, float], power: int) -> tuple[float, float]:
    """2^power·[low, high], outward where it is not exact."""
    with np.errstate(over="ignore", under="ignore"):
        ends = [float(np.ldexp(slope, power)) for slope in slopes]
    exact = [
        math.isfinite(end) and math.frexp(end)[0] == math.frexp(slope)[0]
        for end, slope in zip(ends, slopes, strict=True)
    ]
    low = ends[0] if exact[0] else math.nextafter(ends[0], -math.inf)
    high = ends[1] if exact[1] else math.nextafter(ends[1], math.inf)
    return low, high


def above_power(value: float, power: int) -> float:
    """Bound 2^``power``·``value`` from above for value ≥ 0; ∞ if it overflows, never 0.

    >>> above_power(1.0, -1100) > 0.0, above_power(1.0, 1100)
    (True, inf)
    """
    if not math.isfinite(value):
        return math.inf
    with np.errstate(over="ignore", under="ignore"):
        return above(float(np.ldexp(value, power)), 1)
