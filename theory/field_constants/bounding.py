"""Rigorous Lipschitz and one-sided Lipschitz constants of fields on a ball around 0."""

from __future__ import annotations

import math

from ...errors import DomainError
from ...numerics import VectorField
from ...numerics.validation import finite_array, positive_integer
from .cells import bound_over_cells
from .families import find_rule


def bound_lipschitz(field: VectorField, radius: float, *, cells: int = 1) -> float:
    """Bound the least L with |f(x) − f(y)| ≤ L|x − y| for |x|, |y| ≤ ``radius``.

    ``field`` is one of the families of ``numerics.fields``; ``radius`` > 0 is finite; the ball is
    bounded whole or, better and slower, in up to ``cells`` pieces. Guaranteed:
    an upper bound, rounded outward; kinks count through their slope intervals; ∞ where it
    overflows. Exact up to rounding for linear fields, and for gradients whose slopes reach the ends
    of their ranges at one point. Assumes that an activation of kind "other" keeps its declared
    slopes. Raises StructureError for other types, DomainError for a bad radius. Source: flowcert
    [D].

    >>> from flowcert.numerics import LinearField
    >>> 3.0 <= bound_lipschitz(LinearField([[0.0, -3.0], [3.0, 0.0]]), 1.0) < 3.0001
    True
    """
    rule, size, count = find_rule(field), read_radius(radius), positive_integer("cells", cells)
    return bound_over_cells(lambda ball: rule(field, ball).norm, field.dimension, size, count)


def bound_one_sided_lipschitz(field: VectorField, radius: float, *, cells: int = 1) -> float:
    """Bound the least ν with ⟨f(x) − f(y), x − y⟩ ≤ ν|x − y|² for |x|, |y| ≤ ``radius``.

    ν = sup λ_max(sym Df), of either sign; with one cell never above ``bound_lipschitz``.
    Arguments, guarantee, assumption and errors are those of ``bound_lipschitz``. Source: paper,
    one-sided Lipschitz condition [P]; the bounds by structure: flowcert [D].

    >>> from flowcert.numerics import LinearField
    >>> bound_one_sided_lipschitz(LinearField([[-1.0, -3.0], [3.0, -1.0]]), 1.0) < -0.9999
    True
    """
    rule, size, count = find_rule(field), read_radius(radius), positive_integer("cells", cells)
    return bound_over_cells(
        lambda ball: rule(field, ball).logarithmic_norm, field.dimension, size, count
    )


def read_radius(radius: float) -> float:
    """Return a radius, finite and positive, or raise DomainError.

    >>> read_radius(2)
    2.0
    """
    value = finite_array("radius", radius)
    if value.ndim != 0 or not 0.0 < float(value) < math.inf:
        raise DomainError(
            came=f"radius = {radius!r}",
            expected="one finite number > 0",
            remedy="A constant on a ball needs a ball with points in it.",
        )
    return float(value)
