"""D4: beyond 2r/L the step expands on some autonomous convex potential; linear ones hide it."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import sympy
import z3
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ....numerics import RK4, RungeKutta
from ...claim import Assumption, Claim, Measurement, Mutant, NotApplicable, Source
from ...contraction import autonomous_step
from ...contraction.coefficients import rational_coefficients
from ...proof import Proof, ProofStep, cited
from ...proof.algebra import prove_cases, prove_identity
from ...proof.smt import prove_by_smt
from .expanding_steps import construction, expanding_data, limit_form
from .runge_kutta_steps import EXPLICIT, prove_difference_identity, radius_of

Case = tuple[RungeKutta, float]
_MEASURABLE = 1e-9  # growth beyond 1


class FailingBeyondTheLimit(Claim[Case]):
    name = "D4.failing_beyond_the_limit"
    title = "Beyond 2r/L Runge–Kutta steps expand on some convex smooth potential"
    statement = (
        r"h > \frac{2r}{L} \;\Rightarrow\; \exists V \text{ convex, } L\text{-smooth},\ x, y:\quad"
        r" |\Psi_h(x) - \Psi_h(y)| > |x - y|"
    )
    assumptions = (
        Assumption(r"b_j > 0,\ r < \infty", "an irreducible method with a finite radius"),
        Assumption(r"h > 2r/L", "the step, as little beyond the limit as you please"),
    )
    source = Source("paper, Runge–Kutta steps; autonomous potentials: flowcert", "D")

    def prove(self) -> Proof:
        q, trace, squared = z3.Reals("q trace eta_squared")
        return Proof(
            (
                cited(
                    r"$M - \rho B$ is indefinite for $\rho > -1/r$: some $\omega$ has"
                    r" $\omega^TQ\omega < 0$, $Q = M + \frac{2}{hL}B$",
                    "claim D4.radius_by_eigenvalues",
                ),
                *(_pairs_are_cocoercive(s) for s in (2, 3)),
                prove_difference_identity(2),
                *(_growth(s) for s in (2, 3)),
                prove_by_smt(
                    r"$-(\omega^TQ\omega + \eta^2\,\mathrm{tr}\,Q) > 0$ for small $\eta$",
                    name="small-eta",
                    given=[q < 0, squared > 0, squared * trace < -q],
                    show=-(q + squared * trace) > 0,
                ),
                prove_cases(
                    "at 1.01 times the limit of each method the pairs are admissible and the"
                    " step expands, in fractions",
                    EXPLICIT,
                    lambda method: _expands(method, Fraction(101, 100)),
                ),
                cited(
                    "values and gradients at finitely many points belong to a convex L-smooth"
                    " potential exactly if"
                    r" $F_i \ge F_j + \langle G_j, x_i - x_j\rangle + |G_i - G_j|^2/(2L)$",
                    "Taylor, Hendrickx and Glineur 2017, theorem 4",
                ),
                prove_cases(
                    "they hold for two runs on one autonomous potential with these differences,"
                    " in fractions (irreducible methods)",
                    EXPLICIT,
                    lambda method: _is_autonomous(method, Fraction(101, 100)),
                ),
                _linear_fields_do_not_see_it(),
            )
        )

    def instances(self) -> SearchStrategy[Case]:
        return st.tuples(st.sampled_from(EXPLICIT), st.floats(1.01, 2.0))

    def measure(self, instance: Case) -> Measurement:
        method, beyond = instance
        return _growing(method, Fraction(beyond))

    def witness(self) -> NotApplicable:
        return NotApplicable(
            "an existence statement; that nothing shorter expands is D4.circle_contractivity"
        )

    def mutants(self) -> Sequence[Mutant]:
        return (
            Mutant(
                "shorter step",
                "already at 0.99 times the limit of RK4",
                lambda: _growing(RK4, Fraction(99, 100)),
            ),
            Mutant(
                "linear fields",
                "RK4 at h = 2.02/L expands on a linear gradient field with a slope in (0, L]",
                lambda: prove_cases(
                    "$|R(-z)| > 1$", [RK4], lambda method: _reaches_one(method, Fraction(202, 100))
                ),
            ),
        )


def _scaled_limit(method: RungeKutta, beyond: Fraction) -> Fraction:
    """beyond·2r, with r rounded down by one float at most."""
    return 2 * Fraction(radius_of(method)) * beyond


def _growing(method: RungeKutta, beyond: Fraction) -> Measurement:
    excess = expanding_data(method.tableau, _scaled_limit(method, beyond)).excess
    return Measurement(-float(excess), -_MEASURABLE, 0.0, what="−(growth² − 1)")


def _expands(method: RungeKutta, beyond: Fraction) -> bool:
    step = expanding_data(method.tableau, _scaled_limit(method, beyond))
    return step.data.is_admissible() and step.excess > 0


def _is_autonomous(method: RungeKutta, beyond: Fraction) -> bool:
    step = autonomous_step(expanding_data(method.tableau, _scaled_limit(method, beyond)).data)
    return step.is_interpolable() and step.is_a_step() and step.factor_squared > 1


def _symbols(s: int) -> tuple[list[list[sympy.Symbol]], list[sympy.Symbol], list[sympy.Symbol]]:
    A = [list(sympy.symbols(f"a{i}_:{s}")) for i in range(s)]
    return A, list(sympy.symbols(f"b:{s}")), list(sympy.symbols(f"omega:{s}"))


def _vectors(s: int) -> tuple[sympy.Matrix, sympy.Matrix, sympy.Matrix, sympy.Matrix]:
    """e, the w_j, the stages u_j (rows) and the result, all symbolic."""
    A, b, omega = _symbols(s)
    z, eta = sympy.symbols("z eta", positive=True)
    e, w = construction(A, b, z, omega, eta)
    start, slopes = sympy.Matrix([e]), sympy.Matrix(w)
    stages = sympy.ones(s, 1) * start - sympy.Matrix(A) * slopes
    return start, slopes, stages, start - sympy.Matrix([b]) * slopes


def _pairs_are_cocoercive(s: int) -> ProofStep:
    _, w, u, _ = _vectors(s)
    z = sympy.Symbol("z", positive=True)
    return prove_identity(
        rf"the constructed pairs satisfy $\langle w_j, u_j\rangle = |w_j|^2/(hL)$ ({s} stages)",
        sympy.Matrix([w.row(j).dot(u.row(j)) for j in range(s)]),
        sympy.Matrix([w.row(j).dot(w.row(j)) / z for j in range(s)]),
    )


def _growth(s: int) -> ProofStep:
    A, b, omega = _symbols(s)
    z, eta = sympy.symbols("z eta", positive=True)
    start, _, _, result = _vectors(s)
    Q, direction = sympy.Matrix(limit_form(A, b, z)), sympy.Matrix(omega)
    return prove_identity(
        r"$|\Delta^+|^2 - |\Delta|^2 = -(\omega^TQ\omega + \eta^2\,\mathrm{tr}\,Q)$"
        f" ({s} stages)",
        result.dot(result) - start.dot(start),
        -(direction.T * Q * direction)[0] - eta**2 * Q.trace(),
    )


def _linear_fields_do_not_see_it() -> ProofStep:
    """RK4's |R(−z)| stays below 1 on (0, 2.785] and is beyond at 2.79."""
    return prove_cases(
        "autonomous linear fields miss it: $|R(-z)| < 1$ on $(0, 2.785]$ for RK4, whose limit is"
        " 2, and $|R(-2.79)| > 1$",
        [(Fraction(2785, 1000), False), (Fraction(279, 100), True)],
        lambda case: _reaches_one(RK4, case[0]) == case[1],
    )


def _reaches_one(method: RungeKutta, longest: Fraction) -> bool:
    """Whether |R(−z)| = 1 for some z in (0, longest], R by det(I − zA + z1bᵀ); explicit methods."""
    z = sympy.Symbol("z")
    rows, weights = rational_coefficients(method.tableau)
    A, b = sympy.Matrix(rows), sympy.Matrix([weights])
    s = A.rows
    R = (sympy.eye(s) + z * A - z * sympy.ones(s, 1) * b).det()
    # z = 0, where R = 1, is divided out.
    touching = sympy.Poly(sympy.cancel((R**2 - 1) / z), z)
    return bool(touching.count_roots(0, sympy.Rational(longest.numerator, longest.denominator)))
