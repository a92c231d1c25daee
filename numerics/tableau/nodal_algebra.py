"""Gauss, Radau and Lobatto methods in Q[x]/(N): rational matrices, and balls around their nodes."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from math import comb
from typing import Any, NamedTuple

from .rounding import Ball, working_precision
from .stage_algebra import DomainMatrix, StageAlgebra, matrix


class Family(NamedTuple):
    """Nodes and matrix of a family.

    The nodes are the roots of Σ factor·P_{s−m}(2x − 1) over the pairs (m, factor) of ``legendre``.
    A is ``defined_by`` "C(s)", "D(s)" or "C(s - 1)" with aᵢ₁ = b₁.

    >>> FAMILIES["RadauIIA"].legendre
    ((0, 1), (1, -1))
    """

    legendre: tuple[tuple[int, int], ...]
    defined_by: str
    fewest_stages: int


_GAUSS, _LOBATTO = ((0, 1),), ((0, 1), (2, -1))
_LEFT_RADAU, _RIGHT_RADAU = ((0, 1), (1, 1)), ((0, 1), (1, -1))

FAMILIES = {
    "Gauss": Family(_GAUSS, "C(s)", 1),
    "RadauIA": Family(_LEFT_RADAU, "D(s)", 1),
    "RadauIIA": Family(_RIGHT_RADAU, "C(s)", 1),
    "LobattoIIIA": Family(_LOBATTO, "C(s)", 2),
    "LobattoIIIB": Family(_LOBATTO, "D(s)", 2),
    "LobattoIIIC": Family(_LOBATTO, "C(s - 1)", 2),
}


def nodal_integers(family: str, s: int) -> list[int]:
    """Return integer coefficients of a multiple of N, constant first.

    >>> nodal_integers("Gauss", 2)  # 6x² − 6x + 1
    [1, -6, 6]
    """
    total = [0] * (s + 1)
    for lower, factor in FAMILIES[family].legendre:
        n = s - lower
        for k in range(n + 1):  # P_n(2x − 1) = (−1)ⁿ Σ_k (n over k)(n + k over k)(−x)^k
            total[k] += factor * (-1) ** (n + k) * comb(n, k) * comb(n + k, k)
    return total


@cache
def nodal_algebra(family: str, s: int) -> StageAlgebra:
    """Return the method in the basis 1, c, …, c^{s−1} of Q[x]/(N).

    >>> print(nodal_algebra("Gauss", 2).A.to_Matrix())  # A·1 = c, A·c = c²/2 = c/2 − 1/12
    Matrix([[0, -1/12], [1, 1/2]])
    """
    from sympy import QQ

    integers = nodal_integers(family, s)
    modulus = tuple(QQ(x, integers[-1]) for x in integers[:-1])
    one = matrix([[QQ(int(k == 0))] for k in range(s)], QQ)
    nodes = matrix([[QQ(int(k == 1))] for k in range(s)] if s > 1 else [[-modulus[0]]], QQ)
    b = matrix([[QQ(1, k + 1) for k in range(s)]], QQ)
    unknown = matrix([[QQ(0)] * s] * s, QQ)  # products and moments do not need A and gram
    draft = StageAlgebra(QQ, unknown, b, one, nodes, unknown, modulus=modulus)
    powers = [one]
    for _ in range(2 * s):
        powers.append(draft.multiply(powers[-1], nodes))
    moments = [draft.functional(power) for power in powers]
    gram = matrix([[moments[i + j] for j in range(s)] for i in range(s)], QQ)
    match FAMILIES[family].defined_by:
        case "C(s)":
            A = _columns([powers[k] * QQ(1, k) for k in range(1, s + 1)])
        case "D(s)":
            A = _by_transpose(QQ, moments, gram)
        case _:
            A = _by_first_column(draft, powers)
    return StageAlgebra(QQ, A, b, one, nodes, gram, modulus=modulus)


def _columns(columns: list[DomainMatrix]) -> DomainMatrix:
    return columns[0].hstack(*columns[1:]) if len(columns) > 1 else columns[0]


def _by_transpose(QQ: Any, moments: list[Any], gram: DomainMatrix) -> DomainMatrix:
    """D(s): b(c^{k−1}·A c^j) = (b(c^j) − b(c^{k+j}))/k, solved for A with the Gram matrix."""
    s = gram.shape[0]
    right = [[(moments[j] - moments[k + j]) / k for j in range(s)] for k in range(1, s + 1)]
    return gram.lu_solve(matrix(right, QQ))


def _by_first_column(draft: StageAlgebra, powers: list[DomainMatrix]) -> DomainMatrix:
    """C(s − 1), and A e₁ = b₁·1 for the stage vector e₁ = N/(x N'(0)) of the node 0."""
    QQ, s = draft.domain, draft.dimension
    quotient = divided(draft.modulus, QQ(0))
    first = [x / quotient[0] for x in quotient]
    columns = [powers[k] * QQ(1, k) for k in range(1, s)]
    last = draft.one * draft.functional(draft.vector(first))
    for factor, column in zip(first, columns, strict=False):
        last -= column * factor
    return _columns([*columns, last * (1 / first[-1])])


@cache
def node_balls(family: str, s: int, bits: int) -> tuple[Ball, ...]:
    """Return disjoint balls around the nodes, ascending; 0, ½ and 1 are exact.

    >>> [x.contains(0) for x in node_balls("LobattoIIIA", 3, 100)]
    [True, False, False]
    """
    import flint

    _, factors = flint.fmpz_poly(nodal_integers(family, s)).factor()
    nodes: list[Ball] = []
    with working_precision(bits):
        for factor, _ in factors:
            if factor.degree() == 1:
                nodes.append(flint.arb(flint.fmpq(-factor[0], factor[1])))
            else:  # N has real roots only: an enclosure of an imaginary part is one of 0
                roots: Any = factor.complex_roots()
                nodes += [root.real for root, _ in roots]
    nodes.sort(key=lambda ball: float(ball.mid()))
    assert len(nodes) == s
    assert all(left < right for left, right in pairwise(nodes))
    return tuple(nodes)


def zero_entries(algebra: StageAlgebra, nodes: tuple[Ball, ...]) -> set[tuple[int, int]]:
    """Return the entries of A that are exactly 0 although their balls are not: columns of zeros.

    The column of a node ξ at an end 0 or 1 is A of the stage vector N/(x − ξ), which is rational:
    that it vanishes is decided exactly. (A row of zeros, at 0, comes out exact by itself.)

    >>> sorted(zero_entries(nodal_algebra("LobattoIIIB", 2), node_balls("LobattoIIIB", 2, 53)))
    [(0, 1), (1, 1)]
    """
    QQ, s = algebra.domain, algebra.dimension
    zeros: set[tuple[int, int]] = set()
    for place, end in ((0, 0), (s - 1, 1)):
        if nodes[place] != end:
            continue
        if (algebra.A * algebra.vector(divided(algebra.modulus, QQ(end)))).is_zero_matrix:
            zeros |= {(i, place) for i in range(s)}
    return zeros


def divided(modulus: Any, root: Any) -> list[Any]:
    """Return the coefficients of N/(x − root), constant first, by Horner's rule.

    >>> divided((-1, 0), 1)  # (x² − 1)/(x − 1)
    [1, 1]
    """
    quotient = [1 + 0 * root]
    for x in reversed(modulus[1:]):
        quotient.append(x + root * quotient[-1])
    return quotient[::-1]
