"""What a layer keeps, along a hundred of them, in both precisions."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor, nn

from flowcert.networks.testing import assert_conserves

Quantity = Callable[[Tensor], Tensor]


class Keeps:
    """Laws of conserved quantities; each raises AssertionError where one moves."""

    def one(self, layer: nn.Module, quantity: Quantity, shape: Sequence[int]) -> None:
        """Whatever the input is, the searched drift of one layer is rounding."""
        layer = layer.eval()
        assert_conserves(layer, quantity, shape=tuple(shape), examples=20, tolerance=1e-11)
        trained = layer.train()(torch.ones(1, *shape, dtype=torch.float64))
        assert torch.equal(trained, layer.eval()(torch.ones(1, *shape, dtype=torch.float64)))

    def hundred(
        self, make: Callable[[], nn.Module], quantity: Quantity, shape: Sequence[int]
    ) -> None:
        """Through a hundred layers the quantity moves by their roundings, in both precisions."""
        network = nn.Sequential(*(make() for _ in range(100)))
        for dtype in (torch.float32, torch.float64):
            x = torch.randn(20, *shape, generator=torch.Generator().manual_seed(3)).to(dtype)
            with torch.no_grad():
                y = network.to(dtype)(x)
            assert float((y - x).abs().max()) > 0.1  # they do something
            drift = float((quantity(y).double() - quantity(x).double()).abs().max())
            size = max(1.0, float(x.abs().max()), float(y.abs().max()))
            roundings = 4 * 100 * torch.finfo(dtype).eps
            assert drift <= roundings * size * quantity(x).abs().max().clamp(min=1.0)

    def tangent(self, layer: nn.Module, n: int) -> Callable[[Tensor], Tensor]:
        """(x, u₁, …) ↦ (f(x), Df u₁, …), all of n entries: how the layer carries small vectors."""

        def carried(state: Tensor) -> Tensor:
            x, *edges = state.split(n, dim=1)
            with warnings.catch_warnings():
                # What torch loads for forward derivatives uses what torch itself deprecates.
                warnings.filterwarnings("ignore", ".*torch.jit", DeprecationWarning)
                images = [torch.func.jvp(layer, (x,), (u,)) for u in edges]
            return torch.cat([images[0][0], *(moved for _, moved in images)], dim=1)

        return carried

    def volume(self, layer: nn.Module, n: int) -> None:
        """The volume of the parallelepiped of n small vectors stays what it was."""

        def spanned(state: Tensor) -> Tensor:
            return torch.linalg.det(state[:, n:].reshape(-1, n, n))

        moved, shape = self.tangent(layer.eval(), n), n + n * n
        assert_conserves(moved, spanned, shape=shape, domain=(-3, 3), examples=5, tolerance=1e-10)

    def symplectic_form(self, layer: nn.Module, n: int) -> None:
        """uᵀJv of two small vectors stays what it was: DᵀJD = J."""

        def form(state: Tensor) -> Tensor:
            q, p, s, t = state[:, n:].split(n // 2, dim=1)
            return (q * t - p * s).sum(-1)

        moved = self.tangent(layer.eval(), n)
        assert_conserves(moved, form, shape=3 * n, domain=(-3, 3), examples=5, tolerance=1e-10)


@pytest.fixture
def keeps() -> Keeps:
    return Keeps()
