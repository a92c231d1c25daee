"""One suite for every method in ``solve_ivp``, and what adaptive pairs and options do."""

import functools
import warnings

import numpy as np
import pytest
from scipy.integrate import OdeSolver, solve_ivp
from scipy.sparse import csc_matrix

from flowcert import ConvergenceError, DomainError, ShapeError, StructureError
from flowcert.numerics import (
    RK4,
    SSP33,
    BogackiShampine,
    ButcherTableau,
    DormandPrince,
    Euler,
    FieldSystem,
    GaussLegendre,
    GradientField,
    Heun,
    ImplicitMidpoint,
    Invariant,
    LinearField,
    Projection,
    Relaxation,
    RungeKutta,
    SeparableHamiltonian,
    SphereSystem,
    StormerVerlet,
    SwitchingSystem,
    all_methods,
    as_scipy,
    flow_map,
)
from flowcert.numerics.problems import Pendulum

PENDULUM = SeparableHamiltonian(
    kinetic=lambda p: (p * p)[..., 0] / 2,
    potential=lambda q: 1 - np.cos(q[..., 0]),
    kinetic_gradient=lambda p: p,
    potential_gradient=np.sin,
    kinetic_hessian=lambda p: (0 * p + 1)[..., None],
    potential_hessian=lambda q: np.cos(q)[..., None],
    dimension=2,
)


def _rigid_body_matrix(t, y):
    """S(y) of the free top with moments 1, 2, 3: ẏ = y × (I⁻¹y)."""
    a, b, c = y[..., 0], y[..., 1] / 2, y[..., 2] / 3
    o = np.zeros_like(a)
    rows = [[o, c, -b], [-c, o, a], [b, -a, o]]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


HEUN_EULER = RungeKutta(
    "HeunEuler", ButcherTableau([[0, 0], [1, 0]], ["1/2", "1/2"], [0, 1], [1, 0]), 2
)
ENERGY = Invariant("energy", 2, PENDULUM.energy, PENDULUM.gradient)
METHODS = [*all_methods(), Projection(RK4, ENERGY), Relaxation(RK4, ENERGY)]

TOP = SphereSystem(_rigid_body_matrix, 3, autonomous=True)
START = {PENDULUM: np.array([1.0, 0.5]), TOP: np.array([0.4, 0.8, -0.5])}
SPAN = (0.5, 3.5)


def pendulum(t, y):
    """A plain function, as scipy's users write it: for one state only."""
    q, p = y
    return [p, -np.sin(q)]


def driven(t, y):
    """Not autonomous: y(t) = 1/(1/y₀ + sin t)."""
    return -(y**2) * np.cos(t)


def pendulum_jacobian(t, y):
    q, _ = y
    return [[0.0, 1.0], [-np.cos(q), 0.0]]


def top(t, y):
    a, b, c = y
    return [-b * c / 6, 2 * a * c / 3, -a * b / 2]


def top_jacobian(t, y):
    a, b, c = y
    return [[0.0, -c / 6, -b / 6], [2 * c / 3, 0.0, 2 * a / 3], [-b / 2, -a / 2, 0.0]]


PLAIN = {PENDULUM: (pendulum, pendulum_jacobian), TOP: (top, top_jacobian)}


@functools.cache
def system_of(method):
    """The pendulum, or for methods on spheres the free top."""
    try:
        method.step(method.prepare(PENDULUM), 0.0, START[PENDULUM], 0.1)
    except StructureError:
        return TOP
    return PENDULUM


@functools.cache
def reference(system, span=SPAN):
    """A solution that is right to about 1e-12, by scipy alone, at every time of the span."""
    run = solve_ivp(
        system.rate, span, START[system], method="DOP853", rtol=2.3e-14, atol=1e-14,
        dense_output=True, max_step=0.02,
    )  # fmt: skip
    return run.sol


def solve(method, span=SPAN, h=0.1, y0=None, **options):
    system = system_of(method)
    start = START[system] if y0 is None else y0
    return solve_ivp(system, span, start, method=as_scipy(method), h=h, **options)


def error_at_the_steps(run, system):
    return np.abs(run.y - reference(system)(run.t)).max()


every_method = pytest.mark.parametrize("method", METHODS, ids=repr)


