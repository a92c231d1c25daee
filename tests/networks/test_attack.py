"""Attacks: what they find is an adversary within ε, and on linear classifiers the nearest one."""

import itertools
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from flowcert.errors import DataError, DomainError, ShapeError, StructureError
from flowcert.networks import attack as module
from flowcert.networks.attack import STRONG, WEAK, Attack, attack, bound_distance, within

BRIEF = Attack(steps=20, relative_step=2.5 / 20)


def linear(seed=0, classes=2):
    """Classes whose borders meet in the middle of the box."""
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, classes)).eval()
    with torch.no_grad():
        network[1].bias.copy_(-network[1].weight @ torch.full((16,), 0.5))
    return network


def curved(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 30), nn.ReLU(), nn.Linear(30, 4)).eval()


def points(count=20, seed=1):
    return torch.rand((count, 1, 4, 4), generator=torch.Generator().manual_seed(seed))


def predicted(network, x):
    with torch.no_grad():
        return network(x).argmax(1)


def distances(network, x):
    """The exact distances to the border of the class, in the whole space."""
    W, b = (p.detach().double().numpy() for p in network[1].parameters())
    logits = x.flatten(1).double().numpy() @ W.T + b
    result = []
    for row in logits:
        k = int(np.argmax(row))
        others = [j for j in range(len(b)) if j != k]
        result.append(min((row[k] - row[j]) / np.linalg.norm(W[k] - W[j]) for j in others))
    return np.array(result)


def test_on_a_linear_classifier_the_nearest_adversary_is_found():
    network, x = linear(), 0.4 + 0.2 * points()  # far from the box's walls
    exact = distances(network, x)
    epsilons = np.quantile(exact, [0.2, 0.5, 0.8]).tolist()
    found = attack(network, x, predicted(network, x), epsilons)
    assert np.all(found.distance >= exact * (1 - 1e-6))
    for epsilon in epsilons:
        assert np.all(found.broken(epsilon)[exact <= 0.99 * epsilon])
        assert not np.any(found.broken(epsilon)[exact > epsilon])
        assert found.accuracy(epsilon) == 1 - found.broken(epsilon).mean()


def test_no_adversary_is_nearer_than_the_border():
    network, x = linear(classes=4), points(100)
    exact = distances(network, x)
    found = attack(network, x, predicted(network, x), [0.05, 0.1, 0.3, 1.0])
    assert np.isfinite(found.distance).mean() > 0.9
    assert np.all(found.distance >= exact * (1 - 1e-6))


@pytest.mark.parametrize("how", [WEAK, STRONG, BRIEF])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_adversary_is_one(how, dtype):
    network, x = curved().to(dtype), points().to(dtype)
    y = predicted(network, x)
    y[:3] = (y[:3] + 1) % 4
    epsilons = [0.05, 0.2, 0.6]
    found = attack(network, x, y, epsilons, how=how)
    assert found.distance[:3].tolist() == [0.0, 0.0, 0.0]
    hit = np.isfinite(found.distance)
    norms = np.linalg.norm((found.adversaries.double() - x.double()).flatten(1).numpy(), axis=1)
    assert np.all(norms[hit] <= found.distance[hit])
    assert np.all(found.distance[hit] <= 0.6)
    assert hit[3:].any()
    assert bool(((found.adversaries >= 0) & (found.adversaries <= 1)).all())
    wrong = (predicted(network, found.adversaries) != y).numpy()
    assert np.array_equal(wrong, hit)
    assert torch.equal(found.adversaries[~hit], x[~hit])


def overshooting(x, y):
    """An attack that goes a little, or far, beyond ε, and out of the box."""

    def descend(network, x, y, epsilon, how, from_image):
        direction = network[1].weight[1] - network[1].weight[0]
        sign = 1.0 - 2.0 * y.to(x.dtype)
        step = (sign[:, None] * direction / direction.norm()).reshape(x.shape)
        return (x + 1.5 * epsilon * step).detach()

    return descend


def test_what_the_attack_leaves_outside_is_scaled_back_and_evaluated_again(monkeypatch):
    network, x = linear(), 0.4 + 0.2 * points(100)
    y, exact = predicted(network, x), distances(network, x)
    epsilon = float(np.median(exact))
    monkeypatch.setattr(module, "_descend", overshooting(x, y))
    found = attack(network, x, y, [epsilon], how=BRIEF)
    assert found.broken(epsilon)[exact < 0.999 * epsilon].all()
    assert not found.broken(epsilon)[exact > epsilon].any()
    # What is not scaled back does not count; without a look at its norm it would.
    monkeypatch.setattr(module, "within", lambda moved, x, epsilon: moved)
    assert np.isinf(attack(network, x, y, [epsilon], how=BRIEF).distance).all()
    monkeypatch.setattr(module, "bound_distance", lambda a, b: torch.zeros(len(a)).double())
    assert attack(network, x, y, [epsilon], how=BRIEF).broken(epsilon)[exact > epsilon].any()


