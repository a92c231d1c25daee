"""Factors of one expansive Euler step: x + hΣ(Bx + c) and x + hAᵀΣ(Ax + b)."""

from __future__ import annotations

from numpy.typing import ArrayLike

from ...numerics.validation import FloatArray
from ..arithmetic import Arithmetic, Number, minimum
from ..interval import INTERVALS, Interval, upper
from . import domain
from .contractive import formula_contractive_factor


def formula_expansive_layer_factor(h: Number, spectral_norm: Number = 1) -> Number:
    """1 + h·‖B‖ for h ≥ 0, over any arithmetic.

    >>> formula_expansive_layer_factor(0.5, 2.0)
    2.0
    """
    return 1 + h * spectral_norm


def formula_shifted_expansive_factor(
    on: Arithmetic, a: Number, h: Number, shifted_norm: Number, spectral_norm: Number
) -> Number:
    """min(1 + h‖B‖, ‖I + h·(1 + a)/2·B‖ + h·(1 − a)/2·‖B‖) for h ≥ 0, over any arithmetic.

    >>> from flowcert.theory.arithmetic import FLOATS
    >>> float(formula_shifted_expansive_factor(FLOATS, 0.5, 1.0, 1.25, 1.0))
    1.5
    """
    centred = shifted_norm + h * (1 - a) / 2 * spectral_norm
    return minimum(on, formula_expansive_layer_factor(h, spectral_norm), centred)


def formula_expansive_gradient_factor(
    on: Arithmetic, a: Number, h: Number, sigma_min: Number, sigma_max: Number
) -> Number:
    """max(|1 + h·a·σ_min²|, |1 + h·σ_max²|): the contractive factor with a negative step.

    >>> from flowcert.theory.arithmetic import FLOATS
    >>> float(formula_expansive_gradient_factor(FLOATS, 0.5, 1.0, 1.0, 1.0))
    2.0
    """
    return formula_contractive_factor(on, a, -h, sigma_min, sigma_max)


def bound_expansive_layer_factor(step: ArrayLike, spectral_norm: ArrayLike = 1.0) -> FloatArray:
    """Bound the Lipschitz constant of x + h·Σ(Bx + c): 1 + h·‖B‖.

    h = ``step`` ≥ 0, ``spectral_norm`` an upper bound of ‖B‖, slopes of σ in [0, 1]. Arguments
    broadcast. Guaranteed: an upper bound, rounded outward, attained over all B of this norm.
    Raises DomainError, ShapeError. Source: paper, expansive layers [P], claim
    ``D1.expansive_layer_factor``.

    >>> bound_expansive_layer_factor([0.25, 0.5]).tolist()
    [1.25, 1.5]
    """
    h, beta = domain.step(step), domain.norm("spectral_norm", spectral_norm)
    domain.together(step=h, spectral_norm=beta)
    return upper(formula_expansive_layer_factor(Interval.of(h), Interval.of(beta)))


def bound_shifted_expansive_factor(
    slope: ArrayLike, step: ArrayLike, shifted_norm: ArrayLike, spectral_norm: ArrayLike
) -> FloatArray:
    """Bound the Lipschitz constant of x + h·Σ(Bx + c) for a given B.

    min(1 + h‖B‖, ‖I + h·(1 + a)/2·B‖ + h·(1 − a)/2·‖B‖) with a = ``slope`` in [0, 1], h = ``step``
    ≥ 0; ``shifted_norm`` and ``spectral_norm`` are upper bounds of ‖I + h·(1 + a)/2·B‖ and ‖B‖.
    Arguments broadcast. Guaranteed: an upper bound, rounded outward, never above 1 + h‖B‖.
    Raises DomainError, ShapeError. Source: flowcert, claim ``D2.expansive_for_given_matrix`` [D].

    >>> bound_shifted_expansive_factor(0.5, 1.0, 1.25, 1.0).tolist()
    1.5
    """
    a, h = domain.slope(slope), domain.step(step)
    shifted = domain.norm("shifted_norm", shifted_norm)
    beta = domain.norm("spectral_norm", spectral_norm)
    domain.together(slope=a, step=h, shifted_norm=shifted, spectral_norm=beta)
    intervals = (Interval.of(x) for x in (a, h, shifted, beta))
    return upper(formula_shifted_expansive_factor(INTERVALS, *intervals))


def bound_expansive_gradient_factor(
    slope: ArrayLike,
    step: ArrayLike,
    sigma_min: ArrayLike | None = None,
    sigma_max: ArrayLike | None = None,
) -> FloatArray:
    """Bound the Lipschitz constant of x + h·AᵀΣ(Ax + b).

    max(|1 + h·a·σ_min²|, |1 + h·σ_max²|) with a = ``slope`` in [0, 1], h = ``step`` of any sign,
    0 ≤ σ_min ≤ σ_max as in ``bound_contractive_factor``; 1 + h·σ_max² for h ≥ 0. Arguments
    broadcast. Guaranteed: an upper bound, rounded outward, attained over all biases. Raises
    DomainError, ShapeError. Source: flowcert, claim ``D2.expansive_gradient_factor`` [D].

    >>> bound_expansive_gradient_factor(0.5, 0.25, 0.0, 2.0).tolist()
    2.0
    """
    a, h = domain.slope(slope), domain.signed_step(step)
    low, high = domain.extreme_singular_values(sigma_min, sigma_max)
    domain.together(slope=a, step=h, sigma_min=low, sigma_max=high)
    intervals = (Interval.of(x) for x in (a, h, low, high))
    return upper(formula_expansive_gradient_factor(INTERVALS, *intervals))
