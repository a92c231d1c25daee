"""The lift of a map to a flow: exact, also where the map is no flow itself."""

import math

import mpmath
import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from flowcert import DomainError, ShapeError, StructureError
from flowcert.theory.approximation import approximate_flow, lifted_map, regression_target
from flowcert.theory.symbolic import symbolic_field


def exact_regression(x):
    return abs(mpmath.mpf(x)) + mpmath.sin(x) + mpmath.mpf(x) ** 2


def plane(x):
    """A map of R² to R³ without an inverse, orientation or derivative."""
    return np.stack([np.abs(x[..., 0]), x[..., 0] * x[..., 1], np.cos(x[..., 1])], axis=-1)


@pytest.mark.parametrize(("F", "exact"), [(np.abs, abs), (regression_target, exact_regression)])
def test_targets_are_met_to_rounding(F, exact):
    x = np.linspace(-3, 3, 1001)
    made = lifted_map(F, inputs=1)
    wanted = np.array([float(exact(t)) for t in x])
    assert made(x[:, None]).shape == (1001, 1)
    assert np.abs(made(x[:, None])[:, 0] - wanted).max() <= 1e-14
    assert made.measured_error == 0


@given(st.lists(st.floats(-50, 50), min_size=2, max_size=2), st.floats(-2, 2))
def test_parts_compose_and_the_flow_is_a_group(x, time):
    made = lifted_map(plane, inputs=2, outputs=3)
    z = np.concatenate([x, [0.5, -1.0, 2.0]])
    assert np.array_equal(made(x), plane(np.array(x)))
    assert np.array_equal(made.project(made.flow(made.lift(x))), made(x))
    assert np.allclose(made.inverse(made.flow(z)), z, rtol=0, atol=1e-12)
    twice = made.flow(made.flow(z, time), 1 - time)
    assert np.allclose(twice, made.flow(z), rtol=0, atol=1e-11)
    assert np.allclose(made.integrated(z, time), made.flow(z, time), rtol=0, atol=1e-11)


def test_the_flow_is_that_of_the_field():
    made = lifted_map(plane, inputs=2, outputs=3)
    z = np.array([-0.7, 1.2, 0.1, 0.2, 0.3])
    field = lambda _, y: np.concatenate([[0, 0], plane(y[:2])])  # noqa: E731 -- one line
    end = solve_ivp(field, (0, 0.6), z, rtol=1e-10, atol=1e-12).y[:, -1]
    assert np.allclose(made.flow(z, 0.6), end, atol=1e-9)
    assert np.allclose(made.field(z), field(0, z))
    assert made.dimension == 5


def test_values_without_a_last_axis_and_batches_of_any_shape():
    made = lifted_map(lambda x: x[..., 0] - x[..., 1], inputs=2)
    x = np.random.default_rng(0).normal(size=(3, 2, 2))
    assert np.array_equal(made(x)[..., 0], x[..., 0] - x[..., 1])
    assert made(x[:1]).shape == (1, 2, 1)


@pytest.mark.parametrize("F", [np.abs, regression_target])
def test_fitted_network_says_how_far_it_is(F):
    x = np.linspace(-1, 1, 20001)[:, None]
    errors = []
    for width in (16, 256):
        made = lifted_map(F, inputs=1, fit=width, radius=1.0)
        true_error = np.abs(made(x) - F(x)).max()
        assert 0.3 * true_error <= made.measured_error <= true_error * (1 + 1e-6) + 1e-12
        errors.append(true_error)
    assert errors[1] < 0.02
    assert errors[1] < errors[0] / 2
    # The network is exactly lifted in its turn.
    assert np.array_equal(made.project(made.flow(made.lift(x))), made.function(x))


def test_fit_in_several_dimensions():
    made = lifted_map(plane, inputs=2, outputs=3, fit=300, radius=1.0)
    assert made([0.3, -0.2]).shape == (3,)
    assert 1e-6 < made.measured_error < 0.1


@pytest.mark.parametrize(
    ("F", "error", "message"),
    [
        (lambda x: x - x.mean(axis=0), StructureError, "alone"),
        (lambda x: np.sort(x, axis=0), StructureError, "alone"),
        (lambda x: x[0], StructureError, "shape"),
        (lambda x: float(x[0, 0]), StructureError, "F"),
        (lambda x: abs(float(x)), StructureError, "fails on points"),
        (lambda x: np.concatenate([x, x], axis=-1), ShapeError, "values of shape"),
        (lambda x: np.log(x), DomainError, "NaN"),
        (lambda x: x / 0.0, DomainError, "NaN or infinite"),
        (lambda x: x + 1j, DomainError, "complex"),
    ],
)
def test_bad_maps_are_named(F, error, message):
    with pytest.raises(error, match=message):
        lifted_map(F, inputs=1)
    with pytest.raises(error, match=message):
        lifted_map(F, inputs=1, fit=8, radius=1.0)


def test_what_is_found_only_later_is_named_too():
    made = lifted_map(lambda x: np.sqrt(2 - x), inputs=1)
    with pytest.raises(DomainError, match="NaN"):
        made([3.0])


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"inputs": 0}, DomainError),
        ({"inputs": 1, "outputs": 0}, DomainError),
        ({"inputs": 1.5}, DomainError),
        ({"inputs": 1, "fit": 0, "radius": 1.0}, DomainError),
        ({"inputs": 1, "fit": 8}, ShapeError),
        ({"inputs": 1, "fit": 8, "radius": 0.0}, DomainError),
        ({"inputs": 1, "fit": 8, "radius": math.inf}, DomainError),
        ({"inputs": 1, "radius": -1.0}, DomainError),
        ({"inputs": 1, "radius": math.nan}, DomainError),
    ],
)
def test_bad_arguments_are_named(arguments, error):
    with pytest.raises(error):
        lifted_map(np.abs, **arguments)


def test_bad_points_and_times_are_named():
    made = lifted_map(np.abs, inputs=1)
    with pytest.raises(ShapeError):
        made([1.0, 2.0])
    with pytest.raises(ShapeError):
        made.flow([1.0])
    with pytest.raises(ShapeError):
        made.project([1.0])
    with pytest.raises(DomainError):
        made([math.nan])
    for time in (math.inf, math.nan):
        with pytest.raises(DomainError):
            made.flow([1.0, 0.0], time)
        with pytest.raises(DomainError):
            made.integrated([1.0, 0.0], time)


@pytest.mark.parametrize(
    "kink", [sympy.Abs, sympy.sign, lambda x: sympy.Max(x, 0), lambda x: sympy.Min(x, 1),
             sympy.Heaviside, sympy.floor, lambda x: sympy.Piecewise((x, x > 0), (0, True))]
)  # fmt: skip
def test_splitting_constructions_refuse_the_lifted_kink_with_the_reason(kink):
    x, y = sympy.symbols("x y", real=True)
    with pytest.raises(StructureError, match=r"U = y\|x\|/2, which is not C¹.*lifted_map"):
        approximate_flow(symbolic_field([0, kink(x)], [x, y]), 1.0, 1.0)


def test_smooth_lifts_are_no_kinks():
    x, y = sympy.symbols("x y", real=True)
    # |x|² is x² for real x.
    made = approximate_flow(symbolic_field([0, sympy.Abs(x) ** 2], [x, y]), 1.0, 0.5, steps=2)
    assert made.measured < 0.1
