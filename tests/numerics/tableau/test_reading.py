"""Tableaux from floats, nodepy, scipy and files: recovered exactly or refused."""

import json
import math
import random
import re
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import sympy
from scipy.integrate import BDF, DOP853, RK23, RK45

from flowcert.errors import DataError, DomainError
from flowcert.numerics.methods import RK4, SDIRK3, BogackiShampine, DormandPrince
from flowcert.numerics.tableau import ButcherTableau, read_tableau, tableau_to_json
from flowcert.numerics.tableau.reading import simplest_fraction

GOOD = {"A": [["0", "0"], ["1/2", 0]], "b": [0, "1"], "c": ["0", 0.5], "name": "midpoint"}


def test_dormand_prince_is_scipys() -> None:
    assert ButcherTableau.from_scipy(RK45) == DormandPrince.tableau


def test_bogacki_shampine_is_scipys() -> None:
    assert ButcherTableau.from_scipy(RK23) == BogackiShampine.tableau


def test_scipys_numbers_are_ours() -> None:
    """Beside the exact recovery: the floats themselves."""
    ours = DormandPrince.tableau.float64()
    np.testing.assert_array_equal(ours.A[:6, :5], RK45.A)
    np.testing.assert_array_equal(ours.b[:6], RK45.B)
    np.testing.assert_allclose(ours.b_hat - ours.b, RK45.E, atol=1e-16)


@pytest.mark.parametrize("solver", [DOP853, BDF, int])
def test_other_solvers_are_refused(solver: type) -> None:
    with pytest.raises(DataError, match="RK23 or RK45"):
        ButcherTableau.from_scipy(solver)


def test_fractions_are_recovered() -> None:
    draw = random.Random(1)
    for _ in range(2000):
        q = draw.randint(1, 400_000)
        x = Fraction(draw.randint(-400_000, 400_000), q)
        assert simplest_fraction(float(x)) == x
    assert simplest_fraction(0.0) == 0
    assert simplest_fraction(2.0**-40) == Fraction(1, 2**40)
    assert simplest_fraction(1e12) == 10**12


def test_the_simplest_fraction_is_the_simplest() -> None:
    """Against a search through all smaller denominators."""
    draw = random.Random(2)
    for _ in range(100):
        x = float(Fraction(draw.randint(1, 300), draw.randint(1, 300)))
        smaller = [q for q in range(1, 301) if float(Fraction(round(x * q), q)) == x]
        assert simplest_fraction(x).denominator == smaller[0]


@pytest.mark.parametrize("x", [math.sqrt(2), math.pi, 1 / math.e, math.nan, math.inf, 1e-300])
def test_what_is_no_simple_fraction_is_refused(x: float) -> None:
    with pytest.raises(DomainError, match="no simple fraction"):
        ButcherTableau.from_floats([[x]], [1.0], [x])


def test_random_floats_are_refused() -> None:
    rng = np.random.default_rng(3)
    refused = 0
    for x in rng.random(1000):
        try:
            simplest_fraction(float(x))
        except DomainError:
            refused += 1
    assert refused >= 995


def test_from_floats() -> None:
    A, b, c, _ = RK4.tableau.float64()
    assert ButcherTableau.from_floats(A, b, c) == RK4.tableau
    assert ButcherTableau.from_floats(A.tolist(), b.tolist()) == RK4.tableau
    mixed = [[0.0, 0], [sympy.Float(0.5), "0"]]
    assert ButcherTableau.from_floats(mixed, [0, 1.0]).c == (0, Fraction(1, 2))
    with pytest.raises(DomainError, match="c = A·1"):
        ButcherTableau.from_floats(A, b, [0.0, 0.5, 0.5, 0.9])


def test_from_nodepy_needs_a_method() -> None:
    with pytest.raises(DataError, match="without A, b, c"):
        ButcherTableau.from_nodepy(object())
    built = SimpleNamespace(A=np.zeros((1, 1), dtype=object), b=[sympy.S.One], c=[0])
    assert ButcherTableau.from_nodepy(built) == ButcherTableau([[0]], [1], [0])


def test_a_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "midpoint.json"
    file.write_text(json.dumps(GOOD))
    name, tableau = read_tableau(file)
    assert name == "midpoint"
    assert tableau == ButcherTableau([[0, 0], ["1/2", 0]], [0, 1], [0, "1/2"])
    assert ButcherTableau.read(str(file)) == tableau


