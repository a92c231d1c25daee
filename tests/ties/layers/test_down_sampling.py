"""Pixel-unshuffle and scaled pooling against loops over blocks."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from flowcert.errors import DomainError, ShapeError
from flowcert.networks.layers import PixelUnshuffle, ScaledPooling

SIZES = [(1, (2, 2, 3)), (2, (1, 4, 2)), (3, (2, 3, 6)), (5, (1, 5, 5))]
each = pytest.mark.parametrize(("block", "shape"), SIZES)
both = pytest.mark.parametrize("kind", [PixelUnshuffle, ScaledPooling])


def windows(x, r):
    """(batch, c, h/r, w/r, r, r): the blocks of every channel."""
    batch, c, h, w = x.shape
    found = np.empty((batch, c, h // r, w // r, r, r))
    for i in range(h // r):
        for j in range(w // r):
            found[:, :, i, j] = x[:, :, i * r : (i + 1) * r, j * r : (j + 1) * r]
    return found


def unshuffled(x, r):
    batch, c, h, w, *_ = windows(x, r).shape
    return windows(x, r).transpose(0, 1, 4, 5, 2, 3).reshape(batch, c * r * r, h, w)


def pooled(x, r):
    return r * windows(x, r).mean(axis=(4, 5))


ORACLES = {PixelUnshuffle: unshuffled, ScaledPooling: pooled}


@each
@both
def test_laws(laws, kind, block, shape):
    layer = kind(block)
    laws.bounded(layer, shape, at_most=1.0)
    laws.agrees_with(layer, lambda x: ORACLES[kind](x, block), shape)
    laws.differentiates(layer, shape)
    laws.survives_saving(layer, lambda: kind(block), shape)
    laws.survives_moving(layer, shape)
    laws.treats_examples_alone(layer, shape)


@each
def test_their_singular_values_are_one(block, shape):
    """By the matrix of the map: an isometry, and a partial one onto all images."""
    basis = torch.eye(int(np.prod(shape)), dtype=torch.float64).reshape(-1, *shape)
    M = PixelUnshuffle(block)(basis).flatten(1).numpy()
    assert np.array_equal(M @ M.T, np.eye(len(M)))
    P = ScaledPooling(block)(basis).flatten(1).numpy()
    assert np.allclose(P.T @ P, np.eye(P.shape[1]), atol=1e-14)


@both
def test_bad_blocks_and_sizes_are_refused(kind):
    for block in (0, -2, 1.5, True):
        with pytest.raises(DomainError):
            kind(block)
    for shape in [(1, 3, 4), (1, 1, 3, 4), (1, 1, 4, 5), (4, 4)]:
        with pytest.raises(ShapeError):
            kind(2)(torch.zeros(shape))
    with pytest.raises(DomainError):
        kind(2)(torch.zeros((1, 1, 2, 2), dtype=torch.int64))


class _Strided(PixelUnshuffle):
    """One block of channels for each pixel of a block: another order."""

    def forward(self, x):
        y = super().forward(x)
        return y.unflatten(1, (x.shape[1], -1)).transpose(1, 2).flatten(1, 2)


class _Turned(PixelUnshuffle):
    def forward(self, x):
        return super().forward(x.transpose(2, 3)).transpose(2, 3)


class _Plain(ScaledPooling):
    def forward(self, x):
        return functional.avg_pool2d(x, self.block)


class _Squared(ScaledPooling):
    """The sum, in the place of the scaled average."""

    def forward(self, x):
        return self.block * super().forward(x)


@pytest.mark.parametrize("bug", [_Strided, _Turned, _Plain, _Squared])
def test_planted_bugs_are_found(laws, bug):
    oracle = ORACLES[bug.__mro__[1]]
    with pytest.raises(AssertionError):
        laws.agrees_with(bug(2), lambda x: oracle(x, 2), (2, 4, 6))


def test_a_sum_is_not_bounded_by_one(laws):
    with pytest.raises(AssertionError):
        laws.bounded(_Squared(2), (1, 4, 4), at_most=1.0)
