"""Contraction certificates: exact forms, forgeries, known factors, data that attain the bound."""

import json
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from flowcert import ConvergenceError, DataError, DomainError
from flowcert.numerics import RK4, SSP33, ButcherTableau, Euler, ExplicitMidpoint, Heun
from flowcert.numerics.methods import (
    SDIRK2,
    BackwardEuler,
    GaussLegendre,
    ImplicitMidpoint,
    Kutta3,
    RadauIIA,
    ThreeEighths,
)
from flowcert.theory.bounds import bound_contractive_factor
from flowcert.theory.contraction import (
    ContractionCertificate,
    runge_kutta_contraction,
    worst_stage_data,
)
from flowcert.theory.contraction.exact_forms import (
    is_positive_semidefinite,
    root_rounded_up,
    smallest_first_entry,
)

EXPLICIT = [Euler, Heun, SSP33, Kutta3, RK4, ThreeEighths, ExplicitMidpoint]
small = st.integers(-3, 3).map(Fraction)


# ------------------------------------------------------------------------------- exact forms


@st.composite
def symmetric(draw, size=3):
    entries = {}
    for i in range(size):
        for j in range(i, size):
            entries[i, j] = entries[j, i] = draw(small)
    return [[entries[i, j] for j in range(size)] for i in range(size)]


@given(symmetric())
def test_semidefiniteness_by_all_principal_minors(form):
    matrix = sympy.Matrix(form)
    subsets = [[0], [1], [2], [0, 1], [0, 2], [1, 2], [0, 1, 2]]
    expected = all(matrix.extract(rows, rows).det() >= 0 for rows in subsets)
    assert is_positive_semidefinite(form) == expected


@given(st.lists(st.lists(small, min_size=3, max_size=3), min_size=1, max_size=2))
def test_singular_squares_are_semidefinite_and_less_is_not(rows):
    form = [[sum(row[i] * row[j] for row in rows) for j in range(3)] for i in range(3)]
    assert is_positive_semidefinite(form)
    lowered = [[x - Fraction(i == j, 10**12) for j, x in enumerate(r)] for i, r in enumerate(form)]
    assert not is_positive_semidefinite(lowered)


@given(symmetric())
def test_smallest_first_entry_is_the_smallest(form):
    smallest = smallest_first_entry(form)
    more = [list(row) for row in form]
    if smallest is None:
        more[0][0] += 10**12
        assert not is_positive_semidefinite(more)
        return
    more[0][0] += smallest
    assert is_positive_semidefinite(more)
    if smallest > 0:
        more[0][0] -= smallest / 10**9
        assert not is_positive_semidefinite(more)


@given(st.fractions(0, 10**6, max_denominator=10**9))
def test_roots_are_rounded_up_to_the_next_float(square):
    root = root_rounded_up(square)
    assert Fraction(root) ** 2 >= square
    assert root == 0 or Fraction(np.nextafter(root, 0.0)) ** 2 < square


# ------------------------------------------------------------------------------- factors


@settings(max_examples=40, deadline=None)
@given(st.floats(-3, 5), st.floats(0, 1))
def test_euler_has_the_sharp_factor(h, a):
    exact = max(abs(1 - Fraction(h) * Fraction(a)), abs(1 - Fraction(h)))
    bound = runge_kutta_contraction(Euler.tableau, h, a, 1).bound_factor
    assert Fraction(bound) >= exact
    assert bound <= float(bound_contractive_factor(a, h)) + 1e-9


@pytest.mark.parametrize("method", EXPLICIT, ids=str)
@pytest.mark.parametrize("h", [1e-300, 0.1, 1.9, 3.0, -0.7, 100.0])
def test_bounds_are_certified_and_nearly_attained(method, h):
    certificate = runge_kutta_contraction(method.tableau, h, 0.25, 1)
    assert certificate.verify()
    data = worst_stage_data(method.tableau, h, 0.25, 1)
    assert data.is_admissible()
    assert data.factor_squared <= certificate.factor_squared
    assert certificate.bound_factor <= float(data.factor_squared) ** 0.5 * (1 + 1e-6)


RADAU = RadauIIA(2)


