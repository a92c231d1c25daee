"""The symbol of a convolution: Ŝ(f) = Σ_a K_a e^{2πi Σ f_i a_i / M_i}, with its rounding bounded.

Assumption: cos and sin of float64 err by at most 2 units in the last place on [−π/4, π/4].
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ...numerics.validation import FloatArray
from .convolution import Convolution
from .padding import IndexArray
from .rounding import SMALLEST, UNIT_ROUNDOFF, above, gamma, norm_above
from .torus import TorusAxis, phase_taps

ComplexArray = NDArray[np.complex128]

# |computed − exact| of a root of unity: 1.9 u from the angle (below π/4, three roundings), and
# 2√2 u from two values of at most 1, each within 2 units in the last place.
ROOT_ERROR = 8.0 * UNIT_ROUNDOFF


def roots_of_unity(count: int) -> ComplexArray:
    """Return e^{2πij/M}, j = 0 … M − 1, M = ``count``, each to within ``ROOT_ERROR``.

    The angle is reduced in integers: 4j = qM + ρ with |ρ| ≤ M/2, so that only (π/2)ρ/M is rounded
    and the quarter turns iᑫ are exact.

    >>> roots_of_unity(4).tolist()
    [(1+0j), 1j, (-1+0j), -1j]
    """
    j = np.arange(count, dtype=np.int64)
    quarter = (8 * j + count) // (2 * count)
    angle = (4 * j - quarter * count) / count * (math.pi / 2)
    cosine, sine = np.cos(angle), np.sin(angle)
    roots = np.empty(count, dtype=np.complex128)
    roots.real = np.choose(quarter % 4, [cosine, -sine, -cosine, sine]) + 0.0
    roots.imag = np.choose(quarter % 4, [sine, cosine, -sine, -cosine]) + 0.0
    return roots


@dataclass(frozen=True)
class Symbol:
    """Taps K_a of shape (offsets…, groups, rows, columns) at the integer ``offsets`` of each axis.

    Their largest entry must be of the order of 1 (scale by a power of two before).
    """

    taps: FloatArray
    offsets: tuple[IndexArray, ...]

    @staticmethod
    def of(convolution: Convolution, torus: Sequence[TorusAxis]) -> Symbol:
        """Return the symbol of the circulant that holds the convolution."""
        return Symbol.of_taps(convolution.weight, convolution.groups, torus)

    @staticmethod
    def of_taps(kernel: FloatArray, groups: int, torus: Sequence[TorusAxis]) -> Symbol:
        """Return the symbol of a kernel (out, in/groups, *taps) on a torus."""
        return Symbol(phase_taps(kernel, groups, torus), tuple(axis.offsets for axis in torus))

    @property
    def groups(self) -> int:
        return int(self.taps.shape[-3])

    @property
    def shape(self) -> tuple[int, int]:
        return self.taps.shape[-2], self.taps.shape[-1]

    def transposed(self) -> Symbol:
        """The symbol of transposed matrices, with the same singular values."""
        return Symbol(np.ascontiguousarray(np.swapaxes(self.taps, -1, -2)), self.offsets)

    @cached_property
    def error(self) -> float:
        """Bound ‖computed − exact‖ of ``at``, at any frequency and group.

        A phase is a product of d roots: 8du + 3(d − 1)u; a sum over T taps: γ_T Σ|K_a|; division
        by a power of two before may have lost subnormal parts.
        """
        d, count = len(self.offsets), math.prod(map(len, self.offsets))
        size = max(norm_above(part) for part in np.moveaxis(self._magnitude, -3, 0))
        phase = 12.0 * d * UNIT_ROUNDOFF
        lost = (count + 2) * (self.shape[0] + 1) * (self.shape[1] + 1) * 4.0 * SMALLEST
        return above((phase + gamma(count + 1) * (1.0 + phase)) * above(size, count + 2) + lost, 8)

    @property
    def _magnitude(self) -> FloatArray:
        """Σ|K_a|, shape (groups, rows, columns)."""
        return np.asarray(np.sum(np.abs(self.taps), axis=tuple(range(len(self.offsets)))))

    def at(self, frequencies: IndexArray, sizes: Sequence[int]) -> ComplexArray:
        """Return Ŝ at integer ``frequencies`` (count, d): shape (count, groups, rows, columns)."""
        phases = np.ones((len(frequencies), 1), dtype=np.complex128)
        for axis, (offsets, size) in enumerate(zip(self.offsets, sizes, strict=True)):
            index = (frequencies[:, axis, None] * offsets) % size
            factor = roots_of_unity(size)[index]
            phases = (phases[:, :, None] * factor[:, None, :]).reshape(len(frequencies), -1)
        flat = self.taps.reshape(phases.shape[1], -1)
        values = np.empty((len(frequencies), flat.shape[1]), dtype=np.complex128)
        values.real = phases.real @ flat
        values.imag = phases.imag @ flat
        return values.reshape(len(frequencies), *self.taps.shape[-3:])


def half_grid(sizes: Sequence[int]) -> IndexArray:
    """Return one of each pair ±f of frequencies of the grid, shape (count, d).

    Real taps have conjugate symbols at f and −f: the same singular values.

    >>> half_grid((4,)).ravel().tolist()
    [0, 1, 2]
    """
    count = math.prod(sizes)
    grid = np.stack(np.unravel_index(np.arange(count), tuple(sizes)), axis=1)
    mirrored = np.ravel_multi_index(tuple((-grid % np.asarray(sizes)).T), tuple(sizes))
    return np.asarray(grid[np.arange(count) <= mirrored], dtype=np.int64)
