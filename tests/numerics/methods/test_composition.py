"""Compositions: coefficients to any number of digits, order, inherited structure, guards."""

from functools import cache
from typing import Any

import mpmath
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from flowcert.errors import ConvergenceError, DomainError, StructureError
from flowcert.numerics import RK4, RungeKutta
from flowcert.numerics.elementary import cos, sin
from flowcert.numerics.methods import composition_coefficients
from flowcert.numerics.methods.composition import (
    Composition,
    Suzuki,
    SuzukiUmeno8,
    TripleJump,
    Yoshida4,
    Yoshida6,
    Yoshida8,
)
from flowcert.numerics.methods.composition_coefficients import (
    SUZUKI_UMENO_8,
    YOSHIDA_6,
    YOSHIDA_8,
    refined,
)
from flowcert.numerics.methods.method import Method
from flowcert.numerics.methods.partitioned import StormerVerlet
from flowcert.numerics.methods.splitting import LieTrotter, Strang
from flowcert.numerics.systems import Piece, SeparableSystem, SplitSystem, System
from flowcert.numerics.tableau import ButcherTableau

State = Any
MIDPOINT = RungeKutta(
    "midpoint", ButcherTableau([["1/2"]], [1], ["1/2"]), order=2, symplectic=True, symmetric=True
)
START = ("0.4", "1.1")

DRIVEN = SeparableSystem(
    lambda t, p: p * (1 + sin(t) / 3),
    lambda t, q: cos(t) - sin(q),
    2,
    lambda t, y: np.array([[0 * t, 1 + sin(t) / 3], [-cos(y[0]), 0 * t]]),
)
DAMPED = SplitSystem(
    [
        *DRIVEN.pieces,
        # A shear that is no drift or kick of its own: v ↦ v + h cos(t) (1, 1).
        Piece(lambda t, y: 0 * y + cos(t), lambda t, y, h: y + h * cos(t)),
    ],
    2,
)
HENON_HEILES = SeparableSystem(
    lambda t, p: p,
    lambda t, q: np.stack([-q[0] - 2 * q[0] * q[1], -q[1] - q[0] * q[0] + q[1] * q[1]], axis=-1),
    4,
    autonomous=True,
)


def _sixty_digits(values: tuple[str, ...]) -> State:
    return np.array([mpmath.mpf(x) for x in values])


def _driven(t: Any, y: list[Any]) -> list[Any]:
    return [y[1] * (1 + mpmath.sin(t) / 3), mpmath.cos(t) - mpmath.sin(y[0])]


def _damped(t: Any, y: list[Any]) -> list[Any]:
    return [rate + mpmath.cos(t) for rate in _driven(t, y)]


def _henon_heiles(t: Any, y: list[Any]) -> list[Any]:
    a, b = y[:2]
    return [y[2], y[3], -a - 2 * a * b, -b - a * a + b * b]


@cache
def _reference(name: str) -> tuple[SplitSystem, tuple[str, ...], State]:
    """The system, the start and the solution at t = 1 by mpmath's Taylor series, to 24 digits."""
    system, start, rates = {
        "driven": (DRIVEN, START, _driven),
        "three pieces": (DAMPED, START, _damped),
        "henon_heiles": (HENON_HEILES, ("0.3", "0.1", "0.2", "-0.3"), _henon_heiles),
    }[name]
    with mpmath.workdps(36):
        y = list(_sixty_digits(start))
        flow = mpmath.odefun(rates, 0, y, tol=mpmath.mpf(10) ** -26)
        return system, start, np.array(list(flow(1)))


def _observed_order_in_sixty_digits(method: Method, name: str, steps: int) -> float:
    system, start, exact = _reference(name)
    with mpmath.workdps(60):
        errors = []
        for n in (steps, 2 * steps):
            y, h = _sixty_digits(start), mpmath.mpf(1) / n
            for i in range(n):
                y = method.step(system, i * h, y, h)
            errors.append(max(abs(y - exact)))
        assert errors[1] > mpmath.mpf(10) ** -21, "the reference is not exact enough"
        return float(mpmath.log(errors[0] / errors[1], 2))


