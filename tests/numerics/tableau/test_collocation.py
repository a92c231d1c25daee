"""Gauss, Radau, Lobatto: against NumPy's nodes, the books' coefficients, and their definitions."""

from itertools import product

import mpmath
import numpy as np
import pytest
from numpy.polynomial.legendre import leggauss

from flowcert.errors import DomainError
from flowcert.numerics.tableau import ButcherTableau, CollocationTableau
from flowcert.numerics.tableau.nodal_algebra import FAMILIES

ALL = [
    (family, s)
    for family, s in product(FAMILIES, (1, 2, 3, 4, 5, 8, 12))
    if s >= FAMILIES[family].fewest_stages
]


@pytest.mark.parametrize("s", [1, 2, 3, 5, 8, 12, 16])
def test_gauss_nodes_and_weights(s: int) -> None:
    nodes, weights = leggauss(s)
    ours = CollocationTableau("Gauss", s).float64()
    np.testing.assert_allclose(ours.c, (1 + nodes) / 2, atol=4e-16)
    np.testing.assert_allclose(ours.b, weights / 2, atol=4e-16)


@pytest.mark.parametrize(("family", "s"), ALL)
def test_coefficients_satisfy_what_defines_the_family(family: str, s: int) -> None:
    """In 60 digits, on the stages: quadrature, then C, D or the first column."""
    A, b, c, _ = CollocationTableau(family, s).high_precision(60)
    with mpmath.workdps(60):
        small = mpmath.mpf(10) ** -50
        ends = {"Gauss": (False, False), "RadauIA": (True, False), "RadauIIA": (False, True)}
        assert ((c[0] == 0), (c[-1] == 1)) == ends.get(family, (True, True)) or s == 1
        degree = {"G": 2 * s, "R": 2 * s - 1, "L": 2 * s - 2}[family[0]]
        for k in range(1, degree + 1):
            assert abs((b * c ** (k - 1)).sum() * k - 1) < small
        assert abs((b * c**degree).sum() * (degree + 1) - 1) > small
        for k in range(1, s + (family != "LobattoIIIC")):
            if family in {"RadauIA", "LobattoIIIB"}:
                assert np.all(abs((b * c ** (k - 1)) @ A * k - b * (1 - c**k)) < small)
            else:
                assert np.all(abs(A @ c ** (k - 1) * k - c**k) < small)
        if family == "LobattoIIIC":
            assert np.all(abs(A[:, 0] - b[0]) < small)


@pytest.mark.parametrize(("family", "s"), ALL)
def test_float64_is_the_nearest_to_60_digits(family: str, s: int) -> None:
    tableau = CollocationTableau(family, s)
    rounded, digits = tableau.float64(), tableau.high_precision(60)
    for ours, true in zip(rounded[:3], digits[:3], strict=True):
        with mpmath.workdps(60):
            assert np.array_equal(ours, np.array(true, dtype=float))  # mpmath rounds to nearest
    assert not rounded.A.flags.writeable


@pytest.mark.parametrize(
    ("family", "zeros"), [("LobattoIIIA", np.s_[0, :]), ("LobattoIIIB", np.s_[:, -1])]
)
def test_zeros_are_exact(family: str, zeros: object) -> None:
    for s in (2, 3, 7, 12):
        A = CollocationTableau(family, s).float64().A
        assert np.all(A[zeros] == 0)  # type: ignore[index]  # an index expression
        assert (A == 0).sum() == s


@pytest.mark.parametrize(("family", "s"), ALL)
def test_balls_contain_the_coefficients(family: str, s: int) -> None:
    import flint

    tableau = CollocationTableau(family, s)
    balls = tableau.balls(200)
    digits = tableau.high_precision(100)
    for ball, number in zip(
        [*balls.b, *balls.c, *(x for row in balls.A for x in row)],
        [*digits.b, *digits.c, *digits.A.ravel()],
        strict=True,
    ):
        assert ball == 0 or ball.rel_accuracy_bits() >= 200
        with mpmath.workdps(100):
            text = mpmath.nstr(number, 100)
        before, flint.ctx.prec = flint.ctx.prec, 400
        try:
            # the text is right to 1e-99; the ball, widened by as much, must overlap it
            assert ball.overlaps(flint.arb(text) + flint.arb(0, "1e-90"))
        finally:
            flint.ctx.prec = before


