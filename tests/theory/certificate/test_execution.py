"""Bounds of rounding errors against exact fractions, in float64 and in float32."""

from fractions import Fraction

import numpy as np
import pytest

from flowcert.errors import DomainError
from flowcert.theory.certificate import Derivation, Graph, Node, derive
from flowcert.theory.certificate.execution import ErrorBudget
from flowcert.theory.certificate.operations import DOUBLE, SINGLE
from flowcert.theory.certificate.segments import Segment

FLOAT32, FLOAT64 = np.float32, np.float64


def random_network(random, kind=FLOAT32, scale=1.0):
    """Dense, ReLU, residual and concatenated layers with weights of ``kind``."""
    n = int(random.integers(1, 5))
    nodes, weights = [Node("x", "input", (), (n,))], {}
    for layer in range(int(random.integers(1, 5))):
        x = nodes[-1]
        m = int(random.integers(1, 6))
        drawn = scale * random.normal(size=(m, x.shape[0])) * 10.0 ** random.uniform(-2, 2)
        weights[f"W{layer}"] = drawn.astype(kind).astype(float)
        weights[f"b{layer}"] = (scale * random.normal(size=m)).astype(kind).astype(float)
        tensors = {"weight": f"W{layer}", "bias": f"b{layer}"}
        nodes.append(Node(f"d{layer}", "dense", (x.name,), (m,), {}, tensors))
        nodes.append(Node(f"a{layer}", "activation", (f"d{layer}",), (m,), {"function": "relu"}))
        if m == x.shape[0] and random.random() < 0.7:
            coefficients = {"coefficients": [1.0, float(kind(random.normal()))]}
            nodes.append(Node(f"s{layer}", "sum", (x.name, f"a{layer}"), (m,), coefficients))
        elif random.random() < 0.3:
            k = m + x.shape[0]
            nodes.append(Node(f"c{layer}", "concatenate", (x.name, f"a{layer}"), (k,), {"axis": 0}))
    return Graph(tuple(nodes), nodes[-1].name), weights


def executed(graph, weights, x, number):
    """The graph in other numbers: np.float32, np.float64 or Fraction, one operation at a time."""
    values = {graph.input.name: [number(float(entry)) for entry in x]}
    for node in graph.nodes[1:]:
        inputs = [values[name] for name in node.inputs]
        if node.operation == "dense":
            W, b = (weights[node.tensors[role]] for role in ("weight", "bias"))
            result = []
            for row, shift in zip(W, b, strict=True):
                total = number(0)
                for w, entry in zip(row, inputs[0], strict=True):
                    total = total + number(float(w)) * entry
                result.append(total + number(float(shift)))
        elif node.operation == "activation":
            result = [max(entry, number(0)) for entry in inputs[0]]
        elif node.operation == "concatenate":
            result = [*inputs[0], *inputs[1]]
        else:
            c, d = (number(c) for c in node.attributes["coefficients"])
            result = [c * p + d * q for p, q in zip(*inputs, strict=True)]
        values[node.name] = result
    return values


def squared_distance(computed, exact):
    return sum(
        ((Fraction(float(a)) - b) ** 2 for a, b in zip(computed, exact, strict=True)), Fraction(0)
    )


def within(computed, exact, bound):
    return squared_distance(computed, exact) <= Fraction(float(bound)) ** 2


@pytest.mark.parametrize("scale", [1.0, 1e-30, 1e-160, 1e60])
def test_float64_values_lie_within_their_bounds(scale):
    random = np.random.default_rng(1)
    nonzero = 0
    for _ in range(24):
        graph, weights = random_network(random, FLOAT64, scale)
        x = random.normal(size=(2, *graph.input.shape))
        evaluation = ErrorBudget(derive(graph, weights)).evaluate(x)
        for index, point in enumerate(x):
            exact = executed(graph, weights, point, Fraction)
            for node in graph:
                value = evaluation.values[node.name][index]
                error = evaluation.errors[node.name][index]
                if not np.isfinite(error):
                    continue
                assert within(value, exact[node.name], error)
                nonzero += squared_distance(value, exact[node.name]) > 0
    assert nonzero > 15  # the errors are there, and seen


