"""Splitting of any number of pieces: order, time, symmetry, structure and guards."""

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from flowcert.errors import DomainError, ShapeError, StructureError
from flowcert.numerics import RK4, Euler, FieldSystem, RungeKutta
from flowcert.numerics.elementary import cos, exp, sin
from flowcert.numerics.methods.method import Method
from flowcert.numerics.methods.numerical_piece import numerical_piece
from flowcert.numerics.methods.partitioned import ForestRuth
from flowcert.numerics.methods.splitting import (
    LieTrotter,
    LieTrotterAdjoint,
    McLachlan2,
    McLachlan4,
    Splitting,
    Strang,
)
from flowcert.numerics.methods.weights import Weights
from flowcert.numerics.systems import Piece, SplitSystem, System
from flowcert.numerics.systems.split import linear_piece
from flowcert.numerics.tableau import ButcherTableau

State = Any
MIDPOINT = RungeKutta("midpoint", ButcherTableau([["1/2"]], [1], ["1/2"]), 2, symmetric=True)


def _shear(rate: Callable[[Any, State], State]) -> Piece:
    """A piece whose rate its own flow does not change: the flow is a straight line."""
    return Piece(rate, lambda t, y, h: y + h * rate(t, y))


def _stack(first: State, second: State) -> State:
    return np.stack([first, second], axis=-1)


# Both of these rates depend on time, and so does the damping.
def _drift(t: Any, y: State) -> State:
    return _stack(y[..., 1] * (1 + 0.3 * sin(t)), 0 * y[..., 1])


def _kick(t: Any, y: State) -> State:
    return _stack(0 * y[..., 0], cos(2 * t) - sin(y[..., 0]))


DAMPING = Piece(
    lambda t, y: -0.4 * cos(t) * y,
    lambda t, y, h: y * exp(-0.4 * h * cos(t)),
)

ONE = SplitSystem([Piece(lambda t, y: -y * cos(t), lambda t, y, h: y * exp(-h * cos(t)))], 2)
TWO = SplitSystem([_shear(_drift), _shear(_kick)], 2)
THREE = SplitSystem([_shear(_drift), _shear(_kick), DAMPING], 2)
STILL = SplitSystem(
    [
        _shear(lambda t, y: _stack(y[..., 1], 0 * y[..., 1])),
        _shear(lambda t, y: _stack(0 * y[..., 0], -sin(y[..., 0]))),
        Piece(lambda t, y: -0.3 * y, lambda t, y, h: y * exp(-0.3 * h)),
    ],
    2,
    autonomous=True,
)
START = np.array([0.4, 1.1])
T0, SPAN = 0.3, 1.2


def _reference(system: System) -> State:
    solution = solve_ivp(system, (T0, T0 + SPAN), START, method="DOP853", rtol=1e-13, atol=1e-14)
    return solution.y[:, -1]


def _run(method: Method, system: System, steps: int, y: State = START) -> State:
    h = SPAN / steps
    for n in range(steps):
        y = method.step(system, T0 + n * h, y, h)
    return y


def _observed_order(method: Method, system: System, exact: State, steps: int = 24) -> float:
    errors = [np.abs(_run(method, system, n) - exact).max() for n in (steps, 2 * steps)]
    return float(np.log2(errors[0] / errors[1]))


CASES = [
    *((method, system) for method in (LieTrotter, LieTrotterAdjoint, Strang)
      for system in ("one", "two", "three", "still")),
    *((method, "two") for method in (McLachlan2, McLachlan4, ForestRuth)),
]  # fmt: skip
SYSTEMS = {"one": ONE, "two": TWO, "three": THREE, "still": STILL}


@pytest.mark.parametrize(("method", "name"), CASES, ids=str)
def test_observed_order(method: Method, name: str) -> None:
    system = SYSTEMS[name]
    steps = 200 if method.order == 1 else 40
    observed = _observed_order(method, system, _reference(system), steps)
    assert observed == pytest.approx(method.order, abs=0.15)


class _DeafStrang(Method):
    """Strang with every flow at the time t: what the peers wrote."""

    name, order = "deaf", 2

    def step(self, system: System, t: Any, y: State, h: Any) -> State:
        assert isinstance(system, SplitSystem)
        first, last = system.pieces
        y = first.flow(t, y, h / 2)
        y = last.flow(t, y, h)
        return first.flow(t, y, h / 2)


def test_time_that_stands_still_within_a_step_costs_an_order() -> None:
    observed = _observed_order(_DeafStrang(), TWO, _reference(TWO), 100)
    assert observed == pytest.approx(1, abs=0.15)


