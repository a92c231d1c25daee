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
from .chain_layers import ChainLayer, ScaledLayer, above_power, chain_widths, scale_layer
from .dense import bound_dense
from .positive_definite import bound_negative_part
from .rounding import UNIT_ROUNDOFF, above, gamma, norm_above
from .threads import one_thread

# Everything is scaled to the size of 1 (scales at most 2⁴⁰⁰): what underflows is far below this.
_UNDERFLOW = 2.0**-200
_LARGEST_SCALE = 400
_SHIFTS = (1e-11, 1e-10, 1e-9, 1e-8, 1e-6, 1e-4, 1e-2)  # of P̂, until Cholesky succeeds


def bound_chain(layers: Sequence[ChainLayer], multipliers: Sequence[Sequence[float]]) -> float:
    """Bound the Lipschitz constant of a chain of layers by the Riccati recursion.

    ``layers`` in the order of their evaluation; ``multipliers[i]`` are the λ ≥ 0 of layer i in the
    units of ``scale_layer``, one an activation, none where its slopes are constant. Any multipliers
    are allowed: bad ones give a large bound or ∞. Guaranteed: an upper bound for the weights as
    given and all biases, rounded outward. Raises DataError unless they are numbers ≥ 0 in their
    number. Source: flowcert, claim ``E1.riccati`` [D].

    >>> W = np.diag([3.0, 1.0])
    >>> relu = ChainLayer(None, None, (0.0, 1.0))
    >>> 3.0 <= bound_chain([ChainLayer.linear(W), relu], [[], [0.125, 0.125]]) < 3.00001
    True
    """
    widths = chain_widths(layers)
    scaled = [scale_layer(layer) for layer in layers]
    numbers = [layer.hidden(out) for layer, out in zip(scaled, widths[1:], strict=True)]
    weights = _read_multipliers(multipliers, numbers)
    # A first linear layer may have any number of columns: no matrix of that size is formed.
    first = scaled[0] if layers[0].is_linear else None
    with np.errstate(all="ignore"), one_thread():  # what overflows is ∞ or NaN, and found below
        P, scale = np.eye(widths[-1]), 0  # V is 4^scale·ΔᵀPΔ
        for index in reversed(range(0 if first is None else 1, len(layers))):
            following = _pull_back(P, scaled[index], np.ldexp(weights[index], -2 * scale))
            if following is None or not np.all(np.isfinite(following)):
                return math.inf
            power = _half_power(following)
            P = np.ldexp(following, -2 * power)
            scale += power
        exponent = scale + sum(layer.exponent for layer in scaled)
        return above_power(_weighted_norm(P, first), exponent)


def _read_multipliers(
    multipliers: Sequence[Sequence[float]], numbers: Sequence[int]
) -> list[FloatArray]:
    weights = [np.asarray(row, dtype=np.float64) for row in multipliers]
    fit = [row.shape for row in weights] == [(number,) for number in numbers]
    if not fit or any(not np.all((row >= 0.0) & (row < math.inf)) for row in weights):
        raise DataError(
            came=f"multipliers of shapes {[row.shape for row in weights]}, perhaps negative or NaN",
            expected=f"finite numbers ≥ 0, of each layer {list(numbers)}",
            remedy="Make the certificate anew from the module.",
        )
    return weights


@dataclass(frozen=True, eq=False)
class _Blocks:
    """The parts of the matrix, its second block row scaled by s: off = −sρCᵀPY, corner = D − ….

    ``error_Y`` and ``error_B`` bound what Y and B = ρCs are off, relative errors aside.
    """

    A: FloatArray
    Y: FloatArray
    B: FloatArray
    s: FloatArray
    D: FloatArray
    weights: FloatArray
    error_A: float
    error_Y: float
    error_B: float


