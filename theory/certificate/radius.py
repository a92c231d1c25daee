"""Certified radii: how far an input may move before the class can change.

With margins mⱼ = f_k − f_j at x and slopes sⱼ = min(√2·L, L_features·‖w_k − w_j‖), no input within
r of x has another class if mⱼ − √2·E(r) > sⱼ·r for every j ≠ k, E(r) the error of evaluating f at x
and of executing it within r. Claims E2.certified_radius, E2.pairwise_radius, E1.execution_error.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import DataError, ShapeError, UnknownNameError
from ...numerics.validation import FloatArray
from ..spectral.rounding import above
from .evaluation import input_batch, pieces
from .execution import ErrorBudget, Evaluation
from .operations import DOUBLE, SINGLE, Arithmetic, batch_norms
from .rules import Derivation

EXECUTIONS: dict[str, Arithmetic | None] = {"exact": None, "float64": DOUBLE, "float32": SINGLE}
_ROOT_TWO = above(math.sqrt(2.0))
_FARTHEST = 2.0**40  # radii beyond (1 + |x|) times this are not looked for
_ROUNDS = 8  # of the search for the largest radius; each of them is sound
_CLOSE = 1.0 - 1e-3


@dataclass(frozen=True)
class CertifiedPoints:
    """For each input its class, ``classes`` (batch,), and certified ``radius`` (batch,).

    A radius of 0 certifies nothing, not even the class at the input itself.
    """

    classes: NDArray[np.int64]
    radius: FloatArray


def certified_radius(
    derivation: Derivation,
    x: ArrayLike,
    *,
    labels: ArrayLike | None = None,
    execution: str = "float64",
) -> FloatArray:
    """Return, for each input of a batch, a radius within which its class cannot change.

    The class of every input within ``radius`` (inclusive, and within the derivation's domain) is
    that of x, strictly ahead of all others: as a function of real numbers (``execution="exact"``),
    or as executed in float64 or float32 under ``execution.ASSUMPTIONS`` (float32: inputs and
    weights are float32 numbers). 0 where that is not certain: ties, margins within the rounding
    error, and, with ``labels``, misclassified inputs. x has shape (batch, *input_shape), the
    network's value is (classes,). Raises ShapeError, DomainError (NaN, outside the domain),
    UnknownNameError. Source: paper, E2 [P]; the pairwise rule and rounding, flowcert [D].

    >>> from flowcert.theory.certificate import Graph, Node, derive
    >>> x = Node("x", "input", (), (2,))
    >>> y = Node("y", "dense", ("x",), (2,), {}, {"weight": "W"})
    >>> derivation = derive(Graph((x, y), "y"), {"W": np.array([[1.0, 0.0], [-1.0, 0.0]])})
    >>> certified_radius(derivation, np.array([[0.5, 7.0], [0.0, 1.0]])).round(6).tolist()
    [0.5, 0.0]
    """
    certified = certify_points(derivation, x, execution=execution)
    if labels is None:
        return certified.radius
    right = certified.classes == class_labels(derivation, labels, len(certified.classes))
    return np.where(right, certified.radius, 0.0)


def certify_points(
    derivation: Derivation, x: ArrayLike, *, execution: str = "float64"
) -> CertifiedPoints:
    """Return class and certified radius of each input; see ``certified_radius``."""
    batch = input_batch(derivation, x)
    certifier = PointCertifier(derivation, execution)
    parts = [certifier.certify(piece) for piece in pieces(derivation, batch)]
    if not parts:
        return CertifiedPoints(np.zeros(0, dtype=np.int64), np.zeros(0))
    return CertifiedPoints(
        np.concatenate([part.classes for part in parts]),
        np.concatenate([part.radius for part in parts]),
    )


def class_labels(derivation: Derivation, labels: ArrayLike, count: int) -> NDArray[np.int64]:
    """Return labels as integers, one for each input, or raise ShapeError or DataError."""
    given = np.asarray(labels)
    if given.shape != (count,):
        raise ShapeError(
            came=f"labels of shape {given.shape}",
            expected=f"shape ({count},): one label for each input",
            remedy="Labels are class numbers, not one-hot vectors.",
        )
    [classes] = derivation.graph[derivation.graph.output].shape
    whole = given.dtype.kind in "iu" and bool(np.all((given >= 0) & (given < classes)))
    if count and not whole:
        raise DataError(
            came=f"labels of type {given.dtype} in [{given.min()}, {given.max()}]",
            expected=f"integers from 0 to {classes - 1}",
            remedy="Number the classes as the network's outputs.",
        )
    return given.astype(np.int64)


class PointCertifier:
    """Certifies batches of one derivation: the slopes of its logits are read once.

    ``execution`` as in ``certified_radius``. Raises ShapeError for a network without logits,
    UnknownNameError, and DomainError for weights that float32 cannot hold, if it is to be that.
    """

    def __init__(self, derivation: Derivation, execution: str = "float64") -> None:
        if execution not in EXECUTIONS:
            raise UnknownNameError(
                came=f"the execution {execution!r}",
                expected=f"one of {', '.join(EXECUTIONS)}",
                remedy="Name the arithmetic in which the network is deployed.",
            )
        self.output = derivation.graph.output
        self.budget = ErrorBudget(derivation)
        self.arithmetic = EXECUTIONS[execution]
        self.slopes = bound_logit_slopes(derivation)
        if self.arithmetic is not None:
            self.budget.require_bounds(self.arithmetic)

    def certify(self, x: FloatArray) -> CertifiedPoints:
        """Return class and radius of each element of a batch that fits into memory."""
        evaluation = self.budget.evaluate(x)
        logits = evaluation.values[self.output]
        classes = np.argmax(np.where(np.isnan(logits), -np.inf, logits), axis=1)
        with np.errstate(all="ignore"):
            margins = np.take_along_axis(logits, classes[:, None], axis=1) - logits
            margins = margins * (1.0 - 2.0**-51)  # one rounding of each difference
        # A class does not compete with itself. Where logits overflowed, their error is infinite.
        np.put_along_axis(margins, classes[:, None], np.inf, axis=1)
        slopes = self.slopes[classes]
        radius = _radii(margins, slopes, evaluation.errors[self.output])
        if self.arithmetic is not None and np.any(radius > 0.0):
            farthest = _FARTHEST * (1.0 + np.max(np.abs(x.reshape(len(x), -1)), axis=1))
            chosen = np.flatnonzero(radius > 0.0)
            radius[chosen] = self._search(
                evaluation.take(chosen),
                margins[chosen],
                slopes[chosen],
                np.minimum(radius, farthest)[chosen],
                self.arithmetic,
            )
        return CertifiedPoints(classes, radius)

    def _search(
        self,
        evaluation: Evaluation,
        margins: FloatArray,
        slopes: FloatArray,
        largest: FloatArray,
        arithmetic: Arithmetic,
    ) -> FloatArray:
        """The largest radius found with mⱼ − √2(E + E(r)) > sⱼr, E(r) the error within r.

        Whatever r is tried, min(r, the radius that E(r) leaves) is certified, as E increases. The
        next r is where the margin would end if E were affine between 0 and r.
        """
        here = evaluation.errors[self.output]

        def executed(radius: FloatArray) -> FloatArray:
            errors = self.budget.deployed(evaluation, arithmetic, radius)
            return (here + errors[self.output]) * (1.0 + 2.0**-50)

        best, tried, resting = np.zeros_like(largest), largest, None
        for _ in range(_ROUNDS):
            error = executed(tried)
            best = np.maximum(best, np.minimum(tried, _radii(margins, slopes, error)))
            if np.all(best >= tried * _CLOSE):
                break
            if resting is None:
                resting = executed(np.zeros_like(largest))
            if not np.any(np.isfinite(resting)):
                break
            with np.errstate(all="ignore"):
                growth = (error - resting) / tried
                steeper = slopes + _ROOT_TWO * growth[:, None]
                chord = np.min((margins - _ROOT_TWO * resting[:, None]) / steeper, axis=1)
                chord = chord * (1.0 - 2.0**-12)  # a little less, where margins are left
            further = np.isfinite(chord) & (chord > best)
            shrunk = np.where(np.isfinite(error), best, tried * 2.0**-8)
            tried = np.where(further, np.minimum(chord, tried), np.maximum(best, shrunk))
        return best


def bound_logit_slopes(derivation: Derivation) -> FloatArray:
    """Bound, for each pair of classes, the Lipschitz constant of f_k − f_j from above: (K, K).

    min(√2·L, L_features·‖w_k − w_j‖), the second where the last operation is dense; exactly 0 where
    w_k = w_j. Raises ShapeError unless the network's value is a vector of at least two logits.
    Source: paper, E2 [P]; pairwise, flowcert [D].
    """
    node = derivation.graph[derivation.graph.output]
    if len(node.shape) != 1 or node.shape[0] < 2:
        raise ShapeError(
            came=f"a network with values of shape {node.shape}",
            expected="shape (classes,) with at least two classes",
            remedy="A radius belongs to a classifier; two classes have two logits.",
        )
    [classes] = node.shape
    slopes = np.full((classes, classes), above(_ROOT_TWO * derivation.upper, 2))
    np.fill_diagonal(slopes, 0.0)
    if node.operation != "dense":
        return slopes
    W = derivation.operations[node.name].weights["weight"]
    features = derivation.lines[node.inputs[0]].upper
    with np.errstate(all="ignore"):
        for k in range(classes):
            differences = W - W[k]
            # One rounding of each entry; norms that overflow are NaN, and no bound.
            pair = batch_norms(differences) * (1.0 + 2.0**-50) * features
            pair = pair * (1.0 + 2.0**-50) + DOUBLE.smallest
            slopes[k] = np.fmin(slopes[k], pair)
            # Equal rows: the features cannot change the difference, whatever their constant is.
            slopes[k, ~np.any(differences, axis=1)] = 0.0
    return slopes


def _radii(margins: FloatArray, slopes: FloatArray, error: FloatArray) -> FloatArray:
    """min_j (mⱼ − √2·error)/sⱼ from below, 0 where a margin may vanish; (batch,)."""
    with np.errstate(all="ignore"):
        lost = error * (_ROOT_TWO * (1.0 + 2.0**-50)) + DOUBLE.smallest
        left = (margins - lost[:, None]) * (1.0 - 2.0**-50)
        quotient = left / slopes * (1.0 - 2.0**-49) - 2.0 * DOUBLE.smallest
    finite = np.minimum(quotient, np.finfo(np.float64).max)  # where only the quotient overflowed
    safe = np.where(left <= 0.0, 0.0, np.where(slopes == 0.0, np.inf, finite))
    # Whatever is not a number certifies nothing: ∞ − ∞, ∞/∞.
    safe = np.where(np.isnan(left) | np.isnan(safe), 0.0, safe)
    return np.asarray(np.maximum(np.min(safe, axis=1), 0.0))
