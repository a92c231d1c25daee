"""A strided, padded convolution as a piece of a block-circulant operator on a small torus.

Claim E1.torus_compression. Along one axis with step g, pixel g·m + r is point m of phase r, and a
tap at position z = g·a + r reads phase r at offset a: row p reads x_r[p + a]. On a torus of M
points these reads never wrap onto a wrong pixel if M ≥ the rows and M ≥ N_r + what is read beyond
either border of any phase: then T is a submatrix of the circulant, and ‖T‖ ≤ the maximum of the
symbol's norm over the M frequencies.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...numerics.validation import FloatArray
from .convolution_axis import ConvolutionAxis
from .padding import IndexArray


@dataclass(frozen=True)
class TorusAxis:
    """One axis of the torus, and how the operator T sits in the circulant C.

    ``size`` M points; ``step`` g; ``phases`` the r that are read; tap t has the offset
    ``offsets[offset_of[t]]`` and the phase ``phases[phase_of[t]]``. Rows of C appear in T
    at most ``most`` times, those that can differ from 0 at least ``fewest`` times.
    """

    size: int
    step: int
    offsets: IndexArray
    phases: IndexArray
    offset_of: IndexArray
    phase_of: IndexArray
    most: int
    fewest: int
    whole: bool  # the image is the whole torus: σ_max is that of C if every row is there
    unread: bool  # some pixels are never read
    within: bool  # nothing beyond the image is read, and no row is there twice

    @property
    def reach(self) -> int:
        """Largest minus smallest offset: the degree of the symbol along this axis."""
        return int(self.offsets[-1] - self.offsets[0])


def torus_axis(axis: ConvolutionAxis) -> TorusAxis:
    """Return the smallest torus that holds the axis.

    Reflected and replicated pixels are pixels of the padded image here, and what the padding costs
    is in ``most``: T = (convolution without padding)·(padding).

    >>> torus_axis(ConvolutionAxis.of(size=32, taps=3, low=1, high=1)).size
    33
    """
    if axis.mode == "circular":
        return _circular_axis(axis)
    if axis.mode != "zeros":
        padded = _zero_axis(axis.on_padded_image())
        return _copied(padded, axis.multiplicity)
    return _zero_axis(axis)


def _copied(axis: TorusAxis, multiplicity: int) -> TorusAxis:
    fields = dict(vars(axis), most=axis.most * multiplicity, fewest=0, whole=False, within=False)
    return TorusAxis(**fields)


def _circular_axis(axis: ConvolutionAxis) -> TorusAxis:
    """Rows p·s mod N: multiples of g = gcd(s, N), on a torus of N/g points."""
    step = math.gcd(axis.stride, axis.size)
    size = axis.size // step
    rows = (np.arange(axis.rows, dtype=np.int64) * (axis.stride // step)) % size
    counts = np.bincount(rows, minlength=size)
    split = _split(axis.positions, step)
    return TorusAxis(
        size,
        step,
        *split,
        most=int(counts.max()),
        fewest=int(counts.min()),
        whole=True,
        unread=len(split[1]) < step,
        within=False,
    )


def _zero_axis(axis: ConvolutionAxis) -> TorusAxis:
    step = axis.stride
    offsets, phases, offset_of, phase_of = _split(axis.positions, step)
    size, full, within = axis.rows, True, True
    for r in phases:
        points = max(0, -(-(axis.size - int(r)) // step))  # N_r: pixels r, r + g, … of the image
        reads = offsets[offset_of[phases[phase_of] == r]]
        first, last = int(reads.min()), int(reads.max()) + axis.rows - 1
        below, above = max(0, -first), max(0, last - (points - 1))
        size = max(size, points + max(below, above))
        within = within and below == 0 and above == 0
        if points:
            # Pixel m is seen by the rows m − a: all of them must be there.
            full = full and int(reads.max()) <= 0 and points - 1 - int(reads.min()) < axis.rows
    return TorusAxis(
        size,
        step,
        offsets,
        phases,
        offset_of,
        phase_of,
        most=1,
        fewest=int(full),
        whole=False,
        unread=int(np.sum(phases < axis.size)) < min(step, axis.size),
        within=within,
    )


def torus_axis_at_any_size(positions: IndexArray, step: int, multiplicity: int) -> TorusAxis:
    """Return an axis without a size (0), for bounds that hold for images of every size."""
    return TorusAxis(
        0,
        step,
        *_split(positions, step),
        most=multiplicity,
        fewest=0,
        whole=False,
        unread=False,
        within=False,
    )


def _split(
    positions: IndexArray, step: int
) -> tuple[IndexArray, IndexArray, IndexArray, IndexArray]:
    """z = step·a + r: the distinct a and r, and which of them each tap has."""
    offsets, offset_of = np.unique(positions // step, return_inverse=True)
    phases, phase_of = np.unique(positions % step, return_inverse=True)
    return offsets, phases, offset_of, phase_of


def torus_sizes(axes: Sequence[TorusAxis]) -> tuple[int, ...]:
    """Points of each axis; one where the symbol's norm does not depend on the frequency."""
    return tuple(axis.size if axis.reach else 1 for axis in axes)


def copies(axes: Sequence[TorusAxis]) -> int:
    """How often a row of C appears in T at most: ‖T‖ ≤ √copies·‖C‖."""
    return math.prod(axis.most for axis in axes)


def phase_taps(kernel: FloatArray, groups: int, axes: Sequence[TorusAxis]) -> FloatArray:
    """Return the taps of C, shape (offsets…, groups, out/groups, in/groups·phases…): exact.

    Taps that differ have different offsets or phases unless the torus is circular and the kernel
    wraps; then, too, they stand apart here, and their symbols add up.
    """
    outputs, inputs = kernel.shape[:2]
    offsets = [len(axis.offsets) for axis in axes]
    phases = [len(axis.phases) for axis in axes]
    taps = np.zeros((outputs, inputs, *offsets, *phases))
    where = np.ix_(*(np.arange(n) for n in kernel.shape[2:]))
    at = tuple(axis.offset_of[i] for axis, i in zip(axes, where, strict=True))
    of = tuple(axis.phase_of[i] for axis, i in zip(axes, where, strict=True))
    place: tuple[Any, ...] = (slice(None), slice(None), *at, *of)
    taps[place] = kernel
    order = (*range(2, 2 + len(axes)), 0, 1, *range(2 + len(axes), taps.ndim))
    shape = (*offsets, groups, outputs // groups, inputs * math.prod(phases))
    return np.ascontiguousarray(taps.transpose(order)).reshape(shape)
