"""The mass step keeps the sum, and is the Euler step of the NumPy system (M − Mᵀ)w."""

import numpy as np
import pytest
import torch

from flowcert.errors import DomainError, ShapeError
from flowcert.networks.layers import MassStep
from flowcert.numerics import Euler, FieldSystem

WEIGHTS = (1.0, -2.0, 0.5)
MAKERS = {
    "sum": lambda: MassStep(4, hidden=5, step=0.3),
    "weighted": lambda: MassStep(3, hidden=4, step=0.5, weights=WEIGHTS),
    "long": lambda: MassStep(3, hidden=8, step=3.0),
}
SHAPES = {"sum": (4,), "weighted": (3,), "long": (3,)}
each = pytest.mark.parametrize("kind", MAKERS)


def made(kind):
    layer = MAKERS[kind]()
    torch.nn.init.normal_(layer.skew.inner.bias)
    return layer


def mass(kind):
    w = WEIGHTS if kind == "weighted" else [1.0] * SHAPES[kind][0]
    return lambda x: x @ torch.tensor(w, dtype=x.dtype)


@each
def test_laws(laws, keeps, kind):
    layer, shape = made(kind).double(), SHAPES[kind]
    keeps.one(layer, mass(kind), shape)
    keeps.hundred(lambda: made(kind), mass(kind), shape)
    M = layer.skew.outer.weight.detach().numpy().reshape(*2 * shape, -1)
    K = np.einsum("ijk,j->ik", M - M.transpose(1, 0, 2), layer.weights.numpy())
    W = layer.skew.inner.weight.detach().numpy()
    plain = 1 + float(layer.step()) * np.linalg.norm(K, 2) * np.linalg.norm(W, 2)
    laws.bounded(layer, shape, at_most=plain * (1 + 1e-9))
    laws.differentiates(layer, shape)
    laws.learns(layer, shape)
    laws.survives_saving(MAKERS[kind](), MAKERS[kind], shape)
    laws.survives_moving(MAKERS[kind](), shape)
    laws.treats_examples_alone(layer, shape)


@each
def test_it_is_the_euler_step_of_the_field(laws, kind):
    layer = laws.double(made(kind))
    laws.agrees_with(layer, reference(layer), SHAPES[kind])


def reference(layer):
    """The Euler step of (M(x) − M(x)ᵀ)w, with M(x) formed."""
    W, b = layer.skew.inner.weight.numpy(), layer.skew.inner.bias.numpy()
    V, n = layer.skew.outer.weight.numpy().copy(), layer.skew.features
    w = layer.weights.numpy()

    def rate(t, x):
        M = (np.tanh(x @ W.T + b) @ V.T).reshape(*x.shape[:-1], n, n)
        return (M - np.swapaxes(M, -1, -2)) @ w

    system = FieldSystem(rate, n, autonomous=True)
    return lambda x: Euler.step(system, 0.0, x, float(layer.step()))


@pytest.mark.parametrize("optimiser", ["SGD", "Adam"])
def test_after_training_it_still_keeps_the_mass(laws, keeps, optimiser):
    trained = laws.trained(made("weighted"), (3,), optimiser).double()
    keeps.one(trained, mass("weighted"), (3,))
    laws.bounded(trained, (3,))


@pytest.mark.parametrize("step", [-0.1, float("nan"), float("inf")])
def test_bad_steps(step):
    with pytest.raises(DomainError):
        MassStep(2, 3, step)


def test_bad_input():
    for changed in (
        {"features": 0},
        {"hidden": -1},
        {"weights": [0.0, 0.0]},
        {"weights": [1.0, float("nan")]},
    ):
        with pytest.raises(DomainError):
            MassStep(**({"features": 2, "hidden": 3, "step": 0.1} | changed))
    with pytest.raises(ShapeError):
        MassStep(2, 3, 0.1, weights=[1.0])
    with pytest.raises(ShapeError):
        made("sum")(torch.zeros(1, 3))
    for half in (torch.float16, torch.bfloat16):
        with pytest.raises(DomainError, match="half precision"):
            made("sum").to(half)(torch.zeros(1, 4, dtype=half))


class _Changed(MassStep):
    sign = 1.0

    def forward(self, x):
        n = self.skew.features
        M = (torch.tanh(self.skew.inner(x)) @ self.skew.outer.weight.T).reshape(-1, n, n)
        return x + self.step() * (M + self.sign * M.mT) @ self.weights


class _Sign(_Changed):
    sign = 1.0


class _NoTranspose(_Changed):
    sign = 0.0


class _PlainSum(MassStep):
    """1 in the place of w: keeps another mass."""

    def forward(self, x):
        weights, self.weights = self.weights, torch.ones_like(self.weights)
        try:
            return super().forward(x)
        finally:
            self.weights = weights


@pytest.mark.parametrize("bug", [_Sign, _NoTranspose, _PlainSum])
def test_planted_bugs_are_found(laws, keeps, bug):
    layer = laws.double(made("weighted"))
    layer.__class__ = bug
    with pytest.raises(AssertionError):
        keeps.one(layer, mass("weighted"), (3,))
    with pytest.raises(AssertionError):
        laws.agrees_with(layer, reference(layer), (3,))


def test_turned_streams_keep_the_mass_and_are_found_by_the_system(laws, keeps):
    layer = laws.double(made("sum"))
    expected = reference(layer)
    layer.skew.outer.weight.neg_()  # Mᵀ − M
    keeps.one(layer, mass("sum"), (4,))
    with pytest.raises(AssertionError):
        laws.agrees_with(layer, expected, (4,))
