"""The bound of the distance of two flows against many digits, and its honest domain."""

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad_vec
from scipy.linalg import expm

from flowcert import DomainError, ShapeError
from flowcert.theory import bounds
from flowcert.theory.claims.approximation.field_error import FieldPair

few = settings(max_examples=40, deadline=None, database=None, derandomize=True)


def exact_field_error(epsilon, nu, t):
    with mpmath.workdps(60):
        epsilon, nu, t = map(mpmath.mpf, (epsilon, nu, t))
        return epsilon * (mpmath.expm1(nu * t) / nu if nu else t)


@few
@given(
    st.floats(0, 10, allow_subnormal=False),
    st.one_of(st.floats(-50, 50), st.floats(-1e-8, 1e-8), st.sampled_from([0.5, -0.5, 0.0])),
    st.one_of(st.floats(0, 5, allow_subnormal=False), st.just(1.0)),
)
def test_field_error_is_bounded_tightly(epsilon, nu, t):
    bound, exact = (
        float(bounds.bound_field_error(epsilon, nu, t)),
        exact_field_error(epsilon, nu, t),
    )
    assert bound >= exact
    assert bound <= float(exact) * (1 + 1e-12) + 1e-300


def test_field_error_at_the_change_from_series_to_quotient():
    nu = np.nextafter(0.5, [0.0, 1.0])
    for rate in (*nu, *-nu):
        bound, exact = (
            float(bounds.bound_field_error(1.0, rate, 1.0)),
            exact_field_error(1.0, rate, 1),
        )
        assert exact <= bound <= float(exact) * (1 + 1e-14)


def test_field_error_where_it_is_special():
    assert bounds.bound_field_error(0.25, 0.0, 4.0) == 1.0
    assert bounds.bound_field_error(0.0, 1e3, 1e3) == 0.0
    assert bounds.bound_field_error(1.0, 3.0, 0.0) == 0.0
    assert bounds.bound_field_error(1.0, 1e3, 1.0) == np.inf
    table = bounds.bound_field_error(1.0, np.array([[-1.0], [0.0], [1.0]]), np.array([1.0, 2.0]))
    assert table.shape == (3, 2)
    assert np.all(np.diff(table, axis=0) > 0)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((-1.0, 0.0, 1.0), DomainError),
        ((1.0, 0.0, -1.0), DomainError),
        ((1.0, np.nan, 1.0), DomainError),
        ((1.0, np.inf, 1.0), DomainError),
        (([1.0, 2.0], [1.0, 2.0, 3.0], 1.0), ShapeError),
    ],
)
def test_field_error_refuses_bad_input(arguments, error):
    with pytest.raises(error):
        bounds.bound_field_error(*arguments)


def test_distance_of_two_linear_flows_is_the_integral():
    """φ_g − φ_f = ∫₀ᵗ e^{sB}εu ds for f = Bx and g = f + εu."""
    B, u = np.array([[-1.0, 2.0], [0.0, -0.5]]), np.array([0.6, 0.8])
    pair = FieldPair(B, np.zeros((1, 2)), u, np.zeros(2), np.ones(2), 0.5, 1.5)
    drift, _ = quad_vec(lambda s: 0.5 * expm(s * B) @ u, 0.0, 1.5)
    assert pair.distance() == pytest.approx(np.linalg.norm(drift), abs=1e-8)
