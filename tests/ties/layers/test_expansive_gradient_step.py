"""The expansive gradient step x + hAᵀσ(Ax + b): the Euler step of the field, factor 1 + h‖A‖²."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from flowcert.errors import DomainError
from flowcert.networks import certify
from flowcert.networks.constraints import seal
from flowcert.networks.layers import ExpansiveGradientStep, convolution, dense
from flowcert.numerics import ExpansiveGradientField, euler_step, leaky_relu
from flowcert.theory import strategies

MAKERS = {
    "wide": (lambda: ExpansiveGradientStep(dense(3, 5), 0.3), (3,)),
    "narrow": (lambda: ExpansiveGradientStep(dense(5, 3), 0.3, slope=0.5), (5,)),
    "circular": (lambda: ExpansiveGradientStep(convolution((2, 4, 5), 3), 0.3), (2, 4, 5)),
    "zeros": (lambda: ExpansiveGradientStep(convolution((2, 4, 5), 3, mode="zeros"), 0.3),
              (2, 4, 5)),
}  # fmt: skip
each = pytest.mark.parametrize("kind", MAKERS)


@each
def test_laws(laws, kind):
    make, shape = MAKERS[kind]
    layer = laws.every(make, shape)
    laws.agrees_with(layer, reference(laws, layer), shape)


def reference(laws, layer):
    A, b = laws.written_out(laws.double(layer).affine)
    field, h = (
        ExpansiveGradientField(A, b, leaky_relu(layer.slope)),
        float(laws.double(layer).step()),
    )
    return laws.flat(lambda x: euler_step(field, x, h))


@settings(max_examples=10, deadline=None)
@given(strategies.matrices(), strategies.slopes(), st.floats(0.0, 2.0))
def test_its_bound_is_the_exact_worst_case(matrix, slope, h):
    A = matrix.entries
    layer = ExpansiveGradientStep(dense(A.shape[1], A.shape[0], bias=False), h, slope).double()
    layer.affine.weight.data = torch.from_numpy(A.copy())
    upper = certify(seal(layer), (A.shape[1],), effort="quick").upper
    exact = 1 + float(layer.step()) * np.linalg.norm(A, 2) ** 2
    assert exact * (1 - 1e-12) <= upper <= exact * (1 + 1e-7)


@pytest.mark.parametrize("optimiser", ["SGD", "Adam"])
def test_after_training_its_bound_holds(laws, optimiser):
    make, shape = MAKERS["wide"]
    laws.bounded(laws.trained(make(), shape, optimiser), shape)


class _Sign(ExpansiveGradientStep):
    def forward(self, x):
        return 2 * x - super().forward(x)


class _Factor(ExpansiveGradientStep):
    def forward(self, x):
        return x + 1.001 * (super().forward(x) - x)


class _Transpose(ExpansiveGradientStep):
    def forward(self, x):
        inner = functional.leaky_relu(self.affine(x), self.slope)
        return x + self.step() * functional.linear(inner, self.affine.weight)


class _TwiceTheBias(ExpansiveGradientStep):
    def forward(self, x):
        inner = functional.leaky_relu(self.affine(x) + self.affine.bias, self.slope)
        return x + self.step() * self.affine.adjoint(inner)


@pytest.mark.parametrize("bug", [_Sign, _Factor, _Transpose, _TwiceTheBias])
def test_planted_bugs_are_found(laws, bug):
    layer = laws.double(bug(dense(3, 3), 0.4, 0.5))
    torch.nn.init.normal_(layer.affine.bias)
    with pytest.raises(AssertionError):
        laws.agrees_with(layer, reference(laws, layer), (3,))


@pytest.mark.parametrize(("step", "slope"), [(-1.0, 0.5), (math.inf, 0.5), (0.1, -0.5)])
def test_bad_numbers_are_named(step, slope):
    with pytest.raises(DomainError):
        ExpansiveGradientStep(dense(2, 2), step, slope)
