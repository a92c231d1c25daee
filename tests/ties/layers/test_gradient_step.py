"""The gradient step: Euler steps of the NumPy field, sharp in its factor, named errors."""

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
from flowcert.networks.layers import GradientStep, convolution, dense
from flowcert.numerics import GradientField, euler_trajectory, leaky_relu
from flowcert.theory import strategies
from flowcert.theory.bounds import bound_contractive_factor

MAKERS = {
    "wide": (lambda: GradientStep(dense(3, 5), 0.4, slope=0.5), (3,)),
    "narrow": (lambda: GradientStep(dense(5, 3), 0.4, slope=0.1, substeps=3), (5,)),
    "linear": (lambda: GradientStep(dense(3, 3, bias=False), 0.4, slope=1.0), (3,)),
    "circular": (lambda: GradientStep(convolution((2, 4, 5), 3), 0.3, 0.5, 2), (2, 4, 5)),
    "zeros": (lambda: GradientStep(convolution((2, 4, 5), 3, mode="zeros"), 0.3), (2, 4, 5)),
}
each = pytest.mark.parametrize("kind", MAKERS)


@each
def test_laws(laws, kind):
    make, shape = MAKERS[kind]
    layer = laws.every(make, shape)
    laws.agrees_with(layer, reference(laws, layer), shape)


def reference(laws, layer):
    A, b = laws.written_out(laws.double(layer).affine)
    field, S = GradientField(A, b, leaky_relu(layer.slope)), layer.substeps
    h = float(laws.double(layer).step()) / S
    return laws.flat(lambda x: euler_trajectory(field, x, h, S)[-1])


@settings(max_examples=12, deadline=None)
@given(strategies.matrices(), strategies.slopes(), st.floats(0.0, 2.0))
def test_its_bound_is_the_sharp_factor(matrix, slope, h):
    A = matrix.entries
    layer = GradientStep(dense(A.shape[1], A.shape[0], bias=False).double(), h, slope)
    layer.affine.weight.data = torch.from_numpy(A.copy())
    layer.step.double()
    upper = certify(seal(layer), (A.shape[1],), effort="quick").upper
    sigma = np.linalg.svd(A, compute_uv=False)
    low = sigma[-1] if A.shape[0] >= A.shape[1] else 0.0
    step = float(layer.step())
    assert upper <= float(bound_contractive_factor(slope, step, low, sigma[0])) * (1 + 1e-7) + 1e-12
    worst = max(abs(1 - step * slope * low**2), abs(1 - step * sigma[0] ** 2))
    assert upper >= worst * (1 - 1e-12) - 1e-12


@pytest.mark.parametrize("optimiser", ["SGD", "Adam"])
def test_after_training_its_bound_holds(laws, optimiser):
    make, shape = MAKERS["wide"]
    laws.bounded(laws.trained(make(), shape, optimiser), shape)


class _Sign(GradientStep):
    def forward(self, x):
        return 2 * x - super().forward(x)


class _Transpose(GradientStep):
    def forward(self, x):
        inner = functional.leaky_relu(self.affine(x), self.slope)
        return x - self.step() * functional.linear(inner, self.affine.weight)


class _ForgottenSubsteps(GradientStep):
    def forward(self, x):
        for _ in range(self.substeps):
            x = x - self.step() * self.affine.adjoint(
                functional.leaky_relu(self.affine(x), self.slope)
            )
        return x


class _ScaleBeforeTranspose(GradientStep):
    """diag(α)AᵀΣ, the appendix's trap: not a gradient field."""

    def forward(self, x):
        scale = torch.linspace(1.0, 1.1, x.shape[1], dtype=x.dtype)
        return x + scale * (super().forward(x) - x)


@pytest.mark.parametrize("bug", [_Sign, _Transpose, _ForgottenSubsteps, _ScaleBeforeTranspose])
def test_planted_bugs_are_found(laws, bug):
    layer = laws.double(bug(dense(3, 3), 0.4, 0.5, substeps=2 if bug is _ForgottenSubsteps else 1))
    with pytest.raises(AssertionError):
        laws.agrees_with(layer, reference(laws, layer), (3,))


@pytest.mark.parametrize("step", [-0.1, math.nan, math.inf])
def test_bad_steps_are_named(step):
    with pytest.raises(DomainError, match="step"):
        GradientStep(dense(2, 2), step)


@pytest.mark.parametrize("slope", [-0.1, 1.1, math.nan])
def test_bad_slopes_are_named(slope):
    with pytest.raises(DomainError, match="slope"):
        GradientStep(dense(2, 2), 0.1, slope)


def test_bad_values_are_named():
    layer = GradientStep(dense(2, 3), 0.1)
    with pytest.raises(ShapeError, match="batch"):
        layer(torch.zeros(2))
    with pytest.raises(ShapeError, match=r"\(batch, 2\)"):
        layer(torch.zeros(1, 3))
    with pytest.raises(DomainError, match="float"):
        layer(torch.zeros(1, 2, dtype=torch.int64))
    with pytest.raises(DomainError, match="substeps"):
        GradientStep(dense(2, 3), 0.1, substeps=0)
