"""Rigorous singular values of convolutions: the symbol on a torus, or the matrix itself.

Whichever applies and is sharper; ``SingularValues.method`` says which it was.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from ...errors import ShapeError
from ...numerics.validation import finite_array
from .convolution import Convolution, Padding, pads_per_axis, per_axis
from .convolution_axis import ConvolutionAxis
from .convolution_lower import bound_largest_from_below
from .convolution_smallest import bound_matrix, bound_smallest, bound_smallest_transposed
from .padding import Mode, largest_multiplicity_at_any_size
from .rounding import above, below, power_of_two
from .singular_values import SingularValues
from .slab import affordable_slabs, bound_slab
from .symbol import Symbol
from .symbol_bounds import GridMaximum, grid_maximum, grid_work
from .threads import one_thread
from .torus import TorusAxis, copies, torus_axis, torus_axis_at_any_size, torus_sizes
from .transposed_convolution import TransposedConvolution

_WORK = 3e10  # operations of an exact grid; beyond, a coarser one with a factor
_NARROW = 1e-4  # no more is done for a bracket this narrow
_SMALL, _SMALL_IF_COPIED = 400, 1024  # columns or rows of a matrix that is always written out
_RESOLUTIONS = (256, 181, 128, 90, 64, 45, 32, 23, 16, 11, 8, 4, 2)  # grid points for each degree
_ZERO = SingularValues(0.0, 0.0, 0.0, "zero kernel", "the kernel is zero")


@dataclass(frozen=True)
class _Grid:
    """A bound of ‖C‖, the sharpest on the torus itself or between the points of a coarser grid."""

    symbol: Symbol
    sizes: tuple[int, ...]
    maximum: GridMaximum
    upper: float
    exact: bool
    method: str


def bound_convolution(
    kernel: ArrayLike,
    image: Sequence[int] | None = None,
    *,
    stride: int | Sequence[int] = 1,
    padding: Padding = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    mode: Mode = "zeros",
    smallest: bool = False,
) -> SingularValues:
    """Bound the singular values of a convolution on an ``image`` (*size), or on all of them.

    Without an image the upper bound holds for every size: max over the grid of ‖Ŝ‖, times
    Π cos(πd_i/M_i)⁻¹ for what lies between its points, d_i half the degree along the axis; the
    lower ends are then 0. Raises ShapeError, DomainError. Guaranteed under the models of
    ``rounding`` and ``symbol``. Source: flowcert, proofs of E [D]; Ehlich and Zeller (1964).

    >>> shift = np.zeros((1, 1, 3, 3))
    >>> shift[0, 0, 0, 0] = 2.0
    >>> values = bound_convolution(shift, (8, 8), padding=1)
    >>> values.largest_lower <= 2.0 <= values.largest < 2.00001
    True
    """
    K = finite_array("kernel", kernel)
    if K.ndim < 3:
        raise ShapeError(
            came=f"a kernel of shape {K.shape}",
            expected="(out, in/groups, *taps)",
            remedy="A kernel is stored as PyTorch stores it.",
        )
    if image is not None:
        convolution = Convolution(
            K,
            (K.shape[1] * groups, *image),
            stride=stride,
            padding=padding,
            dilation=dilation,
            groups=groups,
            mode=mode,
        )
        return convolution.singular_values(smallest=smallest)
    scale = power_of_two(K)
    if scale == 0.0:
        return _ZERO
    d = K.ndim - 2
    spacing, steps = per_axis("dilation", dilation, d), per_axis("stride", stride, d)
    pads = pads_per_axis(padding, d)
    torus = [
        _axis_at_any_size(K.shape[2 + i], steps[i], spacing[i], pads[i], mode) for i in range(d)
    ]
    grid = _coarse_grid(Symbol.of_taps(K / scale, groups, torus))
    upper = _copied(grid.upper, torus)
    reason = "no bound for images of every size"
    return SingularValues(0.0, 0.0, above(upper * scale), grid.method, reason)


@dataclass(frozen=True)
class _Question:
    """A convolution by its numbers: equal kernels have equal answers."""

    kernel: bytes
    shape: tuple[int, ...]
    groups: int
    axes: tuple[ConvolutionAxis, ...]
    smallest: bool
    convolution: Convolution = field(compare=False, repr=False)


def bound_singular_values(convolution: Convolution, *, smallest: bool = False) -> SingularValues:
    """Bound σ_min and σ_max of a convolution: see ``bound_convolution``."""
    K = convolution.weight
    key = (K.tobytes(), K.shape, convolution.groups, convolution.axes, smallest)
    with one_thread():
        return _answer(_Question(*key, convolution))


# A step uses its kernel twice, sub-steps again and again.
@lru_cache(maxsize=32)
def _answer(question: _Question) -> SingularValues:
    convolution, smallest = question.convolution, question.smallest
    scale = power_of_two(convolution.weight)
    if scale == 0.0:
        return _ZERO
    scaled = convolution.with_weight(convolution.weight / scale)
    torus = [torus_axis(axis) for axis in scaled.axes]
    symbol = Symbol.of(scaled, torus)
    lower, upper, method = _bound_largest(scaled, torus, symbol)
    low, reason = 0.0, "not asked for"
    if smallest:
        low, reason = bound_smallest(scaled, torus, symbol)
    return _scaled(SingularValues(low, lower, upper, method, reason), scale)


def bound_transposed_singular_values(
    transposed: TransposedConvolution, *, smallest: bool = False
) -> SingularValues:
    """Bound σ_min and σ_max of a transposed convolution: σ_max is that of the convolution."""
    scale = power_of_two(transposed.convolution.weight)
    if scale == 0.0:
        return _ZERO
    values = transposed.convolution.singular_values()
    low, reason = 0.0, "not asked for"
    if smallest:
        low, reason = bound_smallest_transposed(transposed)
    return SingularValues(low, values.largest_lower, values.largest, values.method, reason)


def _bound_largest(
    convolution: Convolution, torus: Sequence[TorusAxis], symbol: Symbol
) -> tuple[float, float, str]:
    """Bounds of σ_max from below and above, and how the upper one was found."""
    sizes = torus_sizes(torus)
    if grid_work(*symbol.shape, symbol.groups, sizes) <= _WORK:
        maximum = grid_maximum(symbol, sizes)
        method = f"symbol on a torus of {' × '.join(str(axis.size) for axis in torus)} points"
        grid = _Grid(symbol, sizes, maximum, maximum.upper, True, method)
    else:
        grid = _coarse_grid(symbol)
    upper, method = _copied(grid.upper, torus), grid.method
    most, fewest = copies(torus), math.prod(axis.fewest for axis in torus)
    if most > 1:
        method += f", times √{most} for copied pixels"
    if grid.exact and fewest and all(axis.whole for axis in torus):
        lower = below(grid.maximum.lower * math.sqrt(fewest), 2)
        if fewest == most:
            return lower, upper, method
    else:
        lower = bound_largest_from_below(convolution, torus, grid.sizes, grid.maximum)
    for kept in affordable_slabs(convolution, torus):
        if lower >= upper * (1.0 - _NARROW):
            break
        through = bound_slab(convolution, torus, kept)
        if through < upper:
            upper, method = through, f"matrices along axis {kept}, symbol along the others"
    simple = convolution.bound_absolute_norm()
    if simple < upper:
        upper, method = simple, "sums of the kernel's absolute values"
    small = _SMALL_IF_COPIED if most > 1 else _SMALL
    if min(convolution.rows, convolution.columns) <= small:
        values = bound_matrix(convolution, convolution)
        lower = max(lower, values.largest_lower)
        if values.largest < upper:
            upper, method = values.largest, f"the matrix itself, {values.method}"
    return lower, upper, method


def _coarse_grid(symbol: Symbol) -> _Grid:
    """The finest affordable grid, and sup‖Ŝ‖ ≤ Π cos(πdᵢ/Mᵢ)⁻¹·(maximum on it), any frequency."""
    degrees = [int(offsets[-1] - offsets[0]) for offsets in symbol.offsets]
    for resolution in _RESOLUTIONS:
        sizes = tuple(max(1, resolution * degree) for degree in degrees)
        if grid_work(*symbol.shape, symbol.groups, sizes) <= _WORK:
            break
    maximum = grid_maximum(symbol, sizes)
    between = 1.0
    for degree, size in zip(degrees, sizes, strict=True):
        if degree:
            between = below(between * below(math.cos(math.pi * degree / (2 * size)), 8))
    method = f"symbol on a grid of {' × '.join(map(str, sizes))} frequencies, and between"
    return _Grid(symbol, sizes, maximum, above(maximum.upper / between), False, method)


def _axis_at_any_size(
    taps: int, stride: int, dilation: int, pads: tuple[int, int], mode: Mode
) -> TorusAxis:
    positions = np.arange(taps, dtype=np.int64) * dilation
    if mode == "circular":
        # Rows of C that appear twice: those beyond one turn of the torus.
        beyond = sum(pads) - dilation * (taps - 1)
        return torus_axis_at_any_size(positions, 1, 1 + max(0, -(-beyond // max(*pads, 1))))
    most = largest_multiplicity_at_any_size(*pads, mode)
    return torus_axis_at_any_size(positions, stride, most)


def _copied(upper: float, torus: Sequence[TorusAxis]) -> float:
    return above(upper * math.sqrt(copies(torus)), 3)


def _scaled(values: SingularValues, scale: float) -> SingularValues:
    return SingularValues(
        below(values.smallest * scale),
        below(values.largest_lower * scale),
        above(values.largest * scale),
        values.method,
        values.reason,
    )
