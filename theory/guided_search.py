"""A search by hypothesis, guided towards larger scores, that shrinks what it finds."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ..numerics.validation import FloatArray
from .search_domain import Box, directions

if TYPE_CHECKING:
    import hypothesis
    from hypothesis.strategies import SearchStrategy

Points = tuple[FloatArray, ...]

_LISTED = 6  # so many entries of a point are drawn one by one


class _Found(Exception):
    """Carries the points through hypothesis, which shrinks them."""

    def __init__(self, points: Points) -> None:
        super().__init__()
        self.points = points


def guided_search(
    score: Callable[[Points], float],
    strategy: SearchStrategy[Points],
    *,
    above: float,
    examples: int,
    seed: int,
) -> Points | None:
    """Return shrunk points whose score exceeds ``above``, or None; the same ``seed``, the same.

    Within a test that hypothesis itself runs there is no such search: it would be one in another.

    >>> from hypothesis import strategies as st
    >>> numbers = st.floats(-9, 9).map(lambda v: (np.array([v]),))
    >>> [x] = guided_search(lambda p: p[0][0], numbers, above=3.5, examples=100, seed=0)
    >>> x
    array([4.])
    """
    import hypothesis

    if hypothesis.currently_in_test_context():
        return None

    @hypothesis.seed(seed)
    @search_settings(examples)
    @hypothesis.given(strategy)
    def attack(points: Points) -> None:
        value = score(points)
        if value > above:
            raise _Found(points)
        if math.isfinite(value):
            hypothesis.target(value)

    try:
        attack()
    except _Found as found:
        return found.points
    return None


def point_strategy(box: Box) -> SearchStrategy[FloatArray]:
    """Points of a box: a few entries drawn one by one on top of a pattern of one size.

    >>> point_strategy(Box.read((0.0, 1.0), (3,))).example().shape
    (3,)
    """
    from hypothesis import strategies as st

    # Made once, not in every draw: hypothesis checks each strategy that it meets anew.
    entry = st.tuples(st.integers(0, box.dimension - 1), st.booleans(), _numbers(1.0))
    entries = st.lists(entry, max_size=min(box.dimension, _LISTED))

    def point(drawn: tuple[float, int, list[tuple[int, bool, float]]]) -> FloatArray:
        size, pattern, listed = drawn
        x = box.centre + size * _pattern(pattern, box.dimension)
        for place, absolute, value in listed:
            x[place] = box.centre[place] + value * (min(10.0, box.reach) if absolute else size)
        return box.clip(x)

    return st.tuples(_sizes(box), _patterns(box), entries).map(point)


def pair_strategy(box: Box) -> SearchStrategy[Points]:
    """Pairs of points of a box: the second is the first moved in one entry, or by a pattern.

    >>> len(pair_strategy(Box.read((0.0, 1.0), (3,))).example())
    2
    """
    from hypothesis import strategies as st

    places, signs = st.integers(0, box.dimension - 1), st.sampled_from([1.0, -1.0])

    def pair(drawn: tuple[FloatArray, float, float, int, int]) -> Points:
        x, length, sign, place, pattern = drawn
        step = _pattern(pattern, box.dimension)
        if not pattern:
            step[place] = 1.0
        return x, box.clip(x + sign * length * step)

    return st.tuples(point_strategy(box), _sizes(box), signs, places, _patterns(box)).map(pair)


def _pattern(number: int, dimension: int) -> FloatArray:
    """Zeros, or a direction that the number stands for."""
    if not number:
        return np.zeros(dimension)
    return np.asarray(directions(np.random.default_rng(number), 1, dimension)[0])


def _patterns(box: Box) -> SearchStrategy[int]:
    from hypothesis import strategies as st

    return st.integers(0, 2**16 if box.dimension > 1 else 0)


def _sizes(box: Box) -> SearchStrategy[float]:
    """Lengths on a logarithmic scale, 1 first."""
    from hypothesis import strategies as st

    top = math.log10(box.reach)
    powers = st.floats(top - 12.0, top, allow_nan=False).map(lambda e: float(10.0**e))
    return st.one_of(st.just(min(1.0, box.reach)), powers)


def _numbers(size: float) -> SearchStrategy[float]:
    from hypothesis import strategies as st

    return st.floats(-size, size, allow_nan=False, allow_subnormal=False)


def search_settings(examples: int) -> hypothesis.settings:
    """Return settings of a search that is guided towards tight instances and silent.

    A database and deadlines would make the outcome depend on the machine.

    >>> search_settings(7).max_examples
    7
    """
    from hypothesis import HealthCheck, Phase, Verbosity, settings

    return settings(
        max_examples=examples,
        database=None,
        deadline=None,
        derandomize=False,
        phases=[Phase.generate, Phase.target, Phase.shrink],
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        print_blob=False,
        verbosity=Verbosity.quiet,
    )
