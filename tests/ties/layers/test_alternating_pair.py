"""The prescribed regime's pair: Euler sub-steps of two NumPy fields in turn."""

import math

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowcert.errors import DomainError, ShapeError
from flowcert.networks.constraints import BoundedSpectralNorm, Orthogonal, StepPair, constrain
from flowcert.networks.layers import (
    AlternatingPair,
    ExpansiveStep,
    GradientStep,
    convolution,
    dense,
)
from flowcert.numerics import ExpansiveLayerField, GradientField, euler_step, leaky_relu
from flowcert.theory import strategies

IMAGE = (2, 4, 5)


def images(mode):
    return lambda: AlternatingPair(
        convolution(IMAGE, 3, mode=mode), convolution(IMAGE, 2, mode=mode), 0.3, 0.2
    )


MAKERS = {
    "wide": (lambda: AlternatingPair(dense(3, 5), dense(3, 3), 0.3, 0.2), (3,)),
    "three": (lambda: AlternatingPair(dense(5, 3), dense(5, 5), 0.3, 0.2, 0.1, substeps=3), (5,)),
    "circular": (images("circular"), IMAGE),
    "zeros": (images("zeros"), IMAGE),
}
each = pytest.mark.parametrize("kind", MAKERS)


def constrained(region="sharp_region"):
    A, B = dense(4, 4), dense(4, 4)
    pair = StepPair(region, "alternating", 2, 0.5)
    constrain(A, Orthogonal(A.operator))
    constrain(B, BoundedSpectralNorm(B.operator))
    return AlternatingPair(A, B, pair.contractive, pair.expansive)


def reference(laws, layer):
    (A, b), (B, c) = laws.written_out(layer.contractive), laws.written_out(layer.expansive)
    S, activation = layer.substeps, leaky_relu(layer.slope)
    h_C, h_E = float(layer.contractive_step()) / S, float(layer.expansive_step()) / S
    down, up = GradientField(A, b, activation), ExpansiveLayerField(B, c, activation)

    def pair(x):
        for _ in range(S):
            x = euler_step(down, euler_step(up, x, h_E), h_C)
        return x

    return laws.flat(pair)


@each
def test_laws(laws, kind):
    make, shape = MAKERS[kind]
    layer = laws.double(laws.every(make, shape))
    laws.agrees_with(layer, reference(laws, layer), shape)


STEPS = st.floats(0.0, 2.0)


# The laws hold no state that an example could leave behind.
@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(strategies.matrices(), strategies.slopes(), STEPS, STEPS, st.integers(1, 3))
def test_for_any_matrix_slope_and_steps(laws, matrix, slope, h_C, h_E, substeps):
    A = torch.tensor(matrix.entries, dtype=torch.float64)
    n = A.shape[1]
    layer = AlternatingPair(dense(n, len(A)), dense(n, n), h_C, h_E, slope, substeps).double()
    layer.contractive.weight.data.copy_(A)
    laws.agrees_with(layer, reference(laws, layer), (n,))


@pytest.mark.parametrize("region", ["sharp_region", "authors_region"])
@pytest.mark.parametrize("optimiser", ["SGD", "Adam"])
def test_kept_in_a_region_it_is_non_expansive(laws, region, optimiser):
    trained = laws.trained(constrained(region), (4,), optimiser, steps=60)
    laws.bounded(trained, (4,), at_most=1.0)


def test_outside_the_region_it_is_not(laws):
    pair = constrained()
    outside = AlternatingPair(pair.contractive, pair.expansive, 0.1, 0.5)
    with torch.no_grad():
        pair.expansive.parametrizations["weight"].original.mul_(10)  # ‖B‖ = 1 is attained
    with pytest.raises(AssertionError):
        laws.bounded(outside, (4,), at_most=1.0)


def test_bad_arguments_are_refused():
    A, B = dense(2, 3), dense(2, 2)
    for numbers in [(-0.1, 0.1), (0.1, math.inf), (0.1, 0.1, math.nan), (0.1, 0.1, 0.5, 0)]:
        with pytest.raises(DomainError):
            AlternatingPair(A, B, *numbers)
    for first, second in [(A, dense(2, 3)), (A, dense(3, 3)), (B, convolution(IMAGE, 2))]:
        with pytest.raises(ShapeError):
            AlternatingPair(first, second, 0.1, 0.1)


class _Order(AlternatingPair):
    """Contractive first."""

    def forward(self, x):
        down = GradientStep(self.contractive, float(self.contractive_step()) / 2, self.slope)
        up = ExpansiveStep(self.expansive, float(self.expansive_step()) / 2, self.slope)
        return up(down(up(down(x))))


class _Grouped(AlternatingPair):
    """Both expansive sub-steps first: the other family."""

    def forward(self, x):
        down = GradientStep(self.contractive, float(self.contractive_step()) / 2, self.slope)
        up = ExpansiveStep(self.expansive, float(self.expansive_step()) / 2, self.slope)
        return down(down(up(up(x))))


class _Undivided(AlternatingPair):
    def forward(self, x):
        down = GradientStep(self.contractive, float(self.contractive_step()), self.slope)
        up = ExpansiveStep(self.expansive, float(self.expansive_step()), self.slope)
        return down(up(x))


class _Swapped(AlternatingPair):
    """A and B change places."""

    def forward(self, x):
        other = AlternatingPair(
            self.expansive, self.contractive, self.contractive_step, self.expansive_step
        )
        return other(x)


@pytest.mark.parametrize("bug", [_Order, _Grouped, _Undivided, _Swapped])
def test_planted_bugs_are_found(laws, bug):
    layer = laws.double(bug(dense(3, 3), dense(3, 3), 0.3, 0.2))
    torch.nn.init.normal_(layer.contractive.bias)
    with pytest.raises(AssertionError):
        laws.agrees_with(layer, reference(laws, layer), (3,))
