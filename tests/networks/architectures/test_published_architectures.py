"""The paper's five regimes as published: forwards against NumPy, starting values, clamps."""

import copy

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from flowcert.errors import DomainError, ShapeError, UnknownNameError
from flowcert.networks import certify
from flowcert.networks.architectures import REGIMES, published_dense, published_network
from flowcert.networks.architectures.orthogonal_start import delta_orthogonal_
from flowcert.networks.constraints import maintain_
from flowcert.networks.published_networks import PublishedNetwork

every_regime = pytest.mark.parametrize("regime", REGIMES)
RESIDUAL = {"unconstrained": 1.0, "naive": 0.5}
RESTRICTED = [regime for regime in REGIMES if regime not in RESIDUAL]
STARTS = {
    "non-expansive": [1.0] * 4,
    "switching-prescribed": [2 * (1 / np.sqrt(1 - 0.15 + 0.0225) - 1), 0.3] * 2,
    "switching-flexible": [0.3, 0.05] * 2,
}


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def randomised(network):
    """Every number anew, so that nothing hides behind zeros, ones and orthogonality."""
    with torch.no_grad():
        for parameter in network.parameters():
            size = 0.3 if parameter.ndim < 2 else 1.0 / np.sqrt(parameter[0].numel())
            parameter.copy_(size * torch.randn_like(parameter))
    return network.double().eval()


def leaky(x, slope):
    return np.where(x >= 0, x, slope * x)


def numbers(tensor):
    return tensor.detach().double().numpy()


# The convolutional networks.


@every_regime
def test_images_to_logits(regime):
    network = published_network(regime, classes=7).eval()
    with torch.no_grad():
        assert network(torch.zeros(2, 3, 32, 32)).shape == (2, 7)
    assert 0.88e6 < sum(p.numel() for p in published_network(regime).parameters()) < 0.90e6


@pytest.mark.parametrize("regime", RESIDUAL)
def test_residual_blocks_are_those_written_out(regime):
    """One block, layer by layer, its convolutions as sums over windows."""
    block = randomised(published_network(regime)).block3
    x = torch.randn(2, 64, 8, 8, dtype=torch.float64)

    def convolved(affine, x):
        padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
        y = np.einsum("ocij,nchwij->nohw", numbers(affine.weight), windows, optimize=True)
        return y if affine.bias is None else y + numbers(affine.bias)[:, None, None]

    lift = block.lift
    y = np.maximum(numbers(lift.rescaling) * convolved(lift.affine, x.numpy()), 0.0)
    for step in (block.step1, block.step2):
        moved = convolved(step.outer, np.maximum(convolved(step.inner, y), 0.0))
        y = RESIDUAL[regime] * (y + moved)
    y = y.reshape(2, 128, 4, 2, 4, 2).max(axis=(3, 5))
    with torch.no_grad():
        ours = block(x).numpy()
    assert np.abs(ours - y).max() <= 1e-12 * np.abs(y).max()


@pytest.mark.parametrize("regime", RESTRICTED)
def test_state_dicts_of_published_networks_load(regime):
    network, published = published_network(regime), PublishedNetwork(regime)
    state = {name: 0.03 * torch.randn_like(t) for name, t in published.state_dict().items()}
    published.load_state_dict(state)
    network.load_state_dict(load(save(state)))
    x = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(network.eval()(x), published.eval()(x))


@every_regime
def test_kernels_begin_delta_orthogonal(regime):
    for name, kernel in published_network(regime).named_parameters():
        if kernel.ndim != 4:
            continue
        rest, K = kernel.detach().clone(), numbers(kernel)[:, :, 1, 1]
        rest[:, :, 1, 1] = 0.0
        assert not rest.any(), name
        assert np.allclose(K.T @ K, np.eye(K.shape[1]), atol=1e-5), name  # never fewer outputs


@pytest.mark.parametrize("regime", RESTRICTED)
def test_steps_begin_and_are_clamped_as_published(regime):
    network = published_network(regime)
    for block in network.seq:
        assert np.allclose(numbers(block.u), STARTS[regime], atol=1e-7)
        with torch.no_grad():
            block.u.copy_(torch.tensor([9.0, 9.0, -9.0, -9.0]))
    maintain_(network)
    clamped = {
        "non-expansive": [1.9, 1.9, 0.0, 0.0],
        "switching-prescribed": [9.0, 9.0, -9.0, -9.0],  # not trained, not clamped
        "switching-flexible": [1.89, 0.05, 0.11, -1.9],  # |−1.9|: far outside the region
    }
    for block in network.seq:
        assert np.allclose(numbers(block.u), clamped[regime])


@every_regime
def test_what_is_trained_receives_a_gradient(regime):
    network = published_network(regime)
    for name, parameter in network.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(parameter, std=0.1)
    network(torch.randn(4, 3, 32, 32)).square().sum().backward()
    idle = [n for n, p in network.named_parameters() if p.requires_grad and not p.grad.any()]
    frozen = {n for n, p in network.named_parameters() if not p.requires_grad}
    assert not idle
    dead = {f"seq.{b}.convs.{i}.{k}" for b in range(3) for i in (1, 3) for k in ("weight", "bias")}
    untrained = {f"seq.{b}.u" for b in range(3)}
    expected = {"switching-flexible": dead, "switching-prescribed": untrained}
    assert frozen == expected.get(regime, set())