@pytest.mark.parametrize(
    ("method", "name", "steps"),
    [
        (Yoshida6(), "driven", 16),
        (Yoshida6(StormerVerlet), "driven", 16),
        (Yoshida6(StormerVerlet), "henon_heiles", 16),
        (Yoshida6(MIDPOINT), "driven", 16),
        (Yoshida6(), "three pieces", 16),
        (TripleJump(6), "driven", 40),
        (Suzuki(6), "driven", 4),
        (Suzuki(6, StormerVerlet), "henon_heiles", 4),
        (Yoshida8(), "driven", 24),
        (Yoshida8(StormerVerlet), "henon_heiles", 24),
        (SuzukiUmeno8(), "driven", 8),
        (SuzukiUmeno8(StormerVerlet), "henon_heiles", 8),
        (SuzukiUmeno8(), "three pieces", 8),
        (Suzuki(8), "driven", 5),
        (TripleJump(8), "driven", 60),
    ],
    ids=str,
)
def test_observed_order_in_sixty_digits(method: Method, name: str, steps: int) -> None:
    observed = _observed_order_in_sixty_digits(method, name, steps)
    assert observed == pytest.approx(method.order, abs=0.15)


@pytest.mark.parametrize("base", [Strang, StormerVerlet, MIDPOINT], ids=str)
@pytest.mark.parametrize("family", [Yoshida4, TripleJump, Suzuki])
def test_observed_order_4(family: Any, base: Method) -> None:
    method = family(base=base)
    start = np.array([float(x) for x in START])
    exact = solve_ivp(DRIVEN, (0, 1), start, method="DOP853", rtol=1e-13, atol=1e-14).y[:, -1]
    errors = []
    for n in (16, 32):
        y = start
        for i in range(n):
            y = method.step(DRIVEN, i / n, y, 1 / n)
        errors.append(np.abs(y - exact).max())
    assert np.log2(errors[0] / errors[1]) == pytest.approx(4, abs=0.15)


# ------------------------------------------------------------------------ coefficients


@pytest.mark.parametrize(
    "method", [Yoshida4(), Yoshida6(), Yoshida8(), SuzukiUmeno8(), Suzuki(8), TripleJump(8)],
    ids=str,
)  # fmt: skip
def test_power_sums_vanish_to_two_hundred_digits(method: Composition) -> None:
    """Σγ = 1 and Σγᵏ = 0 for odd k below the order: the conditions that need no expansion."""
    weights = method.weights.high_precision(200)
    with mpmath.workdps(220):
        assert abs(sum(weights) - 1) < mpmath.mpf(10) ** -200
        if method.name.startswith(("Suzuki(", "TripleJump(")):
            return  # of a repeated jump only the whole vanishes, see the derived order
        for k in range(3, method.order, 2):
            assert abs(sum(w**k for w in weights)) < mpmath.mpf(10) ** -198


def test_weights_agree_with_published_digits_that_they_were_not_made_from() -> None:
    """Hairer, Lubich and Wanner, Geometric Numerical Integration, (V.3.10), 26 digits."""
    digits = (
        "0.78451361047755726381949763", "0.23557321335935813368479318",
        "-1.17767998417887100694641568", "1.31518632068391121888424973",
    )  # fmt: skip
    found = Yoshida6().weights.high_precision(30)[:4]
    with mpmath.workdps(40):
        for weight, published in zip(found, digits, strict=True):
            assert abs(weight - mpmath.mpf(published)) < 1e-25


@pytest.mark.parametrize(
    ("published", "order"), [(YOSHIDA_6, 6), (YOSHIDA_8, 8), (SUZUKI_UMENO_8, 8)]
)
@pytest.mark.parametrize("index", [0, 1, 2])
def test_a_published_digit_that_is_wrong_is_seen(
    published: tuple[str, ...], order: int, index: int
) -> None:
    flawed = list(published)
    flawed[index] = str(float(flawed[index]) + 1e-9)
    with mpmath.workdps(40), pytest.raises(ConvergenceError, match="published digits"):
        refined(flawed, order)


def test_digits_next_to_no_solution_are_seen() -> None:
    with mpmath.workdps(40), pytest.raises(ConvergenceError, match="published digits"):
        refined(["0.1", "0.2", "0.3"], 6)  # here Newton's matrix becomes singular
    with mpmath.workdps(40), pytest.raises(ConvergenceError, match="published digits"):
        refined(["0.7", "0.2", "-1.1"], 6)  # here it converges, but too far away


def test_digits_without_a_proved_solution_next_to_them_are_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A Newton's method that returns its start: the 15 digits are no solution to 40."""
    monkeypatch.setattr(composition_coefficients, "_newton", lambda start, words: start)
    with mpmath.workdps(40), pytest.raises(ConvergenceError, match="no solution could be proved"):
        refined(YOSHIDA_6, 6)


