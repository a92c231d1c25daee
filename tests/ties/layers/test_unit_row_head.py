"""The unit-row head: rows of norm 1 while training, one norm at most 1 once sealed."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.utils import parametrize

from flowcert.errors import DomainError, ShapeError
from flowcert.networks.certify import certified_accuracy
from flowcert.networks.constraints import seal
from flowcert.networks.layers import UnitRowHead


def free_weight(head):
    return head.parametrizations["weight"].original.detach().numpy()


def reference(head):
    V, b = free_weight(head), head.bias.detach().numpy()
    rows = np.array([v / math.sqrt(sum(entry**2 for entry in v)) for v in V])
    return lambda x: np.array([[row @ point for row in rows] for point in x]) + b


def make():
    return UnitRowHead(5, 3)


@pytest.mark.parametrize("bias", [True, False])
def test_laws(laws, bias):
    layer = UnitRowHead(5, 3, bias=bias)
    if bias:
        torch.nn.init.normal_(layer.bias)
    laws.bounded(layer, (5,), at_most=1.0)
    laws.differentiates(layer, (5,))
    laws.learns(layer, (5,))
    laws.survives_saving(layer, lambda: UnitRowHead(5, 3, bias=bias), (5,))
    laws.survives_moving(layer, (5,))
    laws.treats_examples_alone(layer, (5,))


def test_its_rows_are_normalised(laws):
    head = laws.double(make())
    torch.nn.init.normal_(head.bias)
    laws.agrees_with(head, reference(head), (5,))
    assert np.allclose(head.weight.norm(dim=1), 1.0, atol=1e-15)


@pytest.mark.parametrize("optimiser", ["SGD", "Adam"])
def test_after_training_rows_are_still_of_norm_one(laws, optimiser):
    trained = laws.trained(make(), (5,), optimiser)
    assert torch.allclose(trained.weight.norm(dim=1), torch.ones(3))
    laws.bounded(trained, (5,), at_most=1.0)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 8), st.integers(2, 12), st.integers(0, 2**16), st.sampled_from([32, 64]))
def test_sealed_its_norm_is_at_most_one_and_nothing_else_changes(features, classes, seed, bits):
    torch.manual_seed(seed)
    head = UnitRowHead(features, classes).to(getattr(torch, f"float{bits}"))
    torch.nn.init.normal_(head.bias)
    sealed = seal(head)
    assert not parametrize.is_parametrized(sealed)
    assert np.linalg.norm(sealed.weight.double().numpy(), 2) <= 1.0
    # One factor for all rows and the bias.
    factor = float(sealed.weight.norm() / head.weight.detach().norm())
    tolerance = 2.0 ** (-20 if bits == 32 else -45)
    assert torch.allclose(sealed.weight, factor * head.weight, atol=tolerance)
    assert torch.allclose(sealed.bias, factor * head.bias, atol=tolerance)
    # No longer than needed: the norm is one but for the room left.
    assert np.linalg.norm(sealed.weight.double().numpy(), 2) >= 1.0 - 1e-5


def test_sealing_changes_no_class_and_no_pairwise_radius():
    torch.manual_seed(1)
    head = UnitRowHead(6, 4).double()
    torch.nn.init.normal_(head.bias)
    x = torch.randn(40, 6, dtype=torch.float64)
    labels = torch.arange(40) % 4
    plain = torch.nn.Linear(6, 4).double()  # the same head, before it is divided
    plain.load_state_dict({"weight": head.weight.detach(), "bias": head.bias.detach()})
    before = certified_accuracy(plain.eval(), x, labels, [0.0], execution="exact")
    after = certified_accuracy(seal(head), x, labels, [0.0], execution="exact")
    assert np.array_equal(before.classes, after.classes)
    assert np.allclose(before.radius, after.radius, rtol=1e-8)
    # And the radius is that of the plane between two classes, by hand.
    W, b = head.weight.detach().numpy(), head.bias.detach().numpy()
    for point, k, radius in zip(x.numpy(), after.classes, after.radius, strict=True):
        f = W @ point + b
        others = [j for j in range(4) if j != k]
        distance = min((f[k] - f[j]) / np.linalg.norm(W[k] - W[j]) for j in others)
        assert radius == 0.0 or radius == pytest.approx(distance, rel=1e-6)


def test_sealing_twice_is_sealing_once():
    sealed = seal(make())
    assert torch.equal(seal(sealed).weight, sealed.weight)


@pytest.mark.parametrize("classes", [1, 0, -3, 2.0, True])
def test_bad_numbers_of_classes_are_refused(classes):
    with pytest.raises(DomainError):
        UnitRowHead(5, classes)


def test_bad_inputs_are_refused():
    with pytest.raises(DomainError):
        UnitRowHead(0, 3)
    with pytest.raises(ShapeError):
        make()(torch.zeros(2, 4))
    with pytest.raises(ShapeError):
        make()(torch.zeros(2, 5, 1))


class _Columns(UnitRowHead):
    def forward(self, x):
        V = self.parametrizations["weight"].original
        return x @ (V / V.norm(dim=0)).T + self.bias


class _NoBias(UnitRowHead):
    def forward(self, x):
        return super().forward(x) - self.bias


class _Sign(UnitRowHead):
    def forward(self, x):
        return self.bias - (super().forward(x) - self.bias)


@pytest.mark.parametrize("bug", [_Columns, _NoBias, _Sign])
def test_planted_bugs_are_found(laws, bug):
    head = laws.double(bug(5, 3))
    torch.nn.init.normal_(head.bias)
    with pytest.raises(AssertionError):
        laws.agrees_with(head, reference(head), (5,))


class _UnitRowsAreEnough(UnitRowHead):
    """Forgets that rows of norm 1 may add up."""

    def seal_(self):
        pass


def test_a_head_that_is_not_divided_is_found(laws):
    with pytest.raises(AssertionError):
        laws.bounded(_UnitRowsAreEnough(5, 3), (5,), at_most=1.0)


class _WeightAlone(UnitRowHead):
    """Divides the rows and forgets the bias: classes change."""

    def seal_(self):
        bias = self.bias.clone()
        super().seal_()
        self.bias.copy_(bias)


def test_a_bias_that_is_not_divided_changes_classes():
    torch.manual_seed(1)
    head = _WeightAlone(6, 4).double()
    torch.nn.init.normal_(head.bias)
    x = torch.randn(400, 6, dtype=torch.float64)
    assert not torch.equal(head(x).argmax(1), seal(head)(x).argmax(1))
