"""Factors of one contractive Euler step x − hAᵀΣ(Ax + b), slopes of σ in [a, 1]."""

from __future__ import annotations

from numpy.typing import ArrayLike

from ...numerics.validation import FloatArray
from ..arithmetic import Arithmetic, Number
from ..interval import INTERVALS, Interval, upper
from . import domain


def formula_contractive_factor(
    on: Arithmetic, a: Number, h: Number, sigma_min: Number = 1, sigma_max: Number = 1
) -> Number:
    """max(|1 − h·a·σ_min²|, |1 − h·σ_max²|), over any arithmetic.

    >>> from flowcert.theory.arithmetic import FLOATS
    >>> float(formula_contractive_factor(FLOATS, 0.5, 1.0))
    0.5
    """
    return on.maximum(on.absolute(1 - h * a * sigma_min**2), on.absolute(1 - h * sigma_max**2))


def formula_monotone_lipschitz_factor(on: Arithmetic, mu: Number, L: Number, h: Number) -> Number:
    """√(1 − 2hμ + h²L²), over any arithmetic.

    >>> from flowcert.theory.arithmetic import FLOATS
    >>> float(formula_monotone_lipschitz_factor(FLOATS, 0.5, 1.0, 1.0))
    1.0
    """
    return on.square_root(formula_squared_monotone_lipschitz_factor(mu, L, h))


def formula_squared_monotone_lipschitz_factor(mu: Number, L: Number, h: Number) -> Number:
    """1 − 2hμ + h²L², over any arithmetic: (1 − hμ)² + h²(L² − μ²) ≥ 0 for 0 ≤ μ ≤ L.

    >>> formula_squared_monotone_lipschitz_factor(0.5, 1.0, 0.5)
    0.75
    """
    return 1 - 2 * h * mu + h**2 * L**2


def bound_contractive_factor(
    slope: ArrayLike,
    step: ArrayLike,
    sigma_min: ArrayLike | None = None,
    sigma_max: ArrayLike | None = None,
) -> FloatArray:
    """Bound the Lipschitz constant of x − h·AᵀΣ(Ax + b): the sharp factor.

    max(|1 − h·a·σ_min²|, |1 − h·σ_max²|) with a = ``slope`` in [0, 1], h = ``step`` of any sign,
    0 ≤ σ_min ≤ σ_max bounds from below and above of the singular values of A (σ_min = 0 if A has
    fewer rows than columns). Without both A has orthonormal columns; without σ_min alone it is 0.
    Arguments broadcast. Guaranteed: an upper bound, rounded outward,
    attained over all biases. Raises DomainError, ShapeError.
    Source: flowcert, claim ``D2.sharp_factor`` [D].

    >>> bound_contractive_factor(0.5, [1.0, 4 / 3, 2.0])[[0, 2]].tolist()
    [0.5, 1.0]
    """
    a, h = domain.slope(slope), domain.signed_step(step)
    low, high = domain.extreme_singular_values(sigma_min, sigma_max)
    domain.together(slope=a, step=h, sigma_min=low, sigma_max=high)
    intervals = (Interval.of(x) for x in (a, h, low, high))
    return upper(formula_contractive_factor(INTERVALS, *intervals))


def bound_authors_contractive_factor(slope: ArrayLike, step: ArrayLike) -> FloatArray:
    """Bound the Lipschitz constant of x − h·AᵀΣ(Ax + b), AᵀA = I, as the authors do.

    √(1 − 2ah + h²) with a = ``slope`` in [0, 1], h = ``step`` ≥ 0; needs orthonormal columns.
    Arguments broadcast. Guaranteed: an upper bound, rounded outward; not attained for 0 < h,
    a < 1. Raises DomainError, ShapeError. Source: paper, contractive layers [P], claim
    ``D1.authors_factor``.

    >>> bound_authors_contractive_factor(0.5, [0.0, 1.0]).tolist()
    [1.0, 1.0]
    """
    a, h = domain.slope(slope), domain.step(step)
    domain.together(slope=a, step=h)
    one = Interval.of(1)
    return upper(formula_monotone_lipschitz_factor(INTERVALS, Interval.of(a), one, Interval.of(h)))


def bound_monotone_lipschitz_factor(
    monotonicity: ArrayLike, lipschitz: ArrayLike, step: ArrayLike
) -> FloatArray:
    """Bound the Lipschitz constant of x + h·f(x) for a strongly monotone −f.

    √(1 − 2hμ + h²L²) where ⟨f(x) − f(y), x − y⟩ ≤ −μ|x − y|², |f(x) − f(y)| ≤ L|x − y|,
    0 ≤ μ = ``monotonicity`` ≤ L = ``lipschitz``, h = ``step`` ≥ 0. Arguments broadcast.
    Guaranteed: an upper bound, rounded outward, attained by a rotation with contraction.
    Raises DomainError, ShapeError. Source: classical; paper, contractive layers [P], claim
    ``D3.monotone_step``.

    >>> bound_monotone_lipschitz_factor(0.5, 1.0, 1.0).tolist()
    1.0
    """
    h = domain.step(step)
    mu, L = domain.singular_values(monotonicity, lipschitz)
    domain.together(monotonicity=mu, lipschitz=L, step=h)
    intervals = (Interval.of(x) for x in (mu, L, h))
    return upper(formula_monotone_lipschitz_factor(INTERVALS, *intervals))


def exact_contractive_factor(
    slope: Number, step: Number, sigma_min: Number = 1, sigma_max: Number = 1
) -> Number:
    """Return the sharp factor max(|1 − h·a·σ_min²|, |1 − h·σ_max²|) as a sympy number.

    Arguments are sympy numbers or symbols, or Python numbers taken at their exact value (a float is
    the fraction that it is). Exact. Raises DomainError for numbers outside the domain of
    ``bound_contractive_factor``. Source: flowcert, claim ``D2.sharp_factor`` [D].

    >>> from fractions import Fraction
    >>> exact_contractive_factor(Fraction(1, 2), Fraction(4, 3))
    1/3
    """
    from ..proof.algebra import SYMBOLIC, exact_number

    a = exact_number("slope", slope, 0, 1)
    h = exact_number("step", step)
    low = exact_number("sigma_min", sigma_min, 0)
    high = exact_number("sigma_max", sigma_max, 0)
    return formula_contractive_factor(SYMBOLIC, a, h, low, high)


def exact_authors_contractive_factor(slope: Number, step: Number) -> Number:
    """Return the authors' factor √(1 − 2ah + h²) as a sympy number.

    Exact; arguments as in ``exact_contractive_factor``, h ≥ 0. Raises DomainError.
    Source: paper, contractive layers [P].

    >>> from fractions import Fraction
    >>> exact_authors_contractive_factor(Fraction(1, 2), Fraction(1, 2))
    sqrt(3)/2
    """
    from ..proof.algebra import SYMBOLIC, exact_number

    a, h = exact_number("slope", slope, 0, 1), exact_number("step", step, 0)
    return formula_monotone_lipschitz_factor(SYMBOLIC, a, 1, h)
