"""Every translation of an operation: the graph computes in NumPy what the module computes."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from flowcert.errors import StructureError
from flowcert.networks.certify import trace
from flowcert.networks.certify.tracing import Traced
from flowcert.theory.certificate import derive
from flowcert.theory.certificate.operations import SINGLE
from flowcert.theory.certificate.rules import read_operations

Array = NDArray[np.float64]
IMAGE = (3, 8, 6)


class Function(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Any:
        return self.function(x)


@pytest.fixture(autouse=True)
def _double() -> Iterator[None]:
    """Constants written in a forward are float64 here."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def evaluated(traced: Traced, x: Array) -> Array:
    """The graph's output by NumPy, node by node."""
    operations = read_operations(traced.graph, traced.weights)
    values = {traced.graph.input.name: x}
    for node in traced.graph.nodes[1:]:
        inputs = (values[name] for name in node.inputs)
        values[node.name] = operations[node.name].evaluate(*inputs)
        assert values[node.name].shape == (len(x), *node.shape)
    return values[traced.graph.output]


def randomised(module: nn.Module, seed: int = 0) -> nn.Module:
    """Every parameter and statistic random, so that none can be forgotten unseen."""
    generator = torch.Generator().manual_seed(seed)
    module = module.double().eval()
    with torch.no_grad():
        for tensor in [*module.parameters(), *module.buffers()]:
            if tensor.is_floating_point():
                tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.25)
    return module


def agree(module: nn.Module, shape: tuple[int, ...]) -> Traced:
    x = np.random.default_rng(1).normal(size=(3, *shape))
    traced = trace(module, shape)
    with torch.no_grad():
        expected = module(torch.tensor(x)).numpy()
    found = evaluated(traced, x)
    assert found.shape == expected.shape
    assert np.max(np.abs(found - expected)) <= 1e-10 * max(1.0, float(np.max(np.abs(expected))))
    return traced


def weight(*shape: int) -> Tensor:
    """Some numbers, as a constant that is computed while tracing."""
    return torch.cos(1.7 * torch.arange(math.prod(shape), dtype=torch.float64)).reshape(shape)


def write_into(x: Tensor) -> Tensor:
    y = torch.zeros_like(x)
    y[:, :2] = x[:, 1:]
    y[:, 2] += x[:, 0] - 1.0
    y[:, :, ::3] = 0.5
    y[..., 1] = x[..., 2]
    y[:, 0] = weight(8, 6)
    y[:, 1, 2:4] = weight(1)
    return y


