"""The rotation is an isometry of determinant 1: the midpoint rule on a linear NumPy field."""

import numpy as np
import pytest
import torch

from flowcert.errors import DomainError, ShapeError
from flowcert.networks.layers import Rotation
from flowcert.networks.testing import assert_nonexpansive
from flowcert.numerics import ImplicitMidpoint, LinearField

SIZES = [1, 2, 5]


def norm(x):
    return torch.linalg.vector_norm(x, dim=-1)


@pytest.mark.parametrize("n", SIZES)
def test_laws(laws, keeps, n):
    layer, make = Rotation(n).double(), lambda: Rotation(n)
    keeps.one(layer, norm, (n,))
    keeps.volume(layer, n)
    laws.bounded(layer, (n,), at_most=1 + 1e-8)
    assert_nonexpansive(layer.eval(), shape=n, examples=10)
    laws.differentiates(layer, (n,))
    if n > 1:
        keeps.hundred(make, norm, (n,))
        laws.learns(layer, (n,))
    laws.survives_saving(make(), make, (n,))
    laws.survives_moving(make(), (n,))
    laws.treats_examples_alone(layer, (n,))


@pytest.mark.parametrize("n", SIZES)
def test_it_is_the_midpoint_rule(laws, n):
    layer = laws.double(Rotation(n))
    laws.agrees_with(layer, reference(layer), (n,))


def reference(layer):
    G = layer.generator.numpy()
    system = ImplicitMidpoint.prepare(LinearField(2 * (G - G.T)))
    return lambda x: ImplicitMidpoint.step(system, 0.0, x, 1.0)


@pytest.mark.parametrize("optimiser", ["SGD", "Adam"])
def test_after_training_it_is_still_an_isometry(laws, keeps, optimiser):
    trained = laws.trained(Rotation(4), (4,), optimiser).double()
    keeps.one(trained, norm, (4,))
    laws.bounded(trained, (4,), at_most=1 + 1e-8)


def test_a_large_generator_does_no_harm(keeps):
    layer = Rotation(4).double()
    torch.nn.init.normal_(layer.generator, std=1e4)
    Q = layer.matrix().detach().numpy()
    assert np.abs(Q.T @ Q - np.eye(4)).max() < 1e-10


def test_bad_input():
    for n in (0, -1, 1.5):
        with pytest.raises(DomainError):
            Rotation(n)
    with pytest.raises(ShapeError):
        Rotation(3)(torch.zeros(1, 2))
    with pytest.raises(DomainError, match="half precision"):
        Rotation(3)(torch.zeros(1, 3, dtype=torch.bfloat16))


class _NoTranspose(Rotation):
    def matrix(self):
        unit = torch.eye(3, dtype=torch.float64)
        return torch.linalg.solve(unit - self.generator, unit + self.generator)


class _OneFactor(Rotation):
    def matrix(self):
        return torch.eye(3, dtype=torch.float64) + self.generator - self.generator.T


@pytest.mark.parametrize("bug", [_NoTranspose, _OneFactor])
def test_planted_bugs_are_found(laws, keeps, bug):
    layer = laws.double(bug(3))
    with pytest.raises(AssertionError):
        keeps.one(layer, norm, (3,))
    with pytest.raises(AssertionError):
        laws.agrees_with(layer, reference(layer), (3,))
    with pytest.raises(AssertionError):
        laws.bounded(layer, (3,), at_most=1 + 1e-8)


class _Sign(Rotation):
    """The inverse: an isometry, but the other one."""

    def matrix(self):
        return super().matrix().T


def test_the_inverse_is_found_by_the_system(laws, keeps):
    layer = laws.double(_Sign(3))
    keeps.one(layer, norm, (3,))
    with pytest.raises(AssertionError):
        laws.agrees_with(layer, reference(layer), (3,))
