"""The search for the largest difference quotient: scans, Jacobians, random pairs, improvement."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from ..numerics.validation import FloatArray
from .search_domain import Box, directions
from .searched_map import FlatMap, row_norms

Pairs = tuple[FloatArray, FloatArray]  # two arrays (n, d)

_KEPT = 24
_LARGEST_JACOBIAN = 128  # columns that are written out by differences
_SMALLEST = 2.0**-1074


@dataclass
class PairSearch:
    """Looks for two points of ``box`` with |f(x) − f(y)| > bound·|x − y|, and keeps the best pairs.

    The score of a pair is what of its quotient is certain,
    (|f(x) − f(y)| − tolerance·(|f(x)| + |f(y)| + bound·(|x| + |y| + 1)))/|x − y|, so that near
    pairs whose difference is rounding do not win; the 1 is for constants inside f.
    """

    f: FlatMap
    box: Box
    bound: float
    tolerance: float
    draw: np.random.Generator
    scores: FloatArray = field(default_factory=lambda: np.empty(0))
    x: FloatArray = field(default_factory=lambda: np.empty((0, 0)))
    y: FloatArray = field(default_factory=lambda: np.empty((0, 0)))

    @property
    def violated(self) -> bool:
        return len(self.scores) > 0 and bool(self.scores[0] > self.bound)

    def run(self, budget: int) -> None:
        """Spend about ``budget`` evaluations of f; stops early once the bound is violated."""
        # On a line there is nothing but places to look at.
        shares = (0.6, 0.05, 0.15, 0.2) if self.box.dimension == 1 else (0.4, 0.2, 0.15, 0.25)
        stages = (self.scan, self.differentiate, self.guess, self.improve)
        for stage, share in zip(stages, shares, strict=True):
            if self.violated:
                self.improve(budget // 8)
                return
            stage(int(share * budget))

    def score(self, x: FloatArray, y: FloatArray, fx: FloatArray, fy: FloatArray) -> FloatArray:
        distance = row_norms(x - y)
        inputs = row_norms(x) + row_norms(y) + 1.0
        sizes = row_norms(fx) + row_norms(fy) + self.bound * inputs
        underflow = 4.0 * (fx.shape[1] + x.shape[1]) * _SMALLEST
        certain = row_norms(fx - fy) - self.tolerance * sizes - underflow
        apart = distance > 0.0
        return np.where(apart, certain / np.where(apart, distance, 1.0), -np.inf)

    def try_pairs(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Evaluate pairs, keep the best, and return all scores."""
        x, y = self.box.clip(x), self.box.clip(y)
        values = self.f(np.concatenate([x, y]))
        scores = self.score(x, y, values[: len(x)], values[len(x) :])
        self._keep(x, y, scores)
        return scores

    def scan(self, budget: int) -> None:
        """Points along lines, fine near 0 and on a logarithmic scale, each against the next."""
        lines = list(self._lines())
        count = max(budget // len(lines), 8)
        for base, direction in lines:
            x = self.box.clip(base + self._places(count)[:, None] * direction)
            values = self.f(x)
            scores = self.score(x[:-1], x[1:], values[:-1], values[1:])
            self._keep(x[:-1], x[1:], scores)

    def differentiate(self, budget: int) -> None:
        """The direction of largest stretch, from differences along an orthonormal frame."""
        n = self.box.dimension
        frame = np.eye(n)
        if n > _LARGEST_JACOBIAN:
            frame = np.linalg.qr(self.draw.normal(size=(n, 32)))[0].T
        for point in self.box.points(self.draw, max(budget // (len(frame) + 9), 2)):
            size = float(np.max(np.abs(point)))
            h = 1e-4 * (size if size > 0.0 else self.box.reach)
            # Inwards at a border, where clipping would leave no step.
            inward = np.where(point + h * frame > self.box.high, -h, h)
            stencil = self.box.clip(np.concatenate([point[None], point + inward * frame]))
            moved = row_norms(stencil[1:] - point)
            values = self.f(stencil)
            slopes = (values[1:] - values[0]) / np.where(moved > 0.0, moved, np.inf)[:, None]
            signs = np.sign(np.sum((stencil[1:] - point) * frame, axis=1))
            _, _, right = np.linalg.svd((signs[:, None] * slopes).T, full_matrices=False)
            v = right[:2] @ frame
            steps = np.concatenate([h * v, 100.0 * h * v])
            self.try_pairs(point - steps / 2, point + steps / 2)

    def guess(self, budget: int) -> None:
        """Random pairs, near and far, on one side of an axis or the other."""
        count = max(budget // 2, 4)
        x = self.box.points(self.draw, count)
        sizes = np.max(np.abs(x), axis=1) * 10.0 ** self.draw.uniform(-6, 1, count)
        lengths = np.where(self.draw.random(count) < 0.5, sizes, self.box.lengths(self.draw, count))
        self.try_pairs(x, x + lengths[:, None] * directions(self.draw, count, x.shape[1]))

    def improve(self, budget: int) -> None:
        """The better half of a pair has a quotient no smaller; and small random changes."""
        rounds = max(budget // (8 * _KEPT), 2)
        for _ in range(rounds):
            if len(self.scores) == 0:
                return
            x, y = self.x.copy(), self.y.copy()
            middle = 0.5 * x + 0.5 * y
            self.try_pairs(np.concatenate([x, middle]), np.concatenate([middle, y]))
            self.try_pairs(*self._changed(x, y))

    def _changed(self, x: FloatArray, y: FloatArray) -> Pairs:
        """Two children a pair: moved together, and turned or stretched."""
        count, n = x.shape
        offset = y - x
        size = 10.0 ** self.draw.uniform(-2.5, 0.0, (count, 1))
        length = np.where(
            self.draw.random((count, 1)) < 0.5,
            row_norms(offset)[:, None],
            np.max(np.abs(x), axis=1, keepdims=True),
        )
        shift = size * length * directions(self.draw, count, n)
        turn = size * row_norms(offset)[:, None] * directions(self.draw, count, n)
        turned = (offset + turn) * 2.0 ** self.draw.integers(-2, 4, (count, 1))
        return np.concatenate([x + shift, x]), np.concatenate([y + shift, x + turned])

    def _keep(self, x: FloatArray, y: FloatArray, scores: FloatArray) -> None:
        best = np.argsort(-scores, kind="stable")[:_KEPT]
        best = best[scores[best] > -np.inf]
        if len(self.scores) == 0:
            self.x, self.y, self.scores = x[best], y[best], scores[best]
            return
        x, y = np.concatenate([self.x, x[best]]), np.concatenate([self.y, y[best]])
        scores = np.concatenate([self.scores, scores[best]])
        order = np.argsort(-scores, kind="stable")[:_KEPT]
        self.x, self.y, self.scores = x[order], y[order], scores[order]

    def _lines(self) -> Iterator[Pairs]:
        """Axes through the centre and through a random point, a diagonal, random directions."""
        n = self.box.dimension
        axes = self.draw.permutation(n)[:8]
        unit = np.eye(1) if n == 1 else np.zeros((len(axes), n))
        unit[np.arange(len(axes)), axes] = 1.0
        somewhere = self.box.points(self.draw, len(axes))
        for axis, point in zip(unit, somewhere, strict=True):
            yield self.box.centre, axis
            if n > 1:
                yield point, axis
        if n > 1:
            yield self.box.centre, np.ones(n)
            for direction in self.draw.normal(size=(4, n)):
                yield self.box.centre, direction / np.linalg.norm(direction)

    def _places(self, count: int) -> FloatArray:
        """Coordinates on a line: uniform on ±1 and ±10, or the box, and logarithmic; jittered."""
        reach = self.box.reach
        fine = np.linspace(-1.0, 1.0, max(count // 2, 4))
        fine = fine + self.draw.uniform(0.0, 2.0 / len(fine), len(fine))
        spread = reach if self.box.bounded else 1.0
        middle = np.linspace(-10.0, 10.0, max(count // 4, 4)) * min(1.0, reach / 10.0)
        decades = np.linspace(-12.0, 0.0, max(count // 8, 3)) + self.draw.uniform(0.0, 0.1)
        powers = reach * 10.0**decades
        # Beyond the largest magnitude a map may overflow in earnest.
        powers = powers[powers <= reach]
        return np.sort(np.concatenate([-powers, spread * fine, middle, powers]))
