"""A convolution on a torus along all axes but one, which is written out as it is.

Only the axes of the torus lose something at their borders: with two axes half of the gap between
‖T‖ and the symbol's maximum goes, at the price of matrices N times larger. Claim
E1.torus_compression holds axis by axis: fewer axes are laid on the torus.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np

from .convolution import Convolution
from .rounding import above, gamma
from .symbol import Symbol
from .symbol_bounds import grid_maximum, grid_work
from .torus import TorusAxis, copies, torus_sizes

_WORK, _LARGEST = 4e10, 2**24  # operations, and entries, of all axes that are written out


def affordable_slabs(convolution: Convolution, torus: Sequence[TorusAxis]) -> list[int]:
    """Return the axes that may be written out, cheapest first; none of a single axis."""
    if len(torus) < 2:
        return []
    slabs: list[tuple[float, int]] = []
    for kept, axis in enumerate(convolution.axes):
        others = _others(torus, kept)
        rows = len(convolution.weight) // convolution.groups * axis.rows
        phases = math.prod(len(on.phases) for on in others)
        columns = convolution.weight.shape[1] * axis.size * phases
        offsets = math.prod(len(on.offsets) for on in others)
        if convolution.groups * rows * columns * offsets <= _LARGEST:
            work = grid_work(rows, columns, convolution.groups, torus_sizes(others))
            slabs.append((work, kept))
    slabs.sort()
    spent = itertools.accumulate(work for work, _ in slabs)
    return [kept for (_, kept), work in zip(slabs, spent, strict=True) if work <= _WORK]


def bound_slab(convolution: Convolution, torus: Sequence[TorusAxis], kept: int) -> float:
    """Bound ‖T‖ from above with the axis ``kept`` written out.

    The symbol's maximum on the torus of the other axes, times √(their multiplicity). Guaranteed
    under the models of ``rounding`` and ``symbol``; ``convolution`` must be scaled to entries of
    the order of 1.
    """
    others = _others(torus, kept)
    maximum = grid_maximum(_slab_symbol(convolution, torus, kept), torus_sizes(others))
    axis, error = convolution.axes[kept], 0.0
    if axis.mode != "zeros":  # taps that meet on a copied pixel are added up, and rounded
        error = gamma(axis.taps) * convolution.bound_absolute_norm()
    return above(maximum.upper * math.sqrt(copies(others)) + error, 5)


def _others(torus: Sequence[TorusAxis], kept: int) -> list[TorusAxis]:
    return [on for i, on in enumerate(torus) if i != kept]


def _slab_symbol(convolution: Convolution, torus: Sequence[TorusAxis], kept: int) -> Symbol:
    """Return the symbol on the torus of the other axes: its entries are matrices along ``kept``.

    Rows of a symbol are (out, row along kept), columns (in, phases…, pixel along kept).
    """
    axis, others = convolution.axes[kept], _others(torus, kept)
    weight = np.moveaxis(convolution.weight, 2 + kept, -1)
    inputs = weight.shape[1]
    # Along the kept axis each pair of channels is a matrix (rows, pixels).
    placed = np.zeros((*weight.shape[:-1], axis.rows, axis.size))
    rows = np.arange(axis.rows)
    for tap in range(axis.taps):
        pixels = axis.indices[axis.read_by(tap)]
        inside = pixels >= 0
        placed[..., rows[inside], pixels[inside]] += weight[..., tap, None]
    # (out, in, taps…, rows, pixels) → (out, rows, in, pixels, taps…): matrices become channels.
    order = (0, placed.ndim - 2, 1, placed.ndim - 1, *range(2, placed.ndim - 2))
    kernel = placed.transpose(order).reshape(
        len(weight) * axis.rows, inputs * axis.size, *weight.shape[2:-1]
    )
    return Symbol.of_taps(kernel, convolution.groups, others)
