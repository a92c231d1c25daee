"""Multipliers of the Riccati recursion, searched: they only propose, ``riccati`` verifies."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import scipy.linalg

from ...numerics.validation import FloatArray
from .chain_layers import ChainLayer, ScaledLayer, chain_widths, scale_layer
from .threads import one_thread

_GRID = (1.0, 0.5, 2.0, 0.25, 4.0)  # multiples of the scalars that give the product bound
_SHARPNESS = (8.0, 32.0, 128.0, 512.0)  # p of tr(Pᵖ)^{1/p}, the smoothed largest eigenvalue
_WORK = 1e11  # n³ operations that a search may take: about three seconds on one core
_FEWEST, _MOST, _AFFORDABLE = 12, 120, 4  # passes along the chain
_MEMORY = 12
_DIGITS = 6

Objective = Callable[[FloatArray], tuple[float, FloatArray]]


@dataclass(frozen=True, eq=False)
class _Pass:
    """P₀ of some multipliers, and for each layer (first to last) how the worst Δ moves."""

    P: FloatArray
    gains: list[FloatArray]  # K: v = KΔ, the activations' worst answer
    moves: list[FloatArray]  # Y + ρCK


def estimate_multipliers(layers: Sequence[ChainLayer]) -> list[list[float]] | None:
    """Search multipliers that make ``bound_chain`` small, in its units; None if none is found.

    A scalar for each layer first (the product bound's, and multiples), then L-BFGS on log λ, whose
    gradient comes from one pass along the chain: λ_max(P₀) is convex in λ. Deterministic, and its
    work is bounded. No guarantee. Source: flowcert [D].

    >>> relu = ChainLayer(None, None, (0.0, 1.0))
    >>> len(estimate_multipliers([ChainLayer.linear(np.eye(2)), relu])[1])
    2
    """
    passes = affordable_passes(layers)
    if passes == 0:
        return None
    widths = chain_widths(layers)
    scaled = [scale_layer(layer) for layer in layers]
    if layers[0].is_linear:
        scaled[0] = _compressed(scaled[0])
        widths[0] = min(widths[:2])
    with np.errstate(all="ignore"), one_thread():  # an overflow is a pass that failed
        best = _Search(scaled, widths).run(passes)
    if best is None:
        return None
    # Few digits make short certificates; the bound is that of the rounded numbers.
    rounded = [[float(f"{x:.{_DIGITS}g}") for x in weights] for weights in best]
    return rounded if all(math.isfinite(x) for row in rounded for x in row) else None


def affordable_passes(layers: Sequence[ChainLayer]) -> int:
    """How often a search may pass along the chain; 0 if it is too wide to be searched at all."""
    widths = chain_widths(layers)
    work = 0.0
    for index, layer in enumerate(layers):
        ends = [widths[index + 1], *(() if layer.A is None else (len(layer.A),))]
        # The columns of a first linear map do not count: it is compressed.
        ends += [widths[index]] if index or not layer.is_linear else []
        work += (12.0 if layer.skip == 0.0 else 24.0) * max(ends) ** 3
    passes = int(_WORK / work)
    return 0 if passes < _AFFORDABLE else min(max(passes, _FEWEST), _MOST)


def _compressed(layer: ScaledLayer) -> ScaledLayer:
    """A linear layer with the same AAᵀ and no more columns than rows."""
    A = layer.A
    if A is None or A.shape[1] <= A.shape[0]:
        return layer
    R = scipy.linalg.qr(A.T, mode="r")[0][: len(A)]
    return ScaledLayer(R.T, None, layer.c, 0.0, 0.0, layer.exponent)


class _Search:
    def __init__(self, layers: list[ScaledLayer], widths: list[int]) -> None:
        self.layers, self.widths = layers, widths
        ends = zip(layers, widths[1:], strict=True)
        self.hidden = [layer.hidden(outputs) for layer, outputs in ends]
        self.steady = [_steady(layer, width) for layer, width in zip(layers, widths, strict=False)]
        self.best: FloatArray | None = None
        self.least = math.inf

    def run(self, passes: int) -> list[FloatArray] | None:
        for multiple in _GRID:
            start = self._scalars(multiple)
            if start is not None:
                self._smoothed(start, 1.0)
        if self.best is None:
            return None
        left = passes
        stages = _SHARPNESS[: max(passes // 12, 1)] if self.best.size else ()
        for sharpness in stages:
            # Half of what is left for each but the last.
            share = left if sharpness == stages[-1] else left // 2
            objective = partial(self._smoothed, sharpness=sharpness)
            left -= share - _descend(objective, self.best, share)
        return [np.exp(part) for part in self._split(self.best)]

    def _split(self, logarithms: FloatArray) -> list[FloatArray]:
        return np.split(logarithms, np.cumsum(self.hidden)[:-1])

    def _scalars(self, multiple: float) -> FloatArray | None:
        """log λ with one number a layer: nearly optimal for tλ + k²/(λ − r), norms instead of P."""
        chosen: dict[int, FloatArray] = {}

        def choose(index: int, R: FloatArray, off: FloatArray) -> FloatArray:
            A = self.layers[index].A
            size = 1.0 if A is None else _estimate_norm(A)
            r = 1.02 * _estimate_norm(R)
            t = max(r + multiple * _estimate_norm(off) / max(size, 1e-300), 1.001 * r, 1e-300)
            chosen[index] = np.full(len(R), t)
            return chosen[index]

        if self._pass(choose) is None:
            return None
        parts = [chosen.get(index, np.zeros(0)) for index in range(len(self.layers))]
        return np.log(np.concatenate(parts))

    def _pass(self, choose: Callable[[int, FloatArray, FloatArray], FloatArray]) -> _Pass | None:
        """The recursion from the last layer to the first; None where it breaks down."""
        P = np.eye(self.widths[-1])
        gains, moves = [], []
        for index in reversed(range(len(self.layers))):
            layer = self.layers[index]
            A, C = layer.A, layer.C
            Y = self.steady[index]
            PY = layer.c * P if Y is None else P @ Y
            following = layer.c * PY if Y is None else Y.T @ PY
            K = np.zeros((0, following.shape[1]))
            move = layer.c * np.eye(len(P)) if Y is None else Y
            if layer.rho > 0.0:
                R = layer.rho * layer.rho * (P if C is None else C.T @ P @ C)
                off = layer.rho * (PY if C is None else C.T @ PY)
                weights = choose(index, R, off)
                try:
                    factor = scipy.linalg.cho_factor(np.diag(weights) - R, check_finite=False)
                except np.linalg.LinAlgError:
                    return None
                K = scipy.linalg.cho_solve(factor, off, check_finite=False)
                following = following + off.T @ K
                if A is None:
                    following[np.diag_indices_from(following)] += weights
                else:
                    following += A.T @ (weights[:, None] * A)
                move = move + layer.rho * _times(C, K)
            gains.append(K)
            moves.append(move)
            P = 0.5 * (following + following.T)
        if not np.all(np.isfinite(P)):
            return None
        return _Pass(P, gains[::-1], moves[::-1])

    def _smoothed(self, logarithms: FloatArray, sharpness: float) -> tuple[float, FloatArray]:
        """log of tr(P₀ᵖ)^{1/p} and its gradient in log λ; keeps the best true λ_max."""
        weights = [np.exp(part) for part in self._split(logarithms)]
        found = self._pass(lambda index, R, off: weights[index])
        if found is None:
            return math.inf, np.zeros_like(logarithms)
        values, vectors = scipy.linalg.eigh(found.P)
        top = float(values[-1])
        if not 0.0 < top < math.inf:
            return math.inf, np.zeros_like(logarithms)
        if top < self.least:
            self.least, self.best = top, logarithms
        ratios = np.maximum(values / top, 0.0)
        total = float(np.sum(ratios**sharpness))
        shares = ratios ** (sharpness - 1.0) / (top * total)
        kept = shares > 1e-6 * float(shares[-1])
        V = vectors[:, kept] * np.sqrt(shares[kept])
        gradient = []
        for layer, K, move, part in zip(
            self.layers, found.gains, found.moves, weights, strict=True
        ):
            if part.size:
                AV = _times(layer.A, V)
                # The worst Δ: dP̂ = Aᵀ dΛ A − Kᵀ dΛ K, since K is where the answer is worst.
                change = np.sum(AV**2, axis=1) - np.sum((K @ V) ** 2, axis=1)
                gradient.append(part * change)
            V = move @ V
        value = math.log(top) + math.log(total) / sharpness
        return value, np.concatenate([*gradient, np.zeros(0)])


def _steady(layer: ScaledLayer, width: int) -> FloatArray | None:
    """Y = skip·I + cCA of a layer with so many inputs; None for cI."""
    pointwise = layer.A is None and layer.C is None
    if pointwise and layer.skip == 0.0:
        return None
    CA = np.eye(width) if pointwise else _times(layer.C, layer.A)
    return np.asarray(layer.c * CA + layer.skip * np.eye(len(CA), width))


def _times(C: FloatArray | None, X: FloatArray | None) -> FloatArray:
    """CX, None standing for the identity (not both)."""
    if C is None or X is None:
        return np.asarray(X if C is None else C)
    return np.asarray(C @ X)


def _estimate_norm(X: FloatArray) -> float:
    """‖X‖ from below by twenty power steps: within a few per cent."""
    v: FloatArray = np.random.default_rng(0).standard_normal(size=(X.shape[1],))
    for _ in range(20):
        size = math.sqrt(float(v @ v))
        if not 0.0 < size < math.inf:
            return 0.0
        v = np.asarray(X.T @ (X @ (v / size)))
    return math.sqrt(float(np.linalg.norm(v)))


def _descend(objective: Objective, start: FloatArray, passes: int) -> int:
    """L-BFGS with backtracking; returns how many of the ``passes`` are left."""
    x = start
    value, gradient = objective(x)
    passes -= 1
    pairs: list[tuple[FloatArray, FloatArray]] = []
    while passes > 0:
        direction = -_inverse_hessian(gradient, pairs)
        slope = float(direction @ gradient)
        if not slope < 0.0:
            return passes
        step = min(1.0, 1.0 / float(np.max(np.abs(direction))))
        while passes > 0:
            trial = x + step * direction
            trial_value, trial_gradient = objective(trial)
            passes -= 1
            if trial_value <= value + 1e-4 * step * slope:
                break
            step *= 0.4
        else:
            return 0
        change = (trial - x, trial_gradient - gradient)
        if change[0] @ change[1] > 0.0:
            pairs = [*pairs, change][-_MEMORY:]
        if value - trial_value < 1e-8:
            return passes
        x, value, gradient = trial, trial_value, trial_gradient
    return passes


def _inverse_hessian(
    gradient: FloatArray, pairs: list[tuple[FloatArray, FloatArray]]
) -> FloatArray:
    """The two-loop recursion (Nocedal 1980)."""
    q = gradient.copy()
    if not pairs:
        return q / max(float(np.max(np.abs(q))), 1e-300)
    alphas = []
    for s, y in reversed(pairs):
        alpha = float(s @ q) / float(s @ y)
        alphas.append(alpha)
        q = q - alpha * y
    s, y = pairs[-1]
    q = q * (float(s @ y) / float(y @ y))
    for (s, y), alpha in zip(pairs, reversed(alphas), strict=True):
        q = q + s * (alpha - float(y @ q) / float(s @ y))
    return q
