"""Switching systems: the right field at the right time, and no order lost at a switch."""

import mpmath
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from flowcert import DomainError, ShapeError, StructureError
from flowcert.numerics import (
    RK4,
    Euler,
    ExpansiveGradientField,
    FieldSystem,
    GradientField,
    Heun,
    LinearField,
    SeparableSystem,
    switching_euler,
)
from flowcert.numerics.flow import flow_map, trajectory
from flowcert.numerics.methods.partitioned import StormerVerlet
from flowcert.numerics.switching import SwitchingSystem, switching_flow_map

TURN = LinearField([[0.0, -2.0], [2.0, 0.0]])
SHRINK = LinearField([[-1.0, 0.5], [0.0, -0.3]])
STRETCH = LinearField([[0.2, 0.0], [1.0, 0.4]])
PIECES = [(TURN, 0.7), (SHRINK, 0.4), (STRETCH, 0.9)]
SWITCHED = SwitchingSystem.of_durations(PIECES, start=0.25)


def batch(*shape):
    return np.random.default_rng(3).uniform(-1.0, 1.0, shape)


def exact(pieces, y):
    """The flow of linear pieces, by matrix exponentials."""
    for field, duration in pieces:
        y = y @ expm(duration * field.B).T
    return y


def grow(t, y):
    """ẏ = y² cos t until the switch, y(t) = 1/(1/y₀ − sin t + sin t₀)."""
    return y * y * np.cos(t)


def fall(t, y):
    """ẏ = −2ty after it, y(t) = y₀ exp(t₀² − t²)."""
    return -2 * t * y


def exact_growth_and_fall(y, start, switch, end):
    at_switch = 1 / (1 / y - np.sin(switch) + np.sin(start))
    return at_switch * np.exp(switch**2 - end**2)


def test_the_field_changes_at_the_switch_and_not_before():
    assert np.allclose(SWITCHED.switch_times, [0.95, 1.35], rtol=0, atol=1e-15)
    y = np.array([1.0, 2.0])
    first, second = SWITCHED.switch_times
    active = {
        -5.0: TURN, np.nextafter(first, 0): TURN, first: SHRINK, np.nextafter(second, 0): SHRINK,
        second: STRETCH, 99.0: STRETCH,
    }  # fmt: skip
    for t, field in active.items():
        assert np.array_equal(SWITCHED(t, y), field(y))
        assert np.array_equal(SWITCHED.jacobian(t, y), field.jacobian(y))
    assert not SWITCHED.autonomous
    assert SWITCHED.dimension == 2


def test_a_piece_of_no_duration_never_acts():
    system = SwitchingSystem.of_durations([(TURN, 1.0), (SHRINK, 0.0), (STRETCH, 1.0)])
    assert {system.active(t) for t in np.linspace(-1, 3, 401)} == {
        system.systems[0],
        system.systems[2],
    }
    assert [d for _, d in system.legs((0.0, 2.0))] == [1.0, 1.0]


def test_legs_cover_the_span_in_the_order_of_travel():
    first, middle, last = SWITCHED.systems
    s, z = SWITCHED.switch_times
    there = SWITCHED.legs((0.5, 2.0))
    assert there == [(first, s - 0.5), (middle, z - s), (last, 2.0 - z)]
    back = SWITCHED.legs((2.0, 0.5))
    assert back == [(last, z - 2.0), (middle, s - z), (first, 0.5 - s)]
    assert SWITCHED.legs((s, z)) == [(middle, z - s)]
    assert SWITCHED.legs((1.0, 1.0)) == []


def test_the_composition_of_exact_flows_is_the_flow_of_the_whole():
    """Against a solver that is handed the switching system whole (claim A3)."""
    y0 = batch(2)
    whole = solve_ivp(SWITCHED, (0.25, 2.25), y0, rtol=1e-10, atol=1e-12, max_step=0.01)
    assert np.abs(whole.y[:, -1] - exact(PIECES, y0)).max() < 1e-7
    ours = switching_flow_map(SWITCHED.legs((0.25, 2.25)), y0, RK4, 300, start=0.25)
    assert np.abs(ours - exact(PIECES, y0)).max() < 1e-10


