"""The sphere step keeps the norm, and is norm-corrected Heun on the NumPy system."""

import copy

import numpy as np
import pytest
import torch

from flowcert.errors import DomainError, ShapeError, StructureError
from flowcert.networks import certify
from flowcert.networks.certify import Certifier
from flowcert.networks.layers import SkewMatrix, SphereStep
from flowcert.numerics import NormCorrectedHeun, SphereSystem

MAKERS = {
    "full": lambda: SphereStep(4, hidden=5, step=0.3),
    "plane": lambda: SphereStep(2, hidden=3, step=0.7),
    "low rank": lambda: SphereStep(5, hidden=4, step=0.3, rank=2),
    "long": lambda: SphereStep(3, hidden=4, step=8.0),
}
each = pytest.mark.parametrize("kind", MAKERS)


def made(kind):
    layer = MAKERS[kind]()
    torch.nn.init.normal_(layer.skew.inner.bias)
    return layer


def norm(x):
    return torch.linalg.vector_norm(x, dim=-1)


@each
def test_laws(laws, keeps, kind):
    layer, shape = made(kind), (MAKERS[kind]().skew.features,)
    keeps.one(layer.double(), norm, shape)
    keeps.hundred(lambda: made(kind), norm, shape)
    laws.differentiates(layer, shape)
    laws.learns(layer, shape)
    laws.survives_saving(MAKERS[kind](), MAKERS[kind], shape)
    laws.survives_moving(MAKERS[kind](), shape)
    laws.treats_examples_alone(layer, shape)


@each
def test_it_is_norm_corrected_heun_on_the_system(laws, kind):
    layer = laws.double(made(kind))
    laws.agrees_with(layer, reference(layer), (layer.skew.features,))


def skew(layer, x):
    """S(x) written out in NumPy."""
    W, b, V = (
        layer.skew.inner.weight.numpy(),
        layer.skew.inner.bias.numpy(),
        layer.skew.outer.weight.numpy(),
    )
    values, n = np.tanh(x @ W.T + b) @ V.T, layer.skew.features
    if layer.skew.rank is None:
        half = values.reshape(*x.shape[:-1], n, n)
        return half - np.swapaxes(half, -1, -2)
    u, v = np.moveaxis(values.reshape(*x.shape[:-1], 2, layer.skew.rank, n), -3, 0)
    return np.einsum("...ri,...rj->...ij", u, v) - np.einsum("...ri,...rj->...ij", v, u)


def reference(layer):
    system = SphereSystem(lambda t, x: skew(layer, x), layer.skew.features, autonomous=True)
    return lambda x: NormCorrectedHeun.step(system, 0.0, x, float(layer.step()))


@each
def test_it_is_exported_without_a_branch(kind):
    layer = made(kind).double().eval()
    x = torch.randn(3, layer.skew.features, dtype=torch.float64)
    batch = {0: torch.export.Dim("batch", min=2)}
    program = torch.export.export(layer, (x,), dynamic_shapes=(batch,)).module()
    for y in (x, 0 * x, torch.cat([x, -x])):
        assert torch.equal(program(y), layer(y))


@pytest.mark.parametrize("optimiser", ["SGD", "Adam"])
def test_after_training_it_still_keeps_the_norm(laws, keeps, optimiser):
    trained = laws.trained(made("full"), (4,), optimiser)
    keeps.one(trained.double(), norm, (4,))


@pytest.mark.parametrize("size", [0.0, 1e-200, 1e-20, 1e20])
def test_gradients_are_finite_at_any_size(laws, size):
    layer = made("full").double()
    x = (size * laws.points((4,))).requires_grad_()
    y = layer(x)
    y.sum().backward()
    assert torch.allclose(norm(y), norm(x), rtol=1e-14, atol=0.0)
    assert all(torch.isfinite(t.grad).all() for t in (x, *layer.parameters()))
    if size == 0.0:
        assert torch.equal(y, torch.zeros_like(y))


def test_at_rest_nothing_moves_and_gradients_are_finite(laws):
    layer = made("full").double()
    torch.nn.init.zeros_(layer.skew.outer.weight)
    x = laws.points((4,)).requires_grad_()
    y = layer(x)
    (y * laws.points((4,), seed=1)).sum().backward()
    assert torch.equal(y, x)
    assert all(torch.isfinite(t.grad).all() for t in (x, *layer.parameters()))
    assert float(layer.skew.outer.weight.grad.abs().max()) > 0.0  # and it can learn to move


