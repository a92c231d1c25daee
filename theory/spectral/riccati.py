"""Chains of dense layers bounded as a whole: the Riccati recursion, replayed rigorously.

A layer is x⁺ = H x + Cσ(Ax + b) with H = skip·I and σ' in [c − ρ, c + ρ]: differences obey
Δ⁺ = YΔ + ρCv with Y = H + cCA and |vᵢ| ≤ |(AΔ)ᵢ|. For multipliers Λ = diag(λ) ⪰ 0, V(Δ) = ΔᵀPΔ
then does not grow along the layer, |Δ⁺|²_P ≤ |Δ|²_P̂, if

    [[P̂ − YᵀPY − AᵀΛA, −ρYᵀPC], [−ρCᵀPY, Λ − ρ²CᵀPC]] ⪰ 0,

whose smallest P̂ is YᵀPY + AᵀΛA + ρ²(CᵀPY)ᵀ(Λ − ρ²CᵀPC)⁻¹(CᵀPY). (Λ is ρ²T in the usual
notation, so that linear layers, ρ = 0, are no special case.) Claim E1.riccati.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.linalg

from ...errors import DataError
from ...numerics.validation import FloatArray
from .dense import bound_dense
from .positive_definite import bound_negative_part
from .rounding import UNIT_ROUNDOFF, above, gamma, norm_above, power_of_two

# Everything is scaled to the size of 1 (scales at most 2⁴⁰⁰): what underflows is far below this.
_UNDERFLOW = 2.0**-200
_LARGEST_SCALE = 400


@dataclass(frozen=True, eq=False)
class ChainLayer:
    """x ↦ skip·x + Cσ(Ax + b) with slopes of σ in [low, high]; None stands for the identity.

    ``error_A`` ≥ ‖Â − A‖ and ``error_C`` ≥ ‖Ĉ − C‖ where the entries given are rounded.

    >>> ChainLayer.linear(np.eye(2)).slopes
    (1.0, 1.0)
    """

    A: FloatArray | None
    C: FloatArray | None
    slopes: tuple[float, float]
    skip: float = 0.0
    error_A: float = 0.0
    error_C: float = 0.0

    @staticmethod
    def linear(W: FloatArray, error: float = 0.0) -> ChainLayer:
        """x ↦ Wx + b."""
        return ChainLayer(W, None, (1.0, 1.0), error_A=error)

    @property
    def is_linear(self) -> bool:
        """Whether it is x ↦ const·Ax + b."""
        constant = self.slopes[0] == self.slopes[1]
        return constant and self.skip == 0.0 and self.A is not None and self.C is None


@dataclass(frozen=True, eq=False)
class ScaledLayer:
    """2^−exponent times a layer, with entries of A and C below 1 and slopes in c ± ρ."""

    A: FloatArray | None
    C: FloatArray | None
    c: float
    rho: float
    skip: float
    exponent: int
    error_A: float = 0.0
    error_C: float = 0.0

    def hidden(self, outputs: int) -> int:
        """How many activations it has, and multipliers needs; 0 if ρ = 0."""
        if self.rho == 0.0:
            return 0
        widths = [self.A.shape[0]] if self.A is not None else []
        widths += [self.C.shape[1]] if self.C is not None else []
        return [*widths, outputs][0]


def scale_layer(layer: ChainLayer) -> ScaledLayer:
    """Take powers of two out of a layer: exact, and the same on every machine."""
    A, power_A = _scaled(layer.A)
    C, power_C = _scaled(layer.C)
    power = power_A + power_C
    if layer.skip == 0.0:
        steepest = max(abs(slope) for slope in layer.slopes)
        taken = math.frexp(steepest)[1] if 0.0 < steepest < math.inf else 0
        low, high = _times_power(layer.slopes, -taken)
        exponent = power + taken
    else:
        low, high = _times_power(layer.slopes, power)
        exponent = 0
    c = 0.5 * low + 0.5 * high
    rho = 0.0 if low == high == c else above(max(high - c, c - low), 1)
    error_A = _above_power(layer.error_A, -power_A) if layer.error_A else 0.0
    error_C = _above_power(layer.error_C, -power_C) if layer.error_C else 0.0
    return ScaledLayer(A, C, c, rho, layer.skip, exponent, error_A, error_C)


def bound_chain(layers: Sequence[ChainLayer], multipliers: Sequence[Sequence[float]]) -> float:
    """Bound the Lipschitz constant of a chain of layers by the Riccati recursion.

    ``layers`` in the order of their evaluation; ``multipliers[i]`` are the λ ≥ 0 of layer i in the
    units of ``scale_layer``, one an activation, none where its slopes are constant. Any multipliers
    are allowed: bad ones give a large bound or ∞. Guaranteed: an upper bound for the weights as
    given and all biases, rounded outward. Raises DataError unless they are numbers ≥ 0 in their
    number. Source: flowcert, claim ``E1.riccati`` [D].

    >>> W = np.diag([3.0, 1.0])
    >>> relu = ChainLayer(None, None, (0.0, 1.0))
    >>> 3.0 <= bound_chain([ChainLayer.linear(W), relu], [[], [0.5, 0.5]]) < 3.00001
    True
    """
    scaled = [scale_layer(layer) for layer in layers]
    widths = chain_widths(layers)
    scale = 0  # V is 4^scale·ΔᵀPΔ
    P = np.eye(widths[-1])
    steps = list(zip(scaled, widths[1:], multipliers, strict=True))
    first = scaled[0].A if layers[0].is_linear else None
    # A first linear layer may have any number of columns: no matrix of that size is formed.
    for layer, outputs, given in reversed(steps[1:] if first is not None else steps):
        weights = _read_multipliers(given, layer.hidden(outputs))
        with np.errstate(over="ignore", invalid="ignore"):
            following = _pull_back(P, layer, np.ldexp(weights, -2 * scale))
        if following is None or not np.all(np.isfinite(following)):
            return math.inf
        power = _half_power(following)
        P = np.ldexp(following, -2 * power)
        scale += power
    exponent = sum(layer.exponent for layer in scaled)
    last = 1.0 if first is None else scaled[0].c
    return _above_power(
        _weighted_norm(P, first, scaled[0].error_A) * above(abs(last)), scale + exponent
    )


def chain_widths(layers: Sequence[ChainLayer]) -> list[int]:
    """The dimensions of the values along a chain, input first."""
    known = [width for layer in layers for width in _ends(layer)]
    if not known:
        raise DataError(
            came="a chain without a matrix",
            expected="layers of which one tells the dimension",
            remedy="Bound it by its slopes.",
        )
    widths = [known[0]]
    for layer in layers:
        matrix = layer.C if layer.C is not None else layer.A
        widths.append(widths[-1] if matrix is None or layer.skip else len(matrix))
    return widths


def _ends(layer: ChainLayer) -> list[int]:
    if layer.A is not None:
        return [layer.A.shape[1]]
    return [] if layer.C is None else [layer.C.shape[1]]


def _read_multipliers(given: Sequence[float], number: int) -> FloatArray:
    weights = np.asarray(given, dtype=np.float64)
    if weights.shape != (number,) or not np.all(np.isfinite(weights)) or np.any(weights < 0.0):
        raise DataError(
            came=f"{weights.size} multipliers of a chain's layer, some perhaps negative or NaN",
            expected=f"{number} finite numbers ≥ 0",
            remedy="Make the certificate anew from the module.",
        )
    return weights


def _pull_back(P: FloatArray, layer: ScaledLayer, weights: FloatArray) -> FloatArray | None:
    """Return a P̂ for which the matrix of the module's text is certainly ⪰ 0, or None."""
    hidden, n = _shapes(P, layer)
    A = np.eye(n) if layer.A is None else layer.A
    C = np.eye(hidden) if layer.C is None else layer.C
    size_A, size_C, size_P = norm_above(A), norm_above(C), norm_above(P)
    Y = layer.c * (A if layer.C is None else C if layer.A is None else C @ A)
    if layer.skip:
        Y[np.diag_indices(n)] += layer.skip
    error_Y = gamma(hidden + 3) * (abs(layer.c) * size_A * size_C + abs(layer.skip) * math.sqrt(n))
    given_Y = size_C * layer.error_A + (size_A + layer.error_A) * layer.error_C
    error_Y += abs(layer.c) * given_Y
    YPY = Y.T @ (P @ Y)
    if layer.rho == 0.0:
        size_Y = norm_above(Y)
        error = gamma(2 * len(P) + 4) * size_Y * size_Y * size_P
        error += (2.0 * size_Y + error_Y) * error_Y * size_P + _UNDERFLOW
        return _plus_identity(_symmetric(YPY), 2.0 * above(error, 12))
    # Congruent by powers of two s: the diagonal Λ becomes one of size 1.
    powers = np.clip(-(np.frexp(weights)[1] // 2), -_LARGEST_SCALE, _LARGEST_SCALE)
    s = np.ldexp(1.0, powers)
    B = layer.rho * C * s
    D = np.ldexp(weights, 2 * powers)
    ALA = A.T @ (weights[:, None] * A)
    off = B.T @ (P @ Y)
    low = B.T @ (P @ B)
    schur = np.diag(D) - low
    try:
        inner = scipy.linalg.cho_solve(scipy.linalg.cho_factor(schur, lower=True), off)
    except (np.linalg.LinAlgError, ValueError):
        return None
    X = _symmetric(YPY + ALA + off.T @ inner)
    top = float(np.max(np.diag(X)))
    if not (0.0 < top < math.inf):
        return None
    half = -_half_power(X)
    if abs(half) > _LARGEST_SCALE:
        return None
    t = math.ldexp(1.0, half)
    size_x, size_w = t * norm_above(Y), norm_above(B)
    both = size_x + size_w
    error_B = t * error_Y + 3.0 * UNIT_ROUNDOFF * size_w
    weighted_A = t * norm_above(np.sqrt(weights)[:, None] * A)
    formed = gamma(2 * len(P) + 4) * both * both * size_P
    formed += (2.0 * both + error_B) * error_B * size_P
    formed += gamma(hidden + 4) * weighted_A * weighted_A
    largest = norm_above(D) + both * both * size_P + weighted_A * weighted_A
    for shift in (1e-11, 1e-10, 1e-9, 1e-8, 1e-6, 1e-4, 1e-2):
        following = _plus_identity(X, shift * top)
        corner = (following - YPY - ALA) * (t * t)
        M = np.block([[corner, -t * off.T], [-t * off, schur]])
        negative = bound_negative_part(M)
        if negative < math.inf:
            added = 4.0 * UNIT_ROUNDOFF * (largest + t * t * norm_above(following))
            # Only the lower triangle is read: each error stands for two.
            total = above(negative + 2.0 * (formed + added) + _UNDERFLOW, 24)
            spread = norm_above(A / s[:, None])
            return _plus_identity(following, above(total * (1.0 / (t * t) + spread * spread), 6))
    return None


def _shapes(P: FloatArray, layer: ScaledLayer) -> tuple[int, int]:
    """(number of activations, dimension of the input)."""
    if layer.A is not None:
        return layer.A.shape
    hidden = len(P) if layer.C is None else layer.C.shape[1]
    return hidden, hidden


def _weighted_norm(P: FloatArray, W: FloatArray | None, error: float) -> float:
    """√λ_max(WᵀPW) from above, W known to ``error``: P ⪯ RᵀR + δI for any R, here that of the eigenvectors."""
    values, vectors = scipy.linalg.eigh(P)
    R = np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T
    size_R = norm_above(R)
    residual = norm_above(P - R.T @ R) + UNIT_ROUNDOFF * norm_above(P)
    delta = above(residual + gamma(len(P) + 2) * size_R * size_R + _UNDERFLOW, 8)
    if W is None:
        norm, size_W = bound_dense(R).largest, 1.0
    else:
        size_W = norm_above(W) + error
        product_error = above(gamma(len(P)) * size_R * size_W + size_R * error + _UNDERFLOW, 6)
        norm = bound_dense(R @ W, norm_error=product_error).largest
    return above(math.sqrt(norm * norm + delta * size_W * size_W), 8)


def _symmetric(X: FloatArray) -> FloatArray:
    return np.asarray(0.5 * X + 0.5 * X.T)


def _plus_identity(X: FloatArray, amount: float) -> FloatArray:
    """A matrix ⪰ X + amount·I: its diagonal is rounded up."""
    result = X.copy()
    diagonal = np.diag(X) + amount
    result[np.diag_indices_from(result)] = np.nextafter(diagonal, math.inf)
    return result


def _half_power(X: FloatArray) -> int:
    """e with max|xᵢⱼ| about 4ᵉ."""
    return math.frexp(float(np.max(np.abs(X))))[1] // 2


def _scaled(matrix: FloatArray | None) -> tuple[FloatArray | None, int]:
    """(M/2ᵉ, e) with entries below 1; what underflows there is covered by ``_UNDERFLOW``."""
    scale = 0.0 if matrix is None else power_of_two(matrix)
    if matrix is None or scale == 0.0:
        return matrix, 0
    return matrix / scale, math.frexp(scale)[1] - 1


def _times_power(slopes: tuple[float, float], power: int) -> tuple[float, float]:
    """2^power·[low, high], outward where it is not exact."""
    with np.errstate(over="ignore", under="ignore"):
        ends = [float(np.ldexp(slope, power)) for slope in slopes]
    exact = [
        math.isfinite(end) and math.frexp(end)[0] == math.frexp(slope)[0]
        for end, slope in zip(ends, slopes, strict=True)
    ]
    low = ends[0] if exact[0] else math.nextafter(ends[0], -math.inf)
    high = ends[1] if exact[1] else math.nextafter(ends[1], math.inf)
    return low, high


def _above_power(value: float, power: int) -> float:
    """2^power·value from above; ∞ if it overflows, never 0."""
    if not math.isfinite(value):
        return math.inf
    with np.errstate(over="ignore", under="ignore"):
        return above(float(np.ldexp(value, power)), 1)
