"""Symplecticity and symmetry: known methods, compositions, and a search over all permutations."""

from fractions import Fraction
from functools import partial
from itertools import permutations
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import sympy
from nodepy import rk
from sympy import QQ

from flowcert.errors import DomainError
from flowcert.numerics.tableau import ButcherTableau, CollocationTableau
from flowcert.numerics.tableau.reduction import reduced, reduction
from flowcert.numerics.tableau.stage_algebra import of_stages
from flowcert.numerics.tableau.symmetry import (
    adjoint,
    are_permutations,
    is_symmetric,
    is_symplectic,
)

HALF = Fraction(1, 2)
HEUN = ButcherTableau([[0, 0], [1, 0]], [HALF, HALF], [0, 1])
MIDPOINT = ButcherTableau([[HALF]], [1], [HALF])
GAUSS2 = CollocationTableau("Gauss", 2).exact()


def disturbed(tableau: ButcherTableau, by: Fraction) -> ButcherTableau:
    A = [list(row) for row in tableau.A]
    A[0][0], A[0][1] = A[0][0] + by, A[0][1] - by  # c = A·1 stays
    return ButcherTableau(A, tableau.b, tableau.c)


def composed(*parts: tuple[Any, Fraction]) -> ButcherTableau:
    """Steps of size ``fraction``·h of several methods (algebras in stages), one after another."""
    matrices = [
        (part.A.to_Matrix(), part.b.to_Matrix(), sympy.Rational(str(size))) for part, size in parts
    ]
    A = sympy.diag(*(size * matrix for matrix, _, size in matrices))
    b = sympy.Matrix.hstack(*(size * weights for _, weights, size in matrices))
    start = 0
    for matrix, weights, size in matrices:
        end = start + matrix.rows
        A[end:, start:end] = sympy.ones(A.rows - end, 1) * size * weights
        start = end
    return ButcherTableau(A.tolist(), list(b), list(A * sympy.ones(A.rows, 1)))


@pytest.mark.parametrize("s", [2, 3, 4, 6])
@pytest.mark.parametrize(
    ("family", "symplectic", "symmetric"),
    [
        ("Gauss", True, True),
        ("RadauIA", False, False),
        ("RadauIIA", False, False),
        ("LobattoIIIA", False, True),
        ("LobattoIIIB", False, True),
        ("LobattoIIIC", False, False),
    ],
)
def test_the_families(family: str, symplectic: bool, symmetric: bool, s: int) -> None:
    tableau = CollocationTableau(family, s)
    assert is_symplectic(tableau) is symplectic
    assert is_symmetric(tableau) is symmetric


def test_radicals_and_polynomials_agree() -> None:
    for family in ("Gauss", "RadauIIA", "LobattoIIIA"):
        polynomial = CollocationTableau(family, 3)
        assert is_symplectic(polynomial.exact()) == is_symplectic(polynomial)
        assert is_symmetric(polynomial.exact()) == is_symmetric(polynomial)


def test_a_gauss_method_with_a_wrong_digit_is_neither() -> None:
    assert is_symplectic(GAUSS2)
    assert is_symmetric(GAUSS2)
    wrong = disturbed(GAUSS2, Fraction(1, 10**40))
    assert not is_symplectic(wrong)
    assert not is_symmetric(wrong)


def test_gauss_with_both_nodes_equal_is_caught() -> None:
    """A real bug: c₂ = c₁; with c = A·1 kept, the off-diagonal entry changes."""
    root = sympy.sqrt(3)
    quarter = sympy.Rational(1, 4)
    rows = [[quarter, quarter - root / 6], [quarter - root / 3, quarter + root / 6]]
    wrong = ButcherTableau(rows, [HALF, HALF], [HALF - root / 6] * 2)
    assert not is_symplectic(wrong)
    assert not is_symmetric(wrong)


def test_explicit_methods_are_neither() -> None:
    for tableau in (ButcherTableau([[0]], [1], [0]), HEUN):
        assert not is_symplectic(tableau)
        assert not is_symmetric(tableau)


def test_unused_and_equal_stages_do_not_matter() -> None:
    idle = ButcherTableau([[HALF, 0], ["1/3", 1]], [1, 0], [HALF, "4/3"])
    forward_and_back = ButcherTableau(
        [[HALF, 0, 0], [1, -HALF, 0], [1, -1, HALF]], [1, -1, 1], [HALF] * 3
    )
    split = ButcherTableau([["1/3", "1/6"], ["3/4", "-1/4"]], ["1/5", "4/5"], [HALF, HALF])
    for tableau in (idle, forward_and_back, split):
        assert is_symplectic(tableau)
        assert is_symmetric(tableau)


def test_a_method_and_its_adjoint_make_a_symmetric_one() -> None:
    """Half steps of Heun and its adjoint, either way round; the nodes ½ of the stages coincide."""
    heun = HEUN.algebra()
    back = adjoint(heun)
    for first, second in ((heun, back), (back, heun)):
        both = composed((first, HALF), (second, HALF))
        assert len(set(both.c)) < both.stages
        assert is_symmetric(both)
        assert not is_symplectic(both)
    assert not is_symmetric(composed((heun, HALF), (heun, HALF)))
    assert not is_symmetric(composed((heun, Fraction(1, 3)), (back, Fraction(2, 3))))


