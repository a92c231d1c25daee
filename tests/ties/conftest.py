"""The laws that every layer obeys, as functions that a layer's own test calls.

They raise AssertionError (or a named violation, which is one) where a layer breaks them, so that a
test can plant a bug and see the law find it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from flowcert.networks import certify
from flowcert.networks.constraints import maintain_, seal
from flowcert.networks.layers import Affine, Layer
from flowcert.networks.testing import assert_lipschitz
from flowcert.numerics import convolution_matrix

Shape = Sequence[int]


class Laws:
    """Each law takes a layer (of any precision, in training or not) and the shape of one input."""

    def points(self, shape: Shape, count: int = 5, seed: int = 0, size: float = 1.0) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        return size * torch.randn((count, *shape), generator=generator, dtype=torch.float64)

    def agrees_with(
        self,
        layer: nn.Module,
        reference: Callable[[np.ndarray], np.ndarray],
        shape: Shape,
        tolerance: float = 1e-12,
    ) -> None:
        """The forward in torch is the given NumPy map, to 1e-12 in float64.

        ``reference`` maps (count, *shape) to the layer's values; build it from
        ``double(layer)``'s own weights and steps.
        """
        x = self.points(shape)
        with torch.no_grad():
            ours = self.double(layer)(x).numpy()
        theirs = np.asarray(reference(x.numpy()))
        assert ours.shape == theirs.shape
        assert np.abs(ours - theirs).max() <= tolerance * max(1.0, np.abs(theirs).max())

    def written_out(self, affine: Affine) -> tuple[np.ndarray, np.ndarray]:
        """The matrix A and the vector b of an affine map, from its weight and NumPy alone."""
        W = affine.weight.detach().double().numpy()
        b = np.zeros(len(W)) if affine.bias is None else affine.bias.detach().double().numpy()
        if W.ndim == 2:
            return W, b
        _, height, width = affine.operator.input_shape
        padding = "circular" if affine.operator.mode == "circular" else "zero"
        return convolution_matrix(W, height, width, padding), b.repeat(height * width)

    def flat(self, reference: Callable[[np.ndarray], np.ndarray]) -> Callable:
        """A map of vectors as one of images, for layers that keep the shape."""
        return lambda x: np.asarray(reference(x.reshape(len(x), -1))).reshape(x.shape)

    def every(
        self, make: Callable[[], nn.Module], shape: Shape, at_most: float = np.inf
    ) -> nn.Module:
        """All laws but ``agrees_with``, for a layer with random biases, which is returned."""
        layer = make()
        for name, parameter in layer.named_parameters():
            if name.split(".")[-1] in ("bias", "logarithms"):
                nn.init.normal_(parameter)
        self.bounded(copy.deepcopy(layer), shape, at_most)
        self.differentiates(layer, shape)
        self.learns(layer, shape)
        self.survives_saving(copy.deepcopy(layer), make, shape)
        self.survives_moving(layer, shape)
        self.treats_examples_alone(layer, shape)
        return layer

    def double(self, layer: nn.Module) -> nn.Module:
        """A float64 copy in evaluation mode, without gradients, not sealed."""
        return copy.deepcopy(layer).double().eval().requires_grad_(False)

    def bounded(
        self, layer: nn.Module, shape: Shape, at_most: float = np.inf, examples: int = 8
    ) -> float:
        """The sealed layer's certificate cites rule and claim, and no quotient exceeds its bound.

        ``at_most``: what the theorem promises of the bound. Returns the bound.
        """
        sealed = seal(layer.double() if isinstance(layer, nn.Module) else layer)
        certificate = certify(sealed, tuple(shape), effort="quick")
        if isinstance(layer, Layer):
            cited = {
                (candidate.rule, candidate.claim)
                for line in certificate.lines
                for candidate in line.candidates
            }
            assert (layer.rule, layer.claim) in cited, (layer.rule, layer.claim, cited)
        assert certificate.upper <= at_most
        assert_lipschitz(sealed, certificate.upper, shape=tuple(shape), examples=examples)
        return float(certificate.upper)

    def differentiates(self, layer: nn.Module, shape: Shape) -> None:
        """torch's gradients are those of difference quotients, in the input and all parameters."""
        double = copy.deepcopy(layer).double()
        x = self.points(shape, count=2).requires_grad_()
        parameters = [p for p in double.parameters() if p.requires_grad]

        def value(x: Tensor, *_parameters: Tensor) -> Tensor:
            result: Tensor = double(x)
            return result

        assert torch.autograd.gradcheck(value, (x, *parameters), eps=1e-7, atol=1e-5)

    def learns(self, layer: nn.Module, shape: Shape) -> None:
        """Every parameter receives a gradient that is not zero."""
        double = copy.deepcopy(layer).double().train()
        value = double(self.points(shape, count=16))
        (value * self.points(value.shape[1:], count=16, seed=1)).sum().backward()
        for name, parameter in double.named_parameters():
            assert parameter.grad is not None, f"{name} receives no gradient"
            assert float(parameter.grad.abs().max()) > 0.0, f"the gradient of {name} is zero"

    def survives_saving(
        self, layer: nn.Module, make: Callable[[], nn.Module], shape: Shape
    ) -> None:
        """A state dict, through safetensors and into a fresh layer, changes no bit of a value."""
        state = {name: tensor.contiguous() for name, tensor in layer.state_dict().items()}
        fresh = make().to(next(iter(state.values())).dtype) if state else make()
        fresh.load_state_dict(load(save(state)))
        x = self.points(shape).to(next((p.dtype for p in layer.parameters()), torch.float64))
        assert torch.equal(layer.eval()(x), fresh.eval()(x))

    def survives_moving(self, layer: nn.Module, shape: Shape) -> None:
        """To float64 and back, and to a GPU where there is one, nothing changes."""
        single = copy.deepcopy(layer).float().eval()
        x = self.points(shape).float()
        with torch.no_grad():
            before = single(x)
            assert torch.equal(before, copy.deepcopy(single).double().float()(x))
            if torch.cuda.is_available():
                moved = copy.deepcopy(single).double().cuda()(x.double().cuda()).cpu()
                assert torch.allclose(moved, copy.deepcopy(single).double()(x.double()), atol=1e-12)

    def treats_examples_alone(self, layer: nn.Module, shape: Shape) -> None:
        """The value of an example does not depend on the batch that it comes in, beyond 1e-12."""
        double, x = self.double(layer), self.points(shape, count=7)
        with torch.no_grad():
            together = double(x)
            alone = torch.cat([double(row[None]) for row in x])
            turned = double(x.flip(0)).flip(0)
        size = 1e-12 * max(1.0, float(together.abs().max()))
        assert float((together - alone).abs().max()) <= size
        assert float((together - turned).abs().max()) <= size

    def trained(
        self, layer: nn.Module, shape: Shape, optimiser: str, steps: int = 200
    ) -> nn.Module:
        """A copy after so many steps of SGD or Adam towards random values, with ``maintain_``."""
        copied = copy.deepcopy(layer).float().train()
        kinds = {"SGD": (torch.optim.SGD, 0.02), "Adam": (torch.optim.Adam, 0.02)}
        kind, rate = kinds[optimiser]
        parameters = [p for p in copied.parameters() if p.requires_grad]
        stepper = kind(parameters, lr=rate)
        x = self.points(shape, count=16).float()
        with torch.no_grad():
            target = self.points(copied(x).shape[1:], count=16, seed=2).float()
        for _ in range(steps):
            stepper.zero_grad()
            (copied(x) - target).square().mean().backward()
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            stepper.step()
            maintain_(copied)
        return copied


@pytest.fixture
def laws() -> Laws:
    return Laws()


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)
