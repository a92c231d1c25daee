"""Presnov by quadrature, and potentials as differences of convex ones."""

import warnings

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from flowcert import DomainError, ShapeError, StructureError
from flowcert.numerics import (
    Activation,
    DecomposedField,
    GradientField,
    LinearField,
    leaky_relu,
    relu,
    tanh_mixture,
)
from flowcert.theory.decomposition import (
    numeric,
    numeric_presnov,
    presnov,
    quadratic_shift,
    split_by_signs,
)
from flowcert.theory.symbolic import symbolic_field

x, y, z = sympy.symbols("x y z", real=True)
FIELDS = [
    symbolic_field([y, (1 - x**2) * y - x], [x, y]),
    symbolic_field([sympy.sin(2 * x + y) * z, y * z - x**3, sympy.cos(y - z) + 1], [x, y, z]),
    symbolic_field([x**3 - 1], [x]),
]
POINTS = np.random.default_rng(5).uniform(-1.5, 1.5, size=(4, 2, 3))
PARTS = ("potential", "gradient", "skew_part", "sphere")


def without_jacobian(f):
    return lambda p: f(p)


@pytest.mark.parametrize("f", FIELDS)
@pytest.mark.parametrize("has_jacobian", [True, False])
def test_numeric_and_symbolic_decompositions_agree(f, has_jacobian):
    parts = numeric_presnov(f if has_jacobian else without_jacobian(f), f.dimension)
    exact, p = presnov(f), POINTS[..., : f.dimension]
    potential = sympy.lambdify(f.symbols, exact.potential, _scipy_moments())
    values = np.array([[float(potential(*q)) for q in row] for row in p])
    found = parts.at(p)
    assert np.allclose(found.potential, values, atol=1e-10)
    assert np.allclose(found.gradient, exact.gradient(p), atol=1e-9)
    assert np.allclose(found.sphere, exact.sphere(p), atol=1e-9)
    assert np.allclose(found.gradient + found.sphere, f(p), atol=1e-9)
    assert np.allclose(found.skew_part, -np.swapaxes(found.skew_part, -1, -2), atol=0)
    assert np.allclose((p * found.sphere).sum(-1), 0, atol=1e-12)
    # The estimate is small, and none of the errors is larger.
    assert found.estimated_error.shape == p.shape[:-1]
    assert found.estimated_error.max() < 1e-8
    assert (
        np.abs(found.gradient - exact.gradient(p)).max(-1) <= found.estimated_error + 1e-12
    ).all()
    assert np.allclose(parts.jacobian(p), f.jacobian(p), atol=1e-9)


def _scipy_moments():
    return [
        {
            "CosineMoment": lambda k, a: quad(lambda t: t**k * np.cos(a * t), 0, 1)[0],
            "SineMoment": lambda k, a: quad(lambda t: t**k * np.sin(a * t), 0, 1)[0],
        },
        "numpy",
    ]


def test_the_result_is_a_decomposed_field():
    parts = numeric_presnov(FIELDS[1])
    assert isinstance(parts, DecomposedField)
    assert np.array_equal(parts(POINTS), FIELDS[1](POINTS))
    for name in PARTS:
        batch = getattr(parts, name)(POINTS)
        assert np.allclose(batch[2, 1], getattr(parts, name)(POINTS[2, 1]), atol=1e-14)
        assert np.array_equal(batch, getattr(parts.at(POINTS), name))
    assert parts.potential(np.zeros((0, 3))).shape == (0,)
    assert parts.at(np.zeros((0, 3))).estimated_error.shape == (0,)
    assert parts.potential(np.zeros(3)) == 0


@given(
    st.lists(st.floats(-3, 3), min_size=9, max_size=9),
    st.lists(st.floats(-3, 3), min_size=3, max_size=3),
)
def test_linear_fields_have_their_closed_form(entries, point):
    field = LinearField(np.reshape(entries, (3, 3)))
    for given_field in (field, without_jacobian(field)):
        parts = numeric_presnov(given_field, 3)
        assert np.allclose(parts.potential(point), field.potential(point), atol=1e-11)
        assert np.allclose(parts.skew_part(point), field.skew_part(point), atol=1e-10)


@pytest.mark.parametrize("f", FIELDS[:2])
def test_both_skew_representations_give_the_same_field(f):
    parts, p = numeric_presnov(f), POINTS[..., : f.dimension]
    S = parts.skew_part_by_division(p)
    assert np.allclose(S, -np.swapaxes(S, -1, -2), atol=0)
    assert np.allclose(np.einsum("...ij,...j->...i", S, p), parts.sphere(p), atol=1e-12)
    with pytest.raises(DomainError, match="divides by"):
        parts.skew_part_by_division(np.zeros(f.dimension))
    assert np.isfinite(parts.skew_part(np.zeros(f.dimension))).all()


