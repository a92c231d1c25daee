"""ButcherTableau: what it accepts, what it refuses, how it rounds."""

import math
import pickle
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction

import mpmath
import numpy as np
import pytest
import sympy

from flowcert.errors import DomainError, FlowcertError, ShapeError
from flowcert.numerics.methods import RK4, SDIRK2, SDIRK3, DormandPrince
from flowcert.numerics.tableau import ButcherTableau

HALF = Fraction(1, 2)
HEUN = ([[0, 0], [1, 0]], [HALF, HALF], [0, 1])


@pytest.mark.parametrize(
    "half",
    ["1/2", "0.5", " 2 / 4 ", "1 - .5", "sqrt(1/4)", "-(-1)/2", HALF, sympy.Rational(1, 2)],
    ids=str,
)
def test_entries_that_mean_the_same_give_equal_tableaux(half: object) -> None:
    tableau = ButcherTableau([[0, 0], [np.int64(1), 0]], [half, half], [0, 1])
    assert tableau == ButcherTableau(*HEUN)
    assert hash(tableau) == hash(ButcherTableau(*HEUN))
    assert tableau.b == (HALF, HALF)
    assert all(isinstance(x, Fraction) for x in (*tableau.b, *tableau.c, *tableau.A[1]))


def test_radicals_are_equal_however_they_are_written() -> None:
    gamma = "1 - sqrt(2)/2"
    one = ButcherTableau([[gamma]], [1], [gamma])
    other = ButcherTableau([["(2 - sqrt(2))/2"]], [1], [1 - 1 / sympy.sqrt(2)])
    assert one == other
    assert hash(one) == hash(other)
    # √(3 + 2√2) = 1 + √2
    nested = sympy.sqrt(3 + 2 * sympy.sqrt(2)) - sympy.sqrt(2)
    assert ButcherTableau([[nested]], [1], [1]).A == ((Fraction(1),),)


def test_different_tableaux_are_not_equal() -> None:
    heun = ButcherTableau(*HEUN)
    assert heun != ButcherTableau([[0, 0], [HALF, 0]], [0, 1], [0, HALF])
    assert heun != ButcherTableau(*HEUN, b_hat=[1, 0])
    assert heun != ButcherTableau([[0]], [1], [0])
    assert heun != "heun"
    root2, root3 = "sqrt(2)/2", "sqrt(3)/3"
    assert ButcherTableau([[root2]], [1], [root2]) != ButcherTableau([[root3]], [1], [root3])


