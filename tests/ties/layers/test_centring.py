"""Centring: x − mean, an isometry."""

import math

import numpy as np
import pytest
import torch

from flowcert.errors import DomainError, ShapeError
from flowcert.networks.layers import Centring

IMAGE = (2, 3, 4)
PIXELS = np.arange(24.0).reshape(IMAGE) / 8
MEANS = {"number": 0.25, "channels": [0.5, -0.75], "pixels": PIXELS}
each = pytest.mark.parametrize("kind", MEANS)


def reference(mean):
    array = np.asarray(mean)
    return lambda x: x - (array[:, None, None] if array.ndim == 1 else array)


@each
def test_laws(laws, kind):
    mean = MEANS[kind]
    layer = Centring(mean)
    assert laws.bounded(layer, IMAGE, at_most=1.0) == 1.0
    laws.agrees_with(layer, reference(mean), IMAGE, tolerance=0.0)
    laws.differentiates(layer, IMAGE)
    laws.survives_saving(layer, lambda: Centring(0.0 * np.asarray(mean)), IMAGE)
    laws.survives_moving(layer, IMAGE)
    laws.treats_examples_alone(layer, IMAGE)


def test_the_mean_is_a_buffer_and_may_be_a_tensor():
    layer = Centring(torch.tensor([0.5, 0.25]))
    assert set(layer.state_dict()) == {"mean"}
    assert not list(layer.parameters())
    assert torch.equal(layer(torch.ones(1, *IMAGE))[0, :, 0, 0], torch.tensor([0.5, 0.75]))


@pytest.mark.parametrize("mean", [math.nan, [0.5, math.inf], "half", [[0.5], [0.5, 0.5]]])
def test_means_that_are_no_numbers_are_refused(mean):
    with pytest.raises(DomainError):
        Centring(mean)


@pytest.mark.parametrize("shape", [(2, 3), (1, 2, 3, 4), (0,)])
def test_means_of_other_shapes_are_refused(shape):
    with pytest.raises(ShapeError):
        Centring(np.zeros(shape))


@pytest.mark.parametrize(
    ("mean", "shape"),
    [
        (0.5, (5, 4)),
        ([0.5], (5, *IMAGE)),  # would broadcast
        ([0.5, 0.5, 0.5], (5, *IMAGE)),
        (PIXELS, (5, 2, 3, 5)),
        (PIXELS[:, :1], (5, *IMAGE)),  # would broadcast
        (0.5, IMAGE),
    ],
)
def test_images_that_do_not_fit_are_refused(mean, shape):
    with pytest.raises(ShapeError):
        Centring(mean)(torch.zeros(shape))


class _Sign(Centring):
    def forward(self, x):
        return x + self.mean


class _Divides(Centring):
    def forward(self, x):
        return super().forward(x) / 0.5


class _Own(Centring):
    """Centres by the batch's own mean."""

    def forward(self, x):
        return x - x.mean(0)


@pytest.mark.parametrize("bug", [_Sign, _Divides, _Own])
def test_planted_bugs_are_found(laws, bug):
    with pytest.raises(AssertionError):
        laws.agrees_with(bug(0.25), reference(0.25), IMAGE)


def test_a_deviation_in_front_is_no_isometry(laws):
    with pytest.raises(AssertionError):
        laws.bounded(_Divides(0.25), IMAGE, at_most=1.0)


def test_the_mean_of_a_batch_is_found_by_the_law_of_batches(laws):
    with pytest.raises(AssertionError):
        laws.treats_examples_alone(_Own(0.25), IMAGE)
