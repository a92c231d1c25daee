"""The projection keeps the last coordinates, and undoes no more than that."""

import numpy as np
import pytest
import torch

from flowcert.errors import DomainError, ShapeError
from flowcert.networks.layers import Lift, Projection


@pytest.mark.parametrize("shape", [(5,), (5, 2, 3)])
@pytest.mark.parametrize("kept", [1, 3, 5])
def test_laws(laws, shape, kept):
    layer = Projection(5, kept)
    laws.agrees_with(layer, lambda x: np.split(x, [5 - kept], axis=1)[1], shape, tolerance=0.0)
    laws.differentiates(layer, shape)
    laws.survives_saving(layer, lambda: Projection(5, kept), shape)
    laws.survives_moving(layer, shape)
    laws.treats_examples_alone(layer, shape)
    if kept < 5:
        assert laws.bounded(layer, shape, at_most=1.0) == 1.0


def test_it_keeps_what_the_lift_left_free():
    """P∘φ∘L with φ(x, y) = (x, y + F(x)) is F: |x| in one dimension."""
    x = torch.linspace(-1, 1, 9)[:, None]
    lifted = Lift(1, 2)(x)
    moved = torch.cat([lifted[:, :1], lifted[:, 1:] + lifted[:, :1].abs()], dim=1)
    assert torch.equal(Projection(2, 1)(moved), x.abs())


@pytest.mark.parametrize("sizes", [(0, 1), (3, 0), (3, 4), (2.5, 1), (3, True)])
def test_sizes_that_are_none_are_refused(sizes):
    with pytest.raises(DomainError):
        Projection(*sizes)


@pytest.mark.parametrize("shape", [(), (3,), (2, 4)])
def test_other_inputs_are_refused(shape):
    with pytest.raises(ShapeError):
        Projection(3, 1)(torch.zeros(shape))


class _First(Projection):
    def forward(self, x):
        return x[:, : self.kept]


def test_the_first_coordinates_are_not_the_last(laws):
    with pytest.raises(AssertionError):
        laws.agrees_with(_First(5, 2), lambda x: np.split(x, [3], axis=1)[1], (5,))
