"""σ_min of convolutions from below, and the matrix itself where it is small.

The symbol's minimum bounds σ_min only where the border cuts nothing off: circular or full padding.
With the same padding on both sides of a shift kernel it is 1, and σ_min is 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ...numerics.validation import FloatArray
from .convolution import Convolution
from .dense import bound_dense
from .linear_map import LARGEST_MATRIX, LinearMap
from .rounding import SMALLEST, above, below, gamma, power_of_two
from .singular_values import SingularValues
from .symbol import Symbol
from .symbol_bounds import grid_minimum, grid_work
from .torus import TorusAxis, torus_axis, torus_sizes
from .transposed_convolution import TransposedConvolution

_LARGEST_WORK = 1e12  # operations on the grid
_SMALL = 400  # columns of a matrix that is written out although the grid has given a bound


def bound_smallest(
    convolution: Convolution, torus: Sequence[TorusAxis], symbol: Symbol
) -> tuple[float, str]:
    """Bound σ_min of a convolution from below, and say why if it is 0.

    ``convolution`` must be scaled to entries of the order of 1.
    """
    if convolution.rows < convolution.columns:
        return 0.0, "fewer rows than columns"
    if any(axis.unread for axis in torus):
        return 0.0, "the stride leaves pixels unread"
    low, reason = 0.0, "neither circular nor full padding, and more than 4096 columns"
    fewest = math.prod(axis.fewest for axis in torus)
    if fewest:
        if _work(symbol, torus) <= _LARGEST_WORK:
            low, reason = grid_minimum(symbol, torus_sizes(torus))
            low = below(low * math.sqrt(fewest), 2)
        else:
            reason = "too many frequencies and channels"
    if convolution.columns <= (_SMALL if low else LARGEST_MATRIX):
        values = bound_matrix(convolution, convolution, smallest=True)
        if values.smallest > low or not low:
            low, reason = values.smallest, values.reason
    return low, reason


def bound_smallest_transposed(transposed: TransposedConvolution) -> tuple[float, str]:
    """Bound σ_min of a transposed convolution from below, and say why if it is 0.

    Where no row of the convolution reads beyond the image, nothing of its adjoint is cut off.
    """
    if transposed.rows < transposed.columns:
        return 0.0, "fewer rows than columns"
    whole = transposed.convolution
    scale = power_of_two(whole.weight)
    scaled = whole.with_weight(whole.weight / scale)
    torus = [torus_axis(axis) for axis in scaled.axes]
    low, reason = 0.0, "the padding cuts pixels off, and more than 4096 columns"
    if all(axis.within for axis in torus):
        symbol = Symbol.of(scaled, torus)
        if _work(symbol, torus) <= _LARGEST_WORK:
            low, reason = grid_minimum(symbol.transposed(), torus_sizes(torus))
    if transposed.columns <= (_SMALL if low else LARGEST_MATRIX):
        values = bound_matrix(scaled, TransposedConvolution.of(scaled), smallest=True)
        if values.smallest > low or not low:
            low, reason = values.smallest, values.reason
    return below(low * scale), reason


def _work(symbol: Symbol, torus: Sequence[TorusAxis]) -> float:
    return grid_work(*symbol.shape, symbol.groups, torus_sizes(torus))


def bound_matrix(
    convolution: Convolution, A: LinearMap, *, smallest: bool = False
) -> SingularValues:
    """Bound the singular values of the matrix written out.

    Only copied pixels make taps of the ``convolution`` meet, whose sums are rounded.
    """
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