@every_method
def test_it_is_the_flow_map(method):
    run = solve(method)
    assert run.success
    assert np.allclose(run.t, 0.5 + 0.1 * np.arange(31), rtol=0, atol=1e-15)
    assert run.t[-1] == 3.5
    system = system_of(method)
    y = flow_map(system, START[system], SPAN, method, 30)
    assert np.abs(run.y[:, -1] - y).max() < 1e-12
    assert error_at_the_steps(run, system) < 5 * 0.1**method.order


@every_method
def test_backward(method):
    system = system_of(method)
    end = reference(system)(SPAN[1])
    run = solve(method, SPAN[::-1], y0=end, dense_output=True, t_eval=[3.3, 1.234, 0.5])
    assert run.t.tolist() == [3.3, 1.234, 0.5]
    back = flow_map(system, end, SPAN[::-1], method, 30)
    assert np.abs(run.y[:, -1] - back).max() < 1e-12
    assert np.abs(run.y - reference(system)(run.t)).max() < 5 * 0.1**method.order
    assert np.abs(run.sol(run.t) - run.y).max() == 0


@every_method
def test_the_last_step_is_cut(method):
    run = solve(method, (0.5, 1.5), h=0.3)
    assert np.allclose(run.t, [0.5, 0.8, 1.1, 1.4, 1.5], rtol=0, atol=1e-15)
    assert run.t[-1] == 1.5
    system = method.prepare(system_of(method))
    cut = method.step(system, run.t[-2], run.y[:, -2], 1.5 - run.t[-2])
    assert np.abs(run.y[:, -1] - cut).max() < 1e-14


@every_method
def test_dense_output_is_as_good_as_the_steps(method):
    run = solve(method, dense_output=True)
    system = system_of(method)
    assert np.abs(run.sol(run.t) - run.y).max() == 0
    inside = np.linspace(0.51, 3.49, 41)
    error = np.abs(run.sol(inside) - reference(system)(inside)).max()
    assert error < 1.5 * error_at_the_steps(run, system) + 1e-11
    assert run.sol(1.23).shape == (system.dimension,)
    assert np.array_equal(run.sol(np.array([1.23, 0.77]))[:, 0], run.sol(1.23))


@every_method
def test_t_eval(method):
    times = [0.5, 0.55, 0.6, 0.777, 3.5]
    run = solve(method, t_eval=times)
    assert run.t.tolist() == times
    steps = solve(method, dense_output=True)
    assert np.array_equal(run.y[:, [0, -1]], steps.y[:, [0, -1]])
    assert np.array_equal(run.y, steps.sol(np.array(times)))


def crossing(system, component, direction, *, terminal=False):
    def event(t, y):
        return y[component]

    event.direction, event.terminal = direction, terminal
    return event


@every_method
def test_events(method):
    system = system_of(method)
    component = {PENDULUM: 0, TOP: 2}[system]
    kinds = [crossing(system, component, d) for d in (-1, 0, 1)]
    span = {PENDULUM: (0.5, 3.5), TOP: (0.5, 12.5)}[system]
    exact = solve_ivp(
        system.rate, span, START[system], method="DOP853", rtol=1e-13, atol=1e-14, events=kinds
    )
    run = solve(method, span, events=kinds, h=0.05)
    assert [len(t) for t in run.t_events] == [len(t) for t in exact.t_events]
    assert max(len(t) for t in exact.t_events) > 0
    scale = 10 * span[1] * 0.05**method.order
    for ours, theirs in zip(run.t_events, exact.t_events, strict=True):
        assert np.all(np.abs(ours - theirs) < scale + 1e-10)
    assert np.abs(run.y_events[1][:, component]).max() < 1e-12  # located on our own solution
    stopped = solve(method, span, events=crossing(system, component, 0, terminal=True), h=0.05)
    assert stopped.status == 1
    assert stopped.t[-1] == run.t_events[1][0]


