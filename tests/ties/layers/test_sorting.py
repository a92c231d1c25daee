"""MaxMin and GroupSort: what NumPy sorts, bound exactly 1 after an isometry."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from flowcert.errors import DomainError, ShapeError
from flowcert.networks import certify
from flowcert.networks.constraints import seal
from flowcert.networks.layers import BoundaryStep, GroupSort, MaxMin, convolution
from flowcert.numerics import GradientField, euler_step, relu

MAKERS = {
    "pairs": (MaxMin, (6,)),
    "pairs of channels": (MaxMin, (4, 3, 2)),
    "twos": (lambda: GroupSort(2), (6,)),
    "threes": (lambda: GroupSort(3), (6, 2, 3)),
    "ones": (lambda: GroupSort(1), (3,)),
    "all": (lambda: GroupSort(5), (5,)),
}
each = pytest.mark.parametrize("kind", MAKERS)


@each
def test_laws(laws, kind):
    make, shape = MAKERS[kind]
    layer = make()
    assert laws.bounded(layer, shape, at_most=1.0) == 1.0
    laws.differentiates(layer, shape)
    laws.survives_moving(layer, shape)
    laws.treats_examples_alone(layer, shape)
    laws.agrees_with(layer, reference(layer), shape, tolerance=0.0)


def reference(layer):
    size = getattr(layer, "size", 2)

    def ordered(x):
        groups = x.reshape(len(x), -1, size, *x.shape[2:])
        return -np.sort(-groups, axis=2).reshape(x.shape)

    return ordered


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 2**31))
def test_ties_are_no_exception_and_norms_are_kept(size, groups, seed):
    torch.manual_seed(seed)
    x = torch.randint(-2, 3, (4, size * groups)).double()
    layer = GroupSort(size)
    assert np.array_equal(layer(x).numpy(), reference(layer)(x.numpy()))
    assert torch.equal(layer(x).square().sum(1), x.square().sum(1))


def test_it_is_the_boundary_step_of_each_pair(laws):
    x = laws.points((2,), count=50)
    step = euler_step(GradientField([[-1.0, 1.0]], activation=relu()), x.numpy(), 1.0)
    assert np.abs(MaxMin()(x).numpy() - step).max() <= 1e-14


@pytest.mark.parametrize("layer", [MaxMin(), GroupSort(2)])
def test_between_isometries_and_boundary_steps_the_bound_is_exactly_one(layer):
    step = BoundaryStep(convolution((4, 3, 3), 3))
    network = torch.nn.Sequential(torch.nn.PixelUnshuffle(2), layer, step, layer)
    assert certify(seal(network), (1, 6, 6), effort="quick").upper == 1.0


class _MaxTwice(MaxMin):
    def forward(self, x):
        first, second = x.unflatten(1, (-1, 2)).unbind(2)
        largest = torch.maximum(first, second)
        return torch.stack([largest, largest], 2).flatten(1, 2)


class _WrongPairs(MaxMin):
    def forward(self, x):
        first, second = x.chunk(2, dim=1)
        return torch.cat([torch.maximum(first, second), torch.minimum(first, second)], 1)


class _Ascending(MaxMin):
    def forward(self, x):
        return -super().forward(-x)


@pytest.mark.parametrize("bug", [_MaxTwice, _WrongPairs, _Ascending])
def test_planted_bugs_are_found(laws, bug):
    with pytest.raises(AssertionError):
        laws.agrees_with(bug(), reference(bug()), (4,))


def test_max_twice_breaks_the_bound(laws):
    with pytest.raises(AssertionError):
        laws.bounded(_MaxTwice(), (4,), at_most=1.0)


@pytest.mark.parametrize(("layer", "shape"), [(MaxMin(), (2, 3)), (GroupSort(3), (2, 4, 3, 3))])
def test_other_numbers_of_features_are_refused(layer, shape):
    with pytest.raises(ShapeError, match="multiple"):
        layer(torch.zeros(shape))


def test_bad_arguments_are_named():
    with pytest.raises(DomainError, match="size"):
        GroupSort(0)
    with pytest.raises(DomainError, match="float"):
        MaxMin()(torch.zeros(1, 2, dtype=torch.int64))
    with pytest.raises(ShapeError):
        MaxMin()(torch.zeros(2))


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")  # PyTorch's own, forwards
def test_derivatives_of_pairs_forwards_and_of_second_order(laws):
    x = laws.points((4, 2), count=3).requires_grad_()
    assert torch.autograd.gradcheck(MaxMin(), x, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(lambda x: MaxMin()(x).square(), x)
    [theirs] = torch.autograd.grad(GroupSort(2)(x).square().sum(), x)
    assert torch.equal(torch.autograd.grad(MaxMin()(x).square().sum(), x)[0], theirs)
    mapped = torch.func.vmap(lambda row: MaxMin()(row[None])[0])(x.detach())
    assert torch.equal(mapped, MaxMin()(x.detach()))
