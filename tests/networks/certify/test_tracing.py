"""What is traced, and what a certificate of it says: names, weights, precision, pixels."""

import logging
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrizations

from flowcert.errors import DomainError, FlowcertError, ShapeError, StructureError
from flowcert.networks import certified_accuracy, certify
from flowcert.networks.certify import Pixels, trace
from flowcert.theory.certificate import check_certificate, derive


def mlp(dtype: torch.dtype = torch.float32) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)).to(dtype).eval()


def test_the_name_is_the_callable_in_any_order_of_imports() -> None:
    orders = (
        "from flowcert.networks import certify",
        "import flowcert.networks.certify.tracing; from flowcert.networks import certify",
        "from flowcert.networks.certify import certify",
        "import flowcert.networks; certify = flowcert.networks.certify",
    )
    for order in orders:
        scope: dict[str, object] = {}
        exec(order, scope)
        assert scope["certify"] is certify


def test_nodes_name_their_layers_and_weights_their_keys() -> None:
    traced = trace(nn.ModuleDict({"body": mlp()})["body"], (3,))
    kinds = [(node.operation, node.layer) for node in traced.graph]
    assert kinds == [
        ("input", ""),
        ("dense", "0 (Linear)"),
        ("activation", "1 (ReLU)"),
        ("dense", "2 (Linear)"),
    ]
    assert set(traced.weights) == {"0.weight", "0.bias", "2.weight", "2.bias"}


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_weights_are_exact(dtype: torch.dtype) -> None:
    module = mlp(dtype)
    traced = trace(module, (3,))
    for key, tensor in module.state_dict().items():
        assert np.array_equal(traced.weights[key], tensor.double().numpy())


def test_shared_weights_are_kept_once() -> None:
    layer = nn.Linear(3, 3)
    module = nn.Sequential(layer, nn.ReLU(), layer).eval()
    traced = trace(module, (3,))
    keys = [node.tensors["weight"] for node in traced.graph if node.operation == "dense"]
    assert keys == ["0.weight", "0.weight"]
    assert set(traced.weights) == {"0.weight", "0.bias"}


def test_tied_parameters_are_kept_once() -> None:
    a, b = nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False)
    b.weight = a.weight
    assert len(trace(nn.Sequential(a, nn.ReLU(), b).eval(), (3,)).weights) == 1


def test_what_depends_on_weights_alone_is_computed() -> None:
    module = parametrizations.spectral_norm(nn.Linear(3, 4)).eval()
    traced = trace(module, (3,))
    [dense] = traced.graph.nodes[1:]
    found = traced.weights[dense.tensors["weight"]]
    assert np.array_equal(found, module.weight.detach().double().numpy())


