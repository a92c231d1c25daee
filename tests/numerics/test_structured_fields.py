"""Fields with a structure: what each of them keeps, exactly, and the refusals."""

import numpy as np
import pytest
import sympy
from scipy.integrate import solve_ivp

from flowcert import DomainError, ShapeError, StructureError
from flowcert.numerics import (
    DecomposedField,
    ExpansiveGradientField,
    GradientField,
    HamiltonianField,
    MassField,
    PotentialField,
    RidgePotentialField,
    SphereField,
    VectorField,
    relu,
    softplus_mixture,
    tanh_mixture,
)

KINDS = ("potential", "sphere", "hamiltonian", "mass")
SMOOTH = (tanh_mixture(0.0), softplus_mixture(0.3))


def specimen(kind, activation=None, n=4, m=3, seed=0):
    rng = np.random.default_rng(seed)
    A, b, alpha = rng.normal(size=(m, n)), rng.normal(size=m), rng.normal(size=m)
    M = rng.normal(size=(m, n, n))
    if kind == "potential":
        return RidgePotentialField(A, b, alpha, activation)
    if kind == "sphere":
        return SphereField(A, b, M - M.swapaxes(1, 2), activation)
    if kind == "hamiltonian":
        return HamiltonianField(A, b, alpha, activation)
    return MassField(A, b, M, activation)


def differences(function, x, h=1e-5):
    """Central differences along a last axis."""
    columns = [(function(x + h * e) - function(x - h * e)) / (2 * h) for e in np.eye(len(x))]
    return np.stack(columns, axis=-1)


@pytest.mark.parametrize("activation", SMOOTH)
@pytest.mark.parametrize("kind", KINDS)
def test_jacobian_is_the_derivative(kind, activation):
    field, x = specimen(kind, activation), np.random.default_rng(1).normal(size=4)
    assert np.allclose(field.jacobian(x), differences(field, x), atol=1e-8)


@pytest.mark.parametrize("kind", KINDS)
def test_batches_are_points_one_by_one(kind):
    field, x = specimen(kind), np.random.default_rng(2).normal(size=(5, 2, 4))
    assert isinstance(field, VectorField)
    assert field.dimension == 4
    assert np.allclose(field(x), [[field(p) for p in row] for row in x], rtol=0, atol=1e-14)
    one_by_one = [[field.jacobian(p) for p in row] for row in x]
    assert np.allclose(field.jacobian(x), one_by_one, rtol=0, atol=1e-14)
    assert field(np.zeros((0, 4))).shape == (0, 4)


@pytest.mark.parametrize("kind", KINDS)
def test_values_are_the_formula(kind):
    """Written out once more, point by point and term by term."""
    field, x = specimen(kind), np.random.default_rng(3).normal(size=4)
    inner = field.energy_gradient if kind == "hamiltonian" else field
    s = [np.tanh(sum(a * c for a, c in zip(row, x, strict=True)) + b)
         for row, b in zip(inner.A, inner.b, strict=True)]  # fmt: skip
    if kind in ("potential", "hamiltonian"):
        value = sum(w * t * row for w, t, row in zip(inner.alpha, s, inner.A, strict=True))
        if kind == "hamiltonian":
            value = np.array([value[2], value[3], -value[0], -value[1]])
    else:
        stack = field.skew if kind == "sphere" else field.matrices
        M = sum(t * K for t, K in zip(s, stack, strict=True))
        value = M @ x if kind == "sphere" else M.sum(axis=1) - M.sum(axis=0)
    assert np.allclose(field(x), value, rtol=0, atol=1e-13)


@pytest.mark.parametrize("activation", SMOOTH)
def test_ridge_potential_is_the_gradient_of_its_potential(activation):
    field, x = specimen("potential", activation), np.random.default_rng(4).normal(size=4)
    assert isinstance(field, PotentialField)
    assert np.allclose(field(x), differences(field.potential, x), atol=1e-8)
    J = field.jacobian(x)
    assert np.allclose(J, J.T, rtol=0, atol=1e-15)


@pytest.mark.parametrize(("family", "sign"), [(GradientField, -1.0), (ExpansiveGradientField, 1.0)])
def test_the_gradient_families_are_ridge_potentials(family, sign):
    rng = np.random.default_rng(5)
    A, b, x = rng.normal(size=(3, 2)), rng.normal(size=3), rng.normal(size=(6, 2))
    special, general = family(A, b, relu()), RidgePotentialField(A, b, np.full(3, sign), relu())
    assert np.array_equal(special(x), general(x))
    assert np.array_equal(special.potential(x), general.potential(x))
    assert "alpha" not in repr(special)


def slipped(A, b, alpha):
    """The authors' appendix: diag(α)AᵀΣ(Ax + b), whose shapes fit for square A."""
    return lambda x: alpha * (np.tanh(x @ A.T + b) @ A)


def asymmetry(field, x):
    J = differences(field, x)
    return np.abs(J - J.T).max()


