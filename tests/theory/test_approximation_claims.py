"""What the claims of group B rest on, against oracles; and that they notice broken code."""

import importlib
from math import comb

import mpmath
import numpy as np
import pytest
import sympy
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.optimize import isotonic_regression, linprog

from flowcert.numerics import RidgePotentialField
from flowcert.theory import check_claim
from flowcert.theory.claims.approximation.orientation import L1, L2, SUPREMUM, ScalarFlow, SoftFloor
from flowcert.theory.claims.approximation.presnov_identity import radial_defect
from flowcert.theory.claims.approximation.regularity import PowerShear, _flow_of_gradient
from flowcert.theory.claims.approximation.ridge_density import HomogeneousPolynomial
from flowcert.theory.registry import claims_in

few = settings(max_examples=40, deadline=None, database=None, derandomize=True)


def module(name):
    return importlib.import_module(f"flowcert.theory.claims.approximation.{name}")


def claim_of(name):
    (claim,) = claims_in(module(name))
    return claim


def violated(name):
    """Whether one of a hundred random instances violates the only claim of a module."""
    claim, found = claim_of(name), []

    # Without shrinking: one counterexample is enough.
    @settings(
        max_examples=100, deadline=None, database=None, derandomize=True, phases=[Phase.generate]
    )
    @given(claim.instances())
    def look(instance):
        if not any(found):
            found.append(not claim.measure(instance).holds)

    look()
    return any(found)


# The exact distances of |x| from increasing functions, by regression and linear programming


def cells(count=400):
    """Midpoints of equal cells of [−1, 1] and their common width."""
    edges = np.linspace(-1, 1, count + 1)
    return 0.5 * (edges[1:] + edges[:-1]), 2 / count


def nearest_increasing(norm):
    """The distance of |x| on the cells from increasing values, as a linear program."""
    x, width = cells(120)
    n = len(x)
    slacks = n if norm == 1 else 1
    spread = np.eye(n) if norm == 1 else np.ones((n, 1))
    steps = np.zeros((n - 1, n + slacks))
    steps[:, :n] = np.eye(n)[:-1] - np.eye(n)[1:]
    gaps = [np.hstack([sign * np.eye(n), -spread]) for sign in (1, -1)]
    found = linprog(
        np.concatenate([np.zeros(n), np.full(slacks, width if norm == 1 else 1.0)]),
        A_ub=np.vstack([steps, *gaps]),
        b_ub=np.concatenate([np.zeros(n - 1), np.abs(x), -np.abs(x)]),
        bounds=[(None, None)] * n + [(0, None)] * slacks,
    )
    return found.fun


def test_distance_in_the_mean_square_is_that_of_isotonic_regression():
    x, width = cells()
    best = isotonic_regression(np.abs(x)).x
    assert np.sqrt(width * np.sum((best - np.abs(x)) ** 2)) == pytest.approx(L2, abs=1e-4)
    assert best[0] == pytest.approx(np.sqrt(2) - 1, abs=5e-3)


def test_distances_in_the_mean_and_the_supremum_are_those_of_linear_programs():
    assert nearest_increasing(1) == pytest.approx(L1, abs=1e-3)
    assert nearest_increasing(np.inf) == pytest.approx(SUPREMUM, abs=1e-2)


@few
@given(st.floats(1, 20), st.floats(-0.5, 0.5), st.floats(-1, 1))
def test_soft_floor_is_a_flow(k, s, x):
    exact = solve_ivp(
        lambda _, y: np.exp(-k * (y - s)) / k, (0, 1), [x], method="LSODA", rtol=1e-9, atol=1e-12
    )
    assert float(SoftFloor(k, s)(np.array(x))) == pytest.approx(exact.y[0, -1], abs=1e-6)


@few
@given(st.floats(0.5, 2), st.floats(-2, 2), st.floats(-2, 2), st.floats(-1, 1))
def test_scalar_flow_in_closed_form_is_the_flow(w, b, kappa, x):
    found = ScalarFlow(w, b, kappa, 0.0, 0.0)(np.array(x))
    exact = solve_ivp(
        lambda _, y: kappa / w * np.tanh(w * y + b), (0, 1), [x], rtol=1e-10, atol=1e-12
    )
    assert float(found) == pytest.approx(exact.y[0, -1], abs=1e-8)
    assert float(ScalarFlow(w, b, 0.0, 1.0, 0.5)(np.array(x))) == pytest.approx(np.e * x + 0.5)


