"""The lift: coordinates kept, zeros added, distances unchanged."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from flowcert.errors import DomainError, ShapeError
from flowcert.networks.layers import Lift

SHAPES = [(3,), (3, 2, 4)]


def reference(x, lifted):
    zeros = np.zeros((len(x), lifted - x.shape[1], *x.shape[2:]))
    return np.concatenate([x, zeros], axis=1)


@pytest.mark.parametrize("shape", SHAPES)
def test_laws(laws, shape):
    layer = Lift(3, 5)
    assert laws.bounded(layer, shape, at_most=1.0) == 1.0
    laws.agrees_with(layer, lambda x: reference(x, 5), shape, tolerance=0.0)
    laws.differentiates(layer, shape)
    laws.survives_saving(layer, lambda: Lift(3, 5), shape)
    laws.survives_moving(layer, shape)
    laws.treats_examples_alone(layer, shape)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 6), st.integers(0, 6), st.integers(0, 2**16))
def test_it_is_an_isometry(features, added, seed):
    x = torch.randn((2, features), generator=torch.Generator().manual_seed(seed))
    y = Lift(features, features + added)(x)
    assert y.shape == (2, features + added)
    # The norm of the difference, from the numbers that are left: the same ones and zeros.
    difference = (y[0] - y[1]).double().numpy()
    assert np.array_equal(np.sort(difference[difference != 0]), np.sort((x[0] - x[1]).double()))


def test_nothing_to_add_changes_nothing():
    x = torch.randn(2, 3)
    assert torch.equal(Lift(3, 3)(x), x)


@pytest.mark.parametrize("sizes", [(0, 3), (3, 0), (4, 3), (2.5, 3), (True, 3)])
def test_sizes_that_are_none_are_refused(sizes):
    with pytest.raises(DomainError):
        Lift(*sizes)


@pytest.mark.parametrize("shape", [(), (3,), (2, 4), (2, 4, 3)])
def test_other_inputs_are_refused(shape):
    with pytest.raises(ShapeError):
        Lift(3, 5)(torch.zeros(shape))


def test_whole_numbers_are_refused():
    with pytest.raises(DomainError):
        Lift(3, 5)(torch.zeros(2, 3, dtype=torch.int64))


class _Front(Lift):
    def forward(self, x):
        return super().forward(x).flip(1)


class _Last(Lift):
    """Pads the last axis of an image, not its channels."""

    def forward(self, x):
        return torch.nn.functional.pad(x, (0, self.lifted - self.features))


class _Repeats(Lift):
    def forward(self, x):
        return torch.cat([x, x[:, : self.lifted - self.features]], 1)


@pytest.mark.parametrize("bug", [_Front, _Last, _Repeats])
def test_planted_bugs_are_found(laws, bug):
    with pytest.raises(AssertionError):
        laws.agrees_with(bug(3, 5), lambda x: reference(x, 5), (3, 2, 4))


def test_copies_in_the_place_of_zeros_are_no_isometry(laws):
    with pytest.raises(AssertionError):
        laws.bounded(_Repeats(3, 5), (3,), at_most=1.0)