def test_two_clocks_and_time_as_a_piece_by_hand() -> None:
    """What each flow of one step is told about time."""
    told: list[tuple[str, float, float]] = []

    def spy(name: str) -> Piece:
        def flow(t: float, y: State, h: float) -> State:
            told.append((name, t, h))
            return y

        return Piece(lambda t, y: 0 * y, flow)

    two = SplitSystem([spy("A"), spy("B")], 1)
    Splitting("Verlet", 2, [0, "1/2", 1, "1/2"]).step(two, 1.0, np.ones(1), 0.5)
    assert told == [("B", 1.0, 0.25), ("A", 1.25, 0.5), ("B", 1.5, 0.25)]
    told.clear()
    Strang.step(two, 1.0, np.ones(1), 0.5)
    assert told == [("A", 1.25, 0.25), ("B", 1.25, 0.5), ("A", 1.25, 0.25)]
    told.clear()
    LieTrotter.step(two, 1.0, np.ones(1), 0.5)
    LieTrotterAdjoint.step(two, 1.0, np.ones(1), 0.5)
    assert told == [("A", 1.5, 0.5), ("B", 1.5, 0.5), ("B", 1.0, 0.5), ("A", 1.0, 0.5)]


@pytest.mark.parametrize("system", [TWO, THREE])
def test_strang_is_the_adjoint_after_lie_trotter(system: System) -> None:
    h = 0.3
    middle = LieTrotter.step(system, T0, START, h / 2)
    composed = LieTrotterAdjoint.step(system, T0 + h / 2, middle, h / 2)
    np.testing.assert_allclose(Strang.step(system, T0, START, h), composed, rtol=1e-14)


@pytest.mark.parametrize("system", [ONE, TWO, THREE])
def test_the_adjoint_undoes_lie_trotter(system: System) -> None:
    there = LieTrotter.step(system, T0, START, 0.3)
    back = LieTrotterAdjoint.step(system, T0 + 0.3, there, -0.3)
    np.testing.assert_allclose(back, START, rtol=1e-14)


@pytest.mark.parametrize("method", [Strang, McLachlan2, McLachlan4])
def test_symmetric_ones_come_back(method: Method) -> None:
    assert method.symmetric
    there = method.step(TWO, T0, START, 0.4)
    back = method.step(TWO, T0 + 0.4, there, -0.4)
    assert np.abs(back - START).max() <= 1e-12


def test_lie_trotter_does_not_come_back() -> None:
    assert not LieTrotter.symmetric
    there = LieTrotter.step(TWO, T0, START, 0.4)
    assert np.abs(LieTrotter.step(TWO, T0 + 0.4, there, -0.4) - START).max() > 1e-3


# ------------------------------------------------------------------------ pieces

MATRICES = [
    np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 0.5], [0.2, 0.0, 0.0]]),
    np.array([[-0.4, 0.0, 0.3], [0.7, -0.1, 0.0], [0.0, -0.6, 0.2]]),
    np.array([[0.0, -0.9, 0.4], [0.9, 0.0, -0.2], [-0.4, 0.2, 0.0]]),
]


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("method", [LieTrotter, Strang])
def test_linear_pieces_that_do_not_commute(method: Method, count: int) -> None:
    matrices = MATRICES[:count]
    system = SplitSystem([linear_piece(B) for B in matrices], 3, autonomous=True)
    exact = expm(SPAN * sum(matrices)) @ np.array([1.0, -0.5, 2.0])
    errors = [
        np.abs(_run(method, system, n, np.array([1.0, -0.5, 2.0])) - exact).max() for n in (64, 128)
    ]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(method.order, abs=0.15)
    product = expm(0.1 * matrices[0])
    for B in matrices[1:]:
        product = expm(0.1 * B) @ product
    one = LieTrotter.step(system, 0.0, np.eye(3), 0.1)  # the batch is the rows of the identity
    np.testing.assert_allclose(one, product.T, rtol=1e-14, atol=1e-16)


def test_a_linear_piece_in_fifty_digits() -> None:
    turn = linear_piece([[0, -1], [1, 0]])
    with mpmath.workdps(50):
        h = mpmath.mpf(1) / 3
        y = turn.flow(0, np.array([mpmath.mpf(1), mpmath.mpf(0)]), h)
        assert abs(y[0] - mpmath.cos(h)) + abs(y[1] - mpmath.sin(h)) < mpmath.mpf(10) ** -49
    np.testing.assert_allclose(turn.flow(0.0, np.array([1.0, 0.0]), 1 / 3), np.array(y, float))


def test_a_linear_piece_is_a_square_matrix() -> None:
    with pytest.raises(ShapeError, match="square"):
        linear_piece([[1.0, 2.0]])
    with pytest.raises(DomainError):
        linear_piece([[np.nan]])


@pytest.mark.parametrize(("inner", "expected"), [(RK4, 2), (MIDPOINT, 2), (Euler, 1)])
def test_pieces_by_another_method_keep_the_order_if_it_is_high_enough(
    inner: Method, expected: int
) -> None:
    pieces = [
        numerical_piece(FieldSystem(_drift, 2), inner),
        numerical_piece(FieldSystem(_kick, 2), inner),
        numerical_piece(lambda t, y: -0.4 * cos(t) * y, inner, dimension=2),
    ]
    observed = _observed_order(Strang, SplitSystem(pieces, 2), _reference(THREE), 160)
    assert observed == pytest.approx(expected, abs=0.15)


def test_a_numerical_piece_freezes_time_and_counts_its_steps() -> None:
    piece = numerical_piece(lambda t, y: t * y, Euler, substeps=2, dimension=1)
    assert piece.flow(3.0, np.ones(1), 1.0).tolist() == [2.5 * 2.5]
    assert piece.rate(3.0, np.ones(1)).tolist() == [3.0]


