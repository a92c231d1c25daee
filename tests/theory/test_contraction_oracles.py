"""Contraction factors against two independent programs: a modelled LMI, and PEPit."""

import cvxpy as cp
import numpy as np
import pytest
from PEPit import PEP
from PEPit.functions import SmoothStronglyConvexFunction

from flowcert.numerics import RK4, SSP33, Euler, ExplicitMidpoint, Heun, Ralston
from flowcert.numerics.methods import BackwardEuler, Kutta3, RadauIIA, ThreeEighths
from flowcert.theory.contraction import runge_kutta_contraction

EXPLICIT = [
    (Euler, 1.5, 0.1, 1.0),
    (Heun, 1.9, 0.5, 1.0),
    (Heun, 2.5, 0.1, 1.0),
    (Ralston, 2.0, 0.1, 1.0),
    (ExplicitMidpoint, 1.9, 0.5, 1.0),
    (SSP33, 1.9, 0.5, 1.0),
    (SSP33, 0.6, 0.1, 4.0),
    (Kutta3, 1.9, 0.5, 1.0),
    (RK4, 1.9, 0.5, 1.0),
    (RK4, 2.3, 0.1, 1.0),
    (ThreeEighths, 1.9, 0.5, 1.0),
]
IMPLICIT = [(BackwardEuler, 10.0, 0.5, 1.0), (RadauIIA(2), 1.9, 0.5, 1.0)]


def modelled_factor(method, h, a, L):
    """The linear matrix inequality as cvxpy writes it, with h·W for W; solved by Clarabel."""
    A, b, *_ = method.tableau.float64()
    s = len(b)
    basis = np.eye(s + 1)
    e, W = basis[0], basis[1:]
    U = [e - sum(A[j, i] * W[i] for i in range(s)) for j in range(s)]
    out = e - sum(b[j] * W[j] for j in range(s))
    d, squared = cp.Variable(s, nonneg=True), cp.Variable()
    form = squared * np.outer(e, e) - np.outer(out, out)
    for j in range(s):
        product = np.outer(W[j] - h * a * U[j], h * L * U[j] - W[j])
        form -= d[j] * (product + product.T) / 2
    problem = cp.Problem(cp.Minimize(squared), [form >> 0])
    problem.solve(solver=cp.CLARABEL)
    assert problem.status == cp.OPTIMAL
    return float(squared.value) ** 0.5


def worst_case_of_pepit(method, h, a, L):
    """Two runs on one autonomous a-strongly convex, L-smooth function, as PEPit models it."""
    A, b, *_ = method.tableau.float64()
    problem = PEP()
    function = problem.declare_function(SmoothStronglyConvexFunction, mu=a, L=L)
    x, y = problem.set_initial_point(), problem.set_initial_point()
    problem.set_initial_condition((x - y) ** 2 <= 1)

    def step(start):
        slopes = []
        for row in A:
            stage = start - h * sum((w * k for w, k in zip(row, slopes, strict=False)), 0 * start)
            slopes.append(function.gradient(stage))
        return start - h * sum((w * k for w, k in zip(b, slopes, strict=True)), 0 * start)

    problem.set_performance_metric((step(x) - step(y)) ** 2)
    return problem.solve(wrapper="cvxpy", solver="CLARABEL", verbose=0) ** 0.5


@pytest.mark.parametrize("case", [*EXPLICIT, *IMPLICIT], ids=lambda case: f"{case[0]}-{case[1]}")
def test_the_modelled_inequality_has_the_same_factor(case):
    method, h, a, L = case
    bound = runge_kutta_contraction(method.tableau, h, a, L).bound_factor
    assert bound == pytest.approx(modelled_factor(*case), abs=1e-5)


@pytest.mark.parametrize("case", EXPLICIT, ids=lambda case: f"{case[0]}-{case[1]}")
def test_pepit_finds_the_same_worst_case_on_one_autonomous_function(case):
    """PEPit couples the stages by one function: that they agree is the claim of autonomous.py."""
    method, h, a, L = case
    bound = runge_kutta_contraction(method.tableau, h, a, L).bound_factor
    assert bound == pytest.approx(worst_case_of_pepit(*case), abs=1e-5)


def test_the_oracles_can_disagree():
    """Another step than the certified one: both programs notice."""
    bound = runge_kutta_contraction(RK4.tableau, 1.9, 0.5, 1.0).bound_factor
    assert abs(modelled_factor(RK4, 1.95, 0.5, 1.0) - bound) > 1e-3
    assert abs(worst_case_of_pepit(RK4, 1.95, 0.5, 1.0) - bound) > 1e-3
