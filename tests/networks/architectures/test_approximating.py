"""Networks of the approximation results, learned fields, and their rivals of the same size."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from flowcert.errors import DomainError, ShapeError, StructureError, UnknownNameError
from flowcert.networks import certify
from flowcert.networks.architectures import (
    UNSTRUCTURED,
    FreeField,
    SplitField,
    approximating_network,
    unstructured_network,
)
from flowcert.networks.layers import (
    ExpansiveGradientStep,
    GradientStep,
    PotentialStep,
    SphereStep,
)

every_result = pytest.mark.parametrize("result", ["first", "second"])


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def learned(network, target, steps=300, rate=0.01):
    x = 2 * torch.rand(200, target.dimension) - 1
    optimiser = torch.optim.Adam(network.parameters(), lr=rate)
    losses = []
    for _ in range(steps):
        optimiser.zero_grad()
        loss = (network(x) - target(x)).square().mean()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses


class Target:
    def __init__(self, function, dimension):
        self.function, self.dimension = function, dimension

    def __call__(self, x):
        return self.function(x)


CURVE = Target(lambda x: x.abs() + x.sin() + x.square(), 1)


@every_result
def test_blocks_come_in_the_order_of_the_result(result):
    network = approximating_network(2, depth=3, hidden=4, result=result, extra=1)
    kinds = [type(layer) for layer in network]
    block = {
        "first": [PotentialStep, SphereStep],
        "second": [ExpansiveGradientStep, GradientStep, SphereStep],
    }[result]
    assert kinds[1:] == 3 * block
    assert network(torch.zeros(5, 2)).shape == (5, 3)


@every_result
@pytest.mark.parametrize(
    ("options", "outputs"),
    [({}, 2), ({"extra": 3}, 5), ({"extra": 3, "outputs": 1}, 1), ({"outputs": 2}, 2)],
)
def test_shapes_and_gradients(result, options, outputs):
    network = approximating_network(2, 2, 4, result, rank=1, **options).double()
    x = torch.randn(6, 2, dtype=torch.float64)
    y = network(x)
    assert y.shape == (6, outputs)
    (y * torch.randn_like(y)).sum().backward()
    for name, parameter in network.named_parameters():
        assert torch.isfinite(parameter.grad).all(), name
    alone = torch.cat([network(row[None]) for row in x])
    assert torch.allclose(alone, y, atol=1e-12)


@every_result
def test_each_block_does_what_the_result_says(result):
    """Expansive steps spread, contractive ones do not, gradients have symmetric Jacobians."""
    network = approximating_network(3, 2, 8, result, step=0.2).double()
    x, y = torch.randn(2, 100, 3, dtype=torch.float64)
    for layer in network:
        with torch.no_grad():
            before, after = (x - y).norm(dim=1), (layer(x) - layer(y)).norm(dim=1)
        if isinstance(layer, ExpansiveGradientStep):
            assert bool((after >= before * (1 - 1e-12)).all())
        if isinstance(layer, GradientStep):
            A = layer.affine.weight
            assert 0.2 * float(torch.linalg.matrix_norm(A.detach(), 2) ** 2) <= 2.0
            assert bool((after <= before * (1 + 1e-12)).all())
        if isinstance(layer, SphereStep):
            assert torch.allclose(layer(x).norm(dim=1), x.norm(dim=1))
            continue
        D = torch.autograd.functional.jacobian(lambda z, f=layer: f(z[None])[0], x[0])
        assert float((D - D.T).abs().max()) < 1e-14


@every_result
def test_it_learns_the_curve_in_more_dimensions(result):
    network = approximating_network(1, 2, 8, result, step=0.5, extra=4, outputs=1, rank=1)
    assert learned(network, CURVE)[-1] < 1e-3


@every_result
def test_without_more_dimensions_it_keeps_the_order_and_misses_the_kink(result):
    """B7: in one dimension there is no sphere to move on, and flows keep the order of points."""
    network = approximating_network(1, 4, 8, result, step=0.1)
    losses = learned(network, Target(torch.abs, 1), steps=100, rate=0.003)
    x = torch.linspace(-1, 1, 201)[:, None]
    with torch.no_grad():
        assert float(network(x).diff(dim=0).min()) > 0.0
    assert losses[-1] > best_monotone_error()


@pytest.mark.parametrize("seed", range(5))
@every_result
def test_with_short_steps_it_keeps_the_orientation(result, seed):
    torch.manual_seed(seed)
    network = approximating_network(2, 3, 6, result, step=0.05).double()
    for x in torch.randn(10, 2, dtype=torch.float64):
        D = torch.autograd.functional.jacobian(lambda z: network(z[None])[0], x)
        assert float(torch.linalg.det(D)) > 0.0


def best_monotone_error():
    """The least ∫(g − |x|)²/2 over non-decreasing g on [−1, 1], by pooling adjacent violators."""
    x = np.linspace(-1, 1, 2001)
    blocks = []
    for value in np.abs(x):
        blocks.append([value, 1])
        while len(blocks) > 1 and blocks[-2][0] >= blocks[-1][0]:
            (a, m), (b, n) = blocks.pop(-2), blocks.pop()
            blocks.append([(a * m + b * n) / (m + n), m + n])
    fitted = np.concatenate([np.full(n, value) for value, n in blocks])
    return 0.9 * float(((fitted - np.abs(x)) ** 2).mean())  # the sample is random


def test_no_certificate_but_a_reason():
    network = approximating_network(2, 1, 4).eval()
    with pytest.raises(StructureError, match="keeps"):
        certify(network, (2,))


@pytest.mark.parametrize(
    "wrong",
    [{"dimension": 0}, {"depth": 0}, {"hidden": 0}, {"extra": -1}, {"outputs": 3}, {"outputs": 0},
     {"rank": 0}, {"step": -1.0}, {"step": float("nan")}, {"extra": 1.5}],
)  # fmt: skip
@every_result
def test_bad_sizes(result, wrong):
    given = {"dimension": 2, "depth": 2, "hidden": 3, "result": result} | wrong
    with pytest.raises(DomainError):
        approximating_network(**given)


def test_unknown_names():
    with pytest.raises(UnknownNameError, match="one of first, second"):
        approximating_network(2, 2, 3, "third")
    with pytest.raises(UnknownNameError, match="one of tanh, ReLU, residual"):
        unstructured_network("cubic", 2, 3, 1)


@pytest.mark.parametrize("kind", UNSTRUCTURED)
def test_rivals_learn_too(kind):
    network = unstructured_network(kind, 1, 16, 1, lifted=6)
    assert network(torch.zeros(7, 1)).shape == (7, 1)
    assert learned(network, CURVE)[-1] < 1e-2


def test_rivals_have_the_activation_of_their_name():
    x = torch.randn(6, 2)
    for kind, activation in (("tanh", torch.tanh), ("ReLU", torch.relu)):
        network = unstructured_network(kind, 2, 5, 1, depth=2)
        W, a, V, b, u, c = network.parameters()
        expected = activation(activation(x @ W.T + a) @ V.T + b) @ u.T + c
        assert torch.allclose(network(x), expected, atol=1e-6)


@pytest.mark.parametrize("wrong", [{"inputs": 0}, {"width": 0}, {"outputs": 0}, {"depth": 0}])
@pytest.mark.parametrize("kind", UNSTRUCTURED)
def test_rivals_of_bad_sizes(kind, wrong):
    with pytest.raises(DomainError):
        unstructured_network(kind, **({"inputs": 2, "width": 3, "outputs": 1} | wrong))


def split(step=0.1):
    return SplitField(3, hidden=6, skew_hidden=3, step=step).double()


def test_a_split_field_is_what_its_step_follows():
    """(φ^h(x) − x)/h → f(x), with first order; the skew part is tangent to spheres."""
    model, gaps = split(), []
    x = torch.randn(20, 3, dtype=torch.float64)
    with torch.no_grad():
        for h in (1e-3, 5e-4):
            for layer in (model.sphere, model.gradient):
                layer.step.value.fill_(h)
            gaps.append(float(((model(x) - x) / h - model.field(x)).abs().max()))
        assert gaps[0] < 0.01
        assert gaps[0] / gaps[1] == pytest.approx(2.0, abs=0.1)
        assert float((x * model.skew_part(x)).sum(-1).abs().max()) < 1e-14
        D = torch.autograd.functional.jacobian(
            lambda z: (model.field(z[None]) - model.skew_part(z[None]))[0], x[0]
        )
    assert float((D - D.T).abs().max()) < 1e-14


def test_a_split_field_has_no_residual_at_its_own_step_and_learns_by_it():
    truth, model = split(), split()
    x = 2 * torch.rand(200, 3, dtype=torch.float64) - 1
    with torch.no_grad():
        y = truth(x)
        assert float(truth.residual(x, y).abs().max()) < 1e-13
        start = float((model(x) - y).square().mean())
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(300):
        optimiser.zero_grad()
        (model.residual(x, y) / 0.1).square().mean().backward()
        optimiser.step()
    with torch.no_grad():
        assert float((model(x) - y).square().mean()) < 0.02 * start


def test_a_free_field_is_eulers_step():
    model = FreeField(nn.Linear(3, 3).double(), step=0.25)
    x, y = torch.randn(2, 5, 3, dtype=torch.float64)
    A, b = (p.detach().numpy() for p in model.network.parameters())
    expected = x.numpy() + 0.25 * (x.numpy() @ A.T + b)
    with torch.no_grad():
        assert np.allclose(model(x), expected, rtol=0, atol=1e-14)
        assert np.allclose(model.residual(x, y), y.numpy() - expected, rtol=0, atol=1e-14)
        assert np.allclose(model.field(x), x.numpy() @ A.T + b, rtol=0, atol=1e-14)


def test_fields_of_bad_sizes():
    for wrong in ({"dimension": 0}, {"hidden": 0}, {"skew_hidden": 0}, {"step": -1.0}):
        with pytest.raises(DomainError):
            SplitField(**({"dimension": 2, "hidden": 3, "skew_hidden": 2, "step": 0.1} | wrong))
    with pytest.raises(DomainError):
        FreeField(nn.Identity(), step=float("inf"))
    with pytest.raises(ShapeError):
        split()(torch.zeros(2, 4, dtype=torch.float64))


def test_planted_bugs_are_found():
    """The order of the two parts, and the residual of the other state."""
    model = split()
    x = torch.randn(5, 3, dtype=torch.float64)
    with torch.no_grad():
        y = model(x)
        swapped = copy.deepcopy(model)
        other = swapped.sphere(swapped.gradient(x))
        assert float(model.residual(x, other).abs().max()) > 1e-6
        assert float(model.gradient.residual(x, y).abs().max()) > 1e-6