def test_what_is_not_used_is_left_out() -> None:
    class Wasteful(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.unused = nn.Linear(3, 3), nn.Linear(3, 3)

        def forward(self, x: Tensor) -> Tensor:
            self.unused(x)
            return self.used(x)

    traced = trace(Wasteful().eval(), (3,))
    assert len(traced.graph.nodes) == 2
    assert set(traced.weights) == {"used.weight", "used.bias"}


def test_scalings_are_merged_where_that_is_exact() -> None:
    class Steps(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x - 0.3 * torch.relu(x)

    traced = trace(Steps().eval(), (3,))
    last = traced.graph.nodes[-1]
    assert last.operation == "sum"
    assert last.attributes["coefficients"] == [1.0, -0.3]
    assert len(traced.graph.nodes) == 3


def test_scalings_are_not_merged_where_that_rounds() -> None:
    class Twice(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return 0.1 * (0.1 * x)

    nodes = trace(Twice().eval(), (3,)).graph.nodes[1:]
    coefficients = [node.attributes["coefficients"] for node in nodes]
    assert coefficients == [[0.1], [0.1]]


def test_a_padding_in_front_of_a_convolution_is_its_own() -> None:
    module = nn.Sequential(nn.CircularPad2d(1), nn.Conv2d(1, 2, 3)).eval()
    [_, convolution] = trace(module, (1, 5, 5)).graph.nodes
    assert convolution.attributes["mode"] == "circular"
    assert convolution.attributes["padding"] == [[1, 1], [1, 1]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_nearest_pixels_are_those_of_the_precision(dtype: torch.dtype) -> None:
    """From 6 pixels to 74 float32 takes another neighbour than exact arithmetic."""
    module = nn.Upsample(74).to(dtype)
    layer = nn.Conv1d(1, 1, 1, dtype=dtype)  # says in which numbers the module computes
    traced = trace(nn.Sequential(layer, module).eval(), (1, 6))
    rows = traced.graph.nodes[-1].attributes["maps"][0]["rows"]
    expected = module(torch.arange(6, dtype=dtype)[None, None]).flatten().tolist()
    assert [float(row["indices"][0]) for row in rows] == expected


def test_torch_is_silent(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    class Branch(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x if x.sum() > 0 else -x

    before = logging.root.manager.disable
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        trace(mlp(), (3,))
        with pytest.raises(StructureError):
            trace(Branch().eval(), (3,))
    assert logging.root.manager.disable == before
    assert caught == []
    # Records for torch's own viewer, which it hands to nobody else; pytest listens to all.
    assert [r for r in caplog.records if r.name != "torch.__trace"] == []
    assert capfd.readouterr() == ("", "")


# ---------------------------------------------------------------------------------- pixels, domain


def test_the_pixel_scale_counts() -> None:
    module = nn.Flatten().eval()
    plain = certify(module, (3, 2, 2), effort="none")
    assert plain.upper == 1.0
    scaled = certify(
        module, (3, 2, 2), pixel_scale=(0.2, 0.25, 0.5), pixel_shift=0.5, effort="none"
    )
    assert 5.0 <= scaled.upper < 5.0 + 1e-6


def test_the_pixel_scale_is_part_of_the_function() -> None:
    module = nn.Sequential(nn.Conv2d(3, 2, 2), nn.Tanh()).double().eval()
    mean, std = (0.1, 0.2, 0.3), (0.2, 0.25, 0.5)
    traced = trace(module, (3, 4, 4), pixels=Pixels(std, mean))
    from flowcert.theory.certificate.evaluation import evaluate

    x = np.random.default_rng(0).normal(size=(2, 3, 4, 4))
    columns = [torch.tensor(numbers).double().reshape(3, 1, 1) for numbers in (mean, std)]
    expected = module((torch.tensor(x) - columns[0]) / columns[1]).detach().numpy()
    found = evaluate(derive(traced.graph, traced.weights), x)[traced.graph.output]
    assert np.max(np.abs(found - expected)) < 1e-6  # the columns above are float32 numbers


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"pixel_scale": 0.0}, DomainError),
        ({"pixel_scale": (1.0, 0.0, 1.0)}, DomainError),
        ({"pixel_scale": float("nan")}, DomainError),
        ({"pixel_shift": float("inf")}, DomainError),
        ({"pixel_scale": (1.0, 2.0)}, ShapeError),
        ({"domain": (1.0, 0.0)}, DomainError),
        ({"domain": (0.0, float("inf"))}, DomainError),
        ({"domain": (0.0, 1.0, 2.0)}, DomainError),
    ],
)
def test_pixels_and_domains_that_are_none(
    arguments: dict[str, Any], error: type[FlowcertError]
) -> None:
    with pytest.raises(error):
        certify(nn.Flatten().eval(), (3, 2, 2), effort="none", **arguments)


def test_a_domain_makes_products_finite() -> None:
    class Square(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x * x

    with pytest.raises(StructureError, match=r"product.*domain="):
        certify(Square().eval(), (3,), effort="none")
    upper = certify(Square().eval(), (3,), domain=(-2.0, 1.0), effort="none").upper
    assert 4.0 <= upper < 4.0 + 1e-6


# ---------------------------------------------------------------------------------- the bracket


def test_the_bracket_is_attained_and_checks() -> None:
    certificate = certify(mlp(), (3,), effort="quick")
    assert 0.5 * certificate.upper < certificate.lower <= certificate.upper
    assert check_certificate(certificate, certificate.weights).holds


def test_the_module_is_left_as_it_was() -> None:
    module = nn.Sequential(nn.ReLU(inplace=True), nn.Linear(3, 3), nn.BatchNorm1d(3)).eval()
    before = {key: tensor.clone() for key, tensor in module.state_dict().items()}
    certify(module, (3,), effort="quick")
    assert all(torch.equal(tensor, before[key]) for key, tensor in module.state_dict().items())
    assert not any(part.training for part in module.modules())
    assert all(weight.requires_grad for weight in module.parameters())


class BySize(nn.Module):
    """One function on a batch of two, another on every other batch."""

    def forward(self, x: Tensor) -> Tensor:
        return x if x.shape[0] == 2 else 5 * x


class Counter(nn.Module):
    """Another function at every call, by an attribute that no tracer records."""

    calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return self.calls * x


class Offset(nn.Module):
    """A dependence that a comparison with the largest value would not see."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([1e4 * x, x * x.shape[0]], 1) + 1e6


class Threshold(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x if x.shape[0] <= 3 else 100 * x


class WithGradients(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * (1000.0 if torch.is_grad_enabled() else 1.0)


class HalfBySize(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3, dtype=torch.float16))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight * x.shape[0]


@pytest.mark.parametrize("kind", [BySize, Counter, Offset, Threshold, WithGradients, HalfBySize])
def test_a_module_that_is_no_fixed_function_is_noticed(kind: type[nn.Module]) -> None:
    with pytest.raises(StructureError, match="another function"):
        certify(kind().eval(), (3,), effort="none")
    with pytest.raises(StructureError, match="another function"):
        certified_accuracy(kind().eval(), [[1.0, 0.0, 0.0]], [0], [0.5])


class Memory(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("seen", torch.zeros(3))

    def forward(self, x: Tensor) -> Tensor:
        self.seen.add_(1.0)
        return x + self.seen


def test_a_buffer_that_forward_changes_is_named() -> None:
    with pytest.raises(StructureError, match="seen"):
        certify(Memory().eval(), (3,))


class Sparse(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("matrix", torch.eye(3).to_sparse())

    def forward(self, x: Tensor) -> Tensor:
        return (self.matrix @ x.T).T


class ComplexNumbers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.phase = nn.Parameter(torch.ones(3, dtype=torch.complex64))

    def forward(self, x: Tensor) -> Tensor:
        return (x * self.phase).abs()


@pytest.mark.parametrize(
    ("module", "names"),
    [
        (ComplexNumbers(), "phase: torch.complex64"),
        (Sparse(), ""),
        (nn.LazyLinear(3), "weight, a tensor without numbers"),
        (nn.Linear(3, 3, device="meta"), "weight, a tensor without numbers"),
        (3, "a int"),
        (torch.sin, "a builtin_function_or_method"),
    ],
)
def test_weights_that_are_no_weights_are_refused(module: Any, names: str) -> None:
    if isinstance(module, nn.Module):
        module.eval()
    with pytest.raises(StructureError) as caught:
        certify(module, (3,))
    assert names in str(caught.value)


@pytest.mark.parametrize("shape", [(), (0,), (-3,), (3.0,), "3", (True, 2.5)])
def test_an_input_shape_that_is_none(shape: Any) -> None:
    with pytest.raises(ShapeError):
        certify(mlp(), shape)


def test_an_infinite_buffer_in_use_is_named() -> None:
    class Masked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("mask", torch.tensor([0.0, -float("inf")]))

        def forward(self, x: Tensor) -> Tensor:
            return functional.softmax(x + self.mask, dim=-1)

    with pytest.raises(DomainError, match="mask with NaN or infinite entries"):
        certify(Masked().eval(), (2,))


class Reassigned(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("seen", torch.zeros(3))

    def forward(self, x: Tensor) -> Tensor:
        self.seen = self.seen + 1.0
        return x + self.seen


def test_a_buffer_that_forward_replaces_is_noticed() -> None:
    with pytest.raises(StructureError, match=r"seen|computes other numbers|cannot be traced"):
        certify(Reassigned().eval(), (3,), effort="none")
