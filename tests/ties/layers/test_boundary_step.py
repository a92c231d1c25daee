"""The boundary step: non-expansive exactly once sealed, and the Euler step of the NumPy field."""

import pytest
import torch
from torch.nn import functional

from flowcert.networks.constraints import seal
from flowcert.networks.layers import BoundaryStep, convolution, dense
from flowcert.numerics import GradientField, convolution_matrix, euler_step, relu

MAKERS = {
    "wide": (lambda: BoundaryStep(dense(3, 5)), (3,)),
    "narrow": (lambda: BoundaryStep(dense(5, 3)), (5,)),
    "circular": (lambda: BoundaryStep(convolution((2, 4, 5), 3)), (2, 4, 5)),
    "zeros": (lambda: BoundaryStep(convolution((2, 4, 5), 3, mode="zeros")), (2, 4, 5)),
}
each = pytest.mark.parametrize("kind", MAKERS)


@each
def test_laws(laws, kind):
    make, shape = MAKERS[kind]
    layer = make()
    torch.nn.init.normal_(layer.affine.bias)
    laws.bounded(layer, shape, at_most=1.0)
    laws.differentiates(layer, shape)
    laws.learns(layer, shape)
    laws.survives_saving(make(), make, shape)
    laws.survives_moving(make(), shape)
    laws.treats_examples_alone(layer, shape)


@each
def test_it_is_the_euler_step_of_the_field(laws, kind):
    make, shape = MAKERS[kind]
    layer = laws.double(make())
    torch.nn.init.normal_(layer.affine.bias)
    laws.agrees_with(layer, reference(layer, shape), shape)


def reference(layer, shape):
    """The Euler step of −AᵀReLU(Ax + b) with A written out as a matrix."""
    W, b, h = layer.affine.weight.detach().numpy(), layer.affine.bias, float(layer.step())
    if W.ndim == 2:
        A, bias = W, b.detach().numpy()
    else:
        mode = layer.affine.operator.mode
        A = (
            convolution_matrix(W, *shape[1:])
            if mode == "zeros"
            else layer.affine.linear_map().matrix()
        )
        bias = b.detach().numpy().repeat(shape[1] * shape[2])
    field = GradientField(A, bias, relu())
    return lambda x: euler_step(field, x.reshape(len(x), -1), h).reshape(x.shape)


@pytest.mark.parametrize("optimiser", ["SGD", "Adam"])
def test_after_training_it_is_still_non_expansive(laws, optimiser):
    make, shape = MAKERS["wide"]
    trained = laws.trained(make(), shape, optimiser)
    laws.bounded(trained, shape, at_most=1.0)


class _Sign(BoundaryStep):
    def forward(self, x):
        return 2 * x - super().forward(x)


class _Factor(BoundaryStep):
    def forward(self, x):
        return x + 1.01 * (super().forward(x) - x)


class _Transpose(BoundaryStep):
    def forward(self, x):
        W, b = self.affine.weight, self.affine.bias
        return x - self.step() * functional.linear(functional.relu(functional.linear(x, W, b)), W)


@pytest.mark.parametrize("bug", [_Sign, _Factor, _Transpose])
def test_planted_bugs_are_found(laws, bug):
    layer = laws.double(bug(dense(3, 3)))
    with pytest.raises(AssertionError):
        laws.agrees_with(layer, reference(layer, (3,)), (3,))


def test_the_estimate_alone_is_not_certified(laws):
    layer = laws.double(BoundaryStep(dense(30, 30)))
    layer.step.estimate.direction.copy_(torch.nn.functional.normalize(laws.points((30,), 1)))
    assert float(layer.step()) > float(seal(layer).step())
