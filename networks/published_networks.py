"""The authors' published networks as modules, with the names of their state dicts.

Written as one writes such layers in PyTorch: a kernel A is used by a convolution and, transposed,
by ``conv_transpose2d``, so that a contractive step is x − h·Aᵀσ(Ax + b). All convolutions are 3×3
with zero padding 1; 3→32→64→128 channels on 32, 16 and 8 pixels, a max-pool of 2 after each block.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..errors import DataError, UnknownNameError
from ..theory.published_steps import REGIMES, Network
from .published_state import CHANNELS, CONVOLUTIONS, FEATURES, read_published_state

ENVIRONMENT_VARIABLE = "FLOWCERT_DATA"


@dataclass(frozen=True)
class Normalisation:
    """The input of a network is (pixel − mean)/deviation, channel by channel, pixels in [0, 1].

    >>> round(1 / min(published_normalisation().deviations), 2)  # the factor from pixels to inputs
    5.02
    """

    means: tuple[float, float, float]
    deviations: tuple[float, float, float]


def published_normalisation() -> Normalisation:
    """Return the means and deviations of the images that the published networks were trained on.

    Those of CIFAR-10. The attacks on the prescribed regime divided by other deviations, which are
    not in our hands. Source: the public repository of arXiv:2210.02373 [P].

    >>> published_normalisation().means
    (0.4914, 0.4822, 0.4465)
    """
    return Normalisation((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010))


class _Block(nn.Module, ABC):
    """A lift, ReLU(rescaling·conv₁x), then the steps of four convolutions."""

    rescaling_count = 3

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__()
        self.u = nn.Parameter(torch.zeros(CONVOLUTIONS))
        self.rescalings = nn.Parameter(torch.ones(self.rescaling_count))
        self.conv1 = nn.Sequential(nn.Conv2d(inputs, channels, 3, padding=1, bias=False))
        self.convs = nn.ModuleList(
            nn.Conv2d(channels, channels, 3, padding=1) for _ in range(CONVOLUTIONS)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.steps(functional.relu(self.rescalings[-1] * self.conv1(x)))

    @abstractmethod
    def steps(self, x: Tensor) -> Tensor:
        """The residual steps after the lift."""

    def convolution(self, i: int) -> nn.Conv2d:
        return cast(nn.Conv2d, self.convs[i])

    def gradient(self, x: Tensor, i: int, slope: float) -> Tensor:
        """Aᵀσ(Ax + b) with the i-th convolution, σ a LeakyReLU of this slope."""
        conv = self.convolution(i)
        return functional.conv_transpose2d(
            functional.leaky_relu(conv(x), slope), conv.weight, padding=1
        )


class NonExpansiveBlock(_Block):
    """Four steps x − |uᵢ|·AᵢᵀReLU(Aᵢx + bᵢ)."""

    def steps(self, x: Tensor) -> Tensor:
        for i in range(CONVOLUTIONS):
            x = x - self.u[i].abs() * self.gradient(x, i, 0.0)
        return x


class PrescribedBlock(_Block):
    """Two pairs, each taken twice: x + h_E·σ(A_E x + b_E), then x − h_C·A_Cᵀσ(A_C x + b_C).

    σ has slope ½, h_E = |u_E|/2 times a rescaling clipped to [0, 1], h_C = |u_C|/2.
    """

    def steps(self, x: Tensor) -> Tensor:
        for i in range(0, CONVOLUTIONS, 2):
            h_E = self.u[i].abs() / 2 * self.rescalings[i // 2].clamp(0.0, 1.0)
            h_C = self.u[i + 1].abs() / 2
            for _ in range(2):
                x = x + h_E * functional.leaky_relu(self.convolution(i)(x), 0.5)
                x = x - h_C * self.gradient(x, i + 1, 0.5)
        return x


class FlexibleBlock(_Block):
    """Two pairs, each with one A: twice x − h_C·Aᵀσ(Ax + b), then x + h_E·AᵀReLU(Ax + b).

    σ has slope ½, h_C = |u_C|/2, h_E = |u_E|. A pair's second convolution takes part in nothing.
    """

    rescaling_count = 1

    def steps(self, x: Tensor) -> Tensor:
        for i in range(0, CONVOLUTIONS, 2):
            for _ in range(2):
                x = x - self.u[i].abs() / 2 * self.gradient(x, i, 0.5)
            x = x + self.u[i + 1].abs() * self.gradient(x, i, 0.0)
        return x


_BLOCKS: dict[Network, type[_Block]] = {
    "non-expansive": NonExpansiveBlock,
    "switching-prescribed": PrescribedBlock,
    "switching-flexible": FlexibleBlock,
}


class PublishedNetwork(nn.Module):
    """Three blocks, each followed by a max-pool of 2, then a dense layer: logits.

    x: normalised images (batch, 3, 32, 32); returns (batch, ``classes``). The steps are computed
    from the parameters in their own precision: ``double()`` gives the exact network of the float32
    weights up to float64. Raises UnknownNameError for a network that does not exist.
    Source: the public repository of arXiv:2210.02373 [P].

    >>> PublishedNetwork("non-expansive").eval()(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    """

    def __init__(self, network: Network, classes: int = 10) -> None:
        super().__init__()
        if network not in _BLOCKS:
            raise UnknownNameError(
                came=f"network {network!r}",
                expected=f"one of {', '.join(_BLOCKS)}",
                remedy="The unconstrained networks of the paper were not published.",
            )
        kind = _BLOCKS[network]
        inputs = (3, *CHANNELS[:-1])
        self.network = network
        self.seq = nn.Sequential(*(kind(i, c) for i, c in zip(inputs, CHANNELS, strict=True)))
        self.pool = nn.MaxPool2d(2)
        self.FC = nn.Sequential(nn.Flatten(), nn.Linear(FEATURES, classes))

    def forward(self, x: Tensor) -> Tensor:
        for block in self.seq:
            x = self.pool(block(x))
        return cast(Tensor, self.FC(x))


def published_module(path: str | PathLike[str], network: Network | None = None) -> PublishedNetwork:
    """Return one of the authors' networks from its state dict: in eval mode, float32, on the CPU.

    ``network`` names the regime; without it the file is recognised. 10 or 100 classes, as the file
    has. The state dict is read without running its pickled code. Raises DataError for a missing,
    truncated or foreign file. Source: the public repository of arXiv:2210.02373 [P].

    >>> published_module("no_such_file.pt")
    Traceback (most recent call last):
        ...
    flowcert.errors.DataError: got no_such_file.pt: ...
    """
    state = read_published_state(path, network)
    module = PublishedNetwork(state.network, state.classes)
    module.load_state_dict(dict(state.tensors))
    return module.requires_grad_(False).eval()


def find_published(network: Network) -> Path:
    """Return the path of a published CIFAR-10 network (margin 0.15), through ``FLOWCERT_DATA``.

    That environment variable names a folder with the files as published, or with a folder
    ``checkpoints`` of them. Raises DataError, with how to get them, and UnknownNameError.

    >>> find_published("unconstrained")
    Traceback (most recent call last):
        ...
    flowcert.errors.UnknownNameError: got network 'unconstrained'; expected one of ...
    """
    if network not in REGIMES:
        raise UnknownNameError(
            came=f"network {network!r}",
            expected=f"one of {', '.join(REGIMES)}",
            remedy="Only three of the authors' networks are known here.",
        )
    name = f"cifar10_{network}_margin0.15.pt"
    given = os.environ.get(ENVIRONMENT_VARIABLE, "")
    remedy = (
        "Get the authors' trained networks from the public repository of arXiv:2210.02373, name "
        f"them so, and set {ENVIRONMENT_VARIABLE} to their folder."
    )
    if not given:
        raise DataError(
            came=f"no environment variable {ENVIRONMENT_VARIABLE}",
            expected=f"the folder that holds {name}",
            remedy=remedy,
        )
    for folder in (Path(given), Path(given) / "checkpoints"):
        if (folder / name).is_file():
            return folder / name
    raise DataError(
        came=f"{ENVIRONMENT_VARIABLE} = {given!r}",
        expected=f"a folder with {name}, or with checkpoints/{name}",
        remedy=remedy,
    )
