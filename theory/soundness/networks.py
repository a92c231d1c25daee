"""Random small networks: bracketed by ``theory.certificate``, enumerated by the oracle."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise, product

import numpy as np

from ...numerics.validation import FloatArray
from ..certificate.graph import Graph, Node
from ..certificate.rules import Derivation, derive
from ..certificate.witness import bound_quotient
from .instance import Bracket, Instance
from .layers import Generator, entries
from .oracles import exact_cells, spectral_norm_range, vertex_constant


def _chain(weights: Sequence[FloatArray], biases: Sequence[FloatArray], slope: float) -> Derivation:
    """A dense network with LeakyReLU of the given slope between its layers."""
    nodes = [Node("x", "input", (), (weights[0].shape[1],))]
    tensors: dict[str, FloatArray] = {}
    for i, (W, b) in enumerate(zip(weights, biases, strict=True)):
        tensors |= {f"W{i}": W, f"b{i}": b}
        keys = {"weight": f"W{i}", "bias": f"b{i}"}
        nodes.append(Node(f"dense{i}", "dense", (nodes[-1].name,), (len(W),), {}, keys))
        if i + 1 < len(weights):
            sigma = {"function": "leaky_relu", "parameters": {"slope": slope}}
            nodes.append(Node(f"act{i}", "activation", (nodes[-1].name,), (len(W),), sigma))
    return derive(Graph(tuple(nodes), nodes[-1].name), tensors)


def _witnessed(
    rng: Generator, derivation: Derivation, forward: Callable[[FloatArray], FloatArray], n: int
) -> float:
    """The best rigorous quotient of a few pairs, one of them along the steepest direction known."""
    best = 0.0
    for _ in range(4):
        x = rng.standard_normal(n) * 10.0 ** rng.uniform(-3, 3)
        step = 10.0 ** rng.uniform(-6, 0) * (1.0 + float(np.linalg.norm(x)))
        J = np.stack([(forward(x + step * e) - forward(x)) / step for e in np.eye(n)], axis=1)
        _, _, V = np.linalg.svd(J) if np.all(np.isfinite(J)) else (0, 0, np.eye(n))
        for direction in (V[0], rng.standard_normal(n)):
            best = max(best, bound_quotient(derivation, x, x + step * direction))
    return best


def _sizes(rng: Generator, most: int) -> list[int]:
    return [int(n) for n in rng.integers(1, most + 1, size=rng.integers(3, 5))]


def _random(rng: Generator, sizes: Sequence[int]) -> tuple[list[FloatArray], list[FloatArray]]:
    weights = [entries(rng, (m, n)) for n, m in pairwise(sizes)]
    if rng.random() < 0.2 and len(weights[-1]) > 1:
        weights[-1][1] = weights[-1][0]  # tied logits
    biases = [rng.standard_normal(len(W)) * float(np.max(np.abs(W), initial=0.0)) for W in weights]
    return weights, biases


def forward_of(
    weights: Sequence[FloatArray], biases: Sequence[FloatArray], slope: float
) -> Callable[[FloatArray], FloatArray]:
    """The network as a function, written apart from the graph."""

    def forward(x: FloatArray) -> FloatArray:
        for W, b in zip(weights[:-1], biases[:-1], strict=True):
            z = W @ x + b
            x = np.where(z > 0, z, slope * z)
        return np.asarray(weights[-1] @ x + biases[-1])

    return forward


def vertex_network(rng: Generator, seed: int) -> Instance:
    """A LeakyReLU network: lower ≤ the worst pattern of slopes, upper ≥ what two points show."""
    weights, biases = _random(rng, _sizes(rng, 4))
    slope = float(rng.choice([0.0, 0.1, 0.5, 1.0]))
    derivation = _chain(weights, biases, slope)
    forward = forward_of(weights, biases, slope)
    n = weights[0].shape[1]
    lower = _witnessed(rng, derivation, forward, n)
    shown = 0.0
    for _ in range(8):  # Jacobians at points are attained
        J = _jacobian(weights, biases, slope, rng.standard_normal(n) * 10.0 ** rng.uniform(-2, 2))
        shown = max(shown, spectral_norm_range(J).lower)
    truth = Bracket(shown * (1 - 1e-12), vertex_constant(weights, (slope, 1.0)))
    return Instance("network, vertices", seed, Bracket(lower, derivation.upper), truth)


def cell_network(rng: Generator, seed: int) -> Instance:
    """A ReLU network against its linear pieces, found by linear programming."""
    sizes = [int(rng.integers(1, 4)), int(rng.integers(2, 5)), int(rng.integers(2, 4)), 2]
    weights = [rng.standard_normal((m, n)) for n, m in pairwise(sizes)]
    biases = [rng.standard_normal(len(W)) for W in weights]
    derivation = _chain(weights, biases, 0.0)
    lower = _witnessed(rng, derivation, forward_of(weights, biases, 0.0), sizes[0])
    claimed = Bracket(lower, derivation.upper)
    return Instance("network, cells by LP", seed, claimed, exact_cells(weights, biases))


def gradient_step(rng: Generator, seed: int) -> Instance:
    """x − hAᵀσ(Ax + b) with independent rows: every pattern of slopes is reached."""
    n = int(rng.integers(1, 6))
    rows = int(rng.integers(1, n + 1))
    A = rng.standard_normal((rows, n)) * 10.0 ** rng.uniform(-3, 3)
    a = float(rng.choice([0.0, 0.1, 0.5, 1.0]))
    h = float(rng.uniform(-0.5, 4.0)) / spectral_norm_range(A).upper ** 2
    tensors = {"A": A, "At": np.ascontiguousarray(A.T), "b": rng.standard_normal(rows)}
    sigma = {"function": "leaky_relu", "parameters": {"slope": a}}
    graph = Graph(
        (
            Node("x", "input", (), (n,)),
            Node("s", "dense", ("x",), (rows,), {}, {"weight": "A", "bias": "b"}),
            Node("r", "activation", ("s",), (rows,), sigma),
            Node("t", "dense", ("r",), (n,), {}, {"weight": "At"}),
            Node("y", "sum", ("x", "t"), (n,), {"coefficients": [1.0, -h]}),
        ),
        "y",
    )
    derivation = derive(graph, tensors)

    def forward(x: FloatArray) -> FloatArray:
        z = A @ x + tensors["b"]
        return np.asarray(x - h * (A.T @ np.where(z > 0, z, a * z)))

    lower = _witnessed(rng, derivation, forward, n)
    values = [
        spectral_norm_range(np.eye(n) - h * A.T @ (np.array(d)[:, None] * A))
        for d in product((a, 1.0), repeat=rows)
    ]
    # LAPACK's rounding, and that of forming I − hAᵀDA, whose parts are of order 1.
    truth = Bracket(
        max(v.lower for v in values) * (1 - 1e-12), max(v.upper for v in values) * (1 + 1e-12)
    )
    return Instance("gradient step", seed, Bracket(lower, derivation.upper), truth)


NETWORKS: tuple[Callable[[Generator, int], Instance], ...] = (vertex_network, gradient_step)


def _jacobian(
    weights: Sequence[FloatArray], biases: Sequence[FloatArray], slope: float, x: FloatArray
) -> FloatArray:
    J = np.eye(len(x))
    for W, b in zip(weights[:-1], biases[:-1], strict=True):
        z, J = W @ x + b, W @ J
        d = np.where(z > 0, 1.0, slope)
        x, J = d * z, d[:, None] * J
    return np.asarray(weights[-1] @ J)
