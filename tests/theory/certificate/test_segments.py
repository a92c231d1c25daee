"""All segments of a graph together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from flowcert.theory.certificate import Graph, Node, derive
from flowcert.theory.certificate.rules import read_operations
from flowcert.theory.certificate.segments import find_segments

RNG = np.random.default_rng(2)
A = RNG.standard_normal((4, 3))
WEIGHTS = {"A": A, "B": A.T.copy(), "V": RNG.standard_normal((2, 3)), "h": np.array(0.1)}
# With a slope 0 no chain would be better than its steps: x itself is one of its maps.
LEAKY = {"function": "leaky_relu", "parameters": {"slope": 0.5}}
GRAPH = Graph(
    (
        Node("x", "input", (), (3,)),
        Node("z", "dense", ("x",), (4,), {}, {"weight": "A"}),
        Node("s", "activation", ("z",), (4,), LEAKY),
        Node("y", "dense", ("s",), (3,), {}, {"weight": "B"}),
        Node("h", "diagonal", ("y",), (3,), {}, {"scale": "h"}),
        Node("v", "sum", ("x", "h"), (3,), {"coefficients": [1.0, -1.0]}),
        Node("r", "activation", ("v",), (3,), LEAKY),
        Node("e", "dense", ("r",), (2,), {}, {"weight": "V"}),
    ),
    "e",
)


def test_every_kind_is_found_in_order_with_nodes_that_lead_from_start_to_end() -> None:
    segments = find_segments(GRAPH, read_operations(GRAPH, WEIGHTS))
    found = {(segment.rule, segment.end) for segment in segments}
    assert found >= {
        ("gradient step", "v"),
        ("Riccati recursion", "e"),
        ("fused linear maps", "h"),
    }
    order = [node.name for node in GRAPH]
    ends = [order.index(segment.end) for segment in segments]
    assert ends == sorted(ends)
    for segment in segments:
        assert segment.nodes[-1] == segment.end
        assert segment.start not in segment.nodes
        for name in segment.nodes:
            assert set(GRAPH[name].inputs) <= {segment.start, *segment.nodes}


def test_the_smallest_candidate_wins_and_all_are_kept() -> None:
    line = derive(GRAPH, WEIGHTS).lines["v"]
    rules = [candidate.rule for candidate in line.candidates]
    assert set(rules) >= {"sum", "gradient step"}
    assert line.upper == min(candidate.upper for candidate in line.candidates)
    ends = [np.linalg.norm(np.eye(3) - 0.1 * a * A.T @ A, 2) for a in (0.5, 1.0)]
    assert max(ends) * (1 - 1e-12) <= line.upper
    by_sum = next(c.upper for c in line.candidates if c.rule == "sum")
    assert line.upper < by_sum


def test_nothing_is_searched_where_nothing_can_be_gained() -> None:
    nodes = (*GRAPH.nodes[:2], replace(GRAPH["s"], attributes={"function": "relu"}))
    graph = Graph((*nodes, *GRAPH.nodes[3:]), "v")
    weights = {**WEIGHTS, "h": np.array(1e-3)}
    found = find_segments(graph, read_operations(graph, weights))
    assert "Riccati recursion" not in {segment.rule for segment in found}
    assert derive(graph, weights).upper == 1.0  # x is what the step does where all slopes are 0
