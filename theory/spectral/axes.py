"""Small integer matrices along axes: pooling by averages, means, padding, slices, upsampling."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
import scipy.sparse
import scipy.sparse.linalg

from ...errors import DomainError, ShapeError
from ...numerics.validation import FloatArray
from ..interval import Interval
from .dense import bound_dense
from .linear_map import LARGEST_MATRIX, LinearMap, Shape
from .rounding import UNIT_ROUNDOFF, above, below
from .singular_values import SingularValues

_LARGEST_INTEGER = 2**53  # beyond, float64 does not hold every integer
Row = dict[int, Fraction]  # the entries of a row of the matrix that are not 0, by column


@dataclass(frozen=True)
class AxisRow:
    """One entry of the result along an axis: Σⱼ ``weights[j]``·x[``indices[j]``] / ``divisor``."""

    indices: tuple[int, ...]
    weights: tuple[int, ...]
    divisor: int = 1


@dataclass(frozen=True)
class AxisMap:
    """The matrix with these rows, applied along ``axis``."""

    axis: int
    rows: tuple[AxisRow, ...]


class Axes(LinearMap):
    """Axis maps applied one after the other: a Kronecker product of small rational matrices.

    Its singular values are the products of those of its factors; maps along the same axis are
    multiplied exactly first. Averages over disjoint windows, slices and copies have exact norms.
    Raises ShapeError for an axis or index that is not there, DomainError beyond integers of 2⁵³.

    >>> halves = AxisMap(0, (AxisRow((0, 1), (1, 1), 2), AxisRow((2, 3), (1, 1), 2)))
    >>> Axes([halves], (4,)).singular_values().largest ** 2
    0.5000000000000001
    """

    def __init__(self, maps: Sequence[AxisMap], input_shape: Shape) -> None:
        self.maps, self.input_shape = tuple(maps), tuple(input_shape)
        shape = list(self.input_shape)
        rows: dict[int, list[Row]] = {}
        for entry in self.maps:
            new = _rows(entry, shape)
            rows[entry.axis] = _product(new, rows[entry.axis]) if entry.axis in rows else new
            shape[entry.axis] = len(new)
        self.output_shape = tuple(shape)
        self.factors = {
            axis: AxisMatrix(rows[axis], self.input_shape[axis]) for axis in sorted(rows)
        }
        # The products of an entry, and the roundings of every factor's entries.
        longest = (max(len(row.indices) for row in entry.rows) for entry in self.maps)
        self.terms = math.prod(max(1, n) for n in longest) + 2 * len(self.maps)
        self.norm_error = _joint_error(list(self.factors.values()))

    def apply(self, x: FloatArray) -> FloatArray:
        for axis, factor in self.factors.items():
            x = _along(factor.matrix, x, axis - len(self.input_shape))
        return x

    def adjoint(self, y: FloatArray) -> FloatArray:
        for axis, factor in self.factors.items():
            y = _along(factor.matrix.T, y, axis - len(self.input_shape))
        return y

    def absolute(self) -> Axes:
        maps = [_absolute(axis, factor.rows) for axis, factor in self.factors.items()]
        return Axes(maps, self.input_shape)

    @property
    def selects(self) -> bool:
        """Whether every entry of the result is an entry of the value, or 0: nothing is rounded.

        (1 − t)·x + t·x is not: an entry that comes twice is added up in the matrix alone.
        """
        rows = (row for entry in self.maps for row in entry.rows)
        return all(not row.indices or row.weights == (row.divisor,) for row in rows)

    @property
    def averages(self) -> bool:
        """Whether only entries with equal weights, but for their sign, are added up.

        Or copies of one entry, with positive weights: nothing cancels then in Σ|aᵢⱼ||xⱼ|.
        """
        rows = (row for entry in self.maps for row in entry.rows)
        return len(self.maps) == len(self.factors) and all(_averages(row) for row in rows)

    def singular_values(self, *, smallest: bool = False) -> SingularValues:
        values = [f.singular_values(smallest=smallest) for f in self.factors.values()]
        low = lower = upper = Interval.of(1.0)
        for value in values:
            low = low * value.smallest
            lower, upper = lower * value.largest_lower, upper * value.largest
        reasons = [value.reason for value in values if value.smallest == 0.0]
        return SingularValues(
            max(float(low.lower), 0.0),
            max(float(lower.lower), 0.0),
            float(upper.upper),
            " × ".join(dict.fromkeys(v.method for v in values)) or "identity",
            reasons[0] if reasons else "",
        )


class AxisMatrix:
    """One rational matrix, given by the entries of its ``rows`` that are not 0."""

    def __init__(self, rows: list[Row], columns: int) -> None:
        self.rows, self.columns = rows, columns
        row_index = [i for i, row in enumerate(rows) for _ in row]
        column_index = [j for row in rows for j in row]
        entries = [float(value) for row in rows for value in row.values()]  # rounded to nearest
        self.matrix = scipy.sparse.csr_array(
            (entries, (row_index, column_index)), shape=(len(rows), columns)
        )
        exact = all(
            Fraction(entry) == value
            for entry, value in zip(entries, (v for row in rows for v in row.values()), strict=True)
        )
        # |â − a| ≤ u|â|, and ‖·‖ ≤ Frobenius norm.
        frobenius = float(np.sqrt(np.sum(np.square(entries))))
        self.norm_error = 0.0 if exact else above(UNIT_ROUNDOFF * frobenius, len(entries) + 4)

    @cached_property
    def _columns(self) -> list[Row]:
        found: list[Row] = [{} for _ in range(self.columns)]
        for i, row in enumerate(self.rows):
            for j, value in row.items():
                found[j][i] = value
        return found

    def singular_values(self, *, smallest: bool = False) -> SingularValues:
        """Exact if rows or columns are orthogonal, by Gram matrix and Cholesky otherwise."""
        for vectors, others in ((self.rows, self._columns), (self._columns, self.rows)):
            if _orthogonal(vectors, others):
                return _of_orthogonal(vectors, self.columns)
        if max(self.matrix.shape) <= LARGEST_MATRIX:
            return bound_dense(self.matrix.toarray(), smallest=smallest, norm_error=self.norm_error)
        by_rows = max(sum(abs(v) for v in row.values()) for row in self.rows)
        by_columns = max(sum(abs(v) for v in column.values()) for column in self._columns)
        lengths = [_square(row) for row in self.rows] + [_square(c) for c in self._columns]
        return SingularValues(
            0.0,
            float(Interval.of(max(lengths)).square_root().lower),
            float(Interval.of(by_rows * by_columns).square_root().upper),
            "√(‖·‖₁‖·‖_∞)",
            f"more than {LARGEST_MATRIX} rows or columns along an axis",
        )


def _of_orthogonal(vectors: list[Row], columns: int) -> SingularValues:
    """Rows (or columns) that are orthogonal: the singular values are their lengths, and zeros."""
    squares = sorted((_square(vector) for vector in vectors), reverse=True)
    # At most ``columns`` of the rows are not 0; with fewer rows than columns one value is 0.
    least = squares[columns - 1] if len(squares) >= columns else Fraction(0)
    largest = Interval.of(squares[0]).square_root()
    return SingularValues(
        float(Interval.of(least).square_root().lower),
        float(largest.lower),
        float(largest.upper),
        "orthogonal rows or columns",
        "" if least else "columns that are dependent",
    )


def _orthogonal(vectors: list[Row], others: list[Row]) -> bool:
    """Whether the vectors are pairwise orthogonal, exactly: disjoint ones in linear time."""
    if all(len(other) <= 1 for other in others):
        return True
    if sum(len(other) ** 2 for other in others) > 10**6:
        return False  # not worth the exact products
    products: dict[tuple[int, int], Fraction] = {}
    for other in others:
        entries = list(other.items())
        for position, (i, a) in enumerate(entries):
            for j, b in entries[:position]:
                products[i, j] = products.get((i, j), Fraction(0)) + a * b
    return not any(products.values())


def _averages(row: AxisRow) -> bool:
    """A sum of different entries, then a division; or the sum of copies of one entry."""
    if len(set(row.indices)) == 1:
        return len(row.indices) == 1 or min(row.weights) > 0
    different = len(set(row.indices)) == len(row.indices)
    return different and len({abs(weight) for weight in row.weights}) <= 1


def _square(vector: Row) -> Fraction:
    return sum((value * value for value in vector.values()), Fraction(0))


def _absolute(axis: int, rows: list[Row]) -> AxisMap:
    """The map with the entries' absolute values, over the common divisor of each row."""
    found: list[AxisRow] = []
    for row in rows:
        divisor = math.lcm(*(value.denominator for value in row.values()))
        weights = tuple(int(abs(value) * divisor) for value in row.values())
        found.append(AxisRow(tuple(row), weights, divisor))
    return AxisMap(axis, tuple(found))


