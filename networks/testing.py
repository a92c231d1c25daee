"""Assertions on modules for your own tests: a Lipschitz bound, non-expansiveness, a quantity kept.

The same three names as in ``flowcert.theory.testing``, with the gradient of the module to guide the
search: at many magnitudes the direction of largest stretch, by power iteration. In your suite::

    from flowcert.networks.testing import assert_lipschitz

    def test_my_network():
        assert_lipschitz(MyNetwork().eval(), 1.0, shape=(3, 32, 32), domain=(0, 1))

Modules are evaluated as float64 copies of their weights, on the CPU. In float32 the rounding of a
difference of near points is as large as the difference: a search would report it, and it says
nothing of the bound, which is one of the exact function of these weights. What a module computes
of its weights alone (a normalised matrix, h/S) is rounded in their type, and certificates take it
so: compare ``certify(module.double())`` where that last digit matters; sealed networks store such
numbers and are one function in both.
"""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from ..errors import StructureError
from ..numerics.validation import FloatArray
from ..theory.counterexamples import find_drift, find_pair
from ..theory.search_domain import Box, Shape, directions, read_shape
from ..theory.searched_map import SearchedMap
from ..theory.testing import (
    ConservationViolation,
    Domain,
    LipschitzViolation,
    conservation_violation,
    lipschitz_violation,
    non_negative,
    read_effort,
)
from .certify.directions import Directions

__all__ = [
    "ConservationViolation",
    "LipschitzViolation",
    "assert_conserves",
    "assert_lipschitz",
    "assert_nonexpansive",
]

WHOLE_SPACE: Domain = (-math.inf, math.inf)
_ROWS = 256  # evaluated at a time
_POWER_STEPS = 8
_GENERATIONS = 12
_KEPT = 32


def assert_lipschitz(
    module: Callable[[Tensor], Tensor],
    bound: float,
    *,
    shape: int | Shape,
    domain: Domain = WHOLE_SPACE,
    examples: int = 50,
    seed: int = 0,
    tolerance: float = 1e-12,
) -> None:
    """Raise LipschitzViolation if two inputs with |f(x) − f(y)| > bound·|x − y| are found.

    ``module``: an ``nn.Module`` in eval mode, or a function on float64 tensors, from
    (batch, *shape) to (batch, …), each row for itself. The other arguments are those of
    ``flowcert.theory.testing.assert_lipschitz``; rounding is that of float64. Raises StructureError
    for a module in training mode, one that mixes the batch, or outputs that are no tensors;
    ShapeError, DomainError as there. Source: flowcert [D].

    >>> assert_lipschitz(nn.ReLU().eval(), 1.0, shape=3, examples=10)
    >>> overlapping = nn.MaxPool1d(2, stride=1).eval()
    >>> assert_lipschitz(overlapping, 1.0, shape=(1, 3))
    Traceback (most recent call last):
        ...
    flowcert.theory.violations.LipschitzViolation: |f(x) − f(y)| = 1.41421356 > 1·|x − y| = 1: ...
      x    = [[0.0, 0.0, 0.0]]
      y    = [[0.0, 1.0, 0.0]]
      f(x) = [[0.0, 0.0]]
      f(y) = [[1.0, 1.0]]
    """
    __tracebackhide__ = True
    sizes = read_shape(shape)
    bound = non_negative("bound", bound)
    effort = read_effort(examples, seed)
    box = Box.read(domain, sizes)
    function = _double(module)
    searched = _searched(function, sizes, box)
    pair = find_pair(
        searched,
        box,
        bound,
        non_negative("tolerance", tolerance),
        effort,
        starts=_steepest(function, sizes, box, 4 * effort.examples, seed),
    )
    if pair is not None:
        raise lipschitz_violation(searched, *pair, bound)


def assert_nonexpansive(
    module: Callable[[Tensor], Tensor],
    *,
    shape: int | Shape,
    domain: Domain = WHOLE_SPACE,
    examples: int = 50,
    seed: int = 0,
    tolerance: float = 1e-12,
) -> None:
    """Raise LipschitzViolation if two inputs with |f(x) − f(y)| > |x − y| are found.

    ``assert_lipschitz`` with the bound 1; the arguments and errors are the same.

    >>> assert_nonexpansive(torch.sin, shape=2, examples=10)
    """
    __tracebackhide__ = True
    assert_lipschitz(
        module,
        1.0,
        shape=shape,
        domain=domain,
        examples=examples,
        seed=seed,
        tolerance=tolerance,
    )


def assert_conserves(
    module: Callable[[Tensor], Tensor],
    quantity: Callable[[Tensor], Tensor],
    *,
    shape: int | Shape,
    domain: Domain = WHOLE_SPACE,
    examples: int = 50,
    seed: int = 0,
    tolerance: float = 1e-9,
) -> None:
    """Raise ConservationViolation if an input with |q(f(x)) − q(x)| > tolerance·scale is found.

    ``quantity`` q maps batches of inputs and of outputs to (batch,) or (batch, k). The scale and
    the other arguments are those of ``flowcert.theory.testing.assert_conserves``, the errors those
    of ``assert_lipschitz``. Source: flowcert [D].

    >>> assert_conserves(lambda x: x.flip(-1), lambda x: x.sum(-1), shape=4, examples=10)
    """
    __tracebackhide__ = True
    sizes = read_shape(shape)
    box = Box.read(domain, sizes)
    tolerance = non_negative("tolerance", tolerance)
    searched = _searched(_double(module), sizes, box)
    outputs = searched.output_shape or ()
    kept = _double(quantity)
    q = (
        SearchedMap(_array_map(kept), sizes, batched=True, name="quantity"),
        SearchedMap(_array_map(kept), outputs, batched=True, name="quantity"),
    )
    x = find_drift(searched, q, box, tolerance, read_effort(examples, seed))
    if x is not None:
        raise conservation_violation(searched, q, x, tolerance)


