"""Runs of linear operations, bounded as one map."""

from __future__ import annotations

import numpy as np
import pytest

from flowcert.numerics.validation import FloatArray
from flowcert.theory.certificate import Derivation, Graph, Node, derive
from flowcert.theory.certificate.fusion import fused_segments

RNG = np.random.default_rng(5)
KERNEL = {
    "stride": [1, 1],
    "padding": [[1, 1], [1, 1]],
    "dilation": [1, 1],
    "groups": 1,
    "mode": "zeros",
}
WEIGHTS = {
    "K": RNG.normal(size=(4, 3, 3, 3)),
    "std": np.array([0.2, 0.3, 0.7]).reshape(3, 1, 1),
    "mean": RNG.normal(size=4),
    "variance": np.array([0.01, 1.0, 4.0, 100.0]),
    "gain": RNG.normal(size=4),
    "W": RNG.normal(size=(5, 64)),
    "V": RNG.normal(size=(2, 5)),
}
INPUT = Node("x", "input", (), (3, 4, 4))
PIXELS = Node("p", "diagonal", ("x",), (3, 4, 4), {}, {"divisor": "std"})
NORM = {"mean": "mean", "variance": "variance", "weight": "gain"}
NODES = (
    INPUT,
    PIXELS,
    Node("c", "convolution", ("p",), (4, 4, 4), KERNEL, {"weight": "K"}),
    Node("b", "batch_norm", ("c",), (4, 4, 4), {"epsilon": 1e-5}, NORM),
    Node("f", "reshape", ("b",), (64,), {"shape": [64]}),
    Node("d", "dense", ("f",), (5,), {}, {"weight": "W"}),
    Node("e", "dense", ("d",), (2,), {}, {"weight": "V"}),
)


def jacobian(found: Derivation, end: str) -> FloatArray:
    """By evaluating every node from the input: all are affine."""
    n = int(np.prod(INPUT.shape))
    values = {"x": np.concatenate([np.zeros((1, n)), np.eye(n)]).reshape(n + 1, *INPUT.shape)}
    for node in found.graph.nodes[1:]:
        operation = found.operations[node.name]
        values[node.name] = operation.evaluate(*(values[name] for name in node.inputs))
    y = values[end].reshape(n + 1, -1)
    return np.asarray((y[1:] - y[0]).T)


def test_scalings_before_and_after_a_convolution_are_fused_with_it() -> None:
    found = derive(Graph(NODES[:4], "b"), WEIGHTS)
    truth = np.linalg.norm(jacobian(found, "b"), 2)
    line = found.lines["b"]
    product = next(c for c in line.candidates if c.rule == "spectral norm")
    assert truth <= line.upper <= 1.01 * truth
    assert line.candidates[0].rule == "fused linear maps"
    assert product.upper > 1.3 * line.upper
    segment = next(s for s in found.segments if s.end == "b" and s.rule == "fused linear maps")
    assert (segment.start, segment.nodes) == ("x", ("p", "c", "b"))


def test_dense_maps_are_fused_with_each_other_and_the_scaling_before() -> None:
    found = derive(Graph(NODES, "e"), WEIGHTS)
    [segment] = [s for s in found.segments if s.end == "e" and s.rule == "fused linear maps"]
    assert (segment.start, segment.nodes) == ("c", ("b", "f", "d", "e"))
    scale = np.repeat(WEIGHTS["gain"] / np.sqrt(WEIGHTS["variance"] + 1e-5), 16)
    truth = np.linalg.norm(WEIGHTS["V"] @ WEIGHTS["W"] * scale, 2)
    assert truth * (1 - 1e-12) <= segment.factor <= truth * (1 + 1e-9)
    assert np.linalg.norm(jacobian(found, "e"), 2) <= found.upper


def test_a_scaling_reaches_a_dense_map_through_a_flattening() -> None:
    nodes = (
        INPUT,
        PIXELS,
        Node("t", "permute", ("p",), (4, 4, 3), {"order": [1, 2, 0]}),
        Node("f", "reshape", ("t",), (48,), {"shape": [48]}),
        Node("d", "dense", ("f",), (5,), {}, {"weight": "U"}),
    )
    found = derive(Graph(nodes, "d"), {**WEIGHTS, "U": RNG.normal(size=(5, 48))})
    truth = np.linalg.norm(jacobian(found, "d"), 2)
    assert truth <= found.upper <= truth * (1 + 1e-9)
    [segment] = [s for s in found.segments if s.end == "d" and s.rule == "fused linear maps"]
    assert segment.nodes == ("p", "t", "f", "d")


@pytest.mark.parametrize("last", ["x", "p", "c"])
def test_a_run_of_one_is_no_segment(last: str) -> None:
    nodes = NODES[: 1 + [node.name for node in NODES].index(last)]
    if last == "c":
        nodes = (INPUT, Node("c", "convolution", ("x",), (4, 4, 4), KERNEL, {"weight": "K"}))
    found = derive(Graph(nodes, last), WEIGHTS)
    assert fused_segments(found.graph, found.operations) == []


def test_dense_maps_along_different_axes_are_not_multiplied() -> None:
    """(W₂ ⊗ W₁) has the norm ‖W₂‖‖W₁‖, though W₂W₁ = 0."""
    first, second = np.diag([1.0, 0.0]), np.diag([0.0, 1.0])
    nodes = (
        Node("x", "input", (), (2, 2)),
        Node("d", "dense", ("x",), (2, 2), {}, {"weight": "first"}),
        Node("t", "permute", ("d",), (2, 2), {"order": [1, 0]}),
        Node("e", "dense", ("t",), (2, 2), {}, {"weight": "second"}),
    )
    assert derive(Graph(nodes, "e"), {"first": first, "second": second}).upper >= 1.0


def test_an_activation_ends_a_run() -> None:
    nodes = (
        Node("x", "input", (), (64,)),
        Node("d", "dense", ("x",), (5,), {}, {"weight": "W"}),
        Node("r", "activation", ("d",), (5,), {"function": "relu"}),
        Node("e", "dense", ("r",), (2,), {}, {"weight": "V"}),
    )
    found = derive(Graph(nodes, "e"), WEIGHTS)
    assert fused_segments(found.graph, found.operations) == []


def test_a_value_that_is_used_elsewhere_too_is_still_bounded() -> None:
    """A segment speaks of its end alone."""
    nodes = (
        Node("x", "input", (), (64,)),
        Node("d", "dense", ("x",), (5,), {}, {"weight": "W"}),
        Node("e", "dense", ("d",), (2,), {}, {"weight": "V"}),
        Node("y", "concatenate", ("d", "e"), (7,), {"axis": 0}),
    )
    found = derive(Graph(nodes, "y"), WEIGHTS)
    truth = np.linalg.norm(np.vstack([WEIGHTS["W"], WEIGHTS["V"] @ WEIGHTS["W"]]), 2)
    assert truth <= found.upper
