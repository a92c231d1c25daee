"""Constructions: measured below proved, observed orders, tolerances, and an independent oracle."""

import numpy as np
import pytest
import sympy
from scipy.linalg import expm

from flowcert.errors import (
    ConvergenceError,
    DomainError,
    ShapeError,
    StructureError,
    UnknownNameError,
)
from flowcert.numerics import LieTrotter, Piece, SplitSystem, Strang, Yoshida4
from flowcert.theory.approximation import (
    all_targets,
    approximate_flow,
    approximate_flows,
    approximate_within,
    depth_study,
    find_target,
)
from flowcert.theory.approximation.construction import (
    ball_points,
    rounding_allowance,
    true_flow,
)
from flowcert.theory.approximation.layers import flow_layer, hinted
from flowcert.theory.approximation.pieces import split
from flowcert.theory.approximation.schemes import scheme_of
from flowcert.theory.decomposition import presnov
from flowcert.theory.symbolic import symbolic_field

x, y, z = sympy.symbols("x y z", real=True)
NAMES = [target.name for target in all_targets()]
LINEAR = find_target("NonNormal").field
YOSHIDA = Yoshida4(Strang)


@pytest.mark.parametrize("result", ["first", "second"])
@pytest.mark.parametrize("name", NAMES)
def test_measured_is_below_proved_at_every_depth(name, result):
    study = depth_study(find_target(name), result=result, depths=(16, 32, 64, 128, 256))
    finite = [made for made in study.constructions if np.isfinite(made.bound.total)]
    assert len(finite) >= (4 if name in ("Duffing", "VanDerPol") else 5)
    for made in finite[:3:2]:
        assert 0 < made.measured <= made.bound.total + rounding_allowance(made.bound)
        assert made.holds
        assert made.bound.reason == ""
    bounds = [made.bound.total for made in study.constructions]
    assert bounds == sorted(bounds, reverse=True)
    assert all(made.bound.reason for made in study.constructions if made not in finite)


def _error_of_flows(target, splitting, steps):
    """The splitting alone, without its bound."""
    pieces = split(presnov(target.field), "first")
    h, start = target.time / steps, ball_points(2, target.radius)[::4]
    one = [flow_layer(pieces[i], w * h) for i, w in scheme_of(splitting).stages(2)]
    end = start
    for layer in hinted(one * steps, start):
        end = layer(end)
    return np.linalg.norm(end - true_flow([(target.field, target.time)], start), axis=-1).max()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("splitting", "order", "steps"), [("LieTrotter", 1, 64), ("Strang", 2, 24), ("Yoshida4", 4, 24)]
)
def test_observed_orders(name, splitting, order, steps):
    errors = [_error_of_flows(find_target(name), splitting, n) for n in (steps, 2 * steps)]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.15)


def test_orders_of_a_depth_study():
    study = depth_study(find_target("NonNormal"), splitting="LieTrotter", depths=(32, 64, 128))
    assert np.abs(np.array(study.measured_orders) - 1).max() < 0.15
    assert np.abs(np.array(study.bound_orders("splitting")) - 1).max() < 0.3


def test_the_bound_of_yoshida_is_finite_for_short_steps():
    made = approximate_flow(LINEAR, 0.25, 1.0, splitting="Yoshida4", steps=64)
    assert made.measured <= made.bound.total < 1e-2


@pytest.mark.parametrize("name", ["NonNormal", "Pendulum"])
def test_a_tolerance_is_met_with_networks(name):
    target = find_target(name)
    made = approximate_within(target.field, target.time, target.radius, 1e-3)
    assert made.networks
    assert made.measured <= made.bound.total <= 1e-3
    assert min(made.bound.splitting, made.bound.field, made.bound.integration) > 0


def _linear_pieces(second):
    """sym B and skew B of the linear target, by hand, with exact flows by scipy."""
    B = np.array([[-1.0, 2.0], [0.0, -0.5]])
    S, K = (B + B.T) / 2, (B - B.T) / 2
    parts = [S, K]
    if second:
        mu = -float(np.linalg.eigvalsh(S).min())
        parts = [-mu * np.eye(2), S + mu * np.eye(2), K]
    return [Piece(lambda t, q, M=M: q @ M.T, lambda t, q, h, M=M: q @ expm(h * M).T) for M in parts]


# The triple jump of numerics composes two pieces only.
@pytest.mark.parametrize(
    ("second", "method"),
    [(False, LieTrotter), (True, LieTrotter), (False, Strang), (True, Strang), (False, YOSHIDA)],
)
def test_layers_are_the_splitting_methods_of_numerics(second, method):
    system = SplitSystem(_linear_pieces(second), 2, autonomous=True)
    names = {LieTrotter: "LieTrotter", Strang: "Strang", YOSHIDA: "Yoshida4"}
    made = approximate_flow(
        LINEAR, 1.0, 1.0, result="second" if second else "first", splitting=names[method], steps=4
    )
    end = start = np.array([[0.6, 0.8], [-0.3, 0.2]])
    for k in range(4):
        end = method.step(system, k / 4, end, 0.25)
    assert np.abs(made(start) - end).max() < 1e-6


def test_compositions_carry_errors_on():
    turn = symbolic_field([-y + x / 2, x], [x, y])
    flows = [(LINEAR, 0.5), (turn, 0.5), (find_target("Pendulum").field, 0.3)]
    made = approximate_flows(flows, 0.8, steps=16)
    parts = [approximate_flow(f, t, 0.8, steps=16).bound.total for f, t in flows]
    assert made.measured <= made.bound.total
    assert made.bound.total > max(parts)
    whole = approximate_flows([(LINEAR, 0.5), (LINEAR, 0.5)], 1.0, steps=8)
    once = approximate_flow(LINEAR, 1.0, 1.0, steps=16)
    point = np.array([0.3, -0.9])
    assert np.abs(whole(point) - once(point)).max() < 1e-11
    assert whole.bound.total == pytest.approx(once.bound.total, rel=0.2)


