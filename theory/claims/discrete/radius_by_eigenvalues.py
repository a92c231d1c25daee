"""D4: the circle-contractivity radius is an eigenvalue: −1/r = λ_min(M, B), exactly."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import scipy.linalg
import sympy
from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ....numerics import (
    RK4,
    SSP33,
    ButcherTableau,
    Euler,
    ExplicitMidpoint,
    Heun,
    Ralston,
    RungeKutta,
    Tableau,
)
from ....numerics.methods import SSP104, BogackiShampine, ImplicitTrapezoid, Kutta3, ThreeEighths
from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness
from ...proof import Proof, ProofStep, cited
from ...proof.algebra import prove_cases, prove_identity
from .runge_kutta_steps import contractivity_matrices

_RHO = sympy.Symbol("rho")
_ROOT = sympy.sqrt

# Nothing here is taken from the code that computes radii.
RADII: tuple[tuple[RungeKutta, sympy.Expr], ...] = (
    (Euler, sympy.Integer(1)),
    (Heun, sympy.Integer(1)),
    (SSP33, sympy.Integer(1)),
    (RK4, sympy.Integer(1)),
    (Ralston, (_ROOT(21) - 3) / 2),
    (Kutta3, sympy.Rational(1, 2)),
    (ThreeEighths, 2 * _ROOT(3) - 3),
    (BogackiShampine, 2 * _ROOT(6) - 4),
    (SSP104, sympy.Integer(6)),
    (ImplicitTrapezoid, sympy.Integer(2)),
)


class RadiusByEigenvalues(Claim[ButcherTableau]):
    name = "D4.radius_by_eigenvalues"
    title = "The radius is an eigenvalue: 1 for RK4, 2√3 − 3 for the 3/8 rule"
    statement = (
        r"-\tfrac1r = \min\{\rho : \det(M - \rho B) = 0\};\quad r = 1 \text{ (Euler, Heun,"
        r" SSP33, RK4)},\ \tfrac12 \text{ (Kutta)},\ 2\sqrt3 - 3 \text{ (3/8)},\ 2\sqrt6 - 4"
        r" \text{ (Bogacki–Shampine)}"
    )
    assumptions = (
        Assumption(
            r"b_j > 0",
            "for all stages; none is unused, no two are always equal",
        ),
        Assumption(r"M \not\succeq 0", "else every step is non-expansive, r = ∞"),
    )
    source = Source("paper, Runge–Kutta steps; Dahlquist, Jeltsch 1979", "P")

    def prove(self) -> Proof:
        M, B = _used(RK4.tableau)
        direction = sympy.Matrix([1, -1, 1, -1])
        return Proof(
            (
                cited(
                    r"$M \succeq \rho B$ exactly for $\rho \le \lambda_{\min}(B^{-1/2}MB^{-1/2})$,"
                    r" whose eigenvalues are the roots of $\det(M - \rho B)$",
                    "spectral theorem",
                ),
                prove_identity(
                    r"RK4: $\det(M - \rho B) = \rho(\rho + 1)(4\rho^2 - 1)/1296$:"
                    " the smallest root is $-1$",
                    (M - _RHO * B).det(),
                    _rk4_determinant(),
                ),
                prove_identity(
                    "RK4: $Mw = -Bw$ for $w = (1, -1, 1, -1)$",
                    M * direction,
                    -B * direction,
                ),
                prove_cases(
                    "the smallest real root is $-1/r$ for each method, $r$ as stated",
                    RADII,
                    lambda case: sympy.simplify(_smallest_root(case[0].tableau) * case[1] + 1) == 0,
                ),
                prove_cases(
                    "the code returns these radii",
                    RADII,
                    lambda case: (
                        sympy.simplify(case[0].tableau.circle_contractivity_radius() - case[1]) == 0
                    ),
                ),
                prove_cases(
                    "the explicit midpoint rule has none: $m_{11} = b_1 = 0$, $m_{12} \\ne 0$",
                    [ExplicitMidpoint],
                    _has_none,
                ),
            )
        )

    def instances(self) -> SearchStrategy[ButcherTableau]:
        return _tableaux()

    def measure(self, instance: ButcherTableau) -> Measurement:
        return _against(instance, float(instance.circle_contractivity_radius()))

    def witness(self) -> Witness:
        return Witness("RK4: the smallest eigenvalue is −1", _against(RK4.tableau, 1.0))

    def mutants(self) -> Sequence[Mutant]:
        whole = BogackiShampine.tableau
        return (
            Mutant(
                "fourth order means 1",
                "r = 1 for the 3/8 rule",
                lambda: _against(ThreeEighths.tableau, 1.0),
            ),
            Mutant(
                "without the square",
                "M = BA + AᵀB without bbᵀ would make RK4 contractive for every h",
                lambda: _determinant_is(RK4.tableau, _rk4_determinant(), square=0),
            ),
            Mutant(
                "unused stages kept",
                "det(M − ρB) of Bogacki–Shampine with its last stage is not zero at some ρ",
                lambda: prove_cases(
                    "$\\det(M - \\rho B) \\ne 0$",
                    [whole],
                    lambda tableau: _determinant(*_matrices(tableau)) != 0,
                ),
            ),
        )


def _has_none(method: RungeKutta) -> bool:
    M, B = _matrices(method.tableau)
    return bool(B[0, 0] == 0 and M[0, 0] == 0 and M[0, 1] != 0)


@st.composite
def _tableaux(draw: st.DrawFn) -> ButcherTableau:
    """Explicit tableaux of one to three stages with positive rational weights."""
    s = draw(st.integers(1, 3))
    part = st.integers(-8, 8).map(lambda n: Fraction(n, 8))
    A = [[draw(part) for _ in range(i)] + [Fraction(0)] * (s - i) for i in range(s)]
    parts = [draw(st.integers(1, 9)) for _ in range(s)]
    b = [Fraction(p, sum(parts)) for p in parts]
    tableau = ButcherTableau(A, b, [sum(row, Fraction(0)) for row in A])
    # Two stages that are always equal count as one: the form of the irreducible method decides.
    assume(tableau.reduced().stages == s)
    return tableau


def _against(tableau: Tableau, r: float) -> Measurement:
    """1/r by scipy's generalised eigenvalues in float64, against the claimed one."""
    A, b = tableau.float64().A, tableau.float64().b
    M = b[:, None] * A + (b[:, None] * A).T - np.outer(b, b)
    smallest = float(scipy.linalg.eigh(M, np.diag(b), eigvals_only=True)[0])
    return Measurement(-smallest, 1 / r, 1e-9 * (1 + abs(smallest)), "=", "1/r")


