"""Dense chains found in graphs, and the bounds that they get."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowcert.errors import DataError
from flowcert.numerics.validation import FloatArray
from flowcert.theory.certificate import Graph, Node
from flowcert.theory.certificate import dense_chains as module
from flowcert.theory.certificate.dense_chains import dense_chains
from flowcert.theory.certificate.evaluation import evaluate
from flowcert.theory.certificate.rules import derive, read_operations
from flowcert.theory.certificate.segments import Segment
from flowcert.theory.spectral import ChainLayer

RELU = {"function": "relu"}
LEAKY = {"function": "leaky_relu", "parameters": {"slope": 0.25}}
Weights = dict[str, FloatArray]


def chains(
    graph: Graph,
    weights: Mapping[str, FloatArray],
    multipliers: Mapping[str, list[list[float]]] | None = None,
) -> list[Segment]:
    return dense_chains(graph, read_operations(graph, weights), multipliers)


def multilayer(rng: np.random.Generator, widths: tuple[int, ...]) -> tuple[Graph, Weights]:
    nodes, weights = [Node("x", "input", (), widths[:1])], {}
    for index, (before, after) in enumerate(itertools.pairwise(widths)):
        weights[f"W{index}"] = rng.standard_normal((after, before)) / math.sqrt(before)
        weights[f"b{index}"] = rng.standard_normal(after)
        tensors = {"weight": f"W{index}", "bias": f"b{index}"}
        nodes.append(Node(f"d{index}", "dense", (nodes[-1].name,), (after,), {}, tensors))
        nodes.append(Node(f"s{index}", "activation", (f"d{index}",), (after,), RELU))
    return Graph(tuple(nodes[:-1]), nodes[-2].name), weights


def quotients(graph: Graph, weights: Weights, start: str, end: str, seed: int) -> float:
    """The largest difference quotient from node to node over pairs of inputs, near and far."""
    rng = np.random.default_rng(seed)
    n = graph.input.shape
    x = rng.standard_normal((400, *n)) * 10.0 ** rng.uniform(-1, 1, (400, *([1] * len(n))))
    values = evaluate(
        derive(graph, weights, multipliers={}), np.concatenate([x, x + 0.1 * x[::-1]])
    )
    before, after = (values[name].reshape(800, -1) for name in (start, end))
    moved = np.linalg.norm(after[:400] - after[400:], axis=1)
    by = np.linalg.norm(before[:400] - before[400:], axis=1)
    return float(np.max(moved[by > 0] / by[by > 0]))


def test_a_multilayer_perceptron_is_one_chain_with_its_features() -> None:
    graph, weights = multilayer(np.random.default_rng(0), (5, 8, 8, 3))
    features, whole = chains(graph, weights)
    assert (whole.start, whole.end) == ("x", "d2")
    assert whole.nodes == ("d0", "s0", "d1", "s1", "d2")
    # Activations at an end are left to their slopes.
    assert (features.start, features.end) == ("x", "d1")
    lines = derive(graph, weights).lines
    product = math.prod(np.linalg.norm(weights[f"W{i}"], 2) for i in range(3))
    assert lines["d2"].candidates[0].rule == "Riccati recursion"
    assert lines["d2"].upper < 0.8 * product
    assert lines["s1"].upper == lines["d1"].upper < 0.95 * product
    assert {c.rule for c in lines["d2"].candidates} >= {"Riccati recursion", "spectral norm"}


def residual_network(rng: np.random.Generator, swapped: bool, factor: str) -> tuple[Graph, Weights]:
    """Lift, two blocks u + h·Cσ(Au + b) with batch normalisation or a factor, projection."""
    nodes = [Node("x", "input", (), (3,)), Node("l", "dense", ("x",), (4,), {}, {"weight": "lift"})]
    weights = {
        "lift": rng.standard_normal((4, 3)),
        "last": rng.standard_normal((2, 4)),
        "h": np.array(-0.3),
        "tenth": np.array([10.0]),
        "mean": rng.standard_normal(5),
        "variance": rng.uniform(0.1, 4.0, 5),
        "b": rng.standard_normal(5),
    }
    norm = {"mean": "mean", "variance": "variance"}
    u = "l"
    for k in range(2):
        weights |= {f"A{k}": rng.standard_normal((5, 4)), f"C{k}": rng.standard_normal((4, 5))}
        nodes.append(Node(f"z{k}", "dense", (u,), (5,), {}, {"weight": f"A{k}", "bias": "b"}))
        if factor == "norm":
            nodes.append(Node(f"n{k}", "batch_norm", (f"z{k}",), (5,), {"epsilon": 1e-5}, norm))
        nodes.append(Node(f"s{k}", "activation", (nodes[-1].name,), (5,), LEAKY))
        nodes.append(Node(f"y{k}", "dense", (f"s{k}",), (4,), {}, {"weight": f"C{k}"}))
        if factor in ("h", "tenth"):
            role = "scale" if factor == "h" else "divisor"
            nodes.append(Node(f"h{k}", "diagonal", (f"y{k}",), (4,), {}, {role: factor}))
        terms = [(u, 1.0), (nodes[-1].name, 0.5)]
        terms = terms[::-1] if swapped else terms
        coefficients = [c for _, c in terms]
        inputs = tuple(name for name, _ in terms)
        nodes.append(Node(f"v{k}", "sum", inputs, (4,), {"coefficients": coefficients}))
        u = f"v{k}"
    nodes.append(Node("out", "dense", (u,), (2,), {}, {"weight": "last"}))
    return Graph(tuple(nodes), "out"), weights


def worst(graph: Graph, weights: Weights, factor: str) -> float:
    """The largest Jacobian norm over 400 patterns of slopes: a lower bound of any valid bound."""
    rng = np.random.default_rng(1)
    norms = 1.0 / np.sqrt(weights["variance"] + 1e-5) if factor == "norm" else np.ones(5)
    h = 0.5 * {"h": -0.3, "tenth": 0.1}.get(factor, 1.0)
    found = 0.0
    for _ in range(400):
        J = weights["lift"]
        for k in range(2):
            d = norms * rng.choice([0.25, 1.0], 5)
            J = J + h * weights[f"C{k}"] @ (d[:, None] * weights[f"A{k}"]) @ J
        found = max(found, float(np.linalg.norm(weights["last"] @ J, 2)))
    return found


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("factor", ["none", "h", "tenth", "norm"])
def test_residual_networks(swapped: bool, factor: str) -> None:
    for seed in range(3):
        graph, weights = residual_network(np.random.default_rng(seed), swapped, factor)
        whole = chains(graph, weights)[-1]
        assert (whole.start, whole.end) == ("x", "out")
        assert set(whole.nodes) == {node.name for node in graph} - {"x"}
        truth = max(worst(graph, weights, factor), quotients(graph, weights, "x", "out", seed))
        assert truth <= whole.factor
        line = derive(graph, weights).lines["out"]
        product = next(c.upper for c in line.candidates if c.rule == "spectral norm")
        assert whole.factor < product


@settings(max_examples=15, derandomize=True, deadline=None)
@given(
    st.integers(0, 10**6),
    st.lists(st.integers(1, 6), min_size=3, max_size=5).map(tuple),
    st.sampled_from([1e-6, 1e-3, 1.0, 1e3, 1e6]),
)
def test_no_difference_quotient_exceeds_a_chain(
    seed: int, widths: tuple[int, ...], scale: float
) -> None:
    graph, weights = multilayer(np.random.default_rng(seed), widths)
    # Biases grow with the values that they are added to, lest the differences drown in them.
    weights = {
        key: value * (scale if key[0] == "W" else scale ** (1 + int(key[1])))
        for key, value in weights.items()
    }
    for chain in chains(graph, weights):
        truth = quotients(graph, weights, chain.start, chain.end, seed)
        assert truth <= chain.factor * (1 + 1e-9)  # differences cancel in the evaluation


def test_the_head_of_a_convolutional_network_is_a_chain() -> None:
    rng = np.random.default_rng(3)
    geometry = {"stride": [1], "padding": [[1, 1]], "dilation": [1], "groups": 1, "mode": "zeros"}
    nodes = (
        Node("x", "input", (), (1, 6)),
        Node("c", "convolution", ("x",), (2, 6), geometry, {"weight": "K"}),
        Node("r", "activation", ("c",), (2, 6), RELU),
        Node("f", "reshape", ("r",), (12,), {"shape": [12]}),
        Node("d", "dense", ("f",), (6,), {}, {"weight": "W"}),
        Node("s", "activation", ("d",), (6,), RELU),
        Node("e", "dense", ("s",), (3,), {}, {"weight": "V"}),
    )
    weights = {
        "K": rng.standard_normal((2, 1, 3)),
        "W": rng.standard_normal((6, 12)),
        "V": rng.standard_normal((3, 6)),
    }
    [head] = chains(Graph(nodes, "e"), weights)
    assert (head.start, head.end, head.nodes) == ("f", "e", ("d", "s", "e"))
    assert quotients(Graph(nodes, "e"), weights, "f", "e", 0) <= head.factor
    assert head.factor < np.linalg.norm(weights["W"], 2) * np.linalg.norm(weights["V"], 2)


def test_the_same_map_at_every_position() -> None:
    """Dense layers on the last axis of (5, 3): the chain is that of one position."""
    rng = np.random.default_rng(4)
    graph, weights = multilayer(rng, (3, 4, 2))
    wide = Graph(
        tuple(
            Node(n.name, n.operation, n.inputs, (5, *n.shape), n.attributes, n.tensors)
            for n in graph
        ),
        graph.output,
    )
    [one], [five] = chains(graph, weights), chains(wide, weights)
    assert one.factor == pytest.approx(five.factor, rel=1e-9)
    # A scaling that differs from position to position is not the same map.
    nodes = (*wide.nodes, Node("g", "diagonal", ("d1",), (5, 2), {}, {"scale": "g"}))
    weights["g"] = np.arange(1.0, 6.0).reshape(5, 1)
    assert [chain.end for chain in chains(Graph(nodes, "g"), weights)] in ([], ["d1"])


def test_recorded_multipliers_are_replayed_and_nothing_else_is_searched() -> None:
    graph, weights = multilayer(np.random.default_rng(5), (4, 6, 6, 2))
    searched = derive(graph, weights)
    recorded = {
        segment.end: segment.constants["multipliers"]
        for segment in searched.segments
        if segment.rule == "Riccati recursion"
    }
    assert set(recorded) == {"d1", "d2"}
    replayed = derive(graph, weights, multipliers=recorded)
    assert replayed.lines["d2"].upper == searched.lines["d2"].upper
    [only] = chains(graph, weights, {"d2": recorded["d2"]})
    assert only.end == "d2"
    assert chains(graph, weights, {}) == []
    worse = [[3.0 * x for x in row] for row in recorded["d2"]]
    assert chains(graph, weights, {"d2": worse})[-1].factor > searched.lines["d2"].upper
    with pytest.raises(DataError, match="multipliers"):
        chains(graph, weights, {"d2": recorded["d1"]})


def test_nothing_to_gain_is_no_chain() -> None:
    rng = np.random.default_rng(6)
    graph, weights = multilayer(rng, (3, 4))
    assert chains(graph, weights) == []
    nodes = (*graph.nodes, Node("e", "dense", ("d0",), (2,), {}, {"weight": "V"}))
    assert chains(Graph(nodes, "e"), {**weights, "V": rng.standard_normal((2, 4))}) == []


def test_a_branch_with_something_else_in_it_ends_the_chain() -> None:
    rng = np.random.default_rng(7)
    nodes = (
        Node("x", "input", (), (4,)),
        Node("d", "dense", ("x",), (4,), {}, {"weight": "A"}),
        Node("m", "softmax", ("d",), (4,), {"axis": 0}),
        Node("y", "dense", ("m",), (4,), {}, {"weight": "B"}),
        Node("v", "sum", ("x", "y"), (4,), {"coefficients": [1.0, 1.0]}),
        Node("s", "activation", ("v",), (4,), RELU),
        Node("e", "dense", ("s",), (2,), {}, {"weight": "V"}),
    )
    weights = {"A": rng.standard_normal((4, 4)), "B": rng.standard_normal((4, 4))}
    weights["V"] = rng.standard_normal((2, 4))
    assert chains(Graph(nodes, "e"), weights) == []


def test_deep_residual_networks_are_read_in_linear_time() -> None:
    """Sums whose terms could each be taken for the branch: no exponential search."""
    nodes = [Node("v0", "input", (), (2,))]
    for k in range(60):
        nodes.append(Node(f"s{k}", "activation", (f"v{k}",), (2,), RELU))
        inputs = (f"s{k}", f"v{k}")
        nodes.append(Node(f"v{k + 1}", "sum", inputs, (2,), {"coefficients": [0.01, 1.0]}))
    nodes.append(Node("e", "dense", ("v60",), (2,), {}, {"weight": "V"}))
    found = chains(Graph(tuple(nodes), "e"), {"V": np.eye(2)}, {})
    assert found == []


@pytest.mark.parametrize("scale", [0.0, 1e-200, 1e-30, 1e30, 1e150])
def test_extreme_weights_stay_sound(scale: float) -> None:
    graph, weights = multilayer(np.random.default_rng(8), (2, 3, 2))
    scaled = {key: scale * value for key, value in weights.items()}
    plain = derive(graph, weights).upper
    upper = derive(graph, scaled).upper
    assert not math.isnan(upper)
    if scale in (1e-30, 1e30):
        assert upper == pytest.approx(plain * scale * scale, rel=1e-2)
    assert upper > 0.0 or scale == 0.0
    assert upper >= plain * 0.5 * scale * scale


def test_an_activation_after_the_second_matrix_is_no_residual_layer() -> None:
    """x + σ(Cσ(Ax)) is not x + C(σσ)(Ax)."""
    nodes = (
        Node("x", "input", (), (2,)),
        Node("d", "dense", ("x",), (2,), {}, {"weight": "A"}),
        Node("s", "activation", ("d",), (2,), RELU),
        Node("y", "dense", ("s",), (2,), {}, {"weight": "A"}),
        Node("t", "activation", ("y",), (2,), LEAKY),
        Node("v", "sum", ("x", "t"), (2,), {"coefficients": [1.0, 1.0]}),
    )
    found = chains(Graph(nodes, "v"), {"A": np.array([[1.0, 2.0], [0.5, -1.0]])})
    assert all(chain.end != "v" for chain in found)


def test_the_rounding_of_folded_scalings_reaches_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    graph, weights = residual_network(np.random.default_rng(0), False, "norm")
    nodes = list(graph.nodes)
    at = [node.name for node in nodes].index("v0")
    norm = {"mean": "mean4", "variance": "variance4"}
    nodes.insert(at, Node("m", "batch_norm", ("y0",), (4,), {"epsilon": 1e-5}, norm))
    nodes[at + 1] = replace(nodes[at + 1], inputs=("l", "m"))
    weights |= {"mean4": np.ones(4), "variance4": np.array([0.3, 0.7, 1.1, 2.0])}
    seen: list[ChainLayer] = []

    def spy(layers: list[ChainLayer], multipliers: list[list[float]]) -> float:
        seen.extend(layers)
        return 1.0

    monkeypatch.setattr(module, "bound_chain", spy)
    chains(Graph(tuple(nodes), "out"), weights)
    blocks = [layer for layer in seen if layer.skip != 0.0]
    assert blocks[0].error_A > 0.0
    assert blocks[0].error_C > 0.0
    assert blocks[1].error_A > 0.0
    assert blocks[1].error_C == 0.0


def test_a_long_chain_is_cut_into_parts_that_can_be_searched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    graph, weights = multilayer(np.random.default_rng(1), (4,) * 8)
    monkeypatch.setattr(module, "affordable_passes", lambda layers: 9 if len(layers) <= 7 else 0)
    parts = chains(graph, weights)
    assert [(part.start, part.end) for part in parts] == [("s2", "d6"), ("x", "d2")]
    line = derive(graph, weights).lines["d6"]
    assert line.upper <= parts[0].factor * parts[1].factor * (1 + 1e-12)
