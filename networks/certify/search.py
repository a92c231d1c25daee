"""The lower end of a bracket: a search for two inputs that a network drives far apart.

Points on many scales, the norm of the Jacobian at each by power iteration (v ← JᵀJv), the best of
them refined by mutation and selection, and pairs x, x + δv for several δ. What is found this way is
evaluated anew in NumPy, with the rounding deducted (``theory.certificate.witness``): the search
may err, its result cannot.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from ...errors import UnknownNameError
from ...numerics.validation import FloatArray
from ...theory.certificate.evaluation import input_batch
from ...theory.certificate.operations.linear import Linear
from ...theory.certificate.rules import Derivation
from ...theory.certificate.witness import best_witness
from .directions import Directions

Function = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Effort:
    """How much work a search may do, in multiplications and in evaluations of Jacobians."""

    multiplications: float
    least: int  # Jacobians, however costly the network is (twice as many in float32)
    most: int


EFFORTS = {
    "quick": Effort(1e8, 32, 4_000),
    "normal": Effort(4e8, 64, 15_000),
    "thorough": Effort(2e10, 1_000, 300_000),
}
_STEPS = (1.0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5)  # δ, relative to the scale of the input
_RADII = (-1.5, 1.5)  # decimal exponents of the sizes of points where there is no domain
_MUTATIONS = (-2.5, 0.0)  # the same of mutations, relative to the point's size
_LARGEST_BATCH = 2**22  # numbers in the values of one layer at a time
_REFINED, _LEAST = 128, 8  # points that are refined: at first, and in the end
_SMALL = 6_000_000  # multiplications in one evaluation
_CHILDREN = 8  # mutations of each in a round


@dataclass(frozen=True)
class LowerEnd:
    """``lower`` ≤ the Lipschitz constant, attained by the pair ``x``, ``y`` (*input_shape).

    ``estimate`` is the largest Jacobian norm that the search saw, without guarantee; ``jacobians``
    how many it looked at; ``reason`` says why ``lower`` is 0 where it is.
    """

    lower: float
    x: FloatArray
    y: FloatArray
    estimate: float
    jacobians: int
    reason: str = ""


def search_lower(
    function: Function,
    derivation: Derivation,
    *,
    points: ArrayLike | None = None,
    effort: str = "normal",
    seed: int = 0,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float64,
) -> LowerEnd:
    """Search two inputs with a large quotient |f(x) − f(y)|/|x − y|, and bound it from below.

    ``function`` is f in torch, batched in front, on ``device`` in ``dtype``; ``derivation`` is the
    same f as a certificate knows it, with its domain. ``points`` (count, *input_shape) are where to
    look besides. Deterministic by ``seed`` on one machine. Guaranteed: ``lower`` is a lower bound
    of the constant of the derivation's f on its domain, whatever ``function`` returned. Raises
    UnknownNameError for an effort other than quick, normal, thorough. Source: flowcert [D].
    """
    if effort not in EFFORTS:
        raise UnknownNameError(
            came=f"the effort {effort!r}",
            expected=f"one of {', '.join(EFFORTS)}",
            remedy="normal takes a second for small networks, twenty for those of CIFAR size.",
        )
    given = None if points is None else input_batch(derivation, points, "points")
    search = _Search(function, derivation, EFFORTS[effort], seed, torch.device(device), dtype)
    # A random layer must not depend on what ran before.
    with torch.random.fork_rng(devices=[]), _threads(1 if search.small else None):
        torch.manual_seed(seed)
        x, v, size = search.run(given)
    first, second = search.pairs(x, v)
    witness = best_witness(derivation, first, second)
    reason = ""
    if witness.lower == 0.0:
        reason = (
            "every quotient found is within the bound of its rounding error"
            if size > 0.0
            else "no two inputs with different values were found"
        )
    return LowerEnd(witness.lower, witness.x, witness.y, size, search.spent, reason)


def count_multiplications(derivation: Derivation) -> int:
    """Return how many multiplications one evaluation takes, roughly: the unit of the effort."""
    total = 0
    for operation in derivation.operations.values():
        rows = math.prod(operation.node.shape)
        total += rows * operation.map.terms if isinstance(operation, Linear) else rows
    return total


@contextmanager
def _threads(number: int | None) -> Iterator[None]:
    """Within, PyTorch computes with so many threads: many small products are fastest on one."""
    before = torch.get_num_threads()
    try:
        if number is not None:
            torch.set_num_threads(number)
        yield
    finally:
        torch.set_num_threads(before)


class _Search:
    """Points, directions and their Jacobian norms, in batches that fit."""

    def __init__(
        self,
        function: Function,
        derivation: Derivation,
        effort: Effort,
        seed: int,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self.shape = derivation.graph.input.shape
        self.derivation = derivation
        self.device, self.dtype = device, dtype
        low, high = derivation.lines[derivation.graph.input.name].range
        self.domain = (low, high) if math.isfinite(low) and math.isfinite(high) else None
        self.limits = (low, high)
        self.draw = torch.Generator().manual_seed(seed)  # on the CPU: the same on every device
        self.directions = Directions(function)
        cost = count_multiplications(derivation)
        affordable = int(effort.multiplications / max(cost, 1))
        # float32 is several times faster, above all for convolutions.
        least = effort.least * (1 if dtype == torch.float64 else 2)
        self.budget = min(max(affordable, least), effort.most)
        widest = max(math.prod(node.shape) for node in derivation.graph)
        self.at_once = max(1, _LARGEST_BATCH // widest)
        self.costly = affordable < least
        self.small = cost <= _SMALL
        self.spent = 0

    def run(self, given: FloatArray | None) -> tuple[Tensor, Tensor, float]:
        """Return the best points with their directions, best first, and the largest norm."""
        x = self.starts(max(4, self.budget // 8))
        if given is not None:
            extra = torch.as_tensor(given, dtype=self.dtype, device=self.device)
            x = torch.cat([extra[: max(1, self.budget // 8)], x])
        v, sizes = self.iterate(x, self.normal(x.shape), 2)
        # Where few Jacobians are affordable, half of them go into the directions at a few points.
        closing = self.budget // (2 if self.costly else 10)
        kept = (self.budget - self.spent - closing) // (3 * _CHILDREN)
        x, v, sizes = _best(x, v, sizes, min(max(kept, _LEAST), _REFINED))
        x, v, sizes = self.climb(x, v, sizes, self.budget - closing)
        x, v, sizes = _best(x, v, sizes, _LEAST)
        v, sizes = self.iterate(x, v, max(2, (self.budget - self.spent) // len(x)))
        x, v, sizes = _best(x, v, sizes, 1 if self.costly else 4)
        return x, v, float(sizes[0])

    def climb(
        self, x: Tensor, v: Tensor, sizes: Tensor, budget: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Replace each point by the best of its mutations, again and again; halve the points.

        Points do not compete with one another before they are halved: within a piece of a
        piecewise-linear network all have the same Jacobian, and one piece would crowd out the rest.
        """
        stages = max(1, (len(x) // _LEAST).bit_length())
        for stage in range(stages):
            end = self.spent + (budget - self.spent) // (stages - stage)
            while self.spent + len(x) * _CHILDREN <= end:
                young = self.mutate(x.repeat_interleave(_CHILDREN, 0))
                directions, found = self.iterate(young, v.repeat_interleave(_CHILDREN, 0), 1)
                found, chosen = found.reshape(-1, _CHILDREN).max(1)
                index = torch.arange(len(x), device=self.device) * _CHILDREN + chosen
                better = (found > sizes).reshape(-1, *(1,) * len(self.shape))
                x = torch.where(better, young[index], x)
                v = torch.where(better, directions[index], v)
                sizes = torch.maximum(sizes, found)
            if stage < stages - 1:
                x, v, sizes = _best(x, v, sizes, len(x) // 2)
        return x, v, sizes

    def starts(self, count: int) -> Tensor:
        """Points on many scales: rough, sparse, and smooth ones (one number a channel)."""
        rough = self.normal((count, *self.shape))
        kind = torch.arange(count, device=self.device).reshape(count, *(1,) * len(self.shape)) % 4
        x = torch.where(kind == 3, rough * self.some(rough.shape), rough)
        if len(self.shape) > 1:
            smooth = self.normal((count, *self.shape[:-2], 1, 1)) + 0.1 * rough
            x = torch.where(kind == 2, smooth, x)
        exponents = self.column(count)
        if self.domain is None:
            low, high = _RADII
            return x * 10.0 ** (low + (high - low) * exponents)
        low, high = self.domain
        width = high - low
        centre = low + width * self.column(count)
        return self.inside(centre + width * 10.0 ** (-2.0 + 2.5 * exponents) * x)

    def mutate(self, x: Tensor) -> Tensor:
        low, high = _MUTATIONS
        steps = 10.0 ** (low + (high - low) * self.column(len(x)))
        noise = self.normal(x.shape)
        # Every other child changes some of its entries alone.
        every = torch.arange(len(x), device=self.device).reshape(-1, *(1,) * len(self.shape)) % 2
        noise = torch.where(every == 0, noise, noise * self.some(x.shape))
        return self.inside(x + steps * self.scale(x) * noise)

    def scale(self, x: Tensor) -> Tensor:
        """The root mean square of each point, or what the domain allows."""
        flat = x.reshape(len(x), -1)
        if self.domain is not None:
            size = torch.full((len(x),), self.domain[1] - self.domain[0]).to(flat)
        else:
            size = flat.square().mean(1).sqrt().clamp(min=10.0 ** _RADII[0])
        return size.reshape(-1, *(1,) * len(self.shape))

    def iterate(self, x: Tensor, v: Tensor, times: int) -> tuple[Tensor, Tensor]:
        """Power iteration at each point: directions of length 1, and |Jv| for the last of them."""
        directions, sizes = [], []
        for start in range(0, len(x), self.at_once):
            piece, direction = x[start : start + self.at_once], v[start : start + self.at_once]
            for _ in range(times):
                direction, size = self.directions.improve(piece, direction)
            directions.append(direction)
            sizes.append(size)
        self.spent += len(x) * times
        return torch.cat(directions), torch.cat(sizes)

    def pairs(self, x: Tensor, v: Tensor) -> tuple[FloatArray, FloatArray]:
        """x and x ± δv in float64, within the domain, for all δ (for few, where f is costly)."""
        first, second = [], []
        scale = self.scale(x)
        for step in _STEPS[2:5] if self.costly else _STEPS:
            for sign in (1.0,) if self.costly else (1.0, -1.0):
                size = math.sqrt(math.prod(self.shape))
                y = self.inside(x + sign * step * size * scale * v)
                first.append(x)
                second.append(y)
        low, high = self.limits

        def points(parts: list[Tensor]) -> FloatArray:
            array = torch.cat(parts).detach().cpu().numpy().astype(np.float64)
            return np.asarray(np.clip(np.nan_to_num(array), low, high))

        return points(first), points(second)

    def inside(self, x: Tensor) -> Tensor:
        return x.clamp(*self.limits)

    def normal(self, shape: tuple[int, ...]) -> Tensor:
        drawn = torch.randn(shape, generator=self.draw, dtype=torch.float64)
        return drawn.to(self.device, self.dtype)

    def uniform(self, shape: tuple[int, ...]) -> Tensor:
        drawn = torch.rand(shape, generator=self.draw, dtype=torch.float64)
        return drawn.to(self.device, self.dtype)

    def some(self, shape: tuple[int, ...]) -> Tensor:
        """A mask for each point: of all entries, of single ones, or of a part between."""
        share = float(math.prod(self.shape)) ** -self.column(shape[0])
        return self.uniform(shape) < share

    def column(self, count: int) -> Tensor:
        """A number of [0, 1) for each point."""
        return self.uniform((count, *(1,) * len(self.shape)))


def _best(x: Tensor, v: Tensor, sizes: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    chosen = torch.argsort(sizes, descending=True, stable=True)[:count]
    return x[chosen], v[chosen], sizes[chosen]