def _pull_back(P: FloatArray, layer: ScaledLayer, weights: FloatArray) -> FloatArray | None:
    """Return a P̂ for which the matrix of the module's text is certainly ⪰ 0, or None."""
    hidden, n = _shapes(P, layer)
    A = np.eye(n) if layer.A is None else layer.A
    C = np.eye(hidden) if layer.C is None else layer.C
    Y = layer.c * (A if layer.C is None else C if layer.A is None else C @ A)
    if layer.skip:
        Y[np.diag_indices(n)] += layer.skip
    size_A, size_C = norm_above(A), norm_above(C)
    error_Y = gamma(hidden + 3) * (abs(layer.c) * size_A * size_C + abs(layer.skip) * math.sqrt(n))
    error_Y += abs(layer.c) * (size_C * layer.error_A + (size_A + layer.error_A) * layer.error_C)
    if layer.rho == 0.0:
        return _pull_back_linear(P, Y, above(error_Y, 12))
    # Congruent by powers of two s: the diagonal Λ becomes D, of size 1.
    powers = np.clip(-(np.frexp(weights)[1] // 2), -_LARGEST_SCALE, _LARGEST_SCALE)
    s = np.ldexp(1.0, powers)
    B = layer.rho * C * s
    error_B = 3.0 * UNIT_ROUNDOFF * norm_above(B) + layer.rho * layer.error_C * float(np.max(s))
    D = np.ldexp(weights, 2 * powers)
    return _verified(P, _Blocks(A, Y, B, s, D, weights, layer.error_A, error_Y, error_B))


def _pull_back_linear(P: FloatArray, Y: FloatArray, error_Y: float) -> FloatArray:
    """YᵀPY, plus what rounding may have taken away."""
    size_Y, size_P = norm_above(Y), norm_above(P)
    error = gamma(2 * len(P) + 4) * size_Y * size_Y * size_P
    error += (2.0 * size_Y + error_Y) * error_Y * size_P + _UNDERFLOW
    return _plus_identity(_symmetric(Y.T @ (P @ Y)), 2.0 * above(error, 12))


def _verified(P: FloatArray, blocks: _Blocks) -> FloatArray | None:
    """The smallest P̂ as computed, enlarged until the matrix is certainly ⪰ 0.

    Where its negative part is at most μ in the scaled coordinates, Λ + μs⁻² takes the place of Λ,
    and P̂ + μ(t⁻² + ‖s⁻¹A‖²)I that of P̂.
    """
    Y, B, s = blocks.Y, blocks.B, blocks.s
    YPY = Y.T @ (P @ Y)
    ALA = blocks.A.T @ (blocks.weights[:, None] * blocks.A)
    off = B.T @ (P @ Y)
    schur = np.diag(blocks.D) - B.T @ (P @ B)
    try:
        inner = scipy.linalg.cho_solve(scipy.linalg.cho_factor(schur, lower=True), off)
    except (np.linalg.LinAlgError, ValueError):
        return None
    X = _symmetric(YPY + ALA + off.T @ inner)
    top = float(np.max(np.diag(X)))
    if not 0.0 < top < math.inf or abs(_half_power(X)) > _LARGEST_SCALE:
        return None
    t = math.ldexp(1.0, -_half_power(X))
    formed = _forming_error(P, blocks, t)
    for shift in _SHIFTS:
        following = _plus_identity(X, shift * top)
        M = np.block([[(following - YPY - ALA) * (t * t), -t * off.T], [-t * off, schur]])
        negative = bound_negative_part(M)
        if negative < math.inf:
            # Only the lower triangle is read: each error stands for two.
            formed += 4.0 * UNIT_ROUNDOFF * t * t * norm_above(following)
            mu = above(negative + 2.0 * formed + _UNDERFLOW, 24)
            spread = norm_above(blocks.A / s[:, None]) + float(np.max(1.0 / s)) * blocks.error_A
            return _plus_identity(following, above(mu * (1.0 / (t * t) + spread * spread), 8))
    return None


def _forming_error(P: FloatArray, blocks: _Blocks, t: float) -> float:
    """How far (in the Frobenius norm) the scaled matrix may be from the exact one, but for P̂."""
    size_P, size_B = norm_above(P), norm_above(blocks.B)
    both = t * norm_above(blocks.Y) + size_B
    error = t * blocks.error_Y + blocks.error_B
    root = np.sqrt(blocks.weights)
    weighted, error_A = t * norm_above(root[:, None] * blocks.A), t * float(np.max(root))
    error_A *= blocks.error_A
    products = gamma(2 * len(P) + 4) * both * both * size_P
    products += gamma(len(root) + 4) * weighted * weighted
    given = (2.0 * both + error) * error * size_P + (2.0 * weighted + error_A) * error_A
    sums = norm_above(blocks.D) + both * both * size_P + weighted * weighted
    return above(products + given + 4.0 * UNIT_ROUNDOFF * sums, 24)


def _shapes(P: FloatArray, layer: ScaledLayer) -> tuple[int, int]:
    """(number of activations, dimension of the input)."""
    if layer.A is not None:
        return len(layer.A), layer.A.shape[1]
    hidden = len(P) if layer.C is None else layer.C.shape[1]
    return hidden, hidden


def _weighted_norm(P: FloatArray, first: ScaledLayer | None) -> float:
    """√λ_max(WᵀPW) from above, cW the first layer if it is linear, else I.

    P ⪯ RᵀR + δI for any matrix R; here R is that of the eigenvectors.
    """
    values, vectors = scipy.linalg.eigh(P)
    R = np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T
    size_R = norm_above(R)
    residual = norm_above(P - R.T @ R) + UNIT_ROUNDOFF * norm_above(P)
    delta = above(residual + gamma(len(P) + 2) * size_R * size_R + _UNDERFLOW, 8)
    if first is None or first.A is None:
        norm = bound_dense(R).largest
        return above(math.sqrt(norm * norm + delta), 8)
    size_W = norm_above(first.A) + first.error_A
    off = above(gamma(len(P)) * size_R * size_W + size_R * first.error_A + _UNDERFLOW, 6)
    norm = bound_dense(R @ first.A, norm_error=off).largest
    return above(math.sqrt(norm * norm + delta * size_W * size_W) * abs(first.c), 8)


def _symmetric(X: FloatArray) -> FloatArray:
    return np.asarray(0.5 * X + 0.5 * X.T)


def _plus_identity(X: FloatArray, amount: float) -> FloatArray:
    """A matrix ⪰ X + amount·I: its diagonal is rounded up."""
    result = X.copy()
    result[np.diag_indices_from(result)] = np.nextafter(np.diag(X) + amount, math.inf)
    return result


def _half_power(X: FloatArray) -> int:
    """e with max|xᵢⱼ| about 4ᵉ."""
    return math.frexp(float(np.max(np.abs(X))))[1] // 2
