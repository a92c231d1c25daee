"""B5: flows in symmetric turns err by h³ times nested commutators."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import sympy
from hypothesis.strategies import SearchStrategy

from ...approximation.local_errors import strang_error
from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness
from ...proof import Proof, ProofStep, cited
from ...proof.algebra import prove_identity
from .affine_pieces import Affine, AffinePieces, affine_pieces, commutator, planar
from .lie_trotter_error import prove_growth_of_defects

_STAGES = ((0, 0.5), (1, 1.0), (0, 0.5))


class StrangError(Claim[AffinePieces]):
    name = "B5.strang_error"
    title = "Strang's splitting errs by h³/12 and h³/24 times nested commutators and growth"
    statement = (
        r"|\varphi_A^{h/2} \circ \varphi_B^h \circ \varphi_A^{h/2} - \varphi_{A + B}^h| \le"
        r" h^3 e^{\nu^+h}\left(\tfrac1{12} e^{\nu_A^+h/2 + \nu_B^+h} c_B"
        r" + \tfrac1{24} e^{\nu_A^+h/2} c_A\right),"
        r"\quad c_A \ge |[A, [A, B]]|,\ c_B \ge |[B, [A, B]]|"
    )
    assumptions = (
        Assumption(r"A, B \in C^3", "the outer and the inner piece"),
        Assumption(r"\nu_A, \nu_B, \nu", "one-sided constants of A, B and A + B"),
        Assumption(r"c_A, c_B", "on a convex set that holds all stages and the flow of A + B"),
        Assumption(r"h \ge 0", "all of these flows exist until then"),
    )
    source = Source("flowcert", "D")

    def prove(self) -> Proof:
        return Proof(
            (
                *_prove_defect(),
                *_prove_pushing(),
                *prove_growth_of_defects(),
                *_prove_integrals(),
                *_prove_constants(),
            )
        )

    def instances(self) -> SearchStrategy[AffinePieces]:
        return affine_pieces(2, 2)

    def measure(self, instance: AffinePieces) -> Measurement:
        return _against(instance)

    def witness(self) -> Witness:
        outer, inner = self.measure(_OUTER), self.measure(_INNER)
        worst = max(outer, inner, key=lambda m: m.claimed - m.computed)
        return Witness("e₁ and ε(x₁e₂ + x₂e₃), either outside, ε → 0: ε²h³/24, ε²h³/12", worst)

    def mutants(self) -> Sequence[Mutant]:
        def short(power: int) -> Measurement:
            m = self.measure(AffinePieces(_FLIPPED.fields, 0.02))
            return Measurement(m.computed, m.claimed * 0.02**power, m.allowance, what="error")

        return (
            Mutant(
                "constants exchanged",
                "1/24 for the inner, 1/12 for the outer commutator",
                lambda: _against(_INNER, inner=0.5, outer=2.0),
            ),
            Mutant("no inner commutator", "c_B = 0", lambda: _against(_INNER, inner=0.0)),
            Mutant("no outer commutator", "c_A = 0", lambda: _against(_OUTER, outer=0.0)),
            Mutant("half of the outer", "h³/48", lambda: _against(_OUTER, outer=0.5)),
            Mutant("order 4", "the local error is of order h⁴", lambda: short(1)),
            Mutant(
                "spectral abscissa",
                "ν is the largest real part of an eigenvalue",
                lambda: _against(_TRANSIENT, rate=lambda f: f.abscissa),
            ),
            Mutant(
                "Lie–Trotter",
                "one whole step of A before B does as well",
                lambda: _against(_FLIPPED, stages=((0, 1.0), (1, 1.0))),
            ),
        )


def _against(
    pieces: AffinePieces,
    *,
    inner: float = 1.0,
    outer: float = 1.0,
    rate: Callable[[Affine], float] = lambda f: f.rate,
    stages: Sequence[tuple[int, float]] = _STAGES,
) -> Measurement:
    A, B = pieces.fields
    C = commutator(A, B)
    c_A, c_B = (commutator(f, C).largest(pieces.reach) for f in (A, B))
    claimed = strang_error(pieces.h, rate(pieces.whole), rate(A), rate(B), outer * c_A, inner * c_B)
    return Measurement(pieces.error(stages), claimed, pieces.allowance, what="error")


def _prove_defect() -> tuple[ProofStep, ...]:
    """P = Dφ_A^{s/2} at y₂ = φ_B^s(y₁), W = Dφ_B^s at y₁ = φ_A^{s/2}(x)."""
    P, W = (_matrix(name) for name in ("P", "W"))
    A1, A2, B2, B3 = (_vector(name) for name in ("A1", "A2", "B2", "B3"))
    A3 = P * A2  # a flow carries its own field
    s, sigma = sympy.symbols("s sigma", positive=True)
    return (
        cited(r"$D\varphi_A^t A = A(\varphi_A^t)$", "a flow carries its own field"),
        prove_identity(
            r"$\Psi' - (A + B)(\Psi) = \tfrac12P(WA_1 - A_2) + (PB_2 - B_3)$",
            A3 / 2 + P * (B2 + W * A1 / 2) - A3 - B3,
            P * (W * A1 - A2) / 2 + (P * B2 - B3),
        ),
        cited(
            r"with $C = DB\,A - DA\,B$: $WA_1 - A_2 = \int_0^s (\varphi_B^\tau)_* C\,d\tau$ and"
            r" $PB_2 - B_3 = -\int_0^{s/2} (\varphi_A^\tau)_* C\,d\tau$",
            "variation of constants in B5.lie_trotter_error, with A and B exchanged in the second",
        ),
        prove_identity(
            r"first order cancels: $\tfrac12s\,PC(y_2) = \int_0^{s/2} (\varphi_A^{s/2})_*C\,d\tau$",
            sympy.integrate(1, (sigma, 0, s / 2)),
            s / 2,
        ),
    )


def _prove_pushing() -> tuple[ProofStep, ...]:
    """(φ^τ)_* C(z) = N⁻¹C(φ^{−τ}z) with N = Dφ^{−τ}(z), N' = −DB·N."""
    t = sympy.Symbol("tau")
    N = sympy.Matrix(2, 2, [sympy.Function(f"N{k}")(t) for k in range(4)])
    DB, DC, M = (_matrix(name) for name in ("DB", "DC", "M"))
    B, C = _vector("B"), _vector("C")
    return (
        prove_identity(
            r"$(N^{-1})' = -N^{-1}N'N^{-1}$", N.inv().diff(t), -N.inv() * N.diff(t) * N.inv()
        ),
        prove_identity(
            r"with $M = N^{-1}$, $M' = M\,DB$ and $\frac{d}{d\tau} C(\varphi^{-\tau}) = -DC\,B$:"
            r" $\frac{d}{d\tau} (\varphi^\tau)_* C = (\varphi^\tau)_*(DB\,C - DC\,B)$",
            (M * DB) * C + M * (-DC * B),
            M * (DB * C - DC * B),
        ),
    )


