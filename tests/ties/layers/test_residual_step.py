"""The residual step and its average, against matrices written out."""

import numpy as np
import pytest
import torch

from flowcert.errors import ShapeError
from flowcert.networks.constraints import BoundedSpectralNorm, constrain
from flowcert.networks.layers import ResidualStep, convolution, dense

IMAGE = (2, 4, 5)


def bounded(affine):
    return constrain(affine, BoundedSpectralNorm(affine.operator))


MAKERS = {
    "plain": (lambda: ResidualStep(dense(3, 5), dense(5, 3)), (3,)),
    "averaged": (lambda: ResidualStep(dense(5, 3), dense(3, 5, bias=False), averaged=True), (5,)),
    "zeros": (
        lambda: ResidualStep(
            convolution(IMAGE, 3, mode="zeros"),
            convolution((3, *IMAGE[1:]), 2, mode="zeros", bias=False),
        ),
        IMAGE,
    ),
}
each = pytest.mark.parametrize("kind", MAKERS)


def reference(laws, layer):
    """c·(x + B·max(Ax + b, 0) + d) with A and B as matrices, c = 1 or ½."""
    (A, b), (B, d) = laws.written_out(layer.inner), laws.written_out(layer.outer)
    c = 0.5 if layer.averaged else 1.0
    return laws.flat(lambda x: c * (x + np.maximum(x @ A.T + b, 0.0) @ B.T + d))


@each
def test_laws(laws, kind):
    make, shape = MAKERS[kind]
    layer = laws.every(make, shape)
    laws.agrees_with(layer, reference(laws, layer), shape)


@pytest.mark.parametrize("optimiser", ["SGD", "Adam"])
def test_bounded_and_averaged_it_is_non_expansive(laws, optimiser):
    layer = ResidualStep(bounded(dense(4, 6)), bounded(dense(6, 4)), averaged=True)
    trained = laws.trained(layer, (4,), optimiser)
    laws.bounded(trained, (4,), at_most=1.0 + 2e-9)  # sums are rounded outward: the head has room


def test_maps_that_do_not_fit_are_refused():
    for inner, outer in [((3, 5), (3, 5)), ((3, 5), (5, 4)), ((3, 5), (4, 3))]:
        with pytest.raises(ShapeError):
            ResidualStep(dense(*inner), dense(*outer))
    with pytest.raises(ShapeError):
        ResidualStep(convolution(IMAGE, 3), convolution((3, 4, 4), 2))


class _Sign(ResidualStep):
    def forward(self, x):
        return 2 * x - super().forward(x)


class _NoSkip(ResidualStep):
    def forward(self, x):
        return super().forward(x) - x


class _ActivatedLast(ResidualStep):
    def forward(self, x):
        return x + torch.relu(self.outer(self.inner(x)))


class _Transposed(ResidualStep):
    """Aᵀ in the place of B: that is a gradient step, another layer."""

    def forward(self, x):
        return x + self.inner.adjoint(torch.relu(self.inner(x)))


@pytest.mark.parametrize("bug", [_Sign, _NoSkip, _ActivatedLast, _Transposed])
def test_planted_bugs_are_found(laws, bug):
    layer = laws.double(bug(dense(3, 5), dense(5, 3)))
    torch.nn.init.normal_(layer.inner.bias)
    with pytest.raises(AssertionError):
        laws.agrees_with(layer, reference(laws, layer), (3,))


class _HalfOnce(ResidualStep):
    def forward(self, x):
        return 0.5 * x + self.outer(torch.relu(self.inner(x)))


def test_half_of_one_term_is_found(laws):
    layer = laws.double(_HalfOnce(dense(3, 5), dense(5, 3), averaged=True))
    with pytest.raises(AssertionError):
        laws.agrees_with(layer, reference(laws, layer), (3,))


def test_without_the_average_it_is_not_bounded_by_one(laws):
    layer = ResidualStep(bounded(dense(4, 6)), bounded(dense(6, 4)))
    with pytest.raises(AssertionError):
        laws.bounded(layer, (4,), at_most=1.0 + 2e-9)