@every_method
def test_a_plain_function_and_its_jacobian(method):
    system = system_of(method)
    function, jacobian = PLAIN[system]
    run = functools.partial(
        solve_ivp, t_span=SPAN, y0=START[system], method=as_scipy(method), h=0.1
    )
    try:
        method.prepare(
            lambda t, y: np.stack(function(t, np.moveaxis(y, -1, 0)), axis=-1), len(START[system])
        )
    except StructureError:  # it needs pieces, an energy, a skew matrix
        with pytest.raises(StructureError):
            run(function)
        return
    structured = solve(method).y
    assert np.abs(run(function).y - structured).max() < 1e-13
    assert np.abs(run(function, jac=jacobian).y - structured).max() < 1e-13
    sparse = run(function, jac=lambda t, y: csc_matrix(jacobian(t, y)))
    assert np.abs(sparse.y - structured).max() < 1e-13
    assert (
        np.abs(run(lambda t, y: np.stack(function(t, y)), vectorized=True).y - structured).max()
        < 1e-13
    )


# ------------------------------------------------------------------------- order, structure, counts


@pytest.mark.parametrize("method", [Euler, Heun, SSP33, RK4, ImplicitMidpoint], ids=repr)
def test_the_order_of_dense_output_and_events(method):
    """ẏ = −y² cos t, y = 1/(1 + sin t): errors at times between the steps, and of an event."""
    inside = np.array([0.61803, 0.77777, 0.92346])

    def event(t, y):
        return y[0] - 0.6  # 1 + sin t = 5/3

    errors = []
    for n in (64, 128, 256) if method.order > 2 else (512, 1024, 2048):
        run = solve_ivp(
            driven, (0.0, 1.0), [1.0], method=as_scipy(method), h=1 / n,
            dense_output=True, events=event,
        )  # fmt: skip
        at_event = abs(run.t_events[0][0] - np.arcsin(2 / 3))
        errors.append([*np.abs(run.sol(inside)[0] - 1 / (1 + np.sin(inside))), at_event])
    orders = np.log2(np.array(errors)[0] / np.array(errors)[-1]) / 2
    assert np.all(np.abs(orders - method.order) < 0.15), orders


def test_what_the_method_keeps_is_kept_between_the_steps():
    """Implicit midpoint keeps |y|² of the top at every time; an interpolant would not."""
    run = solve_ivp(
        TOP, (0, 10), START[TOP], method=as_scipy(ImplicitMidpoint), h=0.5, dense_output=True
    )
    sizes = np.linalg.norm(run.sol(np.linspace(0, 10, 173)), axis=0)
    assert np.abs(sizes - np.linalg.norm(START[TOP])).max() < 1e-14


def test_counts():
    run = solve(RK4, jac=pendulum_jacobian)
    assert (run.nfev, run.njev, run.nlu) == (4 * 30, 0, 0)
    implicit = solve(ImplicitMidpoint)
    assert 2 * 30 <= implicit.nfev <= 6 * 30
    assert 30 <= implicit.njev <= 2 * 30
    plain = solve_ivp(pendulum, SPAN, [1.0, 0.5], method=as_scipy(ImplicitMidpoint), h=0.1)
    assert 2 * 30 <= plain.nfev <= 6 * 30  # the differences of the Jacobian do not count
    again = solve(RK4, t_eval=[0.55, 0.66])
    assert again.nfev == 4 * 30 + 2 * 4
    assert solve(StormerVerlet).nfev == 3 * 30  # kick, drift, kick


def test_each_state_of_a_batched_call_counts():
    asked = []

    def rate(t, y):
        asked.append(np.prod(y.shape[:-1], dtype=int))
        return np.stack([y[..., 1], -np.sin(y[..., 0])], axis=-1)

    def jacobian(t, y):
        return PENDULUM.jacobian(t, y)

    system = FieldSystem(rate, 2, jacobian, autonomous=True)
    run = solve_ivp(system, SPAN, [1.0, 0.5], method=as_scipy(GaussLegendre(2)), h=0.1)
    assert run.nfev == sum(asked)
    assert set(asked) == {2}  # both stages in one call


def test_the_jacobian_is_used():
    asked = []

    def watched(t, y):
        asked.append(np.shape(y))
        return pendulum_jacobian(t, y)

    solve_ivp(pendulum, (0, 1), [1.0, 0.5], method=as_scipy(ImplicitMidpoint), h=0.1, jac=watched)
    assert len(asked) > 10
    assert set(asked) == {(2,)}
    A = np.array([[-50.0, 1.0], [0.0, -3.0]])
    exact = [solve_ivp(lambda t, y: A @ y, (0, 1), [1.0, 1.0], method=as_scipy(ImplicitMidpoint),
                       h=0.1, jac=jac).y[:, -1] for jac in (A, lambda t, y: A)]  # fmt: skip
    R = np.linalg.solve(np.eye(2) - 0.05 * A, np.eye(2) + 0.05 * A)
    assert np.abs(exact - np.linalg.matrix_power(R, 10) @ [1.0, 1.0]).max() < 1e-13


