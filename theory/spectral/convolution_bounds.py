"""Rigorous singular values of convolutions: the symbol on a torus, or the matrix itself.

Whichever applies and is sharper; ``SingularValues.method`` says which it was.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ...errors import ShapeError
from ...numerics.validation import FloatArray, finite_array
from .convolution import Convolution, Padding, pads_per_axis, per_axis
from .convolution_lower import bound_largest_from_below
from .dense import bound_dense
from .linear_map import LARGEST_MATRIX, LinearMap
from .padding import Mode, largest_multiplicity_at_any_size
from .rounding import SMALLEST, above, below, gamma, power_of_two
from .singular_values import SingularValues
from .symbol import Symbol
from .symbol_bounds import GridMaximum, grid_maximum, grid_minimum
from .torus import TorusAxis, phase_taps, torus_axis, torus_axis_at_any_size
from .transposed_convolution import TransposedConvolution

_WORK = 3e10  # operations of an exact grid; beyond, a coarser one with a factor
_LARGEST_WORK = 1e12  # of a smallest singular value
_SMALL, _SMALL_IF_COPIED = 400, 1024  # columns or rows of a matrix that is always written out
_RESOLUTIONS = (
    256,
    181,
    128,
    90,
    64,
    45,
    32,
    23,
    16,
    11,
    8,
    4,
    2,
)  # points of a coarse grid for each degree
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
    grid = _coarse_grid(Symbol(phase_taps(K / scale, groups, torus), _offsets(torus)))
    upper = _copied(grid.upper, torus)
    reason = "no bound for images of every size"
    return SingularValues(0.0, 0.0, above(upper * scale), grid.method, reason)


def bound_singular_values(convolution: Convolution, *, smallest: bool = False) -> SingularValues:
    """Bound σ_min and σ_max of a convolution: see ``bound_convolution``."""
    scale = power_of_two(convolution.weight)
    if scale == 0.0:
        return _ZERO
    scaled = convolution.with_weight(convolution.weight / scale)
    torus = [torus_axis(axis) for axis in scaled.axes]
    symbol = Symbol(phase_taps(scaled.weight, scaled.groups, torus), _offsets(torus))
    lower, upper, method = _bound_largest(scaled, torus, symbol)
    low, reason = 0.0, "not asked for"
    if smallest:
        low, reason = _bound_smallest(scaled, torus, symbol)
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
        low, reason = _bound_smallest_transposed(transposed, scale)
    return SingularValues(low, values.largest_lower, values.largest, values.method, reason)


def _bound_largest(
    convolution: Convolution, torus: Sequence[TorusAxis], symbol: Symbol
) -> tuple[float, float, str]:
    """Bounds of σ_max from below and above, and how the upper one was found."""
    sizes = _sizes(torus)
    if _cost(symbol, sizes) <= _WORK:
        maximum = grid_maximum(symbol, sizes)
        method = f"symbol on a torus of {' × '.join(str(axis.size) for axis in torus)} points"
        grid = _Grid(symbol, sizes, maximum, maximum.upper, True, method)
    else:
        grid = _coarse_grid(symbol)
    upper, method = _copied(grid.upper, torus), grid.method
    most, fewest = (math.prod(getattr(axis, name) for axis in torus) for name in ("most", "fewest"))
    if most > 1:
        method += f", times √{most} for copied pixels"
    if grid.exact and fewest and all(axis.whole for axis in torus):
        lower = below(grid.maximum.lower * math.sqrt(fewest), 2)
        if fewest == most:
            return lower, upper, method
    else:
        lower = bound_largest_from_below(convolution, torus, grid.sizes, grid.maximum)
    simple = convolution.bound_absolute_norm()
    if simple < upper:
        upper, method = simple, "sums of the kernel's absolute values"
    small = _SMALL_IF_COPIED if most > 1 else _SMALL
    if min(convolution.rows, convolution.columns) <= small:
        values = _bound_matrix(convolution, convolution)
        lower = max(lower, values.largest_lower)
        if values.largest < upper:
            upper, method = values.largest, f"the matrix itself, {values.method}"
    return lower, upper, method


def _bound_smallest(
    convolution: Convolution, torus: Sequence[TorusAxis], symbol: Symbol
) -> tuple[float, str]:
    """σ_min from below; the symbol's minimum bounds it only where nothing is cut off."""
    if convolution.rows < convolution.columns:
        return 0.0, "fewer rows than columns"
    if any(axis.unread for axis in torus):
        return 0.0, "the stride leaves pixels unread"
    low, reason = 0.0, "neither circular nor full padding, and more than 4096 columns"
    fewest = math.prod(axis.fewest for axis in torus)
    if fewest:
        if _cost(symbol, _sizes(torus)) <= _LARGEST_WORK:
            low, reason = grid_minimum(symbol, _sizes(torus))
            low = below(low * math.sqrt(fewest), 2)
        else:
            reason = "too many frequencies and channels"
    if convolution.columns <= (_SMALL if low else LARGEST_MATRIX):
        values = _bound_matrix(convolution, convolution, smallest=True)
        if values.smallest > low or not low:
            low, reason = values.smallest, values.reason
    return low, reason