@pytest.mark.parametrize("seed", range(4))
def test_random_fields_at_every_scale(seed):
    generator = np.random.default_rng(seed)
    radius = [1e-3, 0.25, 1.0, 1e3][seed]
    c = [sympy.Rational(int(k), 8) for k in generator.integers(-8, 9, 12)]
    q, p = x / sympy.Rational(radius), y / sympy.Rational(radius)

    def component(a):
        wave = sympy.sin(q) if seed == 1 else q * p
        return sympy.Rational(radius) * (a[0] + a[1] * q + a[2] * p + a[3] * q**2 + a[4] * wave)

    f = symbolic_field([component(c[:5]), component(c[5:10])], [x, y])
    for result in ("first",) if seed == 1 else ("first", "second"):
        for splitting in ("LieTrotter", "Strang"):
            made = approximate_flow(f, 0.15, radius, result=result, splitting=splitting, steps=4)
            assert made.measured <= made.bound.total + 1e-11 * radius, (result, splitting)
            assert made.bound.total < 10 * radius


def test_one_dimension():
    f = symbolic_field([x / 2 - x**3 / 4], [x])
    first = approximate_flow(f, 0.5, 1.0, steps=2)
    assert first.bound.total == 0
    assert first.holds
    made = approximate_flow(f, 0.5, 1.0, result="second", steps=8)
    assert 0 < made.measured <= made.bound.total < 0.1


def test_no_time_and_tiny_times():
    duffing = find_target("Duffing").field
    made = approximate_flow(duffing, 0.0, 1.0, steps=3)
    assert made.bound.total == made.measured == 0.0
    assert approximate_flow(duffing, 1e-9, 1.0, steps=2).bound.total < 1e-20


def test_the_expansive_piece_expands_as_far_as_its_stages_go():
    target = find_target("VanDerPol")
    made = approximate_flow(target.field, 1.0, 1.0, result="second", steps=32)
    [expansive] = {layer.field for layer in made.layers if layer.kind == "expansive"}
    angle = np.linspace(0, 2 * np.pi, 2000)
    rim = made.bound.expanding_radius * np.stack([np.cos(angle), np.sin(angle)], -1)
    assert made.bound.expanding_radius <= made.bound.stage_radius
    for share in (0.3, 0.7, 1.0):
        J = expansive.jacobian(share * rim)
        assert np.linalg.eigvalsh((J + np.swapaxes(J, 1, 2)) / 2).min() >= -1e-9


def test_infinity_says_why():
    cubic = symbolic_field([x**3], [x])
    after = approximate_flows([(cubic, 0.6), (symbolic_field([-x], [x]), 0.5)], 1.0, steps=1)
    assert after.bound.total == np.inf
    assert "may blow up" in after.bound.reason
    space = approximate_flow(symbolic_field([y, z, -x], [x, y, z]), 0.5, 1.0, steps=2)
    assert "n ≤ 2" in space.bound.reason
    assert 0 < space.measured < 0.1
    backward = approximate_flow(LINEAR, 0.1, 1.0, splitting="Yoshida4", steps=4, width=8)
    assert "backward" in backward.bound.reason


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"f": lambda q: q}, StructureError),
        ({"f": symbolic_field([sympy.Abs(x), y], [x, y])}, StructureError),
        ({"time": -1.0}, DomainError),
        ({"time": float("nan")}, DomainError),
        ({"time": float("inf")}, DomainError),
        ({"radius": 0.0}, DomainError),
        ({"radius": -1.0}, DomainError),
        ({"radius": float("nan")}, DomainError),
        ({"radius": float("inf")}, DomainError),
        ({"steps": 0}, DomainError),
        ({"steps": 1.5}, DomainError),
        ({"width": 0}, DomainError),
        ({"width": 4, "substeps": 0}, DomainError),
        ({"splitting": "Ruth"}, UnknownNameError),
        ({"result": "third"}, StructureError),
    ],
)
def test_bad_input(arguments, error):
    given = {"f": LINEAR, "time": 0.5, "radius": 1.0, "steps": 2} | arguments
    with pytest.raises(error, match="expected"):
        approximate_flow(**given)


def test_bad_points_dimensions_and_tolerances(monkeypatch):
    made = approximate_flow(LINEAR, 0.5, 1.0, steps=2)
    with pytest.raises(ShapeError):
        made(np.ones(3))
    with pytest.raises(DomainError):
        made([np.nan, 0.0])
    with pytest.raises(ShapeError):
        approximate_flows([(LINEAR, 0.5), (symbolic_field([x], [x]), 0.5)], 1.0)
    with pytest.raises(ShapeError):
        approximate_flows([], 1.0)
    for tolerance in (0.0, -1.0, float("nan")):
        with pytest.raises(DomainError):
            approximate_within(LINEAR, 0.5, 1.0, tolerance)
    with pytest.raises(DomainError):
        approximate_within(symbolic_field([y, z, -x], [x, y, z]), 0.5, 1.0, 1e-2)
    monkeypatch.setattr("flowcert.theory.approximation.tolerance._MOST_STEPS", 8)
    with pytest.raises(ConvergenceError, match="a bound of"):
        approximate_within(LINEAR, 1.0, 1.0, 1e-6, networks=False)
    with pytest.raises(UnknownNameError):
        find_target("Lorenz")
