"""The assertions on modules: what a search by gradients finds, and what it must leave alone."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from flowcert.errors import DomainError, ShapeError, StructureError
from flowcert.networks.testing import (
    ConservationViolation,
    LipschitzViolation,
    assert_conserves,
    assert_lipschitz,
    assert_nonexpansive,
)


def linear(matrix: np.ndarray, bias: float = 0.0) -> nn.Linear:
    layer = nn.Linear(matrix.shape[1], matrix.shape[0])
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(matrix))
        layer.bias.fill_(bias)
    return layer


def orthogonal(n: int, seed: int = 0) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(n, n)))[0]


def with_largest(value: float, n: int = 64, seed: int = 0) -> np.ndarray:
    """All singular values ½ but one."""
    values = np.full(n, 0.5)
    values[0] = value
    return orthogonal(n, seed) @ (values[:, None] * orthogonal(n, seed + 1))


class Bump(nn.Module):
    """x + v·(a bump of width 1e-3 in vᵀx): slope 1.5 there."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.v = nn.Parameter(torch.nn.functional.one_hot(torch.tensor(1), n).double())

    def forward(self, x: Tensor) -> Tensor:
        s = x @ self.v
        return x + torch.relu(2.5e-4 - 0.5 * (s - 0.3721).abs())[:, None] * self.v


class Far(nn.Module):
    """Slope 1.01 beyond |x| = 1e4 along one direction."""

    def __init__(self) -> None:
        super().__init__()
        self.turn = linear(orthogonal(16))

    def forward(self, x: Tensor) -> Tensor:
        z = self.turn(x)
        return z + 0.01 * torch.relu(z[:, :1] - 1e4) * torch.eye(16, dtype=x.dtype)[0]


