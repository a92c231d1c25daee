"""What attains a contraction factor: stage data, one autonomous potential; and averagedness."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from scipy.optimize import minimize

from flowcert import DomainError, ShapeError
from flowcert.numerics import RK4, SSP33, ButcherTableau, Euler, ExplicitMidpoint, FieldSystem, Heun
from flowcert.numerics.methods import (
    BackwardEuler,
    ImplicitMidpoint,
    Kutta3,
    RadauIIA,
    ThreeEighths,
)
from flowcert.theory.contraction import (
    StageData,
    StageForms,
    admissible_stage_data,
    autonomous_step,
    exact_averagedness,
    runge_kutta_contraction,
    worst_stage_data,
)


def test_stage_data_are_guarded():
    forms = StageForms.of([[Fraction(0)]], [Fraction(1)], Fraction(0), Fraction(1))
    with pytest.raises(ShapeError):
        StageData(forms, (Fraction(0),), ((Fraction(0),),))
    with pytest.raises(ShapeError):
        StageData(forms, (Fraction(1),), ((Fraction(0), Fraction(0)),))
    assert StageData(forms, (Fraction(1),), ((Fraction(1),),)).is_admissible()
    steep = StageData(forms, (Fraction(1),), ((Fraction(1001, 1000),),))
    assert not steep.is_admissible()
    with pytest.raises(DomainError):
        autonomous_step(steep)
    with pytest.raises(DomainError):
        worst_stage_data(BackwardEuler.tableau, 1, 0, 1)


def test_slopes_are_drawn_into_their_balls():
    forms = worst_stage_data(RK4.tableau, 1.9, 0.5, 1.0).forms
    far = [tuple(Fraction(x) for x in row) for row in np.random.default_rng(1).normal(size=(4, 3))]
    data = admissible_stage_data(forms, (Fraction(1), Fraction(0), Fraction(2)), far)
    assert data.is_admissible()
    assert data.factor_squared <= runge_kutta_contraction(RK4.tableau, 1.9, 0.5, 1.0).factor_squared


# ------------------------------------------------------------------------------- autonomous


def test_equal_stages_cannot_be_told_apart():
    twice = ButcherTableau([[0, 0], [0, 0]], ["1/2", "1/2"], [0, 0])
    data = worst_stage_data(twice, 1.0, 0.0, 1.0)
    apart = StageData(data.forms, (Fraction(1),), ((Fraction(0),), (Fraction(1),)))
    with pytest.raises(DomainError, match="tell apart"):
        autonomous_step(apart)


def test_a_moved_point_is_noticed():
    step = autonomous_step(worst_stage_data(RK4.tableau, 1.9, 0.5, 1.0))
    assert step.is_a_step()
    assert step.is_interpolable()
    first, *rest = step.points
    higher = replace(first, value=first.value + 100)
    assert not replace(step, points=(higher, *rest)).is_interpolable()
    shifted = replace(first, point=tuple(x + 1 for x in first.point))
    assert not replace(step, points=(shifted, *rest)).is_a_step()


class InterpolatingPotential:
    """A potential with slopes in [a, L] through given points, values and gradients.

    V(x) = a|x|²/2 + min over convex weights λ of K/2|x − Σ λᵢzᵢ|² + Σ λᵢcᵢ with K = L − a,
    zᵢ = xᵢ − Gᵢ/K and cᵢ = Fᵢ − |Gᵢ|²/(2K): the Moreau envelope of a polyhedron's lower hull.
    """

    def __init__(self, points, low, high):
        self.low, self.width = low, high - low
        x, g = (np.array([[float(c) for c in v] for v in vs]) for vs in points[:2])
        G = g - low * x
        F = np.array([float(v) for v in points[2]]) - low / 2 * np.sum(x * x, axis=1)
        self.z = x - G / self.width
        self.c = F - np.sum(G * G, axis=1) / (2 * self.width)

    def gradient(self, x):
        def cost(weights):
            rest = x - weights @ self.z
            slope = self.c - self.width * (self.z @ rest)
            return self.width / 2 * rest @ rest + weights @ self.c, slope

        found = minimize(
            cost,
            np.full(len(self.c), 1 / len(self.c)),
            jac=True,
            method="SLSQP",
            bounds=[(0, 1)] * len(self.c),
            constraints={"type": "eq", "fun": lambda w: w.sum() - 1, "jac": np.ones_like},
            options={"ftol": 1e-15, "maxiter": 500},
        )
        return self.low * x + self.width * (x - found.x @ self.z)


def test_the_method_itself_attains_the_factor_on_one_autonomous_potential():
    """RK4.step on −∇V: 0.4017, where every linear field has at most 0.3923."""
    step = autonomous_step(worst_stage_data(RK4.tableau, 1.9, 0.5, 1.0))
    points = [[getattr(p, name) for p in step.points] for name in ("point", "gradient", "value")]
    potential = InterpolatingPotential(points, 0.95, 1.9)  # h times everything
    system = FieldSystem(lambda t, y: -potential.gradient(y), len(step.base))
    x, y = (np.array([float(c) for c in start]) for start in (step.base, step.moved))
    after = RK4.step(system, 0.0, x, 1.0) - RK4.step(system, 0.0, y, 1.0)
    quotient = np.linalg.norm(after) / np.linalg.norm(x - y)
    assert quotient == pytest.approx(float(step.factor_squared) ** 0.5, abs=1e-4)
    assert quotient > 0.3923 + 0.009


# ------------------------------------------------------------------------------- averagedness


@pytest.mark.parametrize(
    ("method", "theta"),
    [
        (Euler, lambda z: z / 2),
        (Heun, lambda z: z / (2 + z)),
        (RK4, lambda z: z / (2 + z)),
        (ImplicitMidpoint, lambda z: z / (2 + z)),
        (BackwardEuler, lambda z: z / (2 + 2 * z)),
    ],
    ids=lambda value: getattr(value, "name", "formula"),
)
def test_averagedness_in_closed_form(method, theta):
    for z in (Fraction(1, 10), Fraction(1), Fraction(2)):
        assert exact_averagedness(method.tableau, z / 3, 3) == theta(z)
    assert exact_averagedness(method.tableau, 0, 3) == 0


@pytest.mark.parametrize("method", [SSP33, Kutta3, ThreeEighths, RadauIIA(2)], ids=str)
def test_averagedness_against_numpy(method):
    A, b = method.tableau.float64().A, method.tableau.float64().b
    K = b[:, None] * A + (b[:, None] * A).T + 2 / 0.7 * np.diag(b)
    assert float(exact_averagedness(method.tableau, 0.7, 1.0)) == pytest.approx(
        float(b @ np.linalg.solve(K, b)), rel=1e-12
    )


@pytest.mark.parametrize(
    ("tableau", "h", "L"),
    [
        (Euler.tableau, 2.001, 1),
        (Kutta3.tableau, 1.001, 1),
        (ExplicitMidpoint.tableau, 1e-3, 1),
        (Euler.tableau, -1, 1),
        (Euler.tableau, 1, 0),
        (Euler.tableau, 0, 0),
        (Euler.tableau, float("nan"), 1),
        # K = diag(8, 18) ≻ 0 and bᵀK⁻¹b < 1, and yet a negative weight turns an inequality.
        (ButcherTableau([[1, 0], [0, -10]], [2, -1], [1, -10]), 1, 1),
    ],
    ids=["beyond Euler", "beyond Kutta", "no radius", "back", "L = 0", "0, 0", "nan", "b < 0"],
)
def test_averagedness_ends_at_the_limit(tableau, h, L):
    with pytest.raises(DomainError):
        exact_averagedness(tableau, h, L)