def _prove_integrals() -> tuple[ProofStep, ...]:
    s, sigma, tau, h = sympy.symbols("s sigma tau h", positive=True)
    inner = sympy.integrate(sympy.integrate(1, (tau, 0, sigma)), (sigma, 0, s)) / 2
    outer = sympy.integrate(sympy.integrate(1, (tau, sigma, s / 2)), (sigma, 0, s / 2))
    return (
        prove_identity(
            r"$\int_0^h \tfrac12\int_0^s\int_0^\sigma d\tau\,d\sigma\,ds = h^3/12$",
            sympy.integrate(inner, (s, 0, h)),
            h**3 / 12,
        ),
        prove_identity(
            r"$\int_0^h \int_0^{s/2}\int_\sigma^{s/2} d\tau\,d\sigma\,ds = h^3/24$",
            sympy.integrate(outer, (s, 0, h)),
            h**3 / 24,
        ),
        cited(
            r"a push by $\varphi_B^\tau$ stretches by $e^{\nu_B^+s}$ at most,"
            r" $D\varphi_A^{s/2}$ and a push by $\varphi_A^\tau$, $\tau \le s/2$,"
            r" by $e^{\nu_A^+s/2}$",
            "C1.one_sided_growth",
        ),
    )


def _prove_constants() -> tuple[ProofStep, ...]:
    A, B = sympy.symbols("A B", commutative=False)

    def bracket(one: sympy.Expr, other: sympy.Expr) -> sympy.Expr:
        return one * other - other * one

    def factors(X: sympy.Expr, scale: sympy.Expr) -> list[sympy.Expr]:
        return [(scale * X) ** k / sympy.factorial(k) for k in range(4)]

    half = sympy.Rational(1, 2)
    halves, whole = factors(A, half), factors(B, sympy.Integer(1))
    cubic = (
        sum(halves[i] * whole[j] * halves[3 - i - j] for i in range(4) for j in range(4 - i))
        - (A + B) ** 3 / 6
    )
    return (
        prove_identity(
            r"both constants are exact: the terms of third order of"
            r" $e^{hA/2}e^{hB}e^{hA/2} - e^{h(A + B)}$ are"
            r" $-\tfrac1{24}[A, [A, B]] - \tfrac1{12}[B, [A, B]]$",
            sympy.expand(cubic),
            sympy.expand(-bracket(A, bracket(A, B)) / 24 - bracket(B, bracket(A, B)) / 12),
        ),
    )


def _matrix(name: str) -> sympy.Matrix:
    return sympy.Matrix(2, 2, sympy.symbols(f"{name}_1:5"))


def _vector(name: str) -> sympy.Matrix:
    return sympy.Matrix(sympy.symbols(f"{name}_1:3"))


_MOVE = Affine(np.zeros((3, 3)), np.array([1.0, 0.0, 0.0]))
_SHEAR = Affine(3e-5 * np.eye(3, k=-1), np.zeros(3))
_INNER = AffinePieces((_MOVE, _SHEAR), 1.0)
_OUTER = AffinePieces((_SHEAR, _MOVE), 1.0)
_FLIPPED = AffinePieces((planar([[0, -1], [1, 0]]), planar([[1, 0], [0, -1]])), 0.1)
_TRANSIENT = AffinePieces(
    (planar([[0, 0], [0, 0]], [1.0, 0.025]), planar([[-1, 20], [0, -1]])), 0.5
)