@pytest.mark.parametrize("epsilon", [1e-3, 0.1, 0.25, 2.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_scaled_back_norms_are_within_epsilon(epsilon, dtype):
    x = points(200).to(dtype)
    moved = x + 3 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0)).to(dtype)
    near = within(moved, x, epsilon)
    norms = np.linalg.norm((near.double() - x.double()).flatten(1).numpy(), axis=1)
    assert norms.max() <= epsilon
    assert np.median(norms) >= min(0.999 * epsilon, 0.5)
    assert torch.equal(within(near, x, epsilon), near)
    assert bool(((near >= 0) & (near <= 1)).all())


def test_distances_are_rounded_up():
    a = torch.tensor([[3.0, 0.0, 1e-9], [0.0, 0.0, 0.0]])
    b = torch.tensor([[0.0, 4.0, 0.0], [0.0, 0.0, 0.0]])
    first, second = bound_distance(a, b).tolist()
    assert 5.0 <= first <= 5.0 + 1e-14
    assert second == 0.0


def test_it_is_deterministic_and_leaves_everything_as_it_was():
    network, x = curved().requires_grad_(True), points()
    network[1].bias.requires_grad_(False)
    y = predicted(network, x)
    state = torch.random.get_rng_state()
    first, again, other = (attack(network, x, y, [0.3], how=BRIEF, seed=s) for s in (1, 1, 2))
    assert np.array_equal(first.distance, again.distance)
    assert torch.equal(first.adversaries, again.adversaries)
    assert not torch.equal(first.adversaries, other.adversaries)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert [p.requires_grad for p in network.parameters()] == [True, False, True, True]
    assert all(p.grad is None for p in network.parameters())


def test_restarts_begin_at_the_image_then_at_random_and_spare_what_is_broken(monkeypatch):
    network, x = linear(), 0.4 + 0.2 * points()
    y, calls = predicted(network, x), []

    def descend(network, x, y, epsilon, how, from_image):
        calls.append((epsilon, from_image, len(x)))
        moved = x.clone()
        moved[0] = 1 - moved[0]  # to the other side of the border
        return moved

    monkeypatch.setattr(module, "_descend", descend)
    found = attack(network, x, y, [9.0, 8.0], how=Attack(1, 1.0, restarts=3, from_image=True))
    tried = [(8.0, True), (8.0, False), (8.0, False), (9.0, True), (9.0, False), (9.0, False)]
    assert calls == [(*kind, 20 - i) for i, kind in enumerate(tried)]
    assert np.isfinite(found.distance).sum() == 6
    calls.clear()
    attack(network, x, y, [8.0], how=Attack(1, 1.0))
    assert calls == [(8.0, False, 20)]


def test_pieces_of_a_large_set_are_put_together(monkeypatch):
    network, x = linear(), 0.3 + 0.4 * points()
    y = predicted(network, x)
    how = Attack(50, 0.05, from_image=True)
    whole = attack(network, x, y, [0.2], how=how)
    monkeypatch.setattr(module, "_AT_ONCE", 7)
    pieces = attack(network, x, y, [0.2], how=how)
    assert pieces.distance == pytest.approx(whole.distance, rel=1e-4)


def test_the_authors_attack_is_weaker():
    assert (WEAK.steps, WEAK.relative_step, WEAK.restarts) == (10, 0.025, 1)
    assert STRONG.steps >= 100
    assert STRONG.steps * STRONG.relative_step == pytest.approx(2.5)
    network, x = curved(), points(60)
    y = predicted(network, x)
    weak, strong = (attack(network, x, y, [0.1, 0.2], how=how) for how in (WEAK, STRONG))
    assert strong.accuracy(0.2) < weak.accuracy(0.2)
    for a, b in itertools.pairwise((0.0, 0.1, 0.2)):
        assert strong.accuracy(a) >= strong.accuracy(b)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"epsilons": [0.0]}, DomainError),
        ({"epsilons": [float("nan")]}, DomainError),
        ({"epsilons": 0.5}, DomainError),
        ({"images": points() + 0.5}, DomainError),
        ({"images": points() * float("nan")}, DomainError),
        ({"images": points()[:0], "labels": torch.zeros(0, dtype=torch.int64)}, DataError),
        ({"labels": torch.zeros(3, dtype=torch.int64)}, ShapeError),
        ({"network": linear().train()}, StructureError),
        ({"seed": -1}, DomainError),
    ],
)
def test_bad_input_is_named(change, error):
    given = {
        "network": linear(),
        "images": points(),
        "labels": torch.zeros(20, dtype=torch.int64),
        "epsilons": [0.5],
        **change,
    }
    with pytest.raises(error):
        attack(**given)


@pytest.mark.parametrize("bad", [(0, 0.1), (10, 0.0), (10, float("nan")), (10, 0.1, 0)])
def test_an_attack_that_is_none_is_refused(bad):
    with pytest.raises(DomainError):
        Attack(*bad)


def test_foolbox_is_imported_without_its_warning():
    code = "from flowcert.networks.attack import _foolbox; _foolbox()"
    run = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True)
    assert run.returncode == 0, run.stderr
