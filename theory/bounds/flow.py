"""Rates of the continuous flows and the growth that they allow."""

from __future__ import annotations

from numpy.typing import ArrayLike

from ...numerics.validation import FloatArray
from ..arithmetic import Arithmetic, Number
from ..interval import INTERVALS, Interval, upper
from . import domain


def formula_gradient_rate(a: Number, sigma_min: Number = 1) -> Number:
    """−a·σ_min²: the one-sided Lipschitz constant of −AᵀΣ(Ax + b).

    >>> formula_gradient_rate(0.5, 2.0)
    -2.0
    """
    return -a * sigma_min**2


def formula_expansive_gradient_rate(spectral_norm: Number = 1) -> Number:
    """‖A‖²: the one-sided Lipschitz constant of AᵀΣ(Ax + b).

    >>> formula_expansive_gradient_rate(3.0)
    9.0
    """
    return spectral_norm**2


def formula_flow_growth(on: Arithmetic, nu: Number, t: Number) -> Number:
    """e^{νt}, over any arithmetic.

    >>> from flowcert.theory.arithmetic import FLOATS
    >>> float(formula_flow_growth(FLOATS, 0.0, 3.0))
    1.0
    """
    return on.exponential(nu * t)


def formula_switched_rate(
    a: Number, h_C: Number, sigma_min: Number, h_E: Number, expansive_rate: Number
) -> Number:
    """h_E·ν_E − h_C·a·σ_min(A_C)²: the exponent of a switched flow.

    >>> formula_switched_rate(0.5, 1.0, 1.0, 0.5, 1.0)
    0.0
    """
    return h_E * expansive_rate + h_C * formula_gradient_rate(a, sigma_min)


def bound_flow_growth(rate: ArrayLike, time: ArrayLike) -> FloatArray:
    """Bound |φᵗ(x) − φᵗ(y)|/|x − y| by e^{νt}.

    ν = ``rate`` a one-sided Lipschitz constant of the field (any sign), t = ``time`` ≥ 0.
    Arguments broadcast. Guaranteed: an upper bound, rounded outward, attained by linear fields.
    Raises DomainError, ShapeError. Source: paper, one-sided Lipschitz condition [P], claim
    ``C1.one_sided_growth``.

    >>> bound_flow_growth([0.0, -1.0], 0.0).tolist()
    [1.0, 1.0]
    """
    nu, t = domain.rate("rate", rate), domain.step(time, "time")
    domain.together(rate=nu, time=t)
    return upper(formula_flow_growth(INTERVALS, Interval.of(nu), Interval.of(t)))


def bound_gradient_rate(slope: ArrayLike, sigma_min: ArrayLike = 1.0) -> FloatArray:
    """Bound the one-sided Lipschitz constant of −AᵀΣ(Ax + b) by −a·σ_min².

    a = ``slope`` in [0, 1], ``sigma_min`` ≥ 0 a lower bound of σ_min(A) (0 if A has fewer rows
    than columns; 1, the default, for orthonormal columns). Arguments broadcast. Guaranteed: an
    upper bound, rounded outward, attained over all biases. Raises DomainError, ShapeError.
    Source: paper, contractive layers [P], claim ``C2.gradient_rate``.

    >>> bound_gradient_rate(0.5, [1.0, 2.0]).tolist()
    [-0.5, -2.0]
    """
    a, low = domain.slope(slope), domain.norm("sigma_min", sigma_min)
    domain.together(slope=a, sigma_min=low)
    return upper(formula_gradient_rate(Interval.of(a), Interval.of(low)))


def bound_expansive_gradient_rate(spectral_norm: ArrayLike = 1.0) -> FloatArray:
    """Bound the one-sided Lipschitz constant of AᵀΣ(Ax + b) by ‖A‖².

    ``spectral_norm`` an upper bound of ‖A‖, slopes of σ in [0, 1]. Guaranteed: an upper bound,
    rounded outward, attained. Raises DomainError. Source: paper, expansive layers [P], claim
    ``C3.expansive_gradient``.

    >>> bound_expansive_gradient_rate([1.0, 3.0]).tolist()
    [1.0, 9.0]
    """
    return upper(
        formula_expansive_gradient_rate(Interval.of(domain.norm("spectral_norm", spectral_norm)))
    )


def bound_switched_flow_growth(
    slope: ArrayLike,
    contractive_step: ArrayLike,
    sigma_min: ArrayLike,
    expansive_step: ArrayLike,
    expansive_rate: ArrayLike,
) -> FloatArray:
    """Bound the growth of a contractive flow for h_C followed by an expansive one for h_E.

    exp(h_E·ν_E − h_C·a·σ_min(A_C)²) with a = ``slope`` in [0, 1], h_C = ``contractive_step`` ≥ 0,
    h_E = ``expansive_step`` ≥ 0, ν_E = ``expansive_rate`` ≥ 0 (‖A_E‖² or ‖B‖): non-expansive iff
    h_E·ν_E ≤ a·σ_min²·h_C. Arguments broadcast. Guaranteed: an upper bound, rounded outward,
    attained. Raises DomainError, ShapeError. Source: paper, switching systems [P], claim
    ``C4.switched_flow``.

    >>> bound_switched_flow_growth(0.5, 1.0, 1.0, 0.5, 1.0).tolist()
    1.0
    """
    a, low = domain.slope(slope), domain.norm("sigma_min", sigma_min)
    h_C = domain.step(contractive_step, "contractive_step")
    h_E = domain.step(expansive_step, "expansive_step")
    nu = domain.norm("expansive_rate", expansive_rate)
    domain.together(
        slope=a, sigma_min=low, contractive_step=h_C, expansive_step=h_E, expansive_rate=nu
    )
    exponent = formula_switched_rate(*(Interval.of(x) for x in (a, h_C, low, h_E, nu)))
    return upper(INTERVALS.exponential(exponent))
