"""A residual layer as PyTorch users write it is the Euler step of the NumPy field."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings

from flowcert.numerics import ExpansiveGradientField, GradientField, convolution_matrix, euler_step
from flowcert.numerics import leaky_relu as leaky
from flowcert.theory import bounds, strategies

F = torch.nn.functional


@settings(max_examples=25)
@given(strategies.matrices(), strategies.slopes())
def test_dense_gradient_layer(matrix, slope):
    A = torch.tensor(matrix.entries, dtype=torch.float64)
    x = torch.linspace(-1, 1, A.shape[1], dtype=torch.float64)
    b = torch.linspace(1, -1, A.shape[0], dtype=torch.float64)
    layer = x - 0.7 * F.linear(F.leaky_relu(F.linear(x, A, b), slope), A.T)
    step = euler_step(GradientField(A.numpy(), b.numpy(), leaky(slope)), x.numpy(), 0.7)
    assert np.abs(layer.numpy() - step).max() <= 1e-12


def test_convolutional_pair_of_the_flexible_regime():
    torch.manual_seed(0)
    kernel = torch.randn(2, 2, 3, 3, dtype=torch.float64) / 4
    x = torch.randn(1, 2, 4, 5, dtype=torch.float64)
    y = x
    for _ in range(2):
        inner = F.leaky_relu(F.conv2d(y, kernel, padding=1), 0.5)
        y = y - 0.15 * F.conv_transpose2d(inner, kernel, padding=1)
    y = y + 0.04 * F.conv_transpose2d(F.relu(F.conv2d(y, kernel, padding=1)), kernel, padding=1)

    T = convolution_matrix(kernel.numpy(), 4, 5)
    state = x.numpy().ravel()
    for _ in range(2):
        state = euler_step(GradientField(T, activation=leaky(0.5)), state, 0.15)
    state = euler_step(ExpansiveGradientField(T, activation=leaky(0.0)), state, 0.04)
    assert np.abs(y.numpy().ravel() - state).max() <= 1e-12


@pytest.mark.parametrize("slope", [0.0, 0.5])
def test_no_gradient_of_a_layer_exceeds_the_sharp_factor(slope):
    """The bound against torch's own Jacobians, at many points."""
    torch.manual_seed(1)
    A, b = torch.randn(4, 3, dtype=torch.float64), torch.randn(4, dtype=torch.float64)
    sigma = torch.linalg.svdvals(A)
    h = 1.9 / float(sigma[0]) ** 2
    bound = float(bounds.bound_contractive_factor(slope, h, float(sigma[-1]), float(sigma[0])))

    def layer(x):
        return x - h * F.leaky_relu(x @ A.T + b, slope) @ A

    for x in 3 * torch.randn(200, 3, dtype=torch.float64):
        J = torch.autograd.functional.jacobian(layer, x)
        assert float(torch.linalg.matrix_norm(J, 2)) <= bound + 1e-12
