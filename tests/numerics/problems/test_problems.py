"""What every named problem says of itself: Jacobians, invariants, structure, arithmetics."""

import flint
import mpmath
import numpy as np
import pytest

from flowcert import UnknownNameError
from flowcert.numerics import EnergySystem, RotatingSystem, SeparableSystem
from flowcert.numerics.enclosure import bound_flow
from flowcert.numerics.problems import (
    SIR,
    GradientFlow,
    LotkaVolterra,
    LotkaVolterraLogarithmic,
    RigidBody,
    all_problems,
    find_problem,
)

PROBLEMS = all_problems()
WITHOUT_STRUCTURE = {"DrivenDecay", "DrivenLimitCycle", "DrivenProductOscillator"}
every_problem = pytest.mark.parametrize("problem", PROBLEMS, ids=str)
WIDTH = "1e-13"
TIMES = (0.0, 0.7)


def largest(difference):
    return float(np.max(np.abs(difference)))


def gradient_by_differences(function, y):
    """∂/∂yⱼ on the last axis, right to 1e-26 or so in 40 digits."""
    d = mpmath.mpf(WIDTH)
    directions = np.eye(len(y), dtype=int)
    return np.stack([(function(y + d * e) - function(y - d * e)) / (2 * d) for e in directions], -1)


def states(problem):
    """The start and a state that has nothing special, in 40 digits."""
    start = problem.start_in_digits()
    shift = [mpmath.mpf(k + 1) / 17 for k in range(len(start))]
    return start, start + np.array(shift, dtype=object)


@every_problem
def test_jacobian_against_differences(problem):
    with mpmath.workdps(40):
        for y in states(problem):
            for t in map(mpmath.mpf, TIMES):
                by_differences = gradient_by_differences(lambda u, t=t: problem.system(t, u), y)
                assert largest(problem.system.jacobian(t, y) - by_differences) < 1e-22


@every_problem
def test_invariants_are_kept_and_have_their_gradients(problem):
    with mpmath.workdps(40):
        for y in states(problem):
            for invariant in problem.invariants:
                gradient = invariant.gradient(y)
                by_differences = gradient_by_differences(lambda u, i=invariant: i.function(u), y)
                assert invariant.dimension == len(y)
                assert largest(gradient - by_differences) < 1e-22
                for t in map(mpmath.mpf, TIMES):
                    assert abs((gradient * problem.system(t, y)).sum()) < 1e-37


def test_the_conservative_problems_have_their_invariants():
    names = {p.name: [i.name for i in p.invariants] for p in PROBLEMS if p.invariants}
    assert names == {
        "DrivenRotation": ["squared norm"],
        "Duffing": ["energy"],
        "HenonHeiles": ["energy"],
        "Kepler": ["energy", "angular momentum"],
        "LotkaVolterra": ["energy"],
        "LotkaVolterraLogarithmic": ["energy"],
        "Pendulum": ["energy"],
        "ProductOscillator": ["energy"],
        "RigidBody": ["energy", "squared norm"],
        "SIR": ["mass", "x exp z"],
    }


@every_problem
def test_structure_is_the_field(problem):
    """S(y)∇H, S(t, y)y and the sum of the pieces are f; S is skew or negative semi-definite."""
    system, structured = problem.system, 0
    with mpmath.workdps(40):
        for y in states(problem):
            t = mpmath.mpf("0.7")
            rate = system(t, y)
            if isinstance(system, EnergySystem):
                S, gradient = system.structure(y), system.gradient(y)
                assert largest(S @ gradient - rate) < 1e-37
                assert largest(gradient_by_differences(system.energy, y) - gradient) < 1e-22
                dissipates = problem is GradientFlow
                symmetric_part = (S + S.T) / 2
                assert np.array_equal(symmetric_part, -np.eye(len(y)) if dissipates else 0 * S)
                structured += 1
            if isinstance(system, RotatingSystem):
                S = system.skew(t, y)
                assert largest(S @ y - rate) < 1e-37
                assert largest(S + S.T) == 0
                structured += 1
            if isinstance(system, SeparableSystem):
                d = len(y) // 2
                parts = [system.position_rate(t, y[d:]), system.momentum_rate(t, y[:d])]
                assert largest(np.concatenate(parts) - rate) == 0
                structured += 1
    assert structured > 0 or problem.name in WITHOUT_STRUCTURE


