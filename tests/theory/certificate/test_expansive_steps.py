"""Residual layers that are no gradients: the bound around the middle slope."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowcert.numerics.validation import FloatArray
from flowcert.theory.bounds import bound_shifted_expansive_factor
from flowcert.theory.certificate import Graph, Node, derive
from flowcert.theory.certificate.expansive_steps import shifted_identity
from flowcert.theory.certificate.segments import Segment
from flowcert.theory.interval import Interval
from flowcert.theory.spectral import Convolution, Dense

RNG = np.random.default_rng(5)


def leaky(slope: float) -> dict[str, Any]:
    return {"function": "leaky_relu", "parameters": {"slope": slope}}


def dense_graph(n: int, m: int, kept: float, h: float, slope: float, *, outer: bool) -> Graph:
    nodes = [
        Node("x", "input", (), (n,)),
        Node("z", "dense", ("x",), (m,), {}, {"weight": "B", "bias": "c"}),
        Node("s", "activation", ("z",), (m,), leaky(slope)),
        Node("g", "diagonal", ("s",), (m,), {}, {"scale": "gains"}),
    ]
    if outer:
        nodes.append(Node("w", "dense", ("g",), (n,), {}, {"weight": "C"}))
    last = nodes[-1].name
    nodes.append(Node("v", "sum", (last, "x"), (n,), {"coefficients": [h, kept]}))
    return Graph(tuple(nodes), "v")


def step(graph: Graph, weights: dict[str, FloatArray]) -> Segment | None:
    found = [s for s in derive(graph, weights).segments if s.rule == "expansive step"]
    assert len(found) <= 1
    return found[0] if found else None


@settings(max_examples=60, derandomize=True, deadline=None)
@given(
    st.integers(0, 10**6),
    st.sampled_from([(2, 2), (3, 3), (2, 4), (3, 2)]),
    st.floats(-1.5, 1.5),
    st.sampled_from([-1.0, 0.1, 1.0, 3.0]),
    st.sampled_from([-0.5, 0.0, 0.5, 1.0, 2.0]),
    st.sampled_from(["equal", "positive", "mixed"]),
)
def test_no_vertex_exceeds_the_factor(
    seed: int, shape: tuple[int, int], kept: float, h: float, slope: float, kind: str
) -> None:
    n, m = shape
    random = np.random.default_rng(seed)
    B, C = random.standard_normal((m, n)), random.standard_normal((n, m))
    gains = {
        "equal": np.full(m, 2.0),
        "positive": random.uniform(0.1, 2.0, m),
        "mixed": random.uniform(-2.0, 2.0, m),
    }[kind]
    outer = n != m or seed % 2 == 0
    weights = {"B": B, "C": C, "c": np.ones(m), "gains": gains}
    found = step(dense_graph(n, m, kept, h, slope, outer=outer), weights)
    assert found is not None
    assert (found.start, found.end, found.claim) == ("x", "v", "D2.general_expansive_step")
    left = C if outer else np.eye(n)
    slopes = (min(slope, 1.0), max(slope, 1.0))
    truth = max(
        float(np.linalg.norm(kept * np.eye(n) + h * left @ ((gains * d)[:, None] * B), 2))
        for d in map(np.array, itertools.product(slopes, repeat=m))
    )
    assert found.factor >= truth * (1 - 1e-13)


def test_it_is_the_bound_for_a_given_matrix_and_the_sum_stays() -> None:
    skew = np.array([[0.0, -1.0], [1.0, 0.0]])
    weights = {"B": skew, "c": np.ones(2), "gains": np.ones(2)}
    derivation = derive(dense_graph(2, 2, 1.0, 0.3, 0.5, outer=False), weights)
    bounds = {c.rule: c.upper for c in derivation.lines["v"].candidates}
    shifted = float(np.hypot(1.0, 0.3 * 0.75))
    expected = float(bound_shifted_expansive_factor(0.5, 0.3, shifted, 1.0))
    assert bounds["expansive step"] == pytest.approx(expected, rel=1e-9)
    assert bounds["sum"] == pytest.approx(1.3, rel=1e-9)
    assert derivation.upper == min(bounds.values()) < 1.11


def test_a_gradient_is_left_to_the_gradient_step() -> None:
    A = RNG.standard_normal((3, 2))
    weights = {"B": A, "C": A.T.copy(), "c": np.ones(3), "gains": np.ones(3)}
    assert step(dense_graph(2, 3, 1.0, -0.1, 0.0, outer=True), weights) is None


def geometry(mode: str, taps: int, dilation: int = 1, groups: int = 1) -> dict[str, Any]:
    low = dilation * ((taps - 1) // 2)
    pads = [low, dilation * (taps - 1) - low]
    return {
        "stride": [1, 1],
        "padding": [pads, pads],
        "dilation": [dilation, dilation],
        "groups": groups,
        "mode": mode,
    }


@pytest.mark.parametrize("mode", ["zeros", "circular", "reflect"])
@pytest.mark.parametrize(
    ("taps", "dilation", "groups"), [(3, 1, 1), (2, 1, 1), (3, 2, 1), (3, 1, 2)]
)
def test_convolutions(mode: str, taps: int, dilation: int, groups: int) -> None:
    K = RNG.standard_normal((2, 2 // groups, taps, taps))
    shape = (2, 5, 6)
    nodes = (
        Node("x", "input", (), shape),
        Node(
            "z",
            "convolution",
            ("x",),
            shape,
            geometry(mode, taps, dilation, groups),
            {"weight": "K"},
        ),
        Node("s", "activation", ("z",), shape, leaky(0.5)),
        Node("g", "diagonal", ("s",), shape, {}, {"scale": "gains"}),
        Node("v", "sum", ("x", "g"), shape, {"coefficients": [1.0, 0.3]}),
    )
    graph = Graph(nodes, "v")
    gains = np.array([1.0, 0.5]).reshape(2, 1, 1)
    derivation = derive(graph, {"K": K, "gains": gains})
    found = next(s for s in derivation.segments if s.rule == "expansive step")
    unit = np.eye(60).reshape(60, *shape)
    moved = derivation.operations["z"].evaluate(unit)
    for _ in range(6):
        d = gains * RNG.choice([0.5, 1.0], size=shape)
        J = np.eye(60) + 0.3 * (moved * d).reshape(60, 60).T
        assert float(np.linalg.norm(J, 2)) <= found.factor * (1 + 1e-13)
    bounds = {c.rule: c.upper for c in derivation.lines["v"].candidates}
    assert mode == "reflect" or bounds["expansive step"] <= bounds["sum"] * (1 + 1e-6)


def one_sided(pads: list[int], dilation: int = 1) -> Graph:
    shape = (1, 5)
    pieces = {
        "stride": [1],
        "padding": [pads],
        "dilation": [dilation],
        "groups": 1,
        "mode": "zeros",
    }
    nodes = (
        Node("x", "input", (), shape),
        Node("z", "convolution", ("x",), shape, pieces, {"weight": "K"}),
        Node("s", "activation", ("z",), shape, leaky(0.5)),
        Node("v", "sum", ("x", "s"), shape, {"coefficients": [1.0, 1.0]}),
    )
    return Graph(nodes, "v")


def test_without_a_tap_at_the_own_pixel_there_is_no_such_step() -> None:
    graph = one_sided([1, 1], dilation=2)  # reads p − 1 and p + 1
    assert step(graph, {"K": RNG.standard_normal((1, 1, 2))}) is None


@pytest.mark.parametrize("pads", [[2, 0], [0, 2], [1, 1]])
def test_the_own_pixel_may_be_read_by_any_tap(pads: list[int]) -> None:
    K = RNG.standard_normal((1, 1, 3))
    found = step(one_sided(pads), {"K": K})
    A = sum(K[0, 0, t] * np.eye(5, k=t - pads[0]) for t in range(3))
    centred = np.linalg.norm(np.eye(5) + 0.75 * A, 2)
    assert found is not None
    assert centred <= found.constants["centred"] * (1 + 1e-12)
    kernel = 0.75 * np.abs(K[0, 0])
    kernel[pads[0]] = abs(1 + 0.75 * K[0, 0, pads[0]])
    assert found.constants["centred"] <= float(np.sum(kernel)) * (1 + 1e-6)


@pytest.mark.parametrize("groups", [1, 2])
def test_the_shifted_map_is_the_map_with_the_identity_added(groups: int) -> None:
    K = RNG.standard_normal((4, 4 // groups, 3, 3))
    convolution = Convolution(K, (4, 4, 5), padding=1, groups=groups, mode="circular")
    third = Interval.of(1.0) / Interval.of(3.0)
    for map_ in (convolution, Dense(RNG.standard_normal((3, 3)), (2, 3))):
        shifted = shifted_identity(map_, Interval.of(-0.5), third)
        assert shifted is not None
        expected = -0.5 * np.eye(map_.columns) + map_.matrix() / 3.0
        off = np.linalg.norm(getattr(shifted, "stored", shifted).matrix() - expected, 2)
        assert off <= shifted.norm_error + 1e-14
        assert shifted.singular_values().largest >= np.linalg.norm(expected, 2) * (1 - 1e-13)
