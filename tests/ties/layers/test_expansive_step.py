"""The expansive step x + hσ(Bx + c): the Euler step of the NumPy field, never beyond 1 + h‖B‖."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from flowcert.errors import DomainError, ShapeError
from flowcert.networks import certify
from flowcert.networks.constraints import seal
from flowcert.networks.layers import ExpansiveStep, convolution, dense
from flowcert.numerics import ExpansiveLayerField, euler_step, leaky_relu
from flowcert.theory.bounds import bound_expansive_layer_factor

MAKERS = {
    "dense": (lambda: ExpansiveStep(dense(4, 4), 0.3), (4,)),
    "relu": (lambda: ExpansiveStep(dense(4, 4), 0.3, slope=0.0), (4,)),
    "circular": (lambda: ExpansiveStep(convolution((2, 4, 5), 2), 0.3), (2, 4, 5)),
    "zeros": (lambda: ExpansiveStep(convolution((2, 4, 5), 2, mode="zeros"), 0.3), (2, 4, 5)),
}
each = pytest.mark.parametrize("kind", MAKERS)


@each
def test_laws(laws, kind):
    make, shape = MAKERS[kind]
    layer = laws.every(make, shape, at_most=claimed(laws, make_again(make)))
    laws.agrees_with(layer, reference(laws, layer), shape)


def make_again(make):
    """The same weights as those that the laws will see."""
    torch.manual_seed(0)
    layer = make()
    torch.manual_seed(0)
    return layer


def claimed(laws, layer):
    B, _ = laws.written_out(laws.double(layer).affine)
    norm = float(np.linalg.norm(B, 2))
    return float(bound_expansive_layer_factor(float(layer.step()), norm)) * (1 + 1e-6)


def reference(laws, layer):
    B, c = laws.written_out(laws.double(layer).affine)
    field, h = ExpansiveLayerField(B, c, leaky_relu(layer.slope)), float(laws.double(layer).step())
    return laws.flat(lambda x: euler_step(field, x, h))


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 4), st.floats(0.0, 2.0), st.integers(0, 2**31))
def test_the_bound_is_that_of_the_theorem_or_better(n, h, seed):
    torch.manual_seed(seed)
    layer = ExpansiveStep(dense(n, n), h).double()
    norm = float(np.linalg.norm(layer.affine.weight.detach().numpy(), 2))
    upper = certify(seal(layer), (n,), effort="quick").upper
    assert upper <= (1 + float(layer.step()) * norm) * (1 + 1e-9)


@pytest.mark.parametrize("optimiser", ["SGD", "Adam"])
def test_after_training_its_bound_holds(laws, optimiser):
    make, shape = MAKERS["dense"]
    laws.bounded(laws.trained(make(), shape, optimiser), shape)


class _Sign(ExpansiveStep):
    def forward(self, x):
        return 2 * x - super().forward(x)


class _Transpose(ExpansiveStep):
    def forward(self, x):
        inner = functional.linear(x, self.affine.weight.T, self.affine.bias)
        return x + self.step() * functional.leaky_relu(inner, self.slope)


class _Slope(ExpansiveStep):
    def forward(self, x):
        return x + self.step() * functional.relu(self.affine(x))


class _OutsideTheActivation(ExpansiveStep):
    def forward(self, x):
        return functional.leaky_relu(x + self.step() * self.affine(x), self.slope)


@pytest.mark.parametrize("bug", [_Sign, _Transpose, _Slope, _OutsideTheActivation])
def test_planted_bugs_are_found(laws, bug):
    layer = laws.double(bug(dense(3, 3), 0.4))
    with pytest.raises(AssertionError):
        laws.agrees_with(layer, reference(laws, layer), (3,))


def test_a_step_of_the_wrong_size_breaks_its_bound(laws):
    class Longer(ExpansiveStep):
        def forward(self, x):
            return x + 1.1 * (super().forward(x) - x)

    layer = Longer(dense(3, 3), 0.4)
    layer.affine.weight.data = torch.eye(3)  # then 1 + h‖B‖ is attained
    with pytest.raises(AssertionError):
        laws.bounded(layer, (3,), at_most=claimed(laws, layer))


@pytest.mark.parametrize("affine", [dense(3, 2), convolution((2, 4, 4), 3)])
def test_two_spaces_are_refused(affine):
    with pytest.raises(ShapeError, match="same shape"):
        ExpansiveStep(affine, 0.1)


@pytest.mark.parametrize(("step", "slope"), [(-1.0, 0.5), (math.nan, 0.5), (0.1, 2.0)])
def test_bad_numbers_are_named(step, slope):
    with pytest.raises(DomainError):
        ExpansiveStep(dense(2, 2), step, slope)