@pytest.mark.parametrize("method", [*EXPLICIT, BackwardEuler, ImplicitMidpoint, RADAU], ids=str)
def test_a_single_slope_is_the_stability_function_exactly(method):
    tableau = RADAU.tableau.exact() if method is RADAU else method.tableau
    z, A, b = sympy.Rational(-3, 4), sympy.Matrix(tableau.A), sympy.Matrix([tableau.b])
    R = 1 + z * (b * (sympy.eye(A.rows) - z * A).inv() * sympy.ones(A.rows, 1))[0]
    certificate = runge_kutta_contraction(method.tableau, Fraction(3, 2), Fraction(1, 2), 0.5)
    assert certificate.verify()
    assert sympy.Rational(str(certificate.factor_squared)) == R**2
    assert not replace(certificate, factor_squared=certificate.factor_squared / 2).verify()


@pytest.mark.parametrize(
    ("method", "h", "factor"),
    [
        (BackwardEuler, 10, Fraction(1, 6)),  # 1/(1 + ha)
        (BackwardEuler, 1000, Fraction(1, 501)),
        (ImplicitMidpoint, 2, Fraction(1, 3)),  # the larger of (1 − z/2)/(1 + z/2) at both ends
        (ImplicitMidpoint, 10, Fraction(2, 3)),
    ],
    ids=str,
)
def test_implicit_methods_of_one_stage(method, h, factor):
    bound = runge_kutta_contraction(method.tableau, h, 0.5, 1).bound_factor
    assert factor <= Fraction(bound) <= factor + Fraction(1, 10**6)


@pytest.mark.parametrize("gap", [1e-3, 1e-9, 1e-14])
def test_a_narrow_range_of_slopes_costs_no_accuracy(gap):
    """RK4 with slopes in [1 − gap, 1]: nearly linear, R(−1) = 3/8 and |R'| ≤ 1 between."""
    bound = runge_kutta_contraction(RK4.tableau, 1, 1 - gap, 1).bound_factor
    assert 0.375 <= bound <= 0.375 + 2 * gap + 1e-9


def test_composed_steps_have_no_larger_factor_than_the_product():
    """Two steps of Heun as one method of four stages: the certificates multiply."""
    half = ButcherTableau(
        [[0, 0, 0, 0], ["1/2", 0, 0, 0], ["1/4", "1/4", 0, 0], ["1/4", "1/4", "1/2", 0]],
        ["1/4", "1/4", "1/4", "1/4"],
        [0, "1/2", "1/2", 1],
    )
    for h in (1.0, 3.0):
        one = runge_kutta_contraction(Heun.tableau, h / 2, 0.1, 1).bound_factor
        two = runge_kutta_contraction(half, h, 0.1, 1).bound_factor
        assert two <= one**2 + 1e-7


def test_a_wider_range_of_slopes_has_no_smaller_factor():
    factors = [
        runge_kutta_contraction(RK4.tableau, 2.0, a, 1).bound_factor for a in (0.9, 0.5, 0.1, 0.0)
    ]
    assert factors == sorted(factors)
    assert factors[-1] == pytest.approx(1.0, abs=1e-9)


# ------------------------------------------------------------------------------- forgeries


@pytest.fixture(scope="module")
def certificate():
    return runge_kutta_contraction(RK4.tableau, 1.9, 0.5, 1.0)


def forgeries(honest):
    d = honest.multipliers
    yield "smaller factor", {"factor_squared": honest.factor_squared - Fraction(1, 10**8)}
    yield "negative factor", {"factor_squared": Fraction(-1)}
    yield "longer step", {"step": honest.step * Fraction(1001, 1000)}
    yield "wider slopes", {"slope_max": honest.slope_max * Fraction(1001, 1000)}
    yield "lower slopes", {"slope_min": honest.slope_min * Fraction(999, 1000)}
    yield "turned slopes", {"slope_min": honest.slope_max, "slope_max": honest.slope_min}
    yield "too few multipliers", {"multipliers": d[:-1]}
    yield "too many multipliers", {"multipliers": (*d, Fraction(1))}
    for j in range(len(d)):
        wrong = (*d[:j], d[j] * Fraction(9, 10), *d[j + 1 :])
        yield f"multiplier {j}", {"multipliers": wrong}
        yield f"negative multiplier {j}", {"multipliers": (*d[:j], -d[j], *d[j + 1 :])}
    yield "other weights", {"b": honest.b[1:] + honest.b[:1]}
    yield "other method", {"A": ThreeEighths.tableau.A, "b": ThreeEighths.tableau.b}


