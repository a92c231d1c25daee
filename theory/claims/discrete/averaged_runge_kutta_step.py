"""H2: Runge–Kutta steps within 2r/L are averaged operators, θ = bᵀK⁻¹b."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import sympy
import z3
from hypothesis.strategies import SearchStrategy

from ....numerics import RK4, Euler, GradientField, Heun, RungeKutta, as_system
from ....numerics.methods import BackwardEuler, ImplicitMidpoint, ImplicitTrapezoid, Kutta3
from ...bounds import formula_averaged_step
from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness
from ...contraction import exact_averagedness
from ...contraction.coefficients import rational_coefficients
from ...contraction.exact_forms import is_positive_semidefinite
from ...proof import Proof, cited
from ...proof.algebra import prove_cases, prove_identity
from ...proof.smt import prove_by_smt
from .expanding_steps import limit_form
from .runge_kutta_steps import EXPLICIT, MethodStep, method_steps, prove_difference_identity

_IMPLICIT = (BackwardEuler, ImplicitMidpoint, ImplicitTrapezoid)
_STEPS = tuple(Fraction(n, 16) for n in (1, 3, 7))  # hL, within every limit here


class AveragedRungeKuttaStep(Claim[MethodStep]):
    name = "H2.averaged_runge_kutta_step"
    title = "Runge–Kutta steps on convex smooth potentials are averaged"
    statement = (
        r"K = BA + A^TB + \tfrac{2}{hL}B,\ \theta = b^TK^{-1}b \le 1 \;\Rightarrow\;"
        r" |\Delta^+|^2 + \tfrac{1-\theta}{\theta}|\Delta - \Delta^+|^2 \le |\Delta|^2"
    )
    assumptions = (
        Assumption(r"V \text{ convex, } L\text{-smooth}", "f = −∇V; V = 1ᵀΓ(Ax + b): L = ‖A‖²"),
        Assumption(r"b \ge 0,\ 0 < h \le 2r/L", "the step, r the circle-contractivity radius"),
    )
    source = Source("flowcert", "D")

    def prove(self) -> Proof:
        h, L, z = sympy.symbols("h L z", positive=True)
        theta, step, lips, start, beta, m, p, square = z3.Reals("theta h L start beta m p square")
        return Proof(
            (
                cited(
                    r"$\langle k_i, Y_i\rangle \le -|k_i|^2/L$ at every stage, $f = -\nabla V$",
                    "Baillon and Haddad 1977",
                ),
                *(prove_difference_identity(s) for s in (1, 2, 3)),
                cited(
                    r"$K \succeq bb^T/\theta$ exactly for $\theta \ge b^TK^{-1}b$",
                    "Schur complement",
                ),
                prove_by_smt(
                    r"$K - bb^T/\theta \succeq 0$ on the $k$'s: $m + \frac{2}{hL}\beta \ge"
                    r" \frac{1-\theta}{\theta}|\sum b_ik_i|^2$ and $p \le -\beta/L$ give the"
                    r" inequality of averaged operators, $\Delta - \Delta^+ = -h\sum b_ik_i$",
                    name="averaged",
                    given=[
                        theta > 0,
                        theta <= 1,
                        lips > 0,
                        step > 0,
                        p * lips <= -beta,
                        (m * step * lips + 2 * beta) * theta >= (1 - theta) * square * step * lips,
                    ],
                    show=start + 2 * step * p - step**2 * m + (1 - theta) / theta * step**2 * square
                    <= start,
                ),
                prove_identity(
                    r"Euler: $K = 2/(hL)$, so that $h = 2\theta/L$, as in D3.averaged_step",
                    formula_averaged_step(_scalar_averagedness(0, h * L), L),
                    h,
                ),
                prove_identity(
                    r"implicit midpoint rule: $\theta = hL/(2 + hL)$, backward Euler:"
                    r" $\theta = hL/(2 + 2hL) < \frac12$",
                    sympy.Matrix(
                        [_scalar_averagedness(sympy.Rational(1, 2), z), _scalar_averagedness(1, z)]
                    ),
                    sympy.Matrix([z / (2 + z), z / (2 + 2 * z)]),
                ),
                prove_cases(
                    r"$K - bb^T/\theta \succeq 0$ in fractions, with the computed $\theta$ and with"
                    " nothing smaller, for each shipped method at three steps",
                    [(method, t) for method in (*EXPLICIT, *_IMPLICIT) for t in _STEPS],
                    _is_smallest,
                ),
                prove_cases(
                    "RK4 and Heun are firmly non-expansive (½-averaged) up to their limit"
                    " $h = 2/L$, where Euler is no more than non-expansive",
                    [(RK4, Fraction(1, 2)), (Heun, Fraction(1, 2)), (Euler, Fraction(1))],
                    lambda case: exact_averagedness(case[0].tableau, 2, 1) == case[1],
                ),
            )
        )

    def instances(self) -> SearchStrategy[MethodStep]:
        return method_steps(EXPLICIT).filter(lambda step: step.layer.step > 0)

    def measure(self, instance: MethodStep) -> Measurement:
        layer = instance.layer
        h = 0.999 * layer.step  # σ_max is known up to rounding only
        theta = float(exact_averagedness(instance.method.tableau, h, instance.smoothness))
        before = layer.x - layer.y
        both = np.stack([layer.x, layer.y])
        x, y = instance.method.step(as_system(layer.field), 0.0, both, h)
        weight = (1 - theta) / theta if theta > 1e-6 else 0.0
        change = before - (x - y)
        value = ((x - y) @ (x - y) + weight * (change @ change)) / (before @ before)
        allowance = 100 * (1 + weight) * instance.allowance()
        return Measurement(float(value), 1.0, allowance, what="weighted square")

    def witness(self) -> Witness:
        return Witness("Euler, V = x²/2, θ = ½, h = 1", _on_parabola(Euler, 1.0, 0.5))

    def mutants(self) -> Sequence[Mutant]:
        return (
            Mutant(
                "slightly smaller",
                "0.99·hL/2 for Euler, h = 1",
                lambda: _on_parabola(Euler, 1.0, 0.99 * 0.5),
            ),
            Mutant(
                "backward Euler's for the midpoint rule",
                "θ = hL/(2 + 2hL), h = 2",
                lambda: _on_parabola(
                    ImplicitMidpoint, 2.0, float(exact_averagedness(BackwardEuler.tableau, 2, 1))
                ),
            ),
            Mutant(
                "Euler's limit for Kutta's third-order method",
                "some θ ≤ 1 at h = 2/L, where r = ½",
                lambda: prove_cases(
                    r"$K \succeq bb^T$", [Kutta3], lambda method: _contracts(method, Fraction(2))
                ),
            ),
        )


def _scalar_averagedness(A: sympy.Expr, z: sympy.Expr) -> sympy.Expr:
    """bᵀK⁻¹b of one stage, b = 1."""
    return 1 / (2 * A + 2 / z)


def _contracts(method: RungeKutta, z: Fraction) -> bool:
    """K ⪰ bbᵀ, which is θ ≤ 1."""
    return _with(method, z, Fraction(1))


def _is_smallest(case: tuple[RungeKutta, Fraction]) -> bool:
    """θ works, and 0.999·θ does not."""
    method, z = case
    theta = exact_averagedness(method.tableau, z, 1)
    return _with(method, z, theta) and not _with(method, z, theta * Fraction(999, 1000))


def _with(method: RungeKutta, z: Fraction, theta: Fraction) -> bool:
    """K ⪰ bbᵀ/θ, in fractions."""
    A, b = rational_coefficients(method.tableau)
    Q, stages = limit_form(A, b, z), range(len(b))
    return is_positive_semidefinite(
        [[Q[i][j] + (1 - 1 / theta) * b[i] * b[j] for j in stages] for i in stages]
    )


def _on_parabola(method: RungeKutta, h: float, theta: float) -> Measurement:
    after = method.step(as_system(GradientField([[1.0]])), 0.0, np.array([[2.0], [1.0]]), h)
    factor = float(after[0, 0] - after[1, 0])
    weighted = factor**2 + (1 - theta) / theta * (1 - factor) ** 2
    return Measurement(weighted, 1.0, what="weighted square")
