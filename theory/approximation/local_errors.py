"""What one step of a splitting errs by, from commutators: formulas with their derivations.

Throughout, f₁, …, f_m are the pieces, ν a one-sided constant on a ball that
holds every stage and ν⁺ = max(ν, 0). C = DB·A − DA·B is the commutator of A and B.

Lie–Trotter. Let Ψ(s) = φ_m^s ∘ … ∘ φ_1^s. Its defect d = Ψ' − f(Ψ) is, for two pieces,
w(s) = Dφ_B^s A − A∘φ_B^s with w' = DB·w + C, hence |d(s)| ≤ ∫₀^s e^{ν_B(s−σ)}|C| dσ; more pieces
add up, each passed on by the flows that follow. The error e' = f(Ψ) − f(φ) + d gives
|e(h)| ≤ ∫₀^h e^{ν(h−s)}|d(s)| ds.

Strang. The defect of φ_A^{s/2} ∘ φ_B^s ∘ φ_A^{s/2} is
½ Dφ_A ∫₀^s∫₀^σ (φ_B^τ)_* C_B dτ dσ + ∫₀^{s/2}∫_σ^{s/2} (φ_A^τ)_* C_A dτ dσ
with C_B = DB·C − DC·B and C_A = DA·C − DC·A: the terms of first order cancel.

Any order. h ↦ Ψ_h(x) − φ_h(x) is holomorphic for |h| ≤ H as long as no stage leaves a complex
neighbourhood of width δ, where it is at most G; it has a zero of order p + 1 at 0, so by Schwarz's
lemma it is at most G(h/H)^{p+1}.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..cells import OUTWARD


def growth(nu: float, time: float) -> float:
    """Bound e^{ν⁺t}: how much a flow can stretch an error, and never less than 1.

    >>> growth(-1.0, 5.0), bool(growth(1.0, 1.0) >= np.e)
    (1.0, True)
    """
    if nu <= 0 or time == 0:
        return 1.0
    with np.errstate(over="ignore"):
        return float(np.exp(nu * time * OUTWARD) * OUTWARD)


def mean_growth(nu: float, time: float) -> float:
    """Bound (e^{ν⁺t} − 1)/(ν⁺t), the mean of e^{ν⁺s} over [0, t]; 1 for ν ≤ 0.

    >>> mean_growth(0.0, 2.0), bool(mean_growth(1.0, 1.0) >= np.e - 1)
    (1.0, True)
    """
    if nu <= 0 or time == 0:
        return 1.0
    z = nu * time * OUTWARD
    # (eᶻ − 1)/z ≤ 1 + z for z ≤ 1: without a quotient of tiny numbers. Below 1e-16, 1 + z is 1.
    with np.errstate(over="ignore"):
        return float((1 + z if z < 1e-8 else np.expm1(z) / z) * OUTWARD)


def lie_trotter_error(
    h: float, nu: float, nus: Sequence[float], brackets: Sequence[float]
) -> float:
    """Bound the error of φ_m^h ∘ … ∘ φ_1^h: e^{ν⁺h}·h²/2·Σ_j c_j (…)(…).

    ``nus`` are ν_1, …, ν_m; ``brackets`` c_2, …, c_m bound the commutators of f_j with
    f_1 + … + f_{j−1}. Guaranteed: an upper bound, rounded outward. Source: flowcert [D], claim
    B5.lie_trotter_error.

    >>> bool(0.5 <= lie_trotter_error(1.0, 0.0, [0.0, 0.0], [1.0]) < 0.5001)
    True
    """
    total, after = 0.0, 1.0
    for j in range(len(nus) - 1, 0, -1):
        total += brackets[j - 1] * mean_growth(nus[j], h) * after * OUTWARD
        after *= growth(nus[j], h)
    return growth(nu, h) * h * h / 2 * total * OUTWARD


def strang_error(
    h: float, nu: float, outer: float, inner: float, bracket_outer: float, bracket_inner: float
) -> float:
    """Bound the error of φ_A^{h/2} ∘ φ_B^h ∘ φ_A^{h/2} by h³(c_B/12 + c_A/24) times growth.

    ``nu``, ``outer``, ``inner`` are one-sided constants of A + B, A, B; ``bracket_outer`` c_A
    bounds |[A, C]| and ``bracket_inner`` c_B bounds |[B, C]|. Guaranteed: an upper bound, rounded
    outward. Source: flowcert [D], claim B5.strang_error.

    >>> bool(0.125 <= strang_error(1.0, 0.0, 0.0, 0.0, 1.0, 1.0) < 0.1251)
    True
    """
    half = growth(outer, h / 2)
    size = bracket_inner * half * growth(inner, h) / 12 + bracket_outer * half / 24
    return growth(nu, h) * h**3 * size * OUTWARD


def holomorphic_error(h: float, order: int, path: float, speed: float, margin: float) -> float:
    """Bound the error of a scheme of order p by G(h/H)^{p+1}.

    ``path`` is Σ|wᵢ|Mᵢ, the sum over all stages of weight times largest speed in a complex
    neighbourhood of width δ = ``margin``; ``speed`` that of f. H = δ/max(path, speed),
    G = H(path + speed). ∞ for h ≥ H. Guaranteed: an upper bound, rounded outward, for a scheme of
    order p and fields that are holomorphic there. Source: Schwarz's lemma; flowcert [D], claim
    B5.holomorphic_error.

    >>> holomorphic_error(2.0, 4, 1.0, 1.0, 1.0), holomorphic_error(0.5, 1, 1.0, 1.0, 1.0) >= 0.5
    (inf, True)
    """
    longest = max(path, speed)
    if longest == 0:
        return 0.0
    H = margin / longest / OUTWARD
    if not 0 <= h < H:
        return np.inf
    return h * (path + speed) * (h / H) ** order * OUTWARD  # G(h/H)^{p+1}, without H twice
