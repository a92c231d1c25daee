"""A construction and its PyTorch layers are one function, written twice."""

import numpy as np
import pytest
import torch

from flowcert.errors import StructureError
from flowcert.networks.architectures import constructed_network
from flowcert.networks.layers import SphereStep
from flowcert.theory.approximation import approximate_flow, find_target

CASES = [
    ("VanDerPol", "first", "Strang", 1),
    ("Pendulum", "second", "Strang", 2),
    ("NonNormal", "second", "LieTrotter", 1),
]


def made(name, result, splitting, substeps, steps=8, width=48):
    target = find_target(name)
    return approximate_flow(
        target.field, 0.5, 0.5, result=result, splitting=splitting, steps=steps, width=width,
        substeps=substeps,
    )  # fmt: skip


def points():
    return np.random.default_rng(0).uniform(-0.35, 0.35, (50, 2))


@pytest.mark.parametrize(("name", "result", "splitting", "substeps"), CASES)
def test_both_writings_agree(name, result, splitting, substeps):
    construction = made(name, result, splitting, substeps)
    x = points()
    values = constructed_network(construction)(torch.from_numpy(x)).detach().numpy()
    assert np.abs(values - construction(x)).max() < 1e-12


@pytest.mark.parametrize(("name", "result", "splitting", "substeps"), CASES)
def test_the_proved_bound_holds_for_the_module(name, result, splitting, substeps):
    from flowcert.theory.approximation.construction import true_flow

    construction = made(name, result, splitting, substeps, steps=16)
    x = points()
    values = constructed_network(construction)(torch.from_numpy(x)).detach().numpy()
    error = np.linalg.norm(values - true_flow(construction.flows, x), axis=-1).max()
    assert 0 < error <= construction.bound.total + 1e-9 < 1


def test_equal_layers_share_their_weights():
    network = constructed_network(made("VanDerPol", "first", "Strang", 1))
    # Two networks of 48 units in the plane: A, b, α and A, b, V with 4 numbers a unit.
    assert sum(p.numel() for p in network.parameters()) == 48 * (2 + 1 + 1) + 48 * (2 + 1 + 4)
    assert len(network) == 8 * 3


def test_a_transposed_skew_matrix_would_be_seen():
    construction = made("VanDerPol", "first", "Strang", 1)
    network = constructed_network(construction)
    for layer in {id(m): m for m in network.modules() if isinstance(m, SphereStep)}.values():
        with torch.no_grad():
            layer.skew.outer.weight.neg_()
    x = points()
    values = network(torch.from_numpy(x)).detach().numpy()
    assert np.abs(values - construction(x)).max() > 1e-2


def test_what_cannot_be_a_module_is_refused():
    target = find_target("Pendulum")
    with pytest.raises(StructureError, match="Pass a width"):
        constructed_network(approximate_flow(target.field, 0.5, 0.5, steps=2))
    backward = made("Pendulum", "first", "Yoshida4", 1, steps=2)
    with pytest.raises(StructureError, match="LieTrotter or Strang"):
        constructed_network(backward)
