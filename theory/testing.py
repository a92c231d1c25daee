"""Assertions for your own tests: a Lipschitz bound, non-expansiveness, a conserved quantity.

Each searches hard for a counterexample, makes it simple, and raises an ``AssertionError`` that
shows it; or returns None. Silence proves nothing: a search can only refute. In your test suite::

    from flowcert.theory.testing import assert_nonexpansive

    def test_my_layer():
        assert_nonexpansive(my_layer, shape=8)

The same ``seed`` gives the same search on every machine, and nothing is stored. For PyTorch modules
``flowcert.networks.testing`` has the same three names.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..errors import DomainError
from ..numerics.validation import FloatArray, positive_integer
from .counterexamples import Effort, drift, find_drift, find_pair
from .search_domain import Box, Shape, read_shape
from .searched_map import SearchedMap
from .violations import ConservationViolation, LipschitzViolation

__all__ = [
    "ConservationViolation",
    "LipschitzViolation",
    "assert_conserves",
    "assert_lipschitz",
    "assert_nonexpansive",
]

Domain = tuple[ArrayLike, ArrayLike]
WHOLE_SPACE: Domain = (-math.inf, math.inf)
# Evaluations of the map for each example of hypothesis: many, for they are cheap.
_EVALUATIONS = 200


def assert_lipschitz(
    f: Callable[[FloatArray], ArrayLike],
    bound: float,
    *,
    shape: int | Shape,
    domain: Domain = WHOLE_SPACE,
    examples: int = 100,
    seed: int = 0,
    tolerance: float = 1e-12,
    batched: bool = False,
) -> None:
    """Raise LipschitzViolation if two inputs with |f(x) − f(y)| > bound·|x − y| are found.

    ``f`` maps one array of ``shape`` (an integer n: a vector) to an array of any one shape; with
    ``batched`` it maps (n, *shape) to (n, …) row by row, which is faster. Norms are Euclidean, over
    all entries. ``domain`` = (low, high), numbers or arrays; without it magnitudes from 1e-6 to 1e6
    are looked at. The search: scans along lines, directions of largest stretch, near and far pairs,
    improvement (200·``examples`` evaluations of f), then ``examples`` of hypothesis, guided.

    ``tolerance`` allows for the rounding of f: only what exceeds
    tolerance·(|f(x)| + |f(y)| + bound·(|x| + |y| + 1)) counts. Raise it if intermediate results of
    f are much larger than its inputs, its outputs and 1. Raises StructureError, ShapeError or
    DomainError for an f that is no map, or has NaN. Source: flowcert [D].

    >>> assert_lipschitz(np.abs, 1.0, shape=3)
    >>> assert_lipschitz(lambda x: np.maximum(1.25 * x, x), 1.0, shape=2)
    Traceback (most recent call last):
        ...
    flowcert.theory.violations.LipschitzViolation: |f(x) − f(y)| = 1.25 > 1·|x − y| = 1: ...
      x    = [0.0, 0.0]
      y    = [0.0, 1.0]
      f(x) = [0.0, 0.0]
      f(y) = [0.0, 1.25]
    """
    __tracebackhide__ = True
    sizes = read_shape(shape)
    bound = non_negative("bound", bound)
    searched = SearchedMap(f, sizes, batched=batched)
    pair = find_pair(
        searched,
        Box.read(domain, sizes),
        bound,
        non_negative("tolerance", tolerance),
        read_effort(examples, seed),
    )
    if pair is not None:
        raise lipschitz_violation(searched, *pair, bound)


def assert_nonexpansive(
    f: Callable[[FloatArray], ArrayLike],
    *,
    shape: int | Shape,
    domain: Domain = WHOLE_SPACE,
    examples: int = 100,
    seed: int = 0,
    tolerance: float = 1e-12,
    batched: bool = False,
) -> None:
    """Raise LipschitzViolation if two inputs with |f(x) − f(y)| > |x − y| are found.

    ``assert_lipschitz`` with the bound 1; the arguments and errors are the same.

    >>> assert_nonexpansive(np.sin, shape=2)
    >>> turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    >>> assert_nonexpansive(lambda x: turn @ x, shape=2)
    """
    __tracebackhide__ = True
    assert_lipschitz(
        f,
        1.0,
        shape=shape,
        domain=domain,
        examples=examples,
        seed=seed,
        tolerance=tolerance,
        batched=batched,
    )


def assert_conserves(
    f: Callable[[FloatArray], ArrayLike],
    quantity: Callable[[FloatArray], ArrayLike],
    *,
    shape: int | Shape,
    domain: Domain = WHOLE_SPACE,
    examples: int = 100,
    seed: int = 0,
    tolerance: float = 1e-9,
    batched: bool = False,
) -> None:
    """Raise ConservationViolation if an input with |q(f(x)) − q(x)| > tolerance·scale is found.

    ``quantity`` q takes inputs and outputs of ``f`` (both of ``shape``, or q must take either) to a
    number or an array of several. The scale is |q(x)| + |q(f(x))| and what relative changes of the
    arguments do to q, so that a cancelling sum may be rounded relative to its terms. The other
    arguments, the search and the errors are those of ``assert_lipschitz``. Source: flowcert [D].

    >>> assert_conserves(lambda x: x[::-1], np.sum, shape=4)
    >>> assert_conserves(lambda x: 0.5 * x, np.sum, shape=2)
    Traceback (most recent call last):
        ...
    flowcert.theory.violations.ConservationViolation: q(f(x)) = ..., but q(x) = ...
    """
    __tracebackhide__ = True
    sizes = read_shape(shape)
    box = Box.read(domain, sizes)
    tolerance = non_negative("tolerance", tolerance)
    searched = SearchedMap(f, sizes, batched=batched)
    searched(box.centre[None])  # now the shape of its outputs is known
    outputs = searched.output_shape or ()
    q = (
        SearchedMap(quantity, sizes, batched=batched, name="quantity"),
        SearchedMap(quantity, outputs, batched=batched, name="quantity"),
    )
    x = find_drift(searched, q, box, tolerance, read_effort(examples, seed))
    if x is not None:
        raise conservation_violation(searched, q, x, tolerance)


def non_negative(name: str, value: float) -> float:
    """Return a finite number that is not negative, or raise DomainError.

    >>> non_negative("bound", 2)
    2.0
    """
    given: Any = value  # whatever a caller without types passes
    number = float(given) if isinstance(given, int | float | np.number) else math.nan
    if not 0.0 <= number < math.inf:
        raise DomainError(
            came=f"{name} = {value!r}",
            expected=f"{name} as a finite number, at least 0",
            remedy="Every map keeps an infinite bound: there is nothing to search for.",
        )
    return number


def read_effort(examples: int, seed: int) -> Effort:
    """Return how hard to search, or raise DomainError.

    >>> read_effort(10, 0).evaluations
    2000
    """
    count = positive_integer("examples", examples)
    given: object = seed
    if isinstance(given, bool) or not isinstance(given, int | np.integer) or given < 0:
        raise DomainError(
            came=f"seed = {seed!r}",
            expected="an integer, at least 0",
            remedy="Leave it out: the search is then the same every time.",
        )
    return Effort(count, _EVALUATIONS * count, int(given))


def lipschitz_violation(
    f: SearchedMap, x: FloatArray, y: FloatArray, bound: float
) -> LipschitzViolation:
    """The violation at a pair of vectors, with points and images in their own shapes."""
    fx, fy = (f.output(f(point[None])[0]) for point in (x, y))
    return LipschitzViolation(x.reshape(f.shape), y.reshape(f.shape), fx, fy, bound)


def conservation_violation(
    f: SearchedMap, q: tuple[SearchedMap, SearchedMap], x: FloatArray, tolerance: float
) -> ConservationViolation:
    """The violation at a vector, with point and image in their own shapes."""
    image = f(x[None])
    before, after = q[0](x[None])[0], q[1](image)[0]
    change = float(np.linalg.norm(after - before))
    allowed = tolerance * change / float(drift(f, q, x[None], tolerance)[0])
    return ConservationViolation(
        x.reshape(f.shape), f.output(image[0]), q[0].output(before), q[1].output(after), allowed
    )
