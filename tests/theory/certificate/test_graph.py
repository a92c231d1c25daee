"""Graphs as data: what is well-formed, and what a malformed one is told."""

import json
from dataclasses import replace

import numpy as np
import pytest

from flowcert.errors import DataError, DomainError
from flowcert.theory.certificate import Graph, Node, derive
from flowcert.theory.certificate.graph import LARGEST_GRAPH, LARGEST_VALUE, MOST_NODES
from flowcert.theory.certificate.operations import Factor
from flowcert.theory.certificate.operations.dense import Dense
from flowcert.theory.certificate.reading import parse_json

X = Node("x", "input", (), (3,))
W = Node("w", "dense", ("x",), (2,), {}, {"weight": "W"}, "fc")
Y = Node("y", "activation", ("w",), (2,), {"function": "relu"})
GRAPH = Graph((X, W, Y), "y")


def test_a_graph_comes_back_from_json():
    assert Graph.from_json(json.loads(json.dumps(GRAPH.to_json()))) == GRAPH


def test_nodes_users_and_tensors():
    twice = Graph((X, W, Node("s", "sum", ("w", "w"), (2,), {"coefficients": [1, 1]})), "s")
    assert twice["w"] is W
    assert twice.users("w") == ("s",)
    assert twice.users("s") == ()
    assert twice.input is X
    assert twice.tensor_keys == ("W",)
    with pytest.raises(KeyError):
        twice["nothing"]


@pytest.mark.parametrize(
    ("nodes", "output", "told"),
    [
        ((), "y", "0 nodes"),
        ((W, X), "w", "first node 'w'"),
        ((X, replace(X, name="z")), "z", "second input 'z'"),
        ((X, W, replace(W, name="x")), "w", "two nodes called 'x'"),
        ((X, Y, W), "y", "uses 'w' before"),
        ((X, replace(W, inputs=("w",))), "w", "uses 'w' before"),
        ((X, W), "y", "output 'y'"),
        ((X, replace(W, shape=(0,))), "w", "shape (0,)"),
        ((X, replace(W, shape=(-2,))), "w", "shape (-2,)"),
        ((X, replace(W, shape=(True,))), "w", "shape (True,)"),
        ((X, replace(W, shape=(2.0,))), "w", "shape (2.0,)"),
        ((replace(X, inputs=("x",)),), "x", "depends on something"),
        ((replace(X, tensors={"weight": "W"}),), "x", "depends on something"),
        ((replace(X, shape=(LARGEST_VALUE + 1,)),), "x", f"at most {LARGEST_VALUE}"),
    ],
)
def test_a_malformed_graph_is_told(nodes, output, told):
    with pytest.raises(DataError) as caught:
        Graph(nodes, output)
    assert told in str(caught.value)


def test_large_graphs_are_refused_before_anything_is_allocated():
    with pytest.raises(DataError, match="nodes"):
        Graph((X,) * (MOST_NODES + 1), "x")
    value = Node("0", "input", (), (LARGEST_VALUE,))
    others = [
        Node(f"{i}", "reshape", ("0",), (LARGEST_VALUE,))
        for i in range(1, LARGEST_GRAPH // LARGEST_VALUE + 1)
    ]
    assert Graph((value, *others[:-1]), "0").input is value  # at the limit
    with pytest.raises(DataError, match="entries"):
        Graph((value, *others), "0")


def _changed(path, value):
    content = json.loads(json.dumps(GRAPH.to_json()))
    place = content
    for key in path[:-1]:
        place = place[key]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return content


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("output",), 3, "graph.output: 3"),
        (("output",), None, "without 'output'"),
        (("extra",), 1, "with 'extra'"),
        (("nodes",), {}, "graph.nodes"),
        (("nodes", 1), [], "graph.nodes[1]"),
        (("nodes", 1, "name"), 7, "graph.nodes[1].name: 7"),
        (("nodes", 1, "name"), None, "without 'name'"),
        (("nodes", 1, "inputs"), "x", "graph.nodes[1].inputs"),
        (("nodes", 1, "inputs"), [["x"]], "graph.nodes[1].inputs[0]"),
        (("nodes", 1, "shape"), [2.0], "graph.nodes[1].shape[0]: 2.0"),
        (("nodes", 1, "shape"), [0], "graph.nodes[1].shape[0]: 0"),
        (("nodes", 1, "shape"), [True], "graph.nodes[1].shape[0]: True"),
        (("nodes", 1, "attributes"), [], "graph.nodes[1].attributes"),
        (("nodes", 1, "tensors"), {"weight": 1}, "graph.nodes[1].tensors.weight: 1"),
        (("nodes", 1, "layer"), {}, "graph.nodes[1].layer"),
        (("nodes", 1, "note"), "hello", "with 'note'"),
    ],
)
def test_a_complaint_names_the_place(path, value, told):
    with pytest.raises(DataError) as caught:
        Graph.from_json(_changed(path, value))
    assert told in str(caught.value)


