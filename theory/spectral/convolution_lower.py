"""‖T‖ of a convolution from below: a windowed wave at the best frequency, improved, then measured.

For three taps an axis, padded by one, the sine window alone gives (claim E1.torus_compression)
‖T‖ ≥ Π cos(π/(N_i + 1))·‖Ŝ(ω)‖ at every frequency ω.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ...numerics.validation import FloatArray
from .attained import bound_norm_at, lanczos_vector
from .convolution import Convolution, Index
from .convolution_axis import ConvolutionAxis
from .rounding import below
from .symbol import ComplexArray
from .symbol_bounds import GridMaximum
from .torus import TorusAxis

_WORK = 4e9  # floating-point operations that Lanczos steps may take
_MOST_STEPS, _FEWEST_STEPS = 24, 3
_PATCH = 32  # rows of a patch that stands for a large image


def bound_largest_from_below(
    convolution: Convolution, torus: Sequence[TorusAxis], sizes: Sequence[int], grid: GridMaximum
) -> float:
    """Bound σ_max of T from below, given the best frequency of the torus of ``sizes`` points.

    Guaranteed under the model of ``rounding``. ``convolution`` must be scaled to entries of the
    order of 1.
    """
    part = _patch(convolution.group(grid.group))
    wave = _wave(part, torus, sizes, grid)
    starts = [np.ascontiguousarray(wave.real), np.ascontiguousarray(wave.imag)]
    start = max(starts, key=lambda v: _quotient(part, v))
    steps = min(_MOST_STEPS, max(_FEWEST_STEPS, int(_WORK / _cost(part))))
    v = lanczos_vector(part, start, steps)
    attained = bound_norm_at(part, v, part.bound_absolute_norm())
    return max(attained, bound_by_sine_window(convolution.axes, grid.lower))


def bound_by_sine_window(axes: Sequence[ConvolutionAxis], symbol_norm: float) -> float:
    """Bound ‖T‖ from below by Π cos(π/(Nᵢ + 1))·‖Ŝ(ω)‖; 0 where the theorem says nothing.

    Axes of three taps, stride 1 and dilation δ, padded by zeros, at least δ on both sides, with all
    rows that fit: N_i is the number of pixels of one residue modulo δ. An axis of one tap without
    padding costs nothing.

    >>> axis = ConvolutionAxis.of(size=32, taps=3, low=1, high=1)
    >>> 0.99 < bound_by_sine_window([axis, axis], 1.0) < 1.0
    True
    """
    bound = symbol_norm
    for axis in axes:
        if axis.mode != "zeros" or axis.stride != 1 or not axis.complete:
            return 0.0
        if axis.taps == 1 and axis.low == axis.high == 0:
            continue
        if axis.taps != 3 or min(axis.low, axis.high) < axis.dilation:
            return 0.0
        points = -(-axis.size // axis.dilation)
        if points == 1:
            return 0.0
        bound = below(bound * below(math.cos(math.pi / (points + 1)), 8))
    return bound


def _cost(convolution: Convolution) -> float:
    """Operations of one Lanczos step."""
    return 4.0 * convolution.rows * convolution.terms


def _patch(convolution: Convolution) -> Convolution:
    """A part of a large image: a submatrix of T, and so no larger in norm."""
    if convolution.mode != "zeros" or _cost(convolution) * _MOST_STEPS <= _WORK:
        return convolution
    axes = []
    for axis in convolution.axes:
        extent = axis.dilation * (axis.taps - 1) + 1
        size = min(axis.size, max(_PATCH * axis.stride, 2 * extent))
        part = ConvolutionAxis.of(
            size=size,
            taps=axis.taps,
            stride=axis.stride,
            dilation=axis.dilation,
            low=axis.low,
            high=axis.high,
        )
        # The adjoint of a transposed convolution may have fewer rows than fit.
        axes.append(replace(part, rows=min(part.rows, axis.rows)))
    return Convolution.of_axes(convolution.weight, convolution.groups, axes)


def _wave(
    part: Convolution, torus: Sequence[TorusAxis], sizes: Sequence[int], grid: GridMaximum
) -> ComplexArray:
    """The singular vector times a wave and, where zeros are padded, a sine window; complex."""
    vector = grid.vector.reshape(-1, *(len(axis.phases) for axis in torus))
    wave = np.ones((1,) * len(torus), dtype=np.complex128)
    picked = []
    for i, (axis, on) in enumerate(zip(part.axes, torus, strict=True)):
        pixel = np.arange(axis.size)
        # Reflected and replicated pixels: the torus counts from the first padded one.
        shifted = pixel + (axis.low if axis.mode in ("reflect", "replicate") else 0)
        phase = np.searchsorted(on.phases, shifted % on.step)
        phase = np.minimum(phase, len(on.phases) - 1)
        read = on.phases[phase] == shifted % on.step
        angle = 2.0 * np.pi * float(grid.frequency[i]) / sizes[i] * (shifted // on.step)
        window = np.sin(np.pi * (pixel + 1) / (axis.size + 1)) if axis.mode == "zeros" else 1.0
        factor = np.exp(1j * angle) * window * read
        wave = wave * factor.reshape(-1, *(1,) * (len(torus) - 1 - i))
        picked.append(phase)
    place: Index = (slice(None), *np.ix_(*picked))
    return np.asarray(vector[place] * wave, dtype=np.complex128)


def _quotient(convolution: Convolution, v: FloatArray) -> float:
    """|Tv|/|v| as computed."""
    length = float(np.linalg.norm(v))
    return float(np.linalg.norm(convolution.apply(v))) / length if length > 0.0 else 0.0