def _double(module: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """A float64 copy on the CPU; a function is taken as it is."""
    given: object = module  # whatever a caller without types passes
    if not callable(given):
        raise StructureError(
            came=f"module = {module!r}",
            expected="a module or a function on tensors",
            remedy="Pass the module itself.",
        )
    if not isinstance(module, nn.Module):
        return module
    training = [name or "the module itself" for name, m in module.named_modules() if m.training]
    if training:
        raise StructureError(
            came=f"a module in training mode ({training[0]})",
            expected="eval mode: batch statistics and dropout are no function of one input",
            remedy="Call module.eval() first.",
        )
    double: nn.Module = copy.deepcopy(module).double().cpu()
    return double.requires_grad_(False)


def _array_map(function: Callable[[Tensor], Tensor]) -> Callable[[FloatArray], ArrayLike]:
    """The function on float64 arrays, in pieces that fit into memory."""

    def mapped(x: FloatArray) -> ArrayLike:
        with torch.no_grad():
            pieces = [_tensor(function(piece)) for piece in torch.split(torch.from_numpy(x), _ROWS)]
        if any(piece.ndim == 0 for piece in pieces):
            return np.array(0.0)  # without a batch axis: refused by its shape
        return np.asarray(torch.cat(pieces).double().numpy())

    return mapped


def _tensor(value: object) -> Tensor:
    if isinstance(value, Tensor):
        return value.detach().cpu()
    raise StructureError(
        came=f"an output of type {type(value).__name__}",
        expected="one tensor",
        remedy="Wrap the module so that it returns the tensor whose bound is meant.",
    )


def _searched(function: Callable[[Tensor], Tensor], shape: Shape, box: Box) -> SearchedMap:
    """The function as a flat map, after a look whether each row is mapped for itself."""
    searched = SearchedMap(_array_map(function), shape, batched=True)
    draw = np.random.default_rng(0)
    x = box.clip(box.centre + min(1.0, box.reach) * draw.uniform(-1, 1, (3, box.dimension)))
    together, alone = searched(x), np.concatenate([searched(row[None]) for row in x])
    if not np.allclose(together, alone, rtol=1e-6, atol=1e-9 * float(np.max(np.abs(alone)))):
        raise StructureError(
            came="outputs that depend on the other inputs of the batch",
            expected="a function of one input, applied to each of a batch",
            remedy="Look for batch statistics, randomness or a wrong axis in the forward.",
        )
    return searched


def _steepest(
    function: Callable[[Tensor], Tensor], shape: Shape, box: Box, count: int, seed: int
) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Pairs along the direction of largest stretch: at ``count`` points, the best of them moved."""
    draw = np.random.default_rng(seed)
    found = Directions(function)
    x, v = box.points(draw, count), draw.normal(size=(count, box.dimension))
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        torch.manual_seed(seed)
        warnings.simplefilter("ignore", DeprecationWarning)  # torch's first jvp uses torch.jit
        v, sizes = _stretched(found, shape, x, v, _POWER_STEPS)
        for _ in range(_GENERATIONS):
            best = np.argsort(-sizes, kind="stable")[:_KEPT]
            x, v, sizes = x[best], v[best], sizes[best]
            step = 10.0 ** draw.uniform(-2.5, 0.0, (len(x), 1)) * _sizes(x)
            young = box.clip(x + step * directions(draw, *x.shape))
            turned, grown = _stretched(found, shape, young, v, 2)
            x, v = np.concatenate([x, young]), np.concatenate([v, turned])
            sizes = np.concatenate([sizes, grown])
        v, sizes = _stretched(found, shape, x, v, _POWER_STEPS)
    for length in (1e-4, 1e-1):
        step = length * _sizes(x) * v
        yield x - step / 2, x + step / 2


def _stretched(
    found: Directions, shape: Shape, x: FloatArray, v: FloatArray, steps: int
) -> tuple[FloatArray, FloatArray]:
    """Better directions at flat points, by power iteration, and how much they are stretched."""
    better, sizes = [], []
    for first in range(0, len(x), _ROWS):
        rows = slice(first, first + _ROWS)
        points = torch.from_numpy(x[rows]).reshape(-1, *shape)
        w = torch.from_numpy(v[rows]).reshape(points.shape)
        for _ in range(steps):
            w, size = found.improve(points, w)
        better.append(w.flatten(1).numpy())
        sizes.append(size.numpy())
    return np.concatenate(better), np.concatenate(sizes)


def _sizes(x: FloatArray) -> FloatArray:
    """The largest entry of each row, as a column; 1 for the row of zeros."""
    size = np.max(np.abs(x), axis=1, keepdims=True)
    return np.where(size > 0.0, size, 1.0)