def _rows(entry: AxisMap, shape: Sequence[int]) -> list[Row]:
    """Read an axis map as rows of a matrix; an index that comes twice adds up."""
    if not 0 <= entry.axis < len(shape) or not entry.rows:
        raise ShapeError(
            came=f"a map of {len(entry.rows)} rows along axis {entry.axis} of {tuple(shape)}",
            expected="one of its axes, and at least one row",
            remedy="Count the axes without the batch axis.",
        )
    return [_row(row, shape[entry.axis]) for row in entry.rows]


def _row(row: AxisRow, columns: int) -> Row:
    if len(row.indices) != len(row.weights) or not all(0 <= j < columns for j in row.indices):
        raise ShapeError(
            came=f"the indices {row.indices} with {len(row.weights)} weights",
            expected=f"as many of each, indices in 0, …, {columns - 1}",
            remedy="Leave an entry that is 0 out.",
        )
    if not 0 < row.divisor <= _LARGEST_INTEGER or any(
        abs(weight) > _LARGEST_INTEGER for weight in row.weights
    ):
        raise DomainError(
            came=f"the weights {row.weights} over {row.divisor}",
            expected="integers up to 2⁵³, with a positive divisor",
            remedy="Write the map as a dense one.",
        )
    found: Row = {}
    for index, weight in zip(row.indices, row.weights, strict=True):
        found[index] = found.get(index, Fraction(0)) + Fraction(weight, row.divisor)
    return {index: value for index, value in found.items() if value}


