"""Certified radii against exact adversaries, which linear classifiers have."""

from fractions import Fraction

import numpy as np
import pytest

from flowcert.errors import DataError, DomainError, ShapeError, UnknownNameError
from flowcert.theory.certificate import Derivation, Graph, Line, Node, derive
from flowcert.theory.certificate.radius import (
    bound_logit_slopes,
    certified_radius,
    certify_points,
)

EXECUTIONS = ("exact", "float64", "float32")


def classifier(W, b=None, domain=(-np.inf, np.inf), *, head=True):
    """Wx + b; without ``head`` the last operation is a scaling by 1, so that only L is known."""
    W = np.asarray(W, dtype=float)
    tensors, weights = {"weight": "W"}, {"W": W}
    if b is not None:
        tensors["bias"], weights["b"] = "b", np.asarray(b, dtype=float)
    nodes = [
        Node("x", "input", (), (W.shape[1],)),
        Node("y", "dense", ("x",), (len(W),), {}, tensors),
    ]
    if not head:
        nodes.append(Node("z", "sum", ("y",), (len(W),), {"coefficients": [1.0]}))
    return derive(Graph(tuple(nodes), nodes[-1].name), weights, domain=domain)


def single(array):
    return np.asarray(array).astype(np.float32).astype(float)


def exact_logits(W, b, x):
    return [
        sum((Fraction(float(w)) * Fraction(float(e)) for w, e in zip(row, x, strict=True)), c)
        for row, c in zip(W, (Fraction(float(c)) for c in b), strict=True)
    ]


def squared_distance_to_another_class(W, b, x):
    """min_j ((f_k − f_j)/|w_k − w_j|)², exactly; None if there is no other class anywhere."""
    f = exact_logits(W, b, x)
    k = max(range(len(f)), key=f.__getitem__)
    found = []
    for j in range(len(f)):
        if j == k:
            continue
        squared = sum(
            (
                (Fraction(float(p)) - Fraction(float(q))) ** 2
                for p, q in zip(W[k], W[j], strict=True)
            ),
            Fraction(0),
        )
        if squared:
            found.append((f[k] - f[j]) ** 2 / squared)
        elif f[k] == f[j]:
            return k, Fraction(0)
    return k, min(found, default=None)


def instances(count, seed, spread=1.0):
    random = np.random.default_rng(seed)
    for _ in range(count):
        n, classes = int(random.integers(1, 20)), int(random.integers(2, 5))
        scale = 10.0 ** random.uniform(-spread, spread)
        W = single(scale * random.normal(size=(classes, n)))
        b = single(scale * random.normal(size=classes))
        x = random.normal(size=n)
        if random.random() < 0.7:
            # Close to the boundary, where rounding decides: a margin of a few units.
            d = W[0] - W[1]
            x = x - d * ((W @ x + b)[0] - (W @ x + b)[1]) / (d @ d)
        yield W, b, single(x)


@pytest.mark.parametrize("execution", EXECUTIONS)
@pytest.mark.parametrize("head", [True, False])
def test_no_radius_reaches_beyond_the_exact_adversary(execution, head):
    certified = 0
    for W, b, x in instances(150, seed=1):
        [k], [r] = _points(classifier(W, b, head=head), x, execution)
        if r == 0.0:
            continue
        certified += 1
        exact_class, squared = squared_distance_to_another_class(W, b, x)
        assert k == exact_class
        assert squared is None or Fraction(r) ** 2 < squared
    assert certified > 30


def _points(derivation, x, execution):
    points = certify_points(derivation, np.asarray(x)[None], execution=execution)
    return points.classes, points.radius


def test_naive_float32_radii_are_wrong_and_these_are_not():
    """m/|w_k − w_j| from float32 logits: beyond the exact distance for about half of them."""
    wrong = mistaken = 0
    count = 200
    for W, b, x in instances(count, seed=2, spread=0.0):
        logits = W.astype(np.float32) @ x.astype(np.float32) + b.astype(np.float32)
        k = int(np.argmax(logits))
        with np.errstate(all="ignore"):
            naive = min(
                np.float32(logits[k] - logits[j]) / np.linalg.norm((W[k] - W[j]).astype(np.float32))
                for j in range(len(W))
                if j != k
            )
        exact_class, squared = squared_distance_to_another_class(W, b, x)
        wrong += k != exact_class or (squared is not None and Fraction(float(naive)) ** 2 > squared)
        for execution in EXECUTIONS:
            [c], [r] = _points(classifier(W, b), x, execution)
            mistaken += r > 0 and (c != exact_class or Fraction(r) ** 2 >= squared)
    assert wrong > count / 4
    assert mistaken == 0


