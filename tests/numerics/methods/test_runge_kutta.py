"""Runge–Kutta steps: observed orders against independent solutions, stages, batches, Newton."""

from collections.abc import Callable
from functools import cache
from typing import Any

import mpmath
import numpy as np
import pytest
from scipy.integrate import RK45, solve_ivp
from scipy.integrate._ivp.rk import rk_step

from flowcert.errors import ConvergenceError, DomainError, StructureError, UnknownNameError
from flowcert.numerics import FieldSystem, System
from flowcert.numerics import methods as shipped
from flowcert.numerics.elementary import cos, sin
from flowcert.numerics.methods import (
    RK4,
    SDIRK2,
    SDIRK3,
    SSP22,
    BackwardEuler,
    BogackiShampine,
    DormandPrince,
    Euler,
    GaussLegendre,
    Heun,
    ImplicitMidpoint,
    ImplicitTrapezoid,
    LobattoIIIA,
    LobattoIIIB,
    LobattoIIIC,
    RadauIA,
    RadauIIA,
    RungeKutta,
)
from flowcert.numerics.methods.registry import find_method
from flowcert.numerics.tableau import ButcherTableau

SINGLE = [m for m in map(shipped.__dict__.get, shipped.__all__) if isinstance(m, RungeKutta)]
FAMILIES = [GaussLegendre, RadauIA, RadauIIA, LobattoIIIA, LobattoIIIB, LobattoIIIC]
OF_FAMILIES = [f(s) for f in FAMILIES for s in range(2 if "Lob" in f.__name__ else 1, 6)]
METHODS = SINGLE + OF_FAMILIES


def _pendulum_jacobian(t: Any, y: Any) -> Any:
    zero, one = 0 * y[..., 0], 0 * y[..., 0] + 1
    rows = [np.stack([zero, one], axis=-1), np.stack([-cos(y[..., 0]), zero], axis=-1)]
    return np.stack(rows, axis=-2)


PENDULUM = FieldSystem(
    lambda t, y: np.stack([y[..., 1], -sin(y[..., 0])], axis=-1),
    2,
    _pendulum_jacobian,
    autonomous=True,
)
# ẏ = −t y² + sin t
RICCATI = FieldSystem(lambda t, y: -t * y * y + sin(t), 1, lambda t, y: (-2 * t * y)[..., None])
SHORT_END = 0.25 + 2.0**-9
START = {"pendulum": [1.0, 0.5], "riccati": [0.75]}
SYSTEMS = {"pendulum": PENDULUM, "riccati": RICCATI}


@cache
def float_solution(problem: str, begin: float, end: float) -> np.ndarray:
    """By scipy's DOP853."""
    solved = solve_ivp(
        SYSTEMS[problem], (begin, end), START[problem], method="DOP853", rtol=1e-13, atol=1e-14
    )
    return np.asarray(solved.y[:, -1])


@cache
def exact_solution(problem: str, begin: float, end: float, digits: int) -> np.ndarray:
    """By mpmath's Taylor series."""
    with mpmath.workdps(digits):
        rates: Callable[[Any, Any], list[Any]] = {
            "pendulum": lambda t, y: [y[1], -mpmath.sin(y[0])],
            "riccati": lambda t, y: [-t * y[0] ** 2 + mpmath.sin(t)],
        }[problem]
        start = [mpmath.mpf(x) for x in START[problem]]
        solution = mpmath.odefun(rates, mpmath.mpf(begin), start)(mpmath.mpf(end))
        return np.array(list(solution), dtype=object)


def run(method: RungeKutta, system: System, t: Any, end: Any, y: Any, steps: int) -> Any:
    h = (end - t) / steps
    for k in range(steps):
        y = method.step(system, t + k * h, y, h)
    return y


def slope(errors: list[Any], steps: list[int]) -> float:
    return float(mpmath.log(errors[-2] / errors[-1]) / mpmath.log(steps[-1] / steps[-2]))


@pytest.mark.parametrize("problem", START)
@pytest.mark.parametrize("method", [m for m in METHODS if m.order <= 5], ids=str)
def test_observed_order(method: RungeKutta, problem: str) -> None:
    """The slope of the global error over [0.2, 1.2], in float64 against scipy."""
    steps = {1: [640, 1280], 2: [80, 160], 3: [80, 160], 4: [40, 80], 5: [20, 40]}[method.order]
    y = np.array(START[problem])
    true = float_solution(problem, 0.2, 1.2)
    errors = [np.abs(run(method, SYSTEMS[problem], 0.2, 1.2, y, n) - true).max() for n in steps]
    assert abs(slope(errors, steps) - method.order) <= 0.15


