"""The operations of a certificate: read, refused, and bounded as the maps that they are."""

import numpy as np
import pytest
import torch

from flowcert.errors import DataError
from flowcert.theory.certificate import Graph, Node, derive
from flowcert.theory.certificate.operations import DOUBLE, read_operation

RNG = np.random.default_rng(0)
WEIGHTS = {"K": RNG.standard_normal((4, 1, 3, 3)), "b": RNG.standard_normal(4)}
GIVEN = {
    "stride": [2, 1],
    "padding": [[1, 1], [1, 1]],
    "mode": "circular",
    "dilation": [1, 1],
    "groups": 2,
}
TENSORS = {"weight": "K", "bias": "b"}


def convolution(shape=(4, 3, 5), inputs=(2, 6, 5), weights=WEIGHTS, tensors=TENSORS, **changed):
    node = Node("y", "convolution", ("x",), shape, {**GIVEN, **changed}, tensors)
    return read_operation(node, [inputs], weights)


def transposed(shape=(2, 10, 11), inputs=(4, 5, 6), weights=WEIGHTS, **changed):
    given = {
        "stride": [2, 2],
        "padding": [1, 1],
        "output_padding": [1, 0],
        "dilation": [1, 1],
        "groups": 2,
    }
    node = Node("y", "transposed_convolution", ("x",), shape, {**given, **changed}, {"weight": "K"})
    return read_operation(node, [inputs], weights)


def test_convolution_is_evaluated_as_torch_does():
    layer = torch.nn.Conv2d(2, 4, 3, stride=(2, 1), padding=1, padding_mode="circular", groups=2)
    layer = layer.double()
    layer.weight.data, layer.bias.data = torch.tensor(WEIGHTS["K"]), torch.tensor(WEIGHTS["b"])
    x = RNG.standard_normal((3, 2, 6, 5))
    expected = layer(torch.tensor(x)).detach().numpy()
    np.testing.assert_allclose(convolution().evaluate(x), expected, rtol=0, atol=1e-12)


def test_transposed_convolution_is_evaluated_as_torch_does():
    layer = torch.nn.ConvTranspose2d(
        4, 2, 3, stride=2, padding=1, output_padding=(1, 0), groups=2, bias=False
    ).double()
    layer.weight.data = torch.tensor(WEIGHTS["K"])
    x = RNG.standard_normal((3, 4, 5, 6))
    expected = layer(torch.tensor(x)).detach().numpy()
    np.testing.assert_allclose(transposed().evaluate(x), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("make", [convolution, transposed])
def test_constant_range_and_rounding_hold(make):
    operation = make()
    shape = operation.shapes[0]
    A = operation.map.matrix()
    assert np.linalg.norm(A, 2) * (1 - 1e-14) <= operation.spectral_norm
    low, high = operation.range([(-2.0, 2.0)])
    x = RNG.uniform(-2.0, 2.0, (50, *shape))
    y = operation.evaluate(x)
    assert low <= y.min()
    assert y.max() <= high
    exact = np.longdouble(A) @ np.longdouble(x.reshape(50, -1).T)
    shift = 0.0 if operation.shift is None else np.broadcast_to(operation.shift, y.shape[1:])
    error = y.reshape(50, -1) - (exact.T + np.ravel(shift) * np.ones(A.shape[0]))
    budget = operation.rounding([x], y, [np.zeros(50)], DOUBLE)
    assert np.all(np.linalg.norm(error.astype(float), axis=1) <= budget)


def test_a_graph_with_a_convolution_is_derived():
    x = Node("x", "input", (), (2, 6, 5))
    y = Node("y", "convolution", ("x",), (4, 3, 5), GIVEN, TENSORS)
    derivation = derive(Graph((x, y), "y"), WEIGHTS)
    norm = np.linalg.norm(convolution().map.matrix(), 2)
    assert norm * (1 - 1e-14) <= derivation.upper <= norm * (1 + 1e-6)


@pytest.mark.parametrize(
    "changed",
    [
        {"stride": [2]},
        {"stride": [2, 0]},
        {"stride": [2, True]},
        {"stride": [2.0, 1]},
        {"padding": [1, 1]},
        {"padding": [[1, 1]]},
        {"padding": [[1, -1], [1, 1]]},
        {"padding": [[1, 99], [1, 1]]},
        {"padding": "same"},
        {"mode": "mirror"},
        {"mode": []},
        {"dilation": [9, 9]},
        {"groups": 3},
        {"groups": 0},
        {"groups": "2"},
        {"shape": (4, 6, 5)},
        {"inputs": (3, 6, 5)},
        {"inputs": (2, 6)},
        {"weights": {"K": WEIGHTS["K"], "b": np.ones(3)}},
        {"weights": {"K": np.full((4, 1, 3, 3), np.nan), "b": np.ones(4)}},
        {"weights": {"K": np.ones(4), "b": np.ones(4)}},
        {"weights": {"K": np.array(1.0), "b": np.ones(4)}},
    ],
)
def test_malformed_convolutions_are_refused(changed):
    with pytest.raises(DataError, match="convolution"):
        convolution(**changed)


@pytest.mark.parametrize(
    "changed",
    [
        {"padding": [[1, 1], [1, 1]]},
        {"output_padding": [2, 0]},
        {"stride": [1, 1]},
        {"groups": 3},
        {"inputs": (2, 5, 6)},
        {"weights": {"K": np.ones((4, 1))}},
    ],
)
def test_malformed_transposed_convolutions_are_refused(changed):
    with pytest.raises(DataError, match="transposed_convolution"):
        transposed(**changed)
