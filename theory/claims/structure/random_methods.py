"""Runge–Kutta methods of every kind: random explicit and symplectic ones, and known ones."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ....numerics import RK4, ButcherTableau, Heun, RungeKutta
from ....numerics.methods.collocation import GaussLegendre, LobattoIIIC, RadauIIA
from ....numerics.methods.diagonally_implicit import ImplicitMidpoint, ImplicitTrapezoid

_ENTRIES = st.integers(-4, 4).map(lambda k: Fraction(k, 4))


_KNOWN = [
    Heun,
    RK4,
    ImplicitMidpoint,
    ImplicitTrapezoid,
    GaussLegendre(2),
    GaussLegendre(3),
    RadauIIA(2),
    LobattoIIIC(3),
]


def runge_kutta_methods() -> SearchStrategy[RungeKutta]:
    """Methods of every kind: random ones with M = 0 or not, and known ones."""
    return st.one_of(explicit_methods(), symplectic_methods(), st.sampled_from(_KNOWN))


@st.composite
def explicit_methods(draw: st.DrawFn) -> RungeKutta:
    """Explicit methods of 1 to 3 stages with arbitrary coefficients (consistent: Σ bᵢ = 1)."""
    s = draw(st.integers(1, 3))
    A = [[draw(_ENTRIES) if j < i else Fraction(0) for j in range(s)] for i in range(s)]
    return method_of(A, draw(_weights(s)))


@st.composite
def symplectic_methods(draw: st.DrawFn) -> RungeKutta:
    """aᵢⱼ = bⱼ for j < i, aᵢᵢ = bᵢ/2: every diagonally implicit method with M = 0."""
    b = draw(_weights(draw(st.integers(1, 3))))
    A = [
        [weight if j < i else weight / 2 if j == i else Fraction(0) for j, weight in enumerate(b)]
        for i in range(len(b))
    ]
    return method_of(A, b)


def method_of(A: list[list[Fraction]], b: list[Fraction]) -> RungeKutta:
    """The method of these coefficients, named by them, so that a counterexample can be read."""
    rows = "; ".join(" ".join(map(str, row)) for row in A)
    name = f"A = [{rows}], b = [{' '.join(map(str, b))}]"
    return RungeKutta(name, ButcherTableau(A, b, [sum(row) for row in A]), order=1)


@st.composite
def _weights(draw: st.DrawFn, s: int) -> list[Fraction]:
    first = draw(st.lists(_ENTRIES, min_size=s - 1, max_size=s - 1))
    return [*first, 1 - sum(first, Fraction(0))]