def test_float32_execution_keeps_the_class_within_the_radius():
    """Adversaries in float32, at the radius, judged by float32 logits."""
    random = np.random.default_rng(3)
    tried = 0
    for W, b, x in instances(60, seed=4):
        [k], [r] = _points(classifier(W, b), x, "float32")
        if r == 0.0:
            continue
        for j in range(len(W)):
            if j == k or not np.any(W[j] - W[k]):
                continue
            direction = (W[j] - W[k]) / np.linalg.norm(W[j] - W[k])
            for shrink in (1.0, 1.0 - 1e-7, 0.999):
                y = single(x + r * shrink * direction)
                if sum((Fraction(p) - Fraction(q)) ** 2 for p, q in zip(y, x, strict=True)) > (
                    Fraction(r) ** 2
                ):
                    continue
                order = random.permutation(len(x))
                logits = (W[:, order].astype(np.float32) @ y[order].astype(np.float32)) + b.astype(
                    np.float32
                )
                tried += 1
                assert np.argmax(logits) == k
                assert np.sum(logits == logits[k]) == 1
    assert tried > 50


def test_the_pairwise_rule_is_sharp_for_linear_classifiers():
    W = [[1.0, 0.0], [0.0, 1.0], [-3.0, 0.0]]
    x = np.array([[2.0, 1.0], [0.1, -5.0]])
    radius = certified_radius(classifier(W), x)
    assert radius == pytest.approx([1 / np.sqrt(2), 0.1], rel=1e-9)


def test_the_general_rule_is_sharp_for_opposite_logits():
    derivation = classifier([[1.0], [-1.0]], head=False)  # L = √2, m = 2|x|
    assert certified_radius(derivation, [[0.75]])[0] == pytest.approx(0.75, rel=2e-6)
    assert certified_radius(derivation, [[0.75]])[0] < 0.75


@pytest.mark.parametrize("execution", EXECUTIONS)
def test_ties_are_never_certified(execution):
    twins = classifier([[1.0, 2.0], [1.0, 2.0]], [0.5, 0.5])
    assert certified_radius(twins, [[3.0, 4.0]], execution=execution).tolist() == [0.0]
    crossing = classifier([[1.0, 0.0], [0.0, 1.0]])
    x = [[0.3, 0.3], [0.0, 0.0]]
    assert certified_radius(crossing, x, execution=execution).tolist() == [0.0, 0.0]
    # 1 + 10⁻²⁰·1 − 1: a tie in float64, none in exact arithmetic, and none is certified.
    near = classifier([[1.0, 1e-20], [1.0, 0.0]], [0.0, 0.0])
    if execution != "float32":
        assert certified_radius(near, [[1.0, 1.0]], execution=execution).tolist() == [0.0]


def test_equal_rows_differ_by_their_biases_alone():
    derivation = classifier([[1.0, 2.0], [1.0, 2.0]], [1.0, 0.0])
    assert bound_logit_slopes(derivation).tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert certified_radius(derivation, [[3.0, 4.0]], execution="exact")[0] == np.inf
    # As executed, far away rounding outweighs the bias: |x| near 10¹⁵ in float64, 10⁶ in float32.
    for execution, size in (("float64", 1e16), ("float32", 1e8)):
        radius = certified_radius(derivation, [[3.0, 4.0]], execution=execution)[0]
        assert size * 1e-4 < radius < size


@pytest.mark.parametrize("scale", [1e-300, 1e-200, 1e-30, 1e30, 1e150])
def test_radii_do_not_depend_on_the_scale_of_the_weights(scale):
    x = np.array([[2.0, 1.0]])
    radius = certified_radius(classifier(scale * np.eye(2)), x)
    assert radius[0] <= 1 / np.sqrt(2)
    assert radius[0] >= (0.0 if scale == 1e-300 else 0.7)


def test_zero_networks_certify_nothing():
    assert certified_radius(classifier(np.zeros((3, 2))), np.ones((2, 2))).tolist() == [0.0, 0.0]


def test_infinite_constants_certify_nothing():
    found = classifier(np.eye(2))
    lines = {n: Line(n, np.inf, line.range, line.candidates) for n, line in found.lines.items()}
    unbounded = Derivation(found.graph, found.operations, (), lines)
    for execution in EXECUTIONS:
        assert certified_radius(unbounded, [[2.0, 1.0]], execution=execution).tolist() == [0.0]


