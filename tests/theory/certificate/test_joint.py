"""Joint constants of several nodes: halves, copies, sorted pairs, branches of one value."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowcert.numerics.validation import FloatArray
from flowcert.theory.certificate import Derivation, Graph, Node, derive
from flowcert.theory.certificate.joint import bound_joint


def selects(name: str, parent: str, indices: list[int]) -> Node:
    """−1 is a zero."""
    rows: list[dict[str, Any]] = [
        {"indices": [j] if j >= 0 else [], "weights": [1] if j >= 0 else [], "divisor": 1}
        for j in indices
    ]
    return Node(name, "axes", (parent,), (len(indices),), {"maps": [{"axis": 0, "rows": rows}]})


def dense(name: str, parent: str, weight: FloatArray) -> Node:
    return Node(name, "dense", (parent,), (len(weight),), {}, {"weight": name})


def derived(*nodes: Node, **weights: FloatArray) -> Derivation:
    x = Node("x", "input", (), (4,))
    return derive(Graph((x, *nodes), nodes[-1].name), weights)


def joint(derivation: Derivation, *names: str) -> float:
    constants = {name: line.upper for name, line in derivation.lines.items()}
    ranges = {name: line.range for name, line in derivation.lines.items()}
    return bound_joint(derivation.operations, constants, ranges, names)


def test_disjoint_slices_lose_nothing() -> None:
    found = derived(selects("a", "x", [0, 1]), selects("b", "x", [2, 3]))
    assert joint(found, "a", "b") == 1.0
    assert joint(found, "a") == 1.0


def test_the_same_node_twice_counts_twice() -> None:
    found = derived(selects("a", "x", [0, 1]))
    assert math.sqrt(2.0) <= joint(found, "a", "a") <= math.sqrt(2.0) * (1 + 1e-14)
    assert math.sqrt(2.0) <= joint(found, "x", "a") <= math.sqrt(2.0) * (1 + 1e-14)
    assert math.sqrt(2.0) <= joint(found, "x", "x") <= math.sqrt(2.0) * (1 + 1e-14)


def test_slices_of_slices_go_back_to_the_common_value() -> None:
    found = derived(
        selects("u", "x", [-1, 3, 2, 1, 0]),
        selects("a", "u", [0, 1, 2]),
        selects("b", "u", [3, 4]),
        selects("c", "x", [3]),
    )
    assert joint(found, "a", "b") == 1.0
    assert math.sqrt(2.0) <= joint(found, "a", "b", "c") <= math.sqrt(2.0) * (1 + 1e-14)


def test_rearranged_slices_are_still_slices() -> None:
    found = derived(
        Node("m", "reshape", ("x",), (2, 2), {"shape": [2, 2]}),
        Node("t", "permute", ("m",), (2, 2), {"order": [1, 0]}),
        Node("f", "reshape", ("t",), (4,), {"shape": [4]}),
        selects("a", "f", [0, 1]),
        selects("b", "x", [1, 3]),  # the other column
        selects("c", "x", [0, 1]),
    )
    assert joint(found, "a", "b") == 1.0
    assert joint(found, "a", "c") > 1.4


def test_branches_of_disjoint_halves_cost_the_larger_of_the_two() -> None:
    """cat(A x₁, B x₂) has the norm max(‖A‖, ‖B‖), not the root of the sum of squares."""
    A, B = np.diag([3.0, 1.0]), np.diag([4.0, 2.0])
    found = derived(
        selects("a", "x", [0, 1]),
        selects("b", "x", [2, 3]),
        dense("c", "a", A),
        dense("d", "b", B),
        Node("y", "concatenate", ("c", "d"), (4,), {"axis": 0}),
        c=A,
        d=B,
    )
    assert 4.0 <= found.upper <= 4.0001


def test_a_slice_of_nothing_but_zeros_hides_no_other() -> None:
    """Squares relative to the largest gain must not lose the only one that matters."""
    found = derived(
        selects("zero", "x", [-1, -1]),
        selects("b", "x", [2, 3]),
        dense("c", "zero", np.eye(2)),
        dense("d", "b", np.eye(2)),
        c=np.eye(2) * 1e200,
        d=np.eye(2) * 1e-200,
    )
    assert 1e-200 <= joint(found, "c", "d") <= 1.0001e-200
    assert joint(found, "zero", "zero") == 0.0


@pytest.mark.parametrize("kinds", [("maximum", "minimum"), ("minimum", "maximum")])
def test_maximum_and_minimum_of_two_halves_are_their_sorting(kinds: tuple[str, str]) -> None:
    found = derived(
        selects("a", "x", [0, 1]),
        selects("b", "x", [2, 3]),
        Node("p", "extremum", ("a", "b"), (2,), {"kind": kinds[0]}),
        Node("q", "extremum", ("b", "a"), (2,), {"kind": kinds[1]}),
        Node("y", "concatenate", ("p", "q"), (4,), {"axis": 0}),
    )
    assert found.upper == 1.0


def test_two_maxima_or_extrema_of_other_values_are_no_sorting() -> None:
    found = derived(
        selects("a", "x", [0, 1]),
        selects("b", "x", [2, 3]),
        selects("c", "x", [1, 2]),
        Node("p", "extremum", ("a", "b"), (2,), {"kind": "maximum"}),
        Node("q", "extremum", ("a", "b"), (2,), {"kind": "maximum"}),
        Node("r", "extremum", ("a", "c"), (2,), {"kind": "minimum"}),
    )
    assert joint(found, "p", "q") >= math.sqrt(2.0)
    assert joint(found, "p", "r") >= math.sqrt(2.0)


def test_values_that_share_no_ancestor_of_one_input_add_in_quadrature() -> None:
    found = derived(
        Node("s", "sum", ("x", "x"), (4,), {"coefficients": [1.0, 1.0]}),
        selects("a", "s", [0, 1]),
        selects("b", "x", [2, 3]),
    )
    assert joint(found, "a", "b") >= math.hypot(2.0, 1.0)


def test_copies_of_what_was_computed_before_count_every_time() -> None:
    W = np.array([[3.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]])
    found = derived(
        dense("w", "x", W), selects("a", "w", [0, 0, 0]), selects("b", "w", [0, 1]), w=W
    )
    assert 6.0 <= joint(found, "a", "b") <= 6.0001


def test_sums_are_no_slices() -> None:
    """(x₀ + x₁, x₂ + x₃) has the norm √2."""
    pairs = [
        Node(
            name,
            "axes",
            ("x",),
            (1,),
            {"maps": [{"axis": 0, "rows": [{"indices": i, "weights": [1, 1], "divisor": 1}]}]},
        )
        for name, i in (("a", [0, 1]), ("b", [2, 3]))
    ]
    assert joint(derived(*pairs), "a", "b") >= math.sqrt(2.0)


indices = st.lists(st.integers(-1, 3), min_size=1, max_size=5)


@given(st.lists(indices, min_size=1, max_size=3), st.integers(0, 10**6))
@settings(derandomize=True, deadline=None, max_examples=100)
def test_the_joint_constant_bounds_the_stacked_matrix(parts: list[list[int]], seed: int) -> None:
    """Slices with repetitions, some through a random matrix, against NumPy's norm of the stack."""
    rng = np.random.default_rng(seed)
    nodes, weights, blocks = list[Node](), {}, list[FloatArray]()
    for i, chosen in enumerate(parts):
        S = np.array([[float(j == k) for k in range(4)] for j in chosen])
        nodes.append(selects(f"s{i}", "x", chosen))
        blocks.append(S)
        if rng.random() < 0.5:
            W = rng.normal(size=(2, len(chosen)))
            nodes.append(dense(f"w{i}", f"s{i}", W))
            weights[f"w{i}"] = W
            blocks[-1] = W @ S
    found = derived(*nodes, **weights)
    names = [f"w{i}" if f"w{i}" in weights else f"s{i}" for i in range(len(parts))]
    truth = np.linalg.norm(np.vstack(blocks), 2)
    bound = joint(found, *names)
    assert truth <= bound * (1 + 1e-12)
    separately = math.hypot(*(found.lines[name].upper for name in names))
    assert bound <= separately * (1 + 1e-12)