BOOK = {
    ("Gauss", 2): (
        [["1/4", "1/4 - sqrt(3)/6"], ["1/4 + sqrt(3)/6", "1/4"]],
        ["1/2", "1/2"],
        ["1/2 - sqrt(3)/6", "1/2 + sqrt(3)/6"],
    ),
    ("RadauIA", 2): ([["1/4", "-1/4"], ["1/4", "5/12"]], ["1/4", "3/4"], [0, "2/3"]),
    ("RadauIIA", 2): ([["5/12", "-1/12"], ["3/4", "1/4"]], ["3/4", "1/4"], ["1/3", 1]),
    ("RadauIIA", 3): (
        [
            ["(88 - 7*sqrt(6))/360", "(296 - 169*sqrt(6))/1800", "(-2 + 3*sqrt(6))/225"],
            ["(296 + 169*sqrt(6))/1800", "(88 + 7*sqrt(6))/360", "(-2 - 3*sqrt(6))/225"],
            ["(16 - sqrt(6))/36", "(16 + sqrt(6))/36", "1/9"],
        ],
        ["(16 - sqrt(6))/36", "(16 + sqrt(6))/36", "1/9"],
        ["(4 - sqrt(6))/10", "(4 + sqrt(6))/10", 1],
    ),
    ("LobattoIIIA", 3): (
        [[0, 0, 0], ["5/24", "1/3", "-1/24"], ["1/6", "2/3", "1/6"]],
        ["1/6", "2/3", "1/6"],
        [0, "1/2", 1],
    ),
    ("LobattoIIIB", 3): (
        [["1/6", "-1/6", 0], ["1/6", "1/3", 0], ["1/6", "5/6", 0]],
        ["1/6", "2/3", "1/6"],
        [0, "1/2", 1],
    ),
    ("LobattoIIIC", 3): (
        [["1/6", "-1/3", "1/6"], ["1/6", "5/12", "-1/12"], ["1/6", "2/3", "1/6"]],
        ["1/6", "2/3", "1/6"],
        [0, "1/2", 1],
    ),
}


@pytest.mark.parametrize(("family", "s"), BOOK)
def test_coefficients_of_the_book(family: str, s: int) -> None:
    """Hairer and Wanner II, tables IV.5.2 to IV.5.12."""
    assert CollocationTableau(family, s).exact() == ButcherTableau(*BOOK[family, s])


def test_radicals_and_balls_agree() -> None:
    for family, s in ALL:
        tableau = CollocationTableau(family, s)
        try:
            exact = tableau.exact()
        except DomainError:
            continue
        for ours, other in zip(tableau.float64()[:3], exact.float64()[:3], strict=True):
            assert np.array_equal(ours, other)


def test_what_has_no_square_roots_says_so() -> None:
    with pytest.raises(DomainError, match="nodes that are rational or quadratic"):
        CollocationTableau("Gauss", 4).exact()
    with pytest.raises(DomainError, match="c = A·1"):
        CollocationTableau("LobattoIIIB", 2).exact()


@pytest.mark.parametrize(
    ("family", "s"),
    [("Gauß", 2), ("Gauss", 0), ("LobattoIIIA", 1), ("Gauss", 2.0), ("Gauss", True), ("Gauss", -1)],
)
def test_misuse(family: str, s: int) -> None:
    with pytest.raises(DomainError):
        CollocationTableau(family, s)


def test_equality_and_freezing() -> None:
    gauss = CollocationTableau("Gauss", 3)
    assert gauss == CollocationTableau("Gauss", 3)
    assert hash(gauss) == hash(CollocationTableau("Gauss", 3))
    assert gauss != CollocationTableau("Gauss", 4)
    assert gauss != CollocationTableau("RadauIA", 3)
    assert repr(gauss) == "CollocationTableau('Gauss', 3)"
    with pytest.raises(AttributeError, match="frozen"):
        gauss.family = "RadauIA"
