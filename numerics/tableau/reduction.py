"""Reduction of a Runge–Kutta method: unused stages removed, equal stages merged, exactly.

In the language of ``stage_algebra`` both reductions are linear algebra. Stages always carry the
same values exactly if no vector of the smallest subalgebra that holds 1 and c and is closed under
A tells them apart (Hundsdorfer and Spijker); so the method lives on that subalgebra. A set of
stages is unused (Dahlquist and Jeltsch) exactly if the vectors that vanish outside of it form an
ideal that A maps into itself and on which b is zero; so the method lives on the quotient by the
largest such ideal. What is left is irreducible, and every vector of it is made from 1 and c by A
and products. Sources: Dahlquist and Jeltsch (1979); Hundsdorfer and Spijker (1981); Hairer and
Wanner, *Solving Ordinary Differential Equations II*, section IV.12; as algebra: flowcert [D].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...errors import StructureError
from .echelon import Echelon
from .stage_algebra import StageAlgebra, matrix

if TYPE_CHECKING:
    from .tableau import Tableau

# How a generator was made from earlier ones: A applied to one, or the product of two.
Recipe = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, eq=False)
class Reduction:
    """The irreducible ``algebra`` of a method, and ``lift`` (s, reduced s): the way back.

    ``lift``·w has the stages of w in their old places: equal stages get equal values, unused
    stages 0. Then b(lift·w) and (lift·w)ᵀM(lift·w), b(u·v) keep their values.
    """

    algebra: StageAlgebra
    lift: Any


def reduction(algebra: StageAlgebra) -> Reduction:
    """Return the irreducible form of a method. The embedded weights are left out.

    Guaranteed: exact; the same y⁺ for every f. An irreducible method keeps its coordinates.
    Source: the page above [D].

    >>> from flowcert.numerics import ButcherTableau
    >>> idle = ButcherTableau([[0, 0], [1, 0]], [1, 0], [0, 1])  # Euler, and a stage for nothing
    >>> reduction(idle.algebra()).algebra.dimension
    1
    """
    merged = _merge_equal_stages(algebra)
    used = _remove_unused_stages(merged.algebra)
    return Reduction(used.algebra, merged.lift * used.lift)


def reduced(tableau: Tableau) -> Tableau:
    """Return the method without unused stages and with equal ones merged; itself if irreducible.

    The same y⁺ for every f. The embedded weights are left out of a smaller tableau: they may need
    the stages that b does not. Raises StructureError for unused stages at the roots of a
    polynomial. Source: the page above [D].

    >>> from flowcert.numerics import ButcherTableau
    >>> print(reduced(ButcherTableau([[0, 0], [1, 0]], [1, 0], [0, 1])))
    0 |
    --+--
      | 1
    """
    from .butcher import ButcherTableau

    algebra = tableau.algebra()
    smaller = reduction(algebra).algebra
    if smaller.dimension == algebra.dimension:
        return tableau
    if smaller.modulus is not None:
        raise StructureError(
            came=f"{algebra.dimension} stages at the roots of a polynomial, some of them unused",
            expected="an irreducible method, or one whose coefficients are given stage by stage",
            remedy="Work with reduction(tableau.algebra()), or write the smaller tableau down.",
        )
    A, b, c = (part.to_Matrix() for part in (smaller.A, smaller.b, smaller.nodes))
    return ButcherTableau(A.tolist(), list(b), list(c))


def generators(algebra: StageAlgebra) -> tuple[list[Any], Recipe]:
    """Return a basis of the smallest subalgebra with 1 and c closed under A, and its recipe.

    The basis starts with 1 and is made of stage vectors (s, 1); ``replay`` makes the
    corresponding vectors of another method. Source: flowcert [D].

    >>> from flowcert.numerics import ButcherTableau
    >>> heun = ButcherTableau([[0, 0], [1, 0]], ["1/2", "1/2"], [0, 1])
    >>> len(generators(heun.algebra())[0])
    2
    """
    space = Echelon(algebra.domain)
    basis: list[Any] = []
    recipe: list[tuple[int, ...]] = []

    def add(vector: Any, made: tuple[int, ...]) -> None:
        if len(basis) < algebra.dimension and space.add(vector.to_list_flat()):
            basis.append(vector)
            recipe.append(made)

    add(algebra.one, ())
    add(algebra.nodes, ())
    for i in range(algebra.dimension):
        if len(basis) <= i or len(basis) == algebra.dimension:
            break
        add(algebra.A * basis[i], (i,))
        for j in range(1, i + 1):
            add(algebra.multiply(basis[j], basis[i]), (j, i))
    return basis, tuple(recipe)


def replay(recipe: Recipe, algebra: StageAlgebra) -> list[Any]:
    """Return the stage vectors that a recipe of ``generators`` makes of another method's A, 1, c.

    >>> from flowcert.numerics import ButcherTableau
    >>> heun = ButcherTableau([[0, 0], [1, 0]], ["1/2", "1/2"], [0, 1]).algebra()
    >>> replay(generators(heun)[1], heun)[1] == heun.nodes
    True
    """
    vectors: list[Any] = []
    for made in recipe:
        if not made:
            vectors.append(algebra.nodes if vectors else algebra.one)
        elif len(made) == 1:
            vectors.append(algebra.A * vectors[made[0]])
        else:
            vectors.append(algebra.multiply(vectors[made[0]], vectors[made[1]]))
    return vectors


def _merge_equal_stages(algebra: StageAlgebra) -> Reduction:
    """The method on the subalgebra that A, 1 and c generate."""
    basis, _ = generators(algebra)
    if len(basis) == algebra.dimension:
        return Reduction(algebra, _identity(algebra))
    # The powers of c span the whole algebra of polynomials, so here the coordinates are stages.
    # The reduced echelon basis of a subalgebra are the indicators of its classes of stages: the
    # new coordinates are the merged stages, and coordinates are read off at the pivots.
    space = Echelon(algebra.domain)
    for vector in basis:
        space.add(vector.to_list_flat())
    lift = matrix(space.reduced_rows(), algebra.domain).transpose()
    pivots = sorted(space.pivots())
    return Reduction(_restricted(algebra, lift, pivots), lift)


def _restricted(algebra: StageAlgebra, lift: Any, pivots: Sequence[int]) -> StageAlgebra:
    def at_pivots(columns: Any) -> Any:
        rows = columns.to_list()
        return matrix([rows[i] for i in pivots], algebra.domain)

    return StageAlgebra(
        domain=algebra.domain,
        A=at_pivots(algebra.A * lift),
        b=algebra.b * lift,
        one=at_pivots(algebra.one),
        nodes=at_pivots(algebra.nodes),
        gram=lift.transpose() * algebra.gram * lift,
    )


def _remove_unused_stages(algebra: StageAlgebra) -> Reduction:
    """The method on the quotient by the largest ideal that A keeps and b does not see."""
    ideal = _largest_idle_ideal(algebra)
    if not ideal:
        return Reduction(algebra, _identity(algebra))
    # With pivots as far to the right as possible the quotient keeps the first coordinates: of
    # stages the used ones, of polynomials those of lower degree.
    space = Echelon(algebra.domain, from_the_right=True)
    for vector in ideal:
        space.add(vector)
    kept = [i for i in range(algebra.dimension) if i not in space.pivots()]

    def project(columns: Any) -> Any:
        rest = [space.remainder(list(column)) for column in columns.transpose().to_list()]
        return matrix([[column[i] for i in kept] for column in rest], algebra.domain).transpose()

    columns = _identity(algebra).to_list()
    section = matrix([[row[i] for i in kept] for row in columns], algebra.domain)
    smaller = StageAlgebra(
        domain=algebra.domain,
        A=project(algebra.A * section),
        b=algebra.b * section,
        one=project(algebra.one),
        nodes=project(algebra.nodes),
        gram=section.transpose() * algebra.gram * section,
        modulus=_smaller_modulus(algebra, len(kept), project),
    )
    return Reduction(smaller, _vanishing_lift(algebra, section, ideal))


def _largest_idle_ideal(algebra: StageAlgebra) -> list[list[Any]]:
    """A basis of the largest ideal I with A·I ⊂ I and b(I) = 0."""
    ideal = _null_space(algebra.gram)  # all u with b(uv) = 0 for every v
    while ideal:
        outside = _outside(ideal, algebra)
        # u stays if A(u·e) lies in the ideal for every basis vector e.
        conditions: list[list[Any]] = []
        for e in _units(algebra):
            images = [algebra.A * algebra.multiply(algebra.vector(u), e) for u in ideal]
            rests = [outside.remainder(image.to_list_flat()) for image in images]
            conditions += [list(row) for row in zip(*rests, strict=True)]
        combinations = _null_space(matrix(conditions, algebra.domain))
        if len(combinations) == len(ideal):
            return ideal
        rows = matrix(ideal, algebra.domain)
        ideal = (matrix(combinations, algebra.domain) * rows).to_list() if combinations else []
    return []


def _outside(ideal: list[list[Any]], algebra: StageAlgebra) -> Echelon:
    space = Echelon(algebra.domain)
    for vector in ideal:
        space.add(vector)
    return space


def _vanishing_lift(algebra: StageAlgebra, section: Any, ideal: list[list[Any]]) -> Any:
    """The section moved by the ideal so that its vectors vanish on the unused stages.

    An ideal of a product of fields is generated by an idempotent e, the indicator of the unused
    stages; u − e·u is the representative of u that is zero on them.
    """
    idempotent = _idempotent(algebra, ideal)
    columns = []
    for column in section.transpose().to_list():
        u = algebra.vector(column)
        columns.append((u - algebra.multiply(idempotent, u)).to_list_flat())
    return matrix(columns, algebra.domain).transpose()


def _idempotent(algebra: StageAlgebra, ideal: list[list[Any]]) -> Any:
    """The e in the ideal with e·u = u for all u of the ideal."""
    rows, right = [], []
    for u in ideal:
        products = [algebra.multiply(algebra.vector(g), algebra.vector(u)) for g in ideal]
        rows += [list(row) for row in zip(*(p.to_list_flat() for p in products), strict=True)]
        right += [[x] for x in u]
    system, values = matrix(rows, algebra.domain), matrix(right, algebra.domain)
    normal = system.transpose() * system  # regular: the columns are independent over the reals
    weights = normal.lu_solve(system.transpose() * values)
    return algebra.vector((matrix(ideal, algebra.domain).transpose() * weights).to_list_flat())


def _smaller_modulus(algebra: StageAlgebra, size: int, project: Any) -> tuple[Any, ...] | None:
    if algebra.modulus is None:
        return None
    power = algebra.vector(
        [algebra.domain.one if i == size else algebra.domain.zero for i in range(algebra.dimension)]
    )
    return tuple(-x for x in project(power).to_list_flat())


def _identity(algebra: StageAlgebra) -> Any:
    one, zero, s = algebra.domain.one, algebra.domain.zero, algebra.dimension
    return matrix([[one if i == j else zero for j in range(s)] for i in range(s)], algebra.domain)


def _units(algebra: StageAlgebra) -> list[Any]:
    return [algebra.vector(row) for row in _identity(algebra).to_list()]


def _null_space(rows: Any) -> list[list[Any]]:
    """A basis of {u : rows·u = 0}."""
    basis = rows.to_field().nullspace()
    return [list(row) for row in basis.to_list()] if basis.shape[0] else []