LAYERS: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
    "linear": (nn.Linear(6, 4), (6,)),
    "linear without bias, on an image": (nn.Linear(6, 4, bias=False), IMAGE),
    "conv1d": (nn.Conv1d(3, 4, 3, stride=2, padding=1, dilation=2), (3, 11)),
    "conv2d": (nn.Conv2d(3, 4, 3, padding=(1, 2)), IMAGE),
    "conv2d grouped": (nn.Conv2d(4, 6, 3, stride=2, groups=2), (4, 8, 6)),
    "conv2d depthwise": (nn.Conv2d(4, 8, 3, padding=1, groups=4), (4, 8, 6)),
    "conv2d same, even kernel": (nn.Conv2d(3, 4, 4, padding="same"), IMAGE),
    "conv2d same, dilated": (nn.Conv2d(3, 4, (2, 3), padding="same", dilation=(3, 1)), IMAGE),
    "conv2d valid": (nn.Conv2d(3, 4, 3, padding="valid"), IMAGE),
    "conv2d circular": (nn.Conv2d(3, 4, 3, padding=(1, 2), padding_mode="circular"), IMAGE),
    "conv2d circular same": (nn.Conv2d(3, 4, 4, padding="same", padding_mode="circular"), IMAGE),
    "conv2d reflect": (nn.Conv2d(3, 4, 3, padding=2, padding_mode="reflect"), IMAGE),
    "conv2d replicate": (nn.Conv2d(3, 4, 3, padding=2, padding_mode="replicate"), IMAGE),
    "conv3d": (nn.Conv3d(2, 3, 2, padding=1), (2, 4, 3, 5)),
    "conv_transpose1d": (nn.ConvTranspose1d(3, 4, 3, stride=2), (3, 7)),
    "conv_transpose2d": (
        nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2),
        (4, 5, 6),
    ),
    "conv_transpose3d": (nn.ConvTranspose3d(2, 3, 2, stride=2), (2, 3, 2, 3)),
    "batch_norm1d": (nn.BatchNorm1d(5), (5,)),
    "batch_norm2d": (nn.BatchNorm2d(3), IMAGE),
    "batch_norm2d without weights": (nn.BatchNorm2d(3, affine=False), IMAGE),
    "layer_norm": (nn.LayerNorm(6), IMAGE),
    "layer_norm over two axes": (nn.LayerNorm((8, 6)), IMAGE),
    "layer_norm without weights": (nn.LayerNorm(6, elementwise_affine=False), IMAGE),
    "group_norm": (nn.GroupNorm(2, 6), (6, 4, 3)),
    "instance_norm": (nn.InstanceNorm2d(3, affine=True), IMAGE),
    "instance_norm, running": (nn.InstanceNorm2d(3, track_running_stats=True), IMAGE),
    "instance_norm1d": (nn.InstanceNorm1d(3), (3, 9)),
    "max_pool1d": (nn.MaxPool1d(2), (3, 8)),
    "max_pool2d": (nn.MaxPool2d(2), IMAGE),
    "max_pool2d overlapping": (nn.MaxPool2d(3, 2, 1, ceil_mode=True), IMAGE),
    "max_pool2d dilated": (nn.MaxPool2d(2, 1, dilation=(2, 3)), IMAGE),
    "max_pool3d": (nn.MaxPool3d(2, stride=1), (2, 4, 3, 5)),
    "adaptive_max_pool2d": (nn.AdaptiveMaxPool2d((3, 4)), IMAGE),
    "avg_pool1d": (nn.AvgPool1d(3, 2), (3, 8)),
    "avg_pool2d": (nn.AvgPool2d(2), IMAGE),
    "avg_pool2d padded": (nn.AvgPool2d(3, 2, 1), IMAGE),
    "avg_pool2d padded, not counted": (nn.AvgPool2d(3, 2, 1, count_include_pad=False), IMAGE),
    "avg_pool2d ceil": (nn.AvgPool2d(3, 2, 1, ceil_mode=True), IMAGE),
    "avg_pool2d divisor": (nn.AvgPool2d(3, 2, divisor_override=5), IMAGE),
    "avg_pool3d": (nn.AvgPool3d(2), (2, 4, 4, 6)),
    "adaptive_avg_pool2d": (nn.AdaptiveAvgPool2d((3, 4)), IMAGE),
    "global average": (nn.AdaptiveAvgPool2d(1), IMAGE),
    "upsample nearest": (nn.Upsample(scale_factor=2), IMAGE),
    "upsample bilinear": (nn.Upsample(scale_factor=2, mode="bilinear"), IMAGE),
    "upsample bilinear aligned": (
        nn.Upsample((5, 11), mode="bilinear", align_corners=True),
        IMAGE,
    ),
    "upsample bilinear of one pixel": (nn.Upsample((3, 4), mode="bilinear"), (2, 1, 1)),
    "upsample linear": (nn.Upsample(size=13, mode="linear"), (3, 8)),
    "upsample trilinear": (nn.Upsample(scale_factor=2, mode="trilinear"), (2, 3, 2, 4)),
    "pixel_unshuffle": (nn.PixelUnshuffle(2), IMAGE),
    "pixel_shuffle": (nn.PixelShuffle(2), (8, 3, 5)),
    "channel_shuffle": (nn.ChannelShuffle(2), (4, 3, 5)),
    "flatten": (nn.Flatten(), IMAGE),
    "unflatten": (nn.Unflatten(1, (3, 4)), (12, 5)),
    "zero pad": (nn.ZeroPad2d((1, 2, 0, 3)), IMAGE),
    "cropping pad": (nn.ZeroPad2d((1, -2, -1, 3)), IMAGE),
    "circular pad, cropping": (nn.CircularPad2d((1, -1, -2, 2)), IMAGE),
    "circular pad, cropping, one axis": (nn.CircularPad1d((1, -1)), (2, 5)),
    "circular pad, cropping, three axes": (nn.CircularPad3d((2, -1, -1, 1, -1, -1)), (2, 4, 5, 6)),
    "circular pad, cropping, conv": (
        nn.Sequential(nn.CircularPad2d((1, -1, 2, 1)), nn.Conv2d(3, 4, 3)),
        IMAGE,
    ),
    "reflection pad, cropping": (nn.ReflectionPad2d((1, -1, -2, 2)), IMAGE),
    "reflection pad, cropping, conv": (
        nn.Sequential(nn.ReflectionPad1d((2, -1)), nn.Conv1d(2, 3, 3)),
        (2, 5),
    ),
    "replication pad, cropping": (nn.ReplicationPad2d((1, -1, -2, 2)), IMAGE),
    "replication pad, cropping, three axes": (
        nn.ReplicationPad3d((2, -1, -1, 1, -1, 2)),
        (2, 4, 5, 6),
    ),
    "constant pad": (nn.ConstantPad2d((1, 2, 0, 3), 0.7), IMAGE),
    "constant pad, cropping": (nn.ConstantPad2d((-1, 2, 1, -3), 0.7), IMAGE),
    "reflection pad": (nn.ReflectionPad2d((1, 2, 0, 3)), IMAGE),
    "replication pad": (nn.ReplicationPad2d((1, 2, 0, 3)), IMAGE),
    "circular pad": (nn.CircularPad2d((1, 2, 0, 3)), IMAGE),
    "pad, pad, conv": (nn.Sequential(nn.ZeroPad2d(1), nn.Conv2d(3, 4, 3, padding=1)), IMAGE),
    "circular pad, padded conv": (
        nn.Sequential(nn.CircularPad2d(1), nn.Conv2d(3, 4, 3, padding=1)),
        IMAGE,
    ),
    "dropout": (nn.Sequential(nn.Dropout(0.5), nn.Dropout2d(0.3)), IMAGE),
    "identity": (nn.Sequential(nn.Identity(), nn.Tanh()), IMAGE),
    "softmax": (nn.Softmax(dim=1), IMAGE),
    "log_softmax": (nn.LogSoftmax(dim=-1), IMAGE),
    "prelu": (nn.PReLU(), IMAGE),
    "prelu, a slope each channel": (nn.PReLU(3), IMAGE),
}
ACTIVATIONS: list[nn.Module] = [
    *(nn.ReLU(), nn.ReLU(inplace=True), nn.LeakyReLU(0.3), nn.ReLU6(), nn.Hardtanh(-0.3, 0.4)),
    *(nn.ELU(0.7), nn.CELU(0.7), nn.SELU(), nn.GELU(), nn.GELU("tanh"), nn.SiLU(), nn.Mish()),
    *(nn.Sigmoid(), nn.Tanh(), nn.Softplus(2.0, 25.0), nn.Softsign(), nn.Tanhshrink()),
    *(nn.Hardswish(), nn.Hardsigmoid(), nn.LogSigmoid(), nn.Softshrink(0.2), nn.RReLU()),
    *(nn.Threshold(0.1, 0.1), nn.GLU(1)),
]
FUNCTIONS: dict[str, Callable[[Tensor], Any]] = {
    "arithmetic": lambda x: 3 - (2 * x - 1.5) / 3 + x / 4 - (-x) + torch.sub(x, x.abs(), alpha=2),
    "constants": lambda x: (x * weight(3, 1, 1) + weight(6)) / (1 + weight(8, 1).abs()) - weight(1),
    "a constant with a batch axis": lambda x: x + weight(1, 3, 8, 6) * torch.ones(1, 1, 1, 1),
    "a constant row each example": lambda x: x + torch.zeros(x.shape[0], 3, 1, 1) - 1,
    "broadcast by constants": lambda x: x[:, :1] * weight(5, 1, 1),
    "broadcast values": lambda x: x[:, :1] + x[:, :, :1] * 2,
    "constant minus value": lambda x: weight(6) - x,
    "reversed constant": lambda x: torch.add(weight(6), x, alpha=0.5),
    "product": lambda x: x * x.sigmoid(),
    "quotient": lambda x: x / (1 + x.exp()),
    "square": lambda x: x**2 + x.square() + x.pow(1),
    "root": lambda x: (1 + x.abs()).sqrt() + (2 + x.abs()).log() + 1 / (2 + x.abs()),
    "waves": lambda x: torch.cat([x.sin(), x.cos(), x.atan(), x.erf()], 1),
    "clamp": lambda x: x.clamp(-0.5, 0.7) + x.clamp(min=0.1) + x.clamp(max=0.1) + x.clamp_min(0),
    "in place": lambda x: x.clone().add_(1).mul_(2).relu_().neg_(),
    "two extrema": lambda x: torch.maximum(x, 1 - x) + torch.minimum(x, x.abs() - 1),
    "extrema with constants": lambda x: torch.maximum(x, weight(6)) - torch.min(weight(6), x),
    "reductions": lambda x: x.mean((2, 3)) + x.sum((-1, -2)) + x.flatten(2).mean(-1),
    "kept reductions": lambda x: x.mean(1, True) + x.amax((1, 2), True) + x.amin(3, True),
    "maxima": lambda x: x.max(1).values.min(-1)[0],
    "cumulative sum": lambda x: x.cumsum(2),
    "sort": lambda x: x.sort(1, descending=True).values + x.sort(-1)[0],
    "topk": lambda x: torch.cat([x.topk(2, 1).values, x.topk(2, 1, largest=False)[0]], 1),
    "median": lambda x: x.median(2).values + x.kthvalue(3, 2).values,
    "logsumexp": lambda x: x.logsumexp(1) + x.logsumexp(1, keepdim=True).squeeze(1),
    "norms": lambda x: x.norm(dim=1) + torch.linalg.vector_norm(x, dim=1),
    "norm of all": lambda x: torch.linalg.vector_norm(x.flatten(1), dim=1, keepdim=True),
    "matmul": lambda x: weight(5, 8) @ x @ weight(6, 2),
    "matrix and vector": lambda x: x @ weight(6),
    "flat matmul": lambda x: x.flatten(1) @ weight(144, 4),
    "flat matmul, two rows": lambda x: x[:, :2, 0, 0] @ weight(1, 4).expand(2, 4),
    "flat matmul, one row": lambda x: x.flatten(1)[:, :1] @ weight(1, 4),
    "vector and matrix": lambda x: weight(8) @ x,
    "addmm": lambda x: torch.addmm(weight(4), x.flatten(1), weight(144, 4)),
    "linear function": lambda x: functional.linear(x, weight(4, 6), weight(4)),
    "einsum channels": lambda x: torch.einsum("bchw,oc->bohw", x, weight(5, 3)),
    "einsum two letters": lambda x: torch.einsum("opcw,bchw->bhop", weight(2, 4, 3, 6), x),
    "shapes": lambda x: x.view(len(x), -1).reshape(len(x), -1, 4).transpose(1, 2).unsqueeze(1),
    "more shapes": lambda x: x.permute(0, 2, 3, 1).flatten(2).unflatten(2, (9, 2)).mT,
    "movedim": lambda x: x.movedim(1, -1) + x.permute(0, 2, 3, 1),
    "expand": lambda x: x[:, :1].expand(-1, 4, -1, -1) + x[:, :1].repeat(1, 4, 1, 1),
    "repeat": lambda x: x.repeat(1, 1, 2, 1) + x.repeat_interleave(2, dim=2),
    "slices": lambda x: x[:, ::2, 1:-1, None, -2:],
    "select": lambda x: x[..., 0] + x.select(3, -1) + x.narrow(3, 1, 1).squeeze(-1),
    "indices": lambda x: x[:, [2, 0]] + x.index_select(1, torch.tensor([1, 1])),
    "chunks": lambda x: torch.cat(x.chunk(3, 1)[::-1], 1),
    "splits": lambda x: x.split([1, 2], 1)[1] + x.split(2, 1)[0],
    "unbind and stack": lambda x: torch.stack([x.unbind(1)[i] for i in (2, 0)], 2),
    "flip and roll": lambda x: x.flip((2, 3)).roll((1, -2), (1, 3)),
    "concatenated constant": lambda x: torch.cat([x, torch.ones(x.shape[0], 1, 8, 6)], 1),
    "interpolate": lambda x: torch.cat(
        [functional.interpolate(x, (5, 7), mode=mode) for mode in ("nearest", "area")], 1
    ),
    "exact interpolate": lambda x: functional.interpolate(x, (5, 7), mode="nearest-exact"),
    "downsampled": lambda x: functional.interpolate(x, (3, 2), mode="bilinear"),
    "lerp": lambda x: torch.lerp(x, x.relu(), 0.3),
    "addcmul": lambda x: torch.addcmul(x, x, weight(6), value=0.5),
    "written into": write_into,
    "shaped constants": lambda x: torch.ones_like(x) * x + x.new_full((2, 3, 8, 6), 0.5)[:1],
    "detached": lambda x: x - x.detach().relu(),
    "own copy": lambda x: x.to(torch.float64).double() + 0,
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_is_translated(name: str) -> None:
    module, shape = LAYERS[name]
    agree(randomised(module), shape)


@pytest.mark.parametrize("module", ACTIVATIONS, ids=str)
def test_an_activation_is_translated(module: nn.Module) -> None:
    agree(randomised(module), (4, 5))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_translated(name: str) -> None:
    with torch.no_grad():
        agree(Function(FUNCTIONS[name]).double().eval(), IMAGE)


def test_wrapped_around_what_is_left_an_entry_counts_twice() -> None:
    def wrapped(x: Tensor) -> Tensor:
        return functional.pad(x, (1, -1), mode="circular")

    traced = trace(Function(wrapped).eval(), (2, 5))
    matrix = wrapped(torch.eye(5)[:, None])[:, 0].numpy().T
    upper = derive(traced.graph, traced.weights).upper
    assert upper >= np.linalg.norm(matrix, 2) * (1 - 1e-15) > 1.4
    assert upper < 1.4143


@pytest.mark.parametrize("pad", [(3, -3), (-3, 3), (-4, 2)])
def test_more_around_than_is_left_is_refused(pad: tuple[int, int]) -> None:
    """PyTorch then copies memory that it has not written yet, or fails."""
    module = Function(lambda x: functional.pad(x, pad, mode="circular")).eval()
    with pytest.raises(StructureError, match="circular padding"):
        trace(module, (2, 5))


@pytest.mark.parametrize("size", [(3, 1), (5, 4)])
def test_pixels_interpolated_with_themselves_are_rounded(size: tuple[int, int]) -> None:
    module = nn.Upsample(size, mode="bilinear").eval()
    traced = trace(module, (2, 1, 1))
    operation = read_operations(traced.graph, traced.weights)[traced.graph.output]
    x = np.random.default_rng(0).normal(size=(50, 2, 1, 1)).astype(np.float32).astype(np.float64)
    exact = operation.evaluate(x)
    computed = module(torch.tensor(x, dtype=torch.float32)).double().numpy()
    errors = np.linalg.norm((computed - exact).reshape(50, -1), axis=1)
    bound = operation.rounding([x], exact, [np.zeros(50)], SINGLE)
    assert np.all(errors <= bound)
    assert np.all((bound > 0.0) & (bound < math.inf))


def test_borders_of_an_interpolation_have_two_entries() -> None:
    traced = trace(nn.Upsample(size=5, mode="linear").eval(), (1, 2))
    [rows] = [entry["rows"] for entry in traced.graph.nodes[-1].attributes["maps"] if entry["axis"]]
    assert [row["indices"] for row in rows] == [[0], [0, 1], [0, 1], [0, 1], [1, 1]]


def without_variance() -> nn.Module:
    norm = nn.BatchNorm1d(3, eps=0.0)
    norm.get_buffer("running_var")[1] = 0.0  # a channel that never moved
    return norm


@pytest.mark.parametrize(
    ("norm", "name"),
    [
        (nn.LayerNorm(3, eps=0.0), r"1 \(LayerNorm\).*eps = 0"),
        (nn.GroupNorm(1, 3, eps=0.0), r"1 \(GroupNorm\).*eps = 0"),
        (without_variance(), r"1 \(BatchNorm1d\).*variance 0 and eps = 0"),
    ],
)
def test_a_normalisation_that_divides_by_zero_is_refused_with_its_name(
    norm: nn.Module, name: str
) -> None:
    module = nn.Sequential(nn.Linear(3, 3), norm).eval()
    with pytest.raises(StructureError, match=name):
        trace(module, (3,))