def _product(outer: list[Row], inner: list[Row]) -> list[Row]:
    """The exact matrix product of two maps along the same axis."""
    result: list[Row] = []
    for row in outer:
        found: Row = {}
        for k, a in row.items():
            for j, b in inner[k].items():
                found[j] = found.get(j, Fraction(0)) + a * b
        result.append({j: value for j, value in found.items() if value})
    return result


def _along(matrix: scipy.sparse.csr_array, x: FloatArray, axis: int) -> FloatArray:
    moved = np.moveaxis(x, axis, -1)
    flat = matrix @ moved.reshape(-1, moved.shape[-1]).T
    result = np.asarray(flat).T.reshape(*moved.shape[:-1], matrix.shape[0])
    return np.moveaxis(result, -1, axis)


def _joint_error(factors: list[AxisMatrix]) -> float:
    """‖⊗Âᵢ − ⊗Aᵢ‖ ≤ Π(nᵢ + eᵢ) − Πnᵢ ≤ Π(nᵢ + eᵢ)·Σeᵢ/nᵢ, nᵢ ≥ ‖Aᵢ‖, eᵢ = ‖Âᵢ − Aᵢ‖."""
    if all(factor.norm_error == 0.0 for factor in factors):
        return 0.0
    total, relative = 1.0, 0.0
    for factor in factors:
        size = float(scipy.sparse.linalg.norm(factor.matrix))
        total *= above(size, 2 * factor.matrix.nnz) + factor.norm_error
        relative += factor.norm_error / below(size, 2 * factor.matrix.nnz) if size else 0.0
    return above(total * relative, 8 * len(factors))