def test_batches_backward_and_partial_spans():
    y0 = batch(4, 3, 2)
    end = switching_flow_map(PIECES, y0, RK4, 200)
    assert end.shape == y0.shape
    assert np.abs(end - exact(PIECES, y0)).max() < 1e-10
    back = switching_flow_map(SWITCHED.legs((2.25, 0.25)), end, RK4, 200, start=2.25)
    assert np.abs(back - y0).max() < 1e-9
    partial = switching_flow_map(SWITCHED.legs((0.5, 1.1)), y0, RK4, 200, start=0.5)
    s = SWITCHED.switch_times[0]
    assert np.abs(partial - exact([(TURN, s - 0.5), (SHRINK, 1.1 - s)], y0)).max() < 1e-10


@pytest.mark.parametrize(("method", "order"), [(Euler, 1), (Heun, 2), (RK4, 4)], ids=repr)
def test_the_order_is_kept_across_a_switch_of_non_autonomous_fields(method, order):
    pieces = [(FieldSystem(grow, 1), 0.6), (FieldSystem(fall, 1), 0.8)]
    end = exact_growth_and_fall(0.7, 0.3, 0.9, 1.7)
    steps = (20, 40, 80) if order > 1 else (500, 1000, 2000)
    errors = [abs(switching_flow_map(pieces, [0.7], method, n, start=0.3)[0] - end) for n in steps]
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert np.all(np.abs(orders - order) < 0.15), orders


def test_the_order_would_be_lost_by_steps_that_do_not_know_the_switch():
    """Even where a step ends at the switch: RK4's last stage sees the field after it."""
    switched = SwitchingSystem([FieldSystem(grow, 1), FieldSystem(fall, 1)], [0.75])
    end = exact_growth_and_fall(0.7, 0.25, 0.75, 1.25)
    errors = []
    for n in (32, 64, 128):
        blind = flow_map(lambda t, y: switched(t, y), [0.7], (0.25, 1.25), RK4, n)
        errors.append(abs(blind[0] - end))
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert np.all(orders < 1.3), orders
    for run in (flow_map, trajectory):
        for span in ((0.25, 1.25), (1.25, 0.25), (0.25, 0.75), (0.75, 0.25)):
            with pytest.raises(StructureError, match=r"switches at t = 0\.75 .*switching_flow_map"):
                run(switched, [0.7], span, RK4, 32)
    later = flow_map(switched, [0.7], (0.75, 1.25), RK4, 100)  # from the switch on it is smooth
    assert abs(later[0] - 0.7 * np.exp(0.75**2 - 1.25**2)) < 1e-9


def test_it_is_the_house_s_switching_euler_for_one_euler_step_each():
    rng = np.random.default_rng(7)
    pieces = []
    for _ in range(20):
        A, b = rng.normal(size=(2, 3, 3)) / 3, rng.normal(size=3)
        pieces.append((GradientField(A[0], b), float(rng.uniform(0.0, 0.5))))
        pieces.append((ExpansiveGradientField(A[1], b), float(rng.uniform(-0.2, 0.2))))
    x = rng.normal(size=(5, 3))
    ours, house = switching_flow_map(pieces, x, Euler, 1), switching_euler(pieces, x)
    assert np.abs(ours - house).max() <= 1e-15 * np.abs(house).max()
    assert np.abs(house - x).max() > 0.1


def test_each_piece_may_have_its_own_method_and_steps():
    spring = SeparableSystem(lambda t, p: p, lambda t, q: -q, dimension=2, autonomous=True)
    pieces, y0 = [(spring, 0.5), (SHRINK, 0.5)], batch(3, 2)
    ours = switching_flow_map(pieces, y0, [StormerVerlet, RK4], [7, 3])
    by_hand = flow_map(spring, y0, (0.0, 0.5), StormerVerlet, 7)
    by_hand = flow_map(SHRINK, by_hand, (0.5, 1.0), RK4, 3)
    assert np.abs(ours - by_hand).max() < 1e-15


