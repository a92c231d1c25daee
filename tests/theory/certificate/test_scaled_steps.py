"""Gradient steps with scaled entries, collapsed pairs, and sums of entrywise maps."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowcert.numerics.validation import FloatArray
from flowcert.theory.certificate import Graph, Node, derive
from flowcert.theory.certificate.backwards import Backwards
from flowcert.theory.certificate.gradient_steps import gradient_steps
from flowcert.theory.certificate.gradients import read_gradient
from flowcert.theory.certificate.rules import read_operations
from flowcert.theory.certificate.segments import Segment

RNG = np.random.default_rng(11)
LEAKY = {"function": "leaky_relu", "parameters": {"slope": 0.25}}
GEOMETRY = {
    "stride": [1, 1],
    "padding": [[1, 1], [1, 1]],
    "dilation": [1, 1],
    "groups": 1,
    "mode": "zeros",
}
TRANSPOSED = {
    "stride": [1, 1],
    "padding": [1, 1],
    "output_padding": [0, 0],
    "dilation": [1, 1],
    "groups": 1,
}


def found_segments(graph: Graph, weights: dict[str, FloatArray]) -> list[Segment]:
    backwards = Backwards(read_operations(graph, weights))
    return gradient_steps(backwards, lambda name: read_gradient(backwards, name))


def steps(graph: Graph, weights: dict[str, FloatArray]) -> list[Segment]:
    """Those that end at a sum."""
    found = found_segments(graph, weights)
    return [step for step in found if graph[step.end].operation == "sum"]


def scaled_step(
    W: FloatArray, scale: FloatArray, *, before: bool = False
) -> tuple[Graph, dict[str, FloatArray]]:
    """x − Wᵀ(s∘σ(Wx + b)), or with s inside of σ."""
    m, n = W.shape
    order = (
        [("diagonal", "d"), ("activation", "s")]
        if before
        else [("activation", "s"), ("diagonal", "d")]
    )
    nodes = [
        Node("u", "input", (), (n,)),
        Node("z", "dense", ("u",), (m,), {}, {"weight": "A", "bias": "b"}),
    ]
    for operation, name in order:
        given, tensors = ({}, {"scale": "scale"}) if operation == "diagonal" else (LEAKY, {})
        nodes.append(Node(name, operation, (nodes[-1].name,), (m,), given, tensors))
    nodes += [
        Node("y", "dense", (nodes[-1].name,), (n,), {}, {"weight": "B"}),
        Node("v", "sum", ("u", "y"), (n,), {"coefficients": [1.0, -1.0]}),
    ]
    weights = {"A": W, "B": W.T.copy(), "b": np.linspace(-1.0, 1.0, m), "scale": scale}
    return Graph(tuple(nodes), "v"), weights


def dominating(W: FloatArray) -> FloatArray:
    """2/T with T the row sums of |WWᵀ|: T − WWᵀ is positive semidefinite."""
    return np.asarray(2.0 / np.sum(np.abs(W @ W.T), axis=1))


@settings(max_examples=40, derandomize=True, deadline=None)
@given(
    st.integers(0, 10**6),
    st.sampled_from([(2, 2), (4, 2), (2, 4), (5, 3)]),
    st.booleans(),
    st.sampled_from(["positive", "mixed", "with zero", "spread"]),
)
def test_scaled_steps_are_bounded_above_every_vertex(
    seed: int, shape: tuple[int, int], before: bool, kind: str
) -> None:
    random = np.random.default_rng(seed)
    W, scale = random.standard_normal(shape), random.uniform(0.1, 2.0, shape[0])
    if kind == "mixed":
        scale = scale * random.choice([-1.0, 1.0], shape[0])
    if kind == "with zero":
        scale[0] = 0.0
    if kind == "spread":
        scale = 10.0 ** random.uniform(-6.0, 6.0, shape[0])
    [step] = steps(*scaled_step(W, scale, before=before))
    truth = max(
        float(np.linalg.norm(np.eye(shape[1]) - W.T @ ((scale * d)[:, None] * W), 2))
        for d in map(np.array, itertools.product((0.25, 1.0), repeat=shape[0]))
    )
    assert step.factor >= truth * (1 - 1e-13)
    if np.all(scale >= 0.0):  # E is folded into the map: the factor of √E·W
        values = np.linalg.svd(np.sqrt(scale)[:, None] * W, compute_uv=False) ** 2
        low = 0.25 * values[-1] if shape[0] >= shape[1] else 0.0
        assert step.factor <= max(abs(1 - values[0]), abs(1 - low)) * (1 + 1e-6) + 1e-9


@pytest.mark.parametrize("shape", [(3, 3), (8, 3), (3, 8), (128, 96)])
@pytest.mark.parametrize("sign", [False, True])
def test_the_diagonally_scaled_boundary_step_is_non_expansive(
    shape: tuple[int, int], sign: bool
) -> None:
    W = RNG.standard_normal(shape)
    W = np.abs(W) if sign else W  # of one sign T is attained: λ_max(T⁻¹WWᵀ) = 1
    relu = {"function": "relu"}
    for slack, most in ((0.0, 1.0 + 1e-9), (1e-9, 1.0)):
        graph, weights = scaled_step(W, dominating(W) * (1 - slack))
        graph = Graph(
            tuple(replace(n, attributes=relu) if n.name == "s" else n for n in graph), "v"
        )
        [step] = steps(graph, weights)
        assert step.factor <= most
        assert step.claim == "D2.general_gradient_step"


@pytest.mark.parametrize("sigma", [1.0, 1.01])
def test_a_scale_that_is_too_large_is_found_out(sigma: float) -> None:
    W = np.ones((2, 1))
    graph, weights = scaled_step(W, sigma * np.array([1.0, 1.0]))  # 2/T is 1: T = (2, 2)
    [step] = steps(graph, weights)
    assert step.factor == pytest.approx(2.0 * sigma - 1.0, rel=1e-9)


@pytest.mark.parametrize("mode", ["zeros", "circular"])
@pytest.mark.parametrize("full", [False, True])
def test_channelwise_scales_of_convolutions(mode: str, full: bool) -> None:
    K = RNG.standard_normal((3, 2, 3, 3))
    scale = np.array([0.5, 0.01, 0.2]).reshape(3, 1, 1)
    nodes = [
        Node("u", "input", (), (2, 4, 5)),
        Node("z", "convolution", ("u",), (3, 4, 5), {**GEOMETRY, "mode": mode}, {"weight": "K"}),
        Node("s", "activation", ("z",), (3, 4, 5), LEAKY),
        Node("d", "diagonal", ("s",), (3, 4, 5), {}, {"scale": "scale"}),
    ]
    if mode == "zeros":
        nodes.append(
            Node("y", "transposed_convolution", ("d",), (2, 4, 5), TRANSPOSED, {"weight": "K"})
        )
    else:
        nodes.append(
            Node("y", "convolution", ("d",), (2, 4, 5), {**GEOMETRY, "mode": mode}, {"weight": "L"})
        )
    nodes.append(Node("v", "sum", ("u", "y"), (2, 4, 5), {"coefficients": [1.0, -0.1]}))
    # A scale that is written out pixel by pixel is still one of channels.
    written = np.broadcast_to(scale, (3, 4, 5)).copy() if full else scale
    weights = {"K": K, "L": np.flip(K.swapaxes(0, 1), (2, 3)).copy(), "scale": written}
    graph = Graph(tuple(nodes), "v")
    [step] = steps(graph, weights)
    operations = read_operations(graph, weights)
    unit = np.eye(40).reshape(40, 2, 4, 5)
    moved = operations["z"].evaluate(unit)
    truth = []
    for _ in range(8):
        d = scale * RNG.choice([0.25, 1.0], size=(3, 4, 5))
        back = operations["y"].evaluate(moved * d).reshape(40, 40).T
        truth.append(float(np.linalg.norm(np.eye(40) - 0.1 * back, 2)))
    assert max(truth) <= step.factor * (1 + 1e-13)
    folded = operations["y"].evaluate(moved * scale).reshape(40, 40)
    largest = float(np.linalg.norm(folded, 2))
    assert step.constants["largest"] ** 2 == pytest.approx(largest, rel=0.35)
    assert step.constants["largest"] ** 2 >= largest * (1 - 1e-12)


def pair_graph(A: FloatArray, n: float, p: float) -> tuple[Graph, dict[str, FloatArray]]:
    """x ↦ Aᵀ(φ(Ax + b) − b), φ(s) = n·s + (p − n)·ReLU(s), n as a tensor."""
    m, k = A.shape
    nodes = (
        Node("x", "input", (), (k,)),
        Node("z", "dense", ("x",), (m,), {}, {"weight": "A", "bias": "b"}),
        Node("r", "activation", ("z",), (m,), {"function": "relu"}),
        Node("nz", "diagonal", ("z",), (m,), {}, {"scale": "n"}),
        Node("phi", "sum", ("nz", "r"), (m,), {"coefficients": [1.0, p - n]}),
        Node("c", "diagonal", ("phi",), (m,), {}, {"shift": "minus"}),
        Node("y", "dense", ("c",), (k,), {}, {"weight": "B"}),
    )
    b = np.linspace(-1.0, 1.0, m)
    return Graph(nodes, "y"), {"A": A, "B": A.T.copy(), "b": b, "minus": -b, "n": np.array(n)}


@pytest.mark.parametrize(
    ("n", "p"), [(0.5, 0.75), (0.75, 0.5), (0.5, -0.25), (-1.0, 0.5), (0.0, 0.0)]
)
def test_a_collapsed_pair_has_its_larger_slope(n: float, p: float) -> None:
    A = np.linalg.qr(RNG.standard_normal((4, 4)))[0] * 0.5
    graph, weights = pair_graph(A, n, p)
    derivation = derive(graph, weights)
    truth = 0.25 * max(abs(n), abs(p))
    assert truth * (1 - 1e-12) <= derivation.upper <= truth * (1 + 1e-6) + 1e-15
    assert derivation.lines["phi"].candidates[0].rule == "entrywise slopes"
    [step] = [s for s in derivation.segments if (s.rule, s.end) == ("gradient step", "y")]
    assert (step.start, step.claim) == ("x", "D2.general_gradient_step")
    # A small slope on the other side is no excuse: with −x in its place it is attained.
    values = derivation.operations["phi"].evaluate
    s = np.array([[-1.0, 1.0, 0.0, 0.0]])
    quotients = np.abs(values(n * s, np.maximum(s, 0.0)))[0, :2]
    assert max(quotients) == pytest.approx(max(abs(n), abs(p)))


def test_sums_of_entrywise_maps_of_one_value() -> None:
    """½x + tanh(kx) − ReLU(x), k = (3, 6): slopes from ½ − 1 to ½ + 6."""
    nodes = (
        Node("w", "input", (), (2,)),
        Node("x", "sum", ("w",), (2,), {"coefficients": [-2.0]}),
        Node("three", "diagonal", ("x",), (2,), {}, {"scale": "k"}),
        Node("t", "activation", ("three",), (2,), {"function": "tanh"}),
        Node("r", "activation", ("x",), (2,), {"function": "relu"}),
        Node("v", "sum", ("x", "t", "r"), (2,), {"coefficients": [0.5, 1.0, -1.0]}),
    )
    weights = {"k": np.array([3.0, 6.0])}
    [step] = steps(Graph(nodes, "v"), weights)
    assert (step.start, step.rule) == ("x", "entrywise slopes")
    assert step.constants["slopes"] == pytest.approx([-0.5, 6.5])
    assert step.factor == pytest.approx(6.5)


def test_entries_that_meet_are_not_alone() -> None:
    """A permutation, a sorting or a maximum between the two maps: no gradient."""
    A = RNG.standard_normal((3, 3))
    for operation, attributes in (
        ("permute", {"order": [1, 0]}),
        ("sort", {"axis": 1, "descending": True}),
    ):
        nodes = (
            Node("u", "input", (), (3, 3)),
            Node("z", "dense", ("u",), (3, 3), {}, {"weight": "A"}),
            Node("p", operation, ("z",), (3, 3), attributes),
            Node("y", "dense", ("p",), (3, 3), {}, {"weight": "B"}),
            Node("v", "sum", ("u", "y"), (3, 3), {"coefficients": [1.0, -0.1]}),
        )
        assert found_segments(Graph(nodes, "v"), {"A": A, "B": A.T.copy()}) == []


def test_a_residual_sum_between_the_maps_is_no_gradient() -> None:
    """Aᵀ(σ(Au) + w) with w another value: D does not act on Au alone."""
    A = RNG.standard_normal((3, 3))
    nodes = (
        Node("u", "input", (), (3,)),
        Node("z", "dense", ("u",), (3,), {}, {"weight": "A"}),
        Node("s", "activation", ("z",), (3,), LEAKY),
        Node("c", "sum", ("s", "u"), (3,), {"coefficients": [1.0, 1.0]}),
        Node("y", "dense", ("c",), (3,), {}, {"weight": "B"}),
        Node("v", "sum", ("u", "y"), (3,), {"coefficients": [1.0, -0.1]}),
    )
    assert found_segments(Graph(nodes, "v"), {"A": A, "B": A.T.copy()}) == []
