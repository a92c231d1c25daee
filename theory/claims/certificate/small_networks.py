"""Random small networks, written twice: by hand in NumPy, and as the graph of a certificate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from hypothesis import strategies as st

from ....numerics.validation import FloatArray
from ... import strategies
from ...certificate import Graph, Node, derive


@dataclass(frozen=True)
class SmallNetwork:
    """Layers as (kind, matrices, number), evaluated here by hand, with two points to compare.

    Kinds: "dense" x ↦ Ax, "leaky" with slope s, "scaled" x ↦ x/s, "residual" x ↦ x + s·Bσ(Ax),
    "branches" x ↦ Ax − s·Bx, "concatenated" x ↦ (Ax, Bx), "pooled": the larger of neighbours.
    """

    layers: tuple[tuple[str, tuple[FloatArray, ...], float], ...]
    x: FloatArray
    y: FloatArray

    def __call__(self, x: FloatArray) -> FloatArray:
        for kind, matrices, s in self.layers:
            x = _value(kind, matrices, s, x)
        return x

    def jacobian(self, x: FloatArray) -> FloatArray:
        """The chain rule, layer by layer."""
        J = np.eye(len(x))
        for kind, matrices, s in self.layers:
            J, x = _jacobian(kind, matrices, s, x) @ J, _value(kind, matrices, s, x)
        return J

    def graph(self) -> tuple[Graph, dict[str, FloatArray]]:
        """The same network as the nodes that a certificate is made of."""
        drawing = _Drawing(len(self.x))
        for kind, matrices, s in self.layers:
            drawing.add_layer(kind, matrices, s)
        return Graph(tuple(drawing.nodes), drawing.last.name), drawing.weights

    def bound(self) -> float:
        """The upper end that the rules derive."""
        return derive(*self.graph()).upper


def _value(kind: str, matrices: tuple[FloatArray, ...], s: float, x: FloatArray) -> FloatArray:
    if kind == "dense":
        return np.asarray(matrices[0] @ x)
    if kind == "leaky":
        return np.where(x > 0.0, x, s * x)
    if kind == "scaled":
        return x / s
    if kind == "pooled":
        return np.maximum(x[1:], x[:-1])
    A, B = matrices
    if kind == "residual":
        return np.asarray(x + s * (B @ np.maximum(A @ x, 0.0)))
    if kind == "branches":
        return np.asarray(A @ x - s * (B @ x))
    return np.concatenate([A @ x, B @ x])


def _jacobian(kind: str, matrices: tuple[FloatArray, ...], s: float, x: FloatArray) -> FloatArray:
    unit = np.eye(len(x))
    if kind == "leaky":
        return np.diag(np.where(x > 0.0, 1.0, s))
    if kind == "pooled":
        return np.where((x[1:] >= x[:-1])[:, None], unit[1:], unit[:-1])
    if kind == "residual":
        A, B = matrices
        return np.asarray(unit + s * B @ (((A @ x) > 0.0)[:, None] * A))
    # The others are linear: their columns are the images of the unit vectors.
    return np.stack([_value(kind, matrices, s, e) for e in unit], axis=1)


class _Drawing:
    """Nodes and weights, added one after the other."""

    def __init__(self, dimension: int) -> None:
        self.nodes = [Node("x", "input", (), (dimension,))]
        self.weights: dict[str, FloatArray] = {}

    @property
    def last(self) -> Node:
        return self.nodes[-1]

    def node(
        self, operation: str, inputs: Sequence[Node], length: int, **attributes: object
    ) -> Node:
        names = tuple(node.name for node in inputs)
        node = Node(f"n{len(self.nodes)}", operation, names, (length,), attributes)
        self.nodes.append(node)
        return node

    def linear(self, operation: str, source: Node, length: int, role: str, w: FloatArray) -> Node:
        node = self.node(operation, (source,), length)
        self.weights[node.name] = w
        self.nodes[-1] = replace(node, tensors={role: node.name})
        return self.last

    def dense(self, source: Node, A: FloatArray) -> Node:
        return self.linear("dense", source, len(A), "weight", A)

    def add_layer(self, kind: str, matrices: tuple[FloatArray, ...], s: float) -> None:
        x = self.last
        length = x.shape[0]
        if kind == "dense":
            self.dense(x, matrices[0])
        elif kind == "leaky":
            parameters = {"slope": s}
            self.node("activation", (x,), length, function="leaky_relu", parameters=parameters)
        elif kind == "scaled":
            self.linear("diagonal", x, length, "divisor", np.full(length, s))
        elif kind == "pooled":
            windows = [[[i, i + 1] for i in range(length - 1)]]
            self.node("max_pool", (x,), length - 1, axes=[0], windows=windows)
        elif kind == "residual":
            inner = self.dense(x, matrices[0])
            inner = self.node("activation", (inner,), inner.shape[0], function="relu")
            inner = self.dense(inner, matrices[1])
            self.node("sum", (x, inner), length, coefficients=[1.0, s])
        else:
            first, second = (self.dense(x, A) for A in matrices)
            if kind == "branches":
                self.node("sum", (first, second), first.shape[0], coefficients=[1.0, -s])
            else:
                total = first.shape[0] + second.shape[0]
                self.node("concatenate", (first, second), total, axis=0)


@st.composite
def small_networks(draw: st.DrawFn) -> SmallNetwork:
    """Networks of one to four layers on two to four inputs, with two points to compare."""
    n = draw(st.integers(2, 4))
    x, y = draw(strategies.point_pairs(n))
    kinds = ["dense", "leaky", "scaled", "residual", "branches", "concatenated", "pooled"]
    layers = []
    for kind in draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=4)):
        s = draw(st.floats(0.125, 2.0))
        matrices: list[FloatArray] = []
        if kind in ("dense", "branches", "concatenated"):
            m = draw(st.integers(1, 3))
            count = 1 if kind == "dense" else 2
            matrices = [draw(strategies.matrices(m, n)).entries for _ in range(count)]
            n = m if kind != "concatenated" else 2 * m
        elif kind == "residual":
            m = draw(st.integers(1, 3))
            matrices = [draw(strategies.matrices(*size)).entries for size in ((m, n), (n, m))]
        elif kind == "pooled":
            if n == 1:
                continue
            n -= 1
        layers.append((kind, tuple(matrices), s))
    return SmallNetwork(tuple(layers), x, y)