def test_the_larger_and_the_smaller_count_as_a_sorting_wherever_they_are_moved_to() -> None:
    """torch.stack([max, min]): each is reshaped first."""
    column, kinds = {"shape": [3, 1]}, ("maximum", "minimum")
    half = [
        {
            "axis": 0,
            "rows": [{"indices": [2 * i + k], "weights": [1], "divisor": 1} for i in range(3)],
        }
        for k in (0, 1)
    ]
    nodes = [Node("x", "input", (), (6,))]
    nodes += [Node(f"h{k}", "axes", ("x",), (3,), {"maps": [half[k]]}) for k in (0, 1)]
    nodes += [Node(kind, "extremum", ("h0", "h1"), (3,), {"kind": kind}) for kind in kinds]
    nodes += [Node(f"c{kind}", "reshape", (kind,), (3, 1), column) for kind in kinds]
    nodes.append(Node("y", "concatenate", ("cmaximum", "cminimum"), (3, 2), {"axis": 1}))
    assert derive(Graph(tuple(nodes), "y"), {}).upper == 1.0
    twice = [
        replace(node, attributes={"kind": "maximum"}) if node.name == "minimum" else node
        for node in nodes
    ]
    assert derive(Graph(tuple(twice), "y"), {}).upper > 1.4  # the maximum twice is no sorting
