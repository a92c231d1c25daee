"""The closed-form solutions, against the equation itself and against scipy."""

import mpmath
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from flowcert import DomainError
from flowcert.numerics.problems import (
    DrivenDecay,
    Duffing,
    Kepler,
    Pendulum,
    RigidBody,
    all_problems,
)
from flowcert.numerics.problems.problem import decimals

SOLVED = [problem for problem in all_problems() if problem.exact is not None]
# Other starts of the same problem, so that every branch of a formula is met.
OTHER_STARTS = {
    "DrivenDecay": [[0.5], [-0.4]],
    "DrivenLimitCycle": [[1.5, -0.5], [0.0, -0.2]],
    "Duffing": [[-2.0, 0.0], [0.0, 1.0], [-0.3, -0.7], [1e-3, 0.0]],
    "Kepler": [[0.0, 1.0, -1.0, 0.0], [0.3, -0.4, 1.2, 0.5], [2.0, 0.5, -0.3, 0.4]],
    "Pendulum": [[0.0, 1.9], [-2.5, 0.3], [1.0, -1.0], [7.0, 0.5], [1e-3, 0.0]],
    "ProductOscillator": [[0.5, 0.0], [-0.4, -0.8], [0.0, 0.7], [0.6, 1e-3]],
    # around each axis, in each direction
    "RigidBody": [[1.0, 0.2, 0.1], [-0.1, 0.3, -1.0], [-1.0, -0.2, 0.3], [0.1, 0.0, 0.8]],
}


def starts(problem):
    return [problem.start.tolist(), *OTHER_STARTS.get(problem.name, [])]


CASES = [(problem, start) for problem in SOLVED for start in starts(problem)]
NAMES = [f"{problem.name}-{start}" for problem, start in CASES]


def equation_defect(problem, y0, time):
    """|ẏ − f(t, y)| of the closed form, by central differences in 40 digits."""
    with mpmath.workdps(40):
        start, t, width = decimals(np.array(y0)), mpmath.mpf(time), mpmath.mpf(10) ** -13
        ahead, behind = problem.exact(t + width, start), problem.exact(t - width, start)
        rate = (ahead - behind) / (2 * width)
        return float(np.max(np.abs(rate - problem.system(t, problem.exact(t, start)))))


@pytest.mark.parametrize(("problem", "start"), CASES, ids=NAMES)
def test_solves_the_equation(problem, start):
    # The differences are right to about 1e-26 |y'''|.
    assert max(equation_defect(problem, start, time) for time in (-0.4, 0.3, 1.9)) < 1e-22


@pytest.mark.parametrize(("problem", "start"), CASES, ids=NAMES)
def test_starts_where_it_is_told(problem, start):
    with mpmath.workdps(40):
        y0 = decimals(np.array(start))
        assert np.max(np.abs(problem.exact(mpmath.mpf(0), y0) - y0)) < mpmath.mpf(10) ** -38


@pytest.mark.parametrize("problem", SOLVED, ids=str)
def test_agrees_with_scipy_on_a_batch(problem):
    batch = np.array(starts(problem))[:, None, :]
    ends = problem.exact(problem.span[1], batch)
    assert ends.shape == batch.shape
    assert ends.dtype == np.float64
    for start, end in zip(batch[:, 0], ends[:, 0], strict=True):
        run = solve_ivp(
            problem.system, problem.span, start, "DOP853", rtol=1e-12, atol=1e-13, max_step=0.1
        )
        assert np.max(np.abs(run.y[:, -1] - end)) < 2e-10


def test_the_test_sees_a_wrong_solution():
    for problem in SOLVED:
        exact = problem.exact
        late = type(problem)(
            **{**vars(problem), "exact": lambda t, y, exact=exact: exact(t * (1 + 1e-9), y)}
        )
        assert equation_defect(late, problem.start.tolist(), 0.3) > 1e-12


def test_the_pendulum_keeps_its_turns():
    """cos q says nothing about full turns; the solution from q + 4π is shifted by 4π."""
    near = Pendulum.exact(2.0, np.array([1.0, 0.5]))
    far = Pendulum.exact(2.0, np.array([1.0 + 4 * np.pi, 0.5]))
    assert np.allclose(far - near, [4 * np.pi, 0.0], atol=1e-13)


def test_kepler_returns_after_a_period():
    # The major semi-axis of the start is 1.
    with mpmath.workdps(40):
        start = Kepler.start_in_digits()
        assert np.max(np.abs(Kepler.exact(6 * mpmath.pi, start) - start)) < mpmath.mpf(10) ** -37


@pytest.mark.parametrize("problem", [Pendulum, Duffing, RigidBody], ids=str)
def test_equilibria_rest(problem):
    rest = np.zeros_like(problem.start)
    assert problem.exact(1.7, rest).tolist() == rest.tolist()


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_body_turning_about_an_axis_keeps_turning(axis):
    start = 0.7 * np.eye(3)[axis]
    assert np.array_equal(RigidBody.exact(3.0, start), start)


@pytest.mark.parametrize(
    ("problem", "start", "time"),
    [
        (Pendulum, [0.0, 2.5], 1.0),  # turns over
        (Kepler, [1.0, 0.0, 0.0, 2.0], 1.0),  # hyperbola
        (Kepler, [1.0, 0.0, 0.5, 0.0], 0.1),  # falls in
        (DrivenDecay, [1.5], 5.0),  # blows up on the way
        (DrivenDecay, [-2.0], 2.5),
    ],
)
def test_outside_its_domain_a_formula_refuses(problem, start, time):
    with pytest.raises(DomainError, match="expected"):
        problem.exact(time, np.array(start))