def test_alpha_on_the_wrong_side_is_no_gradient():
    """With A = [[1, 1], [0, 1]], α = (1, 2) the Jacobian at 0 is [[1, 1], [2, 4]], exactly."""
    A, alpha = sympy.Matrix([[1, 1], [0, 1]]), sympy.diag(1, 2)
    x = sympy.Matrix(sympy.symbols("x y", real=True))
    origin = dict.fromkeys(x, 0)
    wrong = (alpha * A.T * (A * x).applyfunc(sympy.tanh)).jacobian(x).subs(origin)
    right = (A.T * alpha * (A * x).applyfunc(sympy.tanh)).jacobian(x).subs(origin)
    assert wrong == sympy.Matrix([[1, 1], [2, 4]])
    assert right == sympy.Matrix([[1, 1], [1, 3]])


def test_the_ridge_potential_has_not_the_authors_slip():
    A, b, alpha = np.array([[1.0, 1.0], [0.0, 1.0]]), np.zeros(2), np.array([1.0, 2.0])
    field = RidgePotentialField(A, b, alpha)
    assert asymmetry(field, np.zeros(2)) < 1e-9
    assert asymmetry(slipped(A, b, alpha), np.zeros(2)) > 0.9  # the same test goes red on it
    assert np.allclose(field.jacobian(np.zeros(2)), [[1.0, 1.0], [1.0, 3.0]])


def test_sphere_field_is_tangent_and_keeps_the_norm():
    field, x = specimen("sphere"), np.random.default_rng(6).normal(size=(50, 4))
    S = field.skew_part(x)
    assert np.array_equal(S, -S.swapaxes(-1, -2))
    assert np.allclose((S @ x[..., None])[..., 0], field(x), rtol=0, atol=1e-14)
    assert np.abs((x * field(x)).sum(-1)).max() < 1e-12
    end = solve_ivp(lambda t, y: field(y), (0, 2), x[0], rtol=1e-11, atol=1e-13).y[:, -1]
    assert np.isclose(np.linalg.norm(end), np.linalg.norm(x[0]), rtol=1e-9)
    assert np.linalg.norm(end - x[0]) > 0.1
    assert not isinstance(field, DecomposedField)


def test_hamiltonian_field_keeps_its_energy_and_has_no_divergence():
    field, x = specimen("hamiltonian"), np.random.default_rng(7).normal(size=4)
    gradient = differences(field.hamiltonian, x)
    assert np.allclose(field(x), np.concatenate([gradient[2:], -gradient[:2]]), atol=1e-8)
    assert abs(np.trace(field.jacobian(x))) < 1e-13
    end = solve_ivp(lambda t, y: field(y), (0, 2), x, rtol=1e-11, atol=1e-13).y[:, -1]
    assert np.isclose(field.hamiltonian(end), field.hamiltonian(x), rtol=1e-9)
    assert np.linalg.norm(end - x) > 0.1


def test_mass_field_keeps_the_sum():
    field, x = specimen("mass"), np.random.default_rng(8).normal(size=(50, 4))
    assert np.abs(field(x).sum(-1)).max() < 1e-12
    assert np.abs(field.jacobian(x).sum(-2)).max() < 1e-12
    assert np.abs(field(x)).max() > 0.1


def test_representations_name_what_they_show():
    assert repr(specimen("hamiltonian")).startswith("HamiltonianField(A=[[")
    assert "alpha=" in repr(specimen("potential"))
    assert repr(specimen("mass")).startswith("MassField(A=[[")


ROTATION = [[[0.0, -1.0], [1.0, 0.0]]]


@pytest.mark.parametrize(
    ("build", "error"),
    [
        (lambda: RidgePotentialField([[np.nan]]), DomainError),
        (lambda: RidgePotentialField([[1.0]], alpha=[1.0, 2.0]), ShapeError),
        (lambda: RidgePotentialField([[1.0]], alpha=[np.inf]), DomainError),
        (lambda: RidgePotentialField([[1.0]], b=[[1.0]]), ShapeError),
        (lambda: RidgePotentialField([[1.0, 2.0]])([1.0]), ShapeError),
        (lambda: SphereField([[1.0, 0.0]], None, [[[0.0, 1.0], [1.0, 0.0]]]), StructureError),
        (lambda: SphereField([[1.0, 0.0]], None, [[[1e-300, 1.0], [-1.0, 0.0]]]), StructureError),
        (lambda: SphereField([[1.0, 0.0]], None, [[[0.0, 1.0], [-1.0000000000000002, 0.0]]]),
         StructureError),
        (lambda: SphereField([[1.0, 0.0]], None, ROTATION[0]), ShapeError),
        (lambda: SphereField([[1.0, 0.0, 0.0]], None, ROTATION), ShapeError),
        (lambda: SphereField([[1.0, 0.0]], None, [[[0.0, np.nan], [0.0, 0.0]]]), DomainError),
        (lambda: SphereField([[1.0, 0.0]], None, ROTATION)([1.0]), ShapeError),
        (lambda: HamiltonianField([[1.0, 2.0, 3.0]]), ShapeError),
        (lambda: HamiltonianField([[1.0, 2.0]])([np.inf, 0.0]), DomainError),
        (lambda: MassField([[1.0, 0.0]], None, np.ones((2, 2, 2))), ShapeError),
        (lambda: MassField([[1.0, 0.0]], [0.0, 0.0], np.ones((1, 2, 2))), ShapeError),
    ],
)  # fmt: skip
def test_bad_input_is_refused_at_once(build, error):
    with pytest.raises(error, match="expected"):
        build()
