"""Two linear maps made one, where that is possible: its norm is at most the product, often less."""

from __future__ import annotations

import math

import numpy as np

from ...numerics.validation import FloatArray
from ..interval import Interval
from .convolution import Convolution
from .dense import Dense
from .diagonal import Diagonal
from .linear_map import LinearMap
from .perturbed import Perturbed
from .rearrangement import Permute, Rearrangement, Reshape
from .rounding import SMALLEST, above, gamma, norm_above
from .transposed_convolution import TransposedConvolution


def compose(outer: LinearMap, inner: LinearMap) -> LinearMap | None:
    """Return ``outer``∘``inner`` as one map of a known kind, or None where there is none.

    Entries that were rounded on the way are accounted for in ``norm_error``. Known: dense after
    dense, scaled rows or columns of dense maps and (by channel) convolutions, scalings,
    and rearrangements after each other.

    >>> double = Diagonal(np.array([2.0, 1.0]), (2,))
    >>> halve = Dense(np.array([[0.5, 0.0], [0.0, 1.0]]), (2,))
    >>> round(compose(double, halve).singular_values().largest, 6)
    1.0
    """
    if outer.input_shape != inner.output_shape:
        return None
    # What overflows is found below, and not fused.
    with np.errstate(over="ignore", invalid="ignore"):
        return _compose(outer, inner)


def _compose(outer: LinearMap, inner: LinearMap) -> LinearMap | None:
    if isinstance(outer, Perturbed) or isinstance(inner, Perturbed):
        return _compose_perturbed(outer, inner)
    if isinstance(outer, Convolution) and isinstance(inner, Diagonal):
        return _scaled_convolution(outer, inputs=scale_along(inner, 0))
    if isinstance(outer, Diagonal) and isinstance(inner, Convolution):
        return _scaled_convolution(inner, outputs=scale_along(outer, 0))
    # The adjoint of D∘Cᵀ is C∘D.
    if isinstance(outer, Diagonal) and isinstance(inner, TransposedConvolution):
        return _adjoint(_scaled_convolution(inner.convolution, inputs=scale_along(outer, 0)))
    if isinstance(outer, TransposedConvolution) and isinstance(inner, Diagonal):
        return _adjoint(_scaled_convolution(outer.convolution, outputs=scale_along(inner, 0)))
    if isinstance(outer, Diagonal) and isinstance(inner, Diagonal):
        return Diagonal(outer.enclosure * inner.enclosure, inner.input_shape)
    if isinstance(outer, Dense) and isinstance(inner, Dense):
        return _dense_after_dense(outer, inner)
    if isinstance(outer, Diagonal) and isinstance(inner, Dense):
        rows = scale_along(outer, len(outer.input_shape) - 1)
        return None if rows is None else _scaled_dense(inner, _each(rows, (-1, 1)))
    if isinstance(outer, Dense) and isinstance(inner, Diagonal):
        columns = scale_along(inner, len(inner.input_shape) - 1)
        return None if columns is None else _scaled_dense(outer, columns)
    if isinstance(outer, Permute) and isinstance(inner, Permute):
        return Permute(inner.input_shape, [inner.order[axis] for axis in outer.order])
    if isinstance(outer, Reshape) and isinstance(inner, Reshape):
        return Reshape(inner.input_shape, outer.output_shape)
    return None


def rearranged(outer: Rearrangement, inner: Diagonal) -> Diagonal:
    """Return D with ``outer``∘``inner`` = D∘``outer``: the same scaling, of the moved entries.

    >>> scaling = Diagonal(np.array([[2.0], [3.0]]), (2, 2))
    >>> rearranged(Reshape((2, 2), (4,)), scaling).scale.tolist()
    [2.0, 2.0, 3.0, 3.0]
    """
    shape = inner.input_shape
    ends = inner.enclosure
    low, high = (outer.apply(np.broadcast_to(end, shape)) for end in (ends.lower, ends.upper))
    return Diagonal(Interval(low, high), outer.output_shape)


def _dense_after_dense(outer: Dense, inner: Dense) -> Dense | None:
    product = outer.weight @ inner.weight
    if not np.all(np.isfinite(product)):
        return None
    left, right = norm_above(outer.weight), norm_above(inner.weight)
    # γ_k|W₂||W₁| entrywise and k underflows, then the errors of the two factors themselves.
    rounding = gamma(inner.weight.shape[0]) * left * right
    underflow = product.size * inner.weight.shape[0] * SMALLEST
    inherited = outer.norm_error * (right + inner.norm_error) + left * inner.norm_error
    return _if_finite(product, inner, above(rounding + underflow + inherited, 8))


