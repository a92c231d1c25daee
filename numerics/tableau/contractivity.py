"""How a Runge–Kutta method contracts: algebraic stability and the circle-contractivity radius.

Two solutions of ẏ = f(t, y) under one step differ by Δy⁺ = Δy + hΣ bⱼkⱼ, kⱼ = f(Yⱼ) − f(Ỹⱼ), and

    |Δy⁺|² = |Δy|² + 2hΣ bⱼ⟨kⱼ, ΔYⱼ⟩ − h²Σ mᵢⱼ⟨kᵢ, kⱼ⟩,    M = BA + AᵀB − bbᵀ,  B = diag(b).

If ⟨Δf, Δy⟩ ≤ −κ|Δf|² and b ≥ 0 this is at most |Δy|² − h²Σ(M + (2κ/h)B)ᵢⱼ⟨kᵢ, kⱼ⟩: the step is
non-expansive if M + (2κ/h)B ⪰ 0, for all h if M ⪰ 0, else for h ≤ 2κr with r the radius below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .definiteness import is_positive_definite, negative_direction
from .real_roots import smallest_positive_root
from .reduction import reduction
from .stage_algebra import StageAlgebra

if TYPE_CHECKING:
    from .tableau import Tableau


def contractivity_form(algebra: StageAlgebra) -> Any:
    """Return M(u, v) = b(u·Av) + b(v·Au) − b(u)b(v), an exact symmetric ``DomainMatrix`` (s, s).

    In the coordinates of the stages this is M = BA + AᵀB − bbᵀ. Source: Burrage and Butcher
    (1979); Crouzeix (1979) [D].

    >>> from flowcert.numerics import ButcherTableau
    >>> contractivity_form(ButcherTableau([[1]], [1], [1]).algebra()).to_Matrix()  # backward Euler
    Matrix([[1]])
    """
    product = algebra.gram * algebra.A
    return product + product.transpose() - algebra.b.transpose() * algebra.b


def is_algebraically_stable(tableau: Tableau) -> bool:
    """Return whether b ≥ 0 and M = BA + AᵀB − bbᵀ ⪰ 0 once the method is irreducible.

    This is B-stability: |Δy⁺| ≤ |Δy| for every h > 0 and every f with ⟨Δf, Δy⟩ ≤ 0. Guaranteed:
    decided exactly. Source: Burrage and Butcher (1979); Crouzeix (1979); the converse, for
    irreducible methods: Hundsdorfer and Spijker (1981) [D].

    >>> from flowcert.numerics import ButcherTableau
    >>> is_algebraically_stable(ButcherTableau([["1/2"]], [1], ["1/2"]))  # implicit midpoint
    True
    """
    algebra = reduction(tableau.algebra()).algebra
    semidefinite = negative_direction(contractivity_form(algebra)) is None
    return semidefinite and negative_direction(algebra.gram) is None


def circle_contractivity_radius(tableau: Tableau) -> Any:
    """Return r: the step is non-expansive for h ≤ 2κr where ⟨Δf, Δy⟩ ≤ −κ|Δf|².

    r = sup{r : B + rM ⪰ 0}, so that −1/r is the largest ρ with M ⪰ ρB, M = BA + AᵀB − bbᵀ, of
    the irreducible method. For gradients of convex L-smooth potentials κ = 1/L and h ≤ 2r/L.
    Guaranteed: exact. The result is a sympy number: ``oo`` if M ⪰ 0, ``0`` unless all bⱼ > 0, else
    the smallest positive root of det(B + rM): a ``Rational``, a quadratic surd or a (multiple of a)
    ``CRootOf``. Lobatto IIIA and IIIB have 2√((s − 1)(2s − 3)), s = 2 the trapezoid among them.
    Source: Dahlquist and Jeltsch (1979); paper, runge-kutta factors [P]; as a determinant [D].

    >>> from flowcert.numerics import ButcherTableau
    >>> ralston = ButcherTableau([[0, 0], ["2/3", 0]], ["1/4", "3/4"], [0, "2/3"])
    >>> circle_contractivity_radius(ralston)
    -3/2 + sqrt(21)/2
    >>> circle_contractivity_radius(ButcherTableau([[0, 0], ["1/2", 0]], [0, 1], [0, "1/2"]))
    0
    """
    import sympy

    algebra = reduction(tableau.algebra()).algebra
    if not is_positive_definite(algebra.gram):
        # A used stage with b_j = 0 has m_jj = 0 and some m_jk ≠ 0; one with b_j < 0 can be pushed
        # without limit: contractivity_witness has the direction.
        return sympy.Integer(0)
    form = contractivity_form(algebra)
    if negative_direction(form) is None:
        return sympy.oo
    # det(I + rB⁻¹M): the characteristic polynomial of −B⁻¹M with its coefficients reversed.
    pencil = -(algebra.gram.inv() * form)
    return smallest_positive_root(list(pencil.charpoly()), algebra.domain)
