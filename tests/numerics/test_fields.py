"""Fields: values, Jacobians, potentials, shapes, and refusals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowcert import DomainError, ShapeError
from flowcert.numerics import (
    DecomposedField,
    ExpansiveGradientField,
    ExpansiveLayerField,
    GradientField,
    LinearField,
    PotentialField,
    VectorField,
    tanh_mixture,
)
from flowcert.theory import strategies

SMOOTH = tanh_mixture(0.3)


def smooth_fields(rng):
    A, b = rng.normal(size=(3, 2)), rng.normal(size=3)
    B, c = rng.normal(size=(2, 2)), rng.normal(size=2)
    return [
        GradientField(A, b, SMOOTH),
        ExpansiveGradientField(A, b, SMOOTH),
        ExpansiveLayerField(B, c, SMOOTH),
        LinearField(B),
    ]


@pytest.mark.parametrize("index", range(4))
def test_jacobian_is_the_derivative(index):
    rng = np.random.default_rng(index)
    field, x, h = smooth_fields(rng)[index], rng.normal(size=2), 1e-6
    columns = [(field(x + h * e) - field(x - h * e)) / (2 * h) for e in np.eye(2)]
    assert np.allclose(field.jacobian(x), np.stack(columns, axis=-1), atol=1e-8)


@pytest.mark.parametrize("index", [0, 1])
def test_ridge_fields_are_gradients_of_their_potential(index):
    rng = np.random.default_rng(index)
    field, x, h = smooth_fields(rng)[index], rng.normal(size=2), 1e-5
    slopes = [
        (field.potential(x + h * e) - field.potential(x - h * e)) / (2 * h) for e in np.eye(2)
    ]
    assert np.allclose(field(x), slopes, atol=1e-8)


def test_linear_field_splits_into_gradient_and_skew_part():
    rng = np.random.default_rng(0)
    field, x = LinearField(rng.normal(size=(3, 3))), rng.normal(size=3)
    gradient = 0.5 * (field.B + field.B.T) @ x
    S = field.skew_part(x)
    assert np.allclose(gradient + S @ x, field(x))
    assert np.allclose(S, -S.T)
    assert np.isclose(field.potential(x), 0.5 * x @ gradient)


@pytest.mark.parametrize("index", range(4))
def test_fields_are_batched(index):
    rng = np.random.default_rng(index)
    field, x = smooth_fields(rng)[index], rng.normal(size=(5, 4, 2))
    one_by_one = np.array([[field(p) for p in row] for row in x])
    assert np.allclose(field(x), one_by_one, rtol=0, atol=1e-15)
    assert field.jacobian(x).shape == (5, 4, 2, 2)
    assert np.allclose(field.jacobian(x)[3, 2], field.jacobian(x[3, 2]))


def test_protocols_tell_the_families_apart():
    gradient, layer, linear = (
        GradientField([[1.0]]),
        ExpansiveLayerField([[1.0]]),
        LinearField([[1.0]]),
    )
    assert all(isinstance(field, VectorField) for field in (gradient, layer, linear))
    assert isinstance(gradient, PotentialField)
    assert not isinstance(layer, PotentialField)
    assert isinstance(linear, DecomposedField)
    assert not isinstance(gradient, DecomposedField)


@given(strategies.gradient_fields(), st.integers(0, 3))
def test_a_field_and_its_negative_are_the_two_gradient_families(field, seed):
    x = np.random.default_rng(seed).normal(size=field.dimension)
    opposite = ExpansiveGradientField(field.A, field.b, field.activation)
    assert np.array_equal(opposite(x), -field(x))


@pytest.mark.parametrize(
    ("build", "error"),
    [
        (lambda: GradientField([[np.nan]]), DomainError),
        (lambda: GradientField([[np.inf]]), DomainError),
        (lambda: GradientField([1.0, 2.0]), ShapeError),
        (lambda: GradientField(np.zeros((0, 2))), ShapeError),
        (lambda: GradientField([[1.0]], b=[1.0, 2.0]), ShapeError),
        (lambda: GradientField([["a"]]), DomainError),
        (lambda: GradientField([[1.0 + 1j]]), DomainError),
        (lambda: GradientField([[1.0], [1.0, 2.0]]), DomainError),
        (lambda: ExpansiveLayerField([[1.0, 2.0]]), ShapeError),
        (lambda: LinearField([[1.0, 2.0]]), ShapeError),
        (lambda: GradientField([[1.0, 2.0]])([1.0]), ShapeError),
        (lambda: GradientField([[1.0]])(1.0), ShapeError),
        (lambda: GradientField([[1.0]])([np.nan]), DomainError),
    ],
)
def test_bad_input_is_refused_at_once(build, error):
    with pytest.raises(error, match="expected"):
        build()