def _scaled_dense(dense: Dense, scale: Interval) -> Dense | None:
    """The middles of the products of W and an enclosed scale, and how far off they may be."""
    middle, radius = middle_and_radius(Interval.of(dense.weight) * scale)
    largest = float(np.max(scale.absolute().upper))
    return _if_finite(middle, dense, above(norm_above(radius) + dense.norm_error * largest, 3))


def _scaled_convolution(
    convolution: Convolution, *, inputs: Interval | None = None, outputs: Interval | None = None
) -> LinearMap | None:
    """Channels scaled that come in or go out: padding copies pixels of a channel, or zeros."""
    K = convolution.weight
    taps = (1,) * (K.ndim - 2)
    if outputs is not None:
        scale = _each(outputs, (-1, 1, *taps))
    elif inputs is not None:
        # The outputs of a group see the channels of that group.
        size = len(K) // convolution.groups
        ends = (end.reshape(convolution.groups, -1) for end in (inputs.lower, inputs.upper))
        low, high = (np.repeat(end, size, axis=0).reshape(*K.shape[:2], *taps) for end in ends)
        scale = Interval(low, high)
    else:
        return None
    middle, radius = middle_and_radius(Interval.of(K) * scale)
    if not (np.all(np.isfinite(middle)) and np.all(np.isfinite(radius))):
        return None
    scaled = convolution.with_weight(middle)
    if not np.any(radius):
        return scaled
    return Perturbed(scaled, convolution.with_weight(radius).bound_absolute_norm())


def _adjoint(scaled: LinearMap | None) -> LinearMap | None:
    """The adjoint of a convolution, with the same error."""
    if isinstance(scaled, Perturbed):
        stored = _adjoint(scaled.stored)
        return None if stored is None else Perturbed(stored, scaled.norm_error)
    return TransposedConvolution.of(scaled) if isinstance(scaled, Convolution) else None


def _compose_perturbed(outer: LinearMap, inner: LinearMap) -> LinearMap | None:
    """(B + F)(A + E) = BA + BE + F(A + E)."""
    left = outer.stored if isinstance(outer, Perturbed) else outer
    right = inner.stored if isinstance(inner, Perturbed) else inner
    stored = _compose(left, right)
    if stored is None:
        return None
    error = 0.0
    if isinstance(inner, Perturbed):
        error += left.singular_values().largest * inner.norm_error
    if isinstance(outer, Perturbed):
        error += outer.norm_error * inner.singular_values().largest
    return Perturbed(stored, above(error, 6))


def _if_finite(weight: FloatArray, inner: Dense, error: float) -> Dense | None:
    known = np.all(np.isfinite(weight)) and math.isfinite(error)
    return Dense(weight, inner.input_shape, error) if known else None


def middle_and_radius(entries: Interval) -> tuple[FloatArray, FloatArray]:
    """Return float64 numbers and, rounded up, how far the enclosed ones may be from them.

    >>> middle_and_radius(Interval.of(np.array([0.5])))[1].tolist()
    [0.0]
    """
    middle = entries.lower + 0.5 * (entries.upper - entries.lower)
    return middle, (entries - middle).absolute().upper


def scale_along(scaling: Diagonal, axis: int) -> Interval | None:
    """Return the entries of a scaling that depends on the index along ``axis`` alone, else None.

    >>> scale_along(Diagonal(np.array([[2.0], [3.0]]), (2, 5)), 0).lower.tolist()
    [2.0, 3.0]
    """
    ends = scaling.enclosure
    shape = (1,) * (len(scaling.input_shape) - ends.lower.ndim) + ends.lower.shape
    if any(length > 1 for position, length in enumerate(shape) if position != axis):
        return None
    full = (scaling.input_shape[axis],)
    low, high = (np.broadcast_to(end.reshape(-1), full) for end in (ends.lower, ends.upper))
    return Interval(low, high)


def _each(scale: Interval, shape: tuple[int, ...]) -> Interval:
    return Interval(scale.lower.reshape(shape), scale.upper.reshape(shape))