@pytest.mark.parametrize("radius", [0.0, 1e-3, 10.0])
def test_float32_execution_lies_within_its_bounds_over_the_ball(radius):
    random = np.random.default_rng(2)
    tightest = 0.0
    for _ in range(24):
        graph, weights = random_network(random)
        n = graph.input.shape[0]
        centre = random.normal(size=n).astype(FLOAT32).astype(float)
        budget = ErrorBudget(derive(graph, weights))
        errors = budget.deployed(budget.evaluate(centre[None]), SINGLE, np.array([radius]))
        for _ in range(4):
            step = random.normal(size=n)
            moved = centre + 0.999 * radius * step / np.linalg.norm(step)
            point = moved.astype(FLOAT32).astype(float)
            if np.linalg.norm(point - centre) > radius:
                point = centre
            with np.errstate(under="ignore"):
                single = executed(graph, weights, point, FLOAT32)
            exact = executed(graph, weights, point, Fraction)
            for node in graph:
                error = errors[node.name][0]
                assert within(single[node.name], exact[node.name], error)
                if error > 0:
                    made = float(squared_distance(single[node.name], exact[node.name])) ** 0.5
                    tightest = max(tightest, made / error)
    assert tightest > 0.05  # and they are no wild guesses


def test_the_error_over_the_ball_is_not_the_error_at_its_centre():
    """1·x + 0 is exact at 0; nearby, with w = 1 + 2⁻²³, it is not."""
    W = np.array([[1.0 + 2.0**-23, 1.0]])
    nodes = (
        Node("x", "input", (), (2,)),
        Node("y", "dense", ("x",), (1,), {}, {"weight": "W"}),
    )
    budget = ErrorBudget(derive(Graph(nodes, "y"), {"W": W}))
    evaluation = budget.evaluate(np.zeros((1, 2)))
    still, around = (budget.deployed(evaluation, SINGLE, np.array([r]))["y"][0] for r in (0.0, 1.0))
    assert still < 1e-40
    assert around > 1e-8
    both = [budget.deployed(evaluation, SINGLE, np.array([r]))["y"][0] for r in (1.0, 2.0)]
    assert both[0] < both[1]


def test_inner_values_move_with_the_ball():
    """ReLU is executed without an error, but what follows it sees inputs from the whole ball."""
    nodes = (
        Node("x", "input", (), (1,)),
        Node("a", "activation", ("x",), (1,), {"function": "relu"}),
        Node("y", "dense", ("a",), (1,), {}, {"weight": "W"}),
    )
    budget = ErrorBudget(derive(Graph(nodes, "y"), {"W": np.array([[1.0 + 2.0**-23]])}))
    evaluation = budget.evaluate(np.zeros((1, 1)))
    errors = budget.deployed(evaluation, SINGLE, np.array([1.0 + 2.0**-23]))
    point = np.float32(1.0 + 2.0**-23)
    made = Fraction(float(point * point)) - Fraction(float(point)) ** 2
    assert 0 < abs(made) <= Fraction(float(errors["y"][0]))


def test_weights_beyond_float32_are_refused_for_its_execution():
    nodes = (Node("x", "input", (), (1,)), Node("y", "dense", ("x",), (1,), {}, {"weight": "W"}))
    for weight in (0.1, 1e300):
        budget = ErrorBudget(derive(Graph(nodes, "y"), {"W": np.array([[weight]])}))
        evaluation = budget.evaluate(np.zeros((1, 1)))
        assert budget.deployed(evaluation, DOUBLE, np.zeros(1))["y"][0] < 1e-300
        with pytest.raises(DomainError, match="float32 cannot hold"):
            budget.deployed(evaluation, SINGLE, np.zeros(1))


def test_overflow_of_float32_leaves_no_bound():
    weights = {"W": np.full((1, 4), 2.0**100)}
    nodes = (Node("x", "input", (), (4,)), Node("y", "dense", ("x",), (1,), {}, {"weight": "W"}))
    budget = ErrorBudget(derive(Graph(nodes, "y"), weights))
    evaluation = budget.evaluate(np.full((1, 4), 1.0))
    assert np.isfinite(budget.deployed(evaluation, SINGLE, np.zeros(1))["y"][0])
    evaluation = budget.evaluate(np.full((1, 4), 2.0**30))
    assert budget.deployed(evaluation, SINGLE, np.zeros(1))["y"][0] == np.inf
    evaluation = budget.evaluate(np.full((1, 4), 1.0))
    assert budget.deployed(evaluation, SINGLE, np.full(1, 2.0**30))["y"][0] == np.inf


