"""The exact reason why a Runge–Kutta step beyond its contractivity limit expands."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ...errors import DomainError
from .contractivity import contractivity_form
from .definiteness import negative_direction
from .ordered_field import ordered_field
from .reduction import Reduction, reduction

if TYPE_CHECKING:
    from .tableau import Tableau


@dataclass(frozen=True)
class ContractivityWitness:
    r"""Exact data of a step that expands: ``growth`` > 0 with the vectors ``direction``, ``push``.

    Take orthonormal v, u₁, …, u_s, any small η > 0, the step h and κ of ``step_ratio`` h/κ, and

        kⱼ = wⱼv + ηuⱼ,    x₀ = Σⱼ uⱼ(κ|kⱼ|² + pⱼ² + hΣᵢ aⱼᵢ⟨kᵢ, kⱼ⟩)/η,

    w = ``direction``, p = ``push``. The fields f_j with f_j(0) = 0 and f_j(ΔXⱼ) = −kⱼ at the stages
    ΔXⱼ = x₀ − hΣ aⱼᵢkᵢ satisfy ⟨Δf_j, Δx⟩ = −κ|Δf_j|² − pⱼ² on these two points, and one step
    from x₀ gives

        |x₁|² − |x₀|² = −h²Σ(M + (2κ/h)B)ᵢⱼ⟨kᵢ, kⱼ⟩ − 2hΣ bⱼpⱼ² → h²·growth  (η → 0, κ = 1):
        growth = −wᵀ(M + (2κ/h)B)w − (2κ/h)pᵀBp > 0.

    One of w, p is zero; p is needed only where some bⱼ < 0. Both are rational, in the coordinates
    of ``tableau.algebra()``: of an ordinary tableau, the stages; equal stages have equal values,
    unused ones 0. Source: paper, runge-kutta factors [P]; p and the form for any coordinates [D].
    """

    step_ratio: Any
    direction: tuple[Any, ...]
    push: tuple[Any, ...]
    growth: Any


def contractivity_witness(tableau: Tableau, step_ratio: Any) -> ContractivityWitness | None:
    """Return why steps with h/κ = ``step_ratio`` may expand, None exactly if they never do.

    ``step_ratio`` > 0 is an integer, a Fraction, a float (taken at its exact value) or a rational
    of sympy. None exactly if step_ratio ≤ 2r, r the circle-contractivity radius: the two functions
    confirm each other. Guaranteed: exact. Raises DomainError. Source: paper, runge-kutta factors
    [P].

    >>> from flowcert.numerics import ButcherTableau
    >>> euler = ButcherTableau([[0]], [1], [0])
    >>> contractivity_witness(euler, 2) is None
    True
    >>> contractivity_witness(euler, Fraction(201, 100))
    ContractivityWitness(step_ratio=201/100, direction=(1,), push=(0,), growth=1/201)
    """
    import sympy

    ratio = _positive_rational(step_ratio)
    smaller = reduction(tableau.algebra())
    algebra = smaller.algebra
    scale = ordered_field(algebra.domain).rational(2 / ratio)
    zeros = (sympy.Integer(0),) * tableau.algebra().dimension
    for form, factor in (
        (contractivity_form(algebra) + algebra.gram * scale, 1),
        (algebra.gram, scale),
    ):
        found = _rational_direction(form)
        if found is None:
            continue
        vector = _lifted(smaller, found)
        value = _value(form, found) * factor
        exact = sympy.Rational(ratio.numerator, ratio.denominator)
        pair = (vector, zeros) if factor == 1 else (zeros, vector)
        return ContractivityWitness(exact, *pair, growth=-algebra.domain.to_sympy(value))
    return None


def _positive_rational(value: Any) -> Fraction:
    try:
        of_sympy = getattr(value, "is_Rational", False)
        ratio = Fraction(int(value.p), int(value.q)) if of_sympy else Fraction(value)
    except (TypeError, ValueError, OverflowError):
        ratio = Fraction(0)
    if ratio <= 0:
        raise DomainError(
            came=f"h/κ = {value!r}",
            expected="a positive rational number",
            remedy="Pass an integer, a Fraction or a float; for an irrational h/κ, one beside it.",
        )
    return ratio


def _rational_direction(form: Any) -> list[Any] | None:
    """A vector of rational numbers (in the form's field) where the form is negative, or None."""
    exact = negative_direction(form)
    if exact is None or form.domain.is_QQ:
        return exact
    field = ordered_field(form.domain)
    digits = 8
    while True:
        rounded = [field.rational(_rounded(field.domain.to_sympy(x), digits)) for x in exact]
        if field.sign(_value(form, rounded)) < 0:
            return rounded
        digits *= 2


def _rounded(x: Any, digits: int) -> Fraction:
    return Fraction(str(x.evalf(digits + 10))).limit_denominator(10**digits)


def _value(form: Any, vector: list[Any]) -> Any:
    rows = form.to_list()
    terms = [x * y * rows[i][j] for i, x in enumerate(vector) for j, y in enumerate(vector)]
    return sum(terms, form.domain.zero)


def _lifted(smaller: Reduction, vector: list[Any]) -> tuple[Any, ...]:
    column = smaller.lift * smaller.algebra.vector(vector)
    return tuple(smaller.algebra.domain.to_sympy(x) for x in column.to_list_flat())