def test_forged_certificates_do_not_verify(certificate):
    assert certificate.verify()
    survivors = [
        n for n, change in forgeries(certificate) if replace(certificate, **change).verify()
    ]
    assert survivors == []


def test_negative_multipliers_prove_nothing():
    """Backward Euler across its pole: no factor exists, though with d < 0 the form is ⪰ 0."""
    forged = ContractionCertificate(
        A=((Fraction(1),),),
        b=(Fraction(1),),
        step=Fraction(-1),
        slope_min=Fraction(1, 2),
        slope_max=Fraction(3),
        multipliers=(Fraction(-4),),
        factor_squared=Fraction(1000),
    )
    form = forged.forms().lacking(forged.multipliers)
    form[0][0] += forged.factor_squared
    assert is_positive_semidefinite(form)
    assert not forged.verify()


def test_a_larger_factor_still_verifies(certificate):
    assert replace(certificate, factor_squared=certificate.factor_squared + 1).verify()


def test_json_keeps_the_certificate(certificate):
    text = json.dumps(certificate.to_json())
    again = ContractionCertificate.from_json(json.loads(text))
    assert again == certificate
    assert again.verify()
    assert json.loads(text)["bound_factor"] == certificate.bound_factor


@pytest.mark.parametrize("change", [{"step": "x"}, {"b": 1}, {"multipliers": ["1/0"]}, {"A": None}])
def test_a_broken_file_is_refused(certificate, change):
    with pytest.raises(DataError):
        ContractionCertificate.from_json({**certificate.to_json(), **change})
    with pytest.raises(DataError):
        ContractionCertificate.from_json({})


# ------------------------------------------------------------------------------- domains


@pytest.mark.parametrize(
    "arguments",
    [
        (RK4.tableau, float("nan"), 0, 1),
        (RK4.tableau, float("inf"), 0, 1),
        (RK4.tableau, 1, 1, 0.5),
        (RK4.tableau, 1, 0, "much"),
        (GaussLegendre(2).tableau, 1, 0, 1),
        (SDIRK2.tableau, 1, 0, 1),
    ],
    ids=["nan", "inf", "turned", "text", "irrational collocation", "irrational"],
)
def test_the_domain_of_factors(arguments):
    with pytest.raises(DomainError):
        runge_kutta_contraction(*arguments)


def test_a_step_across_a_pole_has_no_certificate():
    """Backward Euler backwards in time: 1 + hλ = 0 for a slope λ in [½, 2]."""
    with pytest.raises(ConvergenceError, match="no multipliers control"):
        runge_kutta_contraction(BackwardEuler.tableau, -1, Fraction(1, 2), 2)
    with pytest.raises(ConvergenceError, match="does not determine"):
        runge_kutta_contraction(BackwardEuler.tableau, -1, Fraction(1, 2), Fraction(3, 2))
    with pytest.raises(ConvergenceError, match="does not determine"):
        runge_kutta_contraction(BackwardEuler.tableau, -1, 1, 1)


@pytest.mark.parametrize("exponent", [-1300, -620, -310, 310, 600])
def test_roots_are_rounded_up_where_the_square_is_no_float(exponent):
    square = Fraction(10) ** exponent * 3
    root = root_rounded_up(square)
    assert Fraction(root) ** 2 >= square
    assert Fraction(np.nextafter(root, 0.0)) ** 2 < square
    assert root_rounded_up(Fraction(10) ** 700) == np.inf


def test_very_long_linear_steps_have_a_factor():
    assert runge_kutta_contraction(BackwardEuler.tableau, 10**200, 1, 1).bound_factor < 1.001e-200
    assert 0.999e200 < runge_kutta_contraction(Euler.tableau, 10**200, 1, 1).bound_factor < 1.1e200


def test_a_certificate_of_another_shape_or_at_a_pole_does_not_verify():
    certificate = runge_kutta_contraction(Heun.tableau, 1, 0, 1)
    wider = tuple((*row, Fraction(0)) for row in certificate.A)
    for A in ((), certificate.A[:1], wider, (*certificate.A, certificate.A[0])):
        assert not replace(certificate, A=A).verify()
    pole = runge_kutta_contraction(BackwardEuler.tableau, 1, 1, 1)
    assert not replace(pole, step=Fraction(-1)).verify()
