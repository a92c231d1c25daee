"""The evaluation of a graph, and what may be fed to it."""

import numpy as np
import pytest

from flowcert.errors import DomainError, ShapeError
from flowcert.theory.certificate import Graph, Node, derive
from flowcert.theory.certificate.evaluation import evaluate, exact_weights, input_batch, pieces


def residual(domain=(-np.inf, np.inf), scale=1.0):
    W = scale * np.array([[1.0, -2.0], [0.5, 3.0]])
    nodes = (
        Node("x", "input", (), (2,)),
        Node("d", "dense", ("x",), (2,), {}, {"weight": "W", "bias": "b"}),
        Node("a", "activation", ("d",), (2,), {"function": "relu"}),
        Node("y", "sum", ("x", "a"), (2,), {"coefficients": [1.0, -0.5]}),
    )
    weights = {"W": W, "b": np.array([0.0, 1.0])}
    return derive(Graph(nodes, "y"), weights, domain=domain)


def test_every_node_has_its_value():
    values = evaluate(residual(), np.array([[1.0, 1.0], [2.0, 0.0]]))
    assert values["d"].tolist() == [[-1.0, 4.5], [2.0, 2.0]]
    assert values["a"].tolist() == [[0.0, 4.5], [2.0, 2.0]]
    assert values["y"].tolist() == [[1.0, -1.25], [1.0, -1.0]]


def test_overflow_is_no_warning():
    values = evaluate(residual(scale=1e307), np.array([[1e10, 1.0]]))
    assert not np.all(np.isfinite(values["d"]))


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_weights_are_kept_exactly(kind):
    w = np.array([0.1, 1 / 3, 6e-8]).astype(kind)
    [kept] = exact_weights({"w": w}).values()
    assert kept.dtype == np.float64
    assert [float(a) for a in kept] == [float(a) for a in w]


@pytest.mark.parametrize("shape", [(2,), (3, 3), (1, 2, 2)])
def test_a_wrong_shape_is_named(shape):
    with pytest.raises(ShapeError, match=r"expected shape \('batch', 2\)"):
        input_batch(residual(), np.zeros(shape))


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1.5, -0.1])
def test_points_outside_the_domain_are_refused(bad):
    with pytest.raises(DomainError):
        input_batch(residual(domain=(0.0, 1.0)), np.array([[0.5, bad]]))


def test_pieces_are_the_batch():
    nodes = (
        Node("x", "input", (), (2**12,)),
        Node("y", "activation", ("x",), (2**12,), {"function": "relu"}),
    )
    derivation = derive(Graph(nodes, "y"), {})
    batch = np.arange(2500.0)[:, None] * np.ones(2**12)
    parts = list(pieces(derivation, batch))
    assert len(parts) == 2
    assert max(part.size for part in parts) <= 2**23
    assert np.array_equal(np.concatenate(parts), batch)
