"""Lipschitz constants of fields on a ball: never below what is attained, and sharp where known."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowcert import DomainError
from flowcert.numerics import (
    Activation,
    ExpansiveGradientField,
    ExpansiveLayerField,
    GradientField,
    HamiltonianField,
    LinearField,
    MassField,
    RidgePotentialField,
    SphereField,
    leaky_relu,
    piecewise_linear,
    relu,
    softplus_mixture,
    tanh_mixture,
)
from flowcert.theory.field_constants import (
    bound_lipschitz,
    bound_one_sided_lipschitz,
    estimate_lipschitz,
    estimate_one_sided_lipschitz,
)

ROTATION = np.array([[0.0, -1.0], [1.0, 0.0]])
LINEAR = tanh_mixture(1.0)
SHARP = 1e-6


def sech2(s):
    return float(1 / mpmath.cosh(s) ** 2)


def logistic(s):
    return float(1 / (1 + mpmath.exp(-s)))


def assert_sharp(field, radius, lipschitz, one_sided):
    """Both bounds are at least, and hardly above, the constants known by hand."""
    for bound, exact in (
        (bound_lipschitz(field, radius), lipschitz),
        (bound_one_sided_lipschitz(field, radius), one_sided),
    ):
        slack = SHARP * (1 + abs(exact))
        assert exact - 1e-14 * (1 + abs(exact)) <= bound <= exact + slack


# ------------------------------------------------------------------ cases solved by hand


@pytest.mark.parametrize("radius", [0.1, 1.0, 5.0])
def test_tanh_gradient_contracts_least_at_the_end_of_the_ball(radius):
    """−tanh(xᵢ): slopes from sech²r to 1."""
    assert_sharp(GradientField(np.eye(2), None, tanh_mixture()), radius, 1.0, -sech2(radius))


@pytest.mark.parametrize("b", [-2.0, 0.3, 2.0])
def test_biases_shift_the_slopes(b):
    """In one dimension with |x| ≤ 1 the slopes are those on [b − 1, b + 1], times a² = 1."""
    steepest, flattest = sech2(max(abs(b) - 1, 0)), sech2(abs(b) + 1)
    assert_sharp(GradientField([[1.0]], [b], tanh_mixture()), 1.0, steepest, -flattest)
    assert_sharp(RidgePotentialField([[1.0]], [b]), 1.0, steepest, steepest)
    field = GradientField([[-1.0]], [b], softplus_mixture(0.0))
    assert_sharp(field, 1.0, logistic(b + 1), -logistic(b - 1))
    mixed = GradientField([[1.0]], [b], tanh_mixture(0.25))
    assert_sharp(mixed, 1.0, 0.25 + 0.75 * steepest, -0.25 - 0.75 * flattest)


def test_kinks_count_only_where_the_ball_reaches_them():
    field = GradientField([[1.0]], [2.0], leaky_relu(0.25))
    assert_sharp(field, 1.9, 1.0, -1.0)
    assert_sharp(field, 2.1, 1.0, -0.25)
    hinge = piecewise_linear([-1.0, 1.0], [0.5, 1.0, 0.125])
    assert_sharp(GradientField([[1.0]], [0.0], hinge), 0.5, 1.0, -1.0)
    assert_sharp(GradientField([[1.0]], [1.5], hinge), 1.0, 1.0, -0.125)
    assert_sharp(GradientField([[1.0]], [-2.5], hinge), 1.0, 0.5, -0.5)


def test_signs_of_alpha_pull_apart_expansion_and_contraction():
    assert_sharp(RidgePotentialField(np.eye(2), None, [1.0, -2.0]), 3.0, 2.0, 1.0)
    lone = RidgePotentialField([[1.0]], None, [-2.0])
    assert_sharp(lone, 1.0, 2.0, -2.0 * sech2(1.0))


def test_gradients_attain_the_squared_norm():
    A = np.array([[1.0, 2.0], [0.5, -1.0], [3.0, 0.0]])
    square = float(mpmath.svd_r(mpmath.matrix(A), compute_uv=False)[0]) ** 2
    assert_sharp(ExpansiveGradientField(A, None, tanh_mixture()), 0.7, square, square)


def test_one_ridge_of_a_hamiltonian_field_halves_its_one_sided_constant():
    """J a aᵀ has norm |a|², its symmetric part |a|²/2; with H = |x|²/2 f is a rotation."""
    assert_sharp(HamiltonianField([[3.0, 4.0]]), 1.0, 25.0, 12.5)
    assert_sharp(HamiltonianField(np.eye(2), None, None, LINEAR), 1.0, 1.0, 0.0)


def test_rank_one_mass_field():
    """g aᵀ with g = (1, −1), a = (3, 4): norm 5√2, symmetric part (5√2 + gᵀa)/2."""
    field = MassField([[3.0, 4.0]], None, [[[0.0, 1.0], [0.0, 0.0]]], LINEAR)
    assert_sharp(field, 1.0, 5 * math.sqrt(2), (5 * math.sqrt(2) - 1) / 2)


def test_expansive_layers():
    assert_sharp(ExpansiveLayerField(np.eye(2), None, relu()), 1.0, 1.0, 1.0)
    assert_sharp(ExpansiveLayerField(ROTATION, None, relu()), 1.0, 1.0, 0.5)
    B = np.array([[1.0, 3.0], [0.0, 0.1]])  # rows of very different lengths
    norm = float(mpmath.svd_r(mpmath.matrix(B), compute_uv=False)[0])
    assert_sharp(
        ExpansiveLayerField(B, None, LINEAR), 1.0, norm, np.linalg.eigvalsh((B + B.T) / 2)[1]
    )


@pytest.mark.parametrize("radius", [0.5, 2.0])
def test_sphere_fields(radius):
    """tanh(x₁)Jx: at x = (0, −r) the Jacobian is diag(r, 0)."""
    field = SphereField([[1.0, 0.0]], None, [ROTATION])
    bound = bound_one_sided_lipschitz(field, radius)
    assert radius <= bound <= radius * (1 + SHARP)
    turning = SphereField([[0.0, 0.0]], [0.5], [2 * ROTATION])  # S constant: a rigid rotation
    assert_sharp(turning, radius, 2 * math.tanh(0.5), 0.0)


@pytest.mark.parametrize("seed", range(3))
def test_linear_fields_whatever_the_radius(seed):
    B = np.random.default_rng(seed).normal(size=(3, 3))
    symmetric = mpmath.matrix((mpmath.matrix(B) + mpmath.matrix(B).T) / 2)
    norm = float(mpmath.svd_r(mpmath.matrix(B), compute_uv=False)[0])
    largest = float(max(mpmath.eigsy(symmetric, eigvals_only=True)))
    for radius in (1e-3, 1.0, 1e6):
        assert_sharp(LinearField(B), radius, norm, largest)


def test_a_field_that_is_zero():
    assert 0.0 <= bound_lipschitz(GradientField(np.zeros((2, 2))), 1.0) < 1e-300
    assert bound_lipschitz(SphereField(np.zeros((1, 2)), None, np.zeros((1, 2, 2))), 1.0) < 1e-300
    assert bound_lipschitz(LinearField(np.zeros((2, 2))), 1.0) == 0.0


# ------------------------------------------------------------------ never below the attained


NUMBERS = st.floats(-3.0, 3.0).map(lambda v: round(v, 6))


@st.composite
def fields(draw):
    kind = draw(st.sampled_from([
        GradientField, ExpansiveGradientField, RidgePotentialField, ExpansiveLayerField,
        SphereField, HamiltonianField, MassField, LinearField,
    ]))  # fmt: skip
    n = draw(st.sampled_from([2, 4] if kind is HamiltonianField else [1, 2, 3]))
    m = draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    activation = draw(st.sampled_from([
        tanh_mixture(), tanh_mixture(0.3), softplus_mixture(0.2), relu(), leaky_relu(0.4),
        piecewise_linear([-0.5, 0.25], [1.0, 0.1, 0.6]),
    ]))  # fmt: skip
    scale = 10.0 ** draw(st.integers(-3, 2))
    A, b = scale * rng.normal(size=(m, n)), draw(NUMBERS) * rng.normal(size=m)
    M, alpha = rng.normal(size=(m, n, n)), rng.normal(size=m)
    if kind is LinearField:
        return LinearField(scale * rng.normal(size=(n, n)))
    if kind is ExpansiveLayerField:
        return kind(scale * rng.normal(size=(n, n)), rng.normal(size=n), activation)
    if kind in (RidgePotentialField, HamiltonianField):
        return kind(A, b, alpha, activation)
    if kind is SphereField:
        return kind(A, b, M - M.swapaxes(1, 2), activation)
    if kind is MassField:
        return kind(A, b, M, activation)
    return kind(A, b, activation)


def rounding(field, radius):
    """1e-13 of the Jacobian at slopes 1: NumPy's 1 − tanh² cancels where the slope is small."""
    inner = getattr(field, "energy_gradient", field)
    right = np.abs(getattr(inner, "A", getattr(inner, "B", 1.0))).sum()
    left = np.abs(getattr(inner, "alpha", 1.0)).max() * right + 1.0
    for name in ("skew", "matrices"):
        left += (1 + radius) * np.abs(getattr(inner, name, 0.0)).sum()
    return 1e-13 * left * (1 + right)


