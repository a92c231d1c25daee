"""The public strategies keep what they promise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowcert import DomainError
from flowcert.numerics import GradientField, piecewise_linear
from flowcert.theory import StepRegion, bounds, strategies


@given(strategies.matrices())
def test_singular_values_are_as_prescribed(matrix):
    values = np.linalg.svd(matrix.entries, compute_uv=False)
    rows, columns = matrix.entries.shape
    assert values[0] == pytest.approx(matrix.sigma_max, abs=1e-13)
    assert (values[-1] if rows >= columns else 0.0) == pytest.approx(matrix.sigma_min, abs=1e-13)


@given(st.integers(2, 4), st.floats(0, 1), st.floats(1, 3), st.data())
def test_extremes_can_be_fixed(rows, low, high, data):
    matrix = strategies.matrices(rows=rows, columns=2, sigma_min=low, sigma_max=high)
    drawn = data.draw(matrix)
    assert (drawn.sigma_min, drawn.sigma_max) == (low, high)
    assert drawn.entries.shape == (rows, 2)


@given(strategies.matrices(rows=3, columns=1, sigma_min=2.0))
def test_one_column_has_one_singular_value(matrix):
    assert matrix.sigma_min == matrix.sigma_max == 2.0


def test_rank_deficient_and_tiny_matrices_occur():
    seen = set()

    @settings(max_examples=300, database=None, derandomize=True)
    @given(strategies.matrices(rows=3, columns=3))
    def collect(matrix):
        seen.update({("singular", matrix.sigma_min == 0), ("tiny", matrix.sigma_max <= 1e-7)})

    collect()
    assert {("singular", True), ("singular", False), ("tiny", True), ("tiny", False)} <= seen


def test_all_kinds_of_activations_occur():
    names = set()

    @settings(max_examples=100, database=None, derandomize=True)
    @given(strategies.activations(0.25))
    def collect(activation):
        assert (activation.slope_min, activation.slope_max) == (0.25, 1.0)
        names.add(activation.name.split("(")[0].split(",")[0])

    collect()
    assert len(names) >= 4


@given(strategies.gradient_steps())
def test_gradient_steps_respect_the_sharp_factor(layer):
    bound = bounds.bound_contractive_factor(
        layer.slope, layer.step, layer.matrix.sigma_min, layer.matrix.sigma_max
    )
    assert layer.attained_factor() <= bound + layer.rounding_allowance()


@given(strategies.expansive_gradient_steps(), strategies.expansive_layer_steps())
def test_expansive_steps_respect_their_factors(gradient, layer):
    assert gradient.attained_factor() <= (
        bounds.bound_expansive_gradient_factor(
            gradient.slope, gradient.step, gradient.matrix.sigma_min, gradient.matrix.sigma_max
        )
        + gradient.rounding_allowance()
    )
    assert layer.attained_factor() <= (
        bounds.bound_expansive_layer_factor(layer.step, layer.matrix.sigma_max)
        + layer.rounding_allowance()
    )


@given(strategies.step_pairs("whole_expansive", "authors"))
def test_step_pairs_lie_in_their_region(drawn):
    region, h_C, h_E = drawn
    assert isinstance(region, StepRegion)
    assert region.exact_contains(h_C, h_E) or float(region.bound_factor(h_C, h_E)) <= 1 + 1e-12


def test_steps_on_the_limit_occur():
    seen = set()

    @settings(max_examples=200, database=None, derandomize=True)
    @given(strategies.contractive_step_sizes(1.0))
    def collect(h):
        seen.update({h == 2.0, ("near", 0 < abs(h - 2.0) < 1e-8)})

    collect()
    assert {True, ("near", True)} <= seen


@pytest.mark.parametrize(
    "prescription",
    [
        {"rows": 1, "columns": 2, "sigma_min": 1.0},
        {"sigma_min": 2.0, "sigma_max": 1.0},
        {"columns": 1, "rows": 2, "sigma_min": 0.5, "sigma_max": 1.0},
        {"sigma_min": -1.0},
        {"rows": 0, "columns": 1},
    ],
)
def test_impossible_prescriptions_are_refused(prescription):
    @settings(max_examples=1, database=None)
    @given(strategies.matrices(**prescription))
    def draw(matrix):
        raise AssertionError("nothing should be drawn")

    with pytest.raises(DomainError, match="σ_min"):
        draw()


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        (1.0, 2.0, 1.0),  # both where the slope is 1: |1 − 2·1|
        (-1.0, -2.0, 0.0),  # both where it is ½: |1 − 2·½|
        (-1.0, 100.0, 1.0),  # the quotient mixes the slopes; the Jacobian at y does not
    ],
)
def test_attained_factor_is_the_largest_that_is_seen(x, y, expected):
    unit = strategies.PrescribedMatrix(np.eye(1), 1.0, 1.0)
    layer = strategies.LayerStep(
        GradientField([[1.0]]), 2.0, 0.5, unit, np.array([x]), np.array([y])
    )
    assert layer.attained_factor() == pytest.approx(expected, abs=1e-12)


def test_attained_factor_sees_the_quotient_where_no_jacobian_does():
    """Two flat ends with a steep piece between: only the quotient notices it."""
    unit = strategies.PrescribedMatrix(np.eye(1), 1.0, 1.0)
    hinge = piecewise_linear([-1.0, 1.0], [0.0, 1.0, 0.0])
    field = GradientField([[1.0]], activation=hinge)
    layer = strategies.LayerStep(field, 4.0, 0.0, unit, np.array([-1.5]), np.array([1.5]))
    assert layer.attained_factor() == pytest.approx(abs(1 - 4.0 * 2 / 3), abs=1e-12)
