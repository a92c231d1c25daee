"""Certified networks: bounded by 1 in pixel space whatever the optimiser does, by product rules."""

import copy
import math

import pytest
import torch
from torch.nn import functional

from flowcert.errors import DomainError, ShapeError, UnknownNameError
from flowcert.networks import certify
from flowcert.networks.architectures import KINDS, certified_dense, certified_network
from flowcert.networks.constraints import maintain_, seal
from flowcert.networks.layers import (
    AlternatingPair,
    Centring,
    CollapsedPair,
    GradientStep,
    SharedPair,
    UnitRowHead,
)
from flowcert.networks.testing import assert_lipschitz

DENSE, IMAGES = (1, 4, 4), (1, 6, 6)
PAIRS = [kind for kind in KINDS if kind.startswith("switching")]
REGIONS = [None, "sharp_region", "authors_region", "authors_box"]


def small_dense(kind, **options):
    return certified_dense(kind, DENSE, classes=4, **{"width": 18, "depth": 2, **options})


def small_network(kind, **options):
    sizes = {"channels": 6, "depth": 2, "block": 2}
    return certified_network(kind, IMAGES, classes=4, **{**sizes, **options})


MAKERS = {"dense": (small_dense, DENSE), "images": (small_network, IMAGES)}
everywhere = pytest.mark.parametrize("make", MAKERS)
every_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def upper(network, shape):
    return certify(seal(network), shape, effort="none").upper


def trained(network, shape, rate=0.03, steps=30):
    network = network.train()
    x, labels = torch.rand(24, *shape), torch.arange(24) % 4
    optimiser = torch.optim.Adam([p for p in network.parameters() if p.requires_grad], lr=rate)
    losses = []
    for _ in range(steps):
        optimiser.zero_grad()
        loss = functional.cross_entropy(8 * network(x), labels)
        loss.backward()
        optimiser.step()
        maintain_(network)
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    return network


@everywhere
@every_kind
def test_it_is_bounded_by_one_before_and_after_training(make, kind):
    build, shape = MAKERS[make]
    network = build(kind, mean=0.4)
    assert upper(copy.deepcopy(network), shape) <= 1.0
    sealed = seal(trained(network, shape))
    certificate = certify(sealed, shape, effort="quick")
    assert 0.0 < certificate.lower <= certificate.upper <= 1.0
    assert_lipschitz(sealed, certificate.upper, shape=shape, domain=(0, 1), examples=4)


@everywhere
@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("kind", PAIRS)
def test_every_region_bounds_pairs_by_one(make, region, kind):
    build, shape = MAKERS[make]
    network = build(kind, region=region, depth=1)
    with torch.no_grad():  # the steps as far out as they go
        for name, parameter in network.named_parameters():
            if name.endswith("free"):
                parameter.fill_(30.0)
    assert upper(network, shape) <= 1.0


@pytest.mark.parametrize("slope", [0.1, 1.0])
@pytest.mark.parametrize("kind", PAIRS)
def test_other_slopes_have_their_own_regions(slope, kind):
    assert upper(small_dense(kind, slope=slope), DENSE) <= 1.0


@every_kind
def test_in_double_precision_too(kind):
    assert upper(small_dense(kind).double(), DENSE) <= 1.0


def test_the_head_has_room_for_the_roundings_of_many_steps():
    """Every norm is 1: each sum ½·1 + ½·1 is rounded outward, and the head takes it back."""
    network = certified_dense("naive", (1, 2, 2), 3, width=4, depth=15).double()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.startswith("step") and parameter.ndim == 2:
                parameter.copy_(torch.eye(4))
    assert 0.999 < upper(network, (1, 2, 2)) <= 1.0


def test_the_steps_are_those_of_the_regimes():
    prescribed, flexible = small_dense("switching-prescribed"), small_dense("switching-flexible")
    assert isinstance(prescribed.step1, AlternatingPair)
    assert isinstance(flexible.step1, CollapsedPair)
    assert isinstance(small_network("switching-flexible").step1, SharedPair)
    # Without a region nothing is expansive: one step, and no parameter of a B.
    none = small_dense("switching-prescribed", region=None)
    assert isinstance(none.step1, GradientStep)
    names = dict(small_dense("boundary", mean=0.5).named_children())
    assert list(names) == ["centring", "flatten", "lift", "step1", "step2", "head"]
    assert isinstance(names["centring"], Centring)
    assert isinstance(names["head"], UnitRowHead)


@pytest.mark.parametrize("kind", PAIRS)
def test_convolutions_that_must_be_isometries_are(kind):
    """By the matrix of the operator: AᵀA = I on the torus, at every pixel."""
    step = seal(small_network(kind, depth=1)).step1.double()
    affine = step.contractive if kind == "switching-prescribed" else step.affine
    basis = torch.eye(6 * 3 * 3, dtype=torch.float64).reshape(-1, 6, 3, 3)
    A = (affine(basis) - affine(torch.zeros(1, 6, 3, 3, dtype=torch.float64))).flatten(1)
    values = torch.linalg.svdvals(A)
    assert 1.0 - 1e-5 <= float(values.min())
    assert float(values.max()) <= 1.0