@pytest.mark.parametrize("problem", START)
@pytest.mark.parametrize("method", [m for m in METHODS if m.order > 5], ids=str)
def test_observed_order_in_60_digits(method: RungeKutta, problem: str) -> None:
    steps = [1, 2]
    with mpmath.workdps(60):
        t, end = mpmath.mpf(0.25), mpmath.mpf(SHORT_END)
        y = np.array([mpmath.mpf(x) for x in START[problem]], dtype=object)
        true = exact_solution(problem, 0.25, SHORT_END, 60)
        errors = [abs(run(method, SYSTEMS[problem], t, end, y, n) - true).max() for n in steps]
        assert errors[-1] > mpmath.mpf(10) ** -50
        assert abs(slope(errors, steps) - method.order) <= 0.15


def test_the_reference_solutions_agree() -> None:
    for problem in START:
        exact = exact_solution(problem, 0.25, 0.5, 20).astype(float)
        np.testing.assert_allclose(float_solution(problem, 0.25, 0.5), exact, atol=2e-13)


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_the_stages_satisfy_their_equations(method: RungeKutta) -> None:
    """Read off the definition, at a step long enough that nothing is nearly linear."""
    t, h, y = 0.5, 0.4, np.array([1.0])
    A, b, c, _ = method.tableau.float64()
    slopes = np.array(method.slopes(RICCATI, t, y, h))
    for i, k in enumerate(slopes):
        stage = y + h * (A[i] @ slopes)
        np.testing.assert_allclose(k, RICCATI(t + c[i] * h, stage), rtol=0, atol=4e-15)
    stepped = method.step(RICCATI, t, y, h)
    np.testing.assert_allclose(stepped, y + h * (b @ slopes), rtol=0, atol=1e-15)


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_a_batch_is_its_elements(method: RungeKutta) -> None:
    rng = np.random.default_rng(0)
    y = rng.uniform(-1, 1, (3, 2, 2))
    together = method.step(PENDULUM, 0.0, y, 0.2)
    for index in np.ndindex(3, 2):
        alone = method.step(PENDULUM, 0.0, y[index], 0.2)
        np.testing.assert_allclose(together[index], alone, rtol=0, atol=1e-15)


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_no_step_and_steps_back(method: RungeKutta) -> None:
    y = np.array([0.3, -0.2])
    np.testing.assert_array_equal(method.step(PENDULUM, 0.0, y, 0.0), y)
    there = method.step(PENDULUM, 0.0, y, 1e-3)
    back = method.step(PENDULUM, 1e-3, there, -1e-3)
    np.testing.assert_allclose(back, y, rtol=0, atol=2e-15 if method.symmetric else 1e-5)


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_linear_equations_see_the_stability_function(method: RungeKutta) -> None:
    """One step of ẏ = λy against R(hλ) = det(I − zA + z·1bᵀ)/det(I − zA)."""
    z = -0.7
    A, b, _, _ = method.tableau.float64()
    eye = np.eye(len(b))
    R = np.linalg.det(eye - z * A + z * np.outer(np.ones(len(b)), b)) / np.linalg.det(eye - z * A)
    system = FieldSystem(lambda t, y: z * y, 1, lambda t, y: np.full((*y.shape, 1), z))
    assert abs(method.step(system, 0.0, np.ones(1), 1.0)[0] - R) < 1e-14


def test_dormand_prince_steps_as_scipy() -> None:
    y, h = np.array([1.0, 0.5]), 0.3
    slopes = np.empty((7, 2))
    scipys, last = rk_step(
        lambda t, x: PENDULUM(t, x), 0.0, y, PENDULUM(0.0, y), h, RK45.A, RK45.B, RK45.C, slopes
    )
    ours, error, our_slopes = DormandPrince.step_with_error(PENDULUM, 0.0, y, h)
    np.testing.assert_allclose(ours, scipys, rtol=0, atol=1e-15)
    np.testing.assert_allclose(our_slopes[-1], last, rtol=0, atol=1e-15)
    np.testing.assert_allclose(error, -h * (slopes.T @ RK45.E), rtol=0, atol=1e-15)


@pytest.mark.parametrize("method", [BogackiShampine, DormandPrince], ids=str)
def test_the_first_slope_may_be_handed_over(method: RungeKutta) -> None:
    y, calls = np.array([1.0, 0.5]), []

    def count(t: Any, x: Any) -> Any:
        calls.append(t)
        return PENDULUM(t, x)

    system = FieldSystem(count, 2)
    there, _, slopes = method.step_with_error(system, 0.0, y, 0.1)
    used = len(calls)
    again, _, _ = method.step_with_error(system, 0.1, there, 0.1, first=slopes[-1])
    assert len(calls) - used == used - 1
    np.testing.assert_allclose(again, method.step(PENDULUM, 0.1, there, 0.1), rtol=0, atol=1e-15)