def test_the_rigid_body_is_both():
    assert isinstance(RigidBody.system, EnergySystem)
    assert isinstance(RigidBody.system, RotatingSystem)


def test_sir_is_the_mass_form():
    """(M − Mᵀ)1 with the streams in M."""
    x, y, _ = SIR.start
    M = np.array([[0, 0, 0], [x * y, 0, 0], [0, y, 0]])
    assert np.array_equal(SIR.system(0.0, SIR.start), (M - M.T) @ np.ones(3))
    assert SIR.system(0.0, SIR.start).tolist() == [-x * y, x * y - y, y]


def test_the_logarithms_of_the_populations():
    u = np.array([2.0, 1.5])
    rate = LotkaVolterra.system(0.0, u) / u
    assert np.allclose(LotkaVolterraLogarithmic.system(0.0, np.log(u)), rate, rtol=1e-15)


@every_problem
def test_batches_are_rows(problem):
    batch = np.stack([problem.start, 1.1 * problem.start, problem.start - 0.05])[:, None]
    rates, jacobians = problem.system(0.7, batch), problem.system.jacobian(0.7, batch)
    n = len(problem.start)
    assert rates.shape == batch.shape
    assert jacobians.shape == (3, 1, n, n)
    for y, rate, jacobian in zip(batch[:, 0], rates[:, 0], jacobians[:, 0], strict=True):
        assert np.allclose(problem.system(0.7, y), rate, rtol=1e-14)
        assert np.allclose(problem.system.jacobian(0.7, y), jacobian, rtol=1e-14)


@every_problem
def test_every_arithmetic_gives_the_same_rates(problem):
    y, t = problem.start, 0.75
    in_floats = problem.system(t, y)
    with mpmath.workdps(40):
        in_digits = problem.system(mpmath.mpf(t), problem.start_in_digits())
    assert np.allclose(in_digits.astype(float), in_floats, rtol=1e-14, atol=1e-15)
    # On power series: the first Taylor coefficients, as a step of length 2⁻³⁰ shows them.
    step = 2.0**-30
    moved = bound_flow(problem.system, [flint.arb(v) for v in y], t, step)
    slopes = [(float(b.mid()) - v) / step for b, v in zip(moved.balls, y, strict=True)]
    assert np.allclose(slopes, in_floats, atol=2e-6)


@every_problem
def test_what_a_problem_says_of_itself(problem):
    assert problem.start.dtype == np.float64
    assert problem.start.shape == (problem.system.dimension,)
    assert problem.span[0] == 0.0 < problem.span[1]
    assert problem.title
    assert any(mark in problem.source for mark in ("[P]", "[I]", "[D]"))
    assert repr(problem) == problem.name
    assert problem.system.autonomous == (not problem.name.startswith("Driven"))
    y = problem.start
    moves = not np.array_equal(problem.system(0.3, y), problem.system(1.3, y))
    assert moves == problem.name.startswith("Driven")


def test_starts_are_decimals():
    with mpmath.workdps(30):
        kepler = find_problem("Kepler").start_in_digits()
        assert kepler[0] == mpmath.mpf(4) / 10
        assert kepler[0] != mpmath.mpf(0.4)


def test_they_are_found_by_name():
    assert len(PROBLEMS) == len({p.name for p in PROBLEMS}) > 10
    assert find_problem("henonheiles").name == "HenonHeiles"
    with pytest.raises(UnknownNameError, match="Pendulum"):
        find_problem("Pendulun")
    with pytest.raises(UnknownNameError, match="Kepler"):
        find_problem("zzz")