# What regularity costs


@few
@given(st.floats(0.1, 0.9), st.floats(-5, 0), st.floats(-2, 2))
def test_quotient_of_the_gradient_part_in_many_digits(epsilon, power, y):
    shear = PowerShear(epsilon, 10.0**power, y)
    with mpmath.workdps(40):
        e, h = mpmath.mpf(epsilon), mpmath.mpf(shear.h)
        potential = lambda x, z: z * abs(x) ** (1 + e) / (2 + e)  # noqa: E731  # U by itself
        first = mpmath.diff(lambda x: potential(x, mpmath.mpf(y)), h)
        second = mpmath.diff(lambda z: potential(h, z), mpmath.mpf(y))
        exact = mpmath.sqrt(first**2 + second**2) / h
    assert shear.claimed() == pytest.approx(float(exact), rel=1e-10)


def test_the_gradient_part_leaves_its_resting_point_and_the_field_does_not():
    ends = [_flow_of_gradient(10.0**-k, 1.0) for k in (6, 10, 14)]
    # The proof says 9/100 at least; the differences shrink, so there is a second solution.
    assert min(ends) >= 0.09
    assert abs(ends[2] - ends[1]) < 0.1 * abs(ends[1] - ends[0])
    start = np.array([1e-14, 1.0])
    own = solve_ivp(lambda _, x: [0.0, abs(x[0]) ** 1.5], (0, 1), start).y[:, -1]
    assert np.linalg.norm(own - start) < 1e-20


def test_constants_of_the_regular_field_bound_its_derivatives():
    claim = claim_of("regularity_kept")

    @few
    @given(claim.instances())
    def look(instance):
        f, h = instance.field, 1e-5
        first, second = instance.constants()
        for z in (instance.x, instance.y):
            D = [f.B + f.V @ np.diag(np.cos(f.W @ p + f.b)) @ f.W for p in (z - h, z + h)]
            assert max(np.linalg.norm(M, 2) for M in D) <= first + 1e-12
            step = 2 * h * np.sqrt(len(z))
            assert np.linalg.norm(D[1] - D[0], 2) <= second * step + 1e-10

    look()


# A reflection, through its nearest singular matrix


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_no_matrix_within_one_of_a_reflection_keeps_the_orientation(n):
    R, rng = np.diag([-1.0] + [1.0] * (n - 1)), np.random.default_rng(n)
    E = rng.normal(size=(500, n, n))
    E *= 0.999 / np.linalg.norm(E, 2, axis=(1, 2))[:, None, None]
    assert np.all(np.linalg.det(R + E) < 0)
    # Just beyond, the nearest singular matrix is passed (Eckart and Young).
    first = np.zeros((n, n))
    first[0, 0] = 1.001
    assert np.linalg.det(R + first) > 0


# Ridge networks


@few
@given(st.integers(1, 6), st.integers(0, 6))
def test_weights_rebuild_every_monomial(d, j):
    """By sympy's own expansion of Σ αᵢ(x + iy)^d."""
    from flowcert.theory.claims.approximation.ridge_density import _weights

    x, y = sympy.symbols("x y")
    j = min(j, d)
    unit = [sympy.Rational(int(k == j)) for k in range(d + 1)]
    alpha = _weights(unit, range(d + 1))
    total = sum(
        sympy.Rational(a.numerator, a.denominator) * (x + i * y) ** d for i, a in enumerate(alpha)
    )
    assert sympy.expand(total) == x ** (d - j) * y**j


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_divided_differences_of_networks_tend_to_powers(k):
    """∇ of Σⱼ (−1)^{k−j}C(k, j)γ(jλu + ½)/λᵏ tends to γ⁽ᵏ⁾(½)·k·u^{k−1}, at rate λ."""
    x = np.linspace(-1, 1, 9)[:, None]
    a = sympy.Symbol("a")
    derivative = float(sympy.diff(sympy.tanh(a), a, k - 1).subs(a, sympy.Rational(1, 2)).evalf(30))
    errors = []
    for lam in (0.01, 0.005):
        signs = [(-1) ** (k - j) * comb(k, j) / lam**k for j in range(k + 1)]
        rows = lam * np.arange(k + 1.0)[:, None]
        network = RidgePotentialField(rows, np.full(k + 1, 0.5), signs)
        errors.append(np.abs(network(x) - derivative * k * x ** (k - 1)).max())
    assert errors[1] < 0.25
    assert errors[0] / errors[1] == pytest.approx(2.0, abs=0.2)


