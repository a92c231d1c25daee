"""What is proved of a field and its pieces on a ball: growth, one-sided constants, commutators."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, reduce

import sympy

from ...errors import StructureError
from ...numerics.validation import FloatArray
from ..cells import Cells, Profile, cover, enclose, largest_eigenvalue_over, length
from ..decomposition import SymbolicDecomposition, curvature_over, presnov
from ..symbolic import SymbolicField, lie_bracket
from .pieces import FieldPiece, split
from .radial_growth import RadialGrowth

CELLS_PER_SIDE = 128
GROWTH_CELLS_PER_SIDE = 512
MARGINS = (0.05, 0.1, 0.2, 0.4, 0.8)  # widths of complex neighbourhoods, times the radius


@dataclass(eq=False)
class FieldAnalysis:
    """Suprema over balls around 0, proved once for a field and asked for at any radius.

    Every profile is an upper bound over |x| ≤ r, ∞ beyond the covered ball. Source: flowcert [D].

    >>> from flowcert.theory.symbolic import symbolic_field
    >>> x, y = sympy.symbols("x y", real=True)
    >>> f = FieldAnalysis.of(symbolic_field([-x + 2 * y, -y / 2], [x, y]), 2.0)
    >>> bool(0.2807 < f.one_sided((0,))(1.0) < 0.2809)  # of ∇U alone: λ_max of sym B
    True
    """

    decomposition: SymbolicDecomposition
    cells: Cells
    growth: RadialGrowth
    pieces: tuple[FieldPiece, ...] = ()
    _profiles: dict[object, Profile] = field(default_factory=dict, repr=False)

    @staticmethod
    def of(f: SymbolicField, radius: float) -> FieldAnalysis:
        """Analyse f on the ball of this radius, split into ∇U and S(x)x."""
        decomposition = proved_presnov(f)
        cells = cover(radius, f.dimension, CELLS_PER_SIDE)
        # Growth is compounded: it deserves finer cells, and asks for one expression only.
        growth = RadialGrowth.of(f, cover(radius, f.dimension, GROWTH_CELLS_PER_SIDE))
        return FieldAnalysis(decomposition, cells, growth, split(decomposition, "first"))

    def with_pieces(self, pieces: Sequence[FieldPiece]) -> FieldAnalysis:
        """Return the analysis of another splitting of the same field."""
        return FieldAnalysis(self.decomposition, self.cells, self.growth, tuple(pieces))

    def sum_of(self, indices: Sequence[int]) -> SymbolicField:
        """Return the sum of these pieces; all of them are f itself."""
        if len(indices) == len(self.pieces):
            return self.decomposition.field
        fields: list[SymbolicField] = [self.pieces[i].field for i in indices]
        return reduce(lambda one, other: one.plus(other), fields)

    def one_sided(self, indices: Sequence[int]) -> Profile:
        """ν: λ_max of the symmetric part of the Jacobian of these pieces' sum."""
        return self._stored(("one-sided", *indices), lambda: self._logarithmic_norm(indices))

    def lipschitz(self, index: int) -> Profile:
        """‖Df‖ of one piece, bounded by its Frobenius norm."""
        jacobian = list(self.pieces[index].field.jacobian_matrix)
        return self._stored(("lipschitz", index), lambda: self._size(jacobian))

    def speed(self, index: int) -> Profile:
        """|f| of one piece."""
        values = list(self.pieces[index].field.expressions)
        return self._stored(("speed", index), lambda: self._size(values))

    def bending(self, index: int) -> Profile:
        """‖D²f‖ of one piece, bounded by its Frobenius norm."""
        piece = self.pieces[index].field
        second = [e.diff(x) for e in piece.jacobian_matrix for x in piece.symbols]
        return self._stored(("bending", index), lambda: self._size(second))

    def commutator(self, words: tuple[tuple[int, ...], ...]) -> Profile:
        """|[F₁, [F₂, …]]| for sums of pieces F₁, F₂, …, each given by its indices."""

        def bounds() -> FloatArray:
            *outer, last = [self.sum_of(indices) for indices in words]
            nested = reduce(lambda inner, one: lie_bracket(one, inner), reversed(outer), last)
            return self._size([sympy.expand(e) for e in nested.expressions])

        return self._stored(("commutator", words), bounds)

    def complex_speed(self, index: int | None, margin: int) -> Profile:
        """|f| of a piece (of f itself for None), over a complex neighbourhood."""
        piece = self.decomposition.field if index is None else self.pieces[index].field

        def bounds() -> FloatArray:
            width = MARGINS[margin] * self.cells.radius
            balls = enclose(self.cells, list(piece.expressions), piece.symbols, margin=width)
            return length(balls)

        return self._stored(("complex", index, margin), bounds)

    def curvature(self) -> Profile:
        """−λ_min(∇²U), at least 0."""
        potential, symbols = self.decomposition.potential, self.decomposition.field.symbols
        return self._stored(("curvature",), lambda: curvature_over(potential, symbols, self.cells))

    def _logarithmic_norm(self, indices: Sequence[int]) -> FloatArray:
        f = self.sum_of(indices)
        J = f.jacobian_matrix
        return largest_eigenvalue_over(self.cells, (J + J.T) / 2, f.symbols)

    def _size(self, entries: Sequence[object]) -> FloatArray:
        symbols = self.decomposition.field.symbols
        return length(enclose(self.cells, entries, symbols))

    def _stored(self, key: object, bounds: Callable[[], FloatArray]) -> Profile:
        if key not in self._profiles:
            self._profiles[key] = Profile.over(self.cells, bounds())
        return self._profiles[key]


@lru_cache(maxsize=64)
def proved_presnov(f: SymbolicField) -> SymbolicDecomposition:
    """Return Presnov's decomposition with its identities proved, remembered.

    Raises StructureError where algebra does not prove them: all bounds rest on xᵀ∇U = xᵀf.

    >>> from flowcert.theory.symbolic import symbolic_field
    >>> x = sympy.Symbol("x", real=True)
    >>> proved_presnov(symbolic_field([x], [x])).potential
    x**2/2
    """
    parts = presnov(f)
    if parts.proof.outcome != "proved":
        raise StructureError(
            came=f"{list(f.expressions)}, for which Presnov's identities are {parts.proof.outcome}",
            expected="a field whose decomposition computer algebra proves",
            remedy="Polynomials times sines and cosines of affine arguments always are.",
        )
    return parts