@pytest.mark.parametrize("content", [None, [], "graph", 3.0, {}])
def test_other_things_are_no_graph(content):
    with pytest.raises(DataError):
        Graph.from_json(content)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[NaN]", "NaN"),
        ("[-Infinity]", "Infinity"),
        ("[1e999]", "1e999"),
        ('{"a": 1, "a": 2}', "key twice"),
        ("[" * 100_000 + "]" * 100_000, "nested"),
        ("[" * 40 + "]" * 40, "nested"),
        ("[9007199254740993]", "integers"),
        (f"[{'9' * 10_000}]", "digit"),
        ('["\\ud800"]', "Unicode"),
        ('{"\\udc00": 1}', "Unicode"),
        (f'["{"a" * 20_000}"]', "texts"),
        ('{"a": 1', "delimiter"),
        ("", "Expecting value"),
        (b"\xff\xfe", "utf-8"),
        (b"PK\x03\x04", "Expecting value"),
    ],
)
def test_json_is_read_strictly(text, told):
    with pytest.raises(DataError) as caught:
        parse_json(text, "file")
    assert told in str(caught.value)
    assert str(caught.value).startswith("got file")


def test_json_within_the_limits_is_read():
    nested = "[" * 30 + "1.5" + "]" * 30
    assert parse_json(nested, "file").value is not None
    assert parse_json("[9007199254740992, -0.0]", "file").numbers() == (2.0**53, 0.0)
    assert parse_json(b"\xef\xbb\xbf[]", "file").items() == []  # a mark in front


@pytest.mark.parametrize("domain", [(0.0, 0.0), (1.0, 0.0), (float("nan"), 1.0)])
def test_an_empty_domain_is_refused(domain):
    with pytest.raises(DomainError):
        derive(GRAPH, {"W": np.ones((2, 3))}, domain=domain)


def test_what_is_not_a_number_bounds_nothing(monkeypatch):
    no_number = Factor(float("nan"), "broken")
    monkeypatch.setattr(Dense, "bound", lambda *_: no_number)
    monkeypatch.setattr(Dense, "range", lambda *_: (float("nan"), 1.0))
    derivation = derive(GRAPH, {"W": np.ones((2, 3))})
    assert derivation.upper == float("inf")
    assert derivation.lines["w"].upper == float("inf")
    assert derivation.lines["w"].range == (float("-inf"), float("inf"))


@pytest.mark.parametrize("scale", [0.0, 1e-320, 1e-200, 1e-30, 1.0, 1e150, 1e308])
def test_bounds_are_above_the_truth_on_every_scale(scale):
    matrix = np.array([[3.0, 0.0, 0.0], [0.0, -1.0, 0.0]]) / 4.0 * scale
    graph = Graph((X, W, Y, Node("z", "dense", ("y",), (1,), {}, {"weight": "V"})), "z")
    derivation = derive(graph, {"W": matrix, "V": np.array([[1.0, 0.0]])})
    truth = float(np.abs(matrix).max())
    assert derivation.upper >= truth
    assert not np.isnan(derivation.upper)
    assert derivation.upper > 0.0 or truth == 0.0
    if 1e-200 <= scale <= 1e150:
        assert derivation.upper <= truth * 1.00001