def test_the_two_skew_representations_differ_in_three_dimensions():
    parts, p = numeric_presnov(FIELDS[1]), POINTS[0, 0]
    assert np.abs(parts.skew_part(p) - parts.skew_part_by_division(p)).max() > 0.01


def test_division_survives_tiny_and_huge_points():
    parts = numeric_presnov(LinearField([[0.0, -1.0], [1.0, 0.0]]))
    for scale in (1e-200, 1e150):
        assert np.allclose(parts.skew_part_by_division([3 * scale, 4 * scale]), [[0, -1], [1, 0]])


def test_the_estimate_tells_where_the_rule_is_too_short():
    def wave(p):
        return np.stack([np.sin(40 * p[..., 0]), p[..., 0] * 0], -1)

    coarse, fine = (numeric_presnov(wave, 2, nodes).at([3.0, 0.5]) for nodes in (16, 80))
    exact = (1 - np.cos(120.0)) / 40
    assert abs(coarse.potential - exact) > 1e-3
    assert coarse.estimated_error > abs(coarse.potential - exact)
    assert abs(fine.potential - exact) < 1e-12


def test_kinks_are_estimated():
    field = GradientField([[1.0, 2.0], [0.3, -1.0]], [-0.5, 0.2], leaky_relu(0.2))
    parts = numeric_presnov(field).at(POINTS[..., :2])
    exact = field.potential(POINTS[..., :2]) - field.potential(np.zeros(2))
    errors = np.abs(parts.potential - exact)
    assert errors.max() > 1e-6
    assert (errors <= 10 * parts.estimated_error + 1e-12).all()


MIXING = {
    "mean": lambda p: p - p.reshape(-1, 2).mean(0),
    "largest": lambda p: p / np.abs(p).max(),
    "smallest": lambda p: p / (1 + np.abs(p).min()),
    "first axis": lambda p: np.array([p[1], -p[0]]),
    "columns": lambda p: np.array([p[..., 1], -p[..., 0]]),
    "one row": lambda p: np.array([1.0, 2.0]),
    "sum": lambda p: p.sum(axis=0),
    "scalar": lambda p: np.array([float(p[0]), float(p[1])]),
    "shuffled": lambda p: p[::-1] if p.ndim > 1 else p,
}


@pytest.mark.parametrize("name", MIXING)
@pytest.mark.parametrize("batch", [(), (5,)])
def test_callables_that_are_not_vectorised_are_refused(name, batch):
    parts = numeric_presnov(MIXING[name], 2)
    p = np.random.default_rng(0).normal(size=(*batch, 2))
    for ask in (parts.potential, parts.gradient, parts.at):
        with pytest.raises(StructureError):
            ask(p)


def test_a_jacobian_is_checked_too():
    field = LinearField(np.eye(2))
    field.jacobian = lambda p: np.eye(2)
    with pytest.raises(StructureError, match="jacobian"):
        numeric_presnov(field).gradient([1.0, 2.0])


@pytest.mark.parametrize(
    ("f", "error"),
    [
        (lambda p: p[..., :1], ShapeError),
        (lambda p: np.concatenate([p, p], -1), ShapeError),
        (lambda p: p * np.nan, DomainError),
        (lambda p: np.where(p > 0.5, np.inf, p), DomainError),
        (lambda p: p * 1j, DomainError),
        (lambda p: p.astype(str), DomainError),
    ],
)
def test_wrong_values_are_refused(f, error):
    with pytest.raises(error):
        numeric_presnov(f, 2).at([1.0, 2.0])


def test_wrong_dimensions_nodes_and_points_are_refused():
    field = LinearField(np.eye(2))
    with pytest.raises(ShapeError, match="without a dimension"):
        numeric_presnov(without_jacobian(field))
    with pytest.raises(ShapeError, match="own dimension"):
        numeric_presnov(field, 3)
    for bad in (0, -2, 2.5, True):
        with pytest.raises(DomainError, match="nodes"):
            numeric_presnov(field, nodes=bad)
        with pytest.raises(DomainError, match="dimension"):
            numeric_presnov(without_jacobian(field), bad)
    with pytest.raises(ShapeError, match="x of shape"):
        numeric_presnov(field).potential([1.0, 2.0, 3.0])
    with pytest.raises(DomainError, match="NaN or infinite"):
        numeric_presnov(field).potential([np.nan, 2.0])


def test_a_callable_that_writes_into_its_argument_does_no_harm():
    def rude(p):
        p *= 2
        return p

    p = np.array([1.0, 2.0])
    assert np.isclose(numeric_presnov(rude, 2).potential(p), 5.0)
    assert p.tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("name", "planted"),
    [
        ("_rule", lambda nodes: tuple(np.polynomial.legendre.leggauss(nodes))),
        ("_along", lambda t, p: np.multiply.outer(t**2, p)),
        ("_potential", lambda p, w, f: -(np.tensordot(w, f, axes=1) * p).sum(-1)),
    ],
)
def test_planted_errors_are_seen(monkeypatch, name, planted):
    monkeypatch.setattr(numeric, name, planted)
    field = LinearField([[-1.0, 2.0], [0.0, -0.5]])
    assert not np.isclose(numeric_presnov(field).potential([1.0, 2.0]), field.potential([1.0, 2.0]))