@pytest.mark.parametrize(
    ("A", "b", "c", "b_hat", "error", "says"),
    [
        ([[0, 0], [1, 0]], [HALF, HALF], [0], None, ShapeError, "nodes"),
        ([[0, 0], [1]], [HALF, HALF], [0, 1], None, ShapeError, "rows of lengths"),
        ([[0, 0]], [HALF, HALF], [0, 1], None, ShapeError, "rows of lengths"),
        ([], [], [], None, ShapeError, "s ≥ 1"),
        (0, 1, 0, None, ShapeError, "no rows of numbers"),
        ([[0, 0], [1, 0]], [HALF, HALF], [0, 1], [1], ShapeError, "b_hat"),
        ([[0, 0], [1, 0]], [HALF, HALF], [0, HALF], None, DomainError, "c = A·1"),
        ([[0, 0], [1, 0]], [HALF, "1/3"], [0, 1], None, DomainError, "sum 5/6"),
        ([[0, 0], [1, 0]], [HALF, HALF], [0, 1], [1, 1], DomainError, "b_hat with the sum 2"),
        ([[0.0]], [1], [0], None, DomainError, "from_floats"),
        ([[np.float64(0)]], [1], [0], None, DomainError, "from_floats"),
        ([[np.float32(0)]], [1], [0], None, DomainError, "from_floats"),
        ([[mpmath.mpf(0)]], [1], [0], None, DomainError, "from_floats"),
        ([[sympy.Float(0.25)]], [1], [0], None, DomainError, "from_floats"),
        ([[math.nan]], [1], [0], None, DomainError, "nan"),
        ([[sympy.nan]], [1], [0], None, DomainError, "real algebraic"),
        ([[sympy.oo]], [1], [0], None, DomainError, "real algebraic"),
        ([[sympy.I]], [1], [sympy.I], None, DomainError, "real algebraic"),
        ([[1j]], [1], [1j], None, DomainError, "real algebraic"),
        ([[sympy.Symbol("a")]], [1], [sympy.Symbol("a")], None, DomainError, "real algebraic"),
        ([[sympy.pi]], [1], [sympy.pi], None, DomainError, "algebraic numbers"),
        ([[True]], [1], [1], None, DomainError, "True"),
        ([[None]], [1], [0], None, DomainError, "None"),
        ([["sqrt(-1)"]], [1], [0], None, DomainError, "as a number"),
        ([["1/0"]], [1], [0], None, DomainError, "as a number"),
        ([["2**3"]], [1], [0], None, DomainError, "as a number"),
        ([["one"]], [1], [0], None, DomainError, "as a number"),
        ([["1e3"]], [1], [0], None, DomainError, "as a number"),
        ([["sqrt(2, 3)"]], [1], [0], None, DomainError, "as a number"),
        ([["1+" * 300 + "1"]], [1], [0], None, DomainError, "as a number"),
        ([["(" * 150 + ")" * 150]], [1], [0], None, DomainError, "as a number"),
    ],
)
def test_inconsistent_data_are_refused(
    A: object, b: object, c: object, b_hat: object, error: type[FlowcertError], says: str
) -> None:
    with pytest.raises(error, match=says.replace("(", r"\(")):
        ButcherTableau(A, b, c, b_hat)  # type: ignore[arg-type]  # that is the test


def test_a_row_sum_that_is_off_by_a_radical_is_refused() -> None:
    with pytest.raises(DomainError, match="c = A·1"):
        ButcherTableau([["sqrt(2)/2"]], [1], ["7071067811865476/10000000000000000"])


def test_fields_of_high_degree_are_refused_at_once() -> None:
    root = " + ".join(f"sqrt({p})" for p in (2, 3, 5, 7, 11, 13, 17))
    with pytest.raises(DomainError, match="degree 128"):
        ButcherTableau([[root]], [1], [root])


