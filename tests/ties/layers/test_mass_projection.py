"""The mass projection shares out what it drops; its norm is √(1 + d/k), and the certificate's."""

import copy
import math

import numpy as np
import pytest
import torch

from flowcert.errors import DomainError, ShapeError
from flowcert.networks.layers import MassProjection, MassStep
from flowcert.theory.claims.structure.mass_projection import projection

SIZES = [(5, 2), (4, 1), (7, 3), (3, 3), (1, 1)]
each = pytest.mark.parametrize(("features", "kept"), SIZES)


def mass(x):
    return x.sum(-1)


@each
def test_laws(laws, keeps, features, kept):
    layer, shape = MassProjection(features, kept), (features,)
    keeps.one(layer, mass, shape)
    norm = math.sqrt(1 + (features - kept) / kept)
    assert np.linalg.norm(projection(kept, features - kept), 2) == pytest.approx(norm)
    bound = laws.bounded(copy.deepcopy(layer), shape, at_most=norm * (1 + 1e-7))  # 1/k in float32
    assert bound >= norm * (1 - 1e-15)
    laws.agrees_with(layer, lambda x: x @ projection(kept, features - kept).T, shape)
    laws.differentiates(layer, shape)
    laws.survives_moving(layer, shape)
    laws.treats_examples_alone(layer, shape)
    assert not layer.state_dict()


@each
def test_it_undoes_padding_with_zeros(features, kept):
    x = torch.randn(3, kept)
    padded = torch.nn.functional.pad(x, (0, features - kept))
    assert torch.equal(MassProjection(features, kept)(padded), x)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_behind_a_hundred_mass_steps_the_mass_is_what_it_was(dtype):
    steps = (MassStep(7, hidden=5, step=0.2) for _ in range(100))
    network = torch.nn.Sequential(*steps, MassProjection(7, 3)).to(dtype)
    x = torch.randn(20, 3, dtype=dtype)
    y = network(torch.nn.functional.pad(x, (0, 4))).detach()
    assert float((mass(y) - mass(x)).abs().max()) < 400 * torch.finfo(dtype).eps
    assert float((y - x).abs().max()) > 0.1


def test_bad_input():
    for sizes in ((2, 3), (0, 1), (3, 0), (3, 1.5)):
        with pytest.raises(DomainError):
            MassProjection(*sizes)
    with pytest.raises(ShapeError):
        MassProjection(3, 2)(torch.zeros(1, 4))
    with pytest.raises(DomainError, match="half precision"):
        MassProjection(3, 2)(torch.zeros(1, 3, dtype=torch.float16))


class _Dropped(MassProjection):
    def forward(self, x):
        return x[:, : self.kept]


class _WrongShare(MassProjection):
    """1/(k + d) in the place of 1/k."""

    def forward(self, x):
        kept, dropped = x[:, : self.kept], x[:, self.kept :]
        return kept + dropped.sum(-1, keepdim=True) / self.features


class _OneShareMissing(MassProjection):
    def forward(self, x):
        y = super().forward(x)
        return torch.cat([y[:, :1] - x[:, -1:] / self.kept, y[:, 1:]], dim=1)


@pytest.mark.parametrize("bug", [_Dropped, _WrongShare, _OneShareMissing])
def test_planted_bugs_are_found(laws, keeps, bug):
    with pytest.raises(AssertionError):
        keeps.one(bug(5, 2), mass, (5,))
    with pytest.raises(AssertionError):
        laws.agrees_with(bug(5, 2), lambda x: x @ projection(2, 3).T, (5,))