def test_fields_of_ours_and_arguments_of_theirs():
    field = GradientField([[1.0, 0.5], [0.0, 1.0]])
    run = solve_ivp(field, (0, 1), [1.0, 2.0], method=as_scipy(RK4), h=0.1)
    assert np.abs(run.y[:, -1] - flow_map(field, [1.0, 2.0], (0, 1), RK4, 10)).max() < 1e-14
    assert run.nfev == 40
    shifted = solve_ivp(
        lambda t, y, rate: rate * y, (0, 1), [1.0], args=(-2.0,), method=as_scipy(RK4), h=0.01
    )
    assert abs(shifted.y[0, -1] - np.exp(-2)) < 1e-9


def test_no_span_and_no_state():
    run = solve_ivp(pendulum, (1.0, 1.0), [1.0, 0.5], method=as_scipy(RK4), h=0.1)
    assert run.y[:, -1].tolist() == [1.0, 0.5]
    assert run.nfev == 0
    run = solve_ivp(pendulum, (1.0, 1.0), [1.0, 0.5], method=as_scipy(DormandPrince))
    assert run.y[:, -1].tolist() == [1.0, 0.5]


def test_one_class_for_one_method():
    assert issubclass(as_scipy(RK4), OdeSolver)
    assert as_scipy(RK4) is as_scipy(RK4)
    assert as_scipy(RK4) is not as_scipy(Heun)
    assert as_scipy(RK4).__name__ == "as_scipy(RK4)"


# --------------------------------------------------------------------------------- numbers of steps


@pytest.mark.parametrize("n", [3, 7, 10, 49, 1000])
def test_no_sliver_at_the_end(n):
    """Whatever the rounding of n·h, n steps reach it; counted by what scipy stores."""
    for h in (0.1, 1 / 3, 0.7, np.pi / 100):
        for start in (0.0, -5.3, 123.456):
            run = solve_ivp(
                lambda t, y: 0 * y, (start, start + n * h), [1.0], method=as_scipy(Euler), h=h
            )
            assert len(run.t) == n + 1
            assert np.allclose(np.diff(run.t), h, rtol=1e-11)
            assert run.t[-1] == start + n * h


# ------------------------------------------------------------------------------------ adaptive runs


@pytest.mark.parametrize("span", [(0.0, 10.0), (10.0, 0.0)], ids=["forward", "backward"])
@pytest.mark.parametrize("rtol", [1e-4, 1e-7, 1e-10])
def test_a_pair_is_as_economical_as_scipy_s_own(span, rtol):
    options = {"rtol": rtol, "atol": rtol}
    ours = solve_ivp(pendulum, span, [2.0, 0.5], method=as_scipy(DormandPrince), **options)
    theirs = solve_ivp(pendulum, span, [2.0, 0.5], method="RK45", **options)
    exact = solve_ivp(pendulum, span, [2.0, 0.5], method="DOP853", rtol=1e-13, atol=1e-14)
    error, peer = (np.abs(r.y[:, -1] - exact.y[:, -1]).max() for r in (ours, theirs))
    assert ours.success
    assert ours.t[-1] == span[1]
    assert error < 3 * peer + 10 * rtol
    assert ours.nfev < 1.3 * theirs.nfev + 30


@pytest.mark.parametrize("first_step", [0.05, 5.0])
def test_the_last_slope_is_used_again(first_step):
    run = solve_ivp(
        pendulum, (0, 10), [2.0, 0.5], method=as_scipy(DormandPrince), first_step=first_step
    )
    # 7 for the first try (nothing is known), 6 for each other one, those after a rejected included.
    tries, rest = divmod(run.nfev - 1, 6)
    assert rest == 0
    assert len(run.t) - 1 <= tries <= 1.5 * len(run.t)
    if first_step == 5.0:
        assert tries > len(run.t) - 1
        assert run.t[1] < 2.0


