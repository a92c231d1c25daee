"""Lower ends by their witnesses, against exact fractions."""

from fractions import Fraction

import numpy as np
import pytest

from flowcert.errors import DomainError, ShapeError
from flowcert.theory.certificate import Graph, Node, derive
from flowcert.theory.certificate.witness import best_witness, bound_quotient, bound_quotients


def linear(W, domain=(-np.inf, np.inf)):
    W = np.asarray(W, dtype=float)
    nodes = (
        Node("x", "input", (), (W.shape[1],)),
        Node("y", "dense", ("x",), (len(W),), {}, {"weight": "W"}),
    )
    return derive(Graph(nodes, "y"), {"W": W}, domain=domain)


def squared_quotient(W, x, y):
    difference = [Fraction(float(a)) - Fraction(float(b)) for a, b in zip(x, y, strict=True)]
    moved = [
        sum((Fraction(float(w)) * d for w, d in zip(row, difference, strict=True)), Fraction(0))
        for row in W
    ]
    return sum(m * m for m in moved) / sum(d * d for d in difference)


@pytest.mark.parametrize("scale", [1e-160, 1e-30, 1.0, 1e30, 1e120])
@pytest.mark.parametrize("distance", [1.0, 1e-6, 1e-12])
def test_quotients_are_below_the_exact_ones_and_close(scale, distance):
    random = np.random.default_rng(1)
    for _ in range(20):
        W = scale * random.normal(size=(3, 4))
        x = random.normal(size=4)
        y = x + distance * random.normal(size=4)
        quotient = bound_quotient(linear(W), x, y)
        exact = squared_quotient(W, x, y)
        assert Fraction(quotient) ** 2 <= exact
        # √ of an exact fraction far from 1: scale first.
        truth = float(exact / Fraction(scale) ** 2) ** 0.5 * scale
        assert quotient >= truth * (1 - 1e-13 / distance) - scale * 1e-13 / distance


def test_equal_points_and_constant_networks_have_quotient_zero():
    x = np.array([1.0, 2.0])
    assert bound_quotient(linear(np.eye(2)), x, x) == 0.0
    assert bound_quotient(linear(np.zeros((2, 2))), x, x + 1) == 0.0


def test_what_overflows_shows_nothing():
    x = np.array([1e200, 0.0])
    assert bound_quotient(linear(1e200 * np.eye(2)), x, -x) == 0.0
    far = np.array([1.7e308, 0.0])
    assert bound_quotient(linear(np.eye(2)), far, -far) == 0.0


def test_a_quotient_never_exceeds_the_upper_end():
    random = np.random.default_rng(2)
    for _ in range(50):
        derivation = linear(10.0 ** random.uniform(-12, 12) * random.normal(size=(3, 3)))
        x, y = random.normal(size=(2, 5, 3))
        assert np.all(bound_quotients(derivation, x, y) <= derivation.upper)


def test_one_point_is_compared_with_all():
    derivation = linear(np.diag([1.0, 2.0]))
    others = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert bound_quotients(derivation, np.zeros((1, 2)), others) == pytest.approx([1.0, 2.0])
    witness = best_witness(derivation, np.zeros((1, 2)), others)
    assert witness.y.tolist() == [0.0, 1.0]
    assert witness.x.tolist() == [0.0, 0.0]


def test_a_witness_is_confirmed_by_another_evaluation():
    """In another batch, values may differ in their last digits; the lower end is still attained."""
    random = np.random.default_rng(3)
    for _ in range(30):
        derivation = linear(random.normal(size=(7, 33)))
        x = random.normal(size=(9, 33))
        y = x + 1e-9 * random.normal(size=(9, 33))
        witness = best_witness(derivation, x, y)
        again = bound_quotient(derivation, witness.x, witness.y)
        assert 0.0 < witness.lower <= again
        # Room for an evaluation that errs by its whole bound the other way.
        assert witness.lower < bound_quotients(derivation, x, y, deducted=2.9).max()


@pytest.mark.parametrize(
    ("x", "y", "error"),
    [
        (np.zeros((1, 2)), np.full((1, 2), 3.0), DomainError),
        (np.zeros((2, 2)), np.zeros((3, 2)), ShapeError),
        (np.zeros((1, 3)), np.zeros((1, 3)), ShapeError),
    ],
)
def test_bad_pairs_are_named(x, y, error):
    with pytest.raises(error):
        bound_quotients(linear(np.eye(2), domain=(-1.0, 1.0)), x, y)