numbers = st.floats(-3, 3)
rows = st.integers(1, 4).flatmap(
    lambda m: st.tuples(
        st.lists(st.tuples(numbers, numbers), min_size=m, max_size=m),
        st.lists(numbers, min_size=m, max_size=m),
        st.lists(numbers, min_size=m, max_size=m),
    )
)


@given(rows, st.sampled_from([relu(), leaky_relu(0.2), tanh_mixture(0.0)]), st.integers(0, 99))
def test_signs_split_a_ridge_potential_into_convex_ones(ridge, activation, seed):
    A, b, alpha = (np.array(part) for part in ridge)
    plus, minus = split_by_signs(A, b, alpha, activation)
    p, q = np.random.default_rng(seed).normal(size=(2, 5, 2))
    whole = (alpha * activation.potential(p @ A.T + b)).sum(-1)
    assert np.allclose(plus.potential(p) - minus.potential(p), whole, atol=1e-12)
    for part in (plus, minus):
        # Convex: the middle lies below the chord, and the gradient is monotone.
        chord = (part.potential(p) + part.potential(q)) / 2
        assert (part.potential((p + q) / 2) <= chord + 1e-10).all()
        assert (((part(p) - part(q)) * (p - q)).sum(-1) >= -1e-10).all()


def test_a_decreasing_activation_is_refused():
    bent = Activation("sine", -1.0, 1.0, np.sin, np.cos, lambda s: 1 - np.cos(s))
    with pytest.raises(DomainError, match="non-decreasing"):
        split_by_signs([[1.0]], [0.0], [1.0], bent)
    with pytest.raises(ShapeError):
        split_by_signs([[1.0]], [0.0, 1.0])


POTENTIALS = [
    (x * y, 1.0),
    (x**2 * y - y**4 / 4 + sympy.sin(x + y), None),
    (sympy.cos(2 * x) * y, None),
    (x**2 + y**2, 0.0),
]


@pytest.mark.parametrize(("potential", "exact"), POTENTIALS)
def test_a_quadratic_shift_makes_a_potential_convex(potential, exact):
    parts = quadratic_shift(potential, [x, y], radius=1.5)
    assert parts.proof.outcome == "proved"
    assert "balls" in parts.proof.engines
    assert sympy.expand(parts.convex + parts.concave - potential) == 0
    hessian = sympy.lambdify([x, y], sympy.hessian(potential, (x, y)))
    angles, radii = np.random.default_rng(0).random((2, 400))
    points = (
        1.5
        * np.sqrt(radii)[:, None]
        * np.stack([np.cos(2 * np.pi * angles), np.sin(2 * np.pi * angles)], -1)
    )
    lowest = min(np.linalg.eigvalsh(np.array(hessian(*p), dtype=float))[0] for p in points)
    assert parts.shift >= -lowest
    assert parts.shift <= max(0.0, -lowest) * 1.1 + 0.05
    if exact is not None:
        assert abs(parts.shift - exact) < 1e-6


def test_a_shift_of_ones_own_is_proved_only_if_it_is_enough():
    assert quadratic_shift(-(x**2), [x], 1.0, shift=2.1).proof.outcome == "proved"
    assert quadratic_shift(-(x**2), [x], 1.0, shift=1.9).proof.outcome == "not proved"
    assert quadratic_shift(1 / x, [x], 1.0, shift=5.0).proof.outcome == "not proved"


@pytest.mark.parametrize("radius", [0.0, -1.0, np.nan, np.inf])
def test_a_shift_needs_a_ball(radius):
    with pytest.raises(DomainError, match="positive finite radius"):
        quadratic_shift(x * y, [x, y], radius)


def test_what_cannot_be_shifted_is_refused():
    with pytest.raises(DomainError, match="n ≤ 2"):
        quadratic_shift(x * y * z, [x, y, z], 1.0)
    with pytest.raises(DomainError, match="no finite bound"):
        quadratic_shift(1 / x, [x], 1.0)
    with pytest.raises(DomainError, match="shift"):
        quadratic_shift(x**2, [x], 1.0, shift=-1.0)
    with pytest.raises(StructureError, match="integer powers"):
        quadratic_shift(sympy.exp(x), [x], 1.0)
    with pytest.raises(StructureError, match="parameters y"):
        quadratic_shift(x * y, [x], 1.0)


def test_nothing_warns():
    """Overflow inside a callable is refused by name, not by a warning of ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        numeric_presnov(FIELDS[0]).at(POINTS[..., :2])
        quadratic_shift(x * y, [x, y], 1e100)