def test_palindromes_of_midpoint_steps_are_symmetric_and_all_their_products_symplectic() -> None:
    midpoint = MIDPOINT.algebra()
    palindrome = composed(*((midpoint, Fraction(x)) for x in ("2/3", "-1/3", "2/3")))
    lopsided = composed(*((midpoint, Fraction(x)) for x in ("2/3", "2/3", "-1/3")))
    assert is_symmetric(palindrome)
    assert is_symplectic(palindrome)
    assert is_symplectic(lopsided)
    assert not is_symmetric(lopsided)


def test_the_adjoint_of_euler_is_backward_euler_and_twice_the_adjoint_is_the_method() -> None:
    euler = ButcherTableau([[0]], [1], [0]).algebra()
    assert are_permutations(adjoint(euler), ButcherTableau([[1]], [1], [1]).algebra())
    radau = CollocationTableau("RadauIIA", 3).algebra()
    assert not are_permutations(radau, adjoint(radau))
    assert are_permutations(radau, adjoint(adjoint(radau)))
    over_root_six = CollocationTableau("RadauIIA", 3).exact().algebra()
    assert is_symmetric(composed((over_root_six, HALF), (adjoint(over_root_six), HALF)))


def test_the_time_of_a_stage_counts() -> None:
    """The implicit midpoint rule that evaluates f at t instead of t + h/2."""
    half, one, zero = QQ(1, 2), QQ(1), QQ(0)
    for node, symmetric in ((half, True), (zero, False), (one, False)):
        late: Any = SimpleNamespace(algebra=partial(of_stages, QQ, [[half]], [one], [node]))
        assert is_symmetric(late) is symmetric


def test_permuted_stages_are_the_same_method_and_changed_entries_are_not() -> None:
    tableau = ButcherTableau(
        [[0, 0, 0], ["1/3", 0, 0], ["-1/3", "2/3", 0]], ["1/4", "1/2", "1/4"], [0, "1/3", "1/3"]
    )
    for order in permutations(range(3)):
        A = [[tableau.A[i][j] for j in order] for i in order]
        b, c = ([v[i] for i in order] for v in (tableau.b, tableau.c))
        assert are_permutations(tableau.algebra(), ButcherTableau(A, b, c).algebra())
    other_weights = ButcherTableau(tableau.A, ["1/4", "1/4", "1/2"], tableau.c)
    assert not are_permutations(tableau.algebra(), other_weights.algebra())
    assert not are_permutations(tableau.algebra(), HEUN.algebra())
    A = [list(row) for row in tableau.A]
    A[2] = [Fraction(1, 3), Fraction(1, 6), Fraction(-1, 6)]
    other_row = ButcherTableau(A, tableau.b, tableau.c)
    assert not are_permutations(tableau.algebra(), other_row.algebra())


def _symmetric_by_search(tableau: ButcherTableau) -> bool:
    A, b, _, _ = tableau.float64()
    target = np.outer(np.ones(len(b)), b) - A
    return any(
        np.allclose(A[np.ix_(p, p)], target, atol=1e-12) and np.allclose(b[list(p)], b, atol=1e-12)
        for p in permutations(range(len(b)))
    )


def test_nodepys_methods_against_a_search_in_floats() -> None:
    """Every method of at most five stages after reduction: all permutations, all equations."""
    verdicts = {}
    for name, method in rk.loadRKM().items():
        if name == "SDIRK34":
            continue  # a field of degree 3: its exact tableau alone takes most of a second
        try:
            tableau = ButcherTableau.from_nodepy(method)
        except DomainError:
            continue  # rounded decimals, counted in test_contractivity
        small = reduced(tableau)
        if small.stages > 5:
            continue
        assert isinstance(small, ButcherTableau)
        A, b, _, _ = small.float64()
        M = b[:, None] * A + (b[:, None] * A).T - np.outer(b, b)
        verdicts[name] = (is_symmetric(tableau), is_symplectic(tableau))
        assert verdicts[name] == (_symmetric_by_search(small), abs(M).max() < 1e-13), name
    assert len(verdicts) >= 24
    assert {name for name, (symmetric, _) in verdicts.items() if symmetric} == {
        "GL2",
        "GL3",
        "LobattoIIIA2",
        "LobattoIIIA3",
    }
    assert {name for name, (_, symplectic) in verdicts.items() if symplectic} == {"GL2", "GL3"}


def test_symmetry_in_numbers() -> None:
    """Ψ(−h)Ψ(h) = 1 for the linear test equation, exactly: R(z)R(−z) = 1 is necessary."""
    for tableau in (CollocationTableau("LobattoIIIB", 4), CollocationTableau("Gauss", 3)):
        R = tableau.stability_function()
        z = sympy.Rational(3, 7)
        assert sympy.simplify(R.exact(z) * R.exact(-z)) == 1
        assert reduction(tableau.algebra()).algebra.dimension == tableau.stages