def _bound_smallest_transposed(
    transposed: TransposedConvolution, scale: float
) -> tuple[float, str]:
    scaled = transposed.convolution.with_weight(transposed.convolution.weight / scale)
    if transposed.rows < transposed.columns:
        return 0.0, "fewer rows than columns"
    torus = [torus_axis(axis) for axis in scaled.axes]
    low, reason = 0.0, "the padding cuts pixels off, and more than 4096 columns"
    if all(axis.within for axis in torus):
        symbol = Symbol(phase_taps(scaled.weight, scaled.groups, torus), _offsets(torus))
        if _cost(symbol, _sizes(torus)) <= _LARGEST_WORK:
            low, reason = grid_minimum(symbol.transposed(), _sizes(torus))
    if transposed.columns <= (_SMALL if low else LARGEST_MATRIX):
        values = _bound_matrix(scaled, TransposedConvolution.of(scaled), smallest=True)
        if values.smallest > low or not low:
            low, reason = values.smallest, values.reason
    return below(low * scale), reason


def _bound_matrix(
    convolution: Convolution, A: LinearMap, *, smallest: bool = False
) -> SingularValues:
    """The matrix written out. Only padded copies make taps meet, whose sums are rounded."""
    taps = math.prod(convolution.weight.shape[2:])
    error = A.rows * A.columns * SMALLEST  # parts of the kernel lost by scaling
    if convolution.mode != "zeros":
        error = above(error + gamma(taps) * convolution.bound_absolute_norm(), 2)
    return bound_dense(_matrix(A), smallest=smallest, norm_error=error)


def _matrix(A: LinearMap) -> FloatArray:
    """The matrix, or that of the adjoint where its rows are fewer."""
    if A.columns <= LARGEST_MATRIX:
        return A.matrix()
    unit = np.eye(A.rows).reshape(A.rows, *A.output_shape)
    return A.adjoint(unit).reshape(A.rows, A.columns)


def _coarse_grid(symbol: Symbol) -> _Grid:
    """The finest affordable grid, and sup‖Ŝ‖ ≤ Π cos(πdᵢ/Mᵢ)⁻¹·(maximum on it), any frequency."""
    degrees = [int(offsets[-1] - offsets[0]) for offsets in symbol.offsets]
    for resolution in _RESOLUTIONS:
        sizes = tuple(max(1, resolution * degree) for degree in degrees)
        if _cost(symbol, sizes) <= _WORK:
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
        copies = 1 + max(0, -(-beyond // max(*pads, 1)))
        return torus_axis_at_any_size(positions, 1, copies)
    copies = largest_multiplicity_at_any_size(*pads, mode)
    return torus_axis_at_any_size(positions, stride, copies)


def _offsets(torus: Sequence[TorusAxis]) -> tuple[np.ndarray, ...]:
    return tuple(axis.offsets for axis in torus)


def _sizes(torus: Sequence[TorusAxis]) -> tuple[int, ...]:
    """Points of the torus; one where the symbol's norm does not depend on the frequency."""
    return tuple(axis.size if axis.reach else 1 for axis in torus)


def _cost(symbol: Symbol, sizes: Sequence[int]) -> float:
    """Operations of Gram matrices, factors and residuals on half the grid."""
    small, large = sorted(symbol.shape)
    each = 8.0 * small * small * (large + 1.4 * small) + 16.0 * small * large
    return math.prod(sizes) / 2.0 * symbol.groups * each


def _copied(upper: float, torus: Sequence[TorusAxis]) -> float:
    return above(upper * math.sqrt(math.prod(axis.most for axis in torus)), 3)


def _scaled(values: SingularValues, scale: float) -> SingularValues:
    return SingularValues(
        below(values.smallest * scale),
        below(values.largest_lower * scale),
        above(values.largest * scale),
        values.method,
        values.reason,
    )