def test_frozen() -> None:
    tableau = ButcherTableau(*HEUN)
    with pytest.raises(AttributeError, match="frozen"):
        tableau.b = (1, 0)
    with pytest.raises(AttributeError, match="frozen"):
        del tableau.A
    with pytest.raises(ValueError, match="read-only"):
        tableau.float64().A[0, 0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        tableau.high_precision(20).b[0] = 1.0


def test_the_classical_table() -> None:
    assert str(RK4.tableau).splitlines()[2].split() == ["1/2", "|", "0", "1/2"]
    assert str(DormandPrince.tableau).splitlines()[-1].split()[:2] == ["|", "5179/57600"]


@pytest.mark.parametrize("method", [RK4, DormandPrince, SDIRK2, SDIRK3], ids=str)
def test_repr_and_pickle_give_the_tableau_back(method: object) -> None:
    tableau = method.tableau  # type: ignore[attr-defined]  # parametrised objects are untyped
    assert eval(repr(tableau)) == tableau
    assert pickle.loads(pickle.dumps(tableau)) == tableau


@pytest.mark.parametrize(
    ("text", "true"),
    [
        ("1 - sqrt(2)/2", lambda: 1 - mpmath.sqrt(2) / 2),
        ("(3 + sqrt(3))/6", lambda: (3 + mpmath.sqrt(3)) / 6),
        # sixteen digits cancel
        (
            "sqrt(2) - 1414213562373095/1000000000000000",
            lambda: mpmath.sqrt(2) - mpmath.mpf(1414213562373095) / 10**15,
        ),
    ],
)
def test_floats_are_correctly_rounded(text: str, true: Callable[[], mpmath.mpf]) -> None:
    rounded = ButcherTableau([[text]], [1], [text]).float64().A[0, 0]
    with mpmath.workdps(60):
        error = abs(true() - mpmath.mpf(rounded))
        for neighbour in (np.nextafter(rounded, -1), np.nextafter(rounded, 2)):
            assert error < abs(true() - mpmath.mpf(neighbour))


def test_other_algebraic_numbers_are_enclosed() -> None:
    gamma = sympy.cos(sympy.pi / 18) / sympy.sqrt(3) + HALF  # Crouzeix's three stages
    root = sympy.rootof(sympy.Poly("x**5 - x - 1", sympy.Symbol("x")), 0)
    assert ButcherTableau([[gamma]], [1], [gamma]).float64().c[0] == 1.0685790213016289
    digits = ButcherTableau([[root]], [1], [root]).high_precision(50).c[0]
    with mpmath.workdps(60):
        assert abs(digits**5 - digits - 1) < mpmath.mpf(10) ** -48


def test_high_precision_is_right_to_its_digits() -> None:
    sixty = SDIRK2.tableau.high_precision(60)
    with mpmath.workdps(80):
        assert abs(sixty.A[0, 0] - (1 - mpmath.sqrt(2) / 2)) < mpmath.mpf(10) ** -60
    assert SDIRK2.tableau.high_precision(60) is sixty
    assert sixty.A.dtype == object
    with mpmath.workdps(60):
        assert SDIRK2.tableau.coefficients(np.array([mpmath.mpf(1)])) is sixty
    assert SDIRK2.tableau.coefficients(np.ones(1)) is SDIRK2.tableau.float64()


def test_explicit_and_diagonally_implicit() -> None:
    def kinds(A: list[list[object]]) -> tuple[bool, bool]:
        tableau = ButcherTableau(A, [HALF, HALF], [sum(map(Fraction, row)) for row in A])
        return tableau.is_explicit(), tableau.is_diagonally_implicit()

    assert kinds([[0, 0], [1, 0]]) == (True, True)
    assert kinds([[0, 0], [HALF, HALF]]) == (False, True)
    assert kinds([[0, 1], [0, 0]]) == (False, False)


def test_importing_the_methods_loads_no_computer_algebra() -> None:
    code = (
        "import sys, flowcert.numerics.methods as m; m.SDIRK2; m.RK4.tableau.float64();"
        "print([x for x in ('sympy', 'mpmath', 'flint') if x in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.stdout.strip() == "[]", run.stderr


@pytest.mark.parametrize(
    "entry", [Fraction(1, 10**400), Fraction(10**400), sympy.sqrt(2) / 10**400]
)
def test_a_coefficient_beyond_float64_is_exact_and_no_float(entry):
    """float64 holds it as 0 or ∞: an implicit method would pass for an explicit one."""
    tableau = ButcherTableau([[entry]], [1], [entry])
    assert not tableau.is_explicit()
    assert tableau.order() == 1
    assert len(tableau.stability_function().denominator) == 2
    with pytest.raises(DomainError, match="float64"):
        tableau.float64()


def test_equal_tableaux_of_differently_written_roots_have_one_hash():
    one = ButcherTableau([["sqrt(8)/8"]], [1], ["sqrt(2)/4"])
    other = ButcherTableau([[1 / sympy.sqrt(8)]], [1], [sympy.root(64, 4) / 8])
    assert one == other
    assert hash(one) == hash(other)


def test_a_number_without_an_enclosure_is_refused_by_name() -> None:
    tangent = sympy.tan(sympy.pi / 7)
    with pytest.raises(DomainError, match=r"tan\(pi/7\)"):
        ButcherTableau([[tangent]], [1], [tangent]).float64()
