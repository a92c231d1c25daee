"""A witness of the lower end: two points whose images lie that far apart, rounding deducted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ...errors import ShapeError
from ...numerics.validation import FloatArray
from ..spectral.rounding import above, below, norm_above, norm_below
from .evaluation import input_batch, pieces
from .execution import ErrorBudget
from .rules import Derivation


@dataclass(frozen=True)
class Witness:
    """Points ``x`` and ``y`` (*input_shape) with |f(x) − f(y)| ≥ ``lower``·|x − y|, for certain."""

    lower: float
    x: FloatArray
    y: FloatArray


def bound_quotients(
    derivation: Derivation, x: ArrayLike, y: ArrayLike, *, deducted: float = 1.0
) -> FloatArray:
    """Bound |f(x) − f(y)|/|x − y| from below for each pair of two batches; 0 where x = y.

    (|f̂(x) − f̂(y)| − E(x) − E(y))₊/|x − y| with float64 values f̂ and the bounds E of their errors
    (``deducted`` ≥ 1 times), rounded downward: each is a lower bound of the Lipschitz constant of f
    on the derivation's domain, in exact arithmetic on the weights as given. Shapes
    (batch, *input_shape), or x of one point for all y. Raises ShapeError, and DomainError for
    points outside the domain. Source: flowcert, proofs of E [D].

    >>> from flowcert.theory.certificate import Graph, Node, derive
    >>> x = Node("x", "input", (), (2,))
    >>> y = Node("y", "dense", ("x",), (1,), {}, {"weight": "W"})
    >>> derivation = derive(Graph((x, y), "y"), {"W": np.array([[3.0, 4.0]])})
    >>> [quotient] = bound_quotients(derivation, np.array([[0.6, 0.8]]), np.zeros((1, 2)))
    >>> bool(4.99999 < quotient < 5.0)
    True
    """
    first, second = input_batch(derivation, x, "x"), input_batch(derivation, y, "y")
    if len(first) not in {1, len(second)}:
        raise ShapeError(
            came=f"x of shape {first.shape} and y of shape {second.shape}",
            expected="two batches of equal shape",
            remedy="A witness is a pair of points.",
        )
    budget, output = ErrorBudget(derivation), derivation.graph.output
    values, errors = [], []
    for piece in pieces(derivation, np.concatenate([first, second])):
        evaluation = budget.evaluate(piece)
        values.append(evaluation.values[output])
        errors.append(evaluation.errors[output])
    f, E = np.concatenate(values), np.concatenate(errors)
    quotients = []
    for j in range(len(second)):
        i = j if len(first) > 1 else 0
        lost = above(deducted * above(float(E[i] + E[len(first) + j])))
        quotients.append(_quotient(f[i], f[len(first) + j], lost, first[i], second[j]))
    return np.array(quotients)


def bound_quotient(derivation: Derivation, x: ArrayLike, y: ArrayLike) -> float:
    """Bound |f(x) − f(y)|/|x − y| from below for one pair of points of ``input_shape``.

    See ``bound_quotients``. Source: flowcert, proofs of E [D].
    """
    return float(bound_quotients(derivation, np.asarray(x)[None], np.asarray(y)[None])[0])


def best_witness(derivation: Derivation, x: ArrayLike, y: ArrayLike) -> Witness:
    """Return the pair of two batches with the largest quotient (the first pair if all are 0).

    The errors are deducted four times: another evaluation, whose rounding differs by up to twice
    their bound (other batch, other machine), then confirms ``lower`` with its own deduction.
    """
    first, second = input_batch(derivation, x, "x"), input_batch(derivation, y, "y")
    quotients = bound_quotients(derivation, first, second, deducted=4.0)
    best = int(np.argmax(quotients))
    pair = first[best if len(first) > 1 else 0], second[best]
    return Witness(float(quotients[best]), pair[0].copy(), pair[1].copy())


def _quotient(
    f_x: FloatArray, f_y: FloatArray, error: float, x: FloatArray, y: FloatArray
) -> float:
    with np.errstate(all="ignore"):
        moved, distance = f_x - f_y, x - y
    if not (np.all(np.isfinite(moved)) and np.all(np.isfinite(distance)) and error < np.inf):
        return 0.0
    # One rounding of each difference, relative to it: differences do not underflow.
    numerator = below(max(below(norm_below(moved), 2) - error, 0.0), 2)
    quotient = below(numerator / above(norm_above(distance), 2), 2)
    # Only the quotient may overflow: the largest number is still below it.
    return min(quotient, float(np.finfo(np.float64).max))
