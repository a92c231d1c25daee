"""U as a difference of convex functions on a ball, by a quadratic shift that is proved enough."""

from __future__ import annotations

from typing import Any

import sympy

from ...numerics.validation import FloatArray
from ..cells import Cells, largest_eigenvalue_over


def curvature_over(potential: Any, symbols: tuple[Any, ...], cells: Cells) -> FloatArray:
    """Bound −λ_min(∇²U), at least 0, over each cell.

    >>> from flowcert.theory.cells import cover
    >>> x, y = sympy.symbols("x y", real=True)
    >>> bool(curvature_over(x * x + y * y, (x, y), cover(1.0, 2, 8)).max() == 0)
    True
    """
    highest = largest_eigenvalue_over(cells, -sympy.hessian(potential, symbols), symbols)
    return highest.clip(min=0.0)


def bound_curvature(potential: Any, symbols: tuple[Any, ...], cells: Cells) -> float:
    """Bound −λ_min(∇²U) over the ball, at least 0: with this μ or more, U + μ|x|²/2 is convex.

    Then U = (U + μ|x|²/2) − μ|x|²/2 is a difference of convex functions there. Guaranteed: an
    upper bound, proved cell by cell in ball arithmetic. Source: flowcert [D], claim
    B6.convex_difference.

    >>> from flowcert.theory.cells import cover
    >>> x, y = sympy.symbols("x y", real=True)
    >>> bool(2 <= bound_curvature(x * x - y * y, (x, y), cover(1.0, 2, 8)) < 2.0001)
    True
    """
    return float(curvature_over(potential, symbols, cells).max())