@pytest.mark.parametrize("method", [ImplicitMidpoint, ImplicitTrapezoid, SDIRK2], ids=str)
def test_few_evaluations_with_an_analytic_jacobian(method: RungeKutta) -> None:
    calls = []

    def count(t: Any, y: Any) -> Any:
        calls.append(t)
        return PENDULUM(t, y)

    system = FieldSystem(count, 2, _pendulum_jacobian, autonomous=True)
    run(method, system, 0.0, 10.0, np.array([1.0, 0.5]), 100)
    implicit = sum(a != 0 for a in np.diag(method.tableau.float64().A))
    assert len(calls) / 100 <= 6 * implicit + (method.tableau.stages - implicit)


@pytest.mark.parametrize("method", [BackwardEuler, SDIRK3, GaussLegendre(3)], ids=str)
def test_without_a_jacobian_the_step_is_the_same(method: RungeKutta) -> None:
    y = np.array([1.0, 0.5])
    rough = FieldSystem(lambda t, y: PENDULUM(t, y), 2)
    ours = method.step(rough, 0.0, y, 0.1)
    np.testing.assert_allclose(ours, method.step(PENDULUM, 0.0, y, 0.1), rtol=0, atol=2e-15)


@pytest.mark.parametrize("method", [BackwardEuler, SDIRK2, RadauIIA(3)], ids=str)
def test_stiff_decay_is_damped(method: RungeKutta) -> None:
    stiff = FieldSystem(lambda t, y: -1e6 * (y - cos(t)), 1, lambda t, y: -1e6 + 0 * y[..., None])
    end = run(method, stiff, 0.0, 1.0, np.array([2.0]), 10)
    assert abs(end[0] - np.cos(1.0)) < 1e-5


def test_an_equation_without_solution_is_told() -> None:
    # k = 1 + (y + hk)² has no real solution for h = 1
    blow_up = FieldSystem(lambda t, y: 1 + y * y, 1, lambda t, y: 2 * y[..., None])
    with pytest.raises((ConvergenceError, DomainError)):
        BackwardEuler.step(blow_up, 0.0, np.array([1.0]), 1.0)


def test_families_are_cached_and_named() -> None:
    for family in FAMILIES:
        method = family(3)
        assert method is family(3)
        assert method.name == f"{family.__name__}(3)"
    with pytest.raises(DomainError, match="Gauss with 0"):
        GaussLegendre(0)
    with pytest.raises(DomainError, match="LobattoIIIA with 1"):
        LobattoIIIA(1)


def test_small_families_are_the_methods_of_old() -> None:
    """Gauss(1) is the midpoint rule, Radau IIA(1) backward Euler, Lobatto IIIA(2) the trapezoid."""
    pairs = [
        (GaussLegendre(1), ImplicitMidpoint),
        (RadauIIA(1), BackwardEuler),
        (LobattoIIIA(2), ImplicitTrapezoid),
    ]
    y = np.array([1.0, 0.5])
    for family, single in pairs:
        assert family.tableau.exact() == single.tableau  # type: ignore[attr-defined]
        ours, theirs = (m.step(PENDULUM, 0.0, y, 0.3) for m in (family, single))
        np.testing.assert_array_equal(ours, theirs)
    assert SSP22.tableau == Heun.tableau


def test_a_tableau_is_made_when_it_is_needed() -> None:
    made = []

    def make() -> ButcherTableau:
        made.append(1)
        return ButcherTableau([[0]], [1], [0])

    method = RungeKutta("late", make, order=1)
    assert not made
    np.testing.assert_array_equal(method.step(PENDULUM, 0.0, np.zeros(2), 0.1), np.zeros(2))
    method.step(PENDULUM, 0.0, np.zeros(2), 0.1)
    assert made == [1]


def test_declared_structure_is_the_derived_one() -> None:
    for method in METHODS:
        assert method.tableau.is_symplectic() == method.symplectic, method
        assert method.tableau.is_symmetric() == method.symmetric, method
    assert RK4.symplectic is RK4.symmetric is False


def test_arguments_of_another_kind_are_refused_at_once() -> None:
    euler = Euler.tableau
    for name, tableau, named in [
        (euler, "Mine", "ButcherTableau as the name"),
        ("mine", [[0]], "list as the tableau of mine"),
        ("mine", ButcherTableau, "as the tableau"),
        ("mine", RK4, "RungeKutta as the tableau"),
    ]:
        with pytest.raises(StructureError, match=named):
            RungeKutta(name, tableau, order=1)  # type: ignore[arg-type]


def test_too_few_stages_are_told_by_the_family() -> None:
    with pytest.raises(DomainError, match=r"Gauss with 0 .* The smallest is Gauss with 1 stage\.$"):
        GaussLegendre(0)
    with pytest.raises(DomainError, match=r"Lobatto methods have a node at either end\.$"):
        LobattoIIIA(1)


@pytest.mark.parametrize("name", [None, RK4, 3])
def test_a_name_is_a_text(name: object) -> None:
    with pytest.raises(UnknownNameError, match=f"got {type(name).__name__} as a name"):
        find_method(name)  # type: ignore[arg-type]
