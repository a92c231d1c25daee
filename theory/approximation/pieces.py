"""The pieces of the two constructions: what a field is split into."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import sympy

from ...errors import StructureError
from ..decomposition import SymbolicDecomposition
from ..symbolic import SymbolicField

Kind = Literal["gradient", "expansive", "contractive", "sphere"]
Result = Literal["first", "second"]
RESULTS = ("first", "second")


@dataclass(frozen=True, eq=False)
class FieldPiece:
    """One piece: its ``kind``, its field, its potential (None for a sphere piece) and its shift.

    The radius grows at most like that of f plus ``shift``·|x| for gradient and expansive pieces, is
    kept by sphere pieces, and shrinks for the contractive piece −μx, whose flow is e^{−μt}x.

    >>> FieldPiece("sphere", None, None, 0.0).keeps_radius
    True
    """

    kind: Kind
    field: Any
    potential: Any
    shift: float

    @property
    def keeps_radius(self) -> bool:
        return self.kind in ("sphere", "contractive")


def split(
    parts: SymbolicDecomposition, result: Result, curvature: float = 0.0
) -> tuple[FieldPiece, ...]:
    """Return the pieces of the first or the second result, in the order in which they act.

    First: ∇U and S(x)x. Second, with μ = ``curvature``: −μx (contractive), ∇U + μx (expansive
    where U + μ|x|²/2 is convex) and S(x)x. Raises StructureError for another result.

    >>> from flowcert.theory.decomposition import presnov
    >>> from flowcert.theory.symbolic import symbolic_field
    >>> x, y = sympy.symbols("x y", real=True)
    >>> turn = presnov(symbolic_field([-y, x], [x, y]))
    >>> [piece.kind for piece in split(turn, "second", 1.0)]
    ['contractive', 'expansive', 'sphere']
    """
    sphere = FieldPiece("sphere", parts.sphere, None, 0.0)
    if result == "first":
        return (FieldPiece("gradient", parts.gradient, parts.potential, 0.0), sphere)
    if result != "second":
        raise StructureError(
            came=f"the result {result!r}",
            expected='"first" (gradient and sphere pieces) or "second" (expansive, contractive, …)',
            remedy="See B5 and B6 of the claims.",
        )
    symbols = parts.field.symbols
    mu = sympy.Rational(float(curvature))
    x = sympy.Matrix(symbols)
    square = mu * sum(entry**2 for entry in symbols) / 2
    return (
        FieldPiece("contractive", SymbolicField(symbols, -mu * x), -square, -float(curvature)),
        FieldPiece(
            "expansive",
            SymbolicField(symbols, parts.gradient.expressions + mu * x),
            parts.potential + square,
            float(curvature),
        ),
        sphere,
    )