def test_a_refinement_is_made_once() -> None:
    weights = Yoshida8().weights
    assert weights.high_precision(60) is weights.high_precision(60)


# ------------------------------------------------------------------------ structure and guards


def test_names_are_what_a_person_types() -> None:
    assert [str(m) for m in (Yoshida6(), Yoshida6(StormerVerlet), TripleJump(6), Suzuki())] == [
        "Yoshida6(Strang)",
        "Yoshida6(StormerVerlet)",
        "TripleJump(6, Strang)",
        "Suzuki(4, Strang)",
    ]


def test_methods_are_made_once() -> None:
    assert Yoshida6() is Yoshida6(Strang) is Yoshida6(base=Strang)
    assert Yoshida6() is not Yoshida6(StormerVerlet)
    assert TripleJump(4) is TripleJump()


def test_structure_is_that_of_the_base() -> None:
    assert Yoshida6(StormerVerlet).symplectic
    assert Yoshida6(StormerVerlet).symmetric
    trapezoid = RungeKutta(
        "trapezoid", ButcherTableau([[0, 0], ["1/2", "1/2"]], ["1/2", "1/2"], [0, 1]), 2,
        symmetric=True,
    )  # fmt: skip
    assert Yoshida6(trapezoid).symmetric
    assert not Yoshida6(trapezoid).symplectic
    assert not Composition("lopsided", Strang, ["1/4", "3/4"], 2).symmetric


@pytest.mark.parametrize("base", [Strang, StormerVerlet, MIDPOINT], ids=str)
@pytest.mark.parametrize("family", [Yoshida4, Yoshida6, SuzukiUmeno8, Suzuki])
def test_steps_come_back(family: Any, base: Method) -> None:
    method = family(base=base)
    start = np.array([float(x) for x in START])
    there = method.step(DRIVEN, 0.3, start, 0.3)
    assert np.abs(there - start).max() > 0.1
    assert np.abs(method.step(DRIVEN, 0.6, there, -0.3) - start).max() <= 1e-12


def test_base_steps_are_taken_at_their_own_times() -> None:
    told: list[tuple[float, float]] = []

    class Spy(Method):
        name, order, symmetric = "spy", 2, True

        def step(self, system: System, t: Any, y: State, h: Any) -> State:
            told.append((t, h))
            return y

    Composition("thirds", Spy(), ["1/2", "-1/4", "3/4"], 1).step(DRIVEN, 1.0, np.ones(2), 2.0)
    assert told == [(1.0, 1.0), (2.0, -0.5), (1.5, 1.5)]


def test_systems_are_prepared_by_the_base() -> None:
    with pytest.raises(StructureError, match="SplitSystem"):
        Yoshida4().prepare(lambda t, y: y, 2)
    far = np.array([100.0, 0.0])
    force = lambda t, y: np.stack([y[..., 1], 1 / np.sqrt(y[..., 0] - 99)], axis=-1)  # noqa: E731 # one line says it
    with pytest.raises(StructureError, match="near"):
        Yoshida4(StormerVerlet).prepare(force, 2)
    assert isinstance(Yoshida4(StormerVerlet).prepare(force, 2, near=far), SeparableSystem)
    assert Yoshida4(MIDPOINT).prepare(force, 2, near=far).dimension == 2


@pytest.mark.parametrize("family", [Yoshida4, Yoshida6, Yoshida8, SuzukiUmeno8, TripleJump, Suzuki])
@pytest.mark.parametrize("base", [LieTrotter, RK4], ids=str)
def test_a_base_that_is_not_symmetric_is_refused(family: Any, base: Method) -> None:
    with pytest.raises(StructureError, match="not symmetric"):
        family(base=base)


@pytest.mark.parametrize("order", [2, 5, 10])
@pytest.mark.parametrize("family", [TripleJump, Suzuki])
def test_other_orders_are_refused(family: Any, order: int) -> None:
    with pytest.raises(DomainError, match="order 4, 6 or 8"):
        family(order)


def test_a_base_of_that_order_already_is_refused() -> None:
    with pytest.raises(DomainError, match="above that of the base"):
        Yoshida4(Yoshida4())


def test_a_base_of_higher_order_needs_fewer_jumps() -> None:
    assert len(TripleJump(6, Suzuki(4)).weights.floats) == 3
    assert len(TripleJump(6).weights.floats) == 9
