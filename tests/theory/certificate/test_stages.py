"""Walking backwards through a graph, and rows of exact coefficients."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from flowcert.theory.certificate import Graph, Node
from flowcert.theory.certificate.backwards import Backwards
from flowcert.theory.certificate.gradients import read_gradient
from flowcert.theory.certificate.rules import read_operations
from flowcert.theory.certificate.stages import read_stages

A = np.array([[1.0, 2.0], [0.5, -1.0]])
WEIGHTS = {"A": A, "B": A.T.copy(), "h": np.array(0.1), "three": np.full(2, 3.0)}


def backwards(*nodes: Node) -> Backwards:
    source = Node("x", "input", (), (2,))
    graph = Graph((source, *nodes), nodes[-1].name)
    return Backwards(read_operations(graph, WEIGHTS))


def gradient(name: str, given: str) -> tuple[Node, ...]:
    return (
        Node(f"{name}.z", "dense", (given,), (2,), {}, {"weight": "A"}),
        Node(f"{name}.s", "activation", (f"{name}.z",), (2,), {"function": "relu"}),
        Node(name, "dense", (f"{name}.s",), (2,), {}, {"weight": "B"}),
    )


def total(name: str, **terms: float) -> Node:
    return Node(name, "sum", tuple(terms), (2,), {"coefficients": list(terms.values())})


def test_coefficients_are_the_products_of_the_floats_themselves() -> None:
    graph = backwards(
        *gradient("g", "x"),
        Node("hg", "diagonal", ("g",), (2,), {}, {"scale": "h", "divisor": "three"}),
        total("y", x=1.0, hg=-0.7),
        *gradient("k", "y"),
        total("v", x=0.5, k=0.3, y=0.5),
    )
    stages = read_stages(graph, "v", lambda name: read_gradient(graph, name))
    assert stages is not None
    a = -Fraction(0.7) * Fraction(0.1) / 3
    assert stages.start == "x"
    assert stages.arguments == ([1, 0, 0], [1, a, 0])
    assert stages.result == [1, a / 2, Fraction(0.3)]
    assert stages.nodes == tuple(graph.operations)[1:]


def test_the_nearest_start_is_taken() -> None:
    """A step after a step is a step of the first one's value, not of x."""
    graph = backwards(
        *gradient("g", "x"),
        total("y", x=1.0, g=-0.1),
        *gradient("k", "y"),
        total("v", y=1.0, k=-0.1),
    )
    stages = read_stages(graph, "v", lambda name: read_gradient(graph, name))
    assert stages is not None
    assert (stages.start, len(stages.branches)) == ("y", 1)


def test_another_value_in_the_sum_is_not_overlooked() -> None:
    other = Node("other", "activation", ("x",), (2,), {"function": "sin"})
    graph = backwards(*gradient("g", "x"), other, total("v", x=1.0, g=-0.1, other=1e-9))
    assert read_stages(graph, "v", lambda name: read_gradient(graph, name)) is None


def test_the_walk_ends_where_paths_meet_or_where_it_must_not_go_on() -> None:
    graph = backwards(total("y", x=2.0), total("a", y=1.0, x=1.0), total("v", a=1.0, y=1.0))
    inputs = {name: operation.node.inputs for name, operation in graph.operations.items()}
    way = graph.way("v", lambda name: inputs[name] or None)
    assert way is not None
    assert (way.start, way.nodes) == ("x", ("y", "a", "v"))
    stopped = graph.way("v", lambda name: inputs[name] if name == "v" else None)
    assert stopped is None  # a and y are two values
    assert graph.way("x", lambda name: inputs[name] or None) is None