def test_a_constant_field_costs_six_evaluations_a_step():
    constant = solve_ivp(
        lambda t, y: 0 * y, (0, 1), [1.0], method=as_scipy(DormandPrince), first_step=0.1
    )
    assert constant.nfev == 1 + 6 * (len(constant.t) - 1)


@pytest.mark.parametrize("method", [DormandPrince, BogackiShampine, HEUN_EULER], ids=repr)
def test_adaptive_steps_are_the_steps_of_the_method(method):
    """Also for a pair whose last stage is not the first of the next step."""
    run = solve_ivp(driven, (0, 2), [1.0], method=as_scipy(method), rtol=1e-5, atol=1e-8)
    system = FieldSystem(driven, 1)
    for k in range(len(run.t) - 1):
        own = method.step(system, run.t[k], run.y[:, k], run.t[k + 1] - run.t[k])
        assert np.abs(run.y[:, k + 1] - own).max() < 1e-15
    assert np.abs(run.y[0] - 1 / (1 + np.sin(run.t))).max() < 1e-4


def test_adaptive_dense_output_events_and_limits():
    event = crossing(PENDULUM, 0, -1)
    run = solve_ivp(
        PENDULUM, (0, 5), [1.0, 0.5], method=as_scipy(DormandPrince), rtol=1e-8, atol=1e-10,
        events=event, dense_output=True, max_step=0.02, first_step=1e-3,
    )  # fmt: skip
    exact = solve_ivp(
        pendulum, (0, 5), [1.0, 0.5], method="DOP853", rtol=1e-13, atol=1e-14, events=event,
        dense_output=True, max_step=0.05,
    )  # fmt: skip
    assert run.t[1] == 1e-3
    assert np.diff(run.t).max() <= 0.02 + 1e-15
    times = np.linspace(0, 5, 101)
    assert np.abs(run.sol(times) - exact.sol(times)).max() < 1e-7
    assert np.abs(run.t_events[0] - exact.t_events[0]).max() < 1e-7
    with_h = solve_ivp(pendulum, (0, 5), [1.0, 0.5], method=as_scipy(DormandPrince), h=0.5)
    assert np.allclose(np.diff(with_h.t), 0.5)


def test_a_solution_that_blows_up_ends_with_scipy_s_message():
    for method in (as_scipy(DormandPrince), "RK45"):
        with np.errstate(over="ignore", invalid="ignore"):
            run = solve_ivp(lambda t, y: y**2, (0, 2), [1.0], method=method)
        assert run.status == -1
        assert run.message.startswith(OdeSolver.TOO_SMALL_STEP)
        assert abs(run.t[-1] - 1) < 1e-2


class Fragile(RungeKutta):
    """Its steps fail when they are longer than 0.05."""

    def step_with_error(self, system, t, y, h, first=None):
        if abs(h) > 0.05:
            raise ConvergenceError(came="a step", expected="convergence", remedy="Shorter steps.")
        return super().step_with_error(system, t, y, h, first)


def test_an_adaptive_run_shortens_steps_that_do_not_converge():
    fragile = Fragile("Fragile", DormandPrince.tableau, 5, embedded_order=4)
    run = solve_ivp(pendulum, (0, 1), [1.0, 0.5], method=as_scipy(fragile))
    assert run.success
    assert 0.01 < np.diff(run.t).max() <= 0.05 + 1e-15


def test_a_fixed_step_that_does_not_converge_raises():
    with pytest.raises(ConvergenceError, match="ImplicitMidpoint"):
        # k = (1 + 5k)² + 1 has no real root.
        solve_ivp(lambda t, y: y * y + 1, (0, 10), [1.0], method=as_scipy(ImplicitMidpoint), h=10.0)


def test_a_step_below_the_spacing_of_times_fails_like_scipy_s():
    run = solve_ivp(pendulum, (1e10, 1e10 + 1e-5), [1.0, 0.5], method=as_scipy(RK4), h=1e-8)
    assert run.status == -1
    assert run.message == OdeSolver.TOO_SMALL_STEP


# ----------------------------------------------------------------------------------------- refusals