def _matrices(tableau: Tableau) -> tuple[sympy.Matrix, sympy.Matrix]:
    M, B = contractivity_matrices(tableau)
    return sympy.Matrix(M), sympy.Matrix(B)


def _used(tableau: Tableau) -> tuple[sympy.Matrix, sympy.Matrix]:
    """M and B without the rows and columns that are zero in both: the unused stages."""
    M, B = _matrices(tableau)
    kept = [i for i in range(M.rows) if any(M.row(i)) or B[i, i] != 0]
    return M.extract(kept, kept), B.extract(kept, kept)


def _determinant(M: sympy.Matrix, B: sympy.Matrix) -> sympy.Expr:
    return sympy.expand((M - _RHO * B).det(method="berkowitz"))


def _rk4_determinant() -> sympy.Expr:
    return _RHO * (_RHO + 1) * (4 * _RHO**2 - 1) / 1296


def _determinant_is(tableau: Tableau, expected: sympy.Expr, square: int) -> ProofStep:
    """det(BA + AᵀB − square·bbᵀ − ρB) against the expected polynomial."""
    b = sympy.Matrix(tableau.algebra().b.to_Matrix()).T
    M, B = _matrices(tableau)
    return prove_identity("determinant", _determinant(M + (1 - square) * b * b.T, B), expected)


def _smallest_root(tableau: Tableau) -> sympy.Expr:
    """The smallest root of det(M − ρB) = det(B)·det(B⁻¹M − ρI)."""
    M, B = _used(tableau)
    roots = sympy.real_roots((B.inv() * M).charpoly(_RHO))
    return min(roots, key=lambda root: root.evalf(30))