RADII = st.sampled_from([0.01, 0.5, 1.0, 3.0, 20.0])


@settings(max_examples=120, deadline=None)
@given(fields(), RADII, st.integers(0, 10**6))
def test_no_difference_quotient_exceeds_the_bounds(field, radius, seed):
    """Values of the field alone: the bounds are held against it, not against its Jacobian."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(2, 400, field.dimension))
    x *= radius * rng.uniform(size=(2, 400, 1)) / np.linalg.norm(x, axis=-1, keepdims=True)
    x[1, 200:] = x[0, 200:] + 1e-2 * (x[1, 200:] - x[0, 200:])  # and near ones
    d, df = x[0] - x[1], field(x[0]) - field(x[1])
    distance = np.linalg.norm(d, axis=-1)
    L, nu = bound_lipschitz(field, radius), bound_one_sided_lipschitz(field, radius)
    size = 1e-13 * (1 + np.abs(field(x)).max()) / distance
    assert np.all(np.linalg.norm(df, axis=-1) / distance <= L + size)
    assert np.all((df * d).sum(-1) / distance**2 <= nu + size)


@settings(max_examples=120, deadline=None)
@given(fields(), RADII)
def test_estimates_do_not_exceed_bounds_and_one_sided_not_two_sided(field, radius):
    L, nu = bound_lipschitz(field, radius), bound_one_sided_lipschitz(field, radius)
    low, low_nu = estimate_lipschitz(field, radius), estimate_one_sided_lipschitz(field, radius)
    slack = rounding(field, radius)
    assert nu <= L
    assert low <= L + slack
    assert low_nu <= nu + slack
    assert low_nu <= low + slack


@settings(max_examples=30, deadline=None)
@given(fields(), st.floats(0.1, 3.0))
def test_bounds_grow_with_the_ball(field, radius):
    slack = 1e-9 * bound_lipschitz(field, 1.5 * radius)
    for bound in (bound_lipschitz, bound_one_sided_lipschitz):
        assert bound(field, radius) <= bound(field, 1.5 * radius) + slack


@pytest.mark.parametrize("scale", [1e-200, 1e-160, 1e-100, 1e100, 1e150])
def test_extreme_scales_stay_bounds(scale):
    field = ExpansiveGradientField(scale * np.eye(2), None, LINEAR)
    exact = float(mpmath.mpf(scale) ** 2)
    bound = bound_lipschitz(field, 1.0)
    assert bound >= exact
    assert bound <= exact * (1 + SHARP) or scale < 1e-150
    one_big = ExpansiveLayerField([[0.0, scale], [0.0, 0.0]], None, LINEAR)
    assert scale <= bound_lipschitz(one_big, 1.0) <= scale * (1 + SHARP) + 1e-300
    assert bound_lipschitz(ExpansiveGradientField([[1e200]], None, LINEAR), 1.0) == math.inf


@settings(max_examples=60, deadline=None)
@given(fields(), RADII, st.sampled_from([2, 3, 8, 30]))
def test_cells_only_sharpen_and_stay_above_the_estimate(field, radius, cells):
    L, nu = bound_lipschitz(field, radius), bound_one_sided_lipschitz(field, radius)
    fine = bound_lipschitz(field, radius, cells=cells)
    fine_nu = bound_one_sided_lipschitz(field, radius, cells=cells)
    slack = rounding(field, radius)
    assert estimate_lipschitz(field, radius) <= fine + slack
    assert fine <= L
    assert estimate_one_sided_lipschitz(field, radius) <= fine_nu + slack
    assert fine_nu <= nu


def test_cells_close_in_on_a_sphere_field():
    """tanh(x₁)Jx on |x| ≤ 2: the two-sided bound of the whole ball is half too large."""
    field = SphereField([[1.0, 0.0]], None, [ROTATION])
    low = estimate_lipschitz(field, 2.0)
    assert bound_lipschitz(field, 2.0) > 1.3 * low
    assert low <= bound_lipschitz(field, 2.0, cells=300) < 1.08 * low


def test_cells_beside_a_kink_see_one_slope():
    """σ'(x₁) + σ'(x₁ − 1) for relu: −f contracts at rate 0 left, 1 between, 2 right."""
    field = GradientField([[1.0], [1.0]], [0.0, -1.0], relu())
    assert bound_lipschitz(field, 3.0, cells=20) <= 2.0 + SHARP
    opposite = RidgePotentialField([[1.0], [1.0]], [0.0, -1.0], [1.0, -1.0], relu())
    assert bound_one_sided_lipschitz(opposite, 3.0, cells=40) <= 1.0 + SHARP
    late = RidgePotentialField([[1.0], [1.0]], [-1.0, 0.0], [1.0, -1.0], relu())  # 0, −1, 0
    assert bound_one_sided_lipschitz(late, 3.0) >= 1.0
    # A cell that holds both kinks can be narrowed until it holds one: 0 + 1 − 1 or 0 − 1.
    assert bound_one_sided_lipschitz(late, 3.0, cells=60) <= SHARP


@pytest.mark.parametrize("cells", [0, -1, 1.5, True])
def test_cells_are_counted(cells):
    with pytest.raises(DomainError, match="cells"):
        bound_lipschitz(LinearField(np.eye(2)), 1.0, cells=cells)


def test_an_unknown_activation_is_taken_at_its_word():
    arctan = Activation(
        "arctan", 0.0, 1.0, np.arctan, lambda s: 1 / (1 + s**2), lambda s: s * np.arctan(s)
    )
    assert_sharp(ExpansiveGradientField([[1.0]], [5.0], arctan), 1.0, 1.0, 1.0)
