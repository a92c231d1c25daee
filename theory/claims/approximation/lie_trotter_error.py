"""B5: flows that take turns differ from the flow of their sum by h²/2 times a commutator."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import sympy
import z3
from hypothesis.strategies import SearchStrategy

from ...approximation.local_errors import lie_trotter_error
from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness
from ...proof import Proof, ProofStep, cited
from ...proof.algebra import prove_identity
from ...proof.smt import prove_by_smt
from .affine_pieces import Affine, AffinePieces, Bracket, affine_pieces, commutator, planar


class LieTrotterError(Claim[AffinePieces]):
    name = "B5.lie_trotter_error"
    title = "Lie–Trotter errs by h²/2 times commutators and growth"
    statement = (
        r"|\varphi_m^h \circ \dots \circ \varphi_1^h - \varphi_{f_1 + \dots + f_m}^h| \le"
        r" e^{\nu^+h}\,\frac{h^2}{2}\sum_{j=2}^m c_j\,\mathrm{mean}_{[0, h]}e^{\nu_j^+ s}"
        r" \prod_{k > j} e^{\nu_k^+ h},\quad c_j \ge |[f_j, f_1 + \dots + f_{j-1}]|"
    )
    assumptions = (
        Assumption(r"f_i \in C^2", "the pieces"),
        Assumption(r"\nu_i, \nu", "one-sided constants of the pieces and of their sum"),
        Assumption(r"c_j", "on a convex set that holds all stages and the flow of the sum"),
        Assumption(r"h \ge 0", "all of these flows exist until then"),
    )
    source = Source("flowcert", "D")

    def prove(self) -> Proof:
        return Proof((*_prove_defect(), *prove_growth_of_defects(), *_prove_constant()))

    def instances(self) -> SearchStrategy[AffinePieces]:
        return affine_pieces(2, 4)

    def measure(self, instance: AffinePieces) -> Measurement:
        return _against(instance, commutator)

    def witness(self) -> Witness:
        return Witness("e₁, then εx₁e₂ with ε → 0: exactly εh²/2", self.measure(_SLOW_SHEAR))

    def mutants(self) -> Sequence[Mutant]:
        move, shear = _SLOW_SHEAR.fields
        rest = planar(np.zeros((2, 2)).tolist())
        swapped, between = AffinePieces((shear, move), 1.0), AffinePieces((move, rest, shear), 1.0)
        opposite = AffinePieces((_TURN, _FLIP), 0.1)

        def cubic() -> Measurement:
            m = self.measure(AffinePieces((_TURN, _FLIP), 0.01))
            return Measurement(m.computed, m.claimed * 0.01, m.allowance, what="error")

        def neighbours() -> Measurement:
            """The shear must be compared with the motion, though a rest lies between."""
            sizes = [commutator(move, rest).largest(1.0), commutator(rest, shear).largest(1.0)]
            return _measured(between, lie_trotter_error(1.0, 0.0, between.rates, sizes))

        return (
            Mutant(
                "half of the commutator",
                "only DB·A counts: 0 if B is constant",
                lambda: _against(swapped, _only_first),
            ),
            Mutant(
                "sum for difference",
                "DB·A + DA·B in place of the commutator",
                lambda: _against(opposite, _sum),
            ),
            Mutant("order 3", "the local error is of order h³", cubic),
            Mutant("half the constant", "h²/4", lambda: _against(_SLOW_SHEAR, _half)),
            Mutant("neighbours", "only commutators of pieces in a row count", neighbours),
            Mutant(
                "spectral abscissa",
                "ν is the largest real part of an eigenvalue",
                lambda: _against(_TRANSIENT, commutator, lambda f: f.abscissa),
            ),
        )


def _against(
    pieces: AffinePieces, bracket: Bracket, rate: Callable[[Affine], float] = lambda f: f.rate
) -> Measurement:
    before, sizes = pieces.fields[0], []
    for f in pieces.fields[1:]:
        sizes.append(bracket(before, f).largest(pieces.reach))
        before = before + f
    rates = [rate(f) for f in pieces.fields]
    return _measured(pieces, lie_trotter_error(pieces.h, rate(pieces.whole), rates, sizes))


def _measured(pieces: AffinePieces, claimed: float) -> Measurement:
    error = pieces.error([(i, 1.0) for i in range(len(pieces.fields))])
    return Measurement(error, claimed, pieces.allowance, what="error")


def _only_first(A: Affine, B: Affine) -> Affine:
    return Affine(B.A @ A.A, B.A @ A.a)


def _sum(A: Affine, B: Affine) -> Affine:
    return _only_first(A, B) + _only_first(B, A)


def _half(A: Affine, B: Affine) -> Affine:
    C = commutator(A, B)
    return Affine(C.A / 2, C.a / 2)


def _prove_defect() -> tuple[ProofStep, ...]:
    """w = Dφ_B A − A∘φ_B, the defect of two pieces; more of them one by one."""
    DA, DB, P, Q = (_matrix(name) for name in ("DA", "DB", "P", "Q"))
    a, A, B, b, c = (_vector(name) for name in ("a", "A", "B", "b", "c"))
    a2, a3, b3 = _vector("a2"), _vector("a3"), _vector("b3")
    return (
        cited(
            r"$\frac{d}{ds} D\varphi_B^s = DB(\varphi_B^s)\,D\varphi_B^s$", "variational equation"
        ),
        prove_identity(
            r"$w = D\varphi_B A - A(\varphi_B)$ has $w' = DB\,w + (DB\,A - DA\,B)(\varphi_B)$",
            DB * P * a - DA * B,
            DB * (P * a - A) + (DB * A - DA * B),
        ),
        prove_identity(
            r"three pieces: $Q(Pf_1 + f_2) + f_3 - (f_1 + f_2 + f_3) = Q\,d_2 + d_3$ with the"
            r" defects $d_2 = Pf_1 - f_1$, $d_3 = Q(f_1 + f_2) - (f_1 + f_2)$, each where it acts",
            Q * (P * a + b) + c - (a3 + b3 + c),
            Q * (P * a - a2) + (Q * (a2 + b) - (a3 + b3)),
        ),
    )


def prove_growth_of_defects() -> tuple[ProofStep, ...]:
    """v' ≤ νv + d gives v(h) ≤ ∫ e^{ν(h − s)}d(s) ds, for v = |w| and for the error itself."""
    q, dq, inner, push, nu, d, weight = z3.Reals("q dq inner push nu d weight")
    t, rate = sympy.symbols("t nu", real=True)
    v = sympy.Function("v")(t)
    factor = sympy.exp(-rate * t)
    return (
        prove_by_smt(
            r"$w' = DB\,w + C$: $|w|\,|w|' = w^TDB\,w + w^TC \le \nu|w|^2 + d|w|$ gives"
            r" $|w|' \le \nu|w| + d$",
            name="length-grows",
            given=[q > 0, q * dq == inner + push, inner <= nu * q * q, push <= d * q],
            show=dq <= nu * q + d,
        ),
        prove_identity(
            r"$(e^{-\nu t}v)' = e^{-\nu t}(v' - \nu v)$",
            sympy.diff(factor * v, t),
            factor * (sympy.diff(v, t) - rate * v),
        ),
        prove_by_smt(
            r"that is at most $e^{-\nu t}d$",
            name="weighted-length-grows",
            given=[dq <= nu * q + d, weight > 0],
            show=weight * (dq - nu * q) <= weight * d,
        ),
        cited(
            r"where $w = 0$ the upper derivative of $|w|$ is at most $d$; the error of the step,"
            r" $e' = f(\Psi) - f(\varphi) + d$, obeys the same inequality with ν of the sum",
            "comparison theorem; one-sided Lipschitz condition",
        ),
    )


