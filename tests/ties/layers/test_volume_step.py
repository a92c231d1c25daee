"""The volume step has determinant 1 and an inverse, and is a splitting of the NumPy system."""

import numpy as np
import pytest
import torch

from flowcert.errors import DomainError, ShapeError
from flowcert.networks.layers import VolumeStep
from flowcert.numerics import LieTrotter, Piece, SplitSystem

MAKERS = {
    "even": (lambda: VolumeStep(2, 2, step=0.5), (4,)),
    "uneven": (lambda: VolumeStep(1, 3, step=0.8), (4,)),
    "image": (lambda: VolumeStep(1, 2, step=0.4, image=(3, 3)), (3, 3, 3)),
}
each = pytest.mark.parametrize("kind", MAKERS)


def made(kind):
    layer = MAKERS[kind][0]()
    for affine in (layer.to_first, layer.to_second):
        torch.nn.init.normal_(affine.bias)
    return layer


@each
def test_laws(laws, kind):
    layer, shape = made(kind).double(), MAKERS[kind][1]
    laws.differentiates(layer, shape)
    laws.learns(layer, shape)
    laws.bounded(layer, shape)
    make = MAKERS[kind][0]
    laws.survives_saving(make(), make, shape)
    laws.survives_moving(make(), shape)
    laws.treats_examples_alone(layer, shape)


@pytest.mark.parametrize("kind", ["even", "uneven"])
def test_it_keeps_volume(keeps, kind):
    keeps.volume(made(kind).double(), 4)


def test_it_keeps_volume_of_images():
    layer = made("image").double()
    J = torch.autograd.functional.jacobian(layer, torch.randn(1, 3, 3, 3, dtype=torch.float64))
    assert float(torch.linalg.det(J.reshape(27, 27))) == pytest.approx(1.0, abs=1e-12)


@each
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_inverse_of_a_hundred_leads_back(kind, dtype):
    layers = [made(kind).to(dtype) for _ in range(100)]
    y = x = torch.randn(8, *MAKERS[kind][1], dtype=dtype)
    with torch.no_grad():
        for layer in layers:
            y = layer(y)
        assert float((y - x).abs().max()) > 1.0
        for layer in reversed(layers):
            y = layer.inverse(y)
    # What is rounded on the way is carried along by all that follows.
    assert float((y - x).abs().max()) < 1e5 * torch.finfo(dtype).eps


def test_the_determinant_of_a_hundred_is_one():
    network = torch.nn.Sequential(*(made("uneven").double() for _ in range(100)))
    for x in torch.randn(3, 1, 4, dtype=torch.float64):
        J = torch.autograd.functional.jacobian(network, x).reshape(4, 4)
        size = float(torch.linalg.matrix_norm(J, 2)) ** 4  # of the terms of the determinant
        assert abs(float(torch.linalg.det(J)) - 1) < 1e-14 * max(100.0, size)


@each
def test_it_is_a_splitting_of_the_system(laws, kind):
    layer = laws.double(made(kind))
    laws.agrees_with(layer, reference(layer, MAKERS[kind][1]), MAKERS[kind][1])


def reference(layer, shape):
    """First x moves by its exact flow, then v, with the matrices written out."""
    n = int(np.prod(shape[1:]))
    k = layer.first * n
    (A, a), (B, b) = (
        (affine.linear_map().matrix(), affine.bias.numpy().repeat(n))
        for affine in (layer.to_first, layer.to_second)
    )

    def of_first(t, y):
        return np.concatenate([np.tanh(y[..., k:] @ A.T + a), 0 * y[..., k:]], axis=-1)

    def of_second(t, y):
        return np.concatenate([0 * y[..., :k], np.tanh(y[..., :k] @ B.T + b)], axis=-1)

    pieces = [Piece(f, lambda t, y, h, f=f: y + h * f(t, y)) for f in (of_first, of_second)]
    system = SplitSystem(pieces, k + layer.second * n, autonomous=True)
    h = float(layer.step())
    return lambda y: LieTrotter.step(system, 0.0, y.reshape(len(y), -1), h).reshape(y.shape)


@pytest.mark.parametrize("optimiser", ["SGD", "Adam"])
def test_after_training_it_still_keeps_volume(laws, keeps, optimiser):
    trained = laws.trained(made("uneven"), (4,), optimiser).double()
    keeps.volume(trained, 4)
    laws.bounded(trained, (4,))


@pytest.mark.parametrize("step", [-0.1, float("nan"), float("inf")])
def test_bad_steps(step):
    with pytest.raises(DomainError):
        VolumeStep(1, 1, step)


def test_bad_input():
    for sizes in ((0, 1), (1, 0), (1.5, 1)):
        with pytest.raises(DomainError):
            VolumeStep(*sizes, step=0.1)
    with pytest.raises(ShapeError):
        made("even")(torch.zeros(1, 3))
    with pytest.raises(ShapeError):
        made("even").inverse(torch.zeros(1, 3))
    for half in (torch.float16, torch.bfloat16):
        with pytest.raises(DomainError, match="half precision"):
            made("even").to(half)(torch.zeros(1, 4, dtype=half))


class _OldValues(VolumeStep):
    """Both halves from the old values: plain Euler."""

    def forward(self, y):
        x, v = self._halves(y)
        h = self.step()
        new_x = x + h * torch.tanh(self.to_first(v))
        new_v = v + h * torch.tanh(self.to_second(x))
        return torch.cat([new_x, new_v], dim=1)


class _Averaged(VolumeStep):
    def forward(self, y):
        return 0.5 * (y + super().forward(y))


@pytest.mark.parametrize("bug", [_OldValues, _Averaged])
def test_planted_bugs_are_found(laws, keeps, bug):
    layer = laws.double(made("even"))
    layer.__class__ = bug
    with pytest.raises(AssertionError):
        keeps.volume(layer, 4)
    with pytest.raises(AssertionError):
        laws.agrees_with(layer, reference(layer, (4,)), (4,))


class _OtherOrder(VolumeStep):
    """v first: keeps volume as well, but is another layer."""

    def forward(self, y):
        x, v = self._halves(y)
        v = v + self.step() * torch.tanh(self.to_second(x))
        x = x + self.step() * torch.tanh(self.to_first(v))
        return torch.cat([x, v], dim=1)


class _InverseInTheSameOrder(VolumeStep):
    def inverse(self, y):
        x, v = self._halves(y)
        x = x - self.step() * torch.tanh(self.to_first(v))
        v = v - self.step() * torch.tanh(self.to_second(x))
        return torch.cat([x, v], dim=1)


@pytest.mark.parametrize("bug", [_OtherOrder, _InverseInTheSameOrder])
def test_a_wrong_order_is_found(laws, keeps, bug):
    layer = laws.double(made("even"))
    expected = reference(layer, (4,))
    layer.__class__ = bug
    keeps.volume(layer, 4)
    y = laws.points((4,))
    assert float((layer.inverse(layer(y)) - y).abs().max()) > 1e-3
    if bug is _OtherOrder:
        with pytest.raises(AssertionError):
            laws.agrees_with(layer, expected, (4,))