@everywhere
@every_kind
def test_every_parameter_is_trained_and_every_state_is_loaded(make, kind):
    build, shape = MAKERS[make]
    network = build(kind)
    for name, parameter in network.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(parameter)
    x = torch.rand(16, *shape)
    (network(x) * torch.randn(16, 4)).sum().backward()
    without = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert not without
    torch.manual_seed(1)
    fresh = build(kind)
    fresh.load_state_dict(network.state_dict())
    assert torch.equal(fresh(x), network(x))
    # The sealed network's state goes into another sealed one.
    sealed, other = seal(network), seal(build(kind))
    other.load_state_dict(sealed.state_dict())
    assert torch.equal(other(x), sealed(x))


def test_sealing_leaves_the_network_as_it_was():
    network = small_dense("switching-flexible")
    x = torch.rand(3, *DENSE)
    before = network(x)
    seal(network)
    assert torch.equal(network(x), before)


@everywhere
@every_kind
def test_it_prints_and_exports(make, kind):
    build, shape = MAKERS[make]
    network = build(kind)
    assert "step2" in repr(network)
    assert "object at 0x" not in repr(network)
    exported = torch.export.export(seal(network), (torch.rand(2, *shape),))
    assert torch.allclose(
        exported.module()(torch.ones(2, *shape)), seal(network)(torch.ones(2, *shape))
    )


# What breaks the constraint is seen by the certificate.


def edited(network, name, factor):
    with torch.no_grad():
        dict(network.named_parameters())[name].mul_(factor)
    return network


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("naive", "step1.outer.weight"),
        ("non-expansive", "step1.affine.weight"),
        ("boundary", "step1.affine.weight"),
        ("scaled-boundary", "step1.affine.weight"),
        ("sorting", "step1.0.weight"),
        ("switching-flexible", "step1.affine.weight"),
        ("switching-prescribed", "step1.contractive.weight"),
        ("boundary", "head.weight"),
    ],
)
def test_a_weight_edited_after_sealing_is_seen(kind, name):
    sealed = seal(small_dense(kind, depth=1))
    assert certify(sealed, DENSE, effort="none").upper <= 1.0
    assert certify(edited(sealed, name, 40.0), DENSE, effort="none").upper > 1.0


def test_a_step_edited_after_sealing_is_seen():
    sealed = seal(small_dense("switching-prescribed", depth=1))
    sealed.step1.expansive_step.value.fill_(30.0)
    assert certify(sealed, DENSE, effort="none").upper > 1.0


def test_estimates_are_not_certified_as_bounds():
    """Unsealed, heads have unit rows, whose norm together is more than 1."""
    network = small_dense("boundary", depth=1).eval()
    assert certify(network, DENSE, effort="none").upper > 1.0


# Bad input.


@pytest.mark.parametrize("build", [certified_dense, certified_network])
def test_bad_arguments_are_refused(build):
    with pytest.raises(UnknownNameError, match=r"published only.*comparison"):
        build("unconstrained")
    with pytest.raises(UnknownNameError, match=r"switching-flexible.*sorting"):
        build("switching_flexible")
    with pytest.raises(UnknownNameError, match=r"sharp_region.*None"):
        build("switching-flexible", region="sharp")
    bad = [{"classes": 1}, {"depth": 0}, {"slope": -0.1}, {"slope": 1.5}, {"slope": math.nan}]
    for options in [*bad, {"depth": 2.0}, {"mean": math.inf}]:
        with pytest.raises(DomainError):
            build("boundary", **options)
    for image in [(8, 8), (0, 8, 8), (1, 8, 8.0)]:
        with pytest.raises(ShapeError):
            build("boundary", image)
    with pytest.raises(DomainError):
        build("switching-prescribed", slope=0.0)  # nothing contracts


def test_sizes_that_lose_pixels_are_refused():
    with pytest.raises(ShapeError, match="at least 64"):
        certified_dense("boundary", width=63)
    with pytest.raises(ShapeError, match="even"):
        certified_dense("sorting", width=65)
    with pytest.raises(ShapeError, match="at least 48"):
        certified_network("naive", channels=47)
    with pytest.raises(ShapeError, match="even"):
        certified_network("sorting", channels=49)
    with pytest.raises(ShapeError, match="block"):
        certified_network("naive", block=5)
    with pytest.raises(DomainError, match="kernel_size"):
        certified_network("naive", (3, 8, 8))  # 2×2 blocks are left
    with pytest.raises(ShapeError):
        small_dense("boundary")(torch.zeros(2, 1, 4, 5))


def test_the_documented_sizes():
    counts = {
        kind: sum(p.numel() for p in certified_dense(kind).parameters())
        for kind in ("boundary", "naive", "switching-prescribed")
    }
    assert {kind: round(n, -3) for kind, n in counts.items()} == {
        "boundary": 266000,
        "naive": 528000,
        "switching-prescribed": 529000,
    }
    network = certified_network("naive")
    assert round(sum(p.numel() for p in network.parameters()), -3) == 336000
