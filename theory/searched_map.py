"""A user's callable on arrays as a map on flat batches, with named errors for what is no map."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..errors import DomainError, ShapeError, StructureError
from ..numerics.validation import FloatArray
from .search_domain import Shape

# From flat inputs (n, d) to flat outputs (n, e).
FlatMap = Callable[[FloatArray], FloatArray]


class SearchedMap:
    """f on arrays of ``shape``, called one by one, or (n, *shape) at once if it is ``batched``.

    Its argument is a copy, so that an f that writes into it does no harm. Raises StructureError for
    what cannot be called, ShapeError for outputs that are no arrays of one shape, DomainError for
    NaN or infinite outputs, each with the input that gave them.

    >>> SearchedMap(lambda x: 2 * x, (3,))(np.ones((2, 3))).shape
    (2, 3)
    """

    def __init__(
        self,
        f: Callable[[FloatArray], ArrayLike],
        shape: Shape,
        *,
        batched: bool = False,
        name: str = "f",
    ) -> None:
        function: object = f
        if not callable(function):
            raise StructureError(
                came=f"{name} = {f!r}",
                expected=f"a callable on arrays of shape {shape}",
                remedy="Pass the function itself, not its value.",
            )
        self.f, self.shape, self.batched, self.name = f, shape, batched, name
        self.output_shape: Shape | None = None

    def __call__(self, x: FloatArray) -> FloatArray:
        inputs = x.reshape(len(x), *self.shape)
        with np.errstate(all="ignore"):  # what overflows is told below, with the input
            if self.batched:
                outputs = self._numbers(self.f(inputs.copy()), inputs)
                if outputs.ndim == 0 or len(outputs) != len(x):
                    raise self._wrong_shape(f"{outputs.shape} for a batch of {len(x)}")
                self._same_shape(outputs.shape[1:])
            else:
                rows = [self._numbers(self.f(row.copy()), row) for row in inputs]
                for output in rows:
                    self._same_shape(output.shape)
                outputs = np.array(rows)
        flat = outputs.reshape(len(x), -1)
        finite = np.isfinite(flat).all(axis=1)
        if not finite.all():
            worst = int(np.argmin(finite))
            raise DomainError(
                came=f"{self.name}(x) with NaN or infinite entries at x = {shown(inputs[worst])}",
                expected="finite outputs on the whole domain",
                remedy="Restrict the search with domain=(low, high), or mend the function there.",
            )
        return flat

    def output(self, flat: FloatArray) -> FloatArray:
        """One output in its own shape."""
        return flat if self.output_shape is None else flat.reshape(self.output_shape)

    def _numbers(self, value: Any, given: FloatArray) -> FloatArray:
        try:
            array = np.asarray(value)
            if array.dtype.kind not in "biuf":
                raise TypeError(f"an output of type {type(value).__name__}")
            return array.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise self._wrong_shape(f"{value!r:.80} for an input of shape {given.shape}") from error

    def _same_shape(self, shape: Shape) -> None:
        if self.output_shape is None:
            self.output_shape = shape
        if shape != self.output_shape:
            raise self._wrong_shape(f"{shape} here and {self.output_shape} before")

    def _wrong_shape(self, came: str) -> ShapeError:
        return ShapeError(
            came=f"outputs of {self.name}: {came}",
            expected="arrays of real numbers of one and the same shape",
            remedy="With batched=True the first axis of input and output is the batch.",
        )


def row_norms(x: FloatArray) -> FloatArray:
    """Return the Euclidean norm of each row; tiny and huge entries do not under- or overflow.

    >>> row_norms(np.array([[3e-200, 4e-200]]))
    array([5.e-200])
    """
    scale = np.max(np.abs(x), axis=1, initial=0.0)
    safe = np.where(scale > 0.0, scale, 1.0)
    return np.asarray(np.sqrt(np.sum((x / safe[:, None]) ** 2, axis=1)) * safe)


def shown(x: FloatArray) -> str:
    """Return an array as a reader wants it: short ones whole, long ones by their nonzero entries.

    >>> shown(np.array([0.0, 0.5])), shown(np.zeros((3, 32, 32)))
    ('[0.0, 0.5]', 'zeros of shape (3, 32, 32)')
    """
    if x.size <= 24:
        return str(x.tolist())
    places = np.argwhere(x != 0.0)
    if len(places) == 0:
        return f"zeros of shape {x.shape}"
    if len(places) > 12:
        first = ", ".join(f"{value!r}" for value in x.ravel()[:4].tolist())
        return f"array of shape {x.shape}, {len(places)} entries nonzero: [{first}, …]"
    entries = ", ".join(f"{_index(p.tolist())}: {float(x[tuple(p)])!r}" for p in places)
    return f"zeros of shape {x.shape} but for {{{entries}}}"


def _index(place: Sequence[int]) -> str:
    return str(tuple(place)) if len(place) > 1 else str(place[0])
