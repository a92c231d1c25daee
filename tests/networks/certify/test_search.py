"""The lower end: below the exact constant always, close to it where that is known."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from flowcert.errors import DomainError, UnknownNameError
from flowcert.networks.certify import Pixels, trace
from flowcert.networks.certify.search import EFFORTS, count_multiplications, search_lower
from flowcert.theory.certificate import Graph, Node, derive
from flowcert.theory.certificate.witness import bound_quotient


def mlp(widths, seed=0, scale=1.0):
    torch.manual_seed(seed)
    layers = []
    for n, m in itertools.pairwise(widths):
        layers += [nn.Linear(n, m), nn.ReLU()]
    network = nn.Sequential(*layers[:-1]).double().eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(scale)
    return network


def derivation_of(network, shape, **options):
    traced = trace(network, shape)
    return derive(traced.graph, traced.weights, **options)


def exact_constant_of_one_hidden_layer(network):
    """max over all sign patterns that occur: with biases in general position, by their lines."""
    (W, b), (V, _) = (
        (layer.weight.detach().numpy(), layer.bias.detach().numpy()) for layer in network[::2]
    )
    # Every cell of the arrangement touches a vertex, where two of the lines cross.
    best = 0.0
    for i, j in itertools.combinations(range(len(W)), 2):
        pair = W[[i, j]]
        if abs(np.linalg.det(pair)) < 1e-9:
            continue
        vertex = np.linalg.solve(pair, -b[[i, j]])
        fixed = W @ vertex + b > 0
        for signs in itertools.product([False, True], repeat=2):
            active = fixed.copy()
            active[[i, j]] = signs
            best = max(best, np.linalg.norm(V @ (active[:, None] * W), 2))
    return float(best)


@pytest.mark.parametrize("seed", range(5))
def test_close_to_the_exact_constant_of_small_networks(seed):
    network = mlp((2, 10, 3), seed)
    exact = exact_constant_of_one_hidden_layer(network)
    found = search_lower(network, derivation_of(network, (2,)))
    assert found.lower <= exact * (1 + 1e-12)
    assert found.lower >= 0.97 * exact


def test_linear_maps_are_found_to_six_digits():
    torch.manual_seed(1)
    network = nn.Linear(30, 20).double().eval()
    with torch.no_grad():  # a gap, for power iteration
        network.weight[0] += 3.0
    found = search_lower(network, derivation_of(network, (30,)), effort="quick")
    exact = float(torch.linalg.matrix_norm(network.weight.detach(), 2))
    assert exact * (1 - 1e-6) <= found.lower <= exact * (1 + 1e-12)
    assert found.estimate == pytest.approx(exact, rel=1e-6)


def test_a_convolution_is_searched_on_smooth_images_too():
    network = nn.Conv2d(1, 1, 3, padding=1, bias=False).double().eval()
    nn.init.ones_(network.weight)  # the box filter: its norm belongs to the smoothest image
    unit = torch.eye(64, dtype=torch.float64).reshape(64, 1, 8, 8)
    exact = np.linalg.norm(network(unit).detach().numpy().reshape(64, 64), 2)
    found = search_lower(network, derivation_of(network, (1, 8, 8)), effort="quick")
    assert 0.99 * exact <= found.lower <= exact * (1 + 1e-12)


def test_the_witness_is_what_it_says():
    network = mlp((4, 8, 2), 3)
    derivation = derivation_of(network, (4,))
    found = search_lower(network, derivation, effort="quick")
    assert 0.0 < found.lower <= bound_quotient(derivation, found.x, found.y)
    with torch.no_grad():
        values = network(torch.tensor(np.stack([found.x, found.y])))
    quotient = float((values[0] - values[1]).norm()) / np.linalg.norm(found.x - found.y)
    assert quotient == pytest.approx(found.lower, rel=1e-6)


def test_the_same_seed_finds_the_same_whatever_ran_before():
    network = mlp((3, 6, 2), 4)
    derivation = derivation_of(network, (3,))
    first = search_lower(network, derivation, effort="quick", seed=5)
    torch.rand(7)
    before = torch.get_rng_state()
    again = search_lower(network, derivation, effort="quick", seed=5)
    assert torch.equal(before, torch.get_rng_state())
    assert (first.lower, first.x.tolist()) == (again.lower, again.x.tolist())
    other = search_lower(network, derivation, effort="quick", seed=6)
    assert other.x.tolist() != first.x.tolist()


def test_a_search_without_derivatives_is_repeatable_too():
    W = torch.diag(torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64))
    nodes = (
        Node("x", "input", (), (3,)),
        Node("y", "dense", ("x",), (3,), {}, {"weight": "W"}),
    )
    derivation = derive(Graph(nodes, "y"), {"W": W.numpy()})

    def function(x):
        return torch.tensor(x.detach().numpy() @ W.numpy())

    first, again = (search_lower(function, derivation, effort="quick") for _ in range(2))
    assert first.x.tolist() == again.x.tolist()
    assert 2.9 < first.lower <= 3.0


def test_points_stay_in_the_domain():
    network = mlp((3, 8, 2), 6)
    derivation = derivation_of(network, (3,), domain=(0.25, 0.5))
    found = search_lower(network, derivation, effort="quick")
    for point in (found.x, found.y):
        assert np.all((point >= 0.25) & (point <= 0.5))
    assert found.lower > 0.0
    with pytest.raises(DomainError):
        search_lower(network, derivation, points=np.ones((1, 3)), effort="quick")


def spike():
    """relu(x − 70.07) − 2relu(x − 70.08) + relu(x − 70.09), times 100: steep at one place alone."""
    network = nn.Sequential(nn.Linear(1, 3), nn.ReLU(), nn.Linear(3, 1, bias=False)).double().eval()
    with torch.no_grad():
        network[0].weight.fill_(1.0)
        network[0].bias.copy_(torch.tensor([-70.07, -70.08, -70.09]))
        network[2].weight.copy_(torch.tensor([[100.0, -200.0, 100.0]]))
    return network


def test_given_points_are_looked_at():
    network = spike()
    derivation = derivation_of(network, (1,))
    found = search_lower(network, derivation, points=[[70.075]], effort="quick")
    assert found.lower == pytest.approx(100.0, rel=1e-6)


@pytest.mark.parametrize("scale", [1e-200, 1e-30, 1e40])
def test_scales_do_not_matter(scale):
    network = mlp((3, 3), 7, scale)
    found = search_lower(network, derivation_of(network, (3,)), effort="quick")
    exact = float(torch.linalg.matrix_norm(network[0].weight.detach() / scale, 2)) * scale
    assert 0.999 * exact <= found.lower <= exact * (1 + 1e-12)


def test_constant_networks_have_lower_end_zero_and_a_reason():
    network = mlp((3, 3), 8, 0.0)
    found = search_lower(network, derivation_of(network, (3,)), effort="quick")
    assert found.lower == 0.0
    assert "no two inputs with different values" in found.reason
    assert np.all(np.isfinite(found.x))
    assert found.x.tolist() != found.y.tolist()


class NoForwardDerivative(torch.autograd.Function):
    """Twice the input, with a reverse derivative only."""

    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, gradient):
        return 2 * gradient


@pytest.mark.parametrize(
    "function",
    [
        NoForwardDerivative.apply,
        lambda x: torch.tensor(2.0 * x.detach().numpy()),  # no derivative at all
        lambda x: 2.0 * x,
    ],
)
def test_functions_without_derivatives_are_searched_by_differences(function):
    nodes = (
        Node("x", "input", (), (4,)),
        Node("y", "dense", ("x",), (4,), {}, {"weight": "W"}),
    )
    derivation = derive(Graph(nodes, "y"), {"W": 2.0 * np.eye(4)})
    found = search_lower(function, derivation, effort="quick")
    assert found.lower == pytest.approx(2.0, rel=1e-6)
    assert found.lower <= 2.0


def test_a_function_that_lies_cannot_raise_the_lower_end():
    """What is searched is not what is certified: the witness is judged by the graph alone."""
    network = mlp((3, 5, 2), 9)
    derivation = derivation_of(network, (3,))
    for false in (
        lambda x: 1e6 * network(x),
        lambda x: torch.full((len(x), 2), torch.nan, dtype=x.dtype) * x.sum(1, keepdim=True),
        lambda x: x.sum(1, keepdim=True) * torch.inf,
    ):
        found = search_lower(false, derivation, effort="quick")
        assert found.lower <= derivation.upper


def test_steeper_places_outside_the_domain_do_not_distract():
    network = nn.Sequential(nn.Linear(1, 2), nn.ReLU(), nn.Linear(2, 1)).double().eval()
    with torch.no_grad():  # x + 100·relu(x − 2)
        network[0].weight.fill_(1.0)
        network[0].bias.copy_(torch.tensor([0.0, -2.0]))
        network[2].weight.copy_(torch.tensor([[1.0, 100.0]]))
    derivation = derivation_of(network, (1,), domain=(0.0, 1.0))
    found = search_lower(network, derivation, effort="quick")
    assert found.lower == pytest.approx(1.0, rel=1e-6)


def test_steep_places_within_steep_places_are_climbed_to():
    """Σᵢ Σ_k clamp(xᵢ − 0.7, ±4⁻ᵏ)·2ᵏ: steepest where all xᵢ are within 4⁻⁵ of 0.7."""
    n, levels = 2, 6
    network = nn.Sequential(nn.Linear(n, 2 * n * levels), nn.ReLU(), nn.Linear(2 * n * levels, 1))
    network = network.double().eval()
    with torch.no_grad():
        for index in range(n * levels):
            i, k = divmod(index, levels)
            for side, sign in enumerate((1.0, -1.0)):
                row = 2 * index + side
                network[0].weight[row] = torch.eye(n)[i]
                network[0].bias[row] = -0.7 + sign * 4.0**-k
                network[2].weight[0, row] = sign * 2.0**k
    exact = n**0.5 * (2.0**levels - 1.0)
    found = search_lower(network, derivation_of(network, (n,)))
    assert 0.9 * exact <= found.lower <= exact * (1 + 1e-12)


def test_pixel_scales_are_part_of_the_function():
    network = nn.Linear(2, 1, bias=False).double().eval()
    with torch.no_grad():
        network.weight.copy_(torch.tensor([[3.0, 4.0]]))
    traced = trace(network, (2,), pixels=Pixels(scale=0.25, shift=0.5))
    derivation = derive(traced.graph, traced.weights)
    found = search_lower(lambda x: network((x - 0.5) / 0.25), derivation, effort="quick")
    assert found.lower == pytest.approx(20.0, rel=1e-6)


def test_effort_is_counted_not_timed():
    network = mlp((8, 16, 16, 4), 10)
    derivation = derivation_of(network, (8,))
    assert count_multiplications(derivation) >= 8 * 16 + 16 * 16 + 16 * 4
    quick = search_lower(network, derivation, effort="quick")
    assert 0.5 * EFFORTS["quick"].most < quick.jacobians <= EFFORTS["quick"].most
    with pytest.raises(UnknownNameError, match="quick, normal, thorough"):
        search_lower(network, derivation, effort="heroic")