def test_the_better_of_both_rules_counts():
    """Features of constant 10 of which the head uses a direction of constant 1."""
    found = classifier([[1.0], [-1.0]])
    factors = {"x": 10.0, "y": 2.0**0.5}
    lines = {n: Line(n, factors[n], line.range, ()) for n, line in found.lines.items()}
    derivation = Derivation(found.graph, found.operations, (), lines)
    assert certified_radius(derivation, [[0.75]])[0] == pytest.approx(0.75, rel=1e-9)


def test_overflowing_logits_certify_nothing():
    huge = classifier(1e200 * np.array([[2.0, 1.0], [1.0, 2.0]]))
    assert certified_radius(huge, [[1e150, 0.0], [1.0, 0.0]]).tolist()[0] == 0.0
    single_overflow = classifier(2.0**100 * np.eye(2))
    radius = certified_radius(single_overflow, [[2.0**30, 0.0], [1.0, 0.0]], execution="float32")
    assert radius[0] == 0.0
    assert radius[1] == pytest.approx(1 / np.sqrt(2), rel=1e-3)


def test_labels_zero_what_is_misclassified():
    derivation, x = classifier(np.eye(2)), [[2.0, 1.0], [2.0, 1.0]]
    radius = certified_radius(derivation, x, labels=[0, 1])
    assert radius[0] > 0.7
    assert radius[1] == 0.0


def test_executions_are_ordered():
    for W, b, x in instances(20, seed=7):
        derivation = classifier(W, b)
        exact, double, half = (
            certified_radius(derivation, x[None], execution=e)[0] for e in EXECUTIONS
        )
        assert half <= double <= exact
        assert double >= 0.999 * exact - 1e-12 * (1 + np.linalg.norm(x))


def test_deep_networks_lose_little_to_float32():
    random = np.random.default_rng(8)
    nodes, weights = [Node("x", "input", (), (8,))], {}
    for k in range(6):
        weights[f"A{k}"] = single(np.linalg.qr(random.normal(size=(8, 8)))[0])
        tensors = {"weight": f"A{k}"}
        nodes.append(Node(f"d{k}", "dense", (nodes[-1].name,), (8,), {}, tensors))
        nodes.append(Node(f"a{k}", "activation", (f"d{k}",), (8,), {"function": "relu"}))
    weights["H"] = single(random.normal(size=(3, 8)))
    nodes.append(Node("y", "dense", (nodes[-1].name,), (3,), {}, {"weight": "H"}))
    derivation = derive(Graph(tuple(nodes), "y"), weights)
    x = single(10 * random.normal(size=(50, 8)))
    exact, executed = (certified_radius(derivation, x, execution=e) for e in ("exact", "float32"))
    clear = exact > 1e-2
    assert np.mean(clear) > 0.5
    assert np.all(executed[clear] > 0.95 * exact[clear] - 1e-3)
    # What a smaller ball would certify, the search has not missed by much.
    assert np.all(executed <= exact)


@pytest.mark.parametrize(
    ("x", "options", "error"),
    [
        ([[1.0, 2.0, 3.0]], {}, ShapeError),
        ([1.0, 2.0], {}, ShapeError),
        ([[np.nan, 0.0]], {}, DomainError),
        ([[5.0, 0.0]], {}, DomainError),
        ([[1.0, 0.0]], {"execution": "bfloat16"}, UnknownNameError),
        ([[1.0, 0.0]], {"labels": [2]}, DataError),
        ([[1.0, 0.0]], {"labels": [0.0]}, DataError),
        ([[1.0, 0.0]], {"labels": [[0, 1]]}, ShapeError),
        ([[1.0, 0.0]], {"labels": [0, 1]}, ShapeError),
    ],
)
def test_bad_input_is_named(x, options, error):
    with pytest.raises(error):
        certified_radius(classifier(np.eye(2), domain=(-1.0, 2.0)), x, **options)


@pytest.mark.parametrize("shape", [(1,), (2, 2)])
def test_values_that_are_no_logits_are_refused(shape):
    nodes = (
        Node("x", "input", (), shape),
        Node("y", "activation", ("x",), shape, {"function": "relu"}),
    )
    with pytest.raises(ShapeError, match="at least two classes"):
        certified_radius(derive(Graph(nodes, "y"), {}), np.zeros((1, *shape)))


def test_an_empty_batch_has_no_radii():
    assert certified_radius(classifier(np.eye(2)), np.zeros((0, 2))).shape == (0,)