def _prove_constant() -> tuple[ProofStep, ...]:
    s, h, c = sympy.symbols("s h c", positive=True)
    nu = sympy.Symbol("nu", positive=True)
    sigma = sympy.Symbol("sigma", positive=True)
    A, B = sympy.symbols("A B", commutative=False)
    exact = A + B
    made = sum(
        B**j * A**k / (sympy.factorial(j) * sympy.factorial(k)) * h ** (j + k)
        for j in range(3)
        for k in range(3 - j)
    )
    return (
        prove_identity(
            r"$\int_0^s e^{\nu(s - \sigma)}d\sigma = s\,\frac{e^{\nu s} - 1}{\nu s}$, the mean of"
            r" $e^{\nu\sigma}$ times $s$; it increases with $s$ and with ν",
            sympy.integrate(sympy.exp(nu * (s - sigma)), (sigma, 0, s)),
            s * (sympy.exp(nu * s) - 1) / (nu * s),
        ),
        prove_identity(
            r"$\int_0^h cs\,ds = c\,h^2/2$", sympy.integrate(c * s, (s, 0, h)), c * h**2 / 2
        ),
        prove_identity(
            r"$\tfrac12$ is exact: $e^{hB}e^{hA} - e^{h(A + B)} = \tfrac12h^2(BA - AB) + O(h^3)$",
            sympy.expand(made - 1 - h * exact - h**2 * exact**2 / 2),
            sympy.expand(h**2 * (B * A - A * B) / 2),
        ),
    )


def _matrix(name: str) -> sympy.Matrix:
    return sympy.Matrix(2, 2, sympy.symbols(f"{name}_1:5"))


def _vector(name: str) -> sympy.Matrix:
    return sympy.Matrix(sympy.symbols(f"{name}_1:3"))


_SLOW_SHEAR = AffinePieces((planar([[0, 0], [0, 0]], [1.0, 0.0]), planar([[0, 0], [1e-7, 0]])), 1.0)
# Their squares are −1 and 1, and they anticommute.
_TURN, _FLIP = planar([[0, -1], [1, 0]]), planar([[1, 0], [0, -1]])
# Eigenvalues −1, yet what is pushed along e₂ first grows: B⁻¹e₂, then Bx, far from normal.
_TRANSIENT = AffinePieces(
    (planar([[0, 0], [0, 0]], [-20.0, -1.0]), planar([[-1, 20], [0, -1]])), 0.5
)