def test_a_numerical_piece_says_at_once_what_it_cannot_do() -> None:
    with pytest.raises(DomainError, match="substeps"):
        numerical_piece(lambda t, y: y, Euler, substeps=0, dimension=1)
    with pytest.raises(StructureError):
        numerical_piece(lambda t, y: y, Euler)
    with pytest.raises(StructureError, match="SplitSystem"):
        numerical_piece(lambda t, y: y, Strang, dimension=1)


# ------------------------------------------------------------------------ arithmetic and guards


@pytest.mark.parametrize("method", [LieTrotter, Strang, McLachlan4])
def test_a_step_in_long_numbers_rounds_to_the_step_in_floats(method: Method) -> None:
    with mpmath.workdps(60):
        long = np.array([mpmath.mpf(x) for x in START])
        y = method.step(TWO, mpmath.mpf(T0), long, mpmath.mpf(0.4))
        back = method.step(TWO, mpmath.mpf(T0) + mpmath.mpf(0.4), y, -mpmath.mpf(0.4))
        assert all(isinstance(x, mpmath.mpf) for x in y)
        if method.symmetric:
            assert max(abs(back - long)) < mpmath.mpf(10) ** -55
    np.testing.assert_allclose(np.array(y, float), method.step(TWO, T0, START, 0.4), rtol=1e-14)


@pytest.mark.parametrize("method", [LieTrotter, LieTrotterAdjoint, Strang, McLachlan4])
def test_batches_are_rows_and_no_step_changes_nothing(method: Method) -> None:
    batch = np.random.default_rng(0).standard_normal((3, 4, 2))
    together = method.step(TWO, T0, batch, 0.2)
    alone = [[method.step(TWO, T0, y, 0.2) for y in row] for row in batch]
    np.testing.assert_allclose(together, np.array(alone), rtol=1e-15)
    np.testing.assert_array_equal(method.step(TWO, T0, batch, 0.0), batch)


@pytest.mark.parametrize("method", [LieTrotter, Strang, McLachlan4])
def test_a_system_without_pieces_is_refused(method: Method) -> None:
    with pytest.raises(StructureError, match=r"SplitSystem.*linear_piece"):
        method.prepare(lambda t, y: y, 2)
    with pytest.raises(StructureError, match="SplitSystem"):
        method.step(FieldSystem(lambda t, y: y, 2), 0.0, START, 0.1)


def test_a_scheme_for_two_pieces_refuses_three() -> None:
    with pytest.raises(StructureError, match=r"3 pieces for McLachlan4.*Strang"):
        McLachlan4.prepare(THREE)
    assert McLachlan4.prepare(TWO) is TWO
    assert Strang.prepare(THREE) is THREE


def test_a_flow_that_blows_up_or_changes_shape_is_refused() -> None:
    blow_up = Piece(lambda t, y: y * y, lambda t, y, h: y / np.maximum(1 - h * y, 0))
    with np.errstate(divide="ignore"), pytest.raises(DomainError, match="not finite"):
        LieTrotter.step(SplitSystem([blow_up], 1), 0.0, np.ones(1), 2.0)
    longer = Piece(lambda t, y: y, lambda t, y, h: np.append(y, y))
    with pytest.raises(ShapeError, match="flow of a piece"):
        Strang.step(SplitSystem([longer], 1), 0.0, np.ones(1), 2.0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, "one half", None, 1j])
def test_coefficients_are_numbers(bad: object) -> None:
    with pytest.raises(DomainError, match="coefficient"):
        Splitting("mine", 1, [bad])


@pytest.mark.parametrize(
    ("weights", "symmetric"),
    [([1, 1], False), ([0, 1, 1], False), (["1/2", 1, "1/2"], True), ([0, "1/2", 1, "1/2"], True),
     (["1/2", 1, "1/2", 0], True), (["1/4", 1, "3/4"], False), (["1/2", "1/2", "1/2", "1/2"],
     False)],
)  # fmt: skip
def test_symmetry_is_seen_in_the_flows(weights: list[Any], symmetric: bool) -> None:
    assert Splitting("mine", 1, weights).symmetric is symmetric


def test_irrational_weights_are_right_to_as_many_digits_as_are_asked_for() -> None:
    root = Weights(lambda: [mpmath.sqrt(2)])
    with mpmath.workdps(220):
        assert abs(root.high_precision(200)[0] ** 2 - 2) < mpmath.mpf(10) ** -199
        assert abs(root.high_precision(20)[0] ** 2 - 2) > mpmath.mpf(10) ** -40
    assert root.floats == (2**0.5,)
    with mpmath.workdps(60):
        assert Weights(["1/3"]).like(np.array([mpmath.mpf(1)]))[0] * 3 == 1


def test_mclachlan_2_has_the_published_parameter() -> None:
    """Any parameter gives order 2; 0.1931833275037836 (McLachlan 1995) the smallest error."""
    assert McLachlan2.weights.floats[0] == pytest.approx(0.1931833275037836, abs=1e-15)
