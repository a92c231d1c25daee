"""Symplecticity, determinant and Jacobian of a step, against values known in closed form."""

import mpmath
import numpy as np
import pytest

from flowcert import DomainError, ShapeError, StructureError
from flowcert.numerics import RK4, Euler, FieldSystem, GaussLegendre, GradientField, Heun, Strang
from flowcert.numerics.diagnostics import step_determinant, step_jacobian, symplecticity_defect
from flowcert.numerics.problems import (
    DrivenPendulum,
    DrivenShears,
    GradientFlow,
    HenonHeiles,
    Kepler,
    LotkaVolterraLogarithmic,
    Pendulum,
    RigidBody,
)

SEPARABLE = [Pendulum, Kepler, HenonHeiles, DrivenPendulum, DrivenShears, LotkaVolterraLogarithmic]


@pytest.mark.parametrize("problem", SEPARABLE, ids=str)
def test_symplectic_methods_have_no_defect(problem, symplectic_euler, leapfrog, implicit_midpoint):
    for method in (symplectic_euler, leapfrog, implicit_midpoint):
        found = symplecticity_defect(method, problem.system, problem.start, 0.1, t=0.3)
        assert found.defect < 1e-30


@pytest.mark.parametrize("problem", SEPARABLE, ids=str)
@pytest.mark.parametrize("method", [Euler, Heun, RK4], ids=str)
def test_others_have_one(problem, method):
    found = symplecticity_defect(method, problem.system, problem.start + 0.05, 0.25)
    assert found.defect > 1e-10
    assert found.defect == pytest.approx(np.linalg.norm(found.difference, 2))


def test_the_jacobian_of_euler_is_known():
    """I + h f'(y), to 1e-37."""
    for problem in (Kepler, RigidBody, GradientFlow, DrivenPendulum):
        with mpmath.workdps(60):
            y, t, h = problem.start_in_digits(), mpmath.mpf("0.3"), mpmath.mpf("0.1")
            known = np.eye(len(y), dtype=int) + h * problem.system.jacobian(t, y)
            found = step_jacobian(Euler, problem.system, y, h, t=t)
            assert np.max(np.abs(found - known)) < mpmath.mpf(10) ** -36


def test_the_defect_of_euler_is_known():
    """On the pendulum JᵀΩJ − Ω = h² cos q Ω."""
    q, h = 0.75, 0.125
    found = symplecticity_defect(Euler, Pendulum.system, [q, 0.5], h)
    expected = h * h * np.cos(q) * np.array([[0, 1], [-1, 0]])
    assert np.allclose(found.difference, expected, rtol=1e-15, atol=0)
    assert found.defect == pytest.approx(h * h * np.cos(q), rel=1e-14)
    assert np.allclose(found.jacobian, [[1, h], [-h * np.cos(q), 1]], rtol=1e-15)


def test_a_small_defect_is_not_hidden_by_the_differences(symplectic_euler):
    """A step that is symplectic but for 1e-15: in float64 the differences would drown it."""

    class Slightly(type(symplectic_euler)):
        def step(self, system, t, y, h):
            return super().step(system, t, y, h) * (1 + mpmath.mpf(10) ** -15)

    found = symplecticity_defect(Slightly(), Pendulum.system, [0.75, 0.5], 0.1)
    # JᵀΩJ = (1 + ε)² Ω and det J = (1 + ε)²
    assert found.defect == pytest.approx(2e-15, rel=1e-12, abs=0)
    volume = step_determinant(Slightly(), Pendulum.system, [0.75, 0.5], 0.1)
    assert volume.excess == pytest.approx(2e-15, rel=1e-12, abs=0)


def test_determinants(symplectic_euler, implicit_midpoint):
    found = step_determinant(Euler, Pendulum.system, [0.75, 0.5], 0.125)
    assert found.excess == pytest.approx(0.125**2 * np.cos(0.75), rel=1e-14)
    assert found.determinant == 1 + found.excess
    assert np.linalg.det(found.jacobian) == pytest.approx(found.determinant, rel=1e-14)
    for method in (symplectic_euler, implicit_midpoint):
        assert (
            abs(step_determinant(method, HenonHeiles.system, HenonHeiles.start, 0.1).excess) < 1e-30
        )
    # A field without divergence whose midpoint step does not keep volume in three dimensions.
    assert abs(step_determinant(implicit_midpoint, RigidBody.system, [1, 2, 3], 0.1).excess) > 1e-9
    # The flow of a gradient shrinks volumes.
    assert step_determinant(RK4, GradientFlow.system, [0.5, 0.5], 0.1).excess < 0


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: symplecticity_defect(RK4, RigidBody.system, RigidBody.start, 0.1), ShapeError),
        (lambda: step_jacobian(RK4, Pendulum.system, [[0.1, 0.2]], 0.1), ShapeError),
        (lambda: step_jacobian(RK4, Pendulum.system, [0.1, 0.2], 0.1, digits=15), DomainError),
        # A field of float64 alone refuses numbers that float64 cannot hold, and is not differenced.
        (lambda: step_jacobian(RK4, GradientField([[1.0]]), [0.5], 0.1), DomainError),
        (lambda: step_jacobian(RK4, FieldSystem(lambda t, y: y, 1), [np.nan], 0.1), DomainError),
    ],
)
def test_bad_questions_are_refused(call, error):
    with pytest.raises(error, match="expected"):
        call()


@pytest.mark.parametrize("measure", [step_jacobian, step_determinant, symplecticity_defect])
def test_a_function_will_do_for_the_system(measure):
    """Its dimension is that of the state, which must have one."""
    found = measure(RK4, lambda t, y: y[..., ::-1], [1.0, 0.5], 0.1)
    known = measure(RK4, FieldSystem(lambda t, y: y[..., ::-1], 2), [1.0, 0.5], 0.1)
    if measure is step_jacobian:
        assert np.array_equal(found, known)
    else:
        assert np.array_equal(found.jacobian, known.jacobian)
    with pytest.raises(ShapeError, match=r"shape \(\)"):
        measure(RK4, lambda t, y: -y, 1.0, 0.1)


def test_what_is_no_method_or_no_system_is_named():
    with pytest.raises(StructureError, match="got GaussLegendre as the method"):
        symplecticity_defect(GaussLegendre, Pendulum.system, [1.0, 0.5], 0.1)
    for method in (RK4, Strang):
        with pytest.raises(StructureError, match=r"got Pendulum, a Problem.*problem\.system"):
            symplecticity_defect(method, Pendulum, [1.0, 0.5], 0.1)