def test_certify_refuses_it_with_its_reason_and_the_reason_is_true():
    layer = made("full").double().eval()
    with pytest.raises(StructureError, match="turns each point by an angle of its own"):
        certify(layer, (4,))
    nested = torch.nn.Sequential(torch.nn.Sequential(layer)).eval()
    with pytest.raises(StructureError, match=r"SphereStep \(0\.0\): it keeps"):
        certify(nested, (4,))
    # One hidden unit that sees x₁ alone: far out along x₂ the same change of x₁ moves more.
    layer = SphereStep(2, hidden=1, step=0.1).double()
    with torch.no_grad():
        layer.skew.inner.weight.copy_(torch.tensor([[1.0, 0.0]]))
        x = torch.tensor([[0.0, 1e3], [0.0, 1e6]], dtype=torch.float64)
        apart = norm(layer(x + torch.tensor([0.01, 0.0])) - layer(x)) / 0.01
    assert float(apart[1]) > 100 * float(apart[0])


def test_a_user_may_vouch_for_it():
    vouched = Certifier()
    vouched.rule(SphereStep, 3.0)
    assert vouched(made("full").eval(), (4,)).upper == 3.0


@pytest.mark.parametrize("step", [-0.1, float("nan"), float("inf")])
def test_bad_steps(step):
    with pytest.raises(DomainError):
        SphereStep(2, 3, step)


def test_bad_input():
    for sizes in ({"features": 0}, {"hidden": 0}, {"rank": 0}, {"features": 2.5}):
        with pytest.raises(DomainError):
            SphereStep(**({"features": 2, "hidden": 3, "step": 0.1} | sizes))
    with pytest.raises(ShapeError):
        made("full")(torch.zeros(1, 3))
    for half in (torch.float16, torch.bfloat16):
        with pytest.raises(DomainError, match="half precision"):
            made("full").to(half)(torch.zeros(1, 4, dtype=half))


class _PlusTransposed(SkewMatrix):
    def forward(self, x):
        half = self._values(x).reshape(-1, self.features, self.features)
        return half + half.mT


class _NotTransposed(SkewMatrix):
    def forward(self, x):
        return self._values(x).reshape(-1, self.features, self.features)


class _Factor(SphereStep):
    share = 0.5

    def forward(self, x):
        h = self.step()
        first = self.skew.times(x, x)
        second = self.skew.times(x + h * first, x + h * first)
        total = (first + second).square().sum(-1).clamp(min=1e-300)
        lam = (first - second).square().sum(-1) / total
        return x + (1 - self.share * lam[:, None]) * h * (first + second) / 2


class _Heun(_Factor):
    share = 0.0


class _OtherSign(_Factor):
    share = -1.0


def planted(bug):
    layer = made("full").double()
    (layer.skew if issubclass(bug, SkewMatrix) else layer).__class__ = bug
    return layer


@pytest.mark.parametrize("bug", [_PlusTransposed, _NotTransposed, _Factor, _Heun, _OtherSign])
def test_planted_bugs_are_found(laws, keeps, bug):
    layer = laws.double(planted(bug))
    with pytest.raises(AssertionError):
        keeps.one(layer, norm, (4,))
    with pytest.raises(AssertionError):
        laws.agrees_with(layer, reference(layer), (4,))


def test_a_turn_to_the_other_side_keeps_the_norm_and_is_found_by_the_system(laws, keeps):
    layer = laws.double(made("full"))
    expected = reference(copy.deepcopy(layer))
    layer.skew.outer.weight.neg_()
    keeps.one(layer, norm, (4,))
    with pytest.raises(AssertionError):
        laws.agrees_with(layer, expected, (4,))


def test_short_steps_lose_nothing_to_cancellation(laws):
    """(|φ|² − |x|²)/|φ − x|², the paper's λ, would be noise here."""
    layer = laws.double(made("full"))
    layer.step.value.fill_(1e-9)
    x = laws.points((4,))
    expected = layer.skew.times(x, x)
    assert torch.allclose((layer(x) - x) / 1e-9, expected, atol=1e-6)
    assert float((norm(layer(x)) - norm(x)).abs().max()) < 2e-15
