"""Gradient steps: recognised where they are, left alone where an entry or a sign is off."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowcert.numerics.validation import FloatArray
from flowcert.theory.certificate import Graph, Node
from flowcert.theory.certificate.backwards import Backwards
from flowcert.theory.certificate.gradient_steps import gradient_steps
from flowcert.theory.certificate.gradients import read_gradient
from flowcert.theory.certificate.rules import derive, read_operations
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


def dense_step(
    A: FloatArray, B: FloatArray, coefficients: Sequence[float], sigma: Mapping[str, Any] = LEAKY
) -> tuple[Graph, dict[str, FloatArray]]:
    """c₀u + c₁·Bσ(Au + b)."""
    m, n = A.shape
    nodes = (
        Node("u", "input", (), (n,)),
        Node("z", "dense", ("u",), (m,), {}, {"weight": "A", "bias": "b"}),
        Node("s", "activation", ("z",), (m,), sigma),
        Node("y", "dense", ("s",), (n,), {}, {"weight": "B"}),
        Node("v", "sum", ("u", "y"), (n,), {"coefficients": list(coefficients)}),
    )
    return Graph(nodes, "v"), {"A": A, "B": B, "b": np.linspace(-1.0, 1.0, m)}


def steps(graph: Graph, weights: Mapping[str, FloatArray]) -> list[Segment]:
    """The gradient steps that end at a sum; those that end at the gradient itself have c₀ = 0."""
    found = found_segments(graph, weights)
    return [step for step in found if graph[step.end].operation == "sum"]


def found_segments(graph: Graph, weights: Mapping[str, FloatArray]) -> list[Segment]:
    backwards = Backwards(read_operations(graph, weights))
    return gradient_steps(backwards, lambda name: read_gradient(backwards, name))


def worst(A: FloatArray, c0: float, c1: float, slopes: tuple[float, float]) -> float:
    """max ‖c₀I + c₁AᵀDA‖ over the vertices of D: convex in D, so that it is the supremum."""
    eye = np.eye(A.shape[1])
    found = max(
        float(np.linalg.norm(c0 * eye + c1 * A.T @ np.diag(d) @ A, 2))
        for d in itertools.product(slopes, repeat=len(A))
    )
    return found * (1 - 1e-13)  # the rounding of the oracle itself


@settings(max_examples=60, derandomize=True, deadline=None)
@given(
    st.integers(0, 10**6),
    st.sampled_from([(2, 2), (4, 2), (2, 4), (5, 3)]),
    st.sampled_from([1.0, -1.0, 0.5, 2.0]),
    st.floats(-3.0, 3.0),
    st.sampled_from([1e-6, 1e-3, 1.0, 1e3, 1e6]),
    st.sampled_from([-0.5, 0.0, 0.25, 1.0, 2.0]),
)
def test_factor_bounds_every_vertex(
    seed: int, shape: tuple[int, int], c0: float, c1: float, scale: float, slope: float
) -> None:
    A = scale * np.random.default_rng(seed).standard_normal(shape)
    sigma = {"function": "leaky_relu", "parameters": {"slope": slope}}
    [step] = steps(*dense_step(A, A.T.copy(), (c0, c1), sigma))
    slopes = (min(slope, 1.0), max(slope, 1.0))
    truth = worst(A, c0, c1, slopes)
    assert (step.start, step.end, step.nodes) == ("u", "v", ("z", "s", "y", "v"))
    assert step.factor >= truth
    low, high = np.linalg.svd(A, compute_uv=False)[[-1, 0]]
    low = 0.0 if shape[0] < shape[1] else low
    ends = [c0 + c1 * a * s**2 for a in slopes for s in (low, high)]
    assert step.factor <= max(map(abs, ends)) * (1 + 1e-5) + 1e-12


def test_a_tall_matrix_contracts_strictly_and_matches_the_formula() -> None:
    A = np.vstack([np.diag([1.0, 0.5]), np.zeros((1, 2))])
    [step] = steps(*dense_step(A, A.T.copy(), (1.0, -1.0)))
    assert step.factor == pytest.approx(1 - 0.25 * 0.25, rel=1e-6)
    assert step.claim == "D2.general_gradient_step"
    assert step.constants["slopes"] == [0.25, 1.0]
    assert step.constants["smallest"] == pytest.approx(0.5, rel=1e-6)


def test_sigma_min_is_not_asked_for_where_it_cannot_help() -> None:
    A = 3.0 * np.eye(2)
    [step] = steps(*dense_step(A, A.T.copy(), (1.0, -1.0)))
    assert step.constants["smallest"] == 0.0
    assert step.factor == pytest.approx(8.0, rel=1e-6)


def one_ulp_off(B: FloatArray) -> FloatArray:
    B = B.copy()
    B[-1, 0] = np.nextafter(B[-1, 0], np.inf)
    return B


A = RNG.standard_normal((3, 3))


@pytest.mark.parametrize(
    ("B", "why"),
    [
        (A, "missing transpose"),
        (one_ulp_off(A.T), "one entry off by one unit in the last place"),
        (-A.T, "the other sign: not MᵀDM, though a step with −1 would be"),
    ],
)
def test_nearly_a_gradient_step_is_none(B: FloatArray, why: str) -> None:
    graph, weights = dense_step(A, np.ascontiguousarray(B), (1.0, -0.5))
    assert steps(graph, weights) == [], why
    assert all(c.rule != "gradient step" for c in derive(graph, weights).lines["v"].candidates)


def test_the_sign_of_the_step_counts() -> None:
    A = np.eye(2)
    [down] = steps(*dense_step(A, A.copy(), (1.0, -1.0)))
    [up] = steps(*dense_step(A, A.copy(), (1.0, 1.0)))
    assert down.factor == pytest.approx(0.75, rel=1e-6)
    assert up.factor == pytest.approx(2.0, rel=1e-6)


def test_constant_factors_anywhere_are_read_and_others_are_not() -> None:
    m, n = 3, 2
    A = RNG.standard_normal((m, n))
    nodes = (
        Node("u", "input", (), (n,)),
        Node("k", "diagonal", ("u",), (n,), {}, {"scale": "two", "shift": "b"}),
        Node("z", "dense", ("k",), (m,), {}, {"weight": "A"}),
        Node("g", "diagonal", ("z",), (m,), {}, {"scale": "gains"}),
        Node("s", "activation", ("g",), (m,), LEAKY),
        Node("y", "dense", ("s",), (n,), {}, {"weight": "B"}),
        Node("h", "diagonal", ("y",), (n,), {}, {"divisor": "ten"}),
        Node("minus", "sum", ("h",), (n,), {"coefficients": [-1.0]}),
        Node("v", "sum", ("minus", "u"), (n,), {"coefficients": [1.0, 1.0]}),
    )
    weights = {
        "A": A,
        "B": A.T.copy(),
        "two": np.array(2.0),
        "gains": np.array([0.5, 1.0, 3.0]),
        "ten": np.array([10.0, 10.0]),
        "b": np.ones(n),
    }
    graph = Graph(nodes, "v")
    [step] = steps(graph, weights)
    eye, gains = np.eye(n), np.diag(weights["gains"])
    truth = max(
        float(np.linalg.norm(eye - 0.2 * A.T @ np.diag(d) @ gains @ A, 2))
        for d in itertools.product((0.25, 1.0), repeat=m)
    )
    assert truth * (1 - 1e-13) <= step.factor < 1.5 * truth
    assert step.constants["step"][0] <= -0.2 <= step.constants["step"][1]
    assert step.constants["slopes"] == [0.25, 1.0]  # the gains are in the map: √gains·A
    roots = np.sqrt(weights["gains"])[:, None] * A
    assert step.constants["largest"] == pytest.approx(2 * np.linalg.norm(roots, 2) / 2, rel=1e-6)
    for changed in ({"ten": np.array([10.0, 11.0])}, {"two": np.array([2.0, 2.5])}):
        assert steps(graph, {**weights, **changed}) == []


def test_two_activations_two_terms_or_another_input_are_judged_rightly() -> None:
    A = RNG.standard_normal((2, 2))
    nodes = (
        Node("x", "input", (), (2,)),
        Node("u", "activation", ("x",), (2,), {"function": "relu"}),
        Node("z", "dense", ("x",), (2,), {}, {"weight": "A"}),  # of x, not of u
        Node("s", "activation", ("z",), (2,), LEAKY),
        Node("y", "dense", ("s",), (2,), {}, {"weight": "B"}),
        Node("v", "sum", ("u", "y"), (2,), {"coefficients": [1.0, -1.0]}),
        Node("w", "sum", ("x", "y", "x"), (2,), {"coefficients": [0.5, -1.0, 0.5]}),
    )
    found = steps(Graph(nodes, "w"), {"A": A, "B": A.T.copy()})
    [step] = found
    assert (step.start, step.end) == ("x", "w")
    assert step.factor >= worst(A, 1.0, -1.0, (0.25, 1.0))


def convolutional(
    inner: str, outer: str, one: Mapping[str, Any], two: Mapping[str, Any], shapes: Any
) -> Graph:
    u, z = shapes
    return Graph(
        (
            Node("u", "input", (), u),
            Node("z", inner, ("u",), z, one, {"weight": "K", "bias": "b"}),
            Node("s", "activation", ("z",), z, LEAKY),
            Node("y", outer, ("s",), u, two, {"weight": "L"}),
            Node("v", "sum", ("u", "y"), u, {"coefficients": [1.0, -0.1]}),
        ),
        "v",
    )


def transposed(**changes: Any) -> dict[str, Any]:
    base = {"stride": [1, 1], "padding": [1, 1], "output_padding": [0, 0], "dilation": [1, 1]}
    return {**base, "groups": 1, **changes}


def jacobian(graph: Graph, weights: Mapping[str, FloatArray], d: FloatArray) -> FloatArray:
    """∂v/∂u with the slopes d, by applying the two maps to unit images."""
    operations = read_operations(graph, weights)
    n = math.prod(graph.input.shape)
    unit = np.eye(n).reshape(n, *graph.input.shape)
    moved = operations["z"].evaluate(unit) - operations["z"].evaluate(0.0 * unit)
    back = operations["y"].evaluate(moved * d) - operations["y"].evaluate(0.0 * moved)
    return np.eye(n) - 0.1 * back.reshape(n, n).T


CASES = {
    "same padding": (GEOMETRY, transposed(), ((2, 4, 5), (3, 4, 5)), (3, 2, 3, 3)),
    "stride 2": (
        {**GEOMETRY, "stride": [2, 2]},
        transposed(stride=[2, 2], output_padding=[1, 0]),
        ((2, 4, 5), (3, 2, 3)),
        (3, 2, 3, 3),
    ),
    "groups": (
        {**GEOMETRY, "groups": 2},
        transposed(groups=2),
        ((2, 4, 4), (4, 4, 4)),
        (4, 1, 3, 3),
    ),
    "dilation": (
        {**GEOMETRY, "dilation": [2, 1], "padding": [[2, 2], [1, 1]]},
        transposed(dilation=[2, 1], padding=[2, 1]),
        ((1, 5, 4), (2, 5, 4)),
        (2, 1, 3, 3),
    ),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("swapped", [False, True])
def test_convolution_and_its_transpose(case: str, swapped: bool) -> None:
    one, two, (u, z), shape = CASES[case]
    K = RNG.standard_normal(shape)
    weights = {"K": K, "L": K.copy(), "b": RNG.standard_normal(shape[0])}
    graph = convolutional("convolution", "transposed_convolution", one, two, (u, z))
    if swapped:
        graph = convolutional("transposed_convolution", "convolution", two, one, (z, u))
        weights["b"] = RNG.standard_normal(u[0])
    [step] = steps(graph, weights)
    hidden = graph["z"].shape
    for _ in range(5):
        d = RNG.choice([0.25, 1.0], size=hidden)
        J = jacobian(graph, weights, d)
        assert np.allclose(J, J.T)
        assert np.linalg.norm(J, 2) <= step.factor * (1 + 1e-13)  # of the oracle itself
    ends = [np.linalg.norm(jacobian(graph, weights, np.full(hidden, a)), 2) for a in (0.25, 1.0)]
    assert step.factor <= 1.05 * max(1.0, *ends)
    weights["L"] = K.copy()
    weights["L"].flat[3] = np.nextafter(K.flat[3], np.inf)
    assert steps(graph, weights) == []


@pytest.mark.parametrize("mode", ["zeros", "circular"])
def test_two_convolutions_with_a_flipped_kernel(mode: str) -> None:
    K = RNG.standard_normal((4, 1, 2, 3))
    pads = [[0, 1], [1, 1]]
    one = {**GEOMETRY, "padding": pads, "groups": 2, "mode": mode}
    two = {**one, "padding": [pair[::-1] for pair in pads]}
    L = np.flip(K.reshape(2, 2, 1, 2, 3).swapaxes(1, 2).reshape(2, 2, 2, 3), (2, 3)).copy()
    weights = {"K": K, "L": L, "b": np.zeros(4)}
    graph = convolutional("convolution", "convolution", one, two, ((2, 4, 4), (4, 4, 4)))
    [step] = steps(graph, weights)
    J = jacobian(graph, weights, RNG.choice([0.25, 1.0], size=(4, 4, 4)))
    assert np.allclose(J, J.T)
    assert np.linalg.norm(J, 2) <= step.factor
    wrong = convolutional("convolution", "convolution", one, one, ((2, 4, 4), (4, 4, 4)))
    assert not np.allclose(jacobian(wrong, weights, np.ones((4, 4, 4))).T, J)
    assert steps(wrong, weights) == []


@pytest.mark.parametrize("mode", ["circular", "reflect", "replicate"])
def test_padded_otherwise_the_transposed_convolution_is_no_adjoint(mode: str) -> None:
    K = RNG.standard_normal((3, 2, 3, 3))
    one = {**GEOMETRY, "mode": mode}
    graph = convolutional(
        "convolution", "transposed_convolution", one, transposed(), ((2, 4, 4), (3, 4, 4))
    )
    weights = {"K": K, "L": K, "b": np.zeros(3)}
    J = jacobian(graph, weights, np.ones((3, 4, 4)))
    assert not np.allclose(J, J.T)  # it really is none
    assert steps(graph, weights) == []


def test_reflected_flipped_kernels_are_no_adjoint() -> None:
    K = RNG.standard_normal((2, 2, 3, 3))
    one = {**GEOMETRY, "mode": "reflect"}
    graph = convolutional("convolution", "convolution", one, one, ((2, 4, 4), (2, 4, 4)))
    L = np.flip(K.swapaxes(0, 1), (2, 3)).copy()
    assert steps(graph, {"K": K, "L": L, "b": np.zeros(2)}) == []


def test_another_stride_with_the_same_shapes_is_no_adjoint() -> None:
    """3 pixels to 2 by stride 2, back by stride 1 and one pixel more: only the shapes fit."""
    K = RNG.standard_normal((1, 1, 3))
    one = {"stride": [2], "padding": [[2, 2]], "dilation": [2], "groups": 1, "mode": "zeros"}
    two = {"stride": [1], "padding": [2], "output_padding": [1], "dilation": [2], "groups": 1}
    graph = convolutional("convolution", "transposed_convolution", one, two, ((1, 3), (1, 2)))
    weights = {"K": K, "L": K, "b": np.zeros(1)}
    J = jacobian(graph, weights, np.ones((1, 2)))
    assert not np.allclose(J, J.T)
    assert steps(graph, weights) == []


def test_flattened_and_back() -> None:
    A = RNG.standard_normal((3, 4))
    nodes = (
        Node("u", "input", (), (2, 2)),
        Node("f", "reshape", ("u",), (4,), {"shape": [4]}),
        Node("z", "dense", ("f",), (3,), {}, {"weight": "A"}),
        Node("s", "activation", ("z",), (3,), LEAKY),
        Node("y", "dense", ("s",), (4,), {}, {"weight": "B"}),
        Node("r", "reshape", ("y",), (2, 2), {"shape": [2, 2]}),
        Node("v", "sum", ("u", "r"), (2, 2), {"coefficients": [1.0, -0.1]}),
    )
    [step] = steps(Graph(nodes, "v"), {"A": A, "B": A.T.copy()})
    assert step.factor >= worst(A, 1.0, -0.1, (0.25, 1.0))


@pytest.mark.parametrize("scale", [0.0, 1e-200, 1e-30, 1e30, 1e150])
def test_extreme_weights_stay_sound(scale: float) -> None:
    A = scale * np.array([[1.0, 0.0], [0.0, 0.5]])
    found = steps(*dense_step(A, A.T.copy(), (0.0, -1.0)))
    truth = scale * scale
    for step in found:
        assert step.factor >= truth
        assert step.factor > 0.0 or scale == 0.0
    assert found or scale == 1e150


def test_no_factor_from_infinite_slopes() -> None:
    graph, weights = dense_step(np.eye(2), np.eye(2), (1.0, -1.0), {"function": "exp"})
    operations = read_operations(graph, weights)
    assert not math.isfinite(operations["s"].slopes[1])  # type: ignore[attr-defined]  # Activation
    assert found_segments(graph, weights) == []
