"""The families of Gauss, Radau and Lobatto with any number of stages, exact and in balls."""

from __future__ import annotations

from fractions import Fraction
from functools import cache, cached_property
from typing import Any, NamedTuple

import numpy as np

from ...errors import DomainError
from .butcher import ButcherTableau
from .nodal_algebra import FAMILIES, nodal_algebra, nodal_integers, node_balls, zero_entries
from .rounding import Ball, float64_of_balls, mpmath_of_balls, working_precision
from .stage_algebra import DomainMatrix, StageAlgebra
from .tableau import Coefficients, Tableau, arranged


class Balls(NamedTuple):
    """A (s rows of s), b and c as lists of flint balls that contain the coefficients."""

    A: list[list[Ball]]
    b: list[Ball]
    c: list[Ball]


class CollocationTableau(Tableau):
    """The method of s stages of a family of Gauss, Radau or Lobatto.

    ``family`` is "Gauss", "RadauIA", "RadauIIA", "LobattoIIIA", "LobattoIIIB" or "LobattoIIIC".
    The nodes are the roots of ``nodal_polynomial()``, b is interpolatory quadrature, and A is given
    by C(s) (Gauss, Radau IIA, Lobatto IIIA), by D(s) (Radau IA, Lobatto IIIB) or by aᵢ₁ = b₁ and
    C(s − 1) (Lobatto IIIC). ``algebra()`` is rational for every s, and exact; ``float64`` is
    correctly rounded. Radau IA with s = 1 and Lobatto IIIB with s = 2 have c ≠ A·1, all others
    c = A·1. Raises DomainError for another family or too few stages.
    Sources: Butcher (1964); Ehle (1968); Hairer and Wanner, *Solving Ordinary Differential
    Equations II*, IV.5 [D].

    >>> gauss = CollocationTableau("Gauss", 5)
    >>> gauss.order(), gauss.stage_order()
    (10, 5)
    >>> CollocationTableau("RadauIIA", 2).float64().c.tolist()
    [0.3333333333333333, 1.0]
    """

    family: str

    def __init__(self, family: str, stages: int) -> None:
        known = FAMILIES.get(family)
        if known is None:
            raise DomainError(
                came=f"the family {family!r}",
                expected=f"one of {', '.join(FAMILIES)}",
                remedy="Other methods are written as ButcherTableau(A, b, c).",
            )
        whole = isinstance(stages, int | np.integer) and not isinstance(stages, bool)
        if not whole or stages < known.fewest_stages:
            raise DomainError(
                came=f"{family} with {stages!r} stages",
                expected=f"an integer ≥ {known.fewest_stages}",
                remedy="Lobatto methods have a node at either end."
                if known.fewest_stages == 2
                else f"The smallest is {family} with 1 stage.",
            )
        vars(self).update(family=family, stages=int(stages))

    def nodal_polynomial(self) -> tuple[Any, ...]:
        """Return the coefficients of the monic N with N(cᵢ) = 0, as Fractions, constant first.

        >>> [str(x) for x in CollocationTableau("Gauss", 2).nodal_polynomial()]
        ['1/6', '-1', '1']
        """
        integers = nodal_integers(self.family, self.stages)
        return tuple(Fraction(x, integers[-1]) for x in integers)

    def algebra(self) -> StageAlgebra:
        return nodal_algebra(self.family, self.stages)

    def float64(self) -> Coefficients:
        return self._float64

    def high_precision(self, digits: int) -> Coefficients:
        if digits not in self._in_digits:
            numbers = mpmath_of_balls(self._flat_balls, digits)
            self._in_digits[digits] = arranged(numbers, self.stages, object)
        return self._in_digits[digits]

    def balls(self, bits: int) -> Balls:
        """Return A, b, c in balls of at least ``bits`` right bits (exact zeros are exact).

        >>> CollocationTableau("Gauss", 3).balls(200).c[1].contains(0.5)
        True
        """
        s, precision = self.stages, bits + 64
        while True:
            with working_precision(precision):
                flat = self._flat_balls(precision)
            if all(x == 0 or x.rel_accuracy_bits() >= bits for x in flat):
                A = [flat[s * i : s * (i + 1)] for i in range(s)]
                return Balls(A, flat[s * s : s * s + s], flat[s * s + s :])
            precision *= 2

    def exact(self) -> ButcherTableau:
        """Return the same method with its radicals, where the nodes are at most quadratic.

        Raises DomainError where N has an irreducible factor of degree 3 or more.

        >>> print(CollocationTableau("RadauIIA", 2).exact())
        1/3 | 5/12  -1/12
        1   | 3/4   1/4
        ----+------------
            | 3/4   1/4
        """
        return _exact(self.family, self.stages)

    @cached_property
    def _float64(self) -> Coefficients:
        return arranged(float64_of_balls(self._flat_balls), self.stages, float)

    @cached_property
    def _in_digits(self) -> dict[int, Coefficients]:
        return {}

    def _flat_balls(self, bits: int) -> list[Ball]:
        """Balls around the entries of A, then b, then c, at flint's current precision."""
        import flint

        s, algebra = self.stages, self.algebra()
        nodes = node_balls(self.family, s, bits)
        V = flint.arb_mat([[node**k for k in range(s)] for node in nodes])
        inverse = V.inv()
        A = V * _ball_matrix(algebra.A) * inverse
        b = _ball_matrix(algebra.b) * inverse
        zeros = zero_entries(algebra, nodes)
        entries = [flint.arb(0) if (i, j) in zeros else A[i, j] for i in range(s) for j in range(s)]
        return [*entries, *b.entries(), *nodes]

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a tableau is frozen: build a new one instead of setting {name}")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CollocationTableau):
            return NotImplemented
        return (self.family, self.stages) == (other.family, other.stages)

    def __hash__(self) -> int:
        return hash((self.family, self.stages))

    def __repr__(self) -> str:
        return f"CollocationTableau({self.family!r}, {self.stages})"


def _ball_matrix(M: DomainMatrix) -> Any:
    import flint

    def ball(x: Any) -> Ball:
        return flint.arb(flint.fmpq(int(x.numerator), int(x.denominator)))

    return flint.arb_mat([[ball(x) for x in row] for row in M.to_list()])


@cache
def _exact(family: str, s: int) -> ButcherTableau:
    """A = V·A·V⁻¹ and b = b·V⁻¹ with the Vandermonde matrix of the nodes, in radicals."""
    import sympy

    polynomial = sympy.Poly(nodal_integers(family, s)[::-1], sympy.Symbol("x"))
    factors = [factor for factor, _ in polynomial.factor_list()[1]]
    if any(factor.degree() > 2 for factor in factors):
        raise DomainError(
            came=f"{family} with {s} stages in radicals",
            expected="nodes that are rational or quadratic",
            remedy="Use algebra(), which is exact and rational, or balls(bits).",
        )
    nodes = sorted((root for factor in factors for root in sympy.roots(factor)), key=float)
    algebra = nodal_algebra(family, s)
    V = sympy.Matrix(s, s, lambda i, k: nodes[i] ** k)
    A = V * algebra.A.to_Matrix() * V.inv()
    b = algebra.b.to_Matrix() * V.inv()
    return ButcherTableau(_written(A).tolist(), list(_written(b)), nodes)


def _written(M: Any) -> Any:
    import sympy

    return M.applyfunc(lambda x: sympy.radsimp(sympy.expand(x)))
