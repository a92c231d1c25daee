"""Periodic continuation: PyTorch's values, and derivatives of every kind equal to its own."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from flowcert.networks import certify
from flowcert.networks.circular_padding import pad_circularly

CASES = [
    ((2, 1, 3, 4), 1),
    ((2, 1, 3, 4), 2),
    ((1, 2, 3, 3), 3),
    ((1, 1, 2, 2), 1),
    ((1, 1, 1, 1), 1),
]
# What PyTorch loads for forward derivatives uses what PyTorch itself deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
each = pytest.mark.parametrize(("shape", "reach"), CASES)


def points(shape):
    torch.manual_seed(0)
    return torch.randn(shape, dtype=torch.float64, requires_grad=True)


@each
def test_its_values_are_numpys(shape, reach):
    x = points(shape)
    sides = ((0, 0), (0, 0), (reach, reach), (reach, reach))
    expected = np.pad(x.detach().numpy(), sides, mode="wrap")
    assert np.array_equal(pad_circularly(x, reach).detach().numpy(), expected)


@each
def test_its_gradient_is_pytorchs(shape, reach):
    x = points(shape)
    padded = functional.pad(x, (reach,) * 4, "circular")
    cotangent = torch.randn_like(padded)
    [theirs] = torch.autograd.grad(padded, x, cotangent)
    [ours] = torch.autograd.grad(pad_circularly(x, reach), x, cotangent)
    assert torch.allclose(ours, theirs, rtol=0, atol=1e-13)


@each
def test_derivatives_forwards_and_of_second_order(shape, reach):
    x = points(shape)
    assert torch.autograd.gradcheck(lambda x: pad_circularly(x, reach), x, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(lambda x: pad_circularly(x, reach).square(), x)


def test_it_runs_under_the_transformations_of_functions():
    x = points((3, 2, 4, 4)).detach()
    _, tangent = torch.func.jvp(lambda u: pad_circularly(u, 1), (x,), (x,))
    assert torch.equal(tangent, pad_circularly(x, 1))
    backwards = torch.func.jacrev(lambda u: pad_circularly(u, 1))(x[:1])
    forwards = torch.func.jacfwd(lambda u: pad_circularly(u, 1))(x[:1])
    assert torch.equal(backwards, forwards)
    mapped = torch.func.vmap(lambda u: pad_circularly(u, 1))(x)
    assert torch.equal(mapped, pad_circularly(x, 1))


def test_certificates_see_the_circular_convolution():
    class Circular(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.randn(2, 2, 3, 3))

        def forward(self, x):
            return functional.conv2d(pad_circularly(x, 1), self.weight)

    certificate = certify(Circular().eval(), (2, 4, 4), effort="quick")
    [node] = [node for node in certificate.graph.nodes if node.operation == "convolution"]
    assert node.attributes["mode"] == "circular"


def test_the_border_is_what_matters():
    """Without the corners the adjoint would be another map: the test of gradients sees it."""
    x = points((1, 1, 3, 3))
    padded = pad_circularly(x, 1)
    corner = torch.zeros_like(padded)
    corner[..., 0, 0] = 1.0
    [back] = torch.autograd.grad(padded, x, corner)
    expected = torch.zeros_like(x)
    expected[..., -1, -1] = 1.0
    assert torch.equal(back, expected)
