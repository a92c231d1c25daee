"""Layers that have no finite constant are refused by name, before anything is traced."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from flowcert.errors import StructureError
from flowcert.networks import certified_accuracy, certify, trace
from flowcert.networks.layers import LAYERS, Layer


class _Unbounded(Layer):
    refused = "its quotients grow without end near 0"

    def forward(self, x: Tensor) -> Tensor:
        raise AssertionError("it must not be run")


class _Calm(Layer):
    def forward(self, x: Tensor) -> Tensor:
        return 0.5 * x


class _Wrapped(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = _Unbounded()

    def forward(self, x: Tensor) -> Tensor:
        return torch.sin(x)


@pytest.fixture(autouse=True)
def _no_rules_left() -> Iterator[None]:
    yield
    certify.rules.clear()


@pytest.mark.parametrize(
    ("module", "place"),
    [
        (_Unbounded(), "the module itself"),
        (nn.Sequential(nn.Linear(2, 2), nn.Sequential(_Unbounded())), "1.0"),
    ],
)
@pytest.mark.parametrize("look", [certify, trace])
def test_the_layer_and_its_reason_are_named(module, place, look):
    with pytest.raises(StructureError) as told:
        look(module.eval(), (2,))
    for part in ("_Unbounded", place, "grow without end near 0", "certify.rule"):
        assert part in str(told.value)


def test_certified_accuracy_refuses_it_too():
    certify.rule(_Unbounded, 1.0)  # of no use there: the value of such a layer is not known
    with pytest.raises(StructureError, match="grow without end"):
        certified_accuracy(_Unbounded().eval(), [[0.0, 0.0]], [0], [0.1])


def test_a_layer_that_is_not_refused_is_certified():
    assert 0.5 <= certify(_Calm().eval(), (2,), effort="none").upper < 0.5000001


def test_what_the_user_vouches_for_is_not_refused():
    certify.rule(_Wrapped, 1.0)
    assert certify(_Wrapped().eval(), (2,)).upper == 1.0
    network = nn.Sequential(_Wrapped(), _Unbounded()).eval()
    with pytest.raises(StructureError, match=r"_Unbounded \(1\): its quotients"):
        certify(network, (2,))


def test_every_refused_layer_says_why():
    for layer in LAYERS.values():
        assert layer.refused == layer.refused.strip()
        assert not layer.refused or len(layer.refused) > 10, layer
