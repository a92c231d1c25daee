"""Sealed layers form no constants: a float32 layer and its float64 copy are one function."""

import copy

import pytest
import torch
from torch import nn

from flowcert.networks import certified_accuracy, certify
from flowcert.networks.constraints import Orthogonal, constrain, seal
from flowcert.networks.layers import (
    AlternatingPair,
    BoundaryStep,
    CollapsedPair,
    FixedStep,
    GradientStep,
    Rotation,
    RungeKuttaStep,
    SharedPair,
    UnitRowHead,
    dense,
)
from flowcert.networks.testing import assert_lipschitz


def orthogonal(n=2):
    affine = dense(n, n)
    return constrain(affine, Orthogonal(affine.operator))


MAKERS = {
    "gradient step": lambda: GradientStep(orthogonal(), 1.0, slope=0.5, substeps=3),
    "collapsed pair": lambda: CollapsedPair(orthogonal(), 0.3, 0.0, slope=0.5, substeps=3),
    "long collapsed pair": lambda: CollapsedPair(orthogonal(), 4.1, 0.0, slope=0.5, substeps=3),
    "shared pair": lambda: SharedPair(orthogonal(), 1.0, 0.1, slope=0.5, substeps=3),
    "alternating pair": lambda: AlternatingPair(
        orthogonal(), orthogonal(), 1.0, 0.1, slope=0.5, substeps=3
    ),
    "Runge–Kutta step": lambda: RungeKuttaStep(orthogonal(), 0.7, "RK4", slope=0.5),
    "rotation": lambda: Rotation(2),
}


@pytest.mark.parametrize("kind", MAKERS)
def test_the_bound_of_the_float32_layer_is_one_of_its_float64_copy(kind):
    sealed = seal(MAKERS[kind]())
    upper = certify(sealed, (2,), effort="none").upper
    assert upper == certify(copy.deepcopy(sealed).double(), (2,), effort="none").upper
    assert_lipschitz(sealed, upper, shape=(2,), examples=8)


class _Quotient(GradientStep):
    """Forms h/S in float32, as layers must not."""

    def forward(self, x):
        h = self.step() / self.substeps
        for _ in range(self.substeps):
            x = x - h * self.affine.adjoint(nn.functional.leaky_relu(self.affine(x), self.slope))
        return x


def test_a_quotient_of_the_step_is_found():
    sealed = seal(_Quotient(orthogonal(), 1.0, slope=0.5, substeps=3))
    upper = certify(sealed, (2,), effort="none").upper
    assert upper != certify(copy.deepcopy(sealed).double(), (2,), effort="none").upper


def test_radii_in_float64_are_those_of_the_float64_copy():
    """Also of a network that is not sealed, and computes numbers of its weights."""
    torch.manual_seed(1)
    network = nn.Sequential(
        _Quotient(dense(4, 4), 0.7, slope=0.9, substeps=3), UnitRowHead(4, 3)
    ).eval()
    nn.init.normal_(network[1].bias)
    x = torch.randn(20, 4)
    double = copy.deepcopy(network).double()
    labels = double(x.double()).argmax(1)
    radius = [
        certified_accuracy(n, x, labels, [0.1], execution="float64").radius
        for n in (network, double)
    ]
    assert (radius[0] == radius[1]).all()
    assert (radius[0] > 0.0).any()


def test_a_step_under_two_names_is_sealed_under_both():
    a, b = dense(3, 3), dense(3, 3)
    step = BoundaryStep(a).step
    sealed = seal(AlternatingPair(a, b, step, step))
    assert isinstance(sealed.contractive_step, FixedStep)
    assert isinstance(sealed.expansive_step, FixedStep)


def test_runge_kutta_steps_of_a_zero_matrix_are_non_expansive():
    affine = dense(2, 2)
    nn.init.zeros_(affine.weight)
    assert certify(seal(RungeKuttaStep(affine, 0.5)), (2,), effort="none").upper == 1.0