# The dense ones.

IMAGE = (1, 3, 2)


def written_out(regime, network, x):
    """The dense network in NumPy, from the paper's formulas."""
    lift = network.lift
    y = x.reshape(len(x), -1) @ numbers(lift.affine.weight).T
    y = np.maximum(numbers(lift.rescaling) * y, 0.0)

    def affine(a, x):
        return x @ numbers(a.weight).T + (0.0 if a.bias is None else numbers(a.bias))

    def gradient(a, x, slope):
        return leaky(affine(a, x), slope) @ numbers(a.weight)

    for name, step in network.named_children():
        if not name.startswith("step"):
            continue
        if regime in RESIDUAL:
            moved = affine(step.outer, np.maximum(affine(step.inner, y), 0.0))
            y = RESIDUAL[regime] * (y + moved)
        elif regime == "non-expansive":
            y = y - abs(numbers(step.step.u)) * gradient(step.affine, y, 0.0)
        elif regime == "switching-prescribed":
            h_C, h_E = 0.3, 2 * (1 / np.sqrt(1 - 0.15 + 0.0225) - 1)
            h_E *= np.clip(numbers(step.expansive_step.r), 0.0, 1.0)
            for _ in range(2):
                y = y + h_E / 2 * leaky(affine(step.expansive, y), 0.5)
                y = y - h_C / 2 * gradient(step.contractive, y, 0.5)
        else:
            h_C, h_E = (abs(numbers(s.u)) for s in (step.contractive_step, step.expansive_step))
            for _ in range(2):
                y = y - h_C / 2 * gradient(step.affine, y, 0.5)
            y = y + h_E * gradient(step.affine, y, 0.0)
    return affine(network.head, y)


@every_regime
def test_the_dense_forward_is_the_papers(regime):
    network = randomised(published_dense(regime, IMAGE, 3, width=7, depth=2))
    x = torch.randn(5, *IMAGE, dtype=torch.float64)
    with torch.no_grad():
        ours = network(x).numpy()
    # Fixed steps are stored as float32 numbers.
    tolerance = 1e-6 if regime == "switching-prescribed" else 1e-12
    assert np.abs(ours - written_out(regime, network, x.numpy())).max() <= tolerance


@pytest.mark.parametrize("regime", RESTRICTED)
def test_a_planted_bug_is_found(regime):
    """Each step in the wrong place: the transcription sees it."""
    network = randomised(published_dense(regime, IMAGE, 3, width=7, depth=2))
    swapped = copy.deepcopy(network)
    swapped.step1, swapped.step2 = network.step2, network.step1
    x = torch.randn(5, *IMAGE, dtype=torch.float64)
    with torch.no_grad():
        ours = swapped(x).numpy()
    assert np.abs(ours - written_out(regime, network, x.numpy())).max() > 1e-3


def test_dense_steps_are_clamped_as_published():
    network = published_dense("switching-flexible", width=64, depth=1)
    with torch.no_grad():
        network.step1.contractive_step.u.fill_(0.0)
        network.step1.expansive_step.u.fill_(-5.0)
    maintain_(network)
    assert network.step1.contractive_step().item() == pytest.approx(0.11)
    assert network.step1.expansive_step().item() == pytest.approx(1.9)


@every_regime
def test_dense_matrices_begin_orthogonal_and_nothing_bounds_the_network(regime):
    network = published_dense(regime, IMAGE, 3, width=8, depth=2).eval()
    for name, weight in network.named_parameters():
        if weight.ndim == 2 and not name.startswith("head"):
            W = numbers(weight)
            assert np.allclose(W.T @ W, np.eye(W.shape[1]), atol=1e-5), name
    with torch.no_grad():
        network.lift.rescaling.fill_(7.0)
        network.head.weight.copy_(torch.eye(3, 8))
    assert certify(network, IMAGE, effort="quick").lower > 1.0


# Bad input, and the initialisation alone.


def test_bad_arguments_are_refused():
    for build in (published_network, published_dense):
        with pytest.raises(UnknownNameError, match="unconstrained, naive"):
            build("boundary")
        with pytest.raises(DomainError):
            build("naive", classes=1)
    with pytest.raises(ShapeError, match="at least 64"):
        published_dense("naive", width=60)
    with pytest.raises(DomainError):
        published_dense("naive", depth=0)


@pytest.mark.parametrize("shape", [(3, 4, 2, 2), (3, 4, 3, 1), (3,), (3, 4, 3)])
def test_weights_without_a_centre_are_refused(shape):
    with pytest.raises(ShapeError):
        delta_orthogonal_(torch.zeros(shape))


@pytest.mark.parametrize("shape", [(5, 3, 5, 5), (3, 5, 1, 1), (4, 4), (5, 2)])
def test_the_centre_is_orthogonal_and_the_generator_decides(shape):
    made = []
    for _ in range(2):
        torch.manual_seed(3)
        made.append(delta_orthogonal_(torch.full(shape, 7.0, dtype=torch.float64)))
    assert torch.equal(*made)
    values = np.linalg.svd(numbers(made[0]).reshape(shape[0], shape[1], -1).sum(-1))[1]
    assert np.allclose(values, 1.0)
    assert int(made[0].count_nonzero()) == shape[0] * shape[1]
