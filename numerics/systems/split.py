"""Systems that are sums of pieces, each with a flow of its own: ẏ = f₁(t, y) + … + f_m(t, y)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...errors import ShapeError
from ..elementary import is_exact_kind
from ..validation import matrix
from .system import Rate, State, System, Time

Flow = Callable[[Time, State, Time], State]


@dataclass(frozen=True)
class Piece:
    """One field fᵢ and its flow, with time standing still in the field.

    ``rate(t, y)`` is fᵢ(t, y); ``flow(t, y, h)`` solves ẏ = fᵢ(t, y) for the time h with the first
    argument of fᵢ frozen at t. Source: flowcert [D].

    >>> import numpy as np
    >>> decay = Piece(lambda t, y: -y, lambda t, y, h: np.exp(-h) * y)
    >>> float(decay.flow(0.0, np.ones(1), 0.0)[0])
    1.0
    """

    rate: Rate
    flow: Flow


class SplitSystem(System):
    """The sum of pieces whose flows are known: what splitting methods integrate.

    ``jacobian`` is that of the sum (forward differences without one). Raises ShapeError without
    pieces. Source: flowcert [D].

    >>> import numpy as np
    >>> growth = Piece(lambda t, y: y, lambda t, y, h: np.exp(h) * y)
    >>> decay = Piece(lambda t, y: -y, lambda t, y, h: np.exp(-h) * y)
    >>> SplitSystem([growth, decay], dimension=1)(0.0, np.ones(1)).tolist()
    [0.0]
    """

    def __init__(
        self,
        pieces: Sequence[Piece],
        dimension: int,
        jacobian: Rate | None = None,
        *,
        autonomous: bool = False,
    ) -> None:
        if not pieces:
            raise ShapeError(
                came="a split system of no pieces",
                expected="at least one piece",
                remedy="Pass Piece(rate, flow) for each part of the field.",
            )
        self.pieces = tuple(pieces)
        self.dimension = dimension
        self.autonomous = autonomous
        self._jacobian = jacobian

    def rate(self, t: Time, y: State) -> State:
        total = self.pieces[0].rate(t, y)
        for piece in self.pieces[1:]:
            total = total + piece.rate(t, y)
        return total

    def jacobian(self, t: Time, y: State) -> State:
        """Return ∂f/∂y at (t, y), shape (..., n, n)."""
        return super().jacobian(t, y) if self._jacobian is None else self._jacobian(t, y)


def linear_piece(B: ArrayLike) -> Piece:
    """Return the piece ẏ = By with its flow e^{hB}y.

    ``B`` is a finite matrix of shape (n, n), taken exactly. The exponential is SciPy's for float64
    states, mpmath's for object arrays, and is remembered for the last few steps h. Raises
    DomainError, ShapeError. Source: flowcert [D].

    >>> linear_piece([[0, 1], [0, 0]]).flow(0.0, np.array([1.0, 2.0]), 0.5).tolist()
    [2.0, 2.0]
    """
    rows = matrix("B", B)
    if rows.shape[0] != rows.shape[1]:
        raise ShapeError(
            came=f"B of shape {rows.shape}",
            expected="a square matrix",
            remedy="It maps states to rates: one row and one column for each coordinate.",
        )

    @lru_cache(maxsize=64)
    def exponential(h: Any, digits: int) -> State:
        if digits == 0:
            from scipy.linalg import expm

            return np.asarray(expm(h * rows))
        import mpmath

        with mpmath.workdps(digits + 10):
            values = mpmath.expm(mpmath.matrix(rows.tolist()) * h)
            return np.array(values.tolist(), dtype=object)

    def flow(t: Time, y: State, h: Time) -> State:
        digits = 0
        if is_exact_kind(y):
            import mpmath

            digits = mpmath.mp.dps
        return np.asarray((exponential(h, digits) @ y[..., None])[..., 0])

    return Piece(lambda t, y: np.asarray((rows @ y[..., None])[..., 0]), flow)
