"""Modules as people write them: each certified, and no quotient exceeds it, or refused by name."""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrizations

from flowcert.errors import DomainError, FlowcertError, StructureError
from flowcert.networks import certify
from flowcert.theory.certificate import Certificate

# ---------------------------------------------------------------------------------- the modules


class BasicBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += self.shortcut(x)
        return self.relu(out)


class Bottleneck(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, 2, 1), nn.BatchNorm2d(2), nn.ReLU(),
            nn.Conv2d(2, 2, 3, padding=1), nn.BatchNorm2d(2), nn.ReLU(),
            nn.Conv2d(2, channels, 1), nn.BatchNorm2d(channels),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.body(x) + x)


class PreActivation(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bn1, self.bn2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv1(functional.relu(self.bn1(x)))
        return x + self.conv2(functional.relu(self.bn2(h)))


class DenseNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList([nn.Conv2d(2 + 3 * i, 3, 3, padding=1) for i in range(3)])
        self.transition = nn.Conv2d(11, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        for conv in self.convs:
            x = torch.cat([x, functional.relu(conv(x))], dim=1)
        return functional.avg_pool2d(self.transition(x), 2)


class UNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down1 = nn.Conv2d(1, 4, 3, padding=1)
        self.down2 = nn.Conv2d(4, 6, 3, padding=1)
        self.up = nn.ConvTranspose2d(6, 4, 2, stride=2)
        self.out = nn.Conv2d(8, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        a = torch.relu(self.down1(x))
        b = torch.relu(self.down2(functional.max_pool2d(a, 2)))
        return self.out(torch.cat([self.up(b), a], 1))


class MobileBlock(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.block = nn.Sequential(
            nn.Conv2d(channels, 6, 1, bias=False), nn.BatchNorm2d(6), nn.ReLU6(),
            nn.Conv2d(6, 6, 3, 1, 1, groups=6, bias=False), nn.BatchNorm2d(6), nn.Hardswish(),
            nn.Conv2d(6, channels, 1, bias=False), nn.BatchNorm2d(channels),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return x + self.block(x)


class ConvNeXtBlock(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=1e-2)
        self.pwconv1 = nn.Linear(channels, 4 * channels)
        self.pwconv2 = nn.Linear(4 * channels, channels)
        self.gamma = nn.Parameter(0.1 * torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        residual = x
        x = self.dwconv(x).permute(0, 2, 3, 1)
        x = self.gamma * self.pwconv2(functional.gelu(self.pwconv1(self.norm(x))))
        return residual + x.permute(0, 3, 1, 2)


class Mixer(nn.Module):
    def __init__(self, tokens: int, channels: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(channels, eps=0.1), nn.LayerNorm(channels, eps=0.1)
        self.tokens = nn.Sequential(nn.Linear(tokens, 6), nn.GELU(), nn.Linear(6, tokens))
        self.channels = nn.Sequential(nn.Linear(channels, 6), nn.GELU(), nn.Linear(6, channels))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.tokens(self.norm1(x).transpose(1, 2)).transpose(1, 2)
        return x + self.channels(self.norm2(x))


class SqueezeExcite(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(channels, 2), nn.Linear(2, channels)

    def forward(self, x: Tensor) -> Tensor:
        b, c, _, _ = x.size()
        s = functional.adaptive_avg_pool2d(x, 1).view(b, c)
        s = torch.sigmoid(self.fc2(functional.relu(self.fc1(s)))).view(b, c, 1, 1)
        return x * s.expand_as(x)


class SelfAttention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.attention(x, x, x)[0]


class OwnAttention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(8, 24)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        scores = q @ k.transpose(-2, -1) / math.sqrt(8)
        return scores.softmax(dim=-1) @ v


class Sequence(nn.Module):
    def __init__(self, kind: type[nn.Module]) -> None:
        super().__init__()
        self.rnn = kind(8, 8, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        out, _ = self.rnn(x)
        return out[:, -1]


class OneCell(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.GRUCell(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        return self.cell(x)


class OwnRecurrence(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inputs, self.hidden = nn.Linear(3, 5), nn.Linear(5, 5)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.zeros(x.size(0), 5, dtype=x.dtype, device=x.device)
        for t in range(x.size(1)):
            h = torch.tanh(self.inputs(x[:, t]) + self.hidden(h))
        return h


class OwnGatedCell(nn.Module):
    """Gates by hand: products of bounded values, finite on a bounded domain."""

    def __init__(self) -> None:
        super().__init__()
        self.gate, self.candidate = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        z = torch.sigmoid(self.gate(x))
        return (1 - z) * x + z * torch.tanh(self.candidate(x))


class MaxMin(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        a, b = x.chunk(2, dim=1)
        return torch.cat([torch.maximum(a, b), torch.minimum(a, b)], dim=1)


class GroupSort(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.unflatten(1, (-1, 2)).sort(dim=2)[0].flatten(1)


class GradientStep(nn.Module):
    """x − h·convᵀ(σ(conv x)), as the residual layers of this field are written."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(0.2 * torch.randn(channels, channels, 3, 3))
        self.bias = nn.Parameter(torch.randn(channels))
        self.step = nn.Parameter(torch.tensor(0.5))

    def forward(self, x: Tensor) -> Tensor:
        h = torch.clamp(self.step, 0.0, 1.0)
        z = functional.leaky_relu(functional.conv2d(x, self.weight, self.bias, padding=1), 0.5)
        return x - h * functional.conv_transpose2d(z, self.weight, padding=1)


class InvertibleBlock(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            [parametrizations.spectral_norm(nn.Linear(6, 6)) for _ in range(2)]
        )

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = x + 0.9 * functional.elu(layer(x))
        return x


class Leapfrog(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.A, self.B = nn.Linear(4, 4), nn.Linear(4, 4)
        self.h = 0.1

    def forward(self, x: Tensor) -> Tensor:
        q, p = x.chunk(2, dim=-1)
        for _ in range(2):
            p = p - self.h * torch.tanh(self.A(q)) @ self.A.weight
            q = q + self.h * torch.tanh(self.B(p)) @ self.B.weight
        return torch.cat([q, p], dim=-1)


class SkipConcat(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(5, 7), nn.Linear(12, 7), nn.Linear(12, 2)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.relu(self.fc1(x))
        h = torch.relu(self.fc2(torch.cat((h, x), dim=-1)))
        return self.fc3(torch.cat((h, x), dim=-1))


class FourierFeatures(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("B", torch.randn(2, 16))
        self.net = nn.Sequential(nn.Linear(32, 8), nn.ReLU(), nn.Linear(8, 3))

    def forward(self, x: Tensor) -> Tensor:
        projected = 2 * math.pi * x @ self.B
        return self.net(torch.cat([projected.sin(), projected.cos()], dim=-1))


class TiedAutoencoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, 9))
        self.b, self.c = nn.Parameter(torch.randn(4)), nn.Parameter(torch.randn(9))

    def forward(self, x: Tensor) -> Tensor:
        code = torch.sigmoid(functional.linear(x, self.weight, self.b))
        return functional.linear(code, self.weight.t(), self.c)


class Functional(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        x = functional.leaky_relu(x * 2 - 1, 0.2)
        return functional.pad(x.mean(dim=1), (1, 1)).flatten(1) / 3


class Apply(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[[Tensor], Any], **layers: nn.Module) -> None:
        super().__init__()
        self.function = function
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, x: Tensor) -> Any:
        return self.function(x)


class Branch(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x if x.sum() > 0 else -2 * x


@torch.library.custom_op("flowcert_tests::cube", mutates_args=())
def cube(x: Tensor) -> Tensor:
    return x**3


@cube.register_fake
def _(x: Tensor) -> Tensor:
    return torch.empty_like(x)


class Swish(torch.autograd.Function):
    """An own derivative, as people write it for speed: what counts is the forward."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x * torch.sigmoid(x)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        s = torch.sigmoid(x)
        return grads[0] * (s + x * s * (1 - s))


def mlp(*widths: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for a, b in itertools.pairwise(widths):
        layers += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


# ---------------------------------------------------------------------------------- the cases


@dataclass(frozen=True)
class Case:
    make: Callable[[], nn.Module]
    shape: tuple[int, ...]
    domain: tuple[float, float] | None = None


CERTIFIED: dict[str, Case] = {
    "MLP": Case(lambda: mlp(4, 8, 8, 3), (4,)),
    "tanh MLP": Case(lambda: nn.Sequential(nn.Linear(4, 9), nn.Tanh(), nn.Linear(9, 1)), (4,)),
    "CNN": Case(
        lambda: nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(4, 6, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(6, 3),
        ),
        (1, 8, 8),
    ),
    "ResNet BasicBlock": Case(lambda: BasicBlock(2, 3, 2), (2, 6, 6)),
    "ResNet BasicBlock, identity": Case(lambda: BasicBlock(3, 3, 1), (3, 5, 5)),
    "ResNet Bottleneck": Case(lambda: Bottleneck(4), (4, 5, 5)),
    "pre-activation": Case(lambda: PreActivation(3), (3, 5, 5)),
    "DenseNet": Case(DenseNet, (2, 6, 6)),
    "U-Net": Case(UNet, (1, 8, 8)),
    "MobileNet": Case(lambda: MobileBlock(3), (3, 5, 5)),
    "ConvNeXt": Case(lambda: ConvNeXtBlock(3), (3, 6, 6)),
    "GroupNorm net": Case(
        lambda: nn.Sequential(
            nn.Conv2d(2, 4, 3, padding=1), nn.GroupNorm(2, 4, eps=0.01), nn.SiLU(),
            nn.Flatten(), nn.Linear(100, 2),
        ),
        (2, 5, 5),
    ),
    "MLP-Mixer": Case(lambda: Mixer(5, 4), (5, 4)),
    "squeeze and excite": Case(lambda: SqueezeExcite(4), (4, 3, 3), (-1.0, 1.0)),
    "own recurrence": Case(OwnRecurrence, (4, 3)),
    "own gated cell": Case(OwnGatedCell, (4,), (0.0, 1.0)),
    "MaxMin net": Case(
        lambda: nn.Sequential(nn.Linear(4, 8), MaxMin(), nn.Linear(8, 8), MaxMin()), (4,)
    ),
    "GroupSort net": Case(
        lambda: nn.Sequential(nn.Linear(4, 8), GroupSort(), nn.Linear(8, 2)), (4,)
    ),
    "spectral_norm MLP": Case(
        lambda: nn.Sequential(
            parametrizations.spectral_norm(nn.Linear(5, 6)), nn.ReLU(),
            parametrizations.spectral_norm(nn.Linear(6, 2)),
        ),
        (5,),
    ),
    "old spectral_norm": Case(
        lambda: nn.Sequential(nn.utils.spectral_norm(nn.Linear(5, 6)), nn.ReLU()), (5,)
    ),
    "orthogonal MLP": Case(
        lambda: nn.Sequential(
            parametrizations.orthogonal(nn.Linear(5, 5)), nn.LeakyReLU(0.5),
            parametrizations.orthogonal(nn.Linear(5, 3)),
        ),
        (5,),
    ),
    "weight_norm MLP": Case(
        lambda: nn.Sequential(parametrizations.weight_norm(nn.Linear(5, 6)), nn.Softplus()), (5,)
    ),
    "VGG with dropout": Case(
        lambda: nn.Sequential(
            nn.Conv2d(1, 3, 3, padding=1), nn.ReLU(True), nn.Conv2d(3, 3, 3, padding=1),
            nn.ReLU(True), nn.MaxPool2d(2, 2), nn.Flatten(), nn.Dropout(0.5), nn.Linear(27, 5),
            nn.ReLU(True), nn.Dropout(0.5), nn.Linear(5, 2),
        ),
        (1, 6, 6),
    ),
    "gradient step by hand": Case(lambda: GradientStep(2), (2, 5, 5)),
    "i-ResNet": Case(InvertibleBlock, (6,)),
    "leapfrog": Case(Leapfrog, (8,)),
    "pixel-unshuffle front": Case(
        lambda: nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(4, 3, 3, padding=1), nn.GELU()),
        (1, 6, 6),
    ),
    "skips by concatenation": Case(SkipConcat, (5,)),
    "softmax output": Case(lambda: nn.Sequential(mlp(4, 6, 3), nn.Softmax(dim=1)), (4,)),
    "log-softmax output": Case(lambda: nn.Sequential(mlp(4, 6, 3), nn.LogSoftmax(-1)), (4,)),
    "functions only": Case(Functional, (3, 4, 4)),
    "flatten, unflatten": Case(
        lambda: nn.Sequential(
            nn.Flatten(), nn.Linear(18, 12), nn.Unflatten(1, (3, 2, 2)), nn.Conv2d(3, 2, 2)
        ),
        (2, 3, 3),
    ),
    "1-D audio net": Case(
        lambda: nn.Sequential(
            nn.Conv1d(1, 4, 5, stride=2), nn.BatchNorm1d(4), nn.ReLU(), nn.MaxPool1d(2),
            nn.Conv1d(4, 2, 3, dilation=2), nn.AdaptiveAvgPool1d(1), nn.Flatten(),
        ),
        (1, 32),
    ),
    "global average pooling": Case(
        lambda: nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)
        ),
        (1, 6, 6),
    ),
    "adaptive pooling": Case(
        lambda: nn.Sequential(nn.AdaptiveMaxPool2d(3), nn.Conv2d(1, 2, 3)), (1, 7, 5)
    ),
    "overlapping max-pool": Case(
        lambda: nn.Sequential(nn.MaxPool2d(3, 1, 1), nn.MaxPool2d(3, 1, 1)), (1, 5, 5)
    ),
    "upsampling decoder": Case(
        lambda: nn.Sequential(
            nn.Linear(4, 8), nn.Unflatten(1, (2, 2, 2)), nn.Upsample(scale_factor=2),
            nn.Conv2d(2, 2, 3, padding=1), nn.ReLU(),
            nn.Upsample(scale_factor=2, mode="bilinear"), nn.Conv2d(2, 1, 3, padding=1),
        ),
        (4,),
    ),
    "Fourier features": Case(FourierFeatures, (2,)),
    "tied autoencoder": Case(TiedAutoencoder, (9,)),
    "identity": Case(nn.Identity, (3,)),
    "PReLU net": Case(lambda: nn.Sequential(nn.Conv2d(1, 3, 3), nn.PReLU(3)), (1, 5, 5)),
    "circular and reflected": Case(
        lambda: nn.Sequential(
            nn.Conv2d(1, 2, 3, padding=1, padding_mode="circular"), nn.Tanh(),
            nn.Conv2d(2, 1, 3, padding=1, padding_mode="reflect"),
        ),
        (1, 5, 5),
    ),
    "instance norm, style": Case(
        lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.InstanceNorm2d(2, eps=0.1), nn.ReLU()),
        (1, 5, 5),
    ),
    "normalised output": Case(
        lambda: Apply(lambda x: functional.normalize(x, dim=1, eps=0.5)), (3,), (-1.0, 1.0)
    ),
    "own autograd function": Case(lambda: Apply(Swish.apply), (3,), (-2.0, 2.0)),
}  # fmt: skip


@dataclass(frozen=True)
class Refusal:
    make: Callable[[], nn.Module]
    shape: tuple[int, ...]
    names: tuple[str, ...]  # what the message must name
    error: type[FlowcertError] = StructureError
    domain: tuple[float, float] | None = None


def with_nan() -> nn.Module:
    module = mlp(3, 4, 2)
    with torch.no_grad():
        module[2].weight[1, 2] = math.nan
    return module


REFUSED: dict[str, Refusal] = {
    "multi-head attention": Refusal(SelfAttention, (4, 8), ("attention",)),
    "own attention": Refusal(OwnAttention, (4, 8), ("matmul", "OwnAttention")),
    "transformer layer": Refusal(
        lambda: nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), (4, 8), ("self_attn",)
    ),
    "LSTM": Refusal(lambda: Sequence(nn.LSTM), (4, 8), ("lstm", "rnn (LSTM)")),
    "GRU": Refusal(lambda: Sequence(nn.GRU), (4, 8), ("gru", "rnn (GRU)")),
    "GRU cell": Refusal(OneCell, (8,), ("gru_cell", "cell (GRUCell)")),
    "gates without a domain": Refusal(OwnGatedCell, (4,), ("product", "domain=")),
    "squeeze and excite without a domain": Refusal(
        lambda: SqueezeExcite(4), (4, 3, 3), ("product", "domain=")
    ),
    "normalised without a margin": Refusal(
        lambda: Apply(lambda x: x / x.norm(dim=1, keepdim=True)), (3,), ("reciprocal",),
        domain=(-1.0, 1.0),
    ),
    "data-dependent branch": Refusal(Branch, (3,), ("Branch", "cannot be traced")),
    "a number read out": Refusal(
        lambda: Apply(lambda x: x * float(x.max())), (3,), ("cannot be traced",)
    ),
    "NumPy inside": Refusal(
        lambda: Apply(lambda x: torch.from_numpy(np.sin(x.numpy()))), (3,), ("cannot be traced",)
    ),
    "batch mixing": Refusal(lambda: Apply(lambda x: x - x.mean(0)), (3,), ("mean", "batch")),
    "batch moved": Refusal(lambda: Apply(torch.t), (3,), ("operation 't'", "batch")),
    "batch broadcast against channels": Refusal(
        lambda: Apply(lambda x: x + x.mean(1)), (2, 8), ("add", "batch")
    ),
    "a constant for each place in the batch": Refusal(
        lambda: Apply(lambda x: x + torch.arange(2.0)[:, None]), (3,), ("add", "batch")
    ),
    "matrix product over the batch": Refusal(
        lambda: Apply(lambda x: torch.ones(2, 2) @ x), (3,), ("matmul", "batch")
    ),
    "reshaped through the batch": Refusal(
        lambda: Apply(lambda x: x.reshape(-1, 2)), (3,), ("reshape", "batch")
    ),
    "flipped batch": Refusal(lambda: Apply(lambda x: x.flip(0)), (3,), ("flip", "batch")),
    "softmax over the batch": Refusal(
        lambda: Apply(lambda x: x.softmax(0)), (3,), ("softmax", "batch")
    ),
    "convolution of the batch as channels": Refusal(
        lambda: nn.Conv2d(2, 2, 1), (4, 4), ("conv2d", "batch")
    ),
    "training mode": Refusal(lambda: mlp(3, 4).train(), (3,), ("training", "0", "eval()")),
    "batch norm in training mode": Refusal(
        lambda: Apply(lambda x: x, bn=nn.BatchNorm1d(3).train()), (3,), ("training", "bn")
    ),
    "batch norm without statistics": Refusal(
        lambda: nn.BatchNorm1d(3, track_running_stats=False), (3,), ("statistics of the batch",)
    ),
    "NaN weight": Refusal(with_nan, (3,), ("2.weight", "NaN"), DomainError),
    "unknown operation": Refusal(
        lambda: Apply(lambda x: cube(x)), (3,), ("flowcert_tests::cube", "certify.rule")
    ),
    "comparison": Refusal(lambda: Apply(lambda x: torch.where(x > 0, x, -1.0)), (3,), ("gt",)),
    "an argument without a meaning here": Refusal(
        lambda: Apply(lambda x: x.cumsum(1, dtype=torch.float64)), (3,), ("cumsum", "dtype")
    ),
    "rounding": Refusal(lambda: Apply(torch.round), (3,), ("round", "jumps")),
    "random dropout": Refusal(lambda: Apply(functional.dropout), (3,), ("told to train",)),
    "random noise": Refusal(
        lambda: Apply(lambda x: x + torch.randn(3)), (3,), ("random numbers at",)
    ),
    "FFT": Refusal(lambda: Apply(lambda x: torch.fft.rfft(x).abs()), (8,), ("fft",)),
    "two results": Refusal(lambda: Apply(lambda x: (x, 2 * x)), (3,), ("2 results",)),
    "constant result": Refusal(lambda: Apply(lambda x: torch.ones(2, 3)), (3,), ("depend",)),
    "wrong input shape": Refusal(lambda: mlp(3, 4), (5,), ("Sequential", "(2, 5)"), FlowcertError),
    "half precision inside": Refusal(lambda: Apply(lambda x: x.half()), (3,), ("float16", "jumps")),
}  # fmt: skip


# ---------------------------------------------------------------------------------- the tests


def lively(module: nn.Module) -> nn.Module:
    """In evaluation mode, with statistics that are not those of a fresh module."""
    module.eval()
    for part in module.modules():
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            part.running_mean.normal_()
            part.running_var.uniform_(0.1, 2.0)
            part.weight.data.normal_()
    return module


def quotients(module: nn.Module, case: Case, count: int = 24) -> Tensor:
    """Jacobian norms at points on all scales, and difference quotients between them."""
    module = module.double()
    x = torch.randn(count, *case.shape, dtype=torch.float64)
    x = x * 10.0 ** torch.linspace(-4, 2, count, dtype=torch.float64).reshape(
        -1, *[1] * len(case.shape)
    )
    if case.domain is not None:
        x = x.clamp(*case.domain)
    function = lambda one: module(one[None].clone())[0].flatten()  # noqa: E731  # of one example
    jacobians = [
        torch.autograd.functional.jacobian(function, one).reshape(-1, one.numel()) for one in x
    ]
    slopes = torch.stack([torch.linalg.matrix_norm(j, 2) for j in jacobians])
    with torch.no_grad():
        images = torch.stack([function(one) for one in x])
    apart = torch.pdist(x.flatten(1))
    usable = apart > 1e-3
    return torch.cat([slopes, torch.pdist(images)[usable] / apart[usable]])


def certified(module: nn.Module, case: Case) -> Certificate:
    return certify(module, case.shape, domain=case.domain, effort="none")


@pytest.mark.parametrize("name", CERTIFIED)
def test_no_quotient_exceeds_the_certificate(name: str) -> None:
    case = CERTIFIED[name]
    torch.manual_seed(0)
    module = lively(case.make())
    certificate = certified(module, case)
    found = float(quotients(module, case).max())
    assert found <= certificate.upper * (1 + 1e-9)
    assert certificate.upper < 1e6 * max(found, 1e-3)  # not merely a number so large that it holds


@pytest.mark.parametrize("scale", [1e-3, 1e4])
@pytest.mark.parametrize("name", ["MLP", "CNN", "ResNet BasicBlock", "U-Net", "leapfrog"])
def test_weights_of_other_scales(name: str, scale: float) -> None:
    case = CERTIFIED[name]
    torch.manual_seed(0)
    module = lively(case.make())
    with torch.no_grad():
        for weight in module.parameters():
            weight.mul_(scale)
    assert float(quotients(module, case).max()) <= certified(module, case).upper * (1 + 1e-9)


def test_the_test_would_see_a_bound_that_is_too_small() -> None:
    """The quotients come near the truth: half of an exact bound would be exceeded."""
    case = Case(lambda: nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 1)), (4,))
    torch.manual_seed(0)
    module = case.make().eval()
    assert float(quotients(module, case).max()) > 0.5 * certified(module, case).upper


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_names_what_and_where(name: str) -> None:
    case = REFUSED[name]
    module = case.make()
    if "training" not in name:
        module.eval()
    with pytest.raises(case.error) as caught:
        certify(module, case.shape, domain=case.domain, effort="none")
    message = str(caught.value)
    assert all(part in message for part in case.names), message
    assert "\n" not in message
