"""Counterexamples to a Lipschitz bound or a conservation law: found, then simplified."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from ..errors import DomainError
from ..numerics.validation import FloatArray
from .guided_search import guided_search, pair_strategy, point_strategy
from .pair_search import Pairs, PairSearch
from .search_domain import Box, directions
from .searched_map import FlatMap, row_norms
from .simpler_points import Points, simplified

_KEPT = 24
_PERTURBATIONS = 4


@dataclass(frozen=True)
class Effort:
    """How hard to search: examples of hypothesis, evaluations of the map besides, and the seed."""

    examples: int
    evaluations: int
    seed: int

    @property
    def questions(self) -> int:
        """How many simpler points may be tried once a counterexample is there."""
        return max(self.evaluations // 10, 200)


def find_pair(
    f: FlatMap,
    box: Box,
    bound: float,
    tolerance: float,
    effort: Effort,
    starts: Iterable[Pairs] = (),
) -> Pairs | None:
    """Return a simple pair of vectors that violates the bound, or None; ``starts`` come first.

    >>> effort = Effort(10, 1000, 0)
    >>> find_pair(lambda x: 1.5 * x, Box.read((-9, 9), (2,)), 1.0, 1e-12, effort)
    (array([0., 0.]), array([0., 1.]))
    """
    search = PairSearch(f, box, bound, tolerance, np.random.default_rng(effort.seed))
    for x, y in starts:
        search.try_pairs(x, y)
    search.run(effort.evaluations)

    def score(points: Points) -> float:
        x, y = points
        return float(search.score(x[None], y[None], f(x[None]), f(y[None]))[0])

    if not search.violated:
        strategy = pair_strategy(box)
        found = guided_search(
            score, strategy, above=bound, examples=effort.examples, seed=effort.seed
        )
        if found is None:
            return None
        search.try_pairs(found[0][None], found[1][None])
    if not search.violated:
        return None
    # A simpler pair must keep half of the excess: one just above the bound would show little.
    kept = bound + 0.5 * (float(search.scores[0]) - bound)

    def holds(points: Points) -> bool:
        value = _score_inside(score, points, box)
        return value > bound and value >= kept

    x, y = simplified((search.x[0], search.y[0]), holds, budget=effort.questions)
    return x, y


def find_drift(
    f: FlatMap, q: tuple[FlatMap, FlatMap], box: Box, tolerance: float, effort: Effort
) -> FloatArray | None:
    """Return a simple vector at which |q(f(x)) − q(x)| > tolerance·scale (``drift``), or None.

    ``q`` is the quantity of an input and that of an output.

    >>> total = lambda x: x.sum(axis=1, keepdims=True)
    >>> box, effort = Box.read((-9, 9), (2,)), Effort(10, 1000, 0)
    >>> find_drift(lambda x: x[:, ::-1], (total, total), box, 1e-9, effort) is None
    True
    """
    draw = np.random.default_rng(effort.seed)
    x = np.concatenate([box.centre[None], box.points(draw, effort.evaluations // 2)])
    for _ in range(max(effort.evaluations // (4 * _KEPT), 1)):
        scores = drift(f, q, x, tolerance)
        best = np.argsort(-scores, kind="stable")[:_KEPT]
        x, scores = x[best], scores[best]
        if scores[0] > tolerance:
            break
        size = 10.0 ** draw.uniform(-2.5, 0.0, (len(x), 1))
        step = size * np.max(np.abs(x), axis=1, keepdims=True)
        x = np.concatenate([x, box.clip(x + step * directions(draw, *x.shape))])
    found: Points | None = (x[0],) if scores[0] > tolerance else None

    def score(points: Points) -> float:
        return float(drift(f, q, points[0][None], tolerance)[0])

    if found is None:
        strategy = point_strategy(box).map(lambda point: (point,))
        found = guided_search(
            score, strategy, above=tolerance, examples=effort.examples, seed=effort.seed
        )
    if found is None:
        return None
    kept = max(tolerance, min(0.5 * score(found), 1e6 * tolerance))

    def holds(points: Points) -> bool:
        return _score_inside(score, points, box) > kept

    [simple] = simplified(found, holds, budget=effort.questions)
    return simple


def drift(
    f: FlatMap, q: tuple[FlatMap, FlatMap], x: FloatArray, tolerance: float = 0.0
) -> FloatArray:
    """Return |q(f(x)) − q(x)|/scale for each row of x.

    The scale is |q(x)| + |q(f(x))|, and where that alone would exceed ``tolerance``, also what
    relative changes of size 1 in the arguments of q do to it: where a sum of large terms is 0,
    rounding is relative to the terms.

    >>> total = lambda x: x.sum(axis=1, keepdims=True)
    >>> float(drift(lambda x: 2 * x, (total, total), np.array([[1.0, 2.0]]), 0.5)[0])
    0.3333333333333333
    """
    fx = f(x)
    before, after = q[0](x), q[1](fx)
    change = row_norms(after - before)
    scale = row_norms(before) + row_norms(after)
    doubtful = change > tolerance * scale
    if doubtful.any():
        scale[doubtful] += _sensitivity(q[0], x[doubtful]) + _sensitivity(q[1], fx[doubtful])
    return np.where(change > 0.0, change / np.where(scale > 0.0, scale, 2.0**-1074), 0.0)


def _sensitivity(q: FlatMap, x: FloatArray) -> FloatArray:
    """How much q changes under random relative changes of its arguments, per relative change."""
    draw = np.random.default_rng(0)
    size = 2.0**-20
    value = q(x)
    changes = [
        row_norms(q(x * (1.0 + size * draw.normal(size=x.shape))) - value) / size
        for _ in range(_PERTURBATIONS)
    ]
    return np.asarray(np.max(changes, axis=0))


def _score_inside(score: Callable[[Points], float], points: Points, box: Box) -> float:
    """The score, −∞ outside the box and where the map has no finite value."""
    if not all(np.array_equal(box.clip(point), point) for point in points):
        return -np.inf
    try:
        return score(points)
    except DomainError:
        return -np.inf
