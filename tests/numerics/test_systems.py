"""What a system is, what it refuses, and the structure that it carries."""

import numpy as np
import pytest

from flowcert.errors import DomainError, ShapeError, StructureError
from flowcert.numerics import (
    RK4,
    EnergySystem,
    FieldSystem,
    Gonzalez,
    HamiltonianSystem,
    LinearField,
    Piece,
    RotatingSystem,
    SeparableHamiltonian,
    SeparableSystem,
    SkewGradientSystem,
    SphereSystem,
    SplitSystem,
    StormerVerlet,
    as_system,
    canonical_structure,
)
from flowcert.numerics.problems import HenonHeiles, Pendulum, RigidBody


def test_a_value_of_another_shape_is_refused():
    for wrong in (lambda t, y: y[..., :1], lambda t, y: y[None], lambda t, y: 1.0):
        with pytest.raises(ShapeError, match="field value of shape"):
            FieldSystem(wrong, 2)(0.0, np.ones(2))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_refused_with_its_time(bad):
    system = FieldSystem(lambda t, y: y + np.where(t > 1, bad, 0.0), 2)
    assert system(0.5, np.ones(2)).tolist() == [1.0, 1.0]
    with pytest.raises(DomainError, match=r"not finite at t = 1\.5"):
        system(1.5, np.ones((3, 2)))


def test_the_difference_jacobian_is_right_to_eight_digits():
    def rate(t, y):
        return np.stack([y[..., 0] * y[..., 1], np.sin(t * y[..., 0])], axis=-1)

    y = np.array([[1.3, -0.4], [200.0, 3.0]])
    exact = np.stack([np.stack([[b, a], [0.7 * np.cos(0.7 * a), 0.0]]) for a, b in y.tolist()])
    assert np.abs(FieldSystem(rate, 2).jacobian(0.7, y) - exact).max() < 1e-4
    assert np.abs(FieldSystem(rate, 2).jacobian(0.7, y[0]) - exact[0]).max() < 3e-8


def test_what_becomes_a_system():
    system = as_system(LinearField([[0.0, 1.0], [-1.0, 0.0]]))
    assert system.autonomous
    assert system(3.0, np.array([1.0, 2.0])).tolist() == [2.0, -1.0]
    assert system.jacobian(3.0, np.ones(2)).tolist() == [[0.0, 1.0], [-1.0, 0.0]]
    assert as_system(system) is system
    assert as_system(lambda t, y: -y, 1)(0.0, np.ones(1)).tolist() == [-1.0]
    for wrong, dimension in ((lambda t, y: y, None), (3, 1), ("f", 2)):
        with pytest.raises(StructureError, match="right-hand side"):
            as_system(wrong, dimension)


@pytest.mark.parametrize("dimension", [1, 3, 0])
def test_positions_and_momenta_are_as_many(dimension):
    with pytest.raises(ShapeError, match="even dimension"):
        SeparableSystem(lambda t, p: p, lambda t, q: -q, dimension)
    with pytest.raises(ShapeError, match="even dimension"):
        HamiltonianSystem(lambda y: y[..., 0], lambda y: y, dimension)


def test_a_structure_that_is_a_function_needs_the_dimension():
    with pytest.raises(ShapeError, match="dimension=n"):
        SkewGradientSystem(lambda y: y[..., 0], lambda y: y, lambda y: np.eye(2))


def test_a_split_system_needs_pieces():
    with pytest.raises(ShapeError, match="no pieces"):
        SplitSystem([], 2)


@pytest.mark.parametrize("problem", [Pendulum, HenonHeiles])
def test_the_pieces_of_a_hamiltonian_add_up_and_are_shears(problem):
    system, rng = problem.system, np.random.default_rng(0)
    assert isinstance(system, SeparableHamiltonian)
    assert isinstance(system, EnergySystem)
    y = rng.normal(size=(5, system.dimension))
    drift, kick = system.pieces
    assert np.array_equal(system(0.0, y), drift.rate(0.0, y) + kick.rate(0.0, y))
    J = canonical_structure(system.dimension // 2)
    assert np.allclose(system(0.0, y), system.gradient(y) @ J.T, atol=1e-15)
    for piece in (drift, kick):
        there = piece.flow(0.0, y, 0.7)
        assert np.array_equal(there, y + 0.7 * piece.rate(0.0, y))
        assert np.allclose(piece.flow(0.0, there, -0.7), y, atol=1e-15)
    half = system.dimension // 2
    assert np.array_equal(drift.flow(0.0, y, 0.7)[..., half:], y[..., half:])
    assert np.array_equal(kick.flow(0.0, y, 0.7)[..., :half], y[..., :half])


def test_protocols_tell_systems_apart():
    plain = FieldSystem(lambda t, y: y, 2)
    turning = SphereSystem(lambda t, y: np.array([[0.0, -1.0], [1.0, 0.0]]), 2)
    assert not isinstance(plain, EnergySystem | RotatingSystem)
    assert isinstance(turning, RotatingSystem)
    assert not isinstance(turning, EnergySystem)
    assert isinstance(RigidBody.system, EnergySystem)
    assert isinstance(RigidBody.system, RotatingSystem)


def test_the_jacobian_of_a_constant_structure_is_exact():
    H = HamiltonianSystem(
        lambda y: (y**4).sum(-1) / 4,
        lambda y: y**3,
        2,
        lambda y: 3 * y[..., None] ** 2 * np.eye(2),
    )
    assert H.jacobian(0.0, np.array([1.0, 2.0])).tolist() == [[0.0, 12.0], [-3.0, 0.0]]
    decay = Piece(lambda t, y: -y, lambda t, y, h: np.exp(-h) * y)
    split = SplitSystem([decay], 1, lambda t, y: np.array([[-1.0]]))
    assert split.jacobian(0.0, np.ones(1)).tolist() == [[-1.0]]
    assert abs(SplitSystem([decay], 1).jacobian(0.0, np.ones(1))[0, 0] + 1) < 1e-8


@pytest.mark.parametrize("method", [RK4, StormerVerlet, Gonzalez], ids=str)
def test_a_problem_is_not_its_system(method):
    with pytest.raises(StructureError, match=r"got Pendulum, a Problem.*problem\.system"):
        method.prepare(Pendulum, 2)


def test_the_time_of_a_failure_prints_as_a_number():
    with pytest.raises(DomainError, match=r"not finite at t = 0\.5;"):
        FieldSystem(lambda t, y: y + np.inf, 1)(np.float64(0.5), np.ones(1))


def test_a_function_may_return_the_same_array_every_time():
    room = np.empty(1)

    def thrifty(t, y):
        return np.negative(y, out=room)

    y = RK4.step(FieldSystem(thrifty, 1), 0.0, np.ones(1), 0.1)
    assert abs(y[0] - np.exp(-0.1)) < 1e-7
