"""Bounds that the user vouches for: taken as they are, marked, and never guessed."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from flowcert.errors import DomainError, FlowcertError, StructureError
from flowcert.networks import certify
from flowcert.theory.certificate import check_certificate


class Opaque(nn.Module):
    """x ↦ 3 sin x, computed where no tracer can follow."""

    def __init__(self, factor: float = 3.0) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return torch.from_numpy(self.factor * np.sin(x.numpy()))


class Derived(Opaque):
    """Inherits the forward, not the rule."""


class Two(nn.Module):
    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return torch.from_numpy(x.numpy() + y.numpy()[:, :1])


@pytest.fixture(autouse=True)
def _no_rules_left() -> Iterator[None]:
    yield
    certify.rules.clear()


def net(*layers: nn.Module) -> nn.Module:
    return nn.Sequential(*layers).eval()


def doubling() -> nn.Module:
    layer = nn.Linear(3, 3, bias=False)
    with torch.no_grad():
        layer.weight.copy_(2.0 * torch.eye(3))
    return layer


def test_a_rule_is_a_factor_and_is_marked() -> None:
    @certify.rule(Opaque)
    def three_times(layer: Opaque) -> float:
        return layer.factor

    certificate = certify(net(doubling(), Opaque(), nn.ReLU(), doubling()), (3,))
    assert 12.0 <= certificate.upper <= 12.0 * (1 + 1e-6)
    [name] = certificate.user_asserted
    line = certificate.line(name)
    assert line.layer == "1 (Opaque)"
    assert (line.rule, line.constants["upper"]) == ("user-asserted", 3.0)
    assert "three_times" in str(line.constants)
    assert certificate.lower == 0.0
    assert certificate.witness is None


def test_the_checker_takes_the_asserted_bound_too() -> None:
    certify.rule(Opaque, 3.0)
    certificate = certify(net(doubling(), Opaque()), (3,))
    assert check_certificate(certificate, certificate.weights).holds


def test_a_number_is_a_rule() -> None:
    certify.rule(Opaque, 3)
    assert 6.0 <= certify(net(Opaque(), doubling()), (3,)).upper < 6.001


def test_the_last_rule_wins() -> None:
    certify.rule(Opaque, 3.0)
    certify.rule(Opaque, 5.0)
    assert certify(net(Opaque()), (3,)).upper == 5.0


def test_without_a_rule_it_is_refused() -> None:
    with pytest.raises(StructureError, match="cannot be traced"):
        certify(net(Opaque()), (3,))


def test_a_rule_is_not_inherited() -> None:
    certify.rule(Opaque, 3.0)
    with pytest.raises(StructureError, match="cannot be traced"):
        certify(net(Derived()), (3,))


def test_a_layer_used_twice_counts_twice() -> None:
    certify.rule(Opaque, 3.0)
    layer = Opaque()
    certificate = certify(net(layer, doubling(), layer), (3,))
    assert 18.0 <= certificate.upper < 18.001
    assert len(certificate.user_asserted) == 2


def test_the_module_itself_may_have_a_rule() -> None:
    certify.rule(Opaque, 3.0)
    assert certify(Opaque().eval(), (4, 5)).upper == 3.0


def test_several_inputs_count_jointly() -> None:
    class Sum(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.two = Two()

        def forward(self, x: Tensor) -> Tensor:
            return self.two(x, 2 * x)

    certify.rule(Two, 1.5)
    upper = certify(Sum().eval(), (3,)).upper
    assert 1.5 * math.sqrt(5.0) <= upper < 1.5 * 3.0 + 1e-6


def test_the_module_is_left_as_it_was() -> None:
    certify.rule(Opaque, 3.0)
    layer = Opaque()
    module = net(doubling(), layer)
    with torch.no_grad():
        before = module(torch.ones(1, 3))
        certify(module, (3,))
        assert "forward" not in layer.__dict__
        assert torch.equal(module(torch.ones(1, 3)), before)


@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0, "three", None, True])
def test_a_bound_that_is_none_is_refused(value: Any) -> None:
    @certify.rule(Opaque)
    def wrong(layer: Opaque) -> float:
        return value

    with pytest.raises(DomainError, match=r"wrong.*finite number"):
        certify(net(Opaque()), (3,))


class Pair(Opaque):
    def forward(self, x: Tensor) -> Any:
        return x, x


class Scalar(Opaque):
    def forward(self, x: Tensor) -> Tensor:
        return torch.tensor(float(x.sum()))


@pytest.mark.parametrize("kind", [Pair, Scalar])
def test_a_layer_that_is_no_map_of_tensors_is_refused(kind: type[nn.Module]) -> None:
    certify.rule(kind, 1.0)
    with pytest.raises(StructureError, match=r"0, which has a user's rule.*batch axis"):
        certify(net(kind()), (3,))


@pytest.mark.parametrize("thing", [3, "Linear", torch.sin, int, nn.ReLU()])
def test_a_rule_is_for_a_class_of_modules(thing: Any) -> None:
    with pytest.raises(FlowcertError, match=r"subclass of torch\.nn\.Module"):
        certify.rule(thing)
