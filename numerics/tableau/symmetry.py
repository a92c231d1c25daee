"""Symplecticity and time-reversal symmetry of Runge–Kutta methods, decided exactly."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .contractivity import contractivity_form
from .reduction import generators, reduction, replay
from .stage_algebra import StageAlgebra, matrix

if TYPE_CHECKING:
    from .tableau import Tableau


def is_symplectic(tableau: Tableau) -> bool:
    """Return whether bᵢaᵢⱼ + bⱼaⱼᵢ = bᵢbⱼ for all i, j of the irreducible method.

    Then, and for irreducible methods only then, all quadratic invariants are kept, and steps of
    Hamiltonian systems are symplectic. Guaranteed: decided exactly. Source: Cooper (1987);
    Sanz-Serna (1988); Lasagni (1988) [D].

    >>> from flowcert.numerics import ButcherTableau
    >>> is_symplectic(ButcherTableau([["1/2"]], [1], ["1/2"]))  # implicit midpoint
    True
    """
    form = contractivity_form(reduction(tableau.algebra()).algebra)
    return not any(form.to_list_flat())


def is_symmetric(tableau: Tableau) -> bool:
    """Return whether the method is its own adjoint, Ψ(−h) = Ψ(h)⁻¹.

    That is A = P(1bᵀ − A)P⁻¹, bP⁻¹ = b and c = P(1 − c) with a permutation P of the stages of the
    irreducible method. P is not searched for: everything in an irreducible method is made from 1
    and c by A and products, and doing the same with the adjoint's says where P must send it.
    Guaranteed: decided exactly. Source: Hairer, Lubich and Wanner, *Geometric Numerical
    Integration*, theorem V.2.3; the construction of P: flowcert [D].

    >>> from flowcert.numerics import ButcherTableau
    >>> is_symmetric(ButcherTableau([[0, 0], ["1/2", "1/2"]], ["1/2", "1/2"], [0, 1]))  # trapezoid
    True
    """
    algebra = reduction(tableau.algebra()).algebra
    return are_permutations(algebra, adjoint(algebra))


def adjoint(algebra: StageAlgebra) -> StageAlgebra:
    """Return the adjoint method Ψ(−h)⁻¹: A* = 1·b − A, b* = b, c* = 1 − c.

    Its stages are those of the method, in the same order; it has no embedded weights. Source:
    Hairer, Lubich and Wanner, *Geometric Numerical Integration*, theorem V.2.1 [D].

    >>> from flowcert.numerics import ButcherTableau
    >>> adjoint(ButcherTableau([[0]], [1], [0]).algebra()).A.to_Matrix()  # backward Euler
    Matrix([[1]])
    """
    nodes = algebra.one - algebra.nodes
    return replace(algebra, A=algebra.one * algebra.b - algebra.A, nodes=nodes, b_hat=None)


def are_permutations(first: StageAlgebra, second: StageAlgebra) -> bool:
    """Return whether two irreducible methods over one field differ only in the order of stages.

    A one-to-one map P of the stage vectors with P1 = 1, Pc = c*, P(u·v) = Pu·Pv, PA = A*P and
    b*P = b is a permutation of the stages, and the only candidate is the one that ``generators``
    dictate. Guaranteed: decided exactly. Source: flowcert [D].

    >>> from flowcert.numerics import ButcherTableau
    >>> heun = ButcherTableau([[0, 0], [1, 0]], ["1/2", "1/2"], [0, 1])
    >>> swapped = ButcherTableau([[0, 1], [0, 0]], ["1/2", "1/2"], [1, 0])
    >>> are_permutations(heun.algebra(), swapped.algebra())
    True
    """
    if first.dimension != second.dimension:
        return False
    basis, recipe = generators(first)
    origin, image = _side_by_side(basis), _side_by_side(replay(recipe, second))
    if not image.det():
        return False
    P = image * origin.inv()
    if P * first.nodes != second.nodes or P * first.A != second.A * P or second.b * P != first.b:
        return False
    return _keeps_products(P, first, second)


def _side_by_side(vectors: list[Any]) -> Any:
    first, *others = vectors
    return first.hstack(*others)


def _keeps_products(P: Any, first: StageAlgebra, second: StageAlgebra) -> bool:
    s, one, zero = first.dimension, first.domain.one, first.domain.zero
    rows = [[one if i == j else zero for j in range(s)] for i in range(s)]
    units = [matrix([[x] for x in row], first.domain) for row in rows]
    images = [P * unit for unit in units]
    return all(
        P * first.multiply(units[i], units[j]) == second.multiply(images[i], images[j])
        for i in range(s)
        for j in range(i + 1)
    )
