"""The energy step keeps ½|Ax + b|², and is Gonzalez's discrete gradient method with S at x."""

import copy

import numpy as np
import pytest
import torch

from flowcert.errors import DomainError, ShapeError, StructureError
from flowcert.networks import certify
from flowcert.networks.layers import EnergyStep, convolution, dense
from flowcert.numerics import Gonzalez, SkewGradientSystem

MAKERS = {
    "tall": (lambda: EnergyStep(dense(3, 5), hidden=4, step=0.4), 3),
    "wide": (lambda: EnergyStep(dense(4, 2), hidden=3, step=0.4), 4),
    "long": (lambda: EnergyStep(dense(3, 3), hidden=4, step=20.0), 3),
}
each = pytest.mark.parametrize("kind", MAKERS)


def made(kind):
    layer = MAKERS[kind][0]()
    for affine in (layer.affine, layer.skew.inner):
        torch.nn.init.normal_(affine.bias)
    return layer


@each
def test_laws(laws, keeps, kind):
    layer, (make, n) = made(kind).double(), MAKERS[kind]
    keeps.one(layer, layer.energy, (n,))
    laws.differentiates(layer, (n,))
    laws.learns(layer, (n,))
    laws.survives_saving(make(), make, (n,))
    laws.survives_moving(make(), (n,))
    laws.treats_examples_alone(layer, (n,))


@each
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_hundred_steps_of_one_energy_keep_it(kind, dtype):
    """Layers that share A and b."""
    layers = [made(kind) for _ in range(100)]
    for layer in layers:
        layer.affine = layers[0].affine
    network = torch.nn.Sequential(*layers).to(dtype)
    x = torch.randn(20, MAKERS[kind][1], dtype=dtype)
    with torch.no_grad():
        y = network(x)
        before, after = layers[0].energy(x), layers[0].energy(y)
    assert float((y - x).abs().max()) > 0.1
    # Where A has a kernel x may go far, and the rounding of |Ax + b| with it.
    size = float(before.max()) + float(y.square().sum(-1).max())
    assert float((after - before).abs().max()) < 400 * torch.finfo(dtype).eps * size


@each
def test_it_is_gonzalez_method(laws, kind):
    layer = laws.double(made(kind))
    laws.agrees_with(layer, reference(layer), (MAKERS[kind][1],))


def reference(layer):
    """Newton's iteration for the implicit equation, one example after another."""
    A, b = layer.affine.weight.numpy(), layer.affine.bias.numpy()
    W, c = layer.skew.inner.weight.numpy(), layer.skew.inner.bias.numpy()
    V, n, h = layer.skew.outer.weight.numpy().copy(), A.shape[1], float(layer.step())

    def step(x):
        half = (np.tanh(W @ x + c) @ V.T).reshape(n, n)
        system = SkewGradientSystem(
            lambda y: 0.5 * ((y @ A.T + b) ** 2).sum(-1),
            lambda y: (y @ A.T + b) @ A,
            half - half.T,
            lambda y: np.broadcast_to(A.T @ A, (*y.shape[:-1], n, n)),
        )
        return Gonzalez.step(system, 0.0, x, h)

    return lambda x: np.array([step(row) for row in x])


@each
def test_it_is_exported_without_a_branch(kind):
    layer = made(kind).double().eval()
    x = torch.randn(3, layer.skew.features, dtype=torch.float64)
    batch = {0: torch.export.Dim("batch", min=2)}
    program = torch.export.export(layer, (x,), dynamic_shapes=(batch,)).module()
    for y in (x, 0 * x, torch.cat([x, -x])):
        assert torch.equal(program(y), layer(y))


@pytest.mark.parametrize("optimiser", ["SGD", "Adam"])
def test_after_training_it_still_keeps_its_energy(laws, keeps, optimiser):
    trained = laws.trained(made("tall"), (3,), optimiser).double()
    keeps.one(trained, trained.energy, (3,))


def test_at_rest_nothing_moves_and_gradients_are_finite():
    layer = EnergyStep(dense(3, 3), hidden=4, step=0.4).double()
    x = torch.zeros(2, 3, dtype=torch.float64, requires_grad=True)
    y = layer(x)
    y.sum().backward()
    assert torch.equal(y, x)
    grads = [p.grad for p in (x, *layer.parameters())]
    assert all(torch.isfinite(g).all() for g in grads)


def test_bad_input():
    with pytest.raises(StructureError, match="it keeps an energy"):
        certify(made("tall").eval(), (3,))
    with pytest.raises(ShapeError):
        EnergyStep(convolution((1, 4, 4), 2), hidden=3, step=0.1)
    with pytest.raises(ShapeError):
        made("tall")(torch.zeros(1, 2))
    for step in (-0.1, float("nan"), float("inf")):
        with pytest.raises(DomainError):
            EnergyStep(dense(2, 2), 3, step)
    with pytest.raises(DomainError):
        EnergyStep(dense(2, 2), 0, 0.1)
    with pytest.raises(DomainError, match="half precision"):
        made("tall")(torch.zeros(1, 3, dtype=torch.float16))


class _Explicit(EnergyStep):
    def forward(self, x):
        gradient = self.affine.adjoint(self.affine(x))
        return x + self.step() * self.skew.times(x, gradient)


class _NotTransposed(EnergyStep):
    def forward(self, x):
        n = self.skew.features
        S = self.step() * self.skew._values(x).reshape(-1, n, n)
        A, unit = self.affine.weight, torch.eye(n, dtype=x.dtype)
        gradient = self.affine.adjoint(self.affine(x)).unsqueeze(-1)
        return x + torch.linalg.solve(unit - S @ A.T @ A / 2, S @ gradient).squeeze(-1)


class _FactorOne(EnergyStep):
    """∇H at the end in the place of the middle."""

    def forward(self, x):
        S, A = self.step() * self.skew(x), self.affine.weight
        unit = torch.eye(self.skew.features, dtype=x.dtype)
        gradient = self.affine.adjoint(self.affine(x)).unsqueeze(-1)
        return x + torch.linalg.solve(unit - S @ A.T @ A, S @ gradient).squeeze(-1)


@pytest.mark.parametrize("bug", [_Explicit, _NotTransposed, _FactorOne])
def test_planted_bugs_are_found(laws, keeps, bug):
    layer = laws.double(made("tall"))
    layer.__class__ = bug
    with pytest.raises(AssertionError):
        keeps.one(layer, layer.energy, (3,))
    with pytest.raises(AssertionError):
        laws.agrees_with(layer, reference(layer), (3,))


def test_the_other_sign_keeps_the_energy_and_is_found_by_the_method(laws, keeps):
    layer = laws.double(made("tall"))
    expected = reference(copy.deepcopy(layer))
    layer.skew.outer.weight.neg_()
    keeps.one(layer, layer.energy, (3,))
    with pytest.raises(AssertionError):
        laws.agrees_with(layer, expected, (3,))
