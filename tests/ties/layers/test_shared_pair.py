"""The flexible regime's pair on one matrix: Euler steps of two NumPy fields."""

import math

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowcert.errors import DomainError
from flowcert.networks.constraints import Orthogonal, StepPair, constrain
from flowcert.networks.layers import (
    CollapsedPair,
    ExpansiveGradientStep,
    GradientStep,
    SharedPair,
    convolution,
    dense,
)
from flowcert.numerics import ExpansiveGradientField, GradientField, euler_step, leaky_relu
from flowcert.theory import strategies

MAKERS = {
    "wide": (lambda: SharedPair(dense(3, 5), 0.3, 0.2), (3,)),
    "narrow": (lambda: SharedPair(dense(5, 3), 0.3, 0.2, 0.25, 0.5, substeps=3), (5,)),
    "circular": (lambda: SharedPair(convolution((2, 4, 5), 3), 0.3, 0.2), (2, 4, 5)),
    "zeros": (lambda: SharedPair(convolution((2, 4, 5), 3, mode="zeros"), 0.3, 0.2), (2, 4, 5)),
}
each = pytest.mark.parametrize("kind", MAKERS)


def orthogonal_pair(inputs, outputs, region="sharp_region"):
    affine = dense(inputs, outputs)
    pair = StepPair(region, "whole_expansive", 2, 0.5)
    return SharedPair(
        constrain(affine, Orthogonal(affine.operator)), pair.contractive, pair.expansive
    )


def reference(laws, layer):
    A, b = laws.written_out(layer.affine)
    h_C, h_E = float(layer.contractive_step()), float(layer.expansive_step())
    down = GradientField(A, b, leaky_relu(layer.slope))
    up = ExpansiveGradientField(A, b, leaky_relu(layer.expansive_slope))

    def pair(x):
        for _ in range(layer.substeps):
            x = euler_step(down, x, h_C / layer.substeps)
        return euler_step(up, x, h_E)

    return laws.flat(pair)


@each
def test_laws(laws, kind):
    make, shape = MAKERS[kind]
    layer = laws.double(laws.every(make, shape))
    laws.agrees_with(layer, reference(laws, layer), shape)


def test_it_is_the_two_layers_and_for_orthogonal_matrices_the_collapsed_pair(laws):
    pair = laws.double(orthogonal_pair(4, 4))
    affine, h_C, h_E = pair.affine, pair.contractive_step, pair.expansive_step
    torch.nn.init.normal_(affine.bias)
    x = laws.points((4,))
    two = ExpansiveGradientStep(affine, h_E)(GradientStep(affine, h_C, 0.5, substeps=2)(x))
    assert torch.allclose(pair(x), two, atol=1e-14)
    assert torch.allclose(pair(x), CollapsedPair(affine, h_C, h_E)(x), atol=1e-14)


STEPS = st.floats(0.0, 2.0)
SLOPES = strategies.slopes()


# The laws hold no state that an example could leave behind.
@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(strategies.matrices(), SLOPES, SLOPES, STEPS, STEPS, st.integers(1, 3))
def test_for_any_matrix_slopes_and_steps(laws, matrix, slope, other, h_C, h_E, substeps):
    A = torch.tensor(matrix.entries, dtype=torch.float64)
    layer = SharedPair(dense(A.shape[1], len(A)), h_C, h_E, slope, other, substeps).double()
    layer.affine.weight.data.copy_(A)
    laws.agrees_with(layer, reference(laws, layer), (A.shape[1],))


@pytest.mark.parametrize("region", ["sharp_region", "authors_region", "authors_box"])
@pytest.mark.parametrize("optimiser", ["SGD", "Adam"])
def test_kept_in_a_region_it_is_non_expansive(laws, region, optimiser):
    trained = laws.trained(orthogonal_pair(4, 6, region), (4,), optimiser, steps=60)
    laws.bounded(trained, (4,), at_most=1.0)


def test_outside_the_region_it_is_not(laws):
    pair = orthogonal_pair(4, 4)
    affine = pair.affine
    with pytest.raises(AssertionError):
        laws.bounded(SharedPair(affine, 0.1, 0.3), (4,), at_most=1.0)


@pytest.mark.parametrize(
    "arguments",
    [(-0.1, 0.1), (0.1, math.nan), (0.1, 0.1, 1.5), (0.1, 0.1, 0.5, -0.5), (0.1, 0.1, 0.5, 0.0, 0)],
)
def test_bad_numbers_are_refused(arguments):
    with pytest.raises(DomainError):
        SharedPair(dense(2, 2), *arguments)


class _Order(SharedPair):
    """The expansive step first."""

    def forward(self, x):
        inner = SharedPair(self.affine, self.contractive_step, 0.0, self.slope)
        return inner(ExpansiveGradientStep(self.affine, self.expansive_step)(x))


class _Sign(SharedPair):
    def forward(self, x):
        before = SharedPair(self.affine, self.contractive_step, 0.0, self.slope)(x)
        return 2 * before - super().forward(x)


class _Undivided(SharedPair):
    """Each sub-step as long as the whole step."""

    def forward(self, x):
        whole = GradientStep(self.affine, self.contractive_step, self.slope)
        x = whole(whole(x))
        return ExpansiveGradientStep(self.affine, self.expansive_step)(x)


class _Slopes(SharedPair):
    """One slope for both."""

    def forward(self, x):
        x = GradientStep(self.affine, self.contractive_step, self.slope, self.substeps)(x)
        return ExpansiveGradientStep(self.affine, self.expansive_step, self.slope)(x)


@pytest.mark.parametrize("bug", [_Order, _Sign, _Undivided, _Slopes])
def test_planted_bugs_are_found(laws, bug):
    layer = laws.double(bug(dense(3, 3), 0.3, 0.2))
    torch.nn.init.normal_(layer.affine.bias)
    with pytest.raises(AssertionError):
        laws.agrees_with(layer, reference(laws, layer), (3,))