def test_the_gradient_of_a_form_is_that_of_sympy():
    x, y = sympy.symbols("x y")
    form = HomogeneousPolynomial(tuple(map(sympy.Rational, (1, -2, 3, 5))), 2, -3)
    p = x**3 - 2 * x**2 * y + 3 * x * y**2 + 5 * y**3
    at = {x: 2, y: -3}
    assert form.gradient() == (sympy.diff(p, x).subs(at), sympy.diff(p, y).subs(at))


# Broken code


def test_a_wrong_potential_is_noticed(monkeypatch):
    nodes, weights = radial_defect.__defaults__
    monkeypatch.setattr(radial_defect, "__defaults__", (nodes, nodes * weights))
    assert violated("presnov_identity")


@pytest.mark.parametrize(
    ("name", "broken", "replacement"),
    [
        (
            "sphere_fields",
            "_skew_matrix",
            lambda X, x: (np.outer(X, x) - np.outer(x, X)).T / (x @ x),
        ),
        ("sphere_fields", "_tangent", lambda field, x: field(x)),
        ("reflection", "_reflection", np.eye),
        ("lift", "_shear", lambda F, n: lambda z: np.concatenate([z[:n], F(z[:n])])),
        ("field_error", "bound_field_error", lambda e, nu, t: e * t),
        ("field_error", "logarithmic_norm", lambda B: np.linalg.eigvals(B).real.max()),
        ("regularity_kept", "gradient_part", lambda field, x: field(x) + field.B.T @ x),
        ("orientation", "SUPREMUM", 0.55),
        ("orientation", "L1", 0.35),
        ("orientation", "L2", 0.36),
    ],
)
def test_a_broken_part_is_noticed_by_instances(monkeypatch, name, broken, replacement):
    assert not violated(name)
    monkeypatch.setattr(module(name), broken, replacement)
    assert violated(name)


@pytest.mark.parametrize(
    ("name", "kind", "broken", "replacement"),
    [
        ("orientation", "ScalarFlow", "__call__", lambda self, x: np.abs(x)),
        ("regularity", "PowerShear", "claimed", lambda self: self.h ** (self.epsilon - 1)),
        ("regularity_kept", "FieldOnBall", "constants", lambda self: (0.25, 0.25)),
        ("convex_difference", "RidgeEnergy", "curvature_bound", lambda self, x, y: 0.0),
        (
            "ridge_gradient",
            "RidgePotentialField",
            "__call__",
            lambda self, x: np.tanh(x @ self.A.T + self.b) @ self.A,
        ),
        ("sphere_fields", "SphereField", "_combined", lambda self, x: np.abs(self.skew[0])),
    ],
)
def test_a_broken_method_is_noticed_by_instances(monkeypatch, name, kind, broken, replacement):
    monkeypatch.setattr(getattr(module(name), kind), broken, replacement)
    assert violated(name)


@pytest.mark.parametrize(
    ("name", "broken", "replacement"),
    [
        (
            "field_error",
            "formula_field_error",
            lambda on, e, nu, t: e * on.exponential(nu * t) / nu,
        ),
        ("field_error", "formula_mean_growth", lambda on, z, rho: 1 + z / 2 + rho * z**17),
        (
            "ridge_density",
            "_basis_matrix",
            lambda s: sympy.Matrix([[x**j for x in s] for j in range(len(s))]),
        ),
        ("ridge_density", "_derivative", lambda k, T: T**k - T**k),
    ],
)
def test_a_broken_formula_is_noticed_by_the_proof(monkeypatch, name, broken, replacement):
    claim = claim_of(name)
    assert claim.prove().outcome == "proved"
    monkeypatch.setattr(module(name), broken, replacement)
    assert check_claim(claim, instances=1).status != "proved"