def test_sixty_digits_and_no_pieces():
    with mpmath.workdps(60):
        y0 = np.array([mpmath.mpf(1)], dtype=object)
        third = mpmath.mpf(1) / 3
        pieces = [
            (FieldSystem(lambda t, y: y, 1), third),
            (FieldSystem(lambda t, y: -t * y, 1), third),
        ]
        ours = switching_flow_map(pieces, y0, Euler, 1)
        assert abs(ours[0] - (1 + third) * (1 - third**2)) < mpmath.mpf(10) ** -58
    assert switching_flow_map([], [1.0, 2.0], RK4, 5).tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: SwitchingSystem([], []), ShapeError, "at least one system"),
        (lambda: SwitchingSystem.of_durations([]), ShapeError, "at least one system"),
        (lambda: SwitchingSystem([TURN, SHRINK], []), ShapeError, "one switch time between"),
        (lambda: SwitchingSystem([TURN, SHRINK], [0.5, 1.0]), ShapeError, "one switch time"),
        (lambda: SwitchingSystem([TURN] * 3, [1.0, 0.5]), DomainError, "ascending"),
        (lambda: SwitchingSystem([TURN, SHRINK], [np.nan]), DomainError, "switch_times"),
        (lambda: SwitchingSystem([TURN, LinearField([[1.0]])], [1.0]), ShapeError, "dimensions"),
        (lambda: SwitchingSystem.of_durations([(TURN, -1.0)]), DomainError, "at least 0"),
        (lambda: SWITCHED.legs((0.0, np.inf)), DomainError, "time"),
        (lambda: switching_flow_map(PIECES, batch(2), RK4, [1, 2]), ShapeError, "3 pieces"),
        (lambda: switching_flow_map(PIECES, batch(2), [RK4], 1), ShapeError, "1 methods"),
        (lambda: switching_flow_map(PIECES, batch(2), RK4, 0), DomainError, "steps = 0"),
        (lambda: switching_flow_map(PIECES, batch(3), RK4, 1), ShapeError, "shape"),
        (lambda: switching_flow_map(PIECES, 1.0, RK4, 1), ShapeError, "shape"),
        (lambda: switching_flow_map([(TURN, np.nan)], batch(2), RK4, 1), DomainError, "time"),
        (lambda: switching_flow_map([(SWITCHED, 2.0)], batch(2), RK4, 9), StructureError, "switch"),
    ],
)
def test_bad_input_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_pieces_that_switch_themselves_are_refused():
    """Their switches would be hidden from ``flow_map``, whose steps would not end there."""
    inner = SwitchingSystem([LinearField([[1.0]]), LinearField([[-1.0]])], [1.0])
    with pytest.raises(StructureError, match="switches itself"):
        SwitchingSystem([inner, LinearField([[1.0]])], [5.0])


def test_a_switching_system_knows_when_its_span_begins():
    """ẏ = t until 1, then ẏ = −t: the clock of the pieces is that of the span."""
    system = SwitchingSystem([lambda t, y: t + 0 * y, lambda t, y: -t + 0 * y], [1.0], dimension=1)
    y = switching_flow_map(system, [0.0], RK4, 4, span=(0.5, 2.0))
    assert abs(y[0] - ((1 - 0.25) / 2 - (4 - 1) / 2)) < 1e-14
    legs = switching_flow_map(system.legs((0.5, 2.0)), [0.0], RK4, 4, start=0.5)
    assert np.array_equal(y, legs)
    back = switching_flow_map(system, y, RK4, 4, span=(2.0, 0.5))
    assert abs(back[0]) < 1e-14


@pytest.mark.parametrize(
    ("pieces", "options", "message"),
    [
        (SwitchingSystem([LinearField([[1.0]])], []), {}, "without its span"),
        (SwitchingSystem([LinearField([[1.0]])], []), {"span": (0, 1), "start": 0}, "and a start"),
        ([(LinearField([[1.0]]), 1.0)], {"span": (0, 1)}, "pieces with durations"),
    ],
)
def test_span_and_start_belong_to_one_form_each(pieces, options, message):
    with pytest.raises(DomainError, match=message):
        switching_flow_map(pieces, [1.0], RK4, 3, **options)


def test_a_piece_that_mixes_a_batch_is_refused():
    pieces = [(TURN, 0.5), (lambda t, y: np.array([y[1], -y[0]]), 0.5)]
    with pytest.raises(ShapeError, match="mixes the elements"):
        switching_flow_map(pieces, np.arange(4.0).reshape(2, 2), RK4, 3)