class ZeroPaddedShift(nn.Module):
    """Reflect padding repeats pixels: a shift kernel, symbol 1, has a norm above 1."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 3, padding=1, padding_mode="reflect", bias=False)
        nn.init.zeros_(self.conv.weight)
        with torch.no_grad():
            self.conv.weight[0, 0, 0, 0] = 1.0

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


torch.manual_seed(0)
PLANTED: list[tuple[str, nn.Module, float, Any]] = [
    ("one direction of 300", linear(with_largest(1.05, 300)), 1.0, 300),
    ("one direction of 64, 1.001", linear(with_largest(1.001)), 1.0, 64),
    (
        "deep, one direction",
        nn.Sequential(linear(with_largest(1.2, 8)), nn.ReLU(), linear(orthogonal(8, 9))),
        1.15,
        8,
    ),
    ("a bump", Bump(2), 1.0, 2),
    ("far out", Far(), 1.0, 16),
    ("overlapping max-pool", nn.MaxPool2d(3, stride=1), 1.0, (1, 5, 5)),
    ("reflect padding", ZeroPaddedShift(), 1.0, (1, 4, 4)),
    ("GELU", nn.GELU(), 1.12, 3),
    ("SiLU", nn.SiLU(), 1.09, 2),
    ("residual", nn.Sequential(linear(1.0005 * orthogonal(8))), 1.0, 8),
    ("an image", nn.Conv2d(3, 4, 3, padding=1), 0.5, (3, 16, 16)),
]


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted[0])
def test_planted_violations_are_found_and_true(planted: Any) -> None:
    _, module, bound, shape = planted
    module = module.eval()
    with pytest.raises(LipschitzViolation) as caught:
        assert_lipschitz(module, bound, shape=shape)
    found = caught.value
    double = module.double()
    with torch.no_grad():
        moved = double(torch.from_numpy(found.x)[None]) - double(torch.from_numpy(found.y)[None])
    assert float(moved.norm()) > bound * np.linalg.norm(found.x - found.y)
    assert found.quotient == pytest.approx(float(moved.norm()) / np.linalg.norm(found.x - found.y))


HELD: list[tuple[str, Any, float, Any]] = [
    ("orthogonal", linear(orthogonal(32).astype(np.float32)), 1.0 + 1e-6, 32),
    ("max-pool", nn.MaxPool2d(2), 1.0, (2, 4, 4)),
    ("GELU", nn.GELU(), 1.1290, 3),
    ("absolute value", torch.abs, 1.0, 3),
    ("sorting", lambda x: x.sort(-1).values, 1.0, 6),
    ("a constant", lambda x: x[:, :1] * 0 + 1, 0.0, 3),
    ("large bias", nn.Sequential(linear(np.eye(3), 1e3), nn.ReLU(), linear(np.eye(3), -1e3)), 1, 3),
]


@pytest.mark.parametrize("held", HELD, ids=lambda held: held[0])
def test_true_bounds_pass_attained_ones_too(held: Any) -> None:
    _, module, bound, shape = held
    module = module.eval() if isinstance(module, nn.Module) else module
    assert_lipschitz(module, bound, shape=shape, examples=25)


def test_the_module_is_left_as_it_was() -> None:
    module = nn.Linear(3, 3).eval()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    with pytest.raises(LipschitzViolation):
        assert_lipschitz(module, 0.01, shape=3)
    for name, parameter in module.named_parameters():
        assert parameter.dtype == torch.float32
        assert parameter.requires_grad
        assert parameter.grad is None
        assert torch.equal(parameter, before[name])


def test_float32_rounding_is_not_reported() -> None:
    """In float32 the quotient of near points is off by a tenth; the copy is in float64."""
    layer = linear(np.float32(orthogonal(8)), 1.0).eval()
    norm = np.linalg.norm(layer.weight.detach().double().numpy(), 2)
    assert_lipschitz(layer, norm, shape=8, domain=(-1.0, 1.0))
    x = torch.zeros(2, 8)
    x[1] += 1e-7
    with torch.no_grad():
        moved = layer(x).diff(dim=0).norm() / x.diff(dim=0).norm()
    assert abs(float(moved) - 1) > 0.01


def test_counterexamples_are_small_and_the_same_each_time() -> None:
    messages = []
    for _ in range(2):
        with pytest.raises(LipschitzViolation) as caught:
            assert_nonexpansive(nn.MaxPool1d(2, stride=1).eval(), shape=(1, 5))
        messages.append(str(caught.value))
    assert messages[0] == messages[1]
    assert np.count_nonzero(caught.value.x) <= 1
    assert np.count_nonzero(caught.value.y) <= 1


def test_a_module_without_derivative_is_searched_without() -> None:
    class Detached(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.from_numpy(1.5 * x.detach().numpy())

    with pytest.raises(LipschitzViolation):
        assert_nonexpansive(Detached().eval(), shape=2)


def test_conservation() -> None:
    def total(x: Tensor) -> Tensor:
        return x.sum(-1)

    shift = linear(np.roll(np.eye(4), 1, axis=0)).eval()
    assert_conserves(shift, total, shape=4)
    with pytest.raises(ConservationViolation) as caught:
        assert_conserves(linear(np.diag([1.0, 1.0, 1.0001])).eval(), total, shape=3)
    assert caught.value.change > caught.value.allowed


class Mixing(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x - x.mean(0)


class Pair(nn.Module):
    def forward(self, x: Tensor) -> Any:
        return x, x


@pytest.mark.parametrize(
    ("module", "shape", "error", "complaint"),
    [
        (nn.ReLU(), 2, StructureError, "training mode"),
        (nn.Sequential(nn.ReLU()).eval().append(nn.Dropout()), 2, StructureError, r"mode \(1\)"),
        (Mixing().eval(), 2, StructureError, "other inputs of the batch"),
        (nn.Dropout(0.5).eval().requires_grad_(False).forward, 2, None, ""),
        (Pair().eval(), 2, StructureError, "output of type tuple"),
        (3, 2, StructureError, "module = 3"),
        (torch.log, 2, DomainError, "NaN or infinite"),
        (torch.sum, 2, ShapeError, "outputs of f"),
        (nn.ReLU().eval(), 0, ShapeError, "shape = 0"),
    ],
)
def test_misuse_is_named(module: Any, shape: Any, error: Any, complaint: str) -> None:
    if error is None:
        assert_nonexpansive(module, shape=shape, examples=5)
        return
    with pytest.raises(error, match=complaint):
        assert_nonexpansive(module, shape=shape, examples=5)