def _call(fun=pendulum, span=(0.0, 1.0), y0=(1.0, 0.5), method=RK4, **options):
    return solve_ivp(fun, span, y0, method=as_scipy(method), **options)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: _call(), DomainError, "no step h for RK4"),
        (lambda: _call(rtol=1e-6), DomainError, "no error estimate"),
        (lambda: _call(h=0.0), DomainError, "h = 0"),
        (lambda: _call(h=-0.1, span=(1.0, 0.0)), DomainError, "direction comes from the span"),
        (lambda: _call(h=np.nan), DomainError, "NaN"),
        (lambda: _call(h=np.inf), DomainError, "infinite"),
        (lambda: _call(h=[0.1, 0.2]), DomainError, "one number h"),
        (lambda: _call(h="0.1"), DomainError, "real numbers"),
        (lambda: _call(h=1e-320), DomainError, "steps"),
        (lambda: _call(h=0.1, y0=np.array([1.0, 1j])), DomainError, "complex y0"),
        (lambda: _call(h=0.1, y0=[1.0, np.nan]), DomainError, "NaN"),
        (lambda: _call(h=0.1, y0=[[1.0, 0.5]]), ShapeError, "y0 of shape"),
        (lambda: _call(h=0.1, span=(0.0, np.inf)), DomainError, "time"),
        (lambda: _call(h=0.1, fun=lambda t, y: y[:1]), ShapeError, "field value of shape"),
        (lambda: _call(h=0.1, fun=lambda t, y: y / 0.0), DomainError, "not finite"),
        (lambda: _call(h=0.1, jac=np.eye(3)), ShapeError, "jac of shape"),
        (lambda: _call(h=0.1, jac=lambda t, y: [1.0, 2.0]), ShapeError, "jac of shape"),
        (lambda: _call(h=0.1, fun=LinearField(np.eye(3))), ShapeError, "shape"),
        (lambda: _call(h=0.1, fun=TOP), ShapeError, "shape"),
        (lambda: _call(method=DormandPrince, rtol=0.0), DomainError, "rtol"),
        (lambda: _call(method=DormandPrince, atol=-1.0), DomainError, "atol"),
        (lambda: _call(method=DormandPrince, atol=[1.0] * 3), ShapeError, "atol"),
        (lambda: _call(method=DormandPrince, max_step=0.0), DomainError, "max_step"),
        (lambda: _call(method=DormandPrince, first_step=-1.0), DomainError, "first_step"),
        (lambda: _call(method="RK4", h=0.1), StructureError, "RK4"),
    ],
)
@pytest.mark.filterwarnings("ignore:(divide by zero|invalid value):RuntimeWarning")  # y/0 is asked
def test_bad_input_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_options_without_effect_are_told_as_scipy_does():
    with pytest.warns(UserWarning, match="no effect for a chosen solver: `rtol`, `lband`"):
        _call(h=0.1, rtol=1e-6, lband=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _call(h=0.1, jac=pendulum_jacobian)
        _call(method=DormandPrince, rtol=1e-6, max_step=np.inf)


def test_fixed_steps_are_not_led_across_a_switch():
    switched = SwitchingSystem([LinearField([[1.0]]), LinearField([[-1.0]])], [0.5])
    with pytest.raises(StructureError, match=r"switches at t = 0\.5"):
        _call(fun=switched, y0=[1.0], h=0.1)
    run = _call(fun=switched, y0=[1.0], method=DormandPrince, rtol=1e-9, atol=1e-12)
    assert abs(run.y[0, -1] - 1.0) < 1e-7
    assert FieldSystem(lambda t, y: y, 1)(0.0, np.ones(1)) == 1.0


def test_a_function_may_return_the_same_array_every_time():
    """As in scipy, where stages are copied: k₁ must not turn into k₂ behind the method's back."""
    out = np.zeros(1)

    def decay(t, y):
        np.negative(y, out=out)
        return out

    run = solve_ivp(decay, (0.0, 1.0), [1.0], method=as_scipy(RK4), h=0.1)
    assert abs(run.y[0, -1] - np.exp(-1.0)) < 1e-6


def test_a_family_without_its_stages_is_named():
    with pytest.raises(StructureError, match=r"got GaussLegendre as .*GaussLegendre\(2\)"):
        as_scipy(GaussLegendre)


def test_a_problem_is_not_its_system():
    with pytest.raises(StructureError, match=r"got Pendulum, a Problem.*problem\.system"):
        solve_ivp(Pendulum, (0.0, 1.0), [1.0, 0.0], method=as_scipy(RK4), h=0.1)