@pytest.mark.parametrize("method", [RK4, DormandPrince, SDIRK3], ids=str)
def test_what_is_written_is_read(method: object, tmp_path: Path) -> None:
    file = tmp_path / "tableau.json"
    tableau = method.tableau  # type: ignore[attr-defined]  # parametrised objects are untyped
    file.write_text(tableau_to_json(tableau, "a name"))
    assert read_tableau(file) == ("a name", tableau)
    file.write_text(tableau_to_json(tableau))
    assert read_tableau(file).name == ""


def test_decimals_in_a_file_are_exact(tmp_path: Path) -> None:
    file = tmp_path / "decimal.json"
    file.write_text('{"A": [[0.1]], "b": [1], "c": ["1/10"]}')
    assert read_tableau(file).tableau.A[0][0] == Fraction(1, 10)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(GOOD)[:-20],
        "",
        "[]",
        "null",
        "\x00\x01\x02",
        '{"layers": 3}',
        '{"A": [["0"]], "b": ["1"]}',
        json.dumps({**GOOD, "extra": 1}),
        json.dumps({**GOOD, "name": 3}),
        json.dumps({**GOOD, "A": "0"}),
        json.dumps({**GOOD, "A": [["0", "0"]]}),
        json.dumps({**GOOD, "A": [["0", "0"], ["x", "0"]]}),
        json.dumps({**GOOD, "A": [["0", "0"], [None, "0"]]}),
        json.dumps({**GOOD, "A": [["0", "0"], [True, "0"]]}),
        json.dumps({**GOOD, "A": [["0", "0"], [["1"], "0"]]}),
        json.dumps({**GOOD, "A": [["0", "0"], ["__import__('os').getcwd()", "0"]]}),
        json.dumps({**GOOD, "A": [["0", "0"], ["sqrt.__class__", "0"]]}),
        json.dumps({**GOOD, "A": [["0", "0"], ["9**9**9", "0"]]}),
        json.dumps({**GOOD, "b": [0, "1/3"]}),
        json.dumps({**GOOD, "b": [0, float("nan")]}),
        json.dumps({**GOOD, "b": [0, float("inf")]}),
        json.dumps({**GOOD, "b": [0, 1e400]}),
        json.dumps({**GOOD, "b": {"0": 1}}),
        json.dumps({"A": [["0"] * 70] * 70, "b": ["1"] + ["0"] * 69, "c": ["0"] * 70}),
        "[" * 100_000,
        " " * (1 << 20) + json.dumps(GOOD),
        '{"A": [[1E99999]], "b": [1], "c": [1E99999]}',
        '{"A": [[' + "9" * 5000 + ']], "b": [1], "c": [1]}',
    ],
    ids=lambda text: text[:40].strip() or "blank",
)
def test_bad_files_are_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "bad.json"
    file.write_text(text)
    with pytest.raises(DataError, match=r"bad\.json"):
        read_tableau(file)


def test_missing_and_binary_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.json"):
        read_tableau(tmp_path / "none.json")
    with pytest.raises(DataError):
        read_tableau(tmp_path)
    (tmp_path / "binary.json").write_bytes(bytes(range(256)))
    with pytest.raises(DataError, match=r"binary\.json"):
        read_tableau(tmp_path / "binary.json")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ('{"A": [["0"]], "b": ["1/2"], "c": ["0"]}', "expected the sum 1"),
        ('{"A": [["0"]], "b": ["1"], "c": ["1"]}', "expected c = A·1"),
        ('{"A": [["0"]], "b": ["x"], "c": ["0"]}', "Write it like"),
        (
            '{"A": [["0"]], "b": ["1"], "c": ["0", "1"]}',
            "b of length 1, nodes c of length 2; expected A",
        ),
        (
            '{"A": [["0"]], "b": ["1"], "c": ["0"], "b_hat": ["1", "0"]}',
            "c of length 1, b_hat of length 2; expected A",
        ),
    ],
)
def test_a_bad_tableau_in_a_file_is_told_as_anywhere(text: str, kept: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_text(text, "utf-8")
    with pytest.raises(DataError, match=f"got mine.json: .*{re.escape(kept)}"):
        read_tableau(file)