def deep_residual(depth, with_segments):
    """x − h·AᵀReLU(Ax), A orthogonal: factor 1 a step, and 3 by the sum rule."""
    random = np.random.default_rng(3)
    nodes, weights, segments = [Node("x", "input", (), (4,))], {}, []
    for k in range(depth):
        A = np.linalg.qr(random.normal(size=(4, 4)))[0]
        weights[f"A{k}"], weights[f"T{k}"] = A, A.T.copy()
        start, names = nodes[-1].name, [f"d{k}", f"r{k}", f"t{k}", f"s{k}"]
        nodes += [
            Node(names[0], "dense", (start,), (4,), {}, {"weight": f"A{k}"}),
            Node(names[1], "activation", (names[0],), (4,), {"function": "relu"}),
            Node(names[2], "dense", (names[1],), (4,), {}, {"weight": f"T{k}"}),
            Node(names[3], "sum", (start, names[2]), (4,), {"coefficients": [1.0, -2.0]}),
        ]
        segments.append(Segment(start, names[3], tuple(names), 1.0, "by hand", "D2.sharp_factor"))
    found = derive(Graph(tuple(nodes), nodes[-1].name), weights)
    # By hand, whatever segments the package finds by itself.
    kept = tuple(segments) if with_segments else ()
    return Derivation(found.graph, found.operations, kept, found.lines)


def test_segments_keep_residual_steps_from_blowing_up():
    x = np.ones((1, 4))
    with_them, without = (
        ErrorBudget(deep_residual(30, flag)).evaluate(x) for flag in (True, False)
    )
    last = "s29"
    assert with_them.errors[last][0] < 1e-12
    assert without.errors[last][0] > 1e-4
    assert with_them.errors[last][0] > 0.0


def test_a_segment_that_needs_more_than_its_start_is_not_used():
    derivation = deep_residual(2, with_segments=False)
    false = Segment("s0", "s1", ("t1", "s1"), 0.0, "malformed", "")  # lacks d1 and r1
    broken = Derivation(derivation.graph, derivation.operations, (false,), derivation.lines)
    x = np.ones((1, 4))
    assert (
        ErrorBudget(broken).evaluate(x).errors["s1"]
        == ErrorBudget(derivation).evaluate(x).errors["s1"]
    )


def test_constants_that_depend_on_the_size_of_the_inputs():
    """x·(Wx) has no constant on the whole line, but rounding errors at a point are bounded."""
    W = np.array([[0.1, 0.7], [1.3, -0.2]])
    nodes = (
        Node("x", "input", (), (2,)),
        Node("d", "dense", ("x",), (2,), {}, {"weight": "W"}),
        Node("p", "product", ("x", "d"), (2,)),
        Node("q", "product", ("p", "p"), (2,)),
    )
    budget = ErrorBudget(derive(Graph(nodes, "q"), {"W": W}))
    points = np.array([[0.3, 1.7], [1e5, -3.3], [0.0, 0.0]])
    evaluation = budget.evaluate(points)
    for index, point in enumerate(points):
        x = [Fraction(float(entry)) for entry in point]
        d = [sum(Fraction(float(w)) * e for w, e in zip(row, x, strict=True)) for row in W]
        q = [(a * b) ** 2 for a, b in zip(x, d, strict=True)]
        error = evaluation.errors["q"][index]
        assert within(evaluation.values["q"][index], q, error)
        assert error <= 1e-13 * (1e-200 + np.linalg.norm(evaluation.values["q"][index]))


def test_nothing_known_is_infinite_never_nan():
    graph, weights = random_network(np.random.default_rng(5), FLOAT64, 1e150)
    x = np.full((1, *graph.input.shape), 1e200)
    budget = ErrorBudget(derive(graph, weights))
    evaluation = budget.evaluate(x)
    around = budget.deployed(evaluation, DOUBLE, np.array([np.inf]))
    for errors in (evaluation.errors, around):
        assert not any(np.any(np.isnan(error)) for error in errors.values())
    assert evaluation.errors[graph.output][0] == np.inf
